/*
 * The policy's part of the path, for packets that no fresh flow carries: network ACLs, gates, the flow itself, and the
 * state of its connection. Order and exceptions: docs/data-plane.md, "Order", "Policy" and "Flows".
 *
 * Exits: judge() returns 0 for a packet that passes, its flow made or renewed; or DROP_ACL_EGRESS_DENIED,
 * DROP_ACL_INGRESS_DENIED, DROP_POLICY_EGRESS_DENIED, DROP_POLICY_INGRESS_DENIED, DROP_TCP_NO_CONNECTION, those of tcp.h,
 * DROP_ICMP_UNRELATED, DROP_ICMP_UNSOLICITED, DROP_FRAGMENT_UNKNOWN, DROP_FLOW_QUOTA, DROP_FLOW_TABLE_FULL.
 */
#pragma once

#include "acl.h"
#include "antispoof.h"
#include "fragment.h"
#include "policy.h"
#include "refusal.h"
#include "related.h"
#include "tcp.h"

/* Counts what the interface's shadow policy says to what its policy was just asked. */
__noinline int ask_shadow(__u32 slot, __u32 shadow, __u32 permitted)
{
	struct scratch *scratch = own_scratch();
	__u32 policy, rule, flags, denied;
	struct shadow_count *count;
	struct shadow_key *key;
	struct ask *ask;

	if (!scratch)
		return 0;
	ask = &scratch->ask;
	key = &scratch->shadow_key;
	policy = ask->policy;
	rule = ask->rule;
	flags = ask->flags;
	ask->policy = shadow;
	denied = !ask_gate(ask);
	ask->policy = policy;
	ask->rule = rule;
	ask->flags = flags;

	key->slot = slot;
	key->egress = !ask->ingress;
	key->denied = denied;
	key->permitted = permitted;
	count = bpf_map_lookup_elem(&shadows, key);
	if (count) {
		count->flows++;
	} else {
		scratch->shadow.flows = 1;
		bpf_map_update_elem(&shadows, key, &scratch->shadow, BPF_ANY);
	}
	if (!denied || !permitted)
		return 0;
	scratch->refused.segment = ask->segment;
	scratch->refused.slot = slot;
	scratch->refused.saddr = ask->ingress ? ask->remote : ask->local;
	scratch->refused.daddr = ask->ingress ? ask->local : ask->remote;
	scratch->refused.dport = bpf_htons(ask->choice);
	scratch->refused.proto = ask->proto;
	scratch->refused.reason = DROP_SHADOW_DENIED;
	note_refusal(scratch, 0);
	return 0;
}

/* Asks one gate of the interface at `slot` what `ask` says, and its shadow. Returns whether it permits the packet. */
static __always_inline int ask_interface(struct scratch *scratch, __u32 slot)
{
	const struct iface *iface = iface_of(slot);
	int permitted;

	if (!iface)
		return 0;
	scratch->ask.policy = iface->policy;
	permitted = ask_gate(&scratch->ask);
	if (iface->shadow)
		ask_shadow(slot, iface->shadow, permitted);
	return permitted;
}

/*
 * Fills the question about a packet for the gate at the sender's (`side` 0) or the receiver's end (1). `reversed`: about
 * one that the other end has opened the flow with. `choice`: what rules read of the packet that is asked about.
 */
static __always_inline void fill_ask(struct ask *ask, const struct packet *pkt, __u32 segment, __u32 side,
				     __u32 reversed, __u32 choice)
{
	ask->local = side ? pkt->daddr : pkt->saddr;
	ask->remote = side ? pkt->saddr : pkt->daddr;
	ask->segment = segment;
	ask->ingress = side ^ reversed;
	ask->proto = pkt->proto;
	ask->choice = choice;
}

