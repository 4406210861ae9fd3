/*
 * To and from other hosts, through the one collect-metadata VXLAN device.
 *
 * Exits: redirect to the VXLAN device, or to a guest's device; DROP_NO_ROUTE (no overlay device), DROP_REWRITE_FAILED,
 * DROP_UNKNOWN_SEGMENT, DROP_WRONG_HOST, DROP_NOT_HERE, DROP_WRONG_DST_MAC. Before this stage the program also drops
 * for DROP_MULTICAST, DROP_ARP_NOT_FORWARDED and the parser's reasons.
 *
 * The inner frame between hosts:
 *  - source MAC: always the sending interface's own. It is the sender's identity, and the receiving host accepts it
 *    only from the host that `locations` names for it.
 *  - destination MAC: the endpoint's own when the packet is switched. Three reserved addresses say something else:
 *    ROUTED (the last host writes the gateway's and the endpoint's addresses into the frame), and FORWARDED_SWITCHED
 *    and FORWARDED_ROUTED for a packet that the old host of a moved interface has sent on.
 *
 * The rule of moves: a host that an interface has just left (ENDPOINT_MOVED) sends late packets on to the new host,
 * after the usual check of the sender. The new host takes a FORWARDED frame only for an endpoint that is INCOMING, and
 * only from that endpoint's old host (`alt_vtep`); it cannot check the sender, because the frame does not come from the
 * sender's host, and trusts the old host to have done it, for that endpoint and as long as the flag stands.
 * No loop is possible, whatever the tables say: a FORWARDED frame is delivered or dropped, never sent on again.
 * Guests cannot use the reserved addresses: `forward` accepts no other destination than the gateway's and the endpoint's.
 */
#pragma once

#include "deliver.h"

#define OVERLAY_TTL 64

enum overlay_hop {
	HOP_SWITCHED,
	HOP_ROUTED,
	HOP_FORWARDED_SWITCHED,
	HOP_FORWARDED_ROUTED,
};

/* 02:50:4e:54:4c:NN, locally administered; the last byte is the overlay_hop. */
static __always_inline void reserved_mac(__u16 *mac, enum overlay_hop hop)
{
	mac[0] = bpf_htons(0x0250);
	mac[1] = bpf_htons(0x4e54);
	mac[2] = bpf_htons(0x4c00 | hop);
}

static __always_inline enum overlay_hop hop_of(const __u16 *mac)
{
	__u32 hop = bpf_ntohs(mac[2]) ^ 0x4c00;

	if (mac[0] != bpf_htons(0x0250) || mac[1] != bpf_htons(0x4e54) || hop > HOP_FORWARDED_ROUTED)
		return HOP_SWITCHED;
	return hop;
}

/* Gives the frame to the VXLAN device with the tunnel's metadata. Returns a program result, or a negative number. */
static __always_inline int to_vtep(struct __sk_buff *skb, __u32 segment, __be32 vtep)
{
	__u32 only = 0;
	const struct host_settings *host = bpf_map_lookup_elem(&settings, &only);
	struct bpf_tunnel_key key = { .tunnel_id = segment, .tunnel_ttl = OVERLAY_TTL };

	if (!host || !host->vxlan_ifindex)
		return -DROP_NO_ROUTE;
	/* The helper wants host byte order. */
	key.remote_ipv4 = bpf_ntohl(vtep);
	key.local_ipv4 = bpf_ntohl(host->local_vtep);
	/* The inner packet carries its own checksums; and an underlay that is too small must say so, not fragment. */
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT))
		return -DROP_REWRITE_FAILED;
	return bpf_redirect(host->vxlan_ifindex, 0);
}

/* The last step on the receiving host: MAC addresses as the guest expects them, counters, redirect. */
static __always_inline int hand_over(struct __sk_buff *skb, const struct packet *pkt, const struct endpoint *endpoint,
				     enum overlay_hop hop, int alternative)
{
	__u32 slot = alternative ? endpoint->alt_slot : endpoint->slot;
	__u32 ifindex = alternative ? endpoint->alt_ifindex : endpoint->ifindex;
	int tap = endpoint->flags & (alternative ? ENDPOINT_ALT_TAP : ENDPOINT_LOCAL_TAP);
	int routed = hop == HOP_ROUTED || hop == HOP_FORWARDED_ROUTED;
	struct wire_size size;

	measure(skb, pkt, &size);
	if (hop != HOP_SWITCHED &&
	    write_macs(skb, endpoint->mac, routed ? (const void *)endpoint->gw_mac : (const void *)pkt->src))
		return drop(skb, slot, DROP_REWRITE_FAILED);
	count_rx(slot, size);
	return deliver(skb, ifindex, tap);
}

/* Sends a late packet for a moved interface on to its new host. */
static __always_inline int send_on(struct __sk_buff *skb, __u32 segment, __be32 vtep, enum overlay_hop hop)
{
	__u16 mac[3];
	int result;

	reserved_mac(mac, hop == HOP_ROUTED ? HOP_FORWARDED_ROUTED : HOP_FORWARDED_SWITCHED);
	if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return drop(skb, 0, DROP_REWRITE_FAILED);
	result = to_vtep(skb, segment, vtep);
	return result < 0 ? drop(skb, 0, -result) : result;
}

/* Whether `remote` is a host that may speak for the frame's source MAC in this segment. */
static __always_inline int speaks_for(__u32 segment, const __u16 *mac, __be32 remote)
{
	struct location_key key = { .segment = segment };
	const struct location *location;

	__builtin_memcpy(key.mac, mac, ETH_ALEN);
	location = bpf_map_lookup_elem(&locations, &key);
	return location && location->vtep && (location->vtep == remote || location->alt_vtep == remote);
}

static __always_inline int receive(struct __sk_buff *skb, const struct packet *pkt, __u32 segment, __be32 remote)
{
	struct endpoint_key key = { .segment = segment, .addr = pkt->daddr };
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &key);
	enum overlay_hop hop = hop_of(pkt->dst);
	int forwarded = hop == HOP_FORWARDED_SWITCHED || hop == HOP_FORWARDED_ROUTED;

	if (!forwarded && !speaks_for(segment, pkt->src, remote))
		return drop(skb, 0, DROP_WRONG_HOST);
	if (!endpoint)
		return drop(skb, 0, DROP_UNKNOWN_SEGMENT);
	if (forwarded && (!(endpoint->flags & ENDPOINT_INCOMING) || endpoint->alt_vtep != remote))
		return drop(skb, endpoint->slot, DROP_WRONG_HOST);
	if (hop == HOP_SWITCHED && !mac_equal(pkt->dst, endpoint->mac))
		return drop(skb, endpoint->slot, DROP_WRONG_DST_MAC);
	if (endpoint->ifindex)
		return hand_over(skb, pkt, endpoint, hop, 0);
	if (endpoint->flags & ENDPOINT_MOVED) {
		/* The device that was left may still answer what it got, but gets nothing more. */
		if (endpoint->vtep && endpoint->vtep != remote && !forwarded)
			return send_on(skb, segment, endpoint->vtep, hop);
		return drop(skb, 0, DROP_NOT_HERE);
	}
	/* Peers may learn of a move before this host does: the device is ready, so it gets the packet. */
	if (endpoint->alt_ifindex)
		return hand_over(skb, pkt, endpoint, hop, 1);
	return drop(skb, 0, DROP_NOT_HERE);
}
