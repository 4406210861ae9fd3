/*
 * The flow table: one entry for both directions of a connection.
 *
 * Exits: none; flows are found, made, renewed and forgotten here, and whose quota they use is kept right.
 */
#pragma once

#include <linux/errno.h>

#include "epoch.h"
#include "nat_port.h"
#include "parse.h"

/* Idle times in ticks of 2^20 ns, rounded down; those of established TCP and of UDP are the interface's. */
#define TICKS(seconds) ((__u32)((seconds) * 1000000000ULL >> 20))
#define FRAGMENT_TICKS TICKS(30)
/* How far one processor's clock may be ahead of another's, in ticks. */
#define CLOCK_SKEW 64

static __always_inline struct scratch *own_scratch(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&scratches, &only);
}

static __always_inline __u32 with_offset(__u32 ticks)
{
	__u32 only = 0;
	const struct host_settings *host = bpf_map_lookup_elem(&settings, &only);

	return ticks + (host ? host->clock_offset : 0);
}

static __always_inline __u32 ticks_at(__u64 ns)
{
	return with_offset(ns >> 20);
}

/*
 * The coarse clock moves on with the timer tick, just after jiffies, and those are read without a call, which is dear where
 * the kernel guards returns against speculation. So each CPU asks the clock once a timer tick, if packets come in each: the
 * clock of this tick is known when jiffies have moved by one since it was read last, and it shows something else. If not,
 * it may be about to move, and is asked for every packet.
 */
static __always_inline __u32 ticks_now(void)
{
	struct scratch *scratch = own_scratch();
	__u64 jiffies = bpf_jiffies64(), ns;

	if (!scratch)
		return ticks_at(bpf_ktime_get_coarse_ns());
	if (scratch->jiffies != jiffies) {
		ns = bpf_ktime_get_coarse_ns();
		if (scratch->read_jiffies + 1 == jiffies && scratch->read_ns != ns)
			scratch->jiffies = jiffies;
		scratch->read_jiffies = jiffies;
		scratch->read_ns = ns;
		scratch->ticks = ns >> 20;
	}
	return with_offset(scratch->ticks);
}

/* The entry of a slot; that of slot 0 is all zeros. */
static __always_inline const struct iface *iface_of(__u32 slot)
{
	return bpf_map_lookup_elem(&ifaces, &slot);
}

/* The numbers of judgement of both ends, added up. */
static __always_inline __u32 judgement(const __u32 *slots)
{
	const struct iface *a = iface_of(slots[0]), *b = iface_of(slots[1]);

	return (a ? a->judged : 0) + (b ? b->judged : 0);
}

/* Fills the key of the packet's flow. Returns the end that sent the packet. */
static __always_inline __u32 flow_key_of(struct flow_key *key, __u32 segment, const struct packet *pkt)
{
	int order = addr_compare(&pkt->saddr, &pkt->daddr);
	__u32 end = order ? order > 0 : bpf_ntohs(pkt->sport) > bpf_ntohs(pkt->dport);

	key->segment = segment;
	key->proto = pkt->proto;
	if (end) {
		key->addr[0] = pkt->daddr;
		key->addr[1] = pkt->saddr;
		key->port[0] = pkt->dport;
		key->port[1] = pkt->sport;
	} else {
		key->addr[0] = pkt->saddr;
		key->addr[1] = pkt->daddr;
		key->port[0] = pkt->sport;
		key->port[1] = pkt->dport;
	}
	return end;
}

static __always_inline __u32 opener_of(const struct flow *flow)
{
	return flow->flags & FLOW_OPENER;
}

/* How long a flow is remembered. `keeper`: the interface that opened it, or the one that is here. */
static __always_inline __u32 idle_ticks(const struct flow *flow, const struct iface *keeper)
{
	switch (flow->state) {
	/* 0: no interface of the flow is here, this host is its public gateway. */
	case STATE_ESTABLISHED:
		return keeper->tcp_established ? keeper->tcp_established : TICKS(350);
	case STATE_BOTH_WAYS:
		return keeper->udp_stream ? keeper->udp_stream : TICKS(120);
	case STATE_ANSWERED:
		/* As a stream at a public gateway: RFC 4787, REQ-5. */
		return keeper->udp ? keeper->udp : TICKS(120);
	case STATE_ONE_WAY:
		return keeper->udp ? keeper->udp : TICKS(30);
	case STATE_CLOSING:
		return TICKS(120);
	case STATE_OPENING:
	case STATE_TIME_WAIT:
		return TICKS(60);
	case STATE_CLOSED:
		return TICKS(10);
	case STATE_MESSAGES:
		return TICKS(30);
	}
	return TICKS(600);
}

