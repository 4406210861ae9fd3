/*
 * Packets of other hosts: who may speak on the overlay, for whom they are, and what the receiver's policy says.
 *
 * Exits: redirect to a guest's device, or on to the new host of a moved interface; DROP_UNKNOWN_SEGMENT, DROP_WRONG_HOST,
 * DROP_NOT_HERE, DROP_WRONG_DST_MAC, DROP_NOT_DESTINATION, DROP_MULTICAST, DROP_FRAGMENT_UNKNOWN, DROP_ICMP_REDIRECT,
 * DROP_ND_NOT_FORWARDED, DROP_REWRITE_FAILED, those of judge.h and challenge.h.
 */
#pragma once

#include "forward.h"

/* The location of the frame's source MAC, if `remote` is a host that may speak for it in this segment. */
static __always_inline const struct location *speaks_for(__u32 segment, const __u16 *mac, __be32 remote)
{
	const struct location *location = location_of(segment, mac);

	if (!location || !location->vtep || (location->vtep != remote && location->alt_vtep != remote))
		return 0;
	return location;
}

/* Sends a late packet for a moved interface on to its new host. */
static __always_inline int send_on(struct __sk_buff *skb, __u32 segment, __be32 vtep, enum overlay_hop hop)
{
	__u16 mac[3];
	int result;

	reserved_mac(mac, hop == OVERLAY_ROUTED ? OVERLAY_FORWARDED_ROUTED : OVERLAY_FORWARDED_SWITCHED);
	if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return drop(skb, 0, DROP_REWRITE_FAILED);
	result = to_vtep(skb, segment, vtep);
	return result < 0 ? drop(skb, 0, -result) : result;
}

/* Fills the way once it is known which device it leads to. Returns GO_ON, or the program's result. */
static __always_inline int hand_over(struct __sk_buff *skb, const struct packet *pkt, struct way *way,
				     const struct endpoint *endpoint, int direct, enum overlay_hop hop, int alternative)
{
	way->to = alternative ? endpoint->alt_ifindex : endpoint->ifindex;
	way->slot[1] = way->blame = alternative ? endpoint->alt_slot : endpoint->slot;
	way->hop = HOP_FROM_OVERLAY;
	if (endpoint->flags & (alternative ? ENDPOINT_ALT_TAP : ENDPOINT_LOCAL_TAP))
		way->hop |= HOP_TAP;
	if (hop == OVERLAY_ROUTED || hop == OVERLAY_FORWARDED_ROUTED)
		way->hop |= HOP_ROUTED;
	way->mtu = 0xffff;
	way->enters = crosses_border(way->slot[1], way->to, &pkt->saddr);
	measure(skb, pkt, &way->size);
	if (!direct && !may_receive(way->segment, &pkt->daddr, way->slot[1], endpoint))
		return drop(skb, way->slot[1], DROP_NOT_DESTINATION);
	/* The reserved destination stands where the endpoint's address was when the old host sent the frame on. */
	if (hop == OVERLAY_FORWARDED_SWITCHED && write_macs(skb, endpoint->mac, pkt->src))
		return drop(skb, way->slot[1], DROP_REWRITE_FAILED);
	return GO_ON;
}

/* The number of the route table of the interface that gets packets for an address; 0: it has none, or nobody does. */
static __noinline __u32 table_of(__u32 segment, const struct addr *addr)
{
	const struct location *location;
	const struct endpoint *endpoint;
	struct receiver found;

	endpoint = find_receiver(segment, 0, addr, &found);
	location = endpoint ? location_of(segment, endpoint->mac) : 0;
	return location ? location->table : 0;
}

