//! Rules, memberships and quarantine: written in the right order, changed at their own cost, and closed when in doubt.

mod agent_support;

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use agent_support::{Guest, Host, OPEN, SEGMENT, datagram, entries, group, put, rule};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::reconcile::Reconciler;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey};
use pintle_core::id::{NetworkAclId, PrefixListId, SecurityGroupId};
use pintle_core::policy::{AclAction, AclRule, Direction, IcmpMatch, PortRange, ProtocolMatch, Remote, Rule};

const APP: SecurityGroupId = SecurityGroupId::from_bits(20);
const WEB: SecurityGroupId = SecurityGroupId::from_bits(21);
/// A group that permits nothing.
const NONE: SecurityGroupId = SecurityGroupId::from_bits(22);

fn udp(port: u16) -> ProtocolMatch {
    ProtocolMatch::Udp(PortRange::one(port))
}

/// Members of WEB get UDP to this port from members of APP, who may send anything.
fn two_tiers(port: u16) -> Vec<(EntryKey, Entry)> {
    vec![
        group(APP, vec![rule(200, Direction::Egress, ProtocolMatch::Any, Remote::Any)]),
        group(WEB, vec![rule(210, Direction::Ingress, udp(port), Remote::Group(APP))]),
    ]
}

fn settled(host: &Host, guests: &[&Guest], more: Vec<(EntryKey, Entry)>) -> Reconciler {
    let mut reconciler = host.reconciler();
    let mut all = entries(guests);
    all.extend(more);
    reconciler.replace(Desired::new(1, all)).unwrap();
    assert_eq!(reconciler.failures(), []);
    reconciler
}

fn sends(from: &Guest, to: &Guest, port: u16) -> bool {
    datagram((from, from.ip()), (to, to.ip()), port)
}

/// The entry of a guest's address, with other memberships.
fn member_of(guest: &Guest, groups: &[SecurityGroupId]) -> Vec<(EntryKey, Entry)> {
    let guest = guest.clone().within(groups);
    let endpoint = Entry::Endpoint(EndpointSpec::Vni(guest.endpoint()));
    vec![guest.port_entry(), (EntryKey::Endpoint(SEGMENT, guest.ip()), endpoint)]
}

#[test]
fn d17_two_interfaces_of_one_subnet_on_one_host_are_filtered() {
    let host = Host::new(1);
    let (app, web) = (Guest::new(10).within(&[APP]), Guest::new(11).within(&[WEB]));
    let (other, closed) = (Guest::new(12), Guest::new(13).within(&[NONE]));
    host.run(|| {
        let mut more = two_tiers(5000);
        more.push(group(NONE, vec![]));
        let _reconciler = settled(&host, &[&app, &web, &other, &closed], more);
        assert!(sends(&app, &web, 5000), "permitted by rule");
        assert!(!sends(&app, &web, 5001) && !sends(&other, &web, 5000), "another port, another group");
        assert!(!sends(&web, &app, 5000), "nothing lets it out");
        assert!(!sends(&other, &closed, 5000) && !sends(&closed, &other, 5000));
    });
}

#[test]
fn d04_replies_need_no_rule() {
    let host = Host::new(1);
    let (app, web) = (Guest::new(14).within(&[APP]), Guest::new(15).within(&[WEB]));
    host.run(|| {
        let _reconciler = settled(&host, &[&app, &web], two_tiers(5000));
        let bind = |guest: &Guest, port| {
            let socket = guest.netns().run(|| UdpSocket::bind((guest.ip(), port)).unwrap()).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            socket
        };
        let (client, server) = (bind(&app, 0), bind(&web, 5000));
        client.send_to(b"question", (web.ip(), 5000)).unwrap();
        let (_, from) = server.recv_from(&mut [0; 16]).unwrap();
        server.send_to(b"answer", from).unwrap();
        assert_eq!(client.recv(&mut [0; 16]).unwrap(), 6);
    });
}

