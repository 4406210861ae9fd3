/*
 * To the public network: through the sender's floating IP, or the public gateway's address and a port of it.
 *
 * Exits: redirect to the uplink, to the VXLAN device (the public gateway is another host's), an ICMP error to the guest;
 * DROP_NO_PUBLIC_ADDRESS, DROP_NO_UPLINK, DROP_NAT_NOT_POSSIBLE, DROP_NAT_PORTS_EXHAUSTED, DROP_TTL_EXCEEDED,
 * DROP_TOO_BIG, DROP_REWRITE_FAILED, those of judge.h.
 *
 * A flow is known by its private addresses, in both directions; what it is translated to stands in its entry, so a packet
 * of an established one is not looked up again. What leaves for a public address of this very host comes in again by the
 * uplink, as if the public network had turned it round: then both interfaces' gates are asked, as anywhere else.
 */
#pragma once

#include "judge.h"
#include "mtu.h"
#include "nat.h"
#include "overlay.h"
#include "icmp6.h"

static __always_inline const struct host_settings *host_of(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&settings, &only);
}

/* Sends a packet out, its TTL one less on the sender's host. The kernel finds the next hop and its address. */
static __always_inline int leave(struct __sk_buff *skb, const struct packet *pkt, __u32 uplink, __u32 hop, __u32 slot,
				 __be32 addr, __be16 port)
{
	struct translation nat = { .from = pkt->saddr.w[3], .to = addr, .port = port };
	int reason;

	if (!(hop & HOP_FROM_OVERLAY) && decrement_ttl(skb, pkt))
		return drop(skb, slot, DROP_REWRITE_FAILED);
	reason = addr ? translate(skb, pkt, &nat) : 0;
	if (reason)
		return drop(skb, slot, reason);
	if (hop & HOP_HAIRPIN)
		return bpf_redirect(uplink, BPF_F_INGRESS);
	return bpf_redirect_neigh(uplink, 0, 0, 0);
}

/* The public address of one of an interface's own, if it has one. Returns 0 and fills `way`. */
static __always_inline int use_floating_ip(const struct packet *pkt, struct way *way)
{
	struct endpoint_key key = { .segment = way->segment, .addr = pkt->saddr };
	const struct private_address *own = bpf_map_lookup_elem(&private_addrs, &key);

	if (!own || own->kind != PUBLIC_TRANSLATED)
		return -1;
	way->nat_addr = own->public.w[3];
	way->mtu = own->mtu;
	return 0;
}

/* Whether the sender may use this public address itself: it is its interface's, and not translated. */
static __always_inline int is_own_public(const struct packet *pkt, struct way *way, __u32 ifindex)
{
	struct public_key key = { .addr = pkt->saddr };
	const struct public_address *public = bpf_map_lookup_elem(&public_addrs, &key);
	struct endpoint_key private;

	if (!public || public->kind != PUBLIC_DIRECT || public->segment != way->segment)
		return 0;
	way->mtu = public->mtu;
	private.segment = public->segment;
	private.addr = public->private;
	return is_at(bpf_map_lookup_elem(&endpoints, &private), ifindex);
}

/* Whether the judgement will take this entry for none: see judge(). */
static __always_inline int makes_room(const struct flow *flow, const struct packet *pkt)
{
	return has_expired(flow, ticks_now()) || (begins_connection(pkt) && tcp_is_over(flow));
}

/* What a public gateway's flow is translated to; nothing if there is no such flow. */
static __always_inline int by_known_port(struct flow_key *key, const struct packet *pkt, struct way *way, int live)
{
	const struct flow *flow;

	flow_key_of(key, way->segment, pkt);
	flow = bpf_map_lookup_elem(&flows, key);
	if (!flow || !flow->nat_port || flow->nat_addr != way->nat_addr || (live && makes_room(flow, pkt)))
		return -1;
	way->nat_port = flow->nat_port;
	return 0;
}

