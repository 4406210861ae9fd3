/*
 * Wire formats and numbers of ARP (RFC 826) and ICMP (RFC 792). The kernel's own <linux/if_arp.h> and <linux/icmp.h>
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
