//! The flags of ports and endpoints, once for both languages: `build.rs` includes this file and writes the C header.

/// Declares a set of flags: a newtype with one constant per flag, and the table that the C header is made from.
macro_rules! flags {
    ($(#[doc = $doc:literal])* $set:ident: $int:ty { $($(#[doc = $flag_doc:literal])* $flag:ident = $bit:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $set(pub $int);

        impl $set {
            /// No flag set.
            pub const NONE: Self = Self(0);
            $($(#[doc = $flag_doc])* pub const $flag: Self = Self($bit);)*
            /// Every flag with its name.
            pub const NAMES: &'static [(&'static str, u32)] = &[$((stringify!($flag), $bit),)*];

            /// Whether all flags of `other` are set.
            pub fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
            /// These flags and those of `other`.
            #[must_use]
            pub fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
            /// These flags without those of `other`.
            #[must_use]
            pub fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let set = Self::NAMES.iter().filter(|(_, bit)| self.contains(Self(*bit as $int)));
                let names: Vec<&str> = set.map(|(name, _)| *name).collect();
                if names.is_empty() { out.write_str("NONE") } else { out.write_str(&names.join("|")) }
            }
        }
    };
}

flags! {
    /// What a port may do and how it is reached.
    PortFlags: u16 {
        /// The guest may speak. Without it everything from the guest is dropped as `fenced`.
        ACTIVE = 1,
        /// Source IP addresses are not checked. The source MAC address always is.
        ALLOW_IP_SPOOFING = 2,
        /// The device is a tap: frames for the guest leave by its egress, not through a veth peer.
        TAP = 4,
    }
}

flags! {
    /// What an endpoint is, and which part of a move it is in.
    EndpointFlags: u32 {
        /// A subnet's gateway address, answered by the sender's own host.
        GATEWAY = 1,
        /// `ifindex` is a tap.
        LOCAL_TAP = 2,
        /// `alt_ifindex` is a tap.
        ALT_TAP = 4,
        /// Lived here until just now: packets from the overlay are sent on to `vtep`, once.
        MOVED = 8,
        /// Moved here just now: `alt_vtep`, its old host, may send on what reached it late.
        INCOMING = 16,
    }
}
