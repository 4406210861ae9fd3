//! The generated skeleton, and the one statement that its map types are plain bytes.

#[allow(clippy::all, clippy::undocumented_unsafe_blocks, unreachable_pub, unused_qualifications, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/pintle.skel.rs"));
}

pub(crate) use generated::{PintleSkelBuilder, types};

/// A type without padding and with no invalid bit pattern, so that it may be viewed and made as bytes.
///
/// # Safety
/// The type is an integer, or `repr(C)`, has only plain fields and arrays of them, and the sum of their sizes is its own
/// size.
pub(crate) unsafe trait Plain: Copy + Default {
    /// The sum of the sizes of the fields, for the test that forbids padding.
    #[cfg(test)]
    const FIELD_BYTES: usize;

    /// The value as the kernel sees it.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the trait promises that every byte of the value is initialised.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }

    /// The value, for the kernel to change.
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and every bit pattern is valid.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(self).cast(), size_of::<Self>()) }
    }

    /// The value from bytes of the kernel; `None` when there are fewer than it needs.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..size_of::<Self>())?;
        // SAFETY: the length was checked, the read is unaligned, and every bit pattern is valid.
        Some(unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) })
    }
}

/// Declares generated types plain; the exhaustive field list makes a new field an error here, and the test adds it up.
macro_rules! plain {
    ($($ty:ident { $($field:ident: $field_ty:ty),* })*) => {
        $(
            // SAFETY: the fields below are all the type has (the pattern in the test is exhaustive), they are plain or
            // arrays of plain types, and `generated_types_have_no_padding` compares the sum of their sizes with the type's.
            unsafe impl Plain for types::$ty {
                #[cfg(test)]
                const FIELD_BYTES: usize = 0 $(+ size_of::<$field_ty>())*;
            }
        )*

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn generated_types_have_no_padding() {
                $({
                    let types::$ty { $($field),* } = types::$ty::default();
                    $(let _: $field_ty = $field;)*
                    assert_eq!(types::$ty::FIELD_BYTES, size_of::<types::$ty>(), "padding in {}", stringify!($ty));
                })*
            }
        }
    };
}

plain! {
    addr { w: [u32; 4] }
    ifindex_key { ifindex: u32 }
    port {
        segment: u32, slot: u32, primary: types::addr, gateway_ip: u32, subnet6: types::addr, mac: [u8; 6],
        gw_mac: [u8; 6], mtu: u16, flags: u16, generation: u32, prefix_len: u8, prefix6_len: u8, table: u8,
        pad: u8, card: u32, vni: [u8; 24]
    }
    vlan_key { ifindex: u32, vlan: u32 }
    vlan { port: u32, generation: u32, attachment: [u8; 32] }
    iface {
        policy: u32, shadow: u32, acl: u32, flags: u32, judged: u32, quota: u32, tcp_established: u32, udp_stream: u32,
        udp: u32, egress_class: u32, ingress_class: u32, version: u32, mac: [u8; 6],
        gw_mac: [u8; 6]
    }
    usage { opened: u32, accepted: u32, over: u32 }
    endpoint_key { segment: u32, addr: types::addr }
    endpoint {
        ifindex: u32, alt_ifindex: u32, vtep: u32, alt_vtep: u32, slot: u32, alt_slot: u32, flags: u32, generation: u32,
        identity: u32, mac: [u8; 6], gw_mac: [u8; 6], mtu: u16, cell: u16
    }
    location_key { segment: u32, mac: [u8; 6], pad: u16 }
    location { vtep: u32, alt_vtep: u32, addr: types::addr, cell: u16, table: u8, pad: u8 }
    route_key { prefixlen: u32, segment: u32, addr: types::addr }
    route { kind: u32, gateway_vtep: u32, addr: types::addr, cell: u16, v6: u16 }
    traffic { tx_packets: u64, tx_bytes: u64, rx_packets: u64, rx_bytes: u64 }
    drop_key { slot: u32, reason: u32 }
    drop_count { packets: u64, bytes: u64 }
    refusal_key {
        segment: u32, slot: u32, saddr: types::addr, daddr: types::addr, dport: u16, proto: u8, reason: u8
    }
    refusal { packets: u64, first_ns: u64, last_ns: u64, rule: u32, version: u32 }
    host_settings {
        vxlan_ifindex: u32, local_vtep: u32, uplink_ifindex: u32, shaper_ifindex: u32, clock_offset: u32,
        shaper_peer_ifindex: u32
    }
    limit { due_ns: u64 }
    guest_config {
        addr6: types::addr, prefix6: types::addr, lease: u32, dhcp4_len: u16, dhcp6_len: u16, ra_len: u16,
        prefix6_len: u8, pad: u8, dhcp4: [u8; 208], dhcp6: [u8; 160], ra: [u8; 192]
    }
    gate { id: u32, flags: u32, any4_class: u32, any6_class: u32 }
    policy { ingress: types::gate, egress: types::gate }
    local_key { prefixlen: u32, gate: u32, addr: types::addr }
    prefix_key { prefixlen: u32, gate: u32, addr: types::addr }
    prefix { class: u32 }
    identity_key { gate: u32, identity: u32 }
    row_key { class: u32, proto: u32 }
    row { first: u32, count: u32 }
    span { lo: u16, hi: u16, rule: u32, flags: u32 }
    acl { ingress_first: u32, ingress_count: u32, egress_first: u32, egress_count: u32 }
    acl_rule {
        src: types::addr, dst: types::addr, src_len: u8, dst_len: u8, allow: u8, pad: u8, proto: u32, sport_lo: u16,
        sport_hi: u16, dport_lo: u16, dport_hi: u16, rule: u32
    }
    name_key { kind: u32, number: u32 }
    name { count: u32, pad: u32, ids: [u64; 16] }
    flow_key { segment: u32, addr: [types::addr; 2], port: [u16; 2], proto: u32 }
    flow_dir {
        bytes: u64, packets: u32, from: u32, to: u32, stamp: u32, src_cell: u16, dst_cell: u16, hop: u16, mtu: u16,
        mac: [u8; 6], scale: u8, tcp: u8, end: u32, ack: u32, limit: u32, window: u32
    }
    flow {
        dir: [types::flow_dir; 2], seen: u32, judged: u32, rule_egress: u32, rule_ingress: u32, slot: [u32; 2],
        nat_addr: u32, nat_port: u16, state: u8, flags: u8
    }
    shadow_key { slot: u32, egress: u8, denied: u8, permitted: u8, pad: u8 }
    shadow_count { flows: u64 }
    mtu_key { segment: u32, saddr: types::addr, daddr: types::addr }
    mtu_event { packets: u64, last_ns: u64, largest: u32, mtu: u32 }
    sweep_report { flows: u32, ports: u32, full: u32, slot: u32, deleted: u32 }
    public_key { addr: types::addr }
    public_address { segment: u32, kind: u32, private: types::addr, mac: [u8; 6], mtu: u16 }
    private_address { public: types::addr, kind: u16, mtu: u16 }
}

/// Plain types of the language itself: indexes of arrays, and ids.
macro_rules! plain_numbers {
    ($($ty:ty)*) => {$(
        // SAFETY: an integer has no padding and every bit pattern is one.
        unsafe impl Plain for $ty {
            #[cfg(test)]
            const FIELD_BYTES: usize = size_of::<$ty>();
        }
    )*};
}

plain_numbers! { u32 u64 }
