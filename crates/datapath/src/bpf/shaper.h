/*
 * The detour of limited packets through queues.
 *
 * A packet that is redirected meets no queue, and only a queue can hold one back. So the packets of an interface that has
 * a class leave by one end of the shaper's cable (a veth pair of the host's, an HTB tree at each end) and come in at the
 * other, where their way goes on:
 *
 *   from_port -> detour -> first end, its tree -> second end: shaped_egress -> what from_port does otherwise
 *   send      -> detour -> second end, its tree -> first end: shaped_ingress -> deliver
 *
 * What a guest sends is judged after the queue, as if it had sent later: a packet that waits while its port is fenced or
 * its policy changes meets what holds then. What it gets has been judged before; nothing but the device is left to do.
 *
 * skb->priority says the class, and that is all that HTB asks: with a class that is not there, it drops. skb->mark says
 * the port's device. Both are written here over whatever was in them, so a guest or a socket of the host can't choose.
 * `to_shaper` lets nothing in that the host's own stack sends. The cable is within one namespace, so the mark survives it;
 * it is cleared before the packet goes on, because it would be seen in the guest and by the host's routing.
 *
 * Exits: redirect to the cable; DROP_NO_SHAPER.
 */
#pragma once

#include "counters.h"
#include "origin.h"

/* Sends a packet through the queue of its class. `ifindex`: the port's device, that it comes from or goes to. */
static __always_inline int detour(struct __sk_buff *skb, __u32 slot, __u32 class, __u32 ifindex, int ingress)
{
	__u32 only = 0;
	const struct host_settings *host = bpf_map_lookup_elem(&settings, &only);
	__u32 end = !host ? 0 : ingress ? host->shaper_peer_ifindex : host->shaper_ifindex;

	if (!end)
		return drop(skb, slot, DROP_NO_SHAPER);
	skb->priority = class;
	skb->mark = ifindex;
	return bpf_redirect(end, 0);
}

/* The port that a packet at the end of its detour belongs to, by the mark, which is taken off. */
static __always_inline const struct port *port_of_mark(struct __sk_buff *skb)
{
	struct ifindex_key key = { .ifindex = skb->mark };

	skb->mark = 0;
	set_origin(skb, key.ifindex);
	return bpf_map_lookup_elem(&ports, &key);
}