#[test]
fn d06_membership_counts_at_once_and_costs_one_entry() {
    let host = Host::new(1);
    let (app, web, other) = (Guest::new(16).within(&[APP]), Guest::new(17).within(&[WEB]), Guest::new(18));
    host.run(|| {
        let mut reconciler = settled(&host, &[&app, &web, &other], two_tiers(5000));
        assert!(!sends(&other, &web, 5000));
        // Its own rules let everything out; its membership alone changes.
        let endpoint = |guest: &Guest, groups: &[SecurityGroupId]| member_of(guest, groups).remove(1);
        let before = reconciler.writes();
        reconciler.change(2, put(vec![endpoint(&other, &[APP])])).unwrap();
        let writes = reconciler.writes() - before;
        assert!(sends(&other, &web, 5000), "a member now");
        assert!(writes <= 3, "the entry, its cell and no rule: {writes}");
        reconciler.change(3, put(vec![endpoint(&other, &[OPEN])])).unwrap();
        assert!(!sends(&other, &web, 5000), "no longer");
        assert_eq!(reconciler.failures(), []);
        assert_eq!(reconciler.sweep().unwrap().drift, []);
    });
}

#[test]
fn d07_a_changed_rule_holds_for_new_flows_and_a_prefix_list_is_followed() {
    let host = Host::new(1);
    let (app, web) = (Guest::new(19).within(&[APP]), Guest::new(20).within(&[WEB]));
    let list = PrefixListId::from_bits(7);
    host.run(|| {
        let mut reconciler = settled(&host, &[&app, &web], two_tiers(5000));
        reconciler.change(2, put(two_tiers(6000))).unwrap();
        assert!(sends(&app, &web, 6000) && !sends(&app, &web, 5000));
        let by_list = vec![rule(211, Direction::Ingress, udp(7000), Remote::PrefixList(list))];
        reconciler.change(3, put(vec![group(WEB, by_list)])).unwrap();
        assert!(!sends(&app, &web, 7000), "the list is not known");
        let nets = |net: &str| put(vec![(EntryKey::PrefixList(list), Entry::PrefixList(vec![net.parse().unwrap()]))]);
        reconciler.change(4, nets("10.7.0.19/32")).unwrap();
        assert!(sends(&app, &web, 7000));
        reconciler.change(5, nets("10.8.0.0/16")).unwrap();
        assert!(!sends(&app, &web, 7000));
        assert_eq!((reconciler.failures(), reconciler.sweep().unwrap().drift), (vec![], vec![]));
    });
}

#[test]
fn d02_a_group_that_this_host_does_not_know_permits_nothing() {
    let host = Host::new(1);
    let (one, two) = (Guest::new(21), Guest::new(22).within(&[NONE]));
    host.run(|| {
        let mut reconciler = settled(&host, &[&one, &two], vec![]);
        assert!(!sends(&one, &two, 5000) && !sends(&two, &one, 5000));
        let all = vec![rule(220, Direction::Ingress, ProtocolMatch::Any, Remote::Any)];
        reconciler.change(2, put(vec![group(NONE, all)])).unwrap();
        assert!(sends(&one, &two, 5000) && !sends(&two, &one, 5001), "in, as its rule says, and not out");
        reconciler.change(3, Delta { put: vec![], removed: vec![EntryKey::Group(NONE)] }).unwrap();
        assert!(!sends(&one, &two, 5002), "forgotten again");
    });
}

