/*
 * Who was refused what: one entry for each refused flow and reason, beside the drop counters.
 *
 * Exits: refuse_flow() drops the packet; note_refusal() only notes.
 */
#pragma once

#include "flow.h"

/* Notes what `refused` says. */
static __always_inline void note_refusal(struct scratch *scratch, __u32 rule)
{
	struct refusal *seen = bpf_map_lookup_elem(&refusals, &scratch->refused), *first = &scratch->refusal;
	const struct iface *iface = iface_of(scratch->refused.slot);

	if (seen) {
		__sync_fetch_and_add(&seen->packets, 1);
		seen->last_ns = bpf_ktime_get_ns();
		return;
	}
	first->packets = 1;
	first->first_ns = first->last_ns = bpf_ktime_get_ns();
	first->rule = rule;
	first->version = iface ? iface->version : 0;
	bpf_map_update_elem(&refusals, &scratch->refused, first, BPF_ANY);
}

/* Drops a packet that the policy, a quota or the state of its connection refuses. */
__noinline int refuse_flow(struct __sk_buff *skb, const struct packet *pkt, const struct way *way, __u32 reason)
{
	struct scratch *scratch = own_scratch();

	if (!pkt || !way || !scratch)
		return TC_ACT_SHOT;
	scratch->refused.segment = way->segment;
	scratch->refused.slot = way->blame;
	scratch->refused.saddr = pkt->saddr;
	scratch->refused.daddr = pkt->daddr;
	scratch->refused.dport = bpf_htons(pkt->choice);
	scratch->refused.proto = pkt->proto;
	scratch->refused.reason = reason;
	note_refusal(scratch, way->rule);
	return drop(skb, way->blame, reason);
}