/* Whether the interface judges every packet of flows like this one: it says so, and both its gates are open for it. */
static __always_inline int is_open(struct ask *ask, __u32 slot)
{
	const struct iface *iface = iface_of(slot);
	__u32 rule = ask->rule, open;

	if (!iface || !(iface->flags & IFACE_UNTRACKED_OPEN) || !(ask->flags & SPAN_OPEN))
		return 0;
	ask->ingress = !ask->ingress;
	open = ask_gate(ask) && (ask->flags & SPAN_OPEN);
	ask->ingress = !ask->ingress;
	ask->rule = rule;
	return open;
}

static __always_inline void note_rule(struct flow *flow, const struct ask *ask)
{
	if (ask->ingress)
		flow->rule_ingress = ask->rule;
	else
		flow->rule_egress = ask->rule;
}

static __always_inline int blame(struct way *way, __u32 side, __u32 reason)
{
	way->blame = way->slot[side & 1];
	return reason;
}

/* The ACL at one end of the way. */
static __always_inline int cross_border(const struct packet *pkt, struct way *way, __u32 side)
{
	const struct iface *iface = iface_of(side ? way->slot[1] : way->slot[0]);

	if (!(side ? way->enters : way->leaves) || !iface || !iface->acl || !acl_denies(pkt, iface->acl, side, &way->rule))
		return 0;
	return blame(way, side, side ? DROP_ACL_INGRESS_DENIED : DROP_ACL_EGRESS_DENIED);
}

/*
 * ACL and gate at one end, for a packet without a flow. The flow in the making has the sender's end as its opener, also
 * while the gates are asked as if the other had opened it.
 */
__noinline int enter_side(const struct packet *pkt, struct way *way, __u32 side, __u32 reversed)
{
	struct scratch *scratch = own_scratch();
	__u32 slot, at;
	int reason;

	if (!pkt || !way || !scratch)
		return DROP_REWRITE_FAILED;
	slot = side ? way->slot[1] : way->slot[0];
	if (!slot)
		return 0;
	reason = cross_border(pkt, way, side);
	if (reason)
		return reason;
	/* Only TCP is asked about in reverse. */
	fill_ask(&scratch->ask, pkt, way->segment, side, reversed, reversed ? bpf_ntohs(pkt->sport) : pkt->choice);
	if (!ask_interface(scratch, slot))
		return blame(way, side, side ? DROP_POLICY_INGRESS_DENIED : DROP_POLICY_EGRESS_DENIED);
	note_rule(&scratch->flow, &scratch->ask);
	at = opener_of(&scratch->flow) ^ side;
	if (is_open(&scratch->ask, slot))
		scratch->flow.flags |= at ? FLOW_OPEN_1 : FLOW_OPEN_0;
	return 0;
}

/* ACLs and gates at both ends. */
static __always_inline int enter(struct scratch *scratch, const struct packet *pkt, struct way *way, __u32 end,
				 __u32 reversed)
{
	int reason;

	scratch->flow.flags = end ? FLOW_OPENER : 0;
	scratch->flow.rule_egress = 0;
	scratch->flow.rule_ingress = 0;
	reason = enter_side(pkt, way, 0, reversed);
	if (!reason)
		reason = enter_side(pkt, way, 1, reversed);
	if (reversed)
		scratch->flow.flags ^= FLOW_OPENER;
	return reason;
}

/* Writes how packets of one direction go. `from` is 0 meanwhile, so that no other CPU takes a part for the whole. */
static __always_inline void write_way(struct flow *flow, struct flow_dir *dir, const struct way *way)
{
	__u32 stamp = stamp_of(way->cell[0], way->cell[1], flow->slot);

	*(volatile __u32 *)&dir->from = 0;
	dir->to = way->to;
	dir->src_cell = way->cell[0];
	dir->dst_cell = way->cell[1];
	dir->hop = way->hop;
	dir->mtu = way->mtu;
	__builtin_memcpy(dir->mac, way->mac, ETH_ALEN);
	dir->stamp = stamp;
	/* Something has changed since this decision began: it holds for this packet only. */
	if (changes_so_far() == way->changes)
		*(volatile __u32 *)&dir->from = way->from;
}

