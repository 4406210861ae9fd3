/*
 * Translation between an interface's address and a public one: headers, checksums, and the packets that ICMP errors quote
 * (RFC 5508, 4).
 *
 * Exits: none; functions return 0 or a drop reason: DROP_REWRITE_FAILED, DROP_NAT_NOT_POSSIBLE,
 * DROP_ICMP_UNRELATED.
 *
 * Only IPv4 is translated. Checksums are corrected by what has changed, so one that was wrong stays wrong; and the sum that
 * receiving hardware took over the packet (CHECKSUM_COMPLETE) stays right, because every change is made good by the
 * change of a checksum next to it, or told to the kernel by BPF_F_PSEUDO_HDR.
 */
#pragma once

#include "related.h"

/* IANA's numbers of protocols whose checksum covers the addresses, and which nobody translates. */
#define PROTO_DCCP 33
#define PROTO_UDPLITE 136

/* What becomes of one end of a packet. */
struct translation {
	__be32 from;
	__be32 to;
	__be16 port; /* the new port or identifier, 0: kept */
	__u16 side;  /* 0: the source, 1: the destination */
};

/* Where in a transport header the checksum is; 0: none that translation changes. */
static __always_inline __u32 checksum_at(__u32 proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 0;
}

/* Where the port, or ICMP identifier, of one side is. */
static __always_inline __u32 port_at(__u32 proto, __u32 side)
{
	return proto == IPPROTO_ICMP ? 4 : side ? 2 : 0;
}

static __always_inline int has_ports(const struct packet *pkt)
{
	if (pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP)
		return 1;
	return (pkt->flags & PKT_ICMP) && ((pkt->flags & PKT_ANSWER) || is_query(0, pkt->choice >> 8));
}

/* Exchanges an address of the IPv4 header at `at`. */
static __always_inline int exchange_address(struct __sk_buff *skb, __u32 at, __u32 side, __be32 from, __be32 to)
{
	return bpf_l3_csum_replace(skb, at + 10, from, to, 4) ||
	       bpf_skb_store_bytes(skb, at + (side ? 16 : 12), &to, sizeof(to), 0);
}

/* Writes 16 bits that the checksum at `sum_at` covers. */
static __always_inline int exchange_word(struct __sk_buff *skb, __u32 at, __be16 to, __u32 sum_at, __u64 flags)
{
	__be16 from;

	return bpf_skb_load_bytes(skb, at, &from, sizeof(from)) ||
	       bpf_l4_csum_replace(skb, sum_at, from, to, flags | sizeof(to)) ||
	       bpf_skb_store_bytes(skb, at, &to, sizeof(to), 0);
}

/* Where the quoted packet's transport checksum is in the frame, 0: it is not quoted, or there is none. */
static __always_inline __u32 quoted_checksum(struct __sk_buff *skb, const struct iphdr *ip, __u32 l4, __u32 end,
					     __be16 *sum)
{
	__u32 at = l4 + (ip->protocol == IPPROTO_ICMP ? 2 : checksum_at(ip->protocol));

	if (at == l4 || at + sizeof(*sum) > end || bpf_skb_load_bytes(skb, at, sum, sizeof(*sum)))
		return 0;
	return ip->protocol == IPPROTO_UDP && !*sum ? 0 : at;
}

/* The part of the quotation behind its IP header, from `l4` to `end`. Returns 0 or a drop reason. */
static __always_inline int translate_quoted_transport(struct __sk_buff *skb, __u32 error_sum, const struct iphdr *ip,
						      __u32 l4, __u32 end, const struct translation *nat)
{
	__u32 at = l4 + port_at(ip->protocol, !nat->side), sum_at;
	__u64 mangled = ip->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be16 port, before, after;

	if (l4 + 8 > end || (ip->frag_off & bpf_htons(IP_OFFSET)))
		return 0;
	sum_at = quoted_checksum(skb, ip, l4, end, &before);
	if (bpf_skb_load_bytes(skb, at, &port, sizeof(port)))
		return DROP_REWRITE_FAILED;
	if (nat->port && exchange_word(skb, at, nat->port, error_sum, 0))
		return DROP_REWRITE_FAILED;
	if (!sum_at)
		return 0;
	if (ip->protocol != IPPROTO_ICMP &&
	    bpf_l4_csum_replace(skb, sum_at, nat->from, nat->to, mangled | sizeof(nat->to)))
		return DROP_REWRITE_FAILED;
	if (nat->port && bpf_l4_csum_replace(skb, sum_at, port, nat->port, mangled | sizeof(port)))
		return DROP_REWRITE_FAILED;
	if (bpf_skb_load_bytes(skb, sum_at, &after, sizeof(after)) ||
	    bpf_l4_csum_replace(skb, error_sum, before, after, sizeof(after)))
		return DROP_REWRITE_FAILED;
	return 0;
}

/*
 * The quoted packet goes the other way, so it is its other side that is translated. Its IP header adds nothing to the
 * error's checksum, before and after: it carries its own. All else is made good in the error's checksum.
 */
__noinline int translate_quote(struct __sk_buff *skb, const struct packet *pkt, const struct translation *nat)
{
	struct iphdr ip;
	__u32 at, end;

	if (!pkt || !nat)
		return DROP_REWRITE_FAILED;
	at = pkt->l4 + 8;
	end = IP_OFF + pkt->ip_len;
	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return DROP_NAT_NOT_POSSIBLE;
	if ((nat->side ? ip.saddr : ip.daddr) != nat->from)
		return DROP_ICMP_UNRELATED;
	if (exchange_address(skb, at, !nat->side, nat->from, nat->to))
		return DROP_REWRITE_FAILED;
	return translate_quoted_transport(skb, pkt->l4 + 2, &ip, at + ip.ihl * 4, end, nat);
}

/* Translates one side of an IPv4 packet. `pkt` stays as it was. Returns 0 or a drop reason. */
__noinline int translate(struct __sk_buff *skb, const struct packet *pkt, const struct translation *nat)
{
	__u32 sum_at, at;
	__u64 mangled;

	if (!pkt || !nat)
		return DROP_REWRITE_FAILED;
	mangled = pkt->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	sum_at = pkt->l4 + checksum_at(pkt->proto);
	at = pkt->l4 + port_at(pkt->proto, nat->side);
	if ((pkt->flags & PKT_V6) || pkt->proto == PROTO_DCCP || pkt->proto == PROTO_UDPLITE)
		return DROP_NAT_NOT_POSSIBLE;
	if (pkt->flags & PKT_ERROR) {
		int reason = translate_quote(skb, pkt, nat);

		if (reason)
			return reason;
	} else if (pkt->flags & PKT_LATER) {
		/* Its checksum is in the first fragment. */
	} else if (sum_at != pkt->l4) {
		if (bpf_l4_csum_replace(skb, sum_at, nat->from, nat->to, BPF_F_PSEUDO_HDR | mangled | sizeof(nat->to)) ||
		    (nat->port && exchange_word(skb, at, nat->port, sum_at, mangled)))
			return DROP_REWRITE_FAILED;
	} else if (nat->port && exchange_word(skb, at, nat->port, pkt->l4 + 2, 0)) {
		return DROP_REWRITE_FAILED;
	}
	return exchange_address(skb, IP_OFF, nat->side, nat->from, nat->to) ? DROP_REWRITE_FAILED : 0;
}
