/*
 * Reading the headers. Nothing is believed before it was checked against the frame's length.
 *
 * Exits: DROP_TRUNCATED, DROP_BAD_HEADER, DROP_VLAN_TAGGED, DROP_UNKNOWN_ETHERTYPE, DROP_BAD_EXTENSION_HEADER,
 * DROP_FRAGMENT_TOO_SMALL, DROP_FRAGMENT_OVERLAP.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "addr.h"
#include "counters.h"
#include "origin.h"
#include "proto.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP_OFF (ETH_HLEN)
#define IPV6_HLEN 40

/* A later fragment that begins before this byte could overwrite the transport header that rules read (RFC 3128). */
#define FIRST_SAFE_OFFSET 24

#define EXTENSION_HEADERS_MAX 6
#define EXTENSION_BYTES_MAX 256

static __always_inline int mac_equal(const void *left, const void *right)
{
	const __u16 *l = left, *r = right;

	return !((l[0] ^ r[0]) | (l[1] ^ r[1]) | (l[2] ^ r[2]));
}

static __always_inline int mac_is_zero(const void *mac)
{
	const __u16 *m = mac;

	return !(m[0] | m[1] | m[2]);
}

/* Broadcast is a special case of the multicast bit (IEEE 802, first bit on the wire). */
static __always_inline int mac_is_group(const __u16 *mac)
{
	return *(const __u8 *)mac & 1;
}

/* Makes the first `want` bytes directly readable. Returns 0 when the frame has them. */
static __always_inline int have(struct __sk_buff *skb, __u32 want)
{
	if ((void *)(long)skb->data + want <= (void *)(long)skb->data_end)
		return 0;
	if (skb->len < want || bpf_skb_pull_data(skb, want))
		return -1;
	return (void *)(long)skb->data + want <= (void *)(long)skb->data_end ? 0 : -1;
}

/* Reads the Ethernet header. Returns 0 or a drop reason. */
static __always_inline int parse_ethernet(struct __sk_buff *skb, struct packet *pkt)
{
	const __u16 *frame;

	if (have(skb, ETH_HLEN))
		return DROP_TRUNCATED;
	frame = (void *)(long)skb->data;
	if ((void *)(frame + 7) > (void *)(long)skb->data_end)
		return DROP_TRUNCATED;
	__builtin_memcpy(pkt->dst, frame, ETH_ALEN);
	__builtin_memcpy(pkt->src, frame + 3, ETH_ALEN);
	pkt->ethertype = bpf_ntohs(frame[6]);

	/* The tag stands in skb metadata when the device or the kernel has taken it out of the frame. */
	if (skb->vlan_present || pkt->ethertype == ETH_P_8021Q || pkt->ethertype == ETH_P_8021AD)
		return DROP_VLAN_TAGGED;
	if (pkt->ethertype == ETH_P_IP || pkt->ethertype == ETH_P_IPV6 || pkt->ethertype == ETH_P_ARP)
		return 0;
	return DROP_UNKNOWN_ETHERTYPE;
}

/*
 * Reads the IPv4 header. Returns 0 or a drop reason. The header checksum is not verified: the frame never left this
 * host, or came through the outer UDP packet that the kernel has accepted; a guest that sends a wrong one reaches its
 * receiver with a wrong one (the TTL update is incremental and keeps an error an error).
 */
static __always_inline int parse_ipv4(struct __sk_buff *skb, struct packet *pkt)
{
	struct iphdr *ip;
	__u32 hlen, frag;

	if (have(skb, IP_OFF + sizeof(*ip)))
		return DROP_TRUNCATED;
	ip = (void *)(long)skb->data + IP_OFF;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return DROP_TRUNCATED;

	hlen = ip->ihl * 4;
	pkt->ip_len = bpf_ntohs(ip->tot_len);
	/* IPv4 BIG TCP: a super-packet over 65,535 bytes says 0; its length is the frame's. */
	if (!pkt->ip_len && skb->gso_size)
		pkt->ip_len = skb->len - IP_OFF;
	if (ip->version != 4 || hlen < sizeof(*ip) || pkt->ip_len < hlen)
		return DROP_BAD_HEADER;
	if (pkt->ip_len > skb->len - IP_OFF)
		return DROP_TRUNCATED;

	addr_from_v4(&pkt->saddr, ip->saddr);
	addr_from_v4(&pkt->daddr, ip->daddr);
	pkt->l4 = IP_OFF + hlen;
	pkt->rest = pkt->ip_len - hlen;
	pkt->ttl = ip->ttl;
	pkt->proto = ip->protocol;
	pkt->ttl_word = *(__be32 *)&ip->ttl;

	frag = bpf_ntohs(ip->frag_off);
	if (frag & IP_DF)
		pkt->flags |= PKT_DF;
	if (frag & (IP_MF | IP_OFFSET)) {
		pkt->frag_id = ip->id;
		pkt->flags |= frag & IP_OFFSET ? PKT_LATER : PKT_FIRST;
		if ((frag & IP_OFFSET) && (frag & IP_OFFSET) * 8 < FIRST_SAFE_OFFSET)
			return DROP_FRAGMENT_OVERLAP;
	}
	return 0;
}

