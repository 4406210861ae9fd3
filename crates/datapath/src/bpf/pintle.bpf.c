/*
 * The programs of the data plane. Each is a short list of stages; a stage lives in the header of its name.
 *
 * Names say the direction as the guest's device sees it from the host: `from_port` sees what the guest sends (tcx
 * ingress of the host-side device), `to_port` what leaves towards it (tcx egress), `from_overlay` what other hosts send.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "forward.h"

SEC("tcx/ingress")
int from_port(struct __sk_buff *skb)
{
	struct ifindex_key key = { .ifindex = skb->ifindex };
	const struct port *port = bpf_map_lookup_elem(&ports, &key);
	struct packet pkt;
	int reason;

	if (!port)
		return drop(skb, 0, DROP_UNKNOWN_PORT);
	reason = parse_ethernet(skb, &pkt);
	if (reason)
		return drop(skb, port->slot, reason);
	reason = check_sender(port, &pkt);
	if (reason)
		return drop(skb, port->slot, reason);
	if (pkt.ethertype == ETH_P_ARP)
		return handle_arp(skb, port);
	reason = parse_ipv4(skb, &pkt);
	if (reason)
		return drop(skb, port->slot, reason);
	reason = check_source_ip(port, key.ifindex, pkt.saddr);
	if (reason)
		return drop(skb, port->slot, reason);
	return forward(skb, port, &pkt);
}

SEC("tcx/ingress")
int from_overlay(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};
	struct packet pkt;
	int reason;

	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		return drop(skb, 0, DROP_UNKNOWN_SEGMENT);
	reason = parse_ethernet(skb, &pkt);
	if (!reason && pkt.ethertype != ETH_P_IP)
		reason = DROP_ARP_NOT_FORWARDED;
	if (!reason)
		reason = parse_ipv4(skb, &pkt);
	if (!reason && is_multicast(&pkt))
		reason = DROP_MULTICAST;
	if (reason)
		return drop(skb, 0, reason);
	/* The helper gives host byte order. */
	return receive(skb, &pkt, key.tunnel_id, bpf_htonl(key.remote_ipv4));
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

/* No helper used here is reserved to GPL programs. */
char LICENSE[] SEC("license") = "MIT OR Apache-2.0";
