/*
 * DHCP for IPv6 (RFC 8415) is answered here, like DHCPv4 without a memory: an identity association for addresses gets
 * the interface's address, one for prefixes the prefix that is delegated to it. Of each kind the first one counts.
 *
 * Exits: answer to the guest; DROP_IPV6_NOT_ENABLED, DROP_TRUNCATED, DROP_BAD_DHCP, DROP_SPOOFED_DHCP,
 * DROP_DHCP_SERVER_SPOOFED, DROP_DHCP_NOT_SERVED, DROP_REWRITE_FAILED.
 */
#pragma once

#include "nd.h"

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547

#define DHCP6_SOLICIT 1
#define DHCP6_ADVERTISE 2
#define DHCP6_REQUEST 3
#define DHCP6_CONFIRM 4
#define DHCP6_RENEW 5
#define DHCP6_REBIND 6
#define DHCP6_REPLY 7
#define DHCP6_RELEASE 8
#define DHCP6_DECLINE 9
#define DHCP6_INFORMATION 11

#define DHCP6_OPT_CLIENT_ID 1
#define DHCP6_OPT_SERVER_ID 2
#define DHCP6_OPT_IA_NA 3
#define DHCP6_OPT_IA_ADDR 5
#define DHCP6_OPT_STATUS 13
#define DHCP6_OPT_RAPID_COMMIT 14
#define DHCP6_OPT_IA_PD 25
#define DHCP6_OPT_IA_PREFIX 26

#define DHCP6_SUCCESS 0
#define DHCP6_NO_ADDRESS 2
#define DHCP6_NOT_ON_LINK 4
#define DHCP6_NO_PREFIX 6

#define DHCP6_OPTIONS_WALKED 64
/* A DUID has at most 128 bytes after its type (RFC 8415, 11.1); with code and length of the option. */
#define DUID_MAX 130
#define DHCP6_AT (ETHERNET_IPV6_LEN + sizeof(struct udphdr))
#define DHCP6_OPTIONS_AT (DHCP6_AT + 4)

struct dhcp6_option {
	__be16 code;
	__be16 len;
};

/* An identity association as asked for: the first address or prefix in it, if there is one. */
struct dhcp6_ia {
	__be32 iaid;
	__u8 asked;
	__u8 named;
	__u8 prefix_len;
	__u8 pad;
	struct in6_addr addr;
};

/* What is known of the question; in the scratch memory. */
struct dhcp6_work {
	struct ethernet_ipv6 head; /* of the question, then of the answer */
	struct udphdr udp;
	struct dhcp6_ia na;
	struct dhcp6_ia pd;
	__u32 client_len; /* 0: none */
	__u8 first[4];	  /* message type and transaction */
	__u8 server;	  /* 1: ours was named, 2: another */
	__u8 rapid;
	__u8 bad;
	__u8 type;
	__u8 client[sizeof(struct dhcp6_option) + DUID_MAX]; /* the client's identifier as it came */
};

struct dhcp6_walk {
	struct __sk_buff *skb;
	const struct port *port;
	struct dhcp6_work *work;
	__u32 at;
	__u32 end;
};

/* Our own identifier: DUID-LL of the gateway's MAC address (RFC 8415, 11.4). */
struct dhcp6_server_id {
	struct dhcp6_option option;
	__be16 type;
	__be16 hardware;
	__u16 mac[3];
};

static __always_inline void set_server_id(struct dhcp6_server_id *id, const struct port *port)
{
	id->option.code = bpf_htons(DHCP6_OPT_SERVER_ID);
	id->option.len = bpf_htons(sizeof(*id) - sizeof(id->option));
	id->type = bpf_htons(3);
	id->hardware = bpf_htons(ARPHRD_ETHER);
	__builtin_memcpy(id->mac, port->gw_mac, ETH_ALEN);
}

static __always_inline int read_server_id(struct dhcp6_walk *walk, __u32 len)
{
	struct dhcp6_server_id ours, theirs;

	walk->work->server = 2;
	if (len != sizeof(ours) - sizeof(ours.option))
		return 0;
	if (bpf_skb_load_bytes(walk->skb, walk->at, &theirs, sizeof(theirs)))
		return -1;
	set_server_id(&ours, walk->port);
	if (theirs.type == ours.type && theirs.hardware == ours.hardware && mac_equal(theirs.mac, ours.mac))
		walk->work->server = 1;
	return 0;
}

static __always_inline int read_client_id(struct dhcp6_walk *walk, __u32 len)
{
	__u32 size = sizeof(struct dhcp6_option) + len;

	if (!len || len > DUID_MAX)
		return -1;
	walk->work->client_len = size;
	barrier_var(size);
	if (size > sizeof(walk->work->client))
		return -1;
	barrier_var(size);
	return !size || bpf_skb_load_bytes(walk->skb, walk->at, walk->work->client, size);
}

