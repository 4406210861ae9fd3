/*
 * Every map of the data plane. Names are at most 15 characters (the kernel's limit); the loader pins each under its
 * name with the layout version, and sets the sizes that read 1 here before it loads them.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "work.h"

/* One map; `flags` 0 has the kernel allocate all entries at once. */
#define MAP(name, kind, key_type, value_type, flags) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, 1); \
		__uint(map_flags, flags); \
		__type(key, key_type); \
		__type(value, value_type); \
	} name SEC(".maps")

/* Who and where. */
MAP(ports, HASH, struct ifindex_key, struct port, 0);
MAP(vlans, HASH, struct vlan_key, struct vlan, BPF_F_NO_PREALLOC);
/* Copies, one place for each remainder of the device's index; only the programs write it. */
MAP(near_ports, PERCPU_ARRAY, __u32, struct near_port, 0);
MAP(ifaces, ARRAY, __u32, struct iface, 0);
MAP(guest_configs, ARRAY, __u32, struct guest_config, 0);
MAP(endpoints, HASH, struct endpoint_key, struct endpoint, BPF_F_NO_PREALLOC);
MAP(locations, HASH, struct location_key, struct location, BPF_F_NO_PREALLOC);
MAP(routes, LPM_TRIE, struct route_key, struct route, BPF_F_NO_PREALLOC);
/* Raised when something changes that flows were decided by; user space has it in its memory. */
MAP(epochs, ARRAY, __u32, __u32, BPF_F_MMAPABLE);

/* What may pass. */
MAP(policies, ARRAY, __u32, struct policy, 0);
MAP(locals, LPM_TRIE, struct local_key, struct gate, BPF_F_NO_PREALLOC);
MAP(prefixes, LPM_TRIE, struct prefix_key, struct prefix, BPF_F_NO_PREALLOC);
MAP(identities, HASH, struct identity_key, struct prefix, BPF_F_NO_PREALLOC);
MAP(rows, HASH, struct row_key, struct row, BPF_F_NO_PREALLOC);
MAP(spans, ARRAY, __u32, struct span, 0);
MAP(acls, ARRAY, __u32, struct acl, 0);
MAP(acl_rules, ARRAY, __u32, struct acl_rule, 0);
/* Not read by the programs: the id of a rule, and what the numbers of policies and identities stand for. */
MAP(rules, ARRAY, __u32, __u64, 0);
MAP(names, HASH, struct name_key, struct name, BPF_F_NO_PREALLOC);

/* What is under way. The flow table has all its memory from the start: a flood can't run the host out of it. */
MAP(flows, HASH, struct flow_key, struct flow, 0);
MAP(usages, ARRAY, __u32, struct usage, 0);
/* What the next run of `sweep` looks at; user space writes it. */
MAP(swept_flows, ARRAY, __u32, struct flow_key, 0);
MAP(swept_ports, ARRAY, __u32, struct nat_key, 0);
MAP(fragments, LRU_HASH, struct fragment_key, struct fragment, 0);
MAP(nats, HASH, struct nat_key, struct nat, BPF_F_NO_PREALLOC);
MAP(public_addrs, HASH, struct public_key, struct public_address, BPF_F_NO_PREALLOC);
MAP(private_addrs, HASH, struct endpoint_key, struct private_address, BPF_F_NO_PREALLOC);

/* What happened. Entries of `drops` appear with the first drop: a port that never drops costs nothing. */
MAP(counters, PERCPU_ARRAY, __u32, struct traffic, 0);
MAP(drops, PERCPU_HASH, struct drop_key, struct drop_count, BPF_F_NO_PREALLOC);
/* Drops that `drops` had no room for, so that nothing is ever lost in silence. */
MAP(lost, PERCPU_ARRAY, __u32, struct drop_count, 0);
MAP(refusals, LRU_HASH, struct refusal_key, struct refusal, 0);
MAP(shadows, PERCPU_HASH, struct shadow_key, struct shadow_count, BPF_F_NO_PREALLOC);
MAP(mtu_events, LRU_HASH, struct mtu_key, struct mtu_event, 0);

/* Rate limit of generated answers, per slot. */
MAP(limits, ARRAY, __u32, struct limit, 0);
MAP(settings, ARRAY, __u32, struct host_settings, 0);
/* One entry a CPU. */
MAP(scratches, PERCPU_ARRAY, __u32, struct scratch, 0);
