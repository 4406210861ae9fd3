/*
 * Which interface an address leads to.
 *
 * Exits: none; a receiver or none, with the route that says so.
 *
 * The routes of table 0 hold for everybody in the VPC: networks that are delegated to an interface, and the subnets' own
 * ranges. A route table stands before them: it has packets go there (ROUTE_LOCAL), elsewhere, or nowhere.
 */
#pragma once

#include "antispoof.h"

struct receiver {
	const struct route *route; /* where the address is no endpoint, or a route table was asked */
	__u16 cell;		   /* what the answer relied on */
	__u16 foreign;		   /* 1: what gets it is a router, by a route table */
};

/* The endpoint that a route leads to. An interface that moves tells of it by its own cell, not by the route's. */
static __always_inline const struct endpoint *follow_route(struct endpoint_key *key, struct receiver *found)
{
	const struct endpoint *endpoint;

	found->cell = found->route->cell;
	if (found->route->kind != ROUTE_VIA)
		return 0;
	key->addr = found->route->addr;
	endpoint = bpf_map_lookup_elem(&endpoints, key);
	if (endpoint)
		found->cell = endpoint->cell;
	return endpoint;
}

/* The endpoint of an address: where the route table leads, else its own, or the one that its network is delegated to. */
static __noinline const struct endpoint *find_receiver(__u32 segment, __u32 table, const struct addr *addr,
						       struct receiver *found)
{
	struct endpoint_key key = { .segment = segment, .addr = *addr };
	const struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &key);

	found->route = 0;
	found->cell = 0;
	found->foreign = 0;
	if (table && !(endpoint && (endpoint->flags & ENDPOINT_GATEWAY))) {
		found->route = find_route(segment, table, addr);
		if (!found->route)
			return 0;
		if (found->route->kind != ROUTE_LOCAL) {
			found->foreign = 1;
			return follow_route(&key, found);
		}
		found->route = 0;
	}
	if (endpoint) {
		found->cell = endpoint->cell;
		return endpoint;
	}
	found->route = find_route(segment, 0, addr);
	return found->route ? follow_route(&key, found) : 0;
}

/* Who may speak for a MAC address, and by which table its packets are sent on. */
static __always_inline const struct location *location_of(__u32 segment, const void *mac)
{
	struct location_key key = { .segment = segment };

	__builtin_memcpy(key.mac, mac, ETH_ALEN);
	return bpf_map_lookup_elem(&locations, &key);
}

/* The endpoint of a MAC address: where frames for foreign addresses go. `*addr`: its primary address. */
static __noinline const struct endpoint *find_by_mac(__u32 segment, const __u16 *mac, struct addr *addr)
{
	const struct location *location = location_of(segment, mac);
	struct endpoint_key primary;

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
	own = find_receiver(segment, 0, addr, &found);
	return own && mac_equal(own->mac, at->mac);
}
