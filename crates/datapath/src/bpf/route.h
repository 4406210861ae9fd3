/*
 * Which interface an address leads to.
 *
 * Exits: none; a receiver or none, with the route that says so.
 */
#pragma once

#include "antispoof.h"

struct receiver {
	const struct route *route; /* where the address is no endpoint */
	__u16 cell;		   /* what the answer relied on */
};

/* The endpoint of an address: its own, or the one that its network is delegated to. */
static __noinline const struct endpoint *find_receiver(__u32 segment, const struct addr *addr, struct receiver *found)
{
	struct endpoint_key key = { .segment = segment, .addr = *addr };
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &key);

	found->route = 0;
	found->cell = 0;
	if (endpoint) {
		found->cell = endpoint->cell;
		return endpoint;
	}
	found->route = find_route(segment, addr);
	if (!found->route)
		return 0;
	found->cell = found->route->cell;
	if (found->route->kind != ROUTE_VIA)
		return 0;
	key.addr = found->route->addr;
	return bpf_map_lookup_elem(&endpoints, &key);
}

/* The endpoint of a MAC address: where frames for foreign addresses go. `*addr`: its primary address. */
static __noinline const struct endpoint *find_by_mac(__u32 segment, const __u16 *mac, struct addr *addr)
{
	struct location_key key = { .segment = segment };
	const struct location *location;
	struct endpoint_key primary;

	__builtin_memcpy(key.mac, mac, ETH_ALEN);
	location = bpf_map_lookup_elem(&locations, &key);
	if (!location || addr_is_zero(&location->addr))
		return 0;
	*addr = location->addr;
	primary.segment = segment;
	primary.addr = location->addr;
	return bpf_map_lookup_elem(&endpoints, &primary);
}

/* Whether an interface of this host gets packets for an address: its own, or any if it is a router's. */
static __noinline int may_receive(__u32 segment, const struct addr *addr, __u32 slot, const struct endpoint *at)
{
	const struct iface *iface = iface_of(slot);
	struct receiver found;
	const struct endpoint *own;

	if (iface && !(iface->flags & IFACE_SOURCE_DEST_CHECK))
		return 1;
	own = find_receiver(segment, addr, &found);
	return own && mac_equal(own->mac, at->mac);
}
