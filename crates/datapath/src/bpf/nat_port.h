/*
 * The ports of public gateways: which flow has which, and where answers go. Ports are those of one remote end: others
 * have them too, so one address carries 64,512 flows to each (RFC 4787, REQ-1, allows it; so does every cloud).
 *
 * Exits: none.
 */
#pragma once

#include "parse.h"

/* Those below are servers' (RFC 6056, 3.2). */
#define NAT_FIRST_PORT 1024
#define NAT_PORTS (65536 - NAT_FIRST_PORT)
/* A free port is looked for in so many places that lie one behind the other, from a random one on. */
#define NAT_PROBES 64

/* Fills the key for a packet that comes from the public network. */
static __always_inline void nat_key_of(struct nat_key *key, const struct packet *pkt)
{
	key->public = pkt->daddr;
	key->remote = pkt->saddr;
	key->public_port = pkt->dport;
	key->remote_port = pkt->sport;
	key->proto = pkt->proto;
}

/*
 * Takes a port of a public gateway for a new flow; `key` lacks the port only. Returns the port, in network byte order,
 * or 0 when there is none free, in so many places or at all. Ports are those of one remote end: others have them too.
 */
static __always_inline __be16 take_port(struct nat_key *key, const struct nat *nat)
{
	__u32 start = bpf_get_prandom_u32(), i;

	for (i = 0; i < NAT_PROBES; i++) {
		key->public_port = bpf_htons(NAT_FIRST_PORT + (start + i) % NAT_PORTS);
		if (!bpf_map_update_elem(&nats, key, nat, BPF_NOEXIST))
			return key->public_port;
	}
	return 0;
}

/* Gives the port of a flow back; `end`: the private one. */
static __noinline int give_port_back(const struct flow_key *flow, __be32 public, __be16 port, __u32 end)
{
	struct nat_key key = { .public_port = port, .proto = flow->proto };

	addr_from_v4(&key.public, public);
	key.remote = end ? flow->addr[0] : flow->addr[1];
	key.remote_port = end ? flow->port[0] : flow->port[1];
	return bpf_map_delete_elem(&nats, &key);
}

/* Another public address, or port, for a flow that goes on; `pkt` is one to the public network. */
static __always_inline void renew_translation(const struct packet *pkt, struct flow *flow, __be32 addr, __be16 port)
{
	struct nat_key key = { .public_port = flow->nat_port, .proto = pkt->proto };

	if (flow->nat_port && (flow->nat_addr != addr || flow->nat_port != port)) {
		addr_from_v4(&key.public, flow->nat_addr);
		key.remote = pkt->daddr;
		key.remote_port = pkt->dport;
		bpf_map_delete_elem(&nats, &key);
	}
	flow->nat_addr = addr;
	flow->nat_port = port;
}
