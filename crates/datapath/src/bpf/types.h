/*
 * What the maps hold. Rust reads these layouts from the BTF of the compiled object, so nothing is written twice.
 *
 * Rules: no implicit padding (a test adds up the fields), addresses in network byte order (`be32`), everything else in
 * host byte order. Changing a layout means raising LAYOUT_VERSION in src/layout.rs; the golden test says so.
 */
#pragma once

#include <linux/types.h>

#define VNI_TEXT_LEN 24

enum port_flags {
	PORT_ACTIVE = 1,	    /* may speak; without it everything from the guest is dropped as `fenced` */
	PORT_ALLOW_IP_SPOOFING = 2, /* source IP addresses are not checked (the source MAC always is) */
	PORT_TAP = 4,		    /* a tap: answers leave by the device's egress, not through a veth peer */
};

/* One device of this host that a guest sends from. */
struct port {
	__u32 segment;	   /* VXLAN network identifier of the VPC, 24 bits */
	__u32 slot;	   /* index into `counters`, key of `drops`; never 0 */
	__be32 primary_ip; /* the address that needs no second lookup in the source check */
	__be32 gateway_ip; /* the subnet's gateway, which this host plays */
	__u8 mac[6];
	__u8 gw_mac[6];
	__u16 mtu; /* largest IP packet the guest may send */
	__u16 flags;
	__u32 generation; /* of the attachment; for the agent, not read by the programs */
	__u8 prefix_len;  /* of the subnet, 0 to 32 */
	__u8 pad[3];
	__u8 vni[VNI_TEXT_LEN]; /* id text, NUL-padded; for people and dumps, not read by the programs */
};

enum endpoint_flags {
	ENDPOINT_GATEWAY = 1,	/* a subnet's gateway address: answered by the sender's own host */
	ENDPOINT_LOCAL_TAP = 2, /* `ifindex` is a tap */
	ENDPOINT_ALT_TAP = 4,	/* `alt_ifindex` is a tap */
	ENDPOINT_MOVED = 8,	/* lived here until just now: packets from the overlay are sent on to `vtep`, once */
	ENDPOINT_INCOMING = 16, /* moved here just now: `alt_vtep` may send on what reached it late */
};

/* One address of one VPC. */
struct endpoint_key {
	__u32 segment;
	__be32 addr;
};

struct endpoint {
	__u32 ifindex;	   /* device here, 0 = lives on another host */
	__u32 alt_ifindex; /* device here made ready for a move, 0 = none */
	__be32 vtep;	   /* the host it lives on, 0 = this one */
	__be32 alt_vtep;   /* the other host during a move, 0 = none */
	__u32 slot;	   /* counters of `ifindex` */
	__u32 alt_slot;	   /* counters of `alt_ifindex` */
	__u32 flags;
	__u32 generation; /* of the attachment; for the agent, not read by the programs */
	__u8 mac[6];
	__u8 gw_mac[6]; /* the gateway of the endpoint's own subnet: source of routed frames */
	__u16 mtu;	/* largest IP packet on the path to it */
	__u16 pad;
};

/* Who may speak on the overlay for a MAC address. */
struct location_key {
	__u32 segment;
	__u8 mac[6];
	__u16 pad;
};

struct location {
	__be32 vtep;	 /* 0 = this host, so nobody may on the overlay */
	__be32 alt_vtep; /* accepted too while a move is under way, 0 = none */
};

/* Frames as they would be on a wire: a GSO packet counts as the frames it will become. */
struct traffic {
	__u64 tx_packets; /* from the guest, forwarded or answered */
	__u64 tx_bytes;
	__u64 rx_packets; /* handed to the guest's device */
	__u64 rx_bytes;
};

struct drop_key {
	__u32 slot; /* 0 = the host itself: overlay, unknown device */
	__u32 reason;
};

struct drop_count {
	__u64 packets;
	__u64 bytes;
};

struct host_settings {
	__u32 vxlan_ifindex; /* the collect-metadata VXLAN device, 0 = no overlay */
	__be32 local_vtep;   /* outer source address, 0 = the kernel chooses */
};

/* Generic cell rate algorithm: the time at which the next answer is due if answers came at the permitted rate. */
struct limit {
	__u64 due_ns;
};
