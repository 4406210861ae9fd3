/*
 * DHCP for IPv4 (RFC 2131) is answered here: the interface has one address, known beforehand, so there is nothing to
 * remember between messages. The options that no question changes come encoded from `guest_configs`.
 *
 * Exits: answer to the guest; DROP_TRUNCATED, DROP_BAD_DHCP, DROP_SPOOFED_DHCP, DROP_SPOOFED_SRC_IP,
 * DROP_DHCP_SERVER_SPOOFED, DROP_DHCP_NOT_SERVED, DROP_REWRITE_FAILED.
 */
#pragma once

#include "reply.h"

#define DHCP4_SERVER_PORT 67
#define DHCP4_CLIENT_PORT 68
#define DHCP4_MAGIC 0x63825363
#define DHCP4_TTL 64

#define BOOTP_REQUEST 1
#define BOOTP_REPLY 2

#define DHCP4_DISCOVER 1
#define DHCP4_OFFER 2
#define DHCP4_REQUEST 3
#define DHCP4_ACK 5
#define DHCP4_NAK 6
#define DHCP4_INFORM 8

#define DHCP4_OPT_PAD 0
#define DHCP4_OPT_REQUESTED 50
#define DHCP4_OPT_LEASE 51
#define DHCP4_OPT_TYPE 53
#define DHCP4_OPT_SERVER 54
#define DHCP4_OPT_RENEWAL 58
#define DHCP4_OPT_REBINDING 59
#define DHCP4_OPT_CLIENT_ID 61
#define DHCP4_OPT_END 255

/* Options that are not padding; bounds the walk. */
#define DHCP4_OPTIONS_WALKED 256
/* A client identifier is sent back as it came (RFC 6842), if it is not longer. Those in use have at most 21 bytes. */
#define DHCP4_CLIENT_ID_MAX 64

/* The message up to the two fields of 192 bytes, server name and file, which are not used. */
struct bootp {
	__u8 op;
	__u8 hardware;
	__u8 hardware_len;
	__u8 hops;
	__be32 xid;
	__be16 secs;
	__be16 flags;
	__be32 ciaddr; /* the client's address, if it has one and answers for it */
	__be32 yiaddr; /* the address given */
	__be32 siaddr;
	__be32 giaddr;
	__u8 chaddr[16];
};

#define BOOTP_UNUSED 192
#define BOOTP_BROADCAST 0x8000
#define DHCP4_AT (ETHERNET_IPV4_LEN + sizeof(struct udphdr))
#define DHCP4_MAGIC_AT (DHCP4_AT + sizeof(struct bootp) + BOOTP_UNUSED)
#define DHCP4_OPTIONS_AT (DHCP4_MAGIC_AT + 4)

struct dhcp4_headers {
	struct ethernet_ipv4 eth;
	struct udphdr udp;
	struct bootp bootp;
};

/* What is known of the question, and what becomes of its headers; in the scratch memory. */
struct dhcp4_work {
	struct dhcp4_headers head;
	__be32 requested;
	__be32 server;
	__u8 type;
	__u8 bad;
	__u8 client_id_len; /* with code and length; 0: none to send back */
	__u8 client_id[2 + DHCP4_CLIENT_ID_MAX];
};

struct dhcp4_walk {
	struct __sk_buff *skb;
	struct dhcp4_work *work;
	__u32 at;
	__u32 end;
};

static __always_inline int load_dhcp4_word(struct dhcp4_walk *walk, __u8 len, void *to)
{
	return len != 4 || bpf_skb_load_bytes(walk->skb, walk->at + 2, to, 4);
}

/* Reads what the option says. Returns 0 unless it is malformed. */
static __always_inline int keep_dhcp4_option(struct dhcp4_walk *walk, __u8 code, __u8 len)
{
	struct dhcp4_work *work = walk->work;
	__u32 size = len;

	switch (code) {
	case DHCP4_OPT_TYPE:
		return len != 1 || bpf_skb_load_bytes(walk->skb, walk->at + 2, &work->type, 1);
	case DHCP4_OPT_REQUESTED:
		return load_dhcp4_word(walk, len, &work->requested);
	case DHCP4_OPT_SERVER:
		return load_dhcp4_word(walk, len, &work->server);
	case DHCP4_OPT_CLIENT_ID:
		barrier_var(size);
		if (size > DHCP4_CLIENT_ID_MAX)
			return 0;
		barrier_var(size);
		if (!size || bpf_skb_load_bytes(walk->skb, walk->at + 2, work->client_id + 2, size))
			return 1;
		work->client_id[0] = code;
		work->client_id[1] = len;
		work->client_id_len = len + 2;
	}
	return 0;
}

