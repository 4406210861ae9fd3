/*
 * Neighbour discovery is answered here and never forwarded (RFC 4861): the gateway, which is fe80::1 on every subnet,
 * every endpoint of the guest's own subnet, and router solicitations.
 *
 * Exits: answer to the guest; DROP_IPV6_NOT_ENABLED, DROP_TRUNCATED, DROP_BAD_ND, DROP_SPOOFED_ND, DROP_SPOOFED_RA,
 * DROP_ICMP_REDIRECT, DROP_ND_NOT_FORWARDED, DROP_ND_UNKNOWN_TARGET, DROP_RA_NOT_SERVED, DROP_REWRITE_FAILED.
 *
 * Link-local sources other than the gateway's are accepted whatever their interface identifier is, because hosts make
 * it up (RFC 8064) and nothing that they send with it goes further than this.
 */
#pragma once

#include "antispoof.h"
#include "reply.h"

#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define ND_REDIRECT 137

#define ND_OPT_SOURCE_MAC 1
#define ND_OPT_TARGET_MAC 2
/* Nobody sends more; what comes after is not looked at, so a message with more is refused. */
#define ND_OPTIONS_MAX 16

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

/* A message up to its options. A router solicitation ends before the target. */
struct nd_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 flags;
	__u8 reserved[3];
	struct in6_addr target;
};

#define ND_SOLICIT_LEN 8

struct nd_advert {
	struct nd_message nd;
	__u8 option;
	__u8 option_len; /* in 8 bytes */
	__u16 mac[3];
};

/* An answer in the making; in the scratch memory. */
struct nd_reply {
	struct ethernet_ipv6 head;
	struct nd_advert advert;
};

struct nd_options {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	__u16 mac[3];
	__u8 wanted; /* the option that `mac` is of */
	__u8 found;
	__u8 bad;
};

/* The same bytes under the name that the maps and the other stages give them. */
static __always_inline const struct addr *as_addr(const struct in6_addr *addr)
{
	return (const struct addr *)addr;
}

static __always_inline int is_unspecified(const struct in6_addr *addr)
{
	return addr_is_zero(as_addr(addr));
}

static __always_inline int is_link_local(const struct in6_addr *addr)
{
	return addr_is_link_local6(as_addr(addr));
}

static __always_inline int is_gateway6(const struct in6_addr *addr)
{
	return addr->s6_addr32[0] == bpf_htonl(0xfe800000) && !addr->s6_addr32[1] && !addr->s6_addr32[2] &&
	       addr->s6_addr32[3] == bpf_htonl(1);
}

static __always_inline void set_gateway6(struct in6_addr *addr)
{
	__builtin_memset(addr, 0, sizeof(*addr));
	addr->s6_addr32[0] = bpf_htonl(0xfe800000);
	addr->s6_addr32[3] = bpf_htonl(1);
}

static __always_inline void set_all_nodes(struct in6_addr *addr)
{
	__builtin_memset(addr, 0, sizeof(*addr));
	addr->s6_addr32[0] = bpf_htonl(0xff020000);
	addr->s6_addr32[3] = bpf_htonl(1);
}

static __always_inline int has_ipv6(const struct port *port)
{
	return !addr_is_zero(&port->subnet6);
}

static __always_inline int same_subnet6(const struct port *port, const struct in6_addr *addr)
{
	return addr_in(as_addr(addr), &port->subnet6, port->prefix6_len);
}

static __always_inline const struct endpoint *endpoint6(const struct port *port, const struct in6_addr *addr)
{
	struct endpoint_key key = { .segment = port->segment, .addr = *as_addr(addr) };

	return bpf_map_lookup_elem(&endpoints, &key);
}

static long read_nd_option(__u32 index, struct nd_options *options)
{
	__u8 head[2];

	if (options->at == options->end)
		return 1;
	options->bad = 1;
	if (options->at + 8 > options->end || bpf_skb_load_bytes(options->skb, options->at, head, sizeof(head)))
		return 1;
	/* Option length 0 must not be believed (RFC 4861, 4.6), or the walk would never end. */
	if (!head[1] || options->at + head[1] * 8 > options->end)
		return 1;
	if (head[0] == options->wanted) {
		if (bpf_skb_load_bytes(options->skb, options->at + 2, options->mac, ETH_ALEN))
			return 1;
		options->found = 1;
	}
	options->bad = 0;
	options->at += head[1] * 8;
	return 0;
}

/* Walks the options. Returns 0 or a drop reason: any address of the sender in them must be the interface's. */
static __noinline int check_nd_options(struct __sk_buff *skb, const struct port *port, __u32 at, __u32 end, __u8 wanted)
{
	struct nd_options options = { .skb = skb, .at = at, .end = end, .wanted = wanted };

	bpf_loop(ND_OPTIONS_MAX, read_nd_option, &options, 0);
	if (options.bad || options.at != end)
		return DROP_BAD_ND;
	if (options.found && !mac_equal(options.mac, port->mac))
		return DROP_SPOOFED_ND;
	return 0;
}