/* Applies the first segment of a flow. */
__noinline int apply_first(struct __sk_buff *skb, struct flow *flow, const struct packet *pkt, __u32 end, int effect)
{
	if (!flow || !pkt)
		return 0;
	if (end)
		tcp_apply(skb, flow, &flow->dir[1], &flow->dir[0], 1, pkt, effect);
	else
		tcp_apply(skb, flow, &flow->dir[0], &flow->dir[1], 0, pkt, effect);
	return 0;
}

/*
 * A packet without a flow: one of its own, if everybody permits it. `place`: the end that sends, and 2 if an entry of a
 * flow that is over or has expired stands in the place.
 */
__noinline int open_flow(struct __sk_buff *skb, const struct packet *pkt, struct way *way, __u32 place)
{
	struct scratch *scratch = own_scratch();
	__u32 filtering, adopting, begun, now = ticks_now(), end = place & 1;
	const struct iface *src, *dst;
	struct flow *flow;
	int reason;

	if (!pkt || !way || !scratch)
		return DROP_REWRITE_FAILED;
	flow = &scratch->flow;
	src = iface_of(way->slot[0]);
	dst = iface_of(way->slot[1]);
	if (!src || !dst)
		return DROP_REWRITE_FAILED;
	filtering = (src->flags | dst->flags) & IFACE_STATE_FILTERING;
	adopting = (src->flags | dst->flags) & IFACE_ADOPTING;
	begun = pkt->proto == IPPROTO_TCP && !(pkt->flags & PKT_LATER) && tcp_goes_on(pkt);

	__builtin_memset(flow, 0, sizeof(*flow));
	reason = enter(scratch, pkt, way, end, 0);
	if (begun && ((reason == DROP_POLICY_EGRESS_DENIED && (src->flags & IFACE_ADOPTING)) ||
		      (reason == DROP_POLICY_INGRESS_DENIED && (dst->flags & IFACE_ADOPTING)))) {
		/* It may have been opened by the other end before the interface that refuses it moved here. */
		__u32 slot = way->blame;

		if (!enter(scratch, pkt, way, end, 1))
			reason = 0;
		else
			way->blame = slot;
	}
	if (reason)
		return reason;

	way->blame = src->flags & IFACE_STATE_FILTERING ? way->slot[0] : way->slot[1];
	if (pkt->proto == IPPROTO_TCP && !(pkt->flags & PKT_LATER)) {
		int bad = tcp_bad_flags(pkt);

		if (filtering && bad)
			return DROP_TCP_BAD_FLAGS;
		if (!tcp_opens(pkt)) {
			if (filtering && !(adopting && begun))
				return DROP_TCP_NO_CONNECTION;
			flow->flags |= FLOW_LOOSE;
		}
		flow->state = STATE_OPENING;
		if (!bad)
			apply_first(skb, flow, pkt, end,
				     tcp_opens(pkt) ? TCP_BEGIN : pkt->tcp_flags & TH_RST ? TCP_CLOSE : TCP_ADVANCE);
	} else {
		flow->state = first_state(pkt);
	}
	if (pkt->flags & PKT_LATER)
		return DROP_FRAGMENT_UNKNOWN;
	if (pkt->flags & PKT_ANSWER) {
		if (filtering)
			return DROP_ICMP_UNSOLICITED;
		flow->flags |= FLOW_BY_ANSWER;
	}

	flow->nat_addr = way->nat_addr;
	flow->nat_port = way->nat_port;
	flow->slot[0] = end ? way->slot[1] : way->slot[0];
	flow->slot[1] = end ? way->slot[0] : way->slot[1];
	flow->judged = judgement(flow->slot);
	flow->seen = now;
	if (end) {
		write_way(flow, &flow->dir[1], way);
		count_flow(flow, &flow->dir[1], 1, way->size, now);
	} else {
		write_way(flow, &flow->dir[0], way);
		count_flow(flow, &flow->dir[0], 0, way->size, now);
	}
	way->blame = way->slot[0] ? way->slot[0] : way->slot[1];
	if (place & 2) {
		const struct flow *old = bpf_map_lookup_elem(&flows, &scratch->key);

		if (old)
			forget_flow(&scratch->key, old);
	}
	return insert_flow(&scratch->key, flow);
}

