//! Security groups and network ACLs in the programs: who may send what to whom, and that nothing is open by accident.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::frames::{Route, Udp, echo, with_ip_bytes};
use common::policy::{allow_all, allow_out, icmp_in, rule, tcp_in, udp_in};
use common::{Bench, REMOTE, REMOTE_MAC, SEGMENT};
use pintle_core::DropReason;
use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::policy::{AclAction, AclRule, Direction, IcmpMatch, PortRange, ProtocolMatch, Remote};
use pintle_datapath::{AclTables, EndpointKey, FlowKey, Iface};

const DENIED_IN: Option<DropReason> = Some(DropReason::PolicyIngressDenied);
const DENIED_OUT: Option<DropReason> = Some(DropReason::PolicyEgressDenied);

#[test]
fn d19_no_packet_before_policy() {
    Bench::run(|bench| {
        let frame = Udp::switched(&bench.a, &bench.b).bytes();
        bench.datapath.ifaces().put(&bench.a.slot, &Iface::default()).expect("put");
        assert_eq!(bench.refused(&bench.a, &frame), DENIED_OUT, "a port without an interface's entry");
        bench.edit_iface(&bench.a, |iface| iface.quota = 10);
        assert_eq!(bench.refused(&bench.a, &frame), DENIED_OUT, "policy 0");
        bench.edit_iface(&bench.a, |iface| iface.policy = 4_000_000);
        assert_eq!(bench.refused(&bench.a, &frame), DENIED_OUT, "a policy that there is not");
        assert_eq!(bench.flows().len(), 0);
    });
}

#[test]
fn d18_both_gates_must_permit_and_each_has_its_own_reason() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let routed = Route::routed(a, bench.c.ip).udp((1, 53), b"?");
        let switched = Route::switched(a, b).udp((1, 53), b"?");
        let remote = Route { dst_mac: REMOTE_MAC, ..Route::routed(a, REMOTE) }.udp((1, 53), b"?");
        for (rules, here, there) in
            [(allow_all(), None, None), (vec![udp_in(53, 53)], DENIED_OUT, DENIED_OUT), (allow_out(), None, None)]
        {
            bench.set_rules(a, rules);
            assert_eq!(bench.refused(a, &routed), here);
            assert_eq!(bench.refused(a, &switched), here);
            assert_eq!(bench.refused(a, &remote), there, "the receiver's gate is on its own host");
            bench.wait(31);
        }
        bench.set_rules(b, vec![tcp_in(53, 53)]);
        bench.set_rules(&bench.c, vec![udp_in(54, 60)]);
        for frame in [routed, switched] {
            assert_eq!(bench.refused(a, &frame), DENIED_IN);
        }
        assert_eq!(bench.dropped(b.slot, DropReason::PolicyIngressDenied), 1, "counted where it was refused");
        assert_eq!(bench.dropped(a.slot, DropReason::PolicyIngressDenied), 0);
    });
}

#[test]
fn d05_rules_match_protocol_port_and_icmp_type() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let way = Route::switched(a, b);
        let udp = |port| bench.refused(a, &way.udp((9, port), b"x"));
        bench.set_rules(b, vec![udp_in(100, 199), udp_in(300, 300), icmp_in(8)]);
        for (port, fate) in [(99, DENIED_IN), (100, None), (150, None), (199, None), (200, DENIED_IN), (300, None)] {
            assert_eq!(udp(port), fate, "port {port}");
        }
        assert_eq!(bench.refused(a, &echo(a, b.mac, b.ip)), None);
        // A timestamp request is another type; protocol 47 another protocol.
        let timestamp = way.packet(1, &[13, 0, 0xf2, 0xff, 0, 0, 0, 0]);
        assert_eq!(bench.refused(a, &timestamp), DENIED_IN);
        assert_eq!(bench.refused(a, &way.packet(47, &[0; 24])), DENIED_IN);
        bench.set_rules(b, vec![rule(9, Direction::Ingress, ProtocolMatch::Number(47), Remote::Any)]);
        assert_eq!(bench.refused(a, &way.packet(47, &[0; 24])), None);
        let code = ProtocolMatch::Icmp(IcmpMatch::Code(13, 1));
        bench.set_rules(b, vec![rule(9, Direction::Ingress, code, Remote::Any)]);
        assert_eq!(bench.refused(a, &timestamp), DENIED_IN);
    });
}