/*
 * Walks the IPv6 extension headers from `pkt->l4` on, whose type is in `pkt->proto`, to the first header that is none.
 * Returns 0 or a drop reason. A function of its own, as few packets have any.
 */
__noinline int walk_extensions(struct __sk_buff *skb, struct packet *pkt)
{
	struct {
		__u8 next;
		__u8 len; /* in units of 8 bytes, less one; 0 in a fragment header */
		__u8 more[2]; /* routing type; or offset and flags */
		__be32 id;
	} header;
	__u32 at, end, offset, i;

	if (!pkt)
		return DROP_BAD_EXTENSION_HEADER;
	at = pkt->l4;
	end = IP_OFF + pkt->ip_len;
	for (i = 0; i <= EXTENSION_HEADERS_MAX; i++) {
		__u8 kind = pkt->proto;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_DSTOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_FRAGMENT)
			break;
		if (i == EXTENSION_HEADERS_MAX || bpf_skb_load_bytes(skb, at, &header, sizeof(header)))
			return DROP_BAD_EXTENSION_HEADER;
		at += kind == IPPROTO_FRAGMENT ? 8 : (header.len + 1) * 8;
		if (at > end || at > IP_OFF + IPV6_HLEN + EXTENSION_BYTES_MAX)
			return DROP_BAD_EXTENSION_HEADER;
		/* Routing type 0 lets a sender choose the way (RFC 5095). */
		if (kind == IPPROTO_ROUTING && !header.more[0])
			return DROP_BAD_EXTENSION_HEADER;
		pkt->proto = header.next;
		if (kind != IPPROTO_FRAGMENT)
			continue;
		/* No host sends two, and receivers differ in which one counts. */
		if (pkt->flags & PKT_FIRST)
			return DROP_BAD_EXTENSION_HEADER;
		pkt->frag_id = header.id;
		offset = (header.more[0] << 8 | header.more[1]) & 0xfff8;
		pkt->flags |= offset ? PKT_LATER : PKT_FIRST;
		if (!offset)
			continue;
		/* What follows is payload. */
		if (offset < FIRST_SAFE_OFFSET)
			return DROP_FRAGMENT_OVERLAP;
		break;
	}
	pkt->l4 = at;
	pkt->rest = end - at;
	return 0;
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct packet *pkt)
{
	struct ipv6hdr *ip;

	if (have(skb, IP_OFF + IPV6_HLEN))
		return DROP_TRUNCATED;
	ip = (void *)(long)skb->data + IP_OFF;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return DROP_TRUNCATED;

	pkt->ip_len = IPV6_HLEN + bpf_ntohs(ip->payload_len);
	/* BIG TCP, as above; the kernel puts a jumbo option in front of the TCP header. */
	if (!ip->payload_len && skb->gso_size)
		pkt->ip_len = skb->len - IP_OFF;
	__builtin_memcpy(&pkt->saddr, &ip->saddr, sizeof(pkt->saddr));
	__builtin_memcpy(&pkt->daddr, &ip->daddr, sizeof(pkt->daddr));
	/* In maps these are IPv4's; on the wire nobody needs them (RFC 4038, 4.2). */
	if (ip->version != 6 || addr_is_v4(&pkt->saddr) || addr_is_v4(&pkt->daddr))
		return DROP_BAD_HEADER;
	if (pkt->ip_len > skb->len - IP_OFF)
		return DROP_TRUNCATED;

	pkt->l4 = IP_OFF + IPV6_HLEN;
	pkt->rest = pkt->ip_len - IPV6_HLEN;
	pkt->ttl = ip->hop_limit;
	pkt->proto = ip->nexthdr;
	pkt->flags |= PKT_V6 | PKT_DF;
	if (pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP || pkt->proto == IPPROTO_ICMPV6)
		return 0;
	return walk_extensions(skb, pkt);
}

/* The type of the query that an ICMP message of type `type` answers, or 0. */
static __always_inline __u32 answered_query(__u32 v6, __u32 type)
{
	if (v6)
		return type == ICMP6_ECHO_REPLY ? ICMP6_ECHO : 0;
	if (type == ICMP_ECHOREPLY)
		return ICMP_ECHO;
	return type == ICMP_TIMESTAMP + 1 || type == ICMP_MASK + 1 ? type - 1 : 0;
}

static __always_inline int is_query(__u32 v6, __u32 type)
{
	return v6 ? type == ICMP6_ECHO : type == ICMP_ECHO || type == ICMP_TIMESTAMP || type == ICMP_MASK;
}

