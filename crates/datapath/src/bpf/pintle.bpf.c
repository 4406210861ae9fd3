/*
 * The programs of the data plane. Each is a short list of stages; a stage lives in the header of its name.
 *
 * Names say the direction as the guest's device sees it from the host: `from_port` sees what the guest sends (tcx
 * ingress of the host-side device), `to_port` what leaves towards it (tcx egress), `from_overlay` what other hosts send,
 * `shaped_egress` and `shaped_ingress` what has been held back on either way (see shaper.h).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "arrive.h"
#include "forward.h"
#include "receive.h"
#include "sweep.h"

/* What a guest sends, from where it may go on. */
static __always_inline int from_guest(struct __sk_buff *skb, const struct port *port, const struct iface *iface)
{
	struct scratch *scratch = own_scratch();
	struct packet *pkt;
	int reason, result;

	if (!scratch)
		return TC_ACT_SHOT;
	pkt = &scratch->pkt;
	__builtin_memset(pkt, 0, sizeof(*pkt));
	reason = parse_ethernet(skb, pkt);
	if (!reason && pkt->ethertype == ETH_P_IPV6 && !port->prefix6_len)
		reason = DROP_IPV6_NOT_ENABLED;
	if (reason)
		return drop(skb, port->slot, reason);
	reason = check_sender(port, pkt);
	if (reason)
		return drop(skb, port->slot, reason);
	if (pkt->ethertype == ETH_P_ARP)
		return handle_arp(skb, port);
	reason = parse_ip(skb, pkt);
	if (reason)
		return drop(skb, port->slot, reason);
	if (pkt->flags & PKT_LATER)
		resolve_fragment(pkt, port->segment);
	result = by_flow(skb, scratch, port->segment, origin(skb), 0, port->slot, iface);
	if (result == GO_ON)
		result = serve_locally(skb, port, pkt);
	return finish(result != GO_ON ? result : forward(skb, port, pkt, scratch));
}

SEC("tcx/ingress")
int from_port(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct port *port = port_of(ifindex);
	const struct iface *iface;

	if (!port)
		return drop(skb, 0, DROP_UNKNOWN_PORT);
	set_origin(skb, ifindex);
	if (port->flags & PORT_TRUNK) {
		int reason = untag(skb);

		if (reason)
			return drop(skb, port->slot, reason);
		port = port_of(origin(skb));
		if (!port)
			return drop(skb, 0, DROP_UNKNOWN_PORT);
	}
	iface = iface_of(port->slot);
	if (iface && iface->egress_class)
		return detour(skb, port->slot, iface->egress_class, origin(skb), 0);
	return from_guest(skb, port, iface);
}

SEC("tcx/ingress")
int shaped_egress(struct __sk_buff *skb)
{
	const struct port *port = port_of_mark(skb);

	if (!port)
		return drop(skb, 0, DROP_UNKNOWN_PORT);
	return from_guest(skb, port, iface_of(port->slot));
}

SEC("tcx/ingress")
int shaped_ingress(struct __sk_buff *skb)
{
	const struct port *port = port_of_mark(skb);

	return port ? deliver(skb, origin(skb), port->flags & PORT_TAP) : drop(skb, 0, DROP_UNKNOWN_PORT);
}

/* See to_port. What the host's own stack sends has no ingress device, and nothing but the programs sends with a mark. */
SEC("tcx/egress")
int to_shaper(struct __sk_buff *skb)
{
	return skb->mark && skb->ingress_ifindex ? TC_ACT_UNSPEC : drop(skb, 0, DROP_FROM_HOST_STACK);
}

SEC("tcx/ingress")
int from_overlay(struct __sk_buff *skb)
{
	struct scratch *scratch = own_scratch();
	struct bpf_tunnel_key *key;
	struct packet *pkt;
	__u32 segment;
	__be32 remote;
	int reason, result;

	if (!scratch)
		return TC_ACT_SHOT;
	pkt = &scratch->pkt;
	/* Not on the stack, which is what limits how deep functions may call each other. */
	key = (void *)scratch->words;
	__builtin_memset(pkt, 0, sizeof(*pkt));
	if (bpf_skb_get_tunnel_key(skb, key, sizeof(*key), 0))
		return drop(skb, 0, DROP_UNKNOWN_SEGMENT);
	segment = key->tunnel_id;
	/* The helper gives host byte order. */
	remote = bpf_htonl(key->remote_ipv4);
	reason = parse_ethernet(skb, pkt);
	if (!reason && pkt->ethertype == ETH_P_ARP)
		reason = DROP_ARP_NOT_FORWARDED;
	if (!reason)
		reason = parse_ip(skb, pkt);
	if (!reason && is_multicast(pkt))
		reason = DROP_MULTICAST;
	if (reason)
		return drop(skb, 0, reason);
	if (pkt->flags & PKT_LATER)
		resolve_fragment(pkt, segment);
	result = by_flow(skb, scratch, segment, remote, HOP_FROM_OVERLAY, 0, iface_of(0));
	return finish(result != GO_ON ? result : receive(skb, pkt, segment, remote, &scratch->way));
}

/* Of the uplink only what is for a public address is ours; the rest is the host's own. */
SEC("tcx/ingress")
int from_uplink(struct __sk_buff *skb)
{
	struct scratch *scratch = own_scratch();
	const struct public_address *public;
	struct packet *pkt;

	if (!scratch)
		return TC_ACT_UNSPEC;
	pkt = &scratch->pkt;
	__builtin_memset(pkt, 0, sizeof(*pkt));
	if (parse_ethernet(skb, pkt))
		return TC_ACT_UNSPEC;
	if (pkt->ethertype == ETH_P_ARP)
		return answer_uplink_arp(skb);
	public = public_target(skb, pkt);
	return public ? finish(take_from_uplink(skb, scratch, public)) : TC_ACT_UNSPEC;
}

SEC("tcx/egress")
int to_port(struct __sk_buff *skb)
{
	struct ifindex_key key = { .ifindex = skb->ifindex };
	const struct port *port;

	if (skb->mark == OWN_MARK && skb->ingress_ifindex) {
		skb->mark = 0;
		/* Not TC_ACT_OK, which would end the run: programs of others behind this one still see the packet. */
		return TC_ACT_UNSPEC;
	}
	port = bpf_map_lookup_elem(&ports, &key);
	return drop(skb, port ? port->slot : 0, DROP_FROM_HOST_STACK);
}

SEC("syscall")
int sweep(struct sweep_report *report)
{
	/* The coarse clock is not for programs of this kind; this one is at most a few ticks ahead of it. */
	struct sweep_state state = { .slot = report->slot, .full = report->full, .now = ticks_at(bpf_ktime_get_ns()) };

	bpf_loop(report->flows, sweep_flow, &state, 0);
	bpf_loop(report->ports, sweep_port, &state, 0);
	report->deleted = state.deleted;
	return 0;
}

/* No helper used here is reserved to GPL programs. */
char LICENSE[] SEC("license") = "MIT OR Apache-2.0";
