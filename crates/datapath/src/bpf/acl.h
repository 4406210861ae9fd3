/*
 * Network ACLs: an ordered list for what crosses a subnet's border, each packet in its own direction, without state.
 * A flow keeps the verdict of each direction, as every packet of it has the same addresses and ports.
 *
 * Exits: acl_denies() says yes or no, and which rule.
 */
#pragma once

#include "parse.h"

/* More rules than an ACL can have. */
#define ACL_RULES_MAX 65536

struct acl_walk {
	const struct packet *pkt;
	__u32 first;
	__u32 rule;
	__u32 denied;
};

static long try_rule(__u32 index, struct acl_walk *walk)
{
	const struct packet *pkt = walk->pkt;
	__u32 number = walk->first + index, sport = 0, dport = pkt->choice;
	const struct acl_rule *rule = bpf_map_lookup_elem(&acl_rules, &number);

	if (!rule)
		return 1;
	if (pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP)
		sport = bpf_ntohs(pkt->sport);
	if ((rule->proto != 256 && rule->proto != pkt->proto) || sport < rule->sport_lo || sport > rule->sport_hi ||
	    dport < rule->dport_lo || dport > rule->dport_hi)
		return 0;
	/* ::/0 holds no IPv4 address. The other way round the bits differ. */
	if (!(pkt->flags & PKT_V6) && !addr_is_v4(&rule->src))
		return 0;
	if (!addr_in(&pkt->saddr, &rule->src, rule->src_len) || !addr_in(&pkt->daddr, &rule->dst, rule->dst_len))
		return 0;
	walk->denied = !rule->allow;
	walk->rule = rule->rule;
	return 1;
}

/* Whether ACL number `number` denies the packet in this direction. Without a match it does; `*rule` is 0 then. */
__noinline int acl_denies(const struct packet *pkt, __u32 number, __u32 ingress, __u32 *rule)
{
	struct acl_walk walk = { .denied = 1 };
	const struct acl *acl;
	__u32 count;

	if (!pkt || !rule)
		return 1;
	acl = bpf_map_lookup_elem(&acls, &number);
	if (!acl)
		return 1;
	walk.pkt = pkt;
	walk.first = ingress ? acl->ingress_first : acl->egress_first;
	count = ingress ? acl->ingress_count : acl->egress_count;
	if (count > ACL_RULES_MAX)
		count = ACL_RULES_MAX;
	bpf_loop(count, try_rule, &walk, 0);
	*rule = walk.rule;
	return walk.denied;
}
