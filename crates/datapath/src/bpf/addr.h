/*
 * Addresses of 128 bits. IPv4 is written as ::ffff:a.b.c.d, so one comparison serves both versions.
 */
#pragma once

#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

static __always_inline void addr_from_v4(struct addr *out, __be32 ip)
{
	out->w[0] = 0;
	out->w[1] = 0;
	out->w[2] = bpf_htonl(0xffff);
	out->w[3] = ip;
}

static __always_inline int addr_is_v4(const struct addr *addr)
{
	return !(addr->w[0] | addr->w[1] | (addr->w[2] ^ bpf_htonl(0xffff)));
}

static __always_inline int addr_equal(const struct addr *l, const struct addr *r)
{
	return !((l->w[0] ^ r->w[0]) | (l->w[1] ^ r->w[1]) | (l->w[2] ^ r->w[2]) | (l->w[3] ^ r->w[3]));
}

static __always_inline int addr_is_zero(const struct addr *addr)
{
	return !(addr->w[0] | addr->w[1] | addr->w[2] | addr->w[3]);
}

/* Negative, 0 or positive, as big-endian numbers. */
static __always_inline int addr_compare(const struct addr *l, const struct addr *r)
{
	/* The last word first: the others are equal for every pair of IPv4 addresses. */
	if (!((l->w[0] ^ r->w[0]) | (l->w[1] ^ r->w[1]) | (l->w[2] ^ r->w[2]))) {
		__u32 a = bpf_ntohl(l->w[3]), b = bpf_ntohl(r->w[3]);

		return (a > b) - (a < b);
	}
	for (int i = 0; i < 3; i++) {
		__u32 a = bpf_ntohl(l->w[i]), b = bpf_ntohl(r->w[i]);

		if (a != b)
			return a < b ? -1 : 1;
	}
	return 0;
}

/* Whether the first `len` bits are those of `net`; 0 to 128. */
static __always_inline int addr_in(const struct addr *addr, const struct addr *net, __u32 len)
{
	__u32 differs = 0;

#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 bits = len > 32 * i ? len - 32 * i : 0;
		/* A shift by 32 is undefined in C, hence the 64-bit one. */
		__u32 mask = bits >= 32 ? 0xffffffff : (__u32)(0xffffffff00000000ULL >> (bits & 31));

		differs |= (addr->w[i] ^ net->w[i]) & bpf_htonl(mask);
	}
	return !differs;
}

/* Whether one host can have the address: what nobody may send from is refused whoever sends it. */
static __always_inline int addr_is_host(const struct addr *addr)
{
	if (addr_is_v4(addr)) {
		__u32 ip = bpf_ntohl(addr->w[3]);

		return ip && (ip >> 24) != 127 && ip < 0xe0000000;
	}
	if (!(addr->w[0] | addr->w[1] | addr->w[2]) && bpf_ntohl(addr->w[3]) <= 1)
		return 0;
	return (bpf_ntohl(addr->w[0]) >> 24) != 0xff;
}

static __always_inline int addr_is_link_local6(const struct addr *addr)
{
	return (bpf_ntohl(addr->w[0]) & 0xffc00000) == 0xfe800000;
}

/* Whether the address is for many: multicast, or IPv4's limited broadcast. */
static __always_inline int addr_is_group(const struct addr *addr)
{
	if (addr_is_v4(addr))
		return (bpf_ntohl(addr->w[3]) >> 28) == 0xe || addr->w[3] == 0xffffffff;
	return (bpf_ntohl(addr->w[0]) >> 24) == 0xff;
}