/* Reads an identity association of `len` bytes: identifier, two times, and the first option in it. */
static __always_inline int read_ia(struct dhcp6_walk *walk, struct dhcp6_ia *ia, __u32 len, __u16 inner_code)
{
	__u32 at = walk->at + sizeof(struct dhcp6_option), wanted = inner_code == DHCP6_OPT_IA_ADDR ? 24 : 25;
	struct dhcp6_option inner;

	if (ia->asked)
		return 0;
	if (len < 12 || bpf_skb_load_bytes(walk->skb, at, &ia->iaid, sizeof(ia->iaid)))
		return -1;
	ia->asked = 1;
	if (len < 12 + sizeof(inner) + wanted)
		return 0;
	at += 12;
	if (bpf_skb_load_bytes(walk->skb, at, &inner, sizeof(inner)))
		return -1;
	if (inner.code != bpf_htons(inner_code) || bpf_ntohs(inner.len) < wanted)
		return 0;
	ia->named = 1;
	at += sizeof(inner);
	if (inner_code == DHCP6_OPT_IA_ADDR)
		return bpf_skb_load_bytes(walk->skb, at, &ia->addr, sizeof(ia->addr));
	return bpf_skb_load_bytes(walk->skb, at + 8, &ia->prefix_len, 1) ||
	       bpf_skb_load_bytes(walk->skb, at + 9, &ia->addr, sizeof(ia->addr));
}

/* Reads what the option says. Returns 0 unless it is malformed. */
static __always_inline int keep_dhcp6_option(struct dhcp6_walk *walk, __u32 code, __u32 len)
{
	switch (code) {
	case DHCP6_OPT_CLIENT_ID:
		return read_client_id(walk, len);
	case DHCP6_OPT_SERVER_ID:
		return read_server_id(walk, len);
	case DHCP6_OPT_RAPID_COMMIT:
		walk->work->rapid = 1;
		return 0;
	case DHCP6_OPT_IA_NA:
		return read_ia(walk, &walk->work->na, len, DHCP6_OPT_IA_ADDR);
	case DHCP6_OPT_IA_PD:
		return read_ia(walk, &walk->work->pd, len, DHCP6_OPT_IA_PREFIX);
	}
	return 0;
}

/* Reads one option. Returns 1 at the end, or when the walk cannot go on: `bad` says so. */
static long read_dhcp6_option(__u32 index, struct dhcp6_walk *walk)
{
	struct dhcp6_option option;
	__u32 len;

	if (walk->at == walk->end)
		return 1;
	walk->work->bad = 1;
	if (walk->at + sizeof(option) > walk->end ||
	    bpf_skb_load_bytes(walk->skb, walk->at, &option, sizeof(option)))
		return 1;
	len = bpf_ntohs(option.len);
	if (walk->at + sizeof(option) + len > walk->end || keep_dhcp6_option(walk, bpf_ntohs(option.code), len))
		return 1;
	walk->work->bad = 0;
	walk->at += sizeof(option) + len;
	return 0;
}

/* Whether the message has what its type must have and nothing that it must not (RFC 8415, 16). Returns 0 or a reason. */
static __always_inline int check_dhcp6(const struct dhcp6_work *ask)
{
	switch (ask->type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND:
		return ask->client_len && !ask->server ? 0 : DROP_BAD_DHCP;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		if (!ask->client_len || !ask->server)
			return DROP_BAD_DHCP;
		return ask->server == 1 ? 0 : DROP_DHCP_NOT_SERVED;
	case DHCP6_INFORMATION:
		if (ask->na.asked || ask->pd.asked)
			return DROP_BAD_DHCP;
		return ask->server == 2 ? DROP_DHCP_NOT_SERVED : 0;
	}
	return DROP_DHCP_NOT_SERVED;
}

static __always_inline void put_status6(struct writer *out, __u16 code)
{
	__be16 status[3] = { bpf_htons(DHCP6_OPT_STATUS), bpf_htons(2), bpf_htons(code) };

	put(out, status, sizeof(status));
}

static __always_inline void put_ia_head(struct writer *out, __u16 code, const struct dhcp6_ia *ia, __u32 inner,
					__u32 lease)
{
	__be32 head[4] = { bpf_htonl(code << 16 | (12 + inner)), ia->iaid, bpf_htonl(lease / 2),
			   bpf_htonl(lease - lease / 5) };

	put(out, head, sizeof(head));
}