/* Reads one option. Returns 1 at the end, or when the walk cannot go on: `bad` says so. */
static long read_dhcp4_option(__u32 index, struct dhcp4_walk *walk)
{
	__u8 code, len;

	/* Without the end mark the message is cut. */
	walk->work->bad = 1;
	if (walk->at >= walk->end || bpf_skb_load_bytes(walk->skb, walk->at, &code, 1))
		return 1;
	if (code == DHCP4_OPT_END) {
		walk->work->bad = 0;
		return 1;
	}
	if (code == DHCP4_OPT_PAD) {
		walk->at++;
		return 0;
	}
	if (bpf_skb_load_bytes(walk->skb, walk->at + 1, &len, 1) || walk->at + 2 + len > walk->end ||
	    keep_dhcp4_option(walk, code, len))
		return 1;
	walk->at += 2 + len;
	return 0;
}

/* The interface's IPv4 address, 0 if it has none. */
static __always_inline __be32 offered4(const struct port *port)
{
	return addr_is_v4(&port->primary) ? port->primary.w[3] : 0;
}

static __always_inline int owns4(const struct port *port, __u32 ifindex, __be32 addr)
{
	struct endpoint_key key = { .segment = port->segment };
	const struct endpoint *endpoint;

	addr_from_v4(&key.addr, addr);
	endpoint = bpf_map_lookup_elem(&endpoints, &key);
	return endpoint && (endpoint->ifindex == ifindex || endpoint->alt_ifindex == ifindex);
}

/* What to answer, or 0: nothing. */
static __always_inline __u8 dhcp4_answer_type(const struct port *port, const struct dhcp4_work *ask)
{
	__be32 wanted = ask->requested;

	/* Whoever names a server means that one only (RFC 2131, 4.3.2). */
	if (ask->server && ask->server != port->gateway_ip)
		return 0;
	if (ask->type == DHCP4_DISCOVER)
		return DHCP4_OFFER;
	if (ask->type == DHCP4_INFORM)
		return DHCP4_ACK;
	if (ask->type != DHCP4_REQUEST)
		return 0;
	/* Selecting and after a restart it asks for an address; renewing and rebinding it has one. */
	if (!wanted)
		wanted = ask->head.bootp.ciaddr;
	return wanted == offered4(port) ? DHCP4_ACK : DHCP4_NAK;
}

/* Reads and checks the headers. Returns 0 or a drop reason. */
static __always_inline int read_dhcp4(struct __sk_buff *skb, const struct port *port, struct dhcp4_walk *walk)
{
	struct dhcp4_headers *in = &walk->work->head;
	const struct bootp *bootp = &in->bootp;
	__u32 udp_len, ip_len;
	__be32 magic;

	if (bpf_skb_load_bytes(skb, 0, in->eth.dst, DHCP4_AT + sizeof(*bootp)))
		return DROP_TRUNCATED;
	/* Nobody sends it with IP options or in fragments; whoever does wants to be overlooked. */
	if (in->eth.ip.ihl != 5 || (in->eth.ip.frag_off & bpf_htons(IP_MF | IP_OFFSET)))
		return DROP_BAD_DHCP;
	if (in->udp.source == bpf_htons(DHCP4_SERVER_PORT) && in->udp.dest == bpf_htons(DHCP4_CLIENT_PORT))
		return DROP_DHCP_SERVER_SPOOFED;
	udp_len = bpf_ntohs(in->udp.len);
	ip_len = bpf_ntohs(in->eth.ip.tot_len);
	if (udp_len + sizeof(struct iphdr) > ip_len || ETH_HLEN + ip_len > skb->len)
		return DROP_TRUNCATED;
	walk->end = ETHERNET_IPV4_LEN + udp_len;
	walk->at = DHCP4_OPTIONS_AT;
	if (walk->end < DHCP4_OPTIONS_AT || bpf_skb_load_bytes(skb, DHCP4_MAGIC_AT, &magic, sizeof(magic)) ||
	    magic != bpf_htonl(DHCP4_MAGIC) || bootp->op != BOOTP_REQUEST || bootp->hardware != ARPHRD_ETHER ||
	    bootp->hardware_len != ETH_ALEN)
		return DROP_BAD_DHCP;
	/* A relay's address would draw the answer to others. */
	if (!mac_equal(bootp->chaddr, port->mac) || bootp->giaddr)
		return DROP_SPOOFED_DHCP;
	return 0;
}