static __always_inline int is_icmp_error(__u32 v6, __u32 type)
{
	if (v6)
		return type >= 1 && type <= 4;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* Neighbour discovery (RFC 4861): answered on the sender's host and never forwarded. */
static __always_inline int is_nd(const struct packet *pkt)
{
	__u32 type = pkt->choice >> 8;

	return (pkt->flags & PKT_V6) && (pkt->flags & PKT_ICMP) && type >= ICMP6_FIRST_ND && type <= ICMP6_LAST_ND;
}

/* The ports that stand for an ICMP message in its flow's key; `id` is its identifier. */
static __always_inline void icmp_ports(__u32 v6, __u32 type, __u32 code, __be16 id, __be16 *sport, __be16 *dport)
{
	__u32 query = answered_query(v6, type);

	*sport = query ? bpf_htons(query << 8 | code) : is_query(v6, type) ? id : 0;
	*dport = query ? id : bpf_htons(type << 8 | code);
}

/* Reads the transport header. Returns 0 or a drop reason. */
static __always_inline int parse_transport(struct __sk_buff *skb, struct packet *pkt)
{
	__u32 v6 = pkt->flags & PKT_V6, need, at = pkt->l4;
	const struct wire_transport *l4;
	const void *limit;

	if (pkt->flags & PKT_LATER)
		return 0;
	if (pkt->proto == IPPROTO_TCP)
		need = sizeof(l4->tcp);
	else if (pkt->proto == IPPROTO_UDP || pkt->proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		need = sizeof(l4->udp);
	else
		return 0;
	if (pkt->rest < need)
		return pkt->flags & PKT_FIRST ? DROP_FRAGMENT_TOO_SMALL : DROP_TRUNCATED;
	/* Cannot be: the walk ends before. It is for the verifier, and the barrier keeps what is tested and used one. */
	barrier_var(at);
	if (at > IP_OFF + IPV6_HLEN + EXTENSION_BYTES_MAX || have(skb, at + need))
		return DROP_TRUNCATED;
	/* Read anew, or the compiler takes what have() has read, by a way on which it is no pointer for the verifier. */
	l4 = (void *)(long)*(volatile __u32 *)&skb->data + at;
	limit = (void *)(long)*(volatile __u32 *)&skb->data_end;

	if (need == sizeof(l4->tcp)) {
		if ((void *)l4 + sizeof(l4->tcp) > limit)
			return DROP_TRUNCATED;
		pkt->sport = l4->tcp.sport;
		pkt->dport = l4->tcp.dport;
		pkt->seq = bpf_ntohl(l4->tcp.seq);
		pkt->ack = bpf_ntohl(l4->tcp.ack);
		pkt->window = bpf_ntohs(l4->tcp.window);
		pkt->tcp_flags = l4->tcp.flags;
		pkt->tcp_hlen = (l4->tcp.offset >> 4) * 4;
		pkt->choice = bpf_ntohs(pkt->dport);
		return pkt->tcp_hlen < sizeof(l4->tcp) ? DROP_BAD_HEADER : 0;
	}
	if ((void *)l4 + sizeof(l4->udp) > limit)
		return DROP_TRUNCATED;
	if (pkt->proto == IPPROTO_UDP) {
		pkt->sport = l4->udp.sport;
		pkt->dport = l4->udp.dport;
		pkt->choice = bpf_ntohs(pkt->dport);
		return 0;
	}
	pkt->choice = l4->icmp.type << 8 | l4->icmp.code;
	icmp_ports(v6, l4->icmp.type, l4->icmp.code, l4->icmp.id, &pkt->sport, &pkt->dport);
	pkt->flags |= PKT_ICMP;
	if (answered_query(v6, l4->icmp.type))
		pkt->flags |= PKT_ANSWER;
	if (is_icmp_error(v6, l4->icmp.type))
		pkt->flags |= PKT_ERROR;
	return 0;
}

/* Reads the IP packet. Returns 0 or a drop reason. */
static __always_inline int parse_ip(struct __sk_buff *skb, struct packet *pkt)
{
	int reason = pkt->ethertype == ETH_P_IP ? parse_ipv4(skb, pkt) : parse_ipv6(skb, pkt);

	return reason ? reason : parse_transport(skb, pkt);
}

/*
 * Measures the packet as it will be on a wire: counts into `size` and returns the length of the largest single IP
 * packet. `gso_segs` is not used: it is 0 for packets that come from a tap.
 */
static __always_inline __u32 measure(struct __sk_buff *skb, const struct packet *pkt, struct wire_size *size)
{
	__u32 headers, payload, segments, segment = skb->gso_size;

	size->packets = 1;
	size->bytes = skb->len;
	if (!segment)
		return pkt->ip_len;
	/* IP and transport header are in every segment. */
	headers = pkt->l4 - IP_OFF + (pkt->proto == IPPROTO_TCP ? pkt->tcp_hlen : sizeof(struct udphdr));
	if (pkt->ip_len <= headers + segment)
		return pkt->ip_len;
	payload = pkt->ip_len - headers;
	segments = (payload + segment - 1) / segment;
	size->packets = segments;
	size->bytes = skb->len + (segments - 1) * (IP_OFF + headers);
	return headers + segment;
}