#[test]
fn d05_remotes_are_networks_groups_and_anybody() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        let from_a = Route::routed(a, c.ip).udp((9, 53), b"x");
        let from_b = Route::routed(b, c.ip).udp((9, 53), b"x");
        let permit = |remote| {
            bench.set_rules(c, vec![rule(7, Direction::Ingress, ProtocolMatch::Any, remote)]);
            bench.wait(31);
            [bench.refused(a, &from_a), bench.refused(b, &from_b)]
        };
        let net = |text: &str| Remote::Net(text.parse().expect("a network"));
        assert_eq!(permit(Remote::Any), [None, None]);
        assert_eq!(permit(net("10.0.1.10/32")), [None, DENIED_IN]);
        assert_eq!(permit(net("10.0.1.0/24")), [None, None]);
        assert_eq!(permit(net("0.0.0.0/0")), [None, None]);
        assert_eq!(permit(net("::/0")), [DENIED_IN, DENIED_IN], "IPv4 is not part of IPv6");
        // Membership is known from the endpoint's entry.
        let group = common::policy::group_of_slot(b.slot);
        assert_eq!(permit(Remote::Group(group)), [DENIED_IN, DENIED_IN], "no member yet");
        let identity = bench.policies.identity(&[group]);
        bench.edit_endpoint(b.key(), |endpoint| endpoint.identity = identity);
        assert_eq!(permit(Remote::Group(group)), [DENIED_IN, None]);
    });
}

#[test]
fn d06_membership_changes_the_verdict_without_touching_the_rule() {
    Bench::run(|bench| {
        let (a, c) = (&bench.a, &bench.c);
        let group = common::policy::group_of_slot(a.slot);
        bench.set_rules(c, vec![rule(7, Direction::Ingress, ProtocolMatch::Any, Remote::Group(group))]);
        let frame = Route::routed(a, c.ip).udp((9, 53), b"x");
        assert_eq!(bench.refused(a, &frame), DENIED_IN);
        let identity = bench.policies.identity(&[group]);
        bench.edit_endpoint(a.key(), |endpoint| endpoint.identity = identity);
        assert_eq!(bench.refused(a, &frame), None);
        bench.edit_endpoint(a.key(), |endpoint| endpoint.identity = 0);
        bench.wait(31);
        assert_eq!(bench.refused(a, &frame), DENIED_IN);
    });
}

#[test]
fn d04_replies_pass_without_a_rule_and_only_replies() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.set_rules(a, allow_out());
        bench.set_rules(b, vec![udp_in(53, 53), icmp_in(8)]);
        let (there, back) = (Route::switched(a, b), Route::switched(b, a));
        let reply = back.udp((53, 5000), b"!");
        assert_eq!(bench.refused(b, &reply), DENIED_OUT, "before the question");
        assert_eq!(bench.refused(a, &there.udp((5000, 53), b"?")), None);
        for _ in 0..3 {
            assert_eq!(bench.refused(b, &reply), None);
        }
        for other in [back.udp((53, 5001), b"!"), back.udp((54, 5000), b"!"), back.packet(17, &[0; 8])] {
            assert_eq!(bench.refused(b, &other), DENIED_OUT);
        }
        // ICMP: the answer passes, a question back does not, with the same identifier.
        let ping = |way: Route, kind| way.packet(1, &[kind, 0, 0, 0, 0, 7, 0, 9]);
        assert_eq!(bench.refused(b, &ping(back, 0)), DENIED_OUT);
        assert_eq!(bench.refused(a, &ping(there, 8)), None);
        assert_eq!(bench.refused(b, &ping(back, 0)), None);
        assert_eq!(bench.refused(b, &ping(back, 8)), DENIED_OUT);
    });
}

