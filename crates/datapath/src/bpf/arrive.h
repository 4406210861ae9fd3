/*
 * From the public network: packets for floating IPs and public gateways of this host, and ARP for them. All else that
 * comes in by the uplink is the host's own and passes.
 *
 * Exits: redirect to the interface's device, or on to its host; ARP answered; TC_ACT_UNSPEC for the host's own;
 * DROP_UNKNOWN_PUBLIC_ADDRESS (no flow has the gateway's port, or no interface the address), DROP_NOT_HERE,
 * DROP_TTL_EXCEEDED, DROP_TOO_BIG (the sender is told), DROP_NAT_NOT_POSSIBLE, DROP_ICMP_UNRELATED, DROP_ICMP_REDIRECT,
 * DROP_FRAGMENT_UNKNOWN, DROP_MULTICAST, DROP_SPOOFED_SRC_IP, DROP_REWRITE_FAILED, those of parse.h and judge.h.
 *
 * The packet is translated first, and is then one of the interface's VPC from a remote that is in no group.
 */
#pragma once

#include "receive.h"

/* Whom a packet is for. */
struct arrival {
	__u32 segment;
	struct addr private;
	struct translation nat; /* `to` is 0: not translated */
	struct icmp_error error; /* what the sender is told, if anything */
	__u16 kind;		 /* enum public_kind */
	__be16 public_port;
};