/* Whether the interface may use `addr` in neighbour discovery: one of its own, also of a network delegated to it. */
static __always_inline int speaks_nd_as(struct __sk_buff *skb, const struct port *port, const struct in6_addr *addr)
{
	__u16 cell;

	if (is_link_local(addr))
		return !is_gateway6(addr);
	return owns_address(port, origin(skb), as_addr(addr), &cell);
}

/* The MAC address of whoever has `target`, and the flags to advertise it with. Returns 0 or a drop reason. */
static __always_inline int resolve6(const struct port *port, const struct in6_addr *target, __u16 *mac, __u8 *flags)
{
	const struct endpoint *endpoint;

	*flags = NA_OVERRIDE;
	if (is_gateway6(target)) {
		*flags |= NA_ROUTER;
		__builtin_memcpy(mac, port->gw_mac, ETH_ALEN);
		return 0;
	}
	if (!same_subnet6(port, target))
		return DROP_ND_UNKNOWN_TARGET;
	endpoint = endpoint6(port, target);
	if (!endpoint) {
		struct route_key key = { .prefixlen = 160, .segment = port->segment, .addr = *as_addr(target) };
		const struct route *route;

		/* A delegated prefix of the subnet: its packets are routed, so it is the gateway that takes them. */
		route = bpf_map_lookup_elem(&routes, &key);
		if (!route || route->kind != ROUTE_VIA)
			return DROP_ND_UNKNOWN_TARGET;
		*flags = 0;
		__builtin_memcpy(mac, port->gw_mac, ETH_ALEN);
		return 0;
	}
	if (endpoint->flags & ENDPOINT_GATEWAY)
		*flags |= NA_ROUTER;
	/* A guest that looks for its own address must hear nothing, or duplicate address detection would refuse it. */
	else if (mac_equal(endpoint->mac, port->mac))
		return DROP_ND_NOT_FORWARDED;
	__builtin_memcpy(mac, endpoint->mac, ETH_ALEN);
	return 0;
}

/* Writes an ICMPv6 answer's headers; `fill_checksum6` completes them when all is written. */
static __always_inline void put_headers6(struct writer *out, const struct port *port, struct ethernet_ipv6 *head,
					 __u32 payload)
{
	ethernet_for(head->dst, &head->ip.daddr, port);
	head->ethertype = bpf_htons(ETH_P_IPV6);
	head->ip.version = 6;
	head->ip.payload_len = bpf_htons(payload);
	put(out, head->dst, ETHERNET_IPV6_LEN);
}

static __always_inline void fill_checksum6(struct writer *out, const struct ethernet_ipv6 *head, __u32 field)
{
	__u16 checksum = fold(sum_reply(out, ETHERNET_IPV6_LEN, pseudo_sum6(&head->ip)));

	/* In UDP 0 would say that there is none (RFC 768). */
	if (!checksum && head->ip.nexthdr == IPPROTO_UDP)
		checksum = 0xffff;
	out->failed |= !!bpf_skb_store_bytes(out->skb, field, &checksum, sizeof(checksum), 0);
}

/* An empty answer, or nothing when there is no memory for it. */
static __always_inline struct nd_reply *new_nd_reply(const struct in6_addr *asker)
{
	struct scratch *scratch = own_scratch();
	struct nd_reply *reply;

	if (!scratch)
		return 0;
	reply = (void *)scratch->words;
	__builtin_memset(reply, 0, sizeof(*reply));
	reply->head.ip.nexthdr = IPPROTO_ICMPV6;
	reply->head.ip.hop_limit = ND_HOP_LIMIT;
	/* Who has no address yet is told along with everybody. */
	if (is_unspecified(asker))
		set_all_nodes(&reply->head.ip.daddr);
	else
		reply->head.ip.daddr = *asker;
	return reply;
}

static __noinline int advertise(struct __sk_buff *skb, const struct port *port, const struct in6_addr *asker,
				const struct in6_addr *target)
{
	struct nd_reply *reply = new_nd_reply(asker);
	__u32 asked = skb->len;
	struct nd_advert *advert;
	struct writer out;
	int reason;

	if (!reply)
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	advert = &reply->advert;
	reason = resolve6(port, target, advert->mac, &advert->nd.flags);
	if (reason)
		return drop(skb, port->slot, reason);
	if (!is_unspecified(asker))
		advert->nd.flags |= NA_SOLICITED;
	advert->nd.type = ND_NEIGHBOUR_ADVERT;
	advert->nd.target = *target;
	advert->option = ND_OPT_TARGET_MAC;
	advert->option_len = 1;
	reply->head.ip.saddr = *target;
	__builtin_memcpy(reply->head.src, advert->mac, ETH_ALEN);
	if (begin_reply(skb, &out))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	put_headers6(&out, port, &reply->head, sizeof(*advert));
	put(&out, advert, sizeof(*advert));
	fill_checksum6(&out, &reply->head, ETHERNET_IPV6_LEN + 2);
	return end_reply(&out, port, asked);
}