#[test]
fn d07_established_flows_go_on_after_a_rule_is_gone_unless_judged() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let there = Route::switched(a, b);
        let (old, new) = (there.udp((5000, 53), b"?"), there.udp((5001, 53), b"?"));
        assert_eq!(bench.refused(a, &old), None);
        bench.set_rules(b, allow_out());
        assert_eq!(bench.refused(a, &old), None, "tracked");
        assert_eq!(bench.refused(a, &new), DENIED_IN);
        bench.edit_iface(b, |iface| iface.judged += 1);
        assert_eq!(bench.refused(a, &old), DENIED_IN, "flushed");
        assert_eq!(bench.flows().len(), 0, "and ended");
        assert_eq!(bench.datapath.flows().usage(a.slot).expect("read").opened, 0);
    });
}

#[test]
fn d22_quarantine_cuts_what_the_other_policy_does_not_permit() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let there = Route::switched(a, b);
        let (ssh, dns) = (there.udp((5000, 22), b"?"), there.udp((5001, 53), b"?"));
        assert_eq!([bench.refused(a, &ssh), bench.refused(a, &dns)], [None, None]);
        // Another policy and a judgement, in one write; and back again.
        let open = bench.datapath.ifaces().get(&b.slot).expect("get").expect("there").policy;
        let jail = bench.policies.set_rules(&bench.datapath, 9, vec![udp_in(22, 22)]);
        bench.edit_iface(b, |iface| (iface.policy, iface.judged) = (jail, iface.judged + 1));
        assert_eq!([bench.refused(a, &ssh), bench.refused(a, &dns)], [None, DENIED_IN]);
        assert_eq!(bench.refused(b, &Route::switched(b, a).udp((1, 1), b"?")), DENIED_OUT);
        bench.edit_iface(b, |iface| iface.policy = open);
        assert_eq!([bench.refused(a, &ssh), bench.refused(a, &dns)], [None, None]);
    });
}

#[test]
fn d07_untracked_flows_end_with_their_rule() {
    Bench::run(|bench| {
        use pintle_datapath::IfaceFlags;
        let (a, b) = (&bench.a, &bench.b);
        bench.edit_iface(b, |iface| iface.flags = iface.flags.with(IfaceFlags::UNTRACKED_OPEN));
        let (there, back) = (Route::switched(a, b).udp((5000, 53), b"?"), Route::switched(b, a).udp((53, 5000), b"!"));
        assert_eq!([bench.refused(a, &there), bench.refused(b, &back)], [None, None]);
        bench.set_rules(b, allow_out());
        assert_eq!(bench.refused(a, &there), DENIED_IN);
        bench.set_rules(b, vec![udp_in(53, 53)]);
        assert_eq!([bench.refused(a, &there), bench.refused(b, &back)], [None, DENIED_OUT], "each in its direction");
    });
}

#[test]
fn d16_flows_name_the_rules_that_let_them_in() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.set_rules(b, vec![tcp_in(1, 99), udp_in(53, 53)]);
        assert_eq!(bench.refused(a, &Route::switched(a, b).udp((5000, 53), b"?")), None);
        let key = FlowKey::between(SEGMENT, 17, (a.ip.into(), 5000), (b.ip.into(), 53));
        let flow = bench.datapath.flows().get(&key).expect("read").expect("there");
        let id = |number| bench.policies.rule(number).map(|id| id.bits());
        assert_eq!((id(flow.rule_egress), id(flow.rule_ingress)), (Some(2), Some(4)));
    });
}

