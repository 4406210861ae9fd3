/* The floor of any eBPF data plane: hand a packet on and do nothing else. For benchmarks, beside which Pintle is measured. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Set before loading. */
const volatile __u32 way;     /* ifindex of the device to hand packets to */
const volatile __u32 segment; /* VXLAN network identifier */
const volatile __u32 remote;  /* the other host's underlay address, host byte order */

SEC("tc")
int floor_deliver(struct __sk_buff *skb)
{
	return bpf_redirect_peer(way, 0);
}

SEC("tc")
int floor_encapsulate(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = { .tunnel_id = segment, .remote_ipv4 = remote, .tunnel_ttl = 64 };

	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX) < 0)
		return TC_ACT_SHOT;
	return bpf_redirect(way, 0);
}

SEC("tc")
int floor_decapsulate(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};

	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0) < 0 || key.tunnel_id != segment)
		return TC_ACT_SHOT;
	return bpf_redirect_peer(way, 0);
}

char LICENSE[] SEC("license") = "MIT OR Apache-2.0";