static __always_inline void put_ia_address(struct writer *out, const void *addr, __u32 lease)
{
	__be32 option[7] = { bpf_htonl(DHCP6_OPT_IA_ADDR << 16 | 24) };

	__builtin_memcpy(option + 1, addr, sizeof(struct addr));
	option[5] = bpf_htonl(lease);
	option[6] = bpf_htonl(lease);
	put(out, option, sizeof(option));
}

static __always_inline void put_ia_prefix(struct writer *out, const void *addr, __u8 len, __u32 lease)
{
	__be32 head[3] = { bpf_htonl(DHCP6_OPT_IA_PREFIX << 16 | 25), bpf_htonl(lease), bpf_htonl(lease) };

	put(out, head, sizeof(head));
	put(out, &len, sizeof(len));
	put(out, addr, sizeof(struct addr));
}

/* An address that the client has and should not have comes back with no time to live (RFC 8415, 18.3.4). */
static __noinline int put_ia_na(struct writer *out, const struct dhcp6_ia *ia, const struct guest_config *config,
				__u8 type)
{
	int other = ia->named && type != DHCP6_SOLICIT && type != DHCP6_REQUEST;

	if (addr_is_zero(&config->addr6)) {
		put_ia_head(out, DHCP6_OPT_IA_NA, ia, 6 + (other ? 28 : 0), 0);
		if (other)
			put_ia_address(out, &ia->addr, 0);
		put_status6(out, DHCP6_NO_ADDRESS);
		return 0;
	}
	if (addr_equal(as_addr(&ia->addr), &config->addr6))
		other = 0;
	put_ia_head(out, DHCP6_OPT_IA_NA, ia, other ? 56 : 28, config->lease);
	put_ia_address(out, &config->addr6, config->lease);
	if (other)
		put_ia_address(out, &ia->addr, 0);
	return 0;
}

static __noinline int put_ia_pd(struct writer *out, const struct dhcp6_ia *ia, const struct guest_config *config,
				__u8 type)
{
	int other = ia->named && type != DHCP6_SOLICIT && type != DHCP6_REQUEST;

	if (addr_is_zero(&config->prefix6)) {
		put_ia_head(out, DHCP6_OPT_IA_PD, ia, 6 + (other ? 29 : 0), 0);
		if (other)
			put_ia_prefix(out, &ia->addr, ia->prefix_len, 0);
		put_status6(out, DHCP6_NO_PREFIX);
		return 0;
	}
	if (addr_equal(as_addr(&ia->addr), &config->prefix6) && ia->prefix_len == config->prefix6_len)
		other = 0;
	put_ia_head(out, DHCP6_OPT_IA_PD, ia, other ? 58 : 29, config->lease);
	put_ia_prefix(out, &config->prefix6, config->prefix6_len, config->lease);
	if (other)
		put_ia_prefix(out, &ia->addr, ia->prefix_len, 0);
	return 0;
}

/* What stands between the identifiers and the options that are the same for all. */
static __always_inline void put_dhcp6_body(struct writer *out, const struct port *port, const struct dhcp6_work *ask,
					   const struct guest_config *config)
{
	__be32 rapid = bpf_htonl(DHCP6_OPT_RAPID_COMMIT << 16);

	switch (ask->type) {
	case DHCP6_CONFIRM:
		put_status6(out, same_subnet6(port, &ask->na.addr) ? DHCP6_SUCCESS : DHCP6_NOT_ON_LINK);
		return;
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		put_status6(out, DHCP6_SUCCESS);
		return;
	case DHCP6_SOLICIT:
		if (ask->rapid)
			put(out, &rapid, sizeof(rapid));
		break;
	}
	if (ask->na.asked)
		put_ia_na(out, &ask->na, config, ask->type);
	if (ask->pd.asked)
		put_ia_pd(out, &ask->pd, config, ask->type);
}

/* Writes headers, lengths and checksum when everything else is in the frame. */
static __always_inline void seal_dhcp6(struct writer *out, const struct port *port, struct dhcp6_work *ask)
{
	__u32 end = out->at, len = end - ETHERNET_IPV6_LEN;
	struct ethernet_ipv6 *head = &ask->head;

	__builtin_memcpy(head->src, port->gw_mac, ETH_ALEN);
	head->ip.daddr = head->ip.saddr;
	set_gateway6(&head->ip.saddr);
	head->ip.hop_limit = ND_HOP_LIMIT;
	ask->udp.source = bpf_htons(DHCP6_SERVER_PORT);
	ask->udp.dest = bpf_htons(DHCP6_CLIENT_PORT);
	ask->udp.len = bpf_htons(len);
	ask->udp.check = 0;
	out->at = 0;
	put_headers6(out, port, head, len);
	put(out, &ask->udp, sizeof(ask->udp));
	out->at = end;
	fill_checksum6(out, head, ETHERNET_IPV6_LEN + 6);
}

