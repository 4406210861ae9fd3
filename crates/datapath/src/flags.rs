//! The flags and enumerations of the maps, once for both languages: `build.rs` includes this file and writes the C header.

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

/// Declares an enumeration as the kernel stores it: a newtype with one constant per value, so that a number that a newer
/// build wrote is still one.
macro_rules! kinds {
    ($(#[doc = $doc:literal])* $set:ident: $int:ty { $($(#[doc = $kind_doc:literal])* $kind:ident = $number:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $set(pub $int);

        impl $set {
            $($(#[doc = $kind_doc])* pub const $kind: Self = Self($number);)*
            /// Every value with its name.
            pub const NAMES: &'static [(&'static str, u32)] = &[$((stringify!($kind), $number),)*];
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match Self::NAMES.iter().find(|(_, number)| *number == u32::from(self.0)) {
                    Some((name, _)) => out.write_str(name),
                    None => write!(out, "{}", self.0),
                }
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
        /// Other ports use VLANs of its device: tagged frames are theirs.
        TRUNK = 8,
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

flags! {
    /// How an interface is treated.
    IfaceFlags: u32 {
        /// Packets must fit the state of the connection that they belong to.
        STATE_FILTERING = 1,
        /// It sends only from, and gets only what is for, its own addresses. Off for routers and firewalls.
        SOURCE_DEST_CHECK = 2,
        /// Flows that are permitted from and to everywhere end with the rule that permits them (EC2's "untracked").
        UNTRACKED_OPEN = 4,
        /// It has just moved here: connections that began elsewhere may go on.
        ADOPTING = 8,
        /// Its subnet leads out through the public gateway of the route; otherwise only a floating IP does.
        PUBLIC_GATEWAY = 16,
    }
}

flags! {
    /// What a gate must look up beside its `any` classes.
    GateFlags: u32 {
        /// It has rules with networks or prefix lists: `prefixes` has nodes for it.
        PREFIXES = 1,
        /// It has rules with remote groups: `identities` has entries for it.
        GROUPS = 2,
        /// It has rules for some of the interface's own addresses: `locals` has gates for those.
        LOCALS = 4,
    }
}

flags! {
    /// What is special about a range of ports.
    SpanFlags: u32 {
        /// Some rule of the class permits all ports of this protocol from all addresses.
        OPEN = 1,
    }
}

flags! {
    /// How packets of one direction of a flow come and go.
    HopFlags: u16 {
        /// Through the gateway: MAC addresses are written, and on the sender's host the TTL is decremented.
        ROUTED = 1,
        /// `to` is a tap.
        TAP = 2,
        /// `to` is a host, by its VTEP; otherwise a device.
        OVERLAY = 4,
        /// `from` is a host, by its VTEP; otherwise a device.
        FROM_OVERLAY = 8,
        /// To the public network: `to` is the uplink or, with `OVERLAY`, the host of the public gateway.
        UPLINK = 16,
        /// To a public address of this host: comes in again by the uplink.
        HAIRPIN = 32,
    }
}

flags! {
    /// What has been seen of one direction of a TCP connection.
    TcpFlags: u8 {
        /// A segment.
        SEEN = 1,
        /// Its SYN.
        SYN = 2,
        /// Its FIN.
        FIN = 4,
        /// That it acknowledged the other direction's FIN.
        FIN_ACKED = 8,
        /// The window scale option on its SYN.
        SCALED = 16,
        /// A segment with ACK: `ack` and `limit` are valid. Until then `ack` is the sequence number of its SYN.
        ACKED = 32,
    }
}

flags! {
    /// What is special about a flow.
    FlowFlags: u8 {
        /// End 1 opened it; otherwise end 0.
        OPENER = 1,
        /// Its beginning was not seen: its sequence numbers are not judged.
        LOOSE = 2,
        /// The interface at end 0 judges every packet of it.
        OPEN_0 = 4,
        /// The interface at end 1 judges every packet of it.
        OPEN_1 = 8,
        /// An ICMP answer opened it, whose query nobody has seen here.
        BY_ANSWER = 16,
        /// A connection that is over: it counts in nobody's quota.
        OVER = 32,
        /// It is being deleted.
        GONE = 64,
    }
}

kinds! {
    /// Where a route leads.
    RouteKind: u32 {
        /// To the endpoint with the route's address.
        VIA = 1,
        /// To the public network.
        PUBLIC = 2,
        /// Nowhere.
        BLACKHOLE = 3,
        /// To whom the VPC's own addresses and routes lead; in route tables only.
        LOCAL = 4,
        /// To the public network, through the public gateway whatever floating IP the sender has; in route tables only.
        NAT = 5,
    }
}

kinds! {
    /// The state of a flow; decides how long it is remembered.
    FlowState: u8 {
        /// TCP: the handshake is under way.
        OPENING = 1,
        /// TCP: open.
        ESTABLISHED = 2,
        /// TCP: one end has sent its FIN.
        CLOSING = 3,
        /// TCP: both FINs are acknowledged.
        TIME_WAIT = 4,
        /// TCP: ended by RST.
        CLOSED = 5,
        /// UDP: one end has sent.
        ONE_WAY = 6,
        /// UDP: the other has answered, and the first has not sent since.
        ANSWERED = 7,
        /// UDP: and the first has sent again: a stream.
        BOTH_WAYS = 8,
        /// ICMP.
        MESSAGES = 9,
        /// Any other protocol.
        OTHER = 10,
    }
}

kinds! {
    /// What a public address leads to.
    PublicKind: u32 {
        /// An interface's address, translated one to one.
        TRANSLATED = 1,
        /// An interface that sees the public address itself.
        DIRECT = 2,
        /// A public gateway: source translation with ports.
        GATEWAY = 3,
    }
}

/// An enumeration of the C header: its name, the prefix of its constants, and these.
pub type CEnum = (&'static str, &'static str, &'static [(&'static str, u32)]);

/// Every enumeration of the C header: its name in C, the prefix of its constants, and these.
pub const C_ENUMS: &[CEnum] = &[
    ("port_flags", "PORT", PortFlags::NAMES),
    ("endpoint_flags", "ENDPOINT", EndpointFlags::NAMES),
    ("iface_flags", "IFACE", IfaceFlags::NAMES),
    ("gate_flags", "GATE", GateFlags::NAMES),
    ("span_flags", "SPAN", SpanFlags::NAMES),
    ("hop_flags", "HOP", HopFlags::NAMES),
    ("tcp_flags", "TCP", TcpFlags::NAMES),
    ("flow_flags", "FLOW", FlowFlags::NAMES),
    ("route_kind", "ROUTE", RouteKind::NAMES),
    ("flow_state", "STATE", FlowState::NAMES),
    ("public_kind", "PUBLIC", PublicKind::NAMES),
];
