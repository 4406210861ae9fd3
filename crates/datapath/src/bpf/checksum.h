/*
 * The Internet checksum (RFC 1071) of what stands in a frame. Answers are written in pieces and then summed up where
 * they lie, so no buffer is as large as the largest answer.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow.h"

/* The frame is summed in pieces of this size: of a fixed one, because that is what the verifier walks through once. */
#define SUM_PIECE 64

struct frame_sum {
	struct __sk_buff *skb;
	struct scratch *scratch;
	__u32 start;
	__u32 sum;
	__u32 failed;
};

/* The one's complement of the 16-bit sum: the value of a checksum field, in network byte order like the bytes summed. */
static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static long sum_piece(__u32 index, struct frame_sum *state)
{
	__u64 *piece = state->scratch->piece;

	if (bpf_skb_load_bytes(state->skb, state->start + index * SUM_PIECE, piece, SUM_PIECE)) {
		state->failed = 1;
		return 1;
	}
	state->sum = bpf_csum_diff(0, 0, (__be32 *)piece, SUM_PIECE, state->sum);
	return 0;
}

/*
 * Adds the bytes from `start` to before `end` to `*sum`; the frame must have room for a whole piece behind `end`, and gets
 * zeros there. Returns 0 on success.
 */
static __noinline int sum_frame(struct __sk_buff *skb, __u32 start, __u32 end, __u32 *sum)
{
	struct frame_sum state = { .skb = skb, .scratch = own_scratch(), .start = start, .sum = *sum };

	if (!state.scratch || bpf_skb_store_bytes(skb, end, state.scratch->zeros, SUM_PIECE, 0))
		return -1;
	bpf_loop((end - start + SUM_PIECE - 1) / SUM_PIECE, sum_piece, &state, 0);
	*sum = state.sum;
	return state.failed ? -1 : 0;
}

/* The sum of IPv6's pseudo-header (RFC 8200, 8.1). */
static __always_inline __u32 pseudo_sum6(const struct ipv6hdr *ip)
{
	struct {
		struct in6_addr saddr;
		struct in6_addr daddr;
		__be32 len;
		__be32 proto;
	} pseudo = { ip->saddr, ip->daddr, bpf_htonl(bpf_ntohs(ip->payload_len)), bpf_htonl(ip->nexthdr) };

	return bpf_csum_diff(0, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
}
