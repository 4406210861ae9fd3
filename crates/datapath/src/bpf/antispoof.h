/*
 * A guest speaks only as itself: its MAC address always, its IP addresses unless the interface may spoof.
 *
 * Exits: DROP_FENCED, DROP_SPOOFED_SRC_MAC, DROP_SPOOFED_SRC_IP.
 */
#pragma once

#include "parse.h"

static __always_inline int check_sender(const struct port *port, const struct packet *pkt)
{
	if (!(port->flags & PORT_ACTIVE))
		return DROP_FENCED;
	if (!mac_equal(pkt->src, port->mac))
		return DROP_SPOOFED_SRC_MAC;
	return 0;
}

/* Whether `addr` is one of the addresses of the interface behind `ifindex`. While an interface moves between two devices of
 * this host both may be ACTIVE for a moment, and then both own its addresses. */
static __always_inline int owns_address(const struct port *port, __u32 ifindex, __be32 addr)
{
	struct endpoint_key key = { .segment = port->segment, .addr = addr };
	const struct endpoint *endpoint;

	if (addr == port->primary_ip)
		return 1;
	endpoint = bpf_map_lookup_elem(&endpoints, &key);
	return endpoint && (endpoint->ifindex == ifindex || endpoint->alt_ifindex == ifindex);
}

static __always_inline int check_source_ip(const struct port *port, __u32 ifindex, __be32 saddr)
{
	if (owns_address(port, ifindex, saddr) || (port->flags & PORT_ALLOW_IP_SPOOFING))
		return 0;
	return DROP_SPOOFED_SRC_IP;
}