#[test]
fn k13_a_refused_flow_is_one_entry_with_both_ends() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.set_rules(b, allow_out());
        for _ in 0..5 {
            assert_eq!(bench.refused(a, &Route::switched(a, b).udp((5000, 53), b"?")), DENIED_IN);
        }
        let refusals = bench.datapath.records().refusals().expect("read");
        let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
        assert_eq!((refusal.source, refusal.destination, refusal.port), (a.ip.into(), b.ip.into(), 53));
        assert_eq!((refusal.slot, refusal.packets, refusal.reason), (b.slot, 5, DropReason::PolicyIngressDenied));
    });
}

#[test]
fn shadow_policy_is_counted_and_has_no_effect() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        let shadow = bench.policies.set_rules(&bench.datapath, 9, vec![udp_in(22, 22)]);
        bench.edit_iface(b, |iface| iface.shadow = shadow);
        for port in [22, 53, 54] {
            assert_eq!(bench.refused(a, &Route::switched(a, b).udp((5000, port), b"?")), None);
        }
        let shadows = bench.datapath.records().shadows().expect("read");
        let flows = |would_permit| {
            let of = shadows.iter().filter(|s| s.slot == b.slot && !s.egress && s.permitted);
            of.filter(|s| s.would_permit == would_permit).map(|s| s.flows).sum::<u64>()
        };
        assert_eq!((flows(true), flows(false)), (1, 2));
        let refusals = bench.datapath.records().refusals().expect("read");
        assert!(refusals.iter().all(|refusal| refusal.reason == DropReason::ShadowDenied) && refusals.len() == 2);
    });
}

#[test]
fn n06_a_shadow_policy_that_permits_nothing_is_not_no_shadow_policy() {
    Bench::run(|bench| {
        let (a, b) = (&bench.a, &bench.b);
        bench.edit_iface(b, |iface| iface.shadow = pintle_datapath::CLOSED_POLICY);
        assert_eq!(bench.refused(a, &Route::switched(a, b).udp((5000, 53), b"?")), None);
        let shadows = bench.datapath.records().shadows().expect("read");
        let of: Vec<_> = shadows.iter().filter(|s| s.slot == b.slot && !s.egress).collect();
        assert_eq!((of.len(), of[0].permitted, of[0].would_permit, of[0].flows), (1, true, false, 1));
    });
}

fn acl_rule(id: u64, action: AclAction, direction: Direction, ports: PortRange, source: &str) -> AclRule {
    AclRule {
        id: AclRuleId::from_bits(id),
        action,
        direction,
        protocol: ProtocolMatch::Udp(ports),
        source_ports: PortRange::ALL,
        source: source.parse().expect("a network"),
        destination: "0.0.0.0/0".parse().expect("a network"),
    }
}

#[test]
fn d15_network_acl_is_stateless_ordered_and_of_the_subnets_border() {
    Bench::run(|bench| {
        let (a, b, c) = (&bench.a, &bench.b, &bench.c);
        let mut acls = AclTables::open(&bench.datapath).expect("open");
        let id = NetworkAclId::from_bits(1);
        let rules: Arc<[AclRule]> = Arc::new([
            acl_rule(1, AclAction::Deny, Direction::Ingress, PortRange::one(53), "10.0.1.10/32"),
            acl_rule(2, AclAction::Allow, Direction::Ingress, PortRange { first: 1, last: 1023 }, "10.0.0.0/8"),
            acl_rule(3, AclAction::Allow, Direction::Egress, PortRange { first: 1, last: 1023 }, "0.0.0.0/0"),
        ]);
        acls.apply(&bench.datapath, &BTreeMap::from([(id, rules)])).expect("room");
        let number = acls.acl(id).expect("written");
        bench.edit_iface(c, |iface| iface.acl = number);
        let to_c = |from, ports| Route::routed(from, c.ip).udp(ports, b"x");
        assert_eq!(bench.refused(a, &to_c(a, (700, 53))), Some(DropReason::AclIngressDenied), "the first that matches");
        assert_eq!(bench.refused(b, &to_c(b, (700, 53))), None);
        assert_eq!(bench.refused(a, &to_c(a, (700, 54))), None);
        assert_eq!(bench.refused(a, &to_c(a, (700, 5000))), Some(DropReason::AclIngressDenied), "else denied");
        // Stateless: the reply is judged by itself, group rules or not.
        let reply = |port| Route::routed(c, b.ip).udp((53, port), b"x");
        assert_eq!(bench.refused(c, &reply(700)), None);
        assert_eq!(bench.refused(b, &to_c(b, (5000, 53))), None);
        assert_eq!(bench.refused(c, &reply(5000)), Some(DropReason::AclEgressDenied));
        // Within the subnet it is not asked.
        bench.edit_iface(b, |iface| iface.acl = acls.closed());
        assert_eq!(bench.refused(a, &Route::switched(a, b).udp((5000, 5000), b"x")), None);
        assert_eq!(bench.refused(b, &to_c(b, (9, 80))), Some(DropReason::AclEgressDenied), "unknown: deny");
    });
}