/* As find_way(), for a packet of the overlay. */
__noinline int find_way_in(struct __sk_buff *skb, const struct packet *pkt, __u32 segment, __be32 remote)
{
	struct scratch *scratch = own_scratch();
	struct way *way;
	const struct location *location = 0;
	const struct endpoint *endpoint;
	struct receiver found;
	enum overlay_hop hop;
	struct addr addr;
	int forwarded, routed, direct = 1;

	if (!pkt || !scratch)
		return TC_ACT_SHOT;
	way = &scratch->way;
	__builtin_memset(way, 0, sizeof(*way));
	way->segment = segment;
	way->changes = changes_so_far();
	hop = overlay_hop_of(pkt->dst);
	forwarded = hop == OVERLAY_FORWARDED_SWITCHED || hop == OVERLAY_FORWARDED_ROUTED;
	if (!forwarded) {
		location = speaks_for(segment, pkt->src, remote);
		if (location)
			way->cell[0] = location->cell;
		else if (overlay_hop_of(pkt->src) != OVERLAY_PUBLIC || subject_of(skb, pkt, &addr) ||
			 !speaks_for_public(segment, table_of(segment, &pkt->daddr), &addr, remote, &way->cell[0]))
			return drop(skb, 0, DROP_WRONG_HOST);
		/* What another host has sent on is not the sender's usual way, and not remembered as such. */
		way->from = remote;
		if (hop == OVERLAY_PUBLIC)
			return location ? find_relay(skb, pkt, way, location->table) : drop(skb, 0, DROP_WRONG_HOST);
	} else {
		location = location_of(segment, pkt->src);
	}
	/* The sender's host has gone by its route table, and so does this one, to find the same interface. */
	routed = hop == OVERLAY_ROUTED || hop == OVERLAY_FORWARDED_ROUTED;
	endpoint = find_receiver(segment, routed && location ? location->table : 0, &pkt->daddr, &found);
	direct = !found.foreign;
	if (hop == OVERLAY_SWITCHED && (!endpoint || !mac_equal(pkt->dst, endpoint->mac))) {
		const struct endpoint *router = find_by_mac(segment, pkt->dst, &addr);

		if (router && mac_equal(pkt->dst, router->mac)) {
			endpoint = router;
			direct = 0;
			found.cell = router->cell;
		}
	}
	if (!endpoint)
		return drop(skb, 0, DROP_UNKNOWN_SEGMENT);
	if (forwarded && (!(endpoint->flags & ENDPOINT_INCOMING) || endpoint->alt_vtep != remote))
		return drop(skb, endpoint->slot, DROP_WRONG_HOST);
	if (hop == OVERLAY_SWITCHED && !mac_equal(pkt->dst, endpoint->mac))
		return drop(skb, endpoint->slot, DROP_WRONG_DST_MAC);
	/* Neither is ever sent by a host of ours: they are answered or dropped where the guest is. */
	if (is_nd(pkt))
		return drop(skb, endpoint->slot, DROP_ND_NOT_FORWARDED);
	if ((pkt->flags & (PKT_ICMP | PKT_V6)) == PKT_ICMP && pkt->choice >> 8 == ICMP_REDIRECT)
		return drop(skb, endpoint->slot, DROP_ICMP_REDIRECT);
	if (pkt->flags & PKT_LOST)
		return drop(skb, endpoint->slot, DROP_FRAGMENT_UNKNOWN);
	way->cell[1] = found.cell;
	__builtin_memcpy(way->mac, pkt->src, ETH_ALEN);

	if (endpoint->ifindex)
		return hand_over(skb, pkt, way, endpoint, direct, hop, 0);
	if (endpoint->flags & ENDPOINT_MOVED) {
		/* The device that was left may still answer what it got, but gets nothing more. */
		if (endpoint->vtep && endpoint->vtep != remote && !forwarded)
			return send_on(skb, segment, endpoint->vtep, hop);
		return drop(skb, 0, DROP_NOT_HERE);
	}
	/* Peers may learn of a move before this host does: the device is ready, so it gets the packet. */
	if (endpoint->alt_ifindex)
		return hand_over(skb, pkt, way, endpoint, direct, hop, 1);
	return drop(skb, 0, DROP_NOT_HERE);
}

/* A packet of the overlay that no flow carries. */
static __always_inline int receive(struct __sk_buff *skb, const struct packet *pkt, __u32 segment, __be32 remote,
				   struct way *way)
{
	int reason, result = find_way_in(skb, pkt, segment, remote);

	if (result != GO_ON)
		return result;
	reason = judge(skb, pkt, way);
	if (way->nat_port)
		settle_port(pkt, way, reason);
	if (reason == DROP_TCP_SYN_IN_CONNECTION && way->from)
		return challenge_over(skb, pkt, way);
	if (reason)
		return refuse_flow(skb, pkt, way, reason);
	return send_way(skb, pkt, way);
}
