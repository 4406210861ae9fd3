/*
 * Epochs: how a flow learns that something it relied on has changed.
 *
 * Each port, endpoint, location and route has a cell. A direction of a flow holds the sum of the epochs of the cells that
 * it was decided by: of the source's and the destination's entries, and of the ports of both ends that are on this host.
 * Whoever changes an entry raises the cell's epoch after the write; the sum differs then, and the flow is decided again.
 *
 * The last epoch counts the changes of all cells, and is raised before the cell's. A decision that read an entry just
 * before the write, and the cell just after it, sees that the count has moved since it began, and is not kept.
 *
 * The changes of `ports` are counted too, after each, so that each CPU may keep the ports that send by it at hand: a look-up by
 * hash is a fifth of the whole path of an established packet.
 */
#pragma once

#include "maps.h"

static __always_inline __u32 epoch_of(__u32 cell)
{
	__u32 *epoch = bpf_map_lookup_elem(&epochs, &cell);

	return epoch ? *(volatile __u32 *)epoch : 0;
}

static __always_inline __u32 changes_so_far(void)
{
	return epoch_of(CELLS);
}

/* Slot 0, an end that is not here, has a cell too, which nobody raises. */
static __always_inline __u32 stamp_of(__u32 src_cell, __u32 dst_cell, const __u32 *slots)
{
	return epoch_of(src_cell) + epoch_of(dst_cell) + epoch_of(slots[0] & 0xffff) + epoch_of(slots[1] & 0xffff);
}

/* The port of a device, not 0. */
static __always_inline const struct port *port_of(__u32 ifindex)
{
	__u32 place = ifindex % NEAR_PORTS, changes = epoch_of(PORT_CHANGES);
	struct near_port *near = bpf_map_lookup_elem(&near_ports, &place);
	struct ifindex_key key = { .ifindex = ifindex };
	const struct port *port;

	if (near && near->ifindex == ifindex && near->changes == changes)
		return &near->port;
	if (!near)
		return 0;
	/* The count must be read before the entry, also by machines that read out of order: an exchange is a full barrier. */
	__sync_lock_test_and_set(&near->ifindex, 0);
	port = bpf_map_lookup_elem(&ports, &key);
	if (!port)
		return 0;
	near->port = *port;
	near->changes = changes;
	near->ifindex = ifindex;
	return &near->port;
}
