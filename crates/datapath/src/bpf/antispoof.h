/*
 * A guest speaks only as itself: its MAC address always, its IP addresses unless the interface may spoof or is a router.
 *
 * Exits: DROP_FENCED, DROP_SPOOFED_SRC_MAC, DROP_SPOOFED_SRC_IP.
 */
#pragma once

#include "flow.h"

static __always_inline int check_sender(const struct port *port, const struct packet *pkt)
{
	if (!(port->flags & PORT_ACTIVE))
		return DROP_FENCED;
	if (!mac_equal(pkt->src, port->mac))
		return DROP_SPOOFED_SRC_MAC;
	return 0;
}

/* Where packets of a segment go by this route table, or, with table 0, those for an address that is no endpoint. */
static __always_inline const struct route *find_route(__u32 segment, __u32 table, const struct addr *addr)
{
	struct route_key key = { .prefixlen = 160, .segment = segment | table << 24, .addr = *addr };
	const struct route *route = bpf_map_lookup_elem(&routes, &key);

	return route && route->v6 && addr_is_v4(addr) ? 0 : route;
}

/* Whether a route leads to the public network. */
static __always_inline int is_public(const struct route *route)
{
	return route && (route->kind == ROUTE_PUBLIC || route->kind == ROUTE_NAT);
}

/*
 * The route to the public network for an address of no endpoint, by this route table; what that leaves to the VPC goes by the
 * VPC's own.
 */
static __always_inline const struct route *public_route(__u32 segment, __u32 table, const struct addr *addr)
{
	const struct route *route = find_route(segment, table, addr);

	if (table && route && route->kind == ROUTE_LOCAL)
		route = find_route(segment, 0, addr);
	return is_public(route) ? route : 0;
}

/* While an interface moves between two devices of this host both may be ACTIVE for a moment, and then both own its
 * addresses. */
static __always_inline int is_at(const struct endpoint *endpoint, __u32 ifindex)
{
	return endpoint && (endpoint->ifindex == ifindex || endpoint->alt_ifindex == ifindex);
}

/*
 * Whether `addr` is one of the interface behind `ifindex`: an endpoint there, or in a network that is delegated to one.
 * `*cell`: what that relied on.
 */
static __noinline int owns_address(const struct port *port, __u32 ifindex, const struct addr *addr, __u16 *cell)
{
	struct endpoint_key key = { .segment = port->segment, .addr = *addr };
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &key);
	const struct route *route;

	*cell = port->slot;
	if (endpoint) {
		*cell = endpoint->cell;
		return is_at(endpoint, ifindex) || addr_equal(addr, &port->primary);
	}
	if (addr_equal(addr, &port->primary))
		return 1;
	route = find_route(port->segment, 0, addr);
	if (!route)
		return 0;
	*cell = route->cell;
	if (route->kind != ROUTE_VIA)
		return 0;
	key.addr = route->addr;
	endpoint = bpf_map_lookup_elem(&endpoints, &key);
	if (endpoint)
		*cell = endpoint->cell;
	return is_at(endpoint, ifindex);
}

static __always_inline int check_source_ip(const struct port *port, __u32 ifindex, const struct addr *saddr, __u16 *cell)
{
	const struct iface *iface;

	if (owns_address(port, ifindex, saddr, cell))
		return 0;
	/* Link-local addresses are every guest's own, but only for neighbour discovery and DHCP, which have been answered. */
	if (!addr_is_host(saddr) || addr_is_link_local6(saddr))
		return DROP_SPOOFED_SRC_IP;
	iface = iface_of(port->slot);
	if ((port->flags & PORT_ALLOW_IP_SPOOFING) || (iface && !(iface->flags & IFACE_SOURCE_DEST_CHECK)))
		return 0;
	return DROP_SPOOFED_SRC_IP;
}

/* Whether an address is in the subnet of the port. */
static __always_inline int same_subnet(const struct port *port, const struct addr *addr)
{
	struct addr gateway;

	if (!addr_is_v4(addr))
		return port->prefix6_len && addr_in(addr, &port->subnet6, port->prefix6_len);
	addr_from_v4(&gateway, port->gateway_ip);
	return addr_in(addr, &gateway, 96 + port->prefix_len);
}