/* Signed: `seen` may be a tick ahead of another CPU's clock. */
static __always_inline int is_idle(const struct flow *flow, const struct iface *keeper, __u32 now)
{
	return (__s32)(now - flow->seen) > (__s32)idle_ticks(flow, keeper);
}

static __always_inline int has_expired(const struct flow *flow, __u32 now)
{
	__u32 slot = opener_of(flow) ? flow->slot[1] : flow->slot[0];
	const struct iface *keeper;

	if (!slot)
		slot = opener_of(flow) ? flow->slot[0] : flow->slot[1];
	keeper = iface_of(slot);
	return !keeper || is_idle(flow, keeper, now);
}

/* Where an interface's flow counts: among those that are over, or that it has opened, or accepted. */
static __always_inline __u32 *counter_of(struct usage *usage, __u32 opened, __u32 over)
{
	return over ? &usage->over : opened ? &usage->opened : &usage->accepted;
}

/*
 * Takes room for one flow from an interface's quota. Returns 0 if it has some left. Signed: were a counter ever one too low, it
 * would be one flow more, and not none for ever.
 */
static __always_inline int take_quota(__u32 slot, __u32 opened, int limited)
{
	struct usage *usage = bpf_map_lookup_elem(&usages, &slot);
	const struct iface *iface = iface_of(slot);
	__u32 *used, limit;

	if (!slot)
		return 0;
	if (!usage || !iface)
		return -1;
	used = counter_of(usage, opened, 0);
	limit = opened ? iface->quota : 2 * iface->quota;
	if ((__s32)__sync_fetch_and_add(used, 1) < (__s32)limit || !limited)
		return 0;
	__sync_fetch_and_add(used, -1);
	return -1;
}

/* Counts a flow among an interface's that are over. Returns 0 if it had fewer than it may have. */
static __always_inline int count_over(__u32 slot, int limited)
{
	struct usage *usage = slot ? bpf_map_lookup_elem(&usages, &slot) : 0;
	const struct iface *iface = iface_of(slot);

	if (!usage || !iface || (__s32)__sync_fetch_and_add(&usage->over, 1) < (__s32)iface->quota || !limited)
		return 0;
	__sync_fetch_and_add(&usage->over, -1);
	return -1;
}

static __always_inline void give_back(__u32 slot, __u32 opened, __u32 over)
{
	struct usage *usage = slot ? bpf_map_lookup_elem(&usages, &slot) : 0;

	if (usage)
		__sync_fetch_and_add(counter_of(usage, opened, over), -1);
}

/* Sets a flag of a flow that others may be looking at. Returns its flags before. */
static __always_inline __u32 set_flow_flag(const struct flow *flow, __u32 flag)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const __u32 shift = 24;
#else
	const __u32 shift = 0;
#endif
	_Static_assert(__builtin_offsetof(struct flow, flags) == __builtin_offsetof(struct flow, nat_port) + 3, "");

	return __sync_fetch_and_or((__u32 *)&flow->nat_port, flag << shift) >> shift;
}

/*
 * Deletes a flow. Whoever deletes it gives back what it used; a second one finds nothing to delete. From its mark on it can't
 * become one that is over: what it used is known.
 */
static __noinline int forget_flow(const struct flow_key *key, const struct flow *flow)
{
	__u32 slot0 = flow->slot[0], slot1 = flow->slot[1], flags = set_flow_flag(flow, FLOW_GONE);

	if (flow->nat_port)
		give_port_back(key, flow->nat_addr, flow->nat_port, flags & FLOW_OPENER);
	if (bpf_map_delete_elem(&flows, key))
		return 0;
	give_back(slot0, !(flags & FLOW_OPENER), flags & FLOW_OVER);
	give_back(slot1, flags & FLOW_OPENER, flags & FLOW_OVER);
	return 1;
}

/* Whether TCP has closed the connection, and it is only remembered for late segments. */
static __always_inline int tcp_is_over(const struct flow *flow)
{
	return flow->state == STATE_CLOSED || flow->state == STATE_TIME_WAIT;
}

