/*
 * Challenge ACKs (RFC 5961, 4): who sends a SYN into a connection that is open is told its state, as the receiver would.
 * A host that has really lost the connection answers with a RST that fits; a blind attacker never sees the challenge.
 *
 * Exits: the challenge to the sender; DROP_TCP_SYN_IN_CONNECTION (counted also when a challenge goes back), or
 * DROP_REPLY_RATE_LIMITED.
 */
#pragma once

#include "icmp.h"
#include "judge.h"
#include "overlay.h"

struct challenge_tcp {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

/* The IP header's bytes that change beside the addresses, and the addresses. */
static __always_inline int write_challenge_ip(struct __sk_buff *skb, const struct packet *pkt)
{
	if (pkt->flags & PKT_V6) {
		struct ipv6hdr ip = {
			.version = 6,
			.payload_len = bpf_htons(sizeof(struct challenge_tcp)),
			.nexthdr = IPPROTO_TCP,
			.hop_limit = GATEWAY_TTL,
		};

		__builtin_memcpy(&ip.saddr, &pkt->daddr, sizeof(ip.saddr));
		__builtin_memcpy(&ip.daddr, &pkt->saddr, sizeof(ip.daddr));
		return bpf_skb_store_bytes(skb, IP_OFF, &ip, sizeof(ip), 0);
	}
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(ip) + sizeof(struct challenge_tcp)),
		.frag_off = bpf_htons(IP_DF),
		.ttl = GATEWAY_TTL,
		.protocol = IPPROTO_TCP,
		.saddr = pkt->daddr.w[3],
		.daddr = pkt->saddr.w[3],
	};

	ip.check = fold(bpf_csum_diff(0, 0, (__be32 *)&ip, sizeof(ip), 0));
	return bpf_skb_store_bytes(skb, IP_OFF, &ip, sizeof(ip), 0);
}

static __always_inline int write_challenge_tcp(struct __sk_buff *skb, const struct packet *pkt, const struct way *way,
					       __u32 at)
{
	struct challenge_tcp tcp = {
		.sport = pkt->dport,
		.dport = pkt->sport,
		.seq = bpf_htonl(way->seq),
		.ack = bpf_htonl(way->ack),
		.offset = sizeof(tcp) / 4 << 4,
		.flags = TH_ACK,
	};
	/* IPv4's mapping adds 0xffff for each address, which is nothing in this arithmetic. */
	__u32 sum = bpf_csum_diff(0, 0, (__be32 *)&pkt->saddr, 2 * sizeof(pkt->saddr),
				  bpf_htons(IPPROTO_TCP) + bpf_htons(sizeof(tcp)));

	tcp.checksum = fold(bpf_csum_diff(0, 0, (__be32 *)&tcp, sizeof(tcp), sum));
	return bpf_skb_store_bytes(skb, at, &tcp, sizeof(tcp), 0);
}

/* Turns the SYN into the receiver's answer. The TCP header keeps no options. */
static __always_inline int rewrite_as_challenge(struct __sk_buff *skb, const struct packet *pkt, const struct way *way)
{
	__u32 hlen = pkt->flags & PKT_V6 ? IPV6_HLEN : sizeof(struct iphdr);

	return bpf_skb_change_tail(skb, IP_OFF + hlen + sizeof(struct challenge_tcp), 0) || write_challenge_ip(skb, pkt) ||
	       write_challenge_tcp(skb, pkt, way, IP_OFF + hlen);
}

/* For a guest of this host: drops its SYN and sends the challenge. `port`: the sender's. */
__noinline int challenge(struct __sk_buff *skb, const struct port *port, const struct packet *pkt, const struct way *way)
{
	struct wire_size size = { .packets = 1 };

	if (!port || !pkt || !way)
		return TC_ACT_SHOT;
	if (!error_permitted(port->slot))
		return drop(skb, port->slot, DROP_REPLY_RATE_LIMITED);
	refuse_flow(skb, pkt, way, DROP_TCP_SYN_IN_CONNECTION);
	/* Frames of a flow carry the address that answers come from as their destination. */
	if (rewrite_as_challenge(skb, pkt, way) || write_macs(skb, port->mac, pkt->dst))
		return TC_ACT_SHOT;
	size.bytes = skb->len;
	count_rx(port->slot, size);
	return answer(skb, port);
}

/* For a guest of another host: the challenge goes back through the tunnel, as if the receiver had sent it. */
__noinline int challenge_over(struct __sk_buff *skb, const struct packet *pkt, const struct way *way)
{
	__u16 mac[3];
	const struct iface *receiver;
	int result;

	if (!pkt || !way)
		return TC_ACT_SHOT;
	receiver = iface_of(way->slot[1]);
	if (!receiver || !error_permitted(way->slot[1]))
		return drop(skb, way->slot[1], DROP_REPLY_RATE_LIMITED);
	refuse_flow(skb, pkt, way, DROP_TCP_SYN_IN_CONNECTION);
	if (way->hop & HOP_ROUTED)
		reserved_mac(mac, OVERLAY_ROUTED);
	else
		__builtin_memcpy(mac, pkt->src, ETH_ALEN);
	if (rewrite_as_challenge(skb, pkt, way) || write_macs(skb, mac, receiver->mac))
		return TC_ACT_SHOT;
	result = to_vtep(skb, way->segment, way->from);
	return result < 0 ? TC_ACT_SHOT : result;
}