/* Fills both sides of a public gateway's entry for a packet that leaves by it. */
static __always_inline void nat_of(const struct packet *pkt, const struct way *way, struct scratch *scratch)
{
	struct nat_key *key = &scratch->nat_key;
	struct nat *nat = &scratch->nat;

	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memset(nat, 0, sizeof(*nat));
	addr_from_v4(&key->public, way->nat_addr);
	key->remote = pkt->daddr;
	key->public_port = way->nat_port;
	key->remote_port = pkt->dport;
	key->proto = pkt->proto;
	nat->segment = way->segment;
	nat->private = pkt->saddr;
	nat->private_port = pkt->sport;
}

/* The flow's port at the public gateway, or a new one. Returns 0 or a drop reason. */
__noinline int use_gateway(struct __sk_buff *skb, const struct packet *pkt, struct way *way)
{
	struct scratch *scratch = own_scratch();

	if (!pkt || !way || !scratch)
		return DROP_REWRITE_FAILED;
	if (pkt->flags & PKT_ERROR) {
		/* It goes out as the packet that it quotes came in. */
		__builtin_memset(&scratch->quote, 0, sizeof(scratch->quote));
		if (read_quote(skb, pkt, &scratch->quote) || by_known_port(&scratch->key, &scratch->quote, way, 0))
			return DROP_ICMP_UNRELATED;
		return 0;
	}
	if (!has_ports(pkt))
		return DROP_NAT_NOT_POSSIBLE;
	if (!by_known_port(&scratch->key, pkt, way, 1))
		return 0;
	if (pkt->flags & PKT_LATER)
		return DROP_FRAGMENT_UNKNOWN;
	nat_of(pkt, way, scratch);
	way->nat_port = take_port(&scratch->nat_key, &scratch->nat);
	return way->nat_port ? 0 : DROP_NAT_PORTS_EXHAUSTED;
}

/* After the judgement: a port whose flow was refused is given back, one whose entry has been swept meanwhile is renewed. */
__noinline int settle_port(const struct packet *pkt, const struct way *way, int refused)
{
	struct scratch *scratch = own_scratch();
	const struct flow *flow;

	if (!pkt || !way || !way->nat_port || !scratch || (pkt->flags & (PKT_ERROR | PKT_LATER)))
		return 0;
	nat_of(pkt, way, scratch);
	if (!refused)
		return bpf_map_update_elem(&nats, &scratch->nat_key, &scratch->nat, BPF_NOEXIST);
	flow_key_of(&scratch->key, way->segment, pkt);
	flow = bpf_map_lookup_elem(&flows, &scratch->key);
	/* Refused in a flow that goes on: it keeps its port. One that is over may have another. */
	if (flow && flow->nat_port == way->nat_port && flow->nat_addr == way->nat_addr)
		return 0;
	return bpf_map_delete_elem(&nats, &scratch->nat_key);
}

/*
 * What to translate a packet to, and where it leaves; `by_gateway`: whether the public gateway is for it. Returns 0 or a
 * drop reason.
 */
static __always_inline int choose_exit(struct __sk_buff *skb, const struct packet *pkt, struct way *way,
				       const struct route *route, __u32 ifindex, int by_gateway)
{
	const struct host_settings *host = host_of();
	struct public_key target = { .addr = pkt->daddr }, gateway;
	const struct public_address *public;
	int reason = 0;

	if (!ifindex || route->kind == ROUTE_NAT ||
	    (use_floating_ip(pkt, way) && !is_own_public(pkt, way, ifindex))) {
		if (!by_gateway || addr_is_zero(&route->addr) || (pkt->flags & PKT_V6))
			return DROP_NO_PUBLIC_ADDRESS;
		if (route->gateway_vtep) {
			/* Nobody sends on what another host has sent here: no loop is possible, whatever the tables say. */
			if (!ifindex)
				return DROP_WRONG_HOST;
			way->to = route->gateway_vtep;
			way->hop |= HOP_OVERLAY;
			way->mtu = 0xffff;
			return 0;
		}
		gateway.addr = route->addr;
		public = bpf_map_lookup_elem(&public_addrs, &gateway);
		if (!public || public->kind != PUBLIC_GATEWAY)
			return DROP_NO_PUBLIC_ADDRESS;
		way->mtu = public->mtu;
		way->nat_addr = route->addr.w[3];
		/* Nothing takes a port that can't leave. */
		if (host && host->uplink_ifindex)
			reason = use_gateway(skb, pkt, way);
	}
	if (!host || !host->uplink_ifindex)
		return DROP_NO_UPLINK;
	if (reason)
		return reason;
	way->to = host->uplink_ifindex;
	if (bpf_map_lookup_elem(&public_addrs, &target))
		way->hop |= HOP_HAIRPIN;
	return 0;
}