/*
 * Whether it goes by a public gateway: its port there is held as long as the flow is remembered, and what another
 * host remembers of it is in nobody's usage but the sender's here.
 */
static __always_inline int is_by_gateway(const struct flow *flow)
{
	__u32 hops = flow->dir[0].hop | flow->dir[1].hop;

	return flow->nat_port || ((hops & HOP_UPLINK) && (hops & (HOP_OVERLAY | HOP_FROM_OVERLAY)));
}

/*
 * Takes a connection that is over off the quotas: who opens and closes many must not run out of them for the minute that each is
 * remembered. An interface may have as many that are over as it may open; what finds no room there stays where it was until the
 * sweep has made some.
 */
static __always_inline void retire(const struct flow *flow)
{
	__u32 slot0 = flow->slot[0], slot1 = flow->slot[1];

	if (!tcp_is_over(flow) || (flow->flags & (FLOW_OVER | FLOW_GONE)) || is_by_gateway(flow) || count_over(slot0, 1))
		return;
	if (count_over(slot1, 1)) {
		give_back(slot0, 0, 1);
		return;
	}
	/* What somebody else has retired, or deletes, stays as that one counts it. */
	if (set_flow_flag(flow, FLOW_OVER) & (FLOW_OVER | FLOW_GONE)) {
		give_back(slot0, 0, 1);
		give_back(slot1, 0, 1);
		return;
	}
	give_back(slot0, !opener_of(flow), 0);
	give_back(slot1, opener_of(flow), 0);
}

/* Retires the flow of the scratch key, which its packet has ended. */
__noinline int retire_flow(void)
{
	struct scratch *scratch = own_scratch();
	const struct flow *flow;

	if (!scratch)
		return 0;
	scratch->ended = 0;
	flow = bpf_map_lookup_elem(&flows, &scratch->key);
	if (flow)
		retire(flow);
	return 0;
}

/* The end of a packet: nobody looks at its flow any more, and the stacks of functions that call each other add up. */
static __always_inline int finish(int result)
{
	const struct scratch *scratch = own_scratch();

	if (scratch && scratch->ended)
		retire_flow();
	return result;
}

/* Puts a new flow into the table. Returns 0 or a drop reason. */
static __always_inline int insert_flow(struct flow_key *key, const struct flow *flow)
{
	__u32 opener = opener_of(flow);
	long error;

	if (take_quota(flow->slot[0], opener == 0, 1))
		return DROP_FLOW_QUOTA;
	if (take_quota(flow->slot[1], opener == 1, 1)) {
		give_back(flow->slot[0], opener == 0, 0);
		return DROP_FLOW_QUOTA;
	}
	error = bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST);
	if (!error)
		return 0;
	give_back(flow->slot[0], opener == 0, 0);
	give_back(flow->slot[1], opener == 1, 0);
	/* Another CPU has put it there since: this packet was permitted all the same, and the next one finds that entry. */
	return error == -EEXIST ? 0 : DROP_FLOW_TABLE_FULL;
}

/* The state that a flow begins with. */
static __always_inline __u32 first_state(const struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP)
		return STATE_OPENING;
	if (pkt->proto == IPPROTO_UDP)
		return STATE_ONE_WAY;
	return pkt->flags & PKT_ICMP ? STATE_MESSAGES : STATE_OTHER;
}

/* Counts a packet of a flow, and that it was there. */
static __always_inline void count_flow(struct flow *flow, struct flow_dir *dir, __u32 end, struct wire_size size,
				       __u32 now)
{
	dir->packets += size.packets;
	dir->bytes += size.bytes;
	/*
	 * Both directions' CPUs share this line: written only when it changes. What has ended and is off the quotas is not kept
	 * alive: who went on sending in old connections would leave others no room there. A RST may have been ignored.
	 */
	if (flow->seen != now && !((flow->flags & FLOW_OVER) && flow->state == STATE_TIME_WAIT))
		flow->seen = now;
	/* A question, an answer, another question: one state after the other. */
	if (flow->state == STATE_ONE_WAY && end != opener_of(flow))
		flow->state = STATE_ANSWERED;
	else if (flow->state == STATE_ANSWERED && end == opener_of(flow))
		flow->state = STATE_BOTH_WAYS;
}
