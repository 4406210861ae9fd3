/*
 * ICMP that the gateway itself sends: echo replies (RFC 792) and errors about packets it cannot forward (RFC 1812).
 *
 * Exits: answer to the guest; DROP_GATEWAY_NOT_SERVED, DROP_REWRITE_FAILED for requests to the gateway;
 * for errors the reason that the caller gives (counted also when an error goes back), or DROP_REPLY_RATE_LIMITED.
 */
#pragma once

#include "antispoof.h"
#include "checksum.h"
#include "deliver.h"
#include "proto.h"

/* How much of the offending packet an error quotes. RFC 792 asks for the header and 8 bytes. */
#define QUOTE_MAX 128
/* Per port: one error in 10 ms, after a burst of 20. */
#define ERROR_INTERVAL_NS 10000000ULL
#define ERROR_BURST_NS (20 * ERROR_INTERVAL_NS)
#define GATEWAY_TTL 64

/* What the sender is told, in either IP version. */
enum error_kind {
	ERROR_UNREACHABLE,
	ERROR_TIME_EXCEEDED,
	ERROR_TOO_BIG,
};

struct icmp_error {
	__u32 reason;
	__u16 kind; /* enum error_kind */
	__u16 mtu;  /* ERROR_TOO_BIG: of the next hop (RFC 1191, RFC 8201) */
};

/* Ethernet, IPv4 and ICMP headers of an error; 16-bit aligned, because the IP header starts at byte 14. */
struct error_headers {
	__u16 dst[3];
	__u16 src[3];
	__be16 ethertype;
	__u8 ip[20];
	__u8 icmp[8];
};

/* Whether the guest may get another error now. Two CPUs at once: one of them is refused, which errs on the safe side. */
static __always_inline int error_permitted(__u32 slot)
{
	struct limit *limit = bpf_map_lookup_elem(&limits, &slot);
	__u64 now = bpf_ktime_get_ns(), seen, due;

	if (!limit)
		return 0;
	seen = limit->due_ns;
	due = seen > now ? seen : now;
	if (due - now >= ERROR_BURST_NS)
		return 0;
	return __sync_val_compare_and_swap(&limit->due_ns, seen, due + ERROR_INTERVAL_NS) == seen;
}

/* No error about an error, about a fragment but the first, or to a source that is not one host (RFC 1122, 3.2.2). */
static __always_inline int deserves_error(const struct packet *pkt)
{
	if ((pkt->flags & (PKT_LATER | PKT_ERROR)) || !addr_is_host(&pkt->saddr))
		return 0;
	return !((pkt->flags & (PKT_ICMP | PKT_V6)) == PKT_ICMP && pkt->choice >> 8 == ICMP_REDIRECT);
}

/*
 * A packet from a tap may carry a request to fill in its transport checksum (CHECKSUM_PARTIAL), and the kernel would
 * then do so in the middle of our quotation, whose sum the ICMP checksum already covers. Programs can neither see nor
 * clear the request. So the quoted checksum field gets the one value that filling in does not change: with R the sum
 * of the other quoted transport bytes, the kernel writes f' = -(R + f), which is f itself for f = -R/2 modulo 65535.
 * `sum` is that of the whole quotation; its IP header adds nothing to it, because a header with its checksum sums up to
 * zero; an IPv6 header is not part of it. Returns the new sum. Checksums that are complete already stay: some route
 * tracers know their probes by them.
 */
static __always_inline int is_complete(const struct packet *pkt, __u32 quoted, __u32 sum, __u16 checksum)
{
	__u32 pseudo = bpf_csum_diff(0, 0, (__be32 *)&pkt->saddr, sizeof(pkt->saddr), bpf_htons(pkt->proto));

	pseudo = bpf_csum_diff(0, 0, (__be32 *)&pkt->daddr, sizeof(pkt->daddr), pseudo);
	pseudo = (pseudo & 0xffff) + (pseudo >> 16) + bpf_htons(pkt->rest);

	/* In UDP 0 says that there is none. */
	if (!checksum && pkt->proto == IPPROTO_UDP)
		return 1;
	return quoted == pkt->ip_len && !fold((sum & 0xffff) + (sum >> 16) + pseudo);
}

static __always_inline __u32 settle_checksum(struct __sk_buff *skb, const struct packet *pkt, __u32 quoted, __u32 sum)
{
	__u32 field = pkt->l4 - IP_OFF + (pkt->proto == IPPROTO_TCP ? 16 : 6);
	__u32 rest, half;
	__u16 old, settled;

	if ((pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP) || field + 2 > quoted)
		return sum;
	if (bpf_skb_load_bytes(skb, IP_OFF + field, &old, sizeof(old)) || is_complete(pkt, quoted, sum, old))
		return sum;
	/* fold() complements, so this is -(R) modulo 65535, for R = sum - old. */
	rest = fold((sum & 0xffff) + (sum >> 16) + (__u16)~old);
	half = rest & 1 ? (rest + 65535) / 2 : rest / 2;
	settled = half;
	if (bpf_skb_store_bytes(skb, IP_OFF + field, &settled, sizeof(settled), 0))
		return sum;
	return (sum & 0xffff) + (sum >> 16) + (__u16)~old + settled;
}