/*
 * As find_way(), for the public network and another host's guest, whose route table is `table`: this host is its public
 * gateway.
 */
__noinline int find_relay(struct __sk_buff *skb, const struct packet *pkt, struct way *way, __u32 table)
{
	const struct route *route;
	int reason;

	if (!pkt || !way)
		return TC_ACT_SHOT;
	route = public_route(way->segment, table, &pkt->daddr);
	if (!route)
		return drop(skb, 0, DROP_NO_ROUTE);
	way->cell[1] = route->cell;
	way->hop = HOP_ROUTED | HOP_UPLINK | HOP_FROM_OVERLAY;
	__builtin_memcpy(way->mac, pkt->src, ETH_ALEN);
	/* Its own host has asked whether it may. */
	reason = choose_exit(skb, pkt, way, route, 0, 1);
	if (reason)
		return drop(skb, 0, reason);
	if (measure(skb, pkt, &way->size) <= way->mtu)
		return GO_ON;
	settle_port(pkt, way, 1);
	return drop(skb, 0, DROP_TOO_BIG);
}

/*
 * Whether `remote` is the host of the public gateway that packets from `addr` come in by, for an interface whose own packets
 * leave by this route table.
 */
static __always_inline int speaks_for_public(__u32 segment, __u32 table, const struct addr *addr, __be32 remote,
					     __u16 *cell)
{
	const struct route *route = public_route(segment, table, addr);

	if (!route || !route->gateway_vtep || route->gateway_vtep != remote)
		return 0;
	*cell = route->cell;
	return 1;
}

/* As find_way(), for the public network. */
__noinline int find_way_out(struct __sk_buff *skb, const struct port *port, const struct packet *pkt, struct way *way,
			    const struct route *route)
{
	struct icmp_error error = {};
	const struct iface *iface;
	__u32 largest;
	int by_gateway;

	if (!port || !pkt || !way || !route)
		return TC_ACT_SHOT;
	iface = iface_of(port->slot);
	by_gateway = route->kind == ROUTE_NAT || (iface && (iface->flags & IFACE_PUBLIC_GATEWAY));
	if (pkt->ttl <= 1) {
		error.reason = DROP_TTL_EXCEEDED;
		error.kind = ERROR_TIME_EXCEEDED;
		return refuse(skb, port, pkt, &error);
	}
	way->cell[1] = route->cell;
	way->leaves = 1;
	way->hop = HOP_ROUTED | HOP_UPLINK;
	__builtin_memcpy(way->mac, pkt->dst, ETH_ALEN);
	error.reason = choose_exit(skb, pkt, way, route, origin(skb), by_gateway);
	if (error.reason == DROP_NO_PUBLIC_ADDRESS || error.reason == DROP_NO_UPLINK) {
		error.kind = ERROR_UNREACHABLE;
		return refuse(skb, port, pkt, &error);
	}
	if (error.reason)
		return refuse_flow(skb, pkt, way, error.reason);

	if (way->mtu > port->mtu)
		way->mtu = port->mtu;
	largest = measure(skb, pkt, &way->size);
	if (largest <= way->mtu)
		return GO_ON;
	settle_port(pkt, way, 1);
	count_too_big(port->segment, pkt, largest, way->mtu);
	error.reason = DROP_TOO_BIG;
	error.kind = ERROR_TOO_BIG;
	error.mtu = way->mtu;
	return pkt->flags & PKT_DF ? refuse(skb, port, pkt, &error) : drop(skb, port->slot, DROP_TOO_BIG);
}
