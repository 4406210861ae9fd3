/*
 * ICMP errors: let pass only about packets that were sent (RFC 5927).
 *
 * Exits: is_related() says yes or no.
 */
#pragma once

#include "tcp.h"
#include "flow.h"

/* Reads the quotation: an IP header and 8 bytes behind it. Returns 0 if it names a packet that can have a flow. */
static __always_inline int read_quote(struct __sk_buff *skb, const struct packet *pkt, struct packet *quote)
{
	__u32 v6 = pkt->flags & PKT_V6, at = pkt->l4 + 8, hlen = IPV6_HLEN, end = IP_OFF + pkt->ip_len;
	struct wire_transport inner;

	if (v6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 6)
			return -1;
		__builtin_memcpy(&quote->saddr, &ip.saddr, sizeof(quote->saddr));
		__builtin_memcpy(&quote->daddr, &ip.daddr, sizeof(quote->daddr));
		quote->proto = ip.nexthdr;
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
		    (ip.frag_off & bpf_htons(IP_OFFSET)))
			return -1;
		addr_from_v4(&quote->saddr, ip.saddr);
		addr_from_v4(&quote->daddr, ip.daddr);
		quote->proto = ip.protocol;
		hlen = ip.ihl * 4;
	}
	if (at + hlen + 8 > end || bpf_skb_load_bytes(skb, at + hlen, &inner, 8))
		return -1;
	if (quote->proto == IPPROTO_TCP || quote->proto == IPPROTO_UDP) {
		quote->sport = inner.tcp.sport;
		quote->dport = inner.tcp.dport;
		quote->seq = bpf_ntohl(inner.tcp.seq);
	} else if (quote->proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		/* Errors are not answered by errors. */
		if (is_icmp_error(v6, inner.icmp.type) || inner.icmp.type == (v6 ? ICMP6_LAST_ND : ICMP_REDIRECT))
			return -1;
		icmp_ports(v6, inner.icmp.type, inner.icmp.code, inner.icmp.id, &quote->sport, &quote->dport);
	}
	return 0;
}

/*
 * Of whom a packet tells: its source, or, as any router on the way may send an ICMP error, whom the quoted packet was for.
 * Returns 0, or -1 if an error quotes none.
 */
static __noinline int subject_of(struct __sk_buff *skb, const struct packet *pkt, struct addr *addr)
{
	__u32 at = pkt->l4 + 8;
	__be32 ip;

	if (!(pkt->flags & PKT_ERROR)) {
		*addr = pkt->saddr;
		return 0;
	}
	if (pkt->flags & PKT_V6)
		return bpf_skb_load_bytes(skb, at + 24, addr, sizeof(*addr));
	if (bpf_skb_load_bytes(skb, at + 16, &ip, sizeof(ip)))
		return -1;
	addr_from_v4(addr, ip);
	return 0;
}

/* Whether the quoted sequence number may be under way. `o`: the direction of the quoted packet, `d`: the error's. */
static __always_inline int has_sent(const struct flow *flow, const struct flow_dir *o, const struct flow_dir *d,
				    __u32 seq)
{
	if (flow->flags & FLOW_LOOSE)
		return 1;
	return (o->tcp & TCP_SEEN) && !((d->tcp & TCP_ACKED) && before(seq, d->ack)) && !before(o->end, seq);
}

/*
 * Whether an ICMP error is about a packet of a live flow that its receiver has sent. A flow that is to be judged again says
 * nothing until its next packet has been: what has cut it off would have left errors a way through. What is quoted stands in
 * the scratch memory.
 */
__noinline int is_related(struct __sk_buff *skb, const struct packet *pkt, __u32 segment, __u32 filtering)
{
	struct scratch *scratch = own_scratch();
	const struct flow *flow;
	struct packet *quote;
	struct flow_key key;
	__u32 end;

	if (!pkt || !scratch)
		return 0;
	quote = &scratch->quote;
	quote->sport = 0;
	quote->dport = 0;
	if (read_quote(skb, pkt, quote) || !addr_equal(&quote->saddr, &pkt->daddr))
		return 0;
	end = flow_key_of(&key, segment, quote);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || has_expired(flow, ticks_now()) || flow->judged != judgement(flow->slot))
		return 0;
	if (quote->proto != IPPROTO_TCP || !filtering)
		return 1;
	return end ? has_sent(flow, &flow->dir[1], &flow->dir[0], quote->seq) :
		     has_sent(flow, &flow->dir[0], &flow->dir[1], quote->seq);
}
