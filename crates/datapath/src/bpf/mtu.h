/*
 * Packets that were too big for their way: told to people also where the sender hears nothing, because ICMP is filtered
 * or the packet may be fragmented (RFC 4821, 2).
 *
 * Exits: none.
 */
#pragma once

#include "parse.h"

__noinline int count_too_big(__u32 segment, const struct packet *pkt, __u32 largest, __u32 mtu)
{
	struct mtu_event *event, first = { .packets = 1, .largest = largest, .mtu = mtu };
	struct mtu_key key;

	if (!pkt)
		return 0;
	key.segment = segment;
	key.saddr = pkt->saddr;
	key.daddr = pkt->daddr;
	event = bpf_map_lookup_elem(&mtu_events, &key);
	if (!event) {
		first.last_ns = bpf_ktime_get_ns();
		return bpf_map_update_elem(&mtu_events, &key, &first, BPF_ANY);
	}
	__sync_fetch_and_add(&event->packets, 1);
	event->last_ns = bpf_ktime_get_ns();
	if (event->largest < largest)
		event->largest = largest;
	event->mtu = mtu;
	return 0;
}
