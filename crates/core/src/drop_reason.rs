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
    /// Answering or refusing ARP, neighbour discovery and DHCP.
    Arp,
    /// Finding where the packet goes.
    Forward,
    /// Asking network ACLs and security groups.
    Policy,
    /// Making an entry for a new flow.
    Flow,
    /// Checking that the packet fits the state of its connection.
    State,
    /// Translating to and from public addresses.
    Nat,
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
            Stage::Policy => "policy",
            Stage::Flow => "flow",
            Stage::State => "state",
            Stage::Nat => "nat",
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
    /// Neighbour discovery that is malformed, or did not come from this link.
    BadNd = 26, "bad_nd", Arp, "the neighbour discovery message is malformed (RFC 4861)";
    /// A neighbour advertisement or solicitation for somebody else's address.
    SpoofedNd = 27, "spoofed_nd", AntiSpoof, "the neighbour discovery message claims an address that is not the interface's";
    /// A router advertisement from a guest.
    SpoofedRa = 28, "spoofed_ra", AntiSpoof, "router advertisements come from the gateway only";
    /// An ICMP redirect from a guest.
    IcmpRedirect = 29, "icmp_redirect", AntiSpoof, "redirects come from the gateway only";
    /// Neighbour discovery that needs no answer.
    NdNotForwarded = 30, "nd_not_forwarded", Arp, "neighbour discovery is answered locally and never forwarded";
    /// Nobody holds the address asked for.
    NdUnknownTarget = 31, "nd_unknown_target", Arp, "nobody in the subnet holds the address asked for by neighbour discovery";
    /// A router solicitation where there is nothing to advertise.
    RaNotServed = 32, "ra_not_served", Arp, "the subnet has no IPv6 network to advertise";
    /// A DHCP message that can't be read.
    BadDhcp = 33, "bad_dhcp", Arp, "the DHCP message is malformed";
    /// A DHCP message for another client's hardware address.
    SpoofedDhcp = 34, "spoofed_dhcp", AntiSpoof, "the DHCP client address is not the interface's";
    /// A DHCP server's message from a guest.
    DhcpServerSpoofed = 35, "dhcp_server_spoofed", AntiSpoof, "DHCP servers other than the gateway are not permitted";
    /// A DHCP message that is not answered.
    DhcpNotServed = 36, "dhcp_not_served", Arp, "the interface has nothing to tell by DHCP";
    /// IPv6 extension headers that are refused (RFC 8200, RFC 5095).
    BadExtensionHeader = 37, "bad_extension_header", Parse, "the IPv6 extension headers are too many, too long, or of a kind that is refused";
    /// A first fragment too small to be judged (RFC 1858).
    FragmentTooSmall = 38, "fragment_too_small", Parse, "the first fragment does not hold the whole transport header";
    /// A later fragment that begins inside the transport header (RFC 3128).
    FragmentOverlap = 39, "fragment_overlap", Parse, "the fragment could overwrite a transport header";
    /// A later fragment whose first one has not passed.
    FragmentUnknown = 40, "fragment_unknown", Parse, "no first fragment of this packet was seen to pass";
    /// For an address that the receiving interface does not have.
    NotDestination = 41, "not_destination", Forward, "the receiver takes only packets for its own addresses (source/destination check)";
    /// No egress rule of the sender permits it.
    PolicyEgressDenied = 42, "policy_egress_denied", Policy, "no rule of the sender's security groups permits it";
    /// No ingress rule of the receiver permits it.
    PolicyIngressDenied = 43, "policy_ingress_denied", Policy, "no rule of the receiver's security groups permits it";
    /// The sender's subnet's network ACL denies it.
    AclEgressDenied = 44, "acl_egress_denied", Policy, "the network ACL of the sender's subnet denies it";
    /// The receiver's subnet's network ACL denies it.
    AclIngressDenied = 45, "acl_ingress_denied", Policy, "the network ACL of the receiver's subnet denies it";
    /// The interface's quota of flows is used up.
    FlowQuota = 46, "flow_quota", Flow, "the interface has as many flows as it may have";
    /// The host's flow table has no room.
    FlowTableFull = 47, "flow_table_full", Flow, "the host's flow table is full";
    /// Impossible TCP flags.
    TcpBadFlags = 48, "tcp_bad_flags", State, "the combination of TCP flags is impossible";
    /// A segment without a connection.
    TcpNoConnection = 49, "tcp_no_connection", State, "the TCP segment belongs to no known connection";
    /// A SYN in a connection; the sender gets a challenge ACK.
    TcpSynInConnection = 50, "tcp_syn_in_connection", State, "a SYN inside an established connection (RFC 5961)";
    /// A handshake segment that acknowledges what was never sent.
    TcpBadAck = 51, "tcp_bad_ack", State, "the handshake acknowledges what was not sent";
    /// A SYN-ACK that differs from the one before.
    TcpBadSeq = 52, "tcp_bad_seq", State, "the handshake segment has another sequence number than before";
    /// A reset that does not fit.
    TcpBadRst = 53, "tcp_bad_rst", State, "the reset's sequence number is not the one expected (RFC 5961)";
    /// Data beyond the window.
    TcpOutOfWindow = 54, "tcp_out_of_window", State, "the data lie beyond the receiver's window";
    /// Data far before the window.
    TcpOldData = 55, "tcp_old_data", State, "the data lie before everything that may be repeated";
    /// An acknowledgement of unsent data.
    TcpAckUnsent = 56, "tcp_ack_unsent", State, "it acknowledges data that were never sent";
    /// An acknowledgement far behind.
    TcpOldAck = 57, "tcp_old_ack", State, "the acknowledgement is older than the window (RFC 5961)";
    /// An ICMP error about no known flow.
    IcmpUnrelated = 58, "icmp_unrelated", State, "the ICMP error quotes no packet of a live flow";
    /// An answer to a query that was not made.
    IcmpUnsolicited = 59, "icmp_unsolicited", State, "the ICMP answer was not asked for";
    /// No port is left for source translation.
    NatPortsExhausted = 60, "nat_ports_exhausted", Nat, "the public gateway has no free port for this destination";
    /// Nothing leads to the public network.
    NoPublicAddress = 61, "no_public_address", Nat, "neither a floating IP nor a public gateway leads out";
    /// The host has no uplink.
    NoUplink = 62, "no_uplink", Nat, "this host has no uplink to the public network";
    /// No interface here has the public address.
    UnknownPublicAddress = 63, "unknown_public_address", Nat, "no interface of this host has the public address";
    /// A protocol that source translation does not know.
    NatNotPossible = 64, "nat_not_possible", Nat, "packets of this protocol can't be translated";
    /// The interface is limited, and the cable with its queues is not there.
    NoShaper = 65, "no_shaper", Forward, "the interface's bandwidth is limited and the host's shaper is not there";
    /// Noted, but not dropped: a shadow policy would have denied it.
    ShadowDenied = 66, "shadow_denied", Policy, "the shadow policy would deny it; it passed";
    /// A tagged frame of a card that has VLANs, but not this one.
    VlanNotAllowed = 67, "vlan_not_allowed", Parse, "no interface of this card has the frame's VLAN";
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