/*
 * What rules read of the packet that opened a flow, told by any packet of it: the port of the end that it was for, which
 * is an ICMP message's type and code, or 0. Of an answer that is the identifier: its query, at its own end, tells.
 */
static __always_inline __u32 opening_choice(const struct flow *flow, const struct packet *pkt, __u32 reply)
{
	__u32 query = bpf_ntohs(reply ? pkt->dport : pkt->sport);

	if (!(flow->flags & FLOW_BY_ANSWER))
		return bpf_ntohs(reply ? pkt->sport : pkt->dport);
	return query >> 8 == ICMP_ECHO ? query & 0xff : query + (1 << 8);
}

/*
 * ACL and gate at the sender's (`side` 0) or the receiver's end, for a flow that is known. New rules are noted in the
 * scratch flow: the real one takes them once the whole path lets the packet pass.
 */
__noinline int ask_again(struct flow *flow, const struct packet *pkt, struct way *way, __u32 end, __u32 side)
{
	struct scratch *scratch = own_scratch();
	__u32 at = end ^ side, opener, slot, old_slot, denied;
	int reason;

	if (!flow || !pkt || !way || !scratch)
		return DROP_REWRITE_FAILED;
	opener = opener_of(flow);
	slot = side ? way->slot[1] : way->slot[0];
	old_slot = at ? flow->slot[1] : flow->slot[0];
	denied = opener == at ? DROP_POLICY_EGRESS_DENIED : DROP_POLICY_INGRESS_DENIED;
	if (!slot)
		return 0;
	reason = cross_border(pkt, way, side);
	if (reason)
		return reason;
	if (old_slot != slot || flow->judged != judgement(flow->slot)) {
		fill_ask(&scratch->ask, pkt, way->segment, side, end != opener, opening_choice(flow, pkt, end != opener));
		if (!ask_interface(scratch, slot)) {
			if (old_slot == slot)
				forget_flow(&scratch->key, flow);
			return blame(way, side, denied);
		}
		note_rule(&scratch->flow, &scratch->ask);
	}
	if (flow->flags & (at ? FLOW_OPEN_1 : FLOW_OPEN_0)) {
		fill_ask(&scratch->ask, pkt, way->segment, side, 0, pkt->choice);
		if (!ask_interface(scratch, slot))
			return blame(way, side, side ? DROP_POLICY_INGRESS_DENIED : DROP_POLICY_EGRESS_DENIED);
	}
	return 0;
}

/* Lets another interface take the place at one end: it has moved here, away, or to another device. */
static __always_inline void replace_slot(struct flow *flow, __u32 at, __u32 slot)
{
	__u32 old = at ? flow->slot[1] : flow->slot[0], opened = opener_of(flow) == at, over = flow->flags & FLOW_OVER;

	if (old == slot)
		return;
	if (over)
		count_over(slot, 0);
	else
		take_quota(slot, opened, 0);
	if (at)
		flow->slot[1] = slot;
	else
		flow->slot[0] = slot;
	give_back(old, opened, over);
}

