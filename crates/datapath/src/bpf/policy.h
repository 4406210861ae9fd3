/*
 * Gates: whether the security groups of an interface permit a packet in one direction. The cost does not grow with the
 * number of rules, but with the logarithm of the port ranges of one class and the length of one prefix.
 *
 * Exits: ask_gate() says yes or no, and which rule.
 */
#pragma once

#include "maps.h"
#include "addr.h"

/* Row of the protocols that have none of their own. */
#define PROTO_ANY 256
/* Rows of ICMP in the IP version that it is not of: rules that say ICMP do not mean it (src/policy/class.rs). */
#define PROTO_ICMPV6_IN_V4 257
#define PROTO_ICMP_IN_V6 258
/* Enough halvings for every port of its own range. */
#define SPAN_STEPS 17

static __always_inline __u32 row_proto(const struct ask *ask)
{
	if (ask->proto == 58 && addr_is_v4(&ask->remote))
		return PROTO_ICMPV6_IN_V4;
	if (ask->proto == 1 && !addr_is_v4(&ask->remote))
		return PROTO_ICMP_IN_V6;
	return ask->proto;
}

/* The span of `class` that contains the packet. The spans of a row are sorted and disjoint. */
static __always_inline const struct span *find_span(const struct ask *ask, __u32 class)
{
	struct row_key key = { .class = class, .proto = row_proto(ask) };
	const struct row *row = bpf_map_lookup_elem(&rows, &key);
	__u32 low, high, choice = ask->choice;

	if (!row) {
		key.proto = PROTO_ANY;
		row = bpf_map_lookup_elem(&rows, &key);
		if (!row)
			return 0;
	}
	low = row->first;
	high = low + row->count;
	for (int i = 0; i < SPAN_STEPS && low < high; i++) {
		__u32 middle = low + (high - low) / 2;
		const struct span *span = bpf_map_lookup_elem(&spans, &middle);

		if (!span)
			return 0;
		if (choice < span->lo)
			high = middle;
		else if (choice > span->hi)
			low = middle + 1;
		else
			return span;
	}
	return 0;
}

static __always_inline int permitted_by(struct ask *ask, __u32 class)
{
	const struct span *span = class ? find_span(ask, class) : 0;

	if (!span)
		return 0;
	ask->rule = span->rule;
	ask->flags = span->flags;
	return 1;
}

/* The gate that is asked: the policy's own, or the one for the interface's address that the packet has. */
static __always_inline const struct gate *gate_for(const struct ask *ask)
{
	__u32 number = ask->policy;
	const struct policy *policy = bpf_map_lookup_elem(&policies, &number);
	const struct gate *gate, *local;
	struct local_key key;

	if (!number || !policy)
		return 0;
	gate = ask->ingress ? &policy->ingress : &policy->egress;
	if (!(gate->flags & GATE_LOCALS))
		return gate;
	key.prefixlen = 160;
	key.gate = gate->id;
	key.addr = ask->local;
	local = bpf_map_lookup_elem(&locals, &key);
	return local ? local : gate;
}

/* The class of the rules with networks that match the remote. */
static __always_inline __u32 class_of_network(const struct ask *ask, const struct gate *gate)
{
	struct prefix_key key = { .prefixlen = 160, .gate = gate->id, .addr = ask->remote };
	const struct prefix *prefix = gate->flags & GATE_PREFIXES ? bpf_map_lookup_elem(&prefixes, &key) : 0;

	if (prefix)
		return prefix->class;
	return addr_is_v4(&ask->remote) ? gate->any4_class : gate->any6_class;
}

/* The class of the rules with groups that the remote is a member of. */
static __always_inline __u32 class_of_groups(const struct ask *ask, const struct gate *gate)
{
	struct endpoint_key remote = { .segment = ask->segment, .addr = ask->remote };
	const struct endpoint *endpoint;
	struct identity_key key = { .gate = gate->id };
	const struct prefix *member;

	if (!(gate->flags & GATE_GROUPS))
		return 0;
	endpoint = bpf_map_lookup_elem(&endpoints, &remote);
	if (!endpoint || !endpoint->identity)
		return 0;
	key.identity = endpoint->identity;
	member = bpf_map_lookup_elem(&identities, &key);
	return member ? member->class : 0;
}

/* Whether the gate permits the packet; if so, `rule` and `flags` of `ask` say by which rule. */
__noinline int ask_gate(struct ask *ask)
{
	const struct gate *gate;

	if (!ask)
		return 0;
	ask->rule = 0;
	ask->flags = 0;
	gate = gate_for(ask);
	if (!gate || !gate->id)
		return 0;
	/* Rules with networks come before those with groups. */
	return permitted_by(ask, class_of_network(ask, gate)) || permitted_by(ask, class_of_groups(ask, gate));
}
