/*
 * Deleting the flows that have expired, so that quotas and the table have room again.
 *
 * Exits: none. Packets do not wait for it: an expired flow is as good as none before it is swept.
 */
#pragma once

#include "flow.h"

struct sweep_state {
	__u32 slot;
	__u32 now;
	__u32 visited;
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

static long sweep_flow(void *map, struct flow_key *key, struct flow *flow, struct sweep_state *state)
{
	state->visited++;
	if (state->slot && forget_slot(flow, state->slot)) {
		if (!bpf_map_delete_elem(&flows, key))
			state->deleted++;
		return 0;
	}
	if (has_expired(flow, state->now))
		state->deleted += forget_flow(key, flow);
	return 0;
}

/*
 * A port of a public gateway whose flow is no more. One that was just taken for a packet that is still being judged is
 * written again after the judgement (see settle_port).
 */
static long sweep_port(void *map, struct nat_key *key, struct nat *nat, struct sweep_state *state)
{
	struct packet pkt = {
		.saddr = nat->private,
		.daddr = key->remote,
		.sport = nat->private_port,
		.dport = key->remote_port,
		.proto = key->proto,
	};
	struct flow_key flow_key;
	const struct flow *flow;

	flow_key_of(&flow_key, nat->segment, &pkt);
	flow = bpf_map_lookup_elem(&flows, &flow_key);
	if (!flow || flow->nat_port != key->public_port || flow->nat_addr != key->public.w[3])
		bpf_map_delete_elem(&nats, key);
	return 0;
}
