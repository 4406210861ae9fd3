/*
 * Handing a frame to a guest's device, with a tag where its port uses a VLAN of a card.
 *
 * Exits: redirect to the device's peer (veth) or out of the device (tap); DROP_REWRITE_FAILED, DROP_UNKNOWN_PORT (a VLAN's
 * port has just gone).
 *
 * Frames that leave by a device's egress meet the program `to_port` there, which drops everything that the host's own
 * stack sends. OWN_MARK is how it knows ours. It lives in skb->mark, because
 *  - a guest cannot set it: the kernel zeroes the mark of what crosses from another network namespace, and a tap
 *    makes a new skb;
 *  - a local socket that sets this very value by SO_MARK is still refused: `to_port` also asks for an ingress device,
 *    which locally made packets do not have;
 *  - forwarded traffic would need a rule that sets all 32 bits to this value.
 * skb->cb and tc_classid share memory with the stack's own use of cb, so they can hold anything by accident.
 */
#pragma once

#include <linux/if_packet.h>

#include "vlan.h"

#define OWN_MARK 0x504c5452

static __always_inline int to_device(struct __sk_buff *skb, __u32 ifindex, int tap)
{
	if (tap) {
		skb->mark = OWN_MARK;
		return bpf_redirect(ifindex, 0);
	}
	/* The type was set against the MAC of the device the frame came from; the receiver would ignore "other host". */
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

/* A function of its own, to keep the way of frames without tags short. */
__noinline int deliver_tagged(struct __sk_buff *skb, __u32 number)
{
	const struct port *port = port_of(number);

	if (!port)
		return drop(skb, 0, DROP_UNKNOWN_PORT);
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), vlan_of(number)))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	return to_device(skb, port->card, port->flags & PORT_TAP);
}

/* Hands a frame to a port, whose number is that of its device or has VLAN_PORT. */
static __always_inline int deliver(struct __sk_buff *skb, __u32 number, int tap)
{
	return number & VLAN_PORT ? deliver_tagged(skb, number) : to_device(skb, number, tap);
}

/* Sends an answer back to the guest that the frame came from. */
static __always_inline int answer(struct __sk_buff *skb, const struct port *port)
{
	return deliver(skb, origin(skb), port->flags & PORT_TAP);
}

/*
 * Writes new Ethernet addresses. By helper, here and below, not directly: a program that writes to packet memory makes
 * the kernel copy the headers of every cloned packet that it sees, also of those (switched) that it does not change.
 */
static __always_inline int write_macs(struct __sk_buff *skb, const void *dst, const void *src)
{
	__u16 macs[6];

	__builtin_memcpy(macs, dst, ETH_ALEN);
	__builtin_memcpy(macs + 3, src, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
}

/*
 * TTL or hop limit less one, and IPv4's header checksum with it. The 16-bit word of TTL and protocol shrinks by 0x0100, so the
 * checksum grows by as much, with the carry added back (RFC 1141). A wrong checksum stays wrong. The header's sum does
 * not change, so a checksum that the receiving hardware took over the packet (CHECKSUM_COMPLETE) stays right too.
 */
static __always_inline int decrement_ttl(struct __sk_buff *skb, const struct packet *pkt)
{
	struct {
		__u8 ttl;
		__u8 proto;
		__be16 check;
	} word;
	__u32 sum;

	if (pkt->flags & PKT_V6) {
		__u8 hop_limit = pkt->ttl - 1;

		/* No checksum covers it but the hardware's over the packet. */
		return bpf_skb_store_bytes(skb, IP_OFF + 7, &hop_limit, sizeof(hop_limit), BPF_F_RECOMPUTE_CSUM);
	}
	__builtin_memcpy(&word, &pkt->ttl_word, sizeof(word));
	word.ttl--;
	sum = bpf_ntohs(word.check) + 0x0100;
	word.check = bpf_htons((__u16)(sum + (sum >= 0xffff)));
	return bpf_skb_store_bytes(skb, IP_OFF + 8, &word, sizeof(word), 0);
}
