/*
 * Counting: traffic per slot, drops per slot and reason.
 *
 * Exits: drop() ends the packet; it is the only place that returns TC_ACT_SHOT.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "drop_reason.h"
#include "maps.h"

static __always_inline void count_tx(__u32 slot, struct wire_size size)
{
	struct traffic *traffic = bpf_map_lookup_elem(&counters, &slot);

	if (traffic) {
		traffic->tx_packets += size.packets;
		traffic->tx_bytes += size.bytes;
	}
}

static __always_inline void count_rx(__u32 slot, struct wire_size size)
{
	struct traffic *traffic = bpf_map_lookup_elem(&counters, &slot);

	if (traffic) {
		traffic->rx_packets += size.packets;
		traffic->rx_bytes += size.bytes;
	}
}

/* Counts the packet under its reason and drops it. Not inlined, to keep the established path short. */
static __noinline int drop(struct __sk_buff *skb, __u32 slot, __u32 reason)
{
	struct drop_key key = { .slot = slot, .reason = reason };
	struct drop_count *count = bpf_map_lookup_elem(&drops, &key);

	if (!count) {
		struct drop_count zero = {};

		/* Another CPU may insert first; then this fails and the second lookup finds its entry. */
		bpf_map_update_elem(&drops, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&drops, &key);
	}
	if (!count) {
		__u32 only = 0;

		count = bpf_map_lookup_elem(&lost, &only);
	}
	if (count) {
		count->packets += skb->gso_segs ? skb->gso_segs : 1;
		count->bytes += skb->len;
	}
	return TC_ACT_SHOT;
}
