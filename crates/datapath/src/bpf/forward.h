/*
 * Where a packet of a guest goes: to the gateway itself, to a device of this host, or to another host; and the short way
 * of a packet whose flow is fresh.
 *
 * Exits: redirect to the receiver's device or the VXLAN device; an ICMP answer to the guest; DROP_MULTICAST,
 * DROP_NO_ROUTE, DROP_WRONG_DST_MAC, DROP_NOT_DESTINATION, DROP_TTL_EXCEEDED, DROP_TOO_BIG, DROP_REWRITE_FAILED,
 * DROP_SPOOFED_SRC_IP, DROP_FRAGMENT_UNKNOWN, DROP_ICMP_REDIRECT, DROP_DHCP_SERVER_SPOOFED, those of judge.h, icmp.h,
 * icmp6.h, uplink.h and of the local services.
 */
#pragma once

#include "arp.h"
#include "icmp.h"
#include "icmp6.h"
#include "judge.h"
#include "mtu.h"
#include "overlay.h"
#include "shaper.h"
#include "uplink.h"
#include "challenge.h"
#include "dhcp4.h"
#include "dhcp6.h"
#include "nd.h"

static __always_inline int is_multicast(const struct packet *pkt)
{
	return mac_is_group(pkt->dst) || addr_is_group(&pkt->daddr);
}

/* Sends a packet on its way: the last step on this host. */
static __always_inline int send(struct __sk_buff *skb, const struct packet *pkt, __u32 segment, __u32 to, __u32 hop,
				const struct iface *receiver, __u32 slot)
{
	if (hop & HOP_OVERLAY) {
		int result;

		if (hop & HOP_ROUTED) {
			__u16 mac[3];

			reserved_mac(mac, hop & HOP_UPLINK ? OVERLAY_PUBLIC : OVERLAY_ROUTED);
			if (bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0) || decrement_ttl(skb, pkt))
				return drop(skb, slot, DROP_REWRITE_FAILED);
		}
		result = to_vtep(skb, segment, to);
		return result < 0 ? drop(skb, slot, -result) : result;
	}
	/* The sender's host has decremented the TTL. */
	if ((hop & HOP_ROUTED) && (write_macs(skb, receiver->mac, receiver->gw_mac) ||
				   (!(hop & HOP_FROM_OVERLAY) && decrement_ttl(skb, pkt))))
		return drop(skb, slot, DROP_REWRITE_FAILED);
	if (receiver->ingress_class)
		return detour(skb, slot, receiver->ingress_class, to, 1);
	return deliver(skb, to, hop & HOP_TAP);
}

/*
 * The established path: a packet whose flow is fresh. `from`: the device or host that it comes from, `overlay` which;
 * `slot` and `src`: the sender's interface if it is here. Everything else is left to the slow path, also what refuses the
 * packet: it finds the reason again.
 */
