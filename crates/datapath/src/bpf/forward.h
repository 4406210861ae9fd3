/*
 * Where an IPv4 packet of a guest goes: to the gateway itself, to a device of this host, or to another host.
 *
 * Exits: redirect to the receiver's device or the VXLAN device; an ICMP answer to the guest; DROP_MULTICAST,
 * DROP_NO_ROUTE, DROP_WRONG_DST_MAC, DROP_TTL_EXCEEDED, DROP_TOO_BIG, DROP_REWRITE_FAILED, those of icmp.h.
 */
#pragma once

#include "arp.h"
#include "icmp.h"
#include "overlay.h"

static __always_inline int is_multicast(const struct packet *pkt)
{
	__u32 addr = bpf_ntohl(pkt->daddr);

	return mac_is_group(pkt->dst) || (addr >> 28) == 0xe || addr == 0xffffffff;
}

static __always_inline int refuse(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
				  __u32 reason, __u8 type, __u8 code, __u16 mtu)
{
	struct icmp_error error = { .reason = reason, .type = type, .code = code, .mtu = mtu };

	return reject(skb, port, pkt, &error);
}

static __always_inline int to_other_host(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
					 const struct endpoint *endpoint, int routed, struct wire_size size)
{
	__u16 mac[3];
	int result;

	if (routed) {
		reserved_mac(mac, HOP_ROUTED);
		if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0) || decrement_ttl(skb, pkt))
			return drop(skb, port->slot, DROP_REWRITE_FAILED);
	}
	result = to_vtep(skb, port->segment, endpoint->vtep);
	if (result < 0)
		return drop(skb, port->slot, -result);
	count_tx(port->slot, size);
	return result;
}

static __always_inline int to_this_host(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
					const struct endpoint *endpoint, int routed, struct wire_size size)
{
	if (routed && (write_macs(skb, endpoint->mac, endpoint->gw_mac) || decrement_ttl(skb, pkt)))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	count_tx(port->slot, size);
	count_rx(endpoint->slot, size);
	return deliver(skb, endpoint->ifindex, endpoint->flags & ENDPOINT_LOCAL_TAP);
}

static __always_inline int forward(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	struct endpoint_key key = { .segment = port->segment, .addr = pkt->daddr };
	int routed = mac_equal(pkt->dst, port->gw_mac);
	const struct endpoint *endpoint;
	struct wire_size size;
	__u32 largest, mtu;

	if (is_multicast(pkt))
		return drop(skb, port->slot, DROP_MULTICAST);
	endpoint = bpf_map_lookup_elem(&endpoints, &key);
	/* A frame to some other MAC address is not the gateway's to refuse. */
	if (!endpoint)
		return routed ? refuse(skb, port, pkt, DROP_NO_ROUTE, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0) :
				drop(skb, port->slot, DROP_NO_ROUTE);
	if (endpoint->flags & ENDPOINT_GATEWAY)
		return routed ? serve_gateway(skb, port, pkt) : drop(skb, port->slot, DROP_WRONG_DST_MAC);
	if (routed) {
		if (pkt->ttl <= 1)
			return refuse(skb, port, pkt, DROP_TTL_EXCEEDED, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
	} else if (!mac_equal(pkt->dst, endpoint->mac) || !same_subnet(port, pkt->daddr)) {
		return drop(skb, port->slot, DROP_WRONG_DST_MAC);
	}

	largest = measure(skb, pkt, &size);
	mtu = endpoint->mtu < port->mtu ? endpoint->mtu : port->mtu;
	if (largest > mtu)
		return pkt->frag & IP_DF ? refuse(skb, port, pkt, DROP_TOO_BIG, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu) :
					   drop(skb, port->slot, DROP_TOO_BIG);
	if (endpoint->ifindex)
		return to_this_host(skb, port, pkt, endpoint, routed, size);
	if (endpoint->vtep)
		return to_other_host(skb, port, pkt, endpoint, routed, size);
	return drop(skb, port->slot, DROP_NO_ROUTE);
}
