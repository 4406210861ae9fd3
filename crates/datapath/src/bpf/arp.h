/*
 * ARP is answered here and never forwarded (RFC 826): the gateway and every endpoint of the guest's own subnet.
 *
 * Exits: answer to the guest; DROP_TRUNCATED, DROP_BAD_ARP, DROP_SPOOFED_ARP, DROP_ARP_NOT_FORWARDED,
 * DROP_ARP_UNKNOWN_TARGET, DROP_REWRITE_FAILED.
 */
#pragma once

#include "antispoof.h"
#include "deliver.h"
#include "route.h"

static __always_inline __be32 join_ip(const __u16 *words)
{
	__be32 ip;

	__builtin_memcpy(&ip, words, sizeof(ip));
	return ip;
}

/* Checks the request. Returns 0 when it deserves an answer, or a drop reason. */
static __always_inline int check_arp(const struct arp_ipv4 *arp, const struct port *port, __u32 ifindex)
{
	__be32 sender = join_ip(arp->sender_ip), target = join_ip(arp->target_ip);
	struct addr addr;
	__u16 cell;

	if (arp->hw_type != bpf_htons(ARPHRD_ETHER) || arp->proto_type != bpf_htons(ETH_P_IP) ||
	    arp->hw_len != ETH_ALEN || arp->proto_len != 4 ||
	    (arp->op != bpf_htons(ARPOP_REQUEST) && arp->op != bpf_htons(ARPOP_REPLY)))
		return DROP_BAD_ARP;
	if (!mac_equal(arp->sender_mac, port->mac))
		return DROP_SPOOFED_ARP;
	/* 0.0.0.0 is an address probe (RFC 5227). Who may spoof resolves neighbours with any of its addresses. */
	addr_from_v4(&addr, sender);
	if (sender && check_source_ip(port, ifindex, &addr, &cell))
		return DROP_SPOOFED_ARP;
	if (arp->op == bpf_htons(ARPOP_REPLY) || sender == target)
		return DROP_ARP_NOT_FORWARDED;
	addr_from_v4(&addr, target);
	return same_subnet(port, &addr) ? 0 : DROP_ARP_UNKNOWN_TARGET;
}

/* The MAC address that belongs to `target`. Returns 0 or a drop reason. */
static __always_inline int resolve(const struct port *port, __be32 target, __u16 *mac)
{
	const struct endpoint *endpoint;
	struct receiver receiver;
	struct addr addr;

	if (target == port->gateway_ip) {
		__builtin_memcpy(mac, port->gw_mac, ETH_ALEN);
		return 0;
	}
	addr_from_v4(&addr, target);
	if (addr_equal(&addr, &port->primary))
		return DROP_ARP_NOT_FORWARDED;
	endpoint = find_receiver(port->segment, 0, &addr, &receiver);
	if (!endpoint)
		return DROP_ARP_UNKNOWN_TARGET;
	/* A guest that probes for its own address must hear nothing, or duplicate address detection would refuse it. */
	if (mac_equal(endpoint->mac, port->mac))
		return DROP_ARP_NOT_FORWARDED;
	__builtin_memcpy(mac, endpoint->mac, ETH_ALEN);
	return 0;
}

__noinline int handle_arp(struct __sk_buff *skb, const struct port *port)
{
	struct wire_size size = { .packets = 1, .bytes = sizeof(struct arp_frame) };
	struct arp_frame frame;
	__u16 asker_ip[2];
	int reason;

	if (!port)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, 0, &frame, sizeof(frame)))
		return drop(skb, port->slot, DROP_TRUNCATED);
	reason = check_arp(&frame.arp, port, origin(skb));
	if (reason)
		return drop(skb, port->slot, reason);
	reason = resolve(port, join_ip(frame.arp.target_ip), frame.src);
	if (reason)
		return drop(skb, port->slot, reason);

	__builtin_memcpy(asker_ip, frame.arp.sender_ip, sizeof(asker_ip));
	__builtin_memcpy(frame.dst, port->mac, ETH_ALEN);
	frame.arp.op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(frame.arp.sender_mac, frame.src, ETH_ALEN);
	__builtin_memcpy(frame.arp.sender_ip, frame.arp.target_ip, sizeof(asker_ip));
	__builtin_memcpy(frame.arp.target_mac, port->mac, ETH_ALEN);
	__builtin_memcpy(frame.arp.target_ip, asker_ip, sizeof(asker_ip));
	if (bpf_skb_store_bytes(skb, 0, &frame, sizeof(frame), 0))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	count_tx(port->slot, size);
	count_rx(port->slot, size);
	return answer(skb, port);
}