static __always_inline int by_flow(struct __sk_buff *skb, struct scratch *scratch, __u32 segment, __u32 from,
				   __u32 overlay, __u32 slot, const struct iface *src)
{
	struct packet *pkt = &scratch->pkt;
	const struct iface *dst, *keeper;
	struct flow_dir *d, *o;
	struct wire_size size;
	struct flow *flow;
	__u32 end, opener, dst_slot, now, hop;

	if (!src || (pkt->flags & (PKT_ERROR | PKT_LOST)))
		return GO_ON;
	end = flow_key_of(&scratch->key, segment, pkt);
	flow = bpf_map_lookup_elem(&flows, &scratch->key);
	if (!flow) {
		pkt->flags |= end ? PKT_NEW | PKT_UPPER : PKT_NEW;
		return GO_ON;
	}
	if (flow->flags & (FLOW_OPEN_0 | FLOW_OPEN_1))
		return GO_ON;
	if (end) {
		d = &flow->dir[1];
		o = &flow->dir[0];
		dst_slot = flow->slot[0];
	} else {
		d = &flow->dir[0];
		o = &flow->dir[1];
		dst_slot = flow->slot[1];
	}
	hop = d->hop;
	if (d->from != from || (hop & HOP_FROM_OVERLAY) != overlay || (end ? flow->slot[1] : flow->slot[0]) != slot)
		return GO_ON;
	dst = iface_of(dst_slot);
	if (!dst)
		return GO_ON;

	/* The frame is addressed as those before: to the gateway, or straight to the receiver. */
	if (overlay) {
		if (!mac_equal(pkt->src, d->mac))
			return GO_ON;
		__u32 routed = hop & HOP_UPLINK ? OVERLAY_PUBLIC : OVERLAY_ROUTED;

		if (hop & HOP_ROUTED ? overlay_hop_of(pkt->dst) != routed : !mac_equal(pkt->dst, dst->mac))
			return GO_ON;
	} else {
		if (!mac_equal(pkt->dst, d->mac) || ((hop & HOP_ROUTED) && pkt->ttl <= 1))
			return GO_ON;
	}
	if (stamp_of(d->src_cell, d->dst_cell, flow->slot) != d->stamp || src->judged + dst->judged != flow->judged)
		return GO_ON;
	now = ticks_now();
	opener = opener_of(flow);
	keeper = (opener == end ? slot != 0 : dst_slot == 0) ? src : dst;
	if (is_idle(flow, keeper, now))
		return GO_ON;
	if (measure(skb, pkt, &size) > d->mtu)
		return GO_ON;

	if (pkt->proto == IPPROTO_TCP && !(pkt->flags & PKT_LATER)) {
		int effect;

		if (tcp_is_usual(flow, pkt)) {
			effect = tcp_usual_step(d, o, pkt);
		} else {
			if (tcp_opens(pkt) && (tcp_is_over(flow) || (flow->flags & FLOW_LOOSE)))
				return GO_ON;
			effect = tcp_step(skb, flow, pkt, end);
		}
		if (effect > 0 && ((src->flags | dst->flags) & IFACE_STATE_FILTERING))
			return GO_ON;
	}
	if (pkt->flags & PKT_FIRST)
		remember_fragment(pkt, segment, now);
	count_flow(flow, d, end, size, now);
	if (slot)
		count_tx(slot, size);
	if (dst_slot)
		count_rx(dst_slot, size);
	if ((hop & (HOP_UPLINK | HOP_OVERLAY)) == HOP_UPLINK)
		return leave(skb, pkt, d->to, hop, slot, flow->nat_addr, flow->nat_port);
	return send(skb, pkt, segment, d->to, hop, dst, slot);
}

/* Sends a packet that has been decided. */
__noinline int send_way(struct __sk_buff *skb, const struct packet *pkt, const struct way *way)
{
	const struct iface *receiver;

	if (!pkt || !way)
		return TC_ACT_SHOT;
	receiver = iface_of(way->slot[1]);
	if (!receiver)
		return drop(skb, way->slot[0], DROP_REWRITE_FAILED);
	if (way->slot[0])
		count_tx(way->slot[0], way->size);
	if (way->slot[1])
		count_rx(way->slot[1], way->size);
	if ((way->hop & (HOP_UPLINK | HOP_OVERLAY)) == HOP_UPLINK)
		return leave(skb, pkt, way->to, way->hop, way->slot[0], way->nat_addr, way->nat_port);
	return send(skb, pkt, way->segment, way->to, way->hop, receiver, way->slot[0] ? way->slot[0] : way->slot[1]);
}

/* The ports of DHCP servers and clients (RFC 2131, RFC 8415). */
#define DHCP4_SERVER bpf_htons(67)
#define DHCP4_CLIENT bpf_htons(68)
#define DHCP6_CLIENT bpf_htons(546)
#define DHCP6_SERVER bpf_htons(547)

