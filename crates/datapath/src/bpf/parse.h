/*
 * Reading the headers. Nothing is believed before it was checked against the frame's length.
 *
 * Exits: DROP_TRUNCATED, DROP_BAD_HEADER, DROP_VLAN_TAGGED, DROP_IPV6_NOT_ENABLED, DROP_UNKNOWN_ETHERTYPE.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "counters.h"

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff
#define IP_OFF (ETH_HLEN)

/* What the stages need to know of a packet, read once. Addresses are in network byte order. */
struct packet {
	__u16 dst[3];
	__u16 src[3];
	__u16 ethertype; /* host byte order */
	__u16 frag;	 /* flags and offset, host byte order */
	__be32 saddr;
	__be32 daddr;
	__u32 ip_len; /* the IP packet, header included; with GSO the whole super-packet */
	__be32 ttl_word; /* TTL, protocol and header checksum as they stand in the frame */
	__u16 ip_hlen;
	__u8 ttl;
	__u8 proto;
};

static __always_inline int mac_equal(const void *left, const void *right)
{
	const __u16 *l = left, *r = right;

	return !((l[0] ^ r[0]) | (l[1] ^ r[1]) | (l[2] ^ r[2]));
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
	if (pkt->ethertype == ETH_P_IP || pkt->ethertype == ETH_P_ARP)
		return 0;
	return pkt->ethertype == ETH_P_IPV6 ? DROP_IPV6_NOT_ENABLED : DROP_UNKNOWN_ETHERTYPE;
}

/*
 * Reads the IPv4 header. Returns 0 or a drop reason. The header checksum is not verified: the frame never left this
 * host, or came through the outer UDP packet that the kernel has accepted; a guest that sends a wrong one reaches its
 * receiver with a wrong one (the TTL update is incremental and keeps an error an error).
 */
static __always_inline int parse_ipv4(struct __sk_buff *skb, struct packet *pkt)
{
	struct iphdr *ip;

	if (have(skb, IP_OFF + sizeof(*ip)))
		return DROP_TRUNCATED;
	ip = (void *)(long)skb->data + IP_OFF;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return DROP_TRUNCATED;

	pkt->ip_hlen = ip->ihl * 4;
	pkt->ip_len = bpf_ntohs(ip->tot_len);
	/* IPv4 BIG TCP: a super-packet over 65,535 bytes says 0; its length is the frame's. */
	if (!pkt->ip_len && skb->gso_size)
		pkt->ip_len = skb->len - IP_OFF;
	if (ip->version != 4 || pkt->ip_hlen < sizeof(*ip) || pkt->ip_len < pkt->ip_hlen)
		return DROP_BAD_HEADER;
	if (pkt->ip_len > skb->len - IP_OFF)
		return DROP_TRUNCATED;

	pkt->saddr = ip->saddr;
	pkt->daddr = ip->daddr;
	pkt->frag = bpf_ntohs(ip->frag_off);
	pkt->ttl = ip->ttl;
	pkt->proto = ip->protocol;
	pkt->ttl_word = *(__be32 *)&ip->ttl;
	return 0;
}

/* Bytes of IP and transport header that every segment of a GSO packet repeats. */
static __always_inline __u32 gso_headers(struct __sk_buff *skb, const struct packet *pkt)
{
	__u8 doff = 0;

	if (pkt->proto != IPPROTO_TCP)
		return pkt->ip_hlen + sizeof(struct udphdr);
	/* Byte 12 of the TCP header: its length in 32-bit words, in the upper four bits. */
	bpf_skb_load_bytes(skb, IP_OFF + pkt->ip_hlen + 12, &doff, sizeof(doff));
	return pkt->ip_hlen + (doff >> 4) * 4;
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
	headers = gso_headers(skb, pkt);
	if (pkt->ip_len <= headers + segment)
		return pkt->ip_len;
	payload = pkt->ip_len - headers;
	segments = (payload + segment - 1) / segment;
	size->packets = segments;
	size->bytes = skb->len + (segments - 1) * (IP_OFF + headers);
	return headers + segment;
}