/* Where the answer goes (RFC 2131, 4.1): to the address that the client has, or to all, or to what it is given. */
static __always_inline __be32 dhcp4_destination(const struct bootp *bootp, __u8 type, __be32 offered)
{
	if (type == DHCP4_NAK)
		return 0xffffffff;
	if (bootp->ciaddr)
		return bootp->ciaddr;
	return bootp->flags & bpf_htons(BOOTP_BROADCAST) ? 0xffffffff : offered;
}

static __always_inline void put_word4(struct writer *out, __u8 code, __be32 value)
{
	__u8 option[6] = { code, 4 };

	__builtin_memcpy(option + 2, &value, sizeof(value));
	put(out, option, sizeof(option));
}

/* Options from the message's type to the end mark. */
static __always_inline void put_dhcp4_options(struct writer *out, const struct port *port,
					      const struct dhcp4_work *ask, const struct guest_config *config,
					      __u8 type)
{
	__u8 first[3] = { DHCP4_OPT_TYPE, 1, type }, end = DHCP4_OPT_END;

	put(out, first, sizeof(first));
	put_word4(out, DHCP4_OPT_SERVER, port->gateway_ip);
	put_some(out, ask->client_id, ask->client_id_len, sizeof(ask->client_id));
	if (type != DHCP4_NAK && ask->type != DHCP4_INFORM) {
		put_word4(out, DHCP4_OPT_LEASE, bpf_htonl(config->lease));
		put_word4(out, DHCP4_OPT_RENEWAL, bpf_htonl(config->lease / 2));
		/* 0.875 of the lease (RFC 2131, 4.4.5). */
		put_word4(out, DHCP4_OPT_REBINDING, bpf_htonl(config->lease - config->lease / 8));
	}
	if (type != DHCP4_NAK)
		put_some(out, config->dhcp4, config->dhcp4_len, sizeof(config->dhcp4));
	put(out, &end, sizeof(end));
}

