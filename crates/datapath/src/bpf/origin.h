/*
 * Which port a packet of a guest comes from.
 *
 * Not skb->ifindex: a packet that was held back comes in by the shaper's cable. The control block is a variable of the run
 * of one program here: written at its entry, read below it, and of no meaning before or after.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __always_inline void set_origin(struct __sk_buff *skb, __u32 ifindex)
{
	skb->cb[0] = ifindex;
}

/* The port's number: a key of `ports`. */
static __always_inline __u32 origin(const struct __sk_buff *skb)
{
	return skb->cb[0];
}