/* A packet of a flow that is known, but not fresh. */
__noinline int renew_flow(struct __sk_buff *skb, const struct packet *pkt, struct way *way, struct flow *flow, __u32 end)
{
	struct scratch *scratch = own_scratch();
	const struct iface *src, *dst;
	struct flow_dir *d, *o;
	__u32 now = ticks_now();
	int reason, effect;

	if (!pkt || !way || !flow || !scratch)
		return DROP_REWRITE_FAILED;
	d = end ? &flow->dir[1] : &flow->dir[0];
	o = end ? &flow->dir[0] : &flow->dir[1];
	src = iface_of(way->slot[0]);
	dst = iface_of(way->slot[1]);
	if (!src || !dst)
		return DROP_REWRITE_FAILED;
	scratch->flow.rule_egress = flow->rule_egress;
	scratch->flow.rule_ingress = flow->rule_ingress;
	reason = ask_again(flow, pkt, way, end, 0);
	if (!reason)
		reason = ask_again(flow, pkt, way, end, 1);
	if (reason)
		return reason;
	if (pkt->proto == IPPROTO_TCP && !(pkt->flags & PKT_LATER)) {
		effect = tcp_step(skb, flow, pkt, end);
		if (effect > 0 && ((src->flags | dst->flags) & IFACE_STATE_FILTERING)) {
			way->blame = src->flags & IFACE_STATE_FILTERING ? way->slot[0] : way->slot[1];
			way->seq = o->end;
			way->ack = o->tcp & TCP_ACKED ? o->ack : d->end;
			return effect;
		}
	}
	if (way->hop & HOP_UPLINK)
		renew_translation(pkt, flow, way->nat_addr, way->nat_port);
	/* Sums of epochs may be equal by chance: the other direction must not go on with what it knew of another interface. */
	if ((end ? flow->slot[1] : flow->slot[0]) != way->slot[0] || (end ? flow->slot[0] : flow->slot[1]) != way->slot[1])
		o->from = 0;
	replace_slot(flow, end, way->slot[0]);
	replace_slot(flow, !end, way->slot[1]);
	flow->rule_egress = scratch->flow.rule_egress;
	flow->rule_ingress = scratch->flow.rule_ingress;
	flow->judged = judgement(flow->slot);
	write_way(flow, d, way);
	count_flow(flow, d, end, way->size, now);
	return 0;
}

/*
 * Whether the sender of an ICMP error can know what became of a packet to this address. Another's host has asked it there, and
 * is_from_public() has of what comes from the public network.
 */
__noinline int may_report(const struct way *way, const struct addr *addr)
{
	const struct port *port;
	struct ifindex_key key;
	__u16 cell;

	if (!way || !addr)
		return 0;
	key.ifindex = way->from;
	port = way->slot[0] ? bpf_map_lookup_elem(&ports, &key) : 0;
	return !way->slot[0] || (port && !check_source_ip(port, way->from, addr, &cell));
}

/* Lets a packet pass and keeps its flow, or refuses it. */
__noinline int judge(struct __sk_buff *skb, const struct packet *pkt, struct way *way)
{
	struct scratch *scratch = own_scratch();
	struct flow *flow;
	__u32 place;
	int reason;

	if (!pkt || !way || !scratch)
		return DROP_REWRITE_FAILED;
	if (pkt->flags & PKT_ERROR) {
		const struct iface *src = iface_of(way->slot[0]), *dst = iface_of(way->slot[1]);

		reason = cross_border(pkt, way, 0);
		if (!reason)
			reason = cross_border(pkt, way, 1);
		if (reason || !src || !dst)
			return reason;
		if (is_related(skb, pkt, way->segment, (src->flags | dst->flags) & IFACE_STATE_FILTERING) &&
		    may_report(way, &scratch->quote.daddr))
			return 0;
		return blame(way, !way->slot[0], DROP_ICMP_UNRELATED);
	}
	if (pkt->flags & PKT_NEW) {
		/* Not looked for twice: if another CPU has made one since, this one is not inserted. */
		place = !!(pkt->flags & PKT_UPPER);
		flow = 0;
	} else {
		place = flow_key_of(&scratch->key, way->segment, pkt);
		flow = bpf_map_lookup_elem(&flows, &scratch->key);
	}
	/* A connection that is over makes room for a new one (rule 3). */
	if (flow && (has_expired(flow, ticks_now()) || (begins_connection(pkt) && tcp_is_over(flow)))) {
		place |= 2;
		flow = 0;
	}
	if (flow && begins_in_loose(flow, pkt)) {
		reason = enter(scratch, pkt, way, place, 0);
		if (reason)
			return reason;
	}
	reason = flow ? renew_flow(skb, pkt, way, flow, place) : open_flow(skb, pkt, way, place);
	if (!reason && (pkt->flags & PKT_FIRST))
		remember_fragment(pkt, way->segment, ticks_now());
	return reason;
}
