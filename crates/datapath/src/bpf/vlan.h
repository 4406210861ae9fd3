/*
 * Whose a frame is that comes out of a card which other ports use VLANs of (IEEE 802.1Q).
 *
 * Exits: DROP_VLAN_NOT_ALLOWED, DROP_VLAN_TAGGED (a second tag), DROP_TRUNCATED, DROP_REWRITE_FAILED.
 *
 * A frame without a tag is that of the card's own port, one with a tag that of the port that uses the VLAN. The tag is taken
 * off here and put on again in deliver_tagged(): nothing between the two knows of it. Tags of other kinds are left for
 * parse_ethernet() to refuse.
 */
#pragma once

#include "epoch.h"
#include "parse.h"

#define TAG_OFF (2 * ETH_ALEN)

/* The VLAN that the number of a port says. */
static __always_inline __u16 vlan_of(__u32 number)
{
	return number >> 16 & 0xfff;
}

/* Takes the tag off, and notes whose frame it is. Returns 0 or a drop reason. */
__noinline int untag(struct __sk_buff *skb)
{
	struct vlan_key key = { .ifindex = skb->ifindex };
	const struct vlan *vlan;
	__be16 type, tag[2];

	/* The tag stands in skb metadata when the device or the kernel has taken it out of the frame: always, but in tests. */
	if (skb->vlan_present) {
		if (skb->vlan_proto != bpf_htons(ETH_P_8021Q))
			return 0;
		key.vlan = skb->vlan_tci & 0xfff;
		if (bpf_skb_load_bytes(skb, TAG_OFF, &type, sizeof(type)))
			return DROP_TRUNCATED;
	} else {
		if (bpf_skb_load_bytes(skb, TAG_OFF, &type, sizeof(type)) || type != bpf_htons(ETH_P_8021Q))
			return 0;
		if (bpf_skb_load_bytes(skb, ETH_HLEN, tag, sizeof(tag)))
			return DROP_TRUNCATED;
		key.vlan = bpf_ntohs(tag[0]) & 0xfff;
		type = tag[1];
	}
	vlan = bpf_map_lookup_elem(&vlans, &key);
	if (!vlan)
		return DROP_VLAN_NOT_ALLOWED;
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD))
		return DROP_VLAN_TAGGED;
	set_origin(skb, vlan->port);
	return bpf_skb_vlan_pop(skb) ? DROP_REWRITE_FAILED : 0;
}