/* The local services: what is answered here and never forwarded. Returns a result, or GO_ON for all else. */
static __always_inline int serve_locally(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	/* Also fragments, which are refused there; later ones are lost then, as no first one passes. */
	if (is_nd(pkt))
		return answer_nd(skb, port, pkt);
	if (pkt->proto != IPPROTO_UDP)
		return GO_ON;
	if (pkt->flags & PKT_V6) {
		if (pkt->sport == DHCP6_CLIENT && pkt->dport == DHCP6_SERVER)
			return answer_dhcp6(skb, port, pkt);
		if (pkt->sport == DHCP6_SERVER && pkt->dport == DHCP6_CLIENT)
			return drop(skb, port->slot, DROP_DHCP_SERVER_SPOOFED);
	} else {
		if (pkt->sport == DHCP4_CLIENT && pkt->dport == DHCP4_SERVER)
			return answer_dhcp4(skb, port, pkt);
		if (pkt->sport == DHCP4_SERVER && pkt->dport == DHCP4_CLIENT)
			return drop(skb, port->slot, DROP_DHCP_SERVER_SPOOFED);
	}
	return GO_ON;
}

/*
 * A frame that is not for the gateway stays within the subnet: for the interface of its destination, or for a router;
 * `*direct` is 0 then.
 */
static __always_inline const struct endpoint *switched_to(const struct port *port, const struct packet *pkt,
							  const struct endpoint *endpoint, struct receiver *found,
							  int *direct)
{
	struct addr addr;

	if (endpoint && mac_equal(pkt->dst, endpoint->mac) && same_subnet(port, &pkt->daddr))
		return endpoint;
	endpoint = find_by_mac(port->segment, pkt->dst, &addr);
	if (!endpoint || !same_subnet(port, &addr) || !mac_equal(pkt->dst, endpoint->mac))
		return 0;
	found->cell = endpoint->cell;
	*direct = 0;
	return endpoint;
}

/* Whether a guest speaks to the gateway on its link: its link-local source is good enough, the answer goes only back. */
static __always_inline int asks_gateway6(const struct packet *pkt)
{
	return is_gateway6((const struct in6_addr *)&pkt->daddr) && addr_is_link_local6(&pkt->saddr) &&
	       !is_gateway6((const struct in6_addr *)&pkt->saddr);
}

/*
 * Whether a packet from `saddr` enters the subnet of the port at `ifindex` from outside, for an interface whose subnet has an
 * ACL; without one nobody asks.
 */
static __always_inline int crosses_border(__u32 slot, __u32 ifindex, const struct addr *saddr)
{
	struct ifindex_key key = { .ifindex = ifindex };
	const struct iface *iface = iface_of(slot);
	const struct port *port;

	if (!iface || !iface->acl)
		return 0;
	port = bpf_map_lookup_elem(&ports, &key);
	return !port || !same_subnet(port, saddr);
}

/*
 * Finds the way of a guest's packet that no flow carries. Returns GO_ON with the way in the scratch memory, GO_OUT, or
 * the program's result.
 */