#[test]
fn d22_quarantine_ends_what_is_under_way_and_is_taken_back() {
    let host = Host::new(1);
    let (one, mut two) = (Guest::new(23), Guest::new(24));
    host.run(|| {
        let mut reconciler = settled(&host, &[&one, &two], vec![group(NONE, vec![])]);
        let receiver = two.netns().run(|| UdpSocket::bind((two.ip(), 5000)).unwrap()).unwrap();
        receiver.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let sender = one.netns().run(|| UdpSocket::bind((one.ip(), 5000)).unwrap()).unwrap();
        let to: (IpAddr, u16) = (two.ip(), 5000);
        let passes = || {
            sender.send_to(b"x", to).unwrap();
            receiver.recv(&mut [0; 8]).is_ok()
        };
        assert!(passes() && passes());
        (two.spec.policy.quarantine, two.spec.policy.judged) = (Some(vec![NONE]), 1);
        reconciler.change(2, put(vec![two.port_entry()])).unwrap();
        assert!(!passes(), "the flow that was under way");
        assert!(!sends(&two, &one, 6000));
        two.spec.policy.quarantine = Some(vec![]);
        reconciler.change(3, put(vec![two.port_entry()])).unwrap();
        assert!(!passes());
        two.spec.policy.quarantine = None;
        reconciler.change(4, put(vec![two.port_entry()])).unwrap();
        assert!(passes());
        assert_eq!(reconciler.failures(), []);
    });
}

#[test]
fn d15_a_network_acl_judges_what_crosses_the_subnets_border() {
    let host = Host::new(1);
    let (one, mut two) = (Guest::new(25), Guest::new(26));
    let acl = NetworkAclId::from_bits(3);
    let gateway = std::net::Ipv4Addr::new(10, 8, 0, 1);
    (two.spec.subnet, two.spec.gateway) = ("10.8.0.0/24".parse().unwrap(), gateway);
    two.spec.addresses = vec![IpAddr::from([10, 8, 0, 26])];
    two.spec.policy.acl = Some(acl);
    let other_gateway = (EntryKey::Endpoint(SEGMENT, gateway.into()), Entry::Endpoint(EndpointSpec::Gateway));
    let allow = |id, direction, ports| AclRule {
        id: pintle_core::id::AclRuleId::from_bits(id),
        action: AclAction::Allow,
        direction,
        protocol: ProtocolMatch::Udp(ports),
        source_ports: PortRange::ALL,
        source: "0.0.0.0/0".parse().unwrap(),
        destination: "0.0.0.0/0".parse().unwrap(),
    };
    host.run(|| {
        let mut reconciler = settled(&host, &[&one, &two], vec![other_gateway]);
        assert!(!sends(&one, &two, 5000), "named and unknown: denied");
        let rules = vec![allow(1, Direction::Ingress, PortRange::one(5000))];
        reconciler.change(2, put(vec![(EntryKey::Acl(acl), Entry::Acl(rules))])).unwrap();
        assert!(sends(&one, &two, 5000) && !sends(&one, &two, 5001) && !sends(&two, &one, 5000));
        two.spec.policy.acl = None;
        reconciler.change(3, put(vec![two.port_entry()])).unwrap();
        assert!(sends(&one, &two, 5001));
        assert_eq!((reconciler.failures(), reconciler.sweep().unwrap().drift), (vec![], vec![]));
    });
}

#[test]
fn a29_a_restart_with_rules_writes_nothing() {
    let host = Host::new(1);
    let (app, web) = (Guest::new(27).within(&[APP]), Guest::dual(28).within(&[OPEN, WEB]));
    host.run(|| {
        drop(settled(&host, &[&app, &web], two_tiers(5000)));
        let mut again = host.reconciler();
        let mut all = entries(&[&app, &web]);
        all.extend(two_tiers(5000));
        let outcome = again.replace(Desired::new(2, all)).unwrap();
        assert_eq!((outcome.actions, again.writes()), (0, 0));
        assert!(sends(&app, &web, 5000));
    });
}

/// More networks than the data plane has room for.
fn too_many(first: u64) -> Vec<Rule> {
    let net = |n: u32| Remote::Net(format!("172.16.{}.{}/32", n / 256, n % 256).parse().unwrap());
    let one = |n: u32| rule(first + u64::from(n), Direction::Ingress, udp(5000 + (n % 7) as u16), net(n));
    (0..300).map(one).collect()
}