static __always_inline void fill_error(struct error_headers *out, const struct port *port, const struct packet *pkt,
				       const struct icmp_error *error, __u32 quoted, __u32 quote_sum)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = 0xc0, /* internetwork control (RFC 1812, 4.3.2.5) */
		.tot_len = bpf_htons(sizeof(out->ip) + sizeof(out->icmp) + quoted),
		.ttl = GATEWAY_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = port->gateway_ip,
		.daddr = pkt->saddr.w[3],
	};
	struct icmp_header icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH };

	if (error->kind == ERROR_TIME_EXCEEDED) {
		icmp.type = ICMP_TIME_EXCEEDED;
		icmp.code = ICMP_EXC_TTL;
	} else if (error->kind == ERROR_TOO_BIG) {
		icmp.code = ICMP_FRAG_NEEDED;
		icmp.mtu = bpf_htons(error->mtu);
	}

	ip.check = fold(bpf_csum_diff(0, 0, (__be32 *)&ip, sizeof(ip), 0));
	icmp.checksum = fold(bpf_csum_diff(0, 0, (__be32 *)&icmp, sizeof(icmp), quote_sum));

	__builtin_memcpy(out->dst, port->mac, ETH_ALEN);
	__builtin_memcpy(out->src, port->gw_mac, ETH_ALEN);
	out->ethertype = bpf_htons(ETH_P_IP);
	__builtin_memcpy(out->ip, &ip, sizeof(ip));
	__builtin_memcpy(out->icmp, &icmp, sizeof(icmp));
}

/* Turns the packet into an ICMP error about itself: cut to the quotation, 28 bytes of headers put before it. */
static __always_inline int rewrite_as_error(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
					    const struct icmp_error *error)
{
	__u32 quoted = pkt->ip_len < QUOTE_MAX ? pkt->ip_len : QUOTE_MAX;
	struct scratch *scratch = own_scratch();
	__u8 *quote;
	struct error_headers headers;
	__u32 sum;

	if (!scratch)
		return -1;
	quote = (void *)scratch->words;
	__builtin_memset(quote, 0, QUOTE_MAX);
	/* The verifier must see a length of 1 to QUOTE_MAX; an IP packet has 20 bytes or more anyway. */
	if (quoted < sizeof(struct iphdr) || bpf_skb_load_bytes(skb, IP_OFF, quote, quoted))
		return -1;
	sum = bpf_csum_diff(0, 0, (__be32 *)quote, QUOTE_MAX, 0);
	/* Also drops the GSO state: the answer is one small packet, whatever it is about. */
	if (bpf_skb_change_tail(skb, IP_OFF + quoted, 0))
		return -1;
	if (port->flags & PORT_TAP)
		sum = settle_checksum(skb, pkt, quoted, sum);
	if (bpf_skb_adjust_room(skb, sizeof(headers.ip) + sizeof(headers.icmp), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	fill_error(&headers, port, pkt, error, quoted, sum);
	return bpf_skb_store_bytes(skb, 0, &headers, sizeof(headers), 0);
}

/* Drops the packet for `error->reason` and tells the sender why, unless it may not be told or was told too often. */
__noinline int reject(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
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
	if (rewrite_as_error(skb, port, pkt, error))
		return TC_ACT_SHOT;
	size.bytes = skb->len;
	count_rx(port->slot, size);
	return answer(skb, port);
}

/* Answers an echo request in place: addresses swapped, type 8 to 0, a fresh TTL. Everything else stays as sent. */
static __always_inline int rewrite_as_echo_reply(struct __sk_buff *skb, const struct port *port,
						 const struct packet *pkt)
{
	__u32 icmp = pkt->l4;
	__be32 addresses[2] = { pkt->daddr.w[3], pkt->saddr.w[3] };
	__u8 ttl = GATEWAY_TTL, type = ICMP_ECHOREPLY;
	__be16 old_word = bpf_htons(pkt->ttl << 8 | pkt->proto), new_word = bpf_htons(GATEWAY_TTL << 8 | pkt->proto);

	/* Swapping the addresses leaves the header's sum as it is. */
	return write_macs(skb, port->mac, port->gw_mac) ||
	       bpf_skb_store_bytes(skb, IP_OFF + 12, addresses, sizeof(addresses), 0) ||
	       bpf_skb_store_bytes(skb, IP_OFF + 8, &ttl, sizeof(ttl), 0) ||
	       bpf_l3_csum_replace(skb, IP_OFF + 10, old_word, new_word, 2) ||
	       bpf_skb_store_bytes(skb, icmp, &type, sizeof(type), 0) ||
	       bpf_l4_csum_replace(skb, icmp + 2, bpf_htons(ICMP_ECHO << 8), 0, 2);
}

/* A packet for a gateway address of the VPC. Fragments are not served: nothing here puts them together. */
__noinline int serve_gateway(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	struct wire_size size = { .packets = 1, .bytes = skb->len };

	if (!port || !pkt)
		return TC_ACT_SHOT;
	if (!(pkt->flags & PKT_ICMP) || (pkt->flags & (PKT_FIRST | PKT_LATER)) || pkt->choice != ICMP_ECHO << 8)
		return drop(skb, port->slot, DROP_GATEWAY_NOT_SERVED);
	if (rewrite_as_echo_reply(skb, port, pkt))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	count_tx(port->slot, size);
	count_rx(port->slot, size);
	return answer(skb, port);
}
