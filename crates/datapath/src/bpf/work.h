/*
 * What the stages hand to each other about one packet, and the memory that they share: of a packet's own, because a
 * program's stack has 512 bytes for all functions that are under way.
 */
#pragma once

#include "types.h"

/* This stage is not the last for the packet. No result of a program. */
#define GO_ON -100
/* The same, for a packet to the public network, whose route stands in the scratch memory. */
#define GO_OUT -101

/* What kind of packet it is. */
enum packet_flags {
	PKT_V6 = 1,
	PKT_DF = 2,	 /* "don't fragment"; always for IPv6, which routers never fragment */
	PKT_FIRST = 4,	 /* a fragment with the transport header */
	PKT_LATER = 8,	 /* a fragment without */
	PKT_LOST = 16,	 /* a later fragment whose first is not known */
	PKT_ERROR = 32,	 /* an ICMP error */
	PKT_ANSWER = 64, /* an ICMP answer to a query */
	PKT_ICMP = 128,	 /* ICMP of the packet's IP version */
	PKT_NEW = 256,	 /* no flow was found for it, and the key that was looked for is still in the scratch memory */
	PKT_UPPER = 512, /* with PKT_NEW: the sender is end 1 of that key */
};

/* What the stages need to know of a packet, read once. Addresses and ports are in network byte order. */
struct packet {
	struct addr saddr;
	struct addr daddr;
	__u16 dst[3];
	__u16 src[3];
	__u16 ethertype; /* host byte order */
	__u16 l4;	 /* where the transport header begins in the frame */
	__u32 ip_len;	 /* the IP packet, header included; with GSO the whole super-packet */
	__u32 rest;	 /* bytes of it from `l4` on */
	__be32 ttl_word; /* IPv4: TTL, protocol and header checksum as they stand in the frame */
	__u32 frag_id;
	__u32 seq; /* TCP, host byte order, as the fields that follow */
	__u32 ack;
	__u16 window;
	__u16 flags; /* enum packet_flags */
	__be16 sport; /* ports of the flow: see docs/data-plane.md for ICMP */
	__be16 dport;
	__u16 choice; /* what rules read: destination port, or ICMP type << 8 | code; host byte order */
	__u8 proto;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 tcp_hlen; /* bytes */
	__u16 pad;
} __attribute__((aligned(8))); /* so that it is zeroed in words of 64 bits, as the way */

/* What a packet counts as: the frames and bytes that it is, or will be once the kernel has segmented it. */
struct wire_size {
	__u32 packets;
	__u32 bytes;
};

/* The way of one packet: what routing has found, for the judgement and for sending it. */
struct way {
	__u32 segment;
	__u32 from;	/* device; host by its VTEP, with HOP_FROM_OVERLAY; 0: not to be remembered */
	__u32 to;	/* device; host by its VTEP, with HOP_OVERLAY */
	__u32 slot[2];	/* of the sender's and the receiver's interface; 0: not on this host */
	__u32 changes;	/* see epoch.h: read before anything that the decision relies on */
	__u32 blame;	/* slot of the interface that refuses the packet */
	__u32 rule;	/* of the ACL that denies it */
	__u32 seq;	/* for a challenge ACK: what the receiver would send */
	__u32 ack;
	__u16 cell[2];	/* of the source's and the destination's entries */
	__u16 hop;	/* enum hop_flags */
	__u16 mtu;
	__u16 mac[3];	/* see flow_dir */
	__u8 leaves;	/* 1: the packet leaves the sender's subnet: its ACL is asked */
	__u8 enters;	/* 1: it enters the receiver's subnet from outside */
	__be32 nat_addr; /* to the public network: public address, 0: not translated */
	__be16 nat_port; /* public port, 0: kept */
	__u16 pad;
	struct wire_size size;
} __attribute__((aligned(8)));

/* What a gate is asked of a packet, and what it said. */
struct ask {
	struct addr local;
	struct addr remote;
	__u32 segment;
	__u32 policy;
	__u32 ingress; /* which gate */
	__u32 proto;
	__u32 choice; /* destination port, or ICMP type << 8 | code */
	__u32 rule;   /* the answer's: index into `rules` */
	__u32 flags;  /* enum span_flags */
	__u32 pad;
};

/* One for each CPU, whose programs do not interrupt each other. */
struct scratch {
	__u64 zeros[8]; /* never written */
	__u64 piece[8]; /* of a frame, while it is summed up */
	__u64 words[48];
	struct packet pkt;
	struct packet quote; /* the packet that an ICMP error is about */
	struct way way;
	struct flow flow;
	struct flow_key key;
	struct ask ask;
	struct refusal_key refused;
	struct refusal refusal;
	struct route route;
	struct shadow_key shadow_key;
	struct shadow_count shadow;
	struct nat_key nat_key;
	struct nat nat;
	__u64 jiffies; /* for which `ticks` holds: see ticks_now() */
	__u64 read_jiffies; /* at which the clock was read last … */
	__u64 read_ns;	    /* … and what it showed */
	__u32 ticks;
	__u32 ended; /* 1: the packet has ended the connection of `key`; 0 between packets: see finish() */
};
