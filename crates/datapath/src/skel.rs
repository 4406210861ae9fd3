//! The generated skeleton, and the one statement that its map types are plain bytes.

#[allow(clippy::all, clippy::undocumented_unsafe_blocks, unreachable_pub, unused_qualifications, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/pintle.skel.rs"));
}

pub(crate) use generated::{PintleSkelBuilder, types};

/// A type without padding and with no invalid bit pattern, so that it may be viewed and made as bytes.
///
/// # Safety
/// The type is `repr(C)`, has only integer and integer-array fields, and the sum of their sizes is its own size.
pub(crate) unsafe trait Plain: Copy + Default {
    /// The sum of the sizes of the fields, for the test that forbids padding.
    #[cfg(test)]
    const FIELD_BYTES: usize;

    /// The value as the kernel sees it.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the trait promises that every byte of the value is initialised.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
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
            // SAFETY: the fields below are all the type has (the pattern in the test is exhaustive), they are integers or
            // arrays of them, and `generated_types_have_no_padding` compares the sum of their sizes with the type's.
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
    ifindex_key { ifindex: u32 }
    port {
        segment: u32, slot: u32, primary_ip: u32, gateway_ip: u32, mac: [u8; 6], gw_mac: [u8; 6], mtu: u16, flags: u16,
        generation: u32, prefix_len: u8, pad: [u8; 3], vni: [u8; 24]
    }
    endpoint_key { segment: u32, addr: u32 }
    endpoint {
        ifindex: u32, alt_ifindex: u32, vtep: u32, alt_vtep: u32, slot: u32, alt_slot: u32, flags: u32, generation: u32,
        mac: [u8; 6], gw_mac: [u8; 6], mtu: u16, pad: u16
    }
    location_key { segment: u32, mac: [u8; 6], pad: u16 }
    location { vtep: u32, alt_vtep: u32 }
    traffic { tx_packets: u64, tx_bytes: u64, rx_packets: u64, rx_bytes: u64 }
    drop_key { slot: u32, reason: u32 }
    drop_count { packets: u64, bytes: u64 }
    host_settings { vxlan_ifindex: u32, local_vtep: u32 }
    limit { due_ns: u64 }
}
