/*
 * Deleting the flows that have expired, and early those that are over where there are many, so that quotas and the table have room again.
 *
 * User space walks the tables and hands over the keys, a few hundred at a time: the kernel may not give the processor to
 * anybody else while a program runs, and a walk over a whole table, even an empty one, takes milliseconds.
 *
 * Exits: none. Packets do not wait for it: an expired flow is as good as none before it is swept.
 */
#pragma once

#include "flow.h"

struct sweep_state {
	__u32 slot;
	__u32 full;
	__u32 now;
	__u32 deleted;
};

/* An interface that has gone: its flows forget it. Returns whether nobody else on this host has this one. */
static __always_inline int forget_slot(struct flow *flow, __u32 slot)
{
	if (flow->slot[0] != slot && flow->slot[1] != slot)
		return 0;
	/* Its usage goes with it, so nothing is given back. */
	if (flow->slot[0] == slot)
		flow->slot[0] = 0;
	if (flow->slot[1] == slot)
		flow->slot[1] = 0;
	return !(flow->slot[0] | flow->slot[1]);
}

/* How long a connection that is over is remembered at least. */
#define SURPLUS_TICKS TICKS(1)

static __always_inline int has_many_over(__u32 slot)
{
	const struct usage *usage = slot ? bpf_map_lookup_elem(&usages, &slot) : 0;
	const struct iface *iface = iface_of(slot);

	return usage && iface && (__s32)usage->over > (__s32)(iface->quota / 2);
}

/*
 * A connection that is over, where an interface has many of them or the table is nearly full. Nothing is deleted sooner, and not by who ends it: other CPUs
 * may be at its packets, and what is deleted becomes another flow at once.
 */
static __always_inline int is_surplus(const struct flow *flow, const struct sweep_state *state)
{
	if (!tcp_is_over(flow) || is_by_gateway(flow) || (__s32)(state->now - flow->seen) <= (__s32)SURPLUS_TICKS)
		return 0;
	return state->full || has_many_over(flow->slot[0]) || has_many_over(flow->slot[1]);
}

static long sweep_flow(__u32 index, struct sweep_state *state)
{
	struct flow_key *key = bpf_map_lookup_elem(&swept_flows, &index);
	struct flow *flow = key ? bpf_map_lookup_elem(&flows, key) : NULL;

	if (!flow)
		return 0;
	if (state->slot && forget_slot(flow, state->slot)) {
		if (!bpf_map_delete_elem(&flows, key))
			state->deleted++;
		return 0;
	}
	if (has_expired(flow, state->now) || is_surplus(flow, state))
		state->deleted += forget_flow(key, flow);
	else
		retire(flow);
	return 0;
}

/*
 * A port of a public gateway whose flow is no more. One that was just taken for a packet that is still being judged is
 * written again after the judgement (see settle_port).
 */
static long sweep_port(__u32 index, struct sweep_state *state)
{
	struct nat_key *key = bpf_map_lookup_elem(&swept_ports, &index);
	const struct nat *nat = key ? bpf_map_lookup_elem(&nats, key) : NULL;
	struct flow_key flow_key;
	const struct flow *flow;
	struct packet pkt = {};

	if (!nat)
		return 0;
	pkt.saddr = nat->private;
	pkt.daddr = key->remote;
	pkt.sport = nat->private_port;
	pkt.dport = key->remote_port;
	pkt.proto = key->proto;
	flow_key_of(&flow_key, nat->segment, &pkt);
	flow = bpf_map_lookup_elem(&flows, &flow_key);
	if (!flow || flow->nat_port != key->public_port || flow->nat_addr != key->public.w[3])
		bpf_map_delete_elem(&nats, key);
	return 0;
}