#[test]
fn d11_d12_source_dest_check() {
    Bench::run(|bench| {
        use pintle_datapath::{IfaceFlags, Location, LocationKey};
        let (a, b) = (&bench.a, &bench.b);
        let location = Location { addr: Some(b.ip.into()), ..Location::default() };
        bench.datapath.locations().put(&LocationKey { segment: SEGMENT, mac: b.mac }, &location).expect("put");
        // In transit through B: to an address that is not B's, and from one.
        let to = Route { dst: [198, 51, 100, 7].into(), ..Route::switched(a, b) }.udp((1, 2), b"x");
        let from = Route { src: [198, 51, 100, 7].into(), ..Route::switched(b, a) }.udp((2, 1), b"x");
        assert_eq!(bench.refused(a, &to), Some(DropReason::NotDestination));
        assert_eq!(bench.refused(b, &from), Some(DropReason::SpoofedSrcIp));
        bench.edit_iface(b, |iface| iface.flags = iface.flags.without(IfaceFlags::SOURCE_DEST_CHECK));
        assert_eq!(bench.refused(a, &to), None);
        assert_eq!(bench.refused(b, &from), None);
        assert_eq!((bench.delivered(b), bench.delivered(a)), (1, 1));
        // What nobody may send from is refused all the same.
        for src in [[127, 0, 0, 1], [224, 0, 0, 1], [0, 0, 0, 0], [255, 255, 255, 255]] {
            let frame = with_ip_bytes(Udp::switched(b, a).bytes(), 12, &src);
            assert_eq!(bench.refused(b, &frame), Some(DropReason::SpoofedSrcIp), "{src:?}");
        }
    });
}

#[test]
fn b13_delegated_prefix_is_the_interfaces_own() {
    Bench::run(|bench| {
        use pintle_datapath::{Route as Entry, RouteKey, RouteTo};
        let (a, b) = (&bench.a, &bench.b);
        let key = RouteKey::own(SEGMENT, "10.0.1.32/28".parse().expect("a network"));
        bench.datapath.routes().put(&key, &Entry::new(&key, RouteTo::Via(b.ip.into()))).expect("put");
        for (last, inside) in [(31, false), (32, true), (47, true), (48, false)] {
            let to = Route { dst: [10, 0, 1, last].into(), ..Route::switched(a, b) }.udp((1, 2), b"x");
            let from = Route { src: [10, 0, 1, last].into(), ..Route::switched(b, a) }.udp((2, 1), b"x");
            assert_eq!(bench.refused(a, &to).is_none(), inside, "to .{last}");
            assert_eq!(bench.refused(b, &from).is_none(), inside, "from .{last}");
        }
        assert_eq!(bench.delivered(b), 2);
        let other = EndpointKey { segment: SEGMENT, addr: [10, 0, 1, 33].into() };
        bench.edit_endpoint(other, |endpoint| *endpoint = bench.a.endpoint());
        let from = Route { src: other.addr, ..Route::switched(b, a) }.udp((2, 1), b"x");
        assert_eq!(bench.refused(b, &from), Some(DropReason::SpoofedSrcIp), "an address of its own is somebody's");
    });
}