static __noinline int reply_dhcp6(struct __sk_buff *skb, const struct port *port, struct dhcp6_work *ask)
{
	const struct guest_config *config = bpf_map_lookup_elem(&guest_configs, &port->slot);
	struct dhcp6_server_id server;
	__u32 asked = skb->len;
	struct writer out;

	ask->first[0] = ask->type == DHCP6_SOLICIT && !ask->rapid ? DHCP6_ADVERTISE : DHCP6_REPLY;
	if (!config || begin_reply(skb, &out))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	out.at = DHCP6_AT;
	put(&out, ask->first, sizeof(ask->first));
	put_some(&out, ask->client, ask->client_len, sizeof(ask->client));
	set_server_id(&server, port);
	put(&out, &server, sizeof(server));
	put_dhcp6_body(&out, port, ask, config);
	put_some(&out, config->dhcp6, config->dhcp6_len, sizeof(config->dhcp6));
	seal_dhcp6(&out, port, ask);
	return end_reply(&out, port, asked);
}

/* To all servers and relays of the link (RFC 8415, 7.1), or to the gateway. */
static __always_inline int is_for_dhcp6(const struct in6_addr *addr)
{
	return (addr->s6_addr32[0] == bpf_htonl(0xff020000) && !addr->s6_addr32[1] && !addr->s6_addr32[2] &&
		addr->s6_addr32[3] == bpf_htonl(0x00010002)) || is_gateway6(addr);
}

/* Reads and checks the headers. Returns 0 or a drop reason. */
static __always_inline int read_dhcp6(struct __sk_buff *skb, struct dhcp6_walk *walk)
{
	struct dhcp6_work *work = walk->work;
	const struct ipv6hdr *ip = &work->head.ip;
	__u32 payload, udp_len;

	/* The headers lie one behind the other, there as here. */
	if (bpf_skb_load_bytes(skb, 0, work->head.dst, DHCP6_AT))
		return DROP_TRUNCATED;
	if (ip->nexthdr != IPPROTO_UDP)
		return DROP_BAD_DHCP;
	if (work->udp.source == bpf_htons(DHCP6_SERVER_PORT) && work->udp.dest == bpf_htons(DHCP6_CLIENT_PORT))
		return DROP_DHCP_SERVER_SPOOFED;
	payload = bpf_ntohs(ip->payload_len);
	udp_len = bpf_ntohs(work->udp.len);
	if (udp_len > payload || ETHERNET_IPV6_LEN + payload > skb->len)
		return DROP_TRUNCATED;
	walk->at = DHCP6_OPTIONS_AT;
	walk->end = ETHERNET_IPV6_LEN + udp_len;
	if (walk->end < walk->at || bpf_skb_load_bytes(skb, DHCP6_AT, work->first, sizeof(work->first)))
		return DROP_BAD_DHCP;
	work->type = work->first[0];
	/* A client speaks from its link-local address (RFC 8415, 17.1); whatever it is, the answer goes nowhere else. */
	if (!is_link_local(&ip->saddr) || is_gateway6(&ip->saddr))
		return DROP_SPOOFED_DHCP;
	return is_for_dhcp6(&ip->daddr) ? 0 : DROP_DHCP_NOT_SERVED;
}

/* UDP from port 546 to 547, or from 547 to 546, from a guest. Returns the program's result. */
static __noinline int answer_dhcp6(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	const struct guest_config *config = bpf_map_lookup_elem(&guest_configs, &port->slot);
	struct dhcp6_walk walk = { .skb = skb, .port = port };
	struct scratch *scratch = own_scratch();
	struct dhcp6_work *work;
	int reason;

	if (!has_ipv6(port))
		return drop(skb, port->slot, DROP_IPV6_NOT_ENABLED);
	if (!scratch)
		return drop(skb, port->slot, DROP_DHCP_NOT_SERVED);
	work = (void *)scratch->words;
	__builtin_memset(work, 0, sizeof(*work));
	walk.work = work;
	reason = read_dhcp6(skb, &walk);
	/* Without a lease nothing was configured. */
	if (!reason && (!config || !config->lease))
		reason = DROP_DHCP_NOT_SERVED;
	if (reason)
		return drop(skb, port->slot, reason);
	bpf_loop(DHCP6_OPTIONS_WALKED, read_dhcp6_option, &walk, 0);
	reason = work->bad || walk.at != walk.end ? DROP_BAD_DHCP : check_dhcp6(work);
	/* Nothing to confirm, nothing to say (RFC 8415, 18.3.3). */
	if (!reason && work->type == DHCP6_CONFIRM && !work->na.named)
		reason = DROP_DHCP_NOT_SERVED;
	if (reason)
		return drop(skb, port->slot, reason);
	return reply_dhcp6(skb, port, work);
}
