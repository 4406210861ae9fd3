/*
 * Putting an answer together in the frame that asked: emptied, written piece by piece, cut to its length, sent back.
 */
#pragma once

#include <linux/ip.h>

#include "checksum.h"
#include "deliver.h"

/* Room for the longest answer; what is not used is cut off. */
#define REPLY_MAX 768
/* More than the headers before any transport checksum, and not more than is left of a frame of REPLY_MAX. */
#define REPLY_PULL 64
#define ND_HOP_LIMIT 255

struct writer {
	struct __sk_buff *skb;
	__u32 at;
	int failed;
};

struct ethernet_ipv4 {
	__u16 pad; /* so that the IP header is aligned */
	__u16 dst[3];
	__u16 src[3];
	__be16 ethertype;
	struct iphdr ip;
};

struct ethernet_ipv6 {
	__u16 pad;
	__u16 dst[3];
	__u16 src[3];
	__be16 ethertype;
	struct ipv6hdr ip;
};

#define ETHERNET_IPV4_LEN (ETH_HLEN + sizeof(struct iphdr))
#define ETHERNET_IPV6_LEN (ETH_HLEN + sizeof(struct ipv6hdr))

/*
 * Empties the frame and makes room. The detour over the front does more than resize: a frame of a guest may carry a
 * request to the kernel to fill in its transport checksum (CHECKSUM_PARTIAL), which would spoil the answer's, and the
 * kernel forgets the request when the place it starts at is cut away.
 */
static __always_inline int begin_reply(struct __sk_buff *skb, struct writer *out)
{
	out->skb = skb;
	out->at = 0;
	out->failed = bpf_skb_change_tail(skb, REPLY_MAX + REPLY_PULL, 0) ||
		      bpf_skb_adjust_room(skb, -REPLY_PULL, BPF_ADJ_ROOM_MAC, 0);
	return out->failed;
}

static __always_inline void put(struct writer *out, const void *from, __u32 len)
{
	out->failed |= !!bpf_skb_store_bytes(out->skb, out->at, from, len, 0);
	out->at += len;
}

/* Writes up to `max` bytes. The barriers keep the two comparisons apart, as the verifier must see them. */
static __always_inline void put_some(struct writer *out, const void *from, __u32 len, __u32 max)
{
	barrier_var(len);
	if (len > max)
		return;
	barrier_var(len);
	if (len)
		put(out, from, len);
}

/* The sum of what was written from `start` on, added to `sum`. */
static __always_inline __u32 sum_reply(struct writer *out, __u32 start, __u32 sum)
{
	out->failed |= !!sum_frame(out->skb, start, out->at, &sum);
	return sum;
}

/* Ethernet address for an IPv6 multicast address (RFC 2464, 7), or the guest's own. */
static __always_inline void ethernet_for(__u16 *mac, const struct in6_addr *addr, const struct port *port)
{
	if (addr->s6_addr[0] != 0xff) {
		__builtin_memcpy(mac, port->mac, ETH_ALEN);
		return;
	}
	mac[0] = bpf_htons(0x3333);
	mac[1] = addr->s6_addr16[6];
	mac[2] = addr->s6_addr16[7];
}

/* Cuts the frame to what was written, counts question and answer, and sends the answer. */
static __always_inline int end_reply(struct writer *out, const struct port *port, __u32 asked_bytes)
{
	struct wire_size question = { .packets = 1, .bytes = asked_bytes }, reply = { .packets = 1, .bytes = out->at };

	if (out->failed || bpf_skb_change_tail(out->skb, out->at, 0))
		return drop(out->skb, port->slot, DROP_REWRITE_FAILED);
	count_tx(port->slot, question);
	count_rx(port->slot, reply);
	return answer(out->skb, port);
}