/* Answers a request for a public address of this host with the uplink's own address (RFC 826). */
__noinline int answer_uplink_arp(struct __sk_buff *skb)
{
	const struct public_address *public;
	struct public_key key;
	struct arp_frame frame;
	__u16 asker_ip[2];

	if (bpf_skb_load_bytes(skb, 0, &frame, sizeof(frame)) || frame.arp.hw_type != bpf_htons(ARPHRD_ETHER) ||
	    frame.arp.proto_type != bpf_htons(ETH_P_IP) || frame.arp.hw_len != ETH_ALEN || frame.arp.proto_len != 4 ||
	    frame.arp.op != bpf_htons(ARPOP_REQUEST))
		return TC_ACT_UNSPEC;
	addr_from_v4(&key.addr, join_ip(frame.arp.target_ip));
	public = bpf_map_lookup_elem(&public_addrs, &key);
	/* Another host that announces the address has taken it over, and is not contradicted. */
	if (!public || mac_is_zero(public->mac) || join_ip(frame.arp.target_ip) == join_ip(frame.arp.sender_ip))
		return TC_ACT_UNSPEC;

	__builtin_memcpy(asker_ip, frame.arp.sender_ip, sizeof(asker_ip));
	__builtin_memcpy(frame.dst, frame.src, ETH_ALEN);
	__builtin_memcpy(frame.src, public->mac, ETH_ALEN);
	frame.arp.op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(frame.arp.target_mac, frame.arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(frame.arp.sender_mac, public->mac, ETH_ALEN);
	__builtin_memcpy(frame.arp.sender_ip, frame.arp.target_ip, sizeof(asker_ip));
	__builtin_memcpy(frame.arp.target_ip, asker_ip, sizeof(asker_ip));
	if (bpf_skb_store_bytes(skb, 0, &frame, sizeof(frame), 0))
		return drop(skb, 0, DROP_REWRITE_FAILED);
	return bpf_redirect(skb->ifindex, 0);
}

/* The public address that a packet is for, if it is one of this host. */
static __always_inline const struct public_address *public_target(struct __sk_buff *skb, const struct packet *pkt)
{
	struct public_key key;
	__be32 ip;

	if (pkt->ethertype == ETH_P_IP) {
		if (bpf_skb_load_bytes(skb, IP_OFF + 16, &ip, sizeof(ip)))
			return 0;
		addr_from_v4(&key.addr, ip);
	} else if (bpf_skb_load_bytes(skb, IP_OFF + 24, &key.addr, sizeof(key.addr)) || addr_is_v4(&key.addr)) {
		return 0;
	}
	return bpf_map_lookup_elem(&public_addrs, &key);
}

/* The flow of a public gateway that a packet belongs to. Returns 0 or a drop reason. */
__noinline int find_gateway_flow(struct __sk_buff *skb, const struct packet *pkt, struct arrival *to)
{
	struct scratch *scratch = own_scratch();
	struct nat_key key = {};
	const struct nat *nat;
	struct packet *quote;

	if (!pkt || !to || !scratch)
		return DROP_REWRITE_FAILED;
	quote = &scratch->quote;
	nat_key_of(&key, pkt);
	if (pkt->flags & PKT_ERROR) {
		__builtin_memset(quote, 0, sizeof(*quote));
		if (read_quote(skb, pkt, quote) || !addr_equal(&quote->saddr, &pkt->daddr))
			return DROP_ICMP_UNRELATED;
		key.remote = quote->daddr;
		key.public_port = quote->sport;
		key.remote_port = quote->dport;
		key.proto = quote->proto;
	}
	nat = bpf_map_lookup_elem(&nats, &key);
	if (!nat)
		return pkt->flags & PKT_ERROR ? DROP_ICMP_UNRELATED : DROP_UNKNOWN_PUBLIC_ADDRESS;
	to->segment = nat->segment;
	to->private = nat->private;
	to->nat.port = nat->private_port;
	return 0;
}

/* Writes the private side into the packet, and into what is known of it. Returns 0 or a drop reason. */
__noinline int turn_private(struct __sk_buff *skb, struct packet *pkt, struct arrival *to)
{
	int reason;
	__u16 mac[3];

	if (!pkt || !to)
		return DROP_REWRITE_FAILED;
	if (to->kind == PUBLIC_DIRECT)
		return 0;
	to->nat.from = pkt->daddr.w[3];
	to->nat.to = to->private.w[3];
	to->nat.side = 1;
	reason = translate(skb, pkt, &to->nat);
	if (reason)
		return reason;
	pkt->daddr = to->private;
	to->public_port = pkt->dport;
	if (to->nat.port && !(pkt->flags & PKT_ERROR))
		pkt->dport = to->nat.port;
	/* The header's checksum is another now. */
	if (bpf_skb_load_bytes(skb, IP_OFF + 8, &pkt->ttl_word, sizeof(pkt->ttl_word)))
		return DROP_REWRITE_FAILED;
	if (to->kind != PUBLIC_GATEWAY)
		return 0;
	/* It may go on to another host, which knows by this that a public gateway has sent it. */
	reserved_mac(mac, OVERLAY_PUBLIC);
	return bpf_skb_store_bytes(skb, ETH_ALEN, mac, sizeof(mac), 0) ? DROP_REWRITE_FAILED : 0;
}

/* Tells the sender in the public network what became of its packet, in the name of the address that it was for. */
__noinline int tell_public(struct __sk_buff *skb, struct packet *pkt, const struct arrival *to)
{
	struct translation back = { .side = 1 };
	struct port port = {};

	if (!pkt || !to)
		return TC_ACT_SHOT;
	back.from = to->nat.to;
	back.to = to->nat.from;
	drop(skb, 0, to->error.reason);
	if ((pkt->flags & PKT_V6) || !deserves_error(pkt) || !error_permitted(0))
		return TC_ACT_SHOT;
	if (to->nat.to) {
		/* What it quotes must be what was sent. */
		back.port = to->nat.port ? to->public_port : 0;
		if (translate(skb, pkt, &back))
			return TC_ACT_SHOT;
		addr_from_v4(&pkt->daddr, to->nat.from);
	}
	__builtin_memcpy(port.mac, pkt->src, ETH_ALEN);
	__builtin_memcpy(port.gw_mac, pkt->dst, ETH_ALEN);
	port.gateway_ip = pkt->daddr.w[3];
	return rewrite_as_error(skb, &port, pkt, &to->error) ? TC_ACT_SHOT : bpf_redirect(skb->ifindex, 0);
}

static __always_inline int refuse_arrival(struct arrival *to, __u32 reason, __u32 kind, __u32 mtu)
{
	to->error.reason = reason;
	to->error.kind = kind;
	to->error.mtu = mtu;
	return GO_ON;
}

/*
 * Whether a packet can have come from the public network: nobody there has an address of the VPC, and whoever could claim
 * one would be taken for a member of its groups. Nor has anybody there seen a packet that was for one, to send an ICMP error
 * about it. Of a gateway's packets their flow says so: its remote is in the key.
 */
static __always_inline int is_from_public(struct __sk_buff *skb, const struct packet *pkt, const struct arrival *to)
{
	struct endpoint_key key = { .segment = to->segment };

	return addr_is_host(&pkt->saddr) && !subject_of(skb, pkt, &key.addr) && !bpf_map_lookup_elem(&endpoints, &key) &&
	       (to->kind == PUBLIC_GATEWAY ||
		public_route(to->segment, table_of(to->segment, &to->private), &key.addr));
}

/* As find_way(). GO_ON also says that the sender is told something, if `to->error` has a reason. */
__noinline int find_way_private(struct __sk_buff *skb, const struct packet *pkt, struct arrival *to, struct way *way)
{
	const struct endpoint *endpoint;
	struct receiver found;
	__u32 largest;

	if (!pkt || !to || !way)
		return TC_ACT_SHOT;
	__builtin_memset(way, 0, sizeof(*way));
	way->segment = to->segment;
	way->changes = changes_so_far();
	way->from = skb->ifindex;
	endpoint = find_receiver(to->segment, 0, &to->private, &found);
	if (!endpoint || (endpoint->flags & ENDPOINT_GATEWAY))
		return drop(skb, 0, DROP_UNKNOWN_PUBLIC_ADDRESS);
	way->slot[1] = way->blame = endpoint->ifindex ? endpoint->slot : 0;
	if (!is_from_public(skb, pkt, to))
		return drop(skb, way->blame, pkt->flags & PKT_ERROR ? DROP_ICMP_UNRELATED : DROP_SPOOFED_SRC_IP);
	if (pkt->flags & PKT_LOST)
		return drop(skb, way->blame, DROP_FRAGMENT_UNKNOWN);
	if (is_nd(pkt))
		return drop(skb, way->blame, DROP_ND_NOT_FORWARDED);
	if ((pkt->flags & (PKT_ICMP | PKT_V6)) == PKT_ICMP && pkt->choice >> 8 == ICMP_REDIRECT)
		return drop(skb, way->blame, DROP_ICMP_REDIRECT);
	if (pkt->ttl <= 1)
		return refuse_arrival(to, DROP_TTL_EXCEEDED, ERROR_TIME_EXCEEDED, 0);
	largest = measure(skb, pkt, &way->size);
	way->mtu = endpoint->mtu;
	if (largest > way->mtu) {
		count_too_big(to->segment, pkt, largest, way->mtu);
		if (pkt->flags & PKT_DF)
			return refuse_arrival(to, DROP_TOO_BIG, ERROR_TOO_BIG, way->mtu);
		return drop(skb, way->blame, DROP_TOO_BIG);
	}
	way->cell[1] = found.cell;
	way->hop = HOP_ROUTED;
	way->enters = 1;
	__builtin_memcpy(way->mac, pkt->dst, ETH_ALEN);
	if (endpoint->ifindex) {
		way->to = endpoint->ifindex;
		way->hop |= endpoint->flags & ENDPOINT_LOCAL_TAP ? HOP_TAP : 0;
		return GO_ON;
	}
	if (to->kind == PUBLIC_GATEWAY && endpoint->vtep) {
		way->to = endpoint->vtep;
		way->hop |= HOP_OVERLAY;
		return GO_ON;
	}
	if (!(endpoint->flags & ENDPOINT_MOVED) || !endpoint->vtep)
		return drop(skb, 0, DROP_NOT_HERE);
	/* The public network has not heard of the move yet. */
	if (decrement_ttl(skb, pkt))
		return drop(skb, 0, DROP_REWRITE_FAILED);
	return send_on(skb, to->segment, endpoint->vtep, OVERLAY_ROUTED);
}

/* Finds whom a packet is for, and makes it one for the private address. Returns 0 or a drop reason. */
static __always_inline int find_arrival(struct __sk_buff *skb, struct packet *pkt, struct arrival *to)
{
	int reason = parse_ip(skb, pkt);

	if (!reason && is_multicast(pkt))
		reason = DROP_MULTICAST;
	if (!reason && to->kind == PUBLIC_GATEWAY) {
		/* Whose they are is known by their ports only, and not yet in which segment. */
		if (pkt->flags & PKT_LATER)
			resolve_fragment(pkt, 0);
		reason = pkt->flags & PKT_LOST ? DROP_FRAGMENT_UNKNOWN : find_gateway_flow(skb, pkt, to);
		if (!reason && (pkt->flags & PKT_FIRST))
			remember_fragment(pkt, 0, ticks_now());
	}
	if (!reason)
		reason = turn_private(skb, pkt, to);
	if (!reason && (pkt->flags & PKT_LATER) && to->kind != PUBLIC_GATEWAY)
		resolve_fragment(pkt, to->segment);
	return reason;
}

/* A function of its own: what it needs of the stack would be too much for those that are called after it. */
__noinline int by_flow_from_uplink(struct __sk_buff *skb, __u32 segment)
{
	struct scratch *scratch = own_scratch();

	return scratch ? by_flow(skb, scratch, segment, skb->ifindex, 0, 0, iface_of(0)) : TC_ACT_SHOT;
}

static __always_inline int take_from_uplink(struct __sk_buff *skb, struct scratch *scratch,
					    const struct public_address *public)
{
	struct arrival to = { .segment = public->segment, .private = public->private, .kind = public->kind };
	int reason = find_arrival(skb, &scratch->pkt, &to), result;

	if (reason)
		return drop(skb, 0, reason);
	result = by_flow_from_uplink(skb, to.segment);
	if (result == GO_ON)
		result = find_way_private(skb, &scratch->pkt, &to, &scratch->way);
	if (result != GO_ON)
		return result;
	if (to.error.reason)
		return tell_public(skb, &scratch->pkt, &to);
	reason = judge(skb, &scratch->pkt, &scratch->way);
	if (reason)
		return refuse_flow(skb, &scratch->pkt, &scratch->way, reason);
	return send_way(skb, &scratch->pkt, &scratch->way);
}
