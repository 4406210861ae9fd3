/*
 * Wire formats and numbers of ARP (RFC 826), ICMP (RFC 792, RFC 4443), TCP (RFC 9293) and UDP. The kernel's own <linux/if_arp.h> and <linux/icmp.h>
 * draw in <sys/socket.h>, which a program for the BPF machine cannot include everywhere.
 */
#pragma once

#include <linux/types.h>

#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

/* 16-bit words, because the addresses stand at offsets that are not multiples of four. */
struct arp_ipv4 {
	__be16 hw_type;
	__be16 proto_type;
	__u8 hw_len;
	__u8 proto_len;
	__be16 op;
	__u16 sender_mac[3];
	__u16 sender_ip[2];
	__u16 target_mac[3];
	__u16 target_ip[2];
};

struct arp_frame {
	__u16 dst[3];
	__u16 src[3];
	__be16 ethertype;
	struct arp_ipv4 arp;
};

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_TIMESTAMP 13 /* the answer is the next number, as for the mask */
#define ICMP_MASK 17

#define ICMP6_DEST_UNREACH 1
#define ICMP6_PACKET_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_FIRST_ND 133
#define ICMP6_LAST_ND 137
/* Code of ICMP6_DEST_UNREACH. */
#define ICMP6_ADDR_UNREACH 3

/* Codes of ICMP_DEST_UNREACH, and the one of ICMP_TIME_EXCEEDED for a router. */
#define ICMP_HOST_UNREACH 1
#define ICMP_FRAG_NEEDED 4
#define ICMP_EXC_TTL 0

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 unused;
	__be16 mtu; /* of the next hop, in "fragmentation needed" (RFC 1191) */
};

/* Flags of a TCP segment. */
#define TH_FIN 1
#define TH_SYN 2
#define TH_RST 4
#define TH_ACK 16
#define TH_URG 32

/* What is read of a transport header. */
struct wire_transport {
	union {
		struct {
			__be16 sport;
			__be16 dport;
			__be32 seq;
			__be32 ack;
			__u8 offset; /* upper four bits: the header's length in words of 32 bits */
			__u8 flags;
			__be16 window;
			__be16 checksum;
			__be16 urgent;
		} tcp;
		struct {
			__be16 sport;
			__be16 dport;
			__be16 len;
			__be16 checksum;
		} udp;
		struct {
			__u8 type;
			__u8 code;
			__be16 checksum;
			__be16 id;
			__be16 sequence;
		} icmp;
	};
};