static __noinline int advertise_router(struct __sk_buff *skb, const struct port *port, const struct in6_addr *asker)
{
	const struct guest_config *config = bpf_map_lookup_elem(&guest_configs, &port->slot);
	__u32 asked = skb->len, len = config ? config->ra_len : 0;
	struct nd_reply *reply = new_nd_reply(asker);
	struct writer out;

	if (!len || len > sizeof(config->ra) || !reply)
		return drop(skb, port->slot, DROP_RA_NOT_SERVED);
	__builtin_memcpy(reply->head.src, port->gw_mac, ETH_ALEN);
	set_gateway6(&reply->head.ip.saddr);
	if (begin_reply(skb, &out))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	put_headers6(&out, port, &reply->head, len);
	put_some(&out, config->ra, len, sizeof(config->ra));
	fill_checksum6(&out, &reply->head, ETHERNET_IPV6_LEN + 2);
	return end_reply(&out, port, asked);
}

/* Reads and checks the headers of a message that directly follows the IPv6 header. Returns 0 or a drop reason. */
static __always_inline int read_nd(struct __sk_buff *skb, struct ipv6hdr *ip, struct nd_message *nd, __u32 *len)
{
	if (bpf_skb_load_bytes(skb, ETH_HLEN, ip, sizeof(*ip)))
		return DROP_TRUNCATED;
	*len = bpf_ntohs(ip->payload_len);
	/* Behind extension headers it could hide from others on its way; and fragments are forbidden (RFC 6980). */
	if (ip->nexthdr != IPPROTO_ICMPV6 || ip->hop_limit != ND_HOP_LIMIT || *len < ND_SOLICIT_LEN)
		return DROP_BAD_ND;
	if (ETHERNET_IPV6_LEN + *len > skb->len || bpf_skb_load_bytes(skb, ETHERNET_IPV6_LEN, nd, ND_SOLICIT_LEN))
		return DROP_TRUNCATED;
	if (nd->type == ND_ROUTER_SOLICIT)
		return nd->code ? DROP_BAD_ND : 0;
	if (nd->code || *len < sizeof(*nd) || bpf_skb_load_bytes(skb, ETHERNET_IPV6_LEN, nd, sizeof(*nd)))
		return DROP_BAD_ND;
	return nd->target.s6_addr[0] == 0xff ? DROP_BAD_ND : 0;
}

/* ICMPv6 types 133 to 137 from a guest. Returns the program's result. */
static __noinline int answer_nd(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	__u32 len = 0, options = ETHERNET_IPV6_LEN + sizeof(struct nd_message);
	struct nd_message nd = {};
	struct ipv6hdr ip;
	int reason, probe;

	if (!has_ipv6(port))
		return drop(skb, port->slot, DROP_IPV6_NOT_ENABLED);
	reason = read_nd(skb, &ip, &nd, &len);
	if (reason)
		return drop(skb, port->slot, reason);
	if (nd.type == ND_ROUTER_ADVERT)
		return drop(skb, port->slot, DROP_SPOOFED_RA);
	if (nd.type == ND_REDIRECT)
		return drop(skb, port->slot, DROP_ICMP_REDIRECT);
	if (nd.type == ND_ROUTER_SOLICIT)
		options = ETHERNET_IPV6_LEN + ND_SOLICIT_LEN;
	probe = is_unspecified(&ip.saddr);
	if (!probe && !speaks_nd_as(skb, port, &ip.saddr))
		return drop(skb, port->slot, DROP_SPOOFED_ND);
	reason = check_nd_options(skb, port, options, ETHERNET_IPV6_LEN + len,
				  nd.type == ND_NEIGHBOUR_ADVERT ? ND_OPT_TARGET_MAC : ND_OPT_SOURCE_MAC);
	if (reason)
		return drop(skb, port->slot, reason);
	if (nd.type == ND_ROUTER_SOLICIT)
		return advertise_router(skb, port, &ip.saddr);
	if (nd.type == ND_NEIGHBOUR_SOLICIT)
		return advertise(skb, port, &ip.saddr, &nd.target);
	return drop(skb, port->slot, speaks_nd_as(skb, port, &nd.target) ? DROP_ND_NOT_FORWARDED : DROP_SPOOFED_ND);
}
