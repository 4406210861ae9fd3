/*
 * To other hosts, through the one collect-metadata VXLAN device.
 *
 * Exits: redirect to the VXLAN device; DROP_NO_ROUTE (no overlay device), DROP_REWRITE_FAILED.
 *
 * The inner frame between hosts:
 *  - source MAC: always the sending interface's own. It is the sender's identity, and the receiving host accepts it
 *    only from the host that `locations` names for it.
 *  - destination MAC: the endpoint's own when the packet is switched. Some reserved addresses say something else:
 *    ROUTED (the last host writes the gateway's and the endpoint's addresses into the frame), and FORWARDED_SWITCHED
 *    and FORWARDED_ROUTED for a packet that the old host of a moved interface has sent on.
 *
 * The rule of moves: a host that an interface has just left (ENDPOINT_MOVED) sends late packets on to the new host,
 * after the usual check of the sender. The new host takes a FORWARDED frame only for an endpoint that is INCOMING, and
 * only from that endpoint's old host (`alt_vtep`); it cannot check the sender, because the frame does not come from the
 * sender's host, and trusts the old host to have done it, for that endpoint and as long as the flag stands.
 * No loop is possible, whatever the tables say: a FORWARDED frame is delivered or dropped, never sent on again.
 * PUBLIC stands in the destination of what the host of a public gateway is to translate, and in the source of what that
 * gateway has received; the latter is accepted only from the host that the route to the packet's source names.
 * Guests cannot use the reserved addresses: `forward` accepts no other destination than the gateway's and the endpoint's.
 */
#pragma once

#include "deliver.h"

#define OVERLAY_TTL 64

enum overlay_hop {
	OVERLAY_SWITCHED,
	OVERLAY_ROUTED,
	OVERLAY_FORWARDED_SWITCHED,
	OVERLAY_FORWARDED_ROUTED,
	OVERLAY_PUBLIC,
};

/* 02:50:4e:54:4c:NN, locally administered; the last byte is the overlay_hop. */
static __always_inline void reserved_mac(__u16 *mac, enum overlay_hop hop)
{
	mac[0] = bpf_htons(0x0250);
	mac[1] = bpf_htons(0x4e54);
	mac[2] = bpf_htons(0x4c00 | hop);
}

static __always_inline enum overlay_hop overlay_hop_of(const __u16 *mac)
{
	__u32 hop = bpf_ntohs(mac[2]) ^ 0x4c00;

	if (mac[0] != bpf_htons(0x0250) || mac[1] != bpf_htons(0x4e54) || hop > OVERLAY_PUBLIC)
		return OVERLAY_SWITCHED;
	return hop;
}

/* Gives the frame to the VXLAN device with the tunnel's metadata. Returns a program result, or a negative number. */
static __noinline int to_vtep(struct __sk_buff *skb, __u32 segment, __be32 vtep)
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
