/*
 * Fragments: the later ones take their ports from the first one that passed (RFC 1858).
 *
 * Exits: none; PKT_LOST marks a later fragment whose first is not known.
 */
#pragma once

#include "flow.h"

static __always_inline void fragment_key_of(struct fragment_key *key, __u32 segment, const struct packet *pkt)
{
	key->segment = segment;
	key->saddr = pkt->saddr;
	key->daddr = pkt->daddr;
	key->id = pkt->frag_id;
	key->proto = pkt->proto;
}

/* Finds the ports of a later fragment. */
__noinline int resolve_fragment(struct packet *pkt, __u32 segment)
{
	const struct fragment *first;
	struct fragment_key key;

	if (!pkt)
		return 0;
	fragment_key_of(&key, segment, pkt);
	first = bpf_map_lookup_elem(&fragments, &key);
	/*
	 * The table forgets only what it has no room for, so an entry can be so old that the clock has gone half around: what
	 * seems to be of the future by more than the processors' clocks differ is old.
	 */
	if (!first || ticks_now() - first->tick + CLOCK_SKEW > FRAGMENT_TICKS + CLOCK_SKEW) {
		pkt->flags |= PKT_LOST;
		return 0;
	}
	pkt->sport = first->sport;
	pkt->dport = first->dport;
	pkt->choice = first->choice;
	pkt->flags |= first->flags;
	return 0;
}

/* Remembers a first fragment that passes. */
__noinline int remember_fragment(const struct packet *pkt, __u32 segment, __u32 now)
{
	struct fragment first = { .tick = now };
	struct fragment_key key;

	if (!pkt)
		return 0;
	first.sport = pkt->sport;
	first.dport = pkt->dport;
	first.choice = pkt->choice;
	first.flags = pkt->flags & (PKT_ERROR | PKT_ANSWER | PKT_ICMP);
	fragment_key_of(&key, segment, pkt);
	return bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
}