__noinline int find_way(struct __sk_buff *skb, const struct port *port, const struct packet *pkt)
{
	struct scratch *scratch = own_scratch();
	struct way *way;
	const struct endpoint *endpoint;
	struct icmp_error error = {};
	struct receiver found;
	int routed, reason, direct = 1;
	__u32 largest;

	if (!port || !pkt || !scratch)
		return TC_ACT_SHOT;
	way = &scratch->way;
	__builtin_memset(way, 0, sizeof(*way));
	way->changes = changes_so_far();
	way->from = origin(skb);
	routed = mac_equal(pkt->dst, port->gw_mac);
	way->segment = port->segment;
	way->slot[0] = way->blame = port->slot;
	if (!asks_gateway6(pkt) && check_source_ip(port, origin(skb), &pkt->saddr, &way->cell[0]))
		return drop(skb, port->slot, DROP_SPOOFED_SRC_IP);
	if ((pkt->flags & (PKT_ICMP | PKT_V6)) == PKT_ICMP && pkt->choice >> 8 == ICMP_REDIRECT)
		return drop(skb, port->slot, DROP_ICMP_REDIRECT);
	if (pkt->flags & PKT_LOST)
		return drop(skb, port->slot, DROP_FRAGMENT_UNKNOWN);
	if (is_multicast(pkt))
		return drop(skb, port->slot, DROP_MULTICAST);

	/* What goes by the gateway goes by the subnet's route table. */
	endpoint = find_receiver(port->segment, routed ? port->table : 0, &pkt->daddr, &found);
	if ((endpoint && (endpoint->flags & ENDPOINT_GATEWAY)) || is_gateway6((const struct in6_addr *)&pkt->daddr)) {
		if (!routed)
			return drop(skb, port->slot, DROP_WRONG_DST_MAC);
		return pkt->flags & PKT_V6 ? serve_gateway6(skb, port, pkt) : serve_gateway(skb, port, pkt);
	}
	if (routed) {
		direct = !found.foreign;
		if (!endpoint && is_public(found.route)) {
			scratch->route = *found.route;
			return GO_OUT;
		}
		if (!endpoint) {
			error.reason = DROP_NO_ROUTE;
			error.kind = ERROR_UNREACHABLE;
			return refuse(skb, port, pkt, &error);
		}
		if (pkt->ttl <= 1) {
			error.reason = DROP_TTL_EXCEEDED;
			error.kind = ERROR_TIME_EXCEEDED;
			return refuse(skb, port, pkt, &error);
		}
	} else {
		/* A frame to some other MAC address is not the gateway's to refuse. */
		reason = endpoint ? DROP_WRONG_DST_MAC : DROP_NO_ROUTE;
		endpoint = switched_to(port, pkt, endpoint, &found, &direct);
		if (!endpoint)
			return drop(skb, port->slot, reason);
	}
	if (!endpoint->ifindex && !endpoint->vtep)
		return drop(skb, port->slot, DROP_NO_ROUTE);

	largest = measure(skb, pkt, &way->size);
	way->mtu = endpoint->mtu < port->mtu ? endpoint->mtu : port->mtu;
	if (largest > way->mtu) {
		count_too_big(port->segment, pkt, largest, way->mtu);
		error.reason = DROP_TOO_BIG;
		error.kind = ERROR_TOO_BIG;
		error.mtu = way->mtu;
		return pkt->flags & PKT_DF ? refuse(skb, port, pkt, &error) : drop(skb, port->slot, DROP_TOO_BIG);
	}

	way->cell[1] = found.cell;
	way->leaves = !same_subnet(port, &pkt->daddr);
	way->hop = routed ? HOP_ROUTED : 0;
	__builtin_memcpy(way->mac, pkt->dst, ETH_ALEN);
	if (endpoint->ifindex) {
		if (!direct && !may_receive(port->segment, &pkt->daddr, endpoint->slot, endpoint))
			return drop(skb, port->slot, DROP_NOT_DESTINATION);
		way->to = endpoint->ifindex;
		way->slot[1] = endpoint->slot;
		way->hop |= endpoint->flags & ENDPOINT_LOCAL_TAP ? HOP_TAP : 0;
		way->enters = crosses_border(way->slot[1], way->to, &pkt->saddr);
	} else {
		way->to = endpoint->vtep;
		way->hop |= HOP_OVERLAY;
	}
	return GO_ON;
}

/* A packet of a guest that no flow carries. */
static __always_inline int forward(struct __sk_buff *skb, const struct port *port, const struct packet *pkt,
				   struct scratch *scratch)
{
	int reason, result = find_way(skb, port, pkt);
	struct way *way = &scratch->way;

	/* Here and not there, as the stacks of functions that call each other add up. */
	if (result == GO_OUT)
		result = find_way_out(skb, port, pkt, way, &scratch->route);
	if (result != GO_ON)
		return result;
	reason = judge(skb, pkt, way);
	if (way->nat_port)
		settle_port(pkt, way, reason);
	if (reason == DROP_TCP_SYN_IN_CONNECTION)
		return challenge(skb, port, pkt, way);
	if (reason)
		return refuse_flow(skb, pkt, way, reason);
	return send_way(skb, pkt, way);
}