/* Writes lengths and checksums when everything else is in the frame. */
static __always_inline void seal_dhcp4(struct writer *out, struct dhcp4_headers *head)
{
	__u32 udp_len = out->at - ETHERNET_IPV4_LEN, sum;
	struct {
		__be32 saddr;
		__be32 daddr;
		__be32 proto_len;
	} pseudo = { head->eth.ip.saddr, head->eth.ip.daddr, bpf_htonl(IPPROTO_UDP << 16 | udp_len) };

	head->udp.len = bpf_htons(udp_len);
	head->eth.ip.tot_len = bpf_htons(sizeof(struct iphdr) + udp_len);
	head->eth.ip.check = fold(bpf_csum_diff(0, 0, (__be32 *)&head->eth.ip, sizeof(struct iphdr), 0));
	out->failed |= !!bpf_skb_store_bytes(out->skb, 0, head->eth.dst, DHCP4_AT, 0);
	sum = bpf_csum_diff(0, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	head->udp.check = fold(sum_reply(out, ETHERNET_IPV4_LEN, sum));
	/* 0 would say that there is none (RFC 768). */
	if (!head->udp.check)
		head->udp.check = 0xffff;
	out->failed |= !!bpf_skb_store_bytes(out->skb, ETHERNET_IPV4_LEN + 6, &head->udp.check, sizeof(__u16), 0);
}

/* Turns the question's headers into the answer's, in place. */
static __always_inline void turn_dhcp4(struct dhcp4_work *ask, const struct port *port, __u8 type)
{
	__be32 offered = offered4(port), to = dhcp4_destination(&ask->head.bootp, type, offered);
	struct dhcp4_headers *head = &ask->head;

	__builtin_memset(&head->eth.ip, 0, sizeof(head->eth.ip) + sizeof(head->udp));
	if (to == 0xffffffff)
		__builtin_memset(head->eth.dst, 0xff, ETH_ALEN);
	else
		__builtin_memcpy(head->eth.dst, port->mac, ETH_ALEN);
	__builtin_memcpy(head->eth.src, port->gw_mac, ETH_ALEN);
	head->eth.ip.version = 4;
	head->eth.ip.ihl = 5;
	head->eth.ip.ttl = DHCP4_TTL;
	head->eth.ip.protocol = IPPROTO_UDP;
	head->eth.ip.saddr = port->gateway_ip;
	head->eth.ip.daddr = to;
	head->udp.source = bpf_htons(DHCP4_SERVER_PORT);
	head->udp.dest = bpf_htons(DHCP4_CLIENT_PORT);
	head->bootp.op = BOOTP_REPLY;
	head->bootp.hops = 0;
	head->bootp.secs = 0;
	head->bootp.siaddr = 0;
	head->bootp.yiaddr = type == DHCP4_NAK || ask->type == DHCP4_INFORM ? 0 : offered;
	if (type == DHCP4_NAK)
		head->bootp.ciaddr = 0;
}

static __noinline int reply_dhcp4(struct __sk_buff *skb, const struct port *port, struct dhcp4_work *ask, __u8 type)
{
	const struct guest_config *config = bpf_map_lookup_elem(&guest_configs, &port->slot);
	const struct scratch *scratch = own_scratch();
	__be32 magic = bpf_htonl(DHCP4_MAGIC);
	__u32 asked = skb->len;
	struct writer out;
	int i;

	turn_dhcp4(ask, port, type);
	if (!config || !scratch || begin_reply(skb, &out))
		return drop(skb, port->slot, DROP_REWRITE_FAILED);
	put(&out, ask->head.eth.dst, DHCP4_AT + sizeof(struct bootp));
	for (i = 0; i < BOOTP_UNUSED; i += SUM_PIECE)
		put(&out, scratch->zeros, SUM_PIECE);
	put(&out, &magic, sizeof(magic));
	put_dhcp4_options(&out, port, ask, config, type);
	/* A refusal is shorter than BOOTP's least length, which old clients insist on (RFC 1542, 2.1). */
	if (type == DHCP4_NAK)
		put(&out, scratch->zeros, SUM_PIECE);
	seal_dhcp4(&out, &ask->head);
	return end_reply(&out, port, asked);
}

/* Whether the interface may speak as this. A client without an address has none. */
static __always_inline int speaks_dhcp4_as(const struct port *port, __u32 ifindex, __be32 addr)
{
	return !addr || addr == offered4(port) || owns4(port, ifindex, addr);
}

/* UDP from port 68 to 67, or from 67 to 68, from a guest. Returns the program's result. */
static __noinline int answer_dhcp4(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	const struct guest_config *config = bpf_map_lookup_elem(&guest_configs, &port->slot);
	struct scratch *scratch = own_scratch();
	struct dhcp4_work *work;
	struct dhcp4_walk walk = { .skb = skb };
	__be32 to;
	__u8 type;
	int reason;

	if (!scratch)
		return drop(skb, port->slot, DROP_DHCP_NOT_SERVED);
	work = (void *)scratch->words;
	__builtin_memset(work, 0, sizeof(*work));
	walk.work = work;
	reason = read_dhcp4(skb, port, &walk);
	if (reason)
		return drop(skb, port->slot, reason);
	if (!speaks_dhcp4_as(port, origin(skb), work->head.eth.ip.saddr))
		return drop(skb, port->slot, DROP_SPOOFED_SRC_IP);
	to = work->head.eth.ip.daddr;
	/* Other servers are none of ours to answer for, and none of theirs to reach. */
	if (!config || !config->dhcp4_len || !offered4(port) || (to != 0xffffffff && to != port->gateway_ip))
		return drop(skb, port->slot, DROP_DHCP_NOT_SERVED);
	bpf_loop(DHCP4_OPTIONS_WALKED, read_dhcp4_option, &walk, 0);
	if (work->bad || !work->type)
		return drop(skb, port->slot, DROP_BAD_DHCP);
	type = dhcp4_answer_type(port, work);
	if (!type)
		return drop(skb, port->slot, DROP_DHCP_NOT_SERVED);
	return reply_dhcp4(skb, port, work, type);
}
