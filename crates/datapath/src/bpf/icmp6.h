/*
 * What icmp.h does, for IPv6 (RFC 4443): errors about packets that the gateway cannot forward, and echo replies.
 *
 * Exits: those of icmp.h.
 */
#pragma once

#include "icmp.h"

/* Ethernet, IPv6 and ICMPv6 headers of an error. */
struct error6_headers {
	__u16 dst[3];
	__u16 src[3];
	__be16 ethertype;
	__u8 ip[IPV6_HLEN];
	__u8 icmp[8];
};

/* fe80::1, every subnet's gateway. The sender of the packet is on its link, so the address is one it can take. */
static __always_inline void gateway6(struct in6_addr *addr)
{
	__builtin_memset(addr, 0, sizeof(*addr));
	addr->s6_addr32[0] = bpf_htonl(0xfe800000);
	addr->s6_addr32[3] = bpf_htonl(1);
}

static __always_inline void fill_error6(struct error6_headers *out, const struct port *port, const struct packet *pkt,
					const struct icmp_error *error, __u32 quoted, __u32 sum)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = bpf_htons(sizeof(out->icmp) + quoted),
		.nexthdr = IPPROTO_ICMPV6,
		.hop_limit = GATEWAY_TTL,
	};
	struct {
		__u8 type;
		__u8 code;
		__be16 checksum;
		__be32 mtu;
	} icmp = { .type = ICMP6_DEST_UNREACH, .code = ICMP6_ADDR_UNREACH };

	if (error->kind == ERROR_TIME_EXCEEDED) {
		icmp.type = ICMP6_TIME_EXCEEDED;
		icmp.code = 0;
	} else if (error->kind == ERROR_TOO_BIG) {
		icmp.type = ICMP6_PACKET_TOO_BIG;
		icmp.code = 0;
		icmp.mtu = bpf_htonl(error->mtu);
	}
	gateway6(&ip.saddr);
	__builtin_memcpy(&ip.daddr, &pkt->saddr, sizeof(ip.daddr));
	/* The pseudo-header (RFC 8200, 8.1): both addresses, length and protocol. */
	sum = bpf_csum_diff(0, 0, (__be32 *)&ip.saddr, 2 * sizeof(ip.saddr), sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&icmp, sizeof(icmp), sum);
	sum = (sum & 0xffff) + (sum >> 16) + ip.payload_len + bpf_htons(IPPROTO_ICMPV6);
	icmp.checksum = fold(sum);

	__builtin_memcpy(out->dst, port->mac, ETH_ALEN);
	__builtin_memcpy(out->src, port->gw_mac, ETH_ALEN);
	out->ethertype = bpf_htons(ETH_P_IPV6);
	__builtin_memcpy(out->ip, &ip, sizeof(ip));
	__builtin_memcpy(out->icmp, &icmp, sizeof(icmp));
}

/* Turns the packet into an ICMPv6 error about itself: cut to the quotation, 48 bytes of headers put before it. */
static __always_inline int rewrite_as_error6(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
					     const struct icmp_error *error)
{
	__u32 quoted = pkt->ip_len < QUOTE_MAX ? pkt->ip_len : QUOTE_MAX, sum, header;
	struct error6_headers headers;
	struct scratch *scratch = own_scratch();
	__u8 *quote;

	if (!scratch)
		return -1;
	quote = (void *)scratch->words;
	__builtin_memset(quote, 0, QUOTE_MAX);
	if (quoted < IPV6_HLEN || bpf_skb_load_bytes(skb, IP_OFF, quote, quoted))
		return -1;
	sum = bpf_csum_diff(0, 0, (__be32 *)quote, QUOTE_MAX, 0);
	if (bpf_skb_change_tail(skb, IP_OFF + quoted, 0))
		return -1;
	if (port->flags & PORT_TAP) {
		/* settle_checksum() wants the sum of what the kernel would sum: without the IP header. */
		header = bpf_csum_diff(0, 0, (__be32 *)quote, IPV6_HLEN, 0);
		header = (__u16)~fold(header);
		sum = (sum & 0xffff) + (sum >> 16) + (__u16)~header;
		sum = settle_checksum(skb, pkt, quoted, sum);
		sum = (sum & 0xffff) + (sum >> 16) + header;
	}
	if (bpf_skb_adjust_room(skb, sizeof(headers.ip) + sizeof(headers.icmp), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	fill_error6(&headers, port, pkt, error, quoted, sum);
	return bpf_skb_store_bytes(skb, 0, &headers, sizeof(headers), 0);
}

/* As reject(), for IPv6. */
__noinline int reject6(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
		       const struct icmp_error *error)
{
	struct wire_size size = { .packets = 1 };

	if (!port || !pkt || !error)
		return TC_ACT_SHOT;
	if (!deserves_error(pkt))
		return drop(skb, port->slot, error->reason);
	if (!error_permitted(port->slot))
		return drop(skb, port->slot, DROP_REPLY_RATE_LIMITED);
	drop(skb, port->slot, error->reason);
	if (rewrite_as_error6(skb, port, pkt, error))
		return TC_ACT_SHOT;
	size.bytes = skb->len;
	count_rx(port->slot, size);
	return answer(skb, port);
}

/* Answers an echo request in place, as serve_gateway() does. */
__noinline int serve_gateway6(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	struct wire_size size = { .packets = 1, .bytes = skb->len };
	__u8 hop_limit = GATEWAY_TTL, type = ICMP6_ECHO_REPLY;
	struct addr addresses[2];

	if (!port || !pkt)
		return TC_ACT_SHOT;
	if (!(pkt->flags & PKT_ICMP) || (pkt->flags & (PKT_FIRST | PKT_LATER)) || pkt->choice != ICMP6_ECHO << 8)
		return drop(skb, port->slot, DROP_GATEWAY_NOT_SERVED);
	addresses[0] = pkt->daddr;
	addresses[1] = pkt->saddr;
	/* The pseudo-header has both addresses: swapping them leaves its sum as it is. */
	if (write_macs(skb, port->mac, port->gw_mac) || bpf_skb_store_bytes(skb, IP_OFF + 8, addresses, sizeof(addresses), 0) ||
	    bpf_skb_store_bytes(skb, IP_OFF + 7, &hop_limit, sizeof(hop_limit), 0) ||
	    bpf_skb_store_bytes(skb, pkt->l4, &type, sizeof(type), 0) ||
	    bpf_l4_csum_replace(skb, pkt->l4 + 2, bpf_htons(ICMP6_ECHO << 8), bpf_htons(ICMP6_ECHO_REPLY << 8), 2))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	count_tx(port->slot, size);
	count_rx(port->slot, size);
	return answer(skb, port);
}

/* Drops the packet and tells its sender why, in its own IP version. */
static __always_inline int refuse(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
				  const struct icmp_error *error)
{
	return pkt->flags & PKT_V6 ? reject6(skb, port, pkt, error) : reject(skb, port, pkt, error);
}