#[test]
fn d20_rules_without_room_change_nothing_and_say_so() {
    let host = Host::new(1);
    let (app, web, late) = (
        Guest::new(29).within(&[APP]),
        Guest::new(30).within(&[WEB]),
        Guest::new(31).within(&[WEB, SecurityGroupId::from_bits(99)]),
    );
    host.run(|| {
        let mut config = host.config();
        config.limits.max_prefixes = 100;
        let mut reconciler = Reconciler::open(&config).unwrap();
        let mut all = entries(&[&app, &web]);
        all.extend(two_tiers(5000));
        reconciler.replace(Desired::new(1, all)).unwrap();
        assert_eq!(reconciler.failures(), []);
        reconciler.change(2, put(vec![group(WEB, too_many(1000))])).unwrap();
        let failures = reconciler.failures();
        let failure = failures.iter().find(|failure| failure.key == EntryKey::Group(WEB));
        assert!(failure.is_some_and(|failure| failure.message.contains("prefixes")), "{failures:?}");
        assert!(sends(&app, &web, 5000), "the rules as they were");
        // What has nothing to do with it goes on.
        let more = rule(201, Direction::Ingress, udp(6000), Remote::Any);
        let out = rule(200, Direction::Egress, ProtocolMatch::Any, Remote::Any);
        reconciler.change(3, put(vec![group(APP, vec![out, more])])).unwrap();
        assert!(sends(&app, &web, 5000));
        // A new port with such rules is closed.
        let mut entries = late.entries();
        entries.push(group(late.spec.policy.groups[1], too_many(2000)));
        reconciler.change(4, put(entries)).unwrap();
        let failures = reconciler.failures();
        assert!(failures.iter().any(|failure| failure.key == late.port_key()), "{failures:?}");
        assert!(!sends(&app, &late, 5000));
        let mut fitting = two_tiers(5000);
        fitting.push(group(late.spec.policy.groups[1], vec![]));
        reconciler.change(5, put(fitting)).unwrap();
        assert_eq!(reconciler.failures(), [], "with rules that fit all is well");
        assert!(sends(&app, &late, 5000) && sends(&app, &web, 5000));
    });
}

#[test]
fn d05_icmp_rules_are_for_their_ip_version() {
    let host = Host::new(1);
    let (one, two) = (Guest::dual(32), Guest::dual(33).within(&[WEB]));
    host.run(|| {
        let echo = rule(230, Direction::Ingress, ProtocolMatch::Icmpv6(IcmpMatch::Type(128)), Remote::Any);
        let _reconciler = settled(&host, &[&one, &two], vec![group(WEB, vec![echo])]);
        assert!(one.ping6(&two.ip6().to_string()));
        let IpAddr::V4(ip) = two.ip() else { panic!("IPv4 first") };
        assert!(!one.ping(ip) && !one.reaches6(&two));
    });
}

#[test]
fn n06_a_shadow_of_no_groups_denies_everything_and_no_shadow_says_nothing() {
    let host = Host::new(1);
    let guest = Guest::new(61);
    host.run(|| {
        let mut reconciler = settled(&host, &[&guest], vec![]);
        let shadow = |reconciler: &Reconciler| {
            let rows = reconciler.datapath().ifaces().entries().unwrap();
            rows.iter().find(|(_, row)| row.mac == guest.spec.mac.0).unwrap().1.shadow
        };
        assert_eq!(shadow(&reconciler), 0);
        let mut tried = guest.clone();
        tried.spec.policy.shadow = Some(Vec::new());
        reconciler.change(2, put(vec![tried.port_entry()])).unwrap();
        assert_eq!((shadow(&reconciler), reconciler.failures()), (pintle_datapath::CLOSED_POLICY, vec![]));
        reconciler.change(3, put(vec![guest.port_entry()])).unwrap();
        assert_eq!(shadow(&reconciler), 0);
    });
}
