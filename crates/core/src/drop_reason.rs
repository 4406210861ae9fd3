//! Why a packet was not delivered: the one list.
//!
//! The same numbers, texts and labels stand in the kernel's counters, flow logs, captures, metrics and `explain`.
//! The data plane's C header is generated from this list at build time, so the two cannot differ.

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])* $name:ident = $num:literal, $label:literal, $stage:ident, $text:literal;)*) => {
        /// Why a packet was not delivered. Numbers are stable: a retired one is never used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum DropReason { $($(#[doc = $doc])* $name = $num,)* }

        impl DropReason {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$name,)*];

            /// The reason with this number, if there is one.
            pub fn from_number(number: u8) -> Option<Self> {
                match number { $($num => Some(DropReason::$name),)* _ => None }
            }
            /// Short snake_case name: metric label, JSON value, capture comment.
            pub fn label(self) -> &'static str { match self { $(DropReason::$name => $label,)* } }
            /// One sentence for a person.
            pub fn text(self) -> &'static str { match self { $(DropReason::$name => $text,)* } }
            /// The stage of the packet path that drops for this reason.
            pub fn stage(self) -> Stage { match self { $(DropReason::$name => Stage::$stage,)* } }
        }
    };
}

/// The stage of the packet path in which a packet met its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Reading the headers.
    Parse,
    /// Checking that the sender may use the addresses it used.
    AntiSpoof,
    /// Answering or refusing ARP.
    Arp,
    /// Finding where the packet goes.
    Forward,
    /// Handing the packet to its receiver.
    Deliver,
    /// Taking a packet from another host.
    Overlay,
}

impl Stage {
    /// Short snake_case name.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Parse => "parse",
            Stage::AntiSpoof => "anti_spoof",
            Stage::Arp => "arp",
            Stage::Forward => "forward",
            Stage::Deliver => "deliver",
            Stage::Overlay => "overlay",
        }
    }
}

drop_reasons! {
    /// The frame ends before the header that it promises.
    Truncated = 1, "truncated", Parse, "the frame ends inside a header";
    /// A header field contradicts the frame (version, header length, total length).
    BadHeader = 2, "bad_header", Parse, "a header's length or version field is impossible";
    /// Neither IPv4 nor ARP.
    UnknownEthertype = 3, "unknown_ethertype", Parse, "the ethertype is not carried on this interface";
    /// IPv6 on an interface that has no IPv6 address.
    Ipv6NotEnabled = 4, "ipv6_not_enabled", Parse, "the interface has no IPv6 address";
    /// A VLAN tag on an interface that is not a trunk.
    VlanTagged = 5, "vlan_tagged", Parse, "the frame carries a VLAN tag and the interface is not a trunk";
    /// No interface is configured for the device that the frame came from.
    UnknownPort = 6, "unknown_port", Parse, "no interface is programmed for this device";
    /// The port exists but may not speak: prepared and not yet cut over, or already moved away.
    Fenced = 7, "fenced", AntiSpoof, "the interface is not active on this device (being moved or detached)";
    /// Source MAC is not the interface's.
    SpoofedSrcMac = 8, "spoofed_src_mac", AntiSpoof, "the source MAC address is not the interface's";
    /// Source IPv4 is not one of the interface's.
    SpoofedSrcIp = 9, "spoofed_src_ip", AntiSpoof, "the source IP address is not one of the interface's";
    /// ARP sender hardware or protocol address is not the interface's.
    SpoofedArp = 10, "spoofed_arp", AntiSpoof, "the ARP sender address is not the interface's";
    /// ARP that is not an Ethernet/IPv4 request or reply.
    BadArp = 11, "bad_arp", Arp, "the ARP packet is malformed or not Ethernet/IPv4";
    /// ARP request for an address that nobody in the subnet holds.
    ArpUnknownTarget = 12, "arp_unknown_target", Arp, "nobody in the subnet holds the address asked for by ARP";
    /// ARP reply or gratuitous ARP from a guest: answered or ignored here, never forwarded.
    ArpNotForwarded = 13, "arp_not_forwarded", Arp, "ARP is answered locally and never forwarded";
    /// Destination is multicast or broadcast.
    Multicast = 14, "multicast", Forward, "multicast and broadcast are not forwarded";
    /// No interface or gateway in the VPC has the destination address.
    NoRoute = 15, "no_route", Forward, "no interface in the VPC has the destination address";
    /// Destination MAC is neither the gateway's nor the one that belongs to the destination address.
    WrongDstMac = 16, "wrong_dst_mac", Forward, "the destination MAC address does not belong to the destination IP address";
    /// TTL reached zero at the gateway.
    TtlExceeded = 17, "ttl_exceeded", Forward, "the TTL reached zero at the subnet's gateway";
    /// Larger than the path's MTU.
    TooBig = 18, "too_big", Forward, "the packet is larger than the path MTU";
    /// For the gateway itself, and nothing that it answers.
    GatewayNotServed = 19, "gateway_not_served", Forward, "the gateway answers only ARP and ICMP echo";
    /// The kernel refused to change or redirect the packet.
    RewriteFailed = 20, "rewrite_failed", Deliver, "the kernel refused to rewrite or redirect the packet";
    /// A packet that the host itself sent towards a guest's device.
    FromHostStack = 21, "from_host_stack", Deliver, "the host's own stack may not send to a guest's device";
    /// VXLAN packet without tunnel metadata, or for a segment that this host does not carry.
    UnknownSegment = 22, "unknown_segment", Overlay, "the tunnel's segment has no interface with this address on this host";
    /// The tunnel's sender is not the host on which the source address lives.
    WrongHost = 23, "wrong_host", Overlay, "the source address does not live on the host that sent the tunnel packet";
    /// Arrived for an interface that is not on this host and is not being moved from it.
    NotHere = 24, "not_here", Overlay, "the destination interface is not on this host";
    /// Rate limit of generated ICMP errors or ARP answers.
    ReplyRateLimited = 25, "reply_rate_limited", Forward, "the answer to this packet was rate limited";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_labels_are_unique_and_round_trip() {
        let mut labels = std::collections::BTreeSet::new();
        for (position, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, position + 1, "numbers are dense, so that counters can be an array");
            assert_eq!(DropReason::from_number(*reason as u8), Some(*reason));
            assert!(labels.insert(reason.label()), "{} twice", reason.label());
            assert!(!reason.text().is_empty() && !reason.stage().label().is_empty());
        }
        assert_eq!(DropReason::from_number(0), None);
    }
}
