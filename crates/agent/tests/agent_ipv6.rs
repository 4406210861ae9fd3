//! Guests with IPv6: configured, reached, repaired, and told from those without.

mod agent_support;

use agent_support::{GATEWAY, Guest, Host, SEGMENT, addresses, datagram, desired, put, repaired};
use pintle_agent::desired::Delta;
use pintle_core::host_spec::{Entry, EntryKey, RouteSpec};
use pintle_core::model::Namespace;

#[test]
fn b12_guests_with_both_versions_reach_each_other_by_each() {
    let host = Host::new(1);
    let (one, two, old) = (Guest::dual(0x10), Guest::dual(0x11), Guest::new(0x12));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &two, &old])).unwrap();
        assert_eq!(reconciler.failures(), []);
        assert_eq!(
            addresses(&one.netns(), "eth0"),
            ["10.7.0.16/16", "2001:db8:7::10/64", "fe80::ff:fe00:10/64"],
            "the link-local address is that of the MAC"
        );
        let routes = one.ip_command("-6 route");
        assert!(routes.contains("default via fe80::1 dev eth0 proto 98"), "{routes}");
        assert_eq!(addresses(&old.netns(), "eth0"), ["10.7.0.18/16"]);
        assert!(!old.ip_command("-6 route").contains("default"));
        assert!(one.reaches(&two) && two.reaches(&one) && one.reaches(&old) && one.ping(GATEWAY));
        assert!(one.reaches6(&two) && two.reaches6(&one), "at once: nothing waits for duplicate address detection");
        assert!(one.ping6(&two.ip6().to_string()));
    });
}

#[test]
fn a29_a_second_apply_of_guests_with_ipv6_writes_nothing() {
    let host = Host::new(1);
    let (one, two) = (Guest::dual(0x20), Guest::dual(0x21));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &two])).unwrap();
        let writes = reconciler.writes();
        assert_eq!(reconciler.sweep().unwrap().actions, 0);
        assert_eq!(reconciler.replace(desired(2, &[&one, &two])).unwrap().actions, 0);
        assert_eq!(reconciler.writes(), writes);
    });
}

#[test]
fn b05_ipv6_addresses_of_a_live_port_come_and_go() {
    let host = Host::new(1);
    let (peer, mut guest) = (Guest::dual(0x30), Guest::new(0x31));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&peer, &guest])).unwrap();
        let with = Guest::dual(0x31);
        (guest.spec.subnet6, guest.spec.addresses) = (with.spec.subnet6, with.spec.addresses);
        guest.spec.addresses.push("2001:db8:7::99".parse().unwrap());
        reconciler.change(2, put(guest.entries())).unwrap();
        assert_eq!(reconciler.failures(), []);
        let all = ["10.7.0.49/16", "2001:db8:7::31/64", "2001:db8:7::99/128", "fe80::ff:fe00:31/64"];
        let mut there = addresses(&guest.netns(), "eth0");
        there.sort();
        assert_eq!(there, all);
        assert!(peer.reaches6(&guest));
        assert!(datagram((&peer, peer.ip6()), (&guest, "2001:db8:7::99".parse().unwrap()), 0));
        let gone = guest.spec.addresses.remove(2);
        let removed = vec![EntryKey::Endpoint(SEGMENT, gone)];
        reconciler.change(3, Delta { put: guest.entries(), removed }).unwrap();
        assert!(!addresses(&guest.netns(), "eth0").contains(&"2001:db8:7::99/128".to_owned()));
        assert!(peer.reaches6(&guest), "the others stay");
        assert_eq!(reconciler.sweep().unwrap().drift, []);
    });
}

#[test]
fn r02_what_a_guest_does_to_its_ipv6_is_repaired() {
    let host = Host::new(1);
    let (one, two) = (Guest::dual(0x40), Guest::dual(0x41));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &two])).unwrap();
        let mut check = |harm: &str, expected: &str| {
            one.ip_command(harm);
            let texts = repaired(&reconciler.sweep().unwrap());
            assert!(texts.contains(expected), "{harm}: '{expected}' is not in: {texts}");
            assert_eq!(reconciler.sweep().unwrap().actions, 0);
            assert!(one.reaches6(&two));
        };
        check("-6 route del default", "route default via fe80::1 missing in the guest: restored");
        check("addr del 2001:db8:7::40/64 dev eth0", "address 2001:db8:7::40/64 missing");
        check("addr add 2001:db8:7::77/64 dev eth0", "the guest's device has address 2001:db8:7::77/64: restored");
        check("link set eth0 down", "the guest's device is down");
        let listen = || std::fs::write("/proc/sys/net/ipv6/conf/eth0/accept_ra", "1").unwrap();
        one.netns().run(listen).unwrap();
        check("addr flush dev eth0 scope link", "takes routes from router advertisements");
    });
}

#[test]
fn b10_addresses_of_a_delegated_prefix_are_the_guests_own() {
    let host = Host::new(1);
    let (peer, mut guest) = (Guest::dual(0x50), Guest::dual(0x51));
    let net = "2001:db8:8::/80".parse().unwrap();
    guest.spec.prefixes.push(net);
    host.run(|| {
        let mut reconciler = host.reconciler();
        let mut entries = agent_support::entries(&[&peer, &guest]);
        entries.push((EntryKey::Route(SEGMENT, 0, net), Entry::Route(RouteSpec::Via(guest.ip6()))));
        reconciler.replace(pintle_agent::desired::Desired::new(1, entries)).unwrap();
        assert_eq!(reconciler.failures(), []);
        guest.ip_command("addr add 2001:db8:8::5/128 dev eth0 nodad");
        assert_eq!(reconciler.sweep().unwrap().drift, [], "it may have it");
        let own = "2001:db8:8::5".parse().unwrap();
        assert!(datagram((&peer, peer.ip6()), (&guest, own), 0), "routed to it");
        let drops = || reconciler.datapath().counters().drops().unwrap();
        assert!(datagram((&guest, own), (&peer, peer.ip6()), 0), "and no spoofed source: {:?}", drops());
        reconciler.change(2, Delta { put: vec![], removed: vec![EntryKey::Route(SEGMENT, 0, net)] }).unwrap();
        assert!(!datagram((&peer, peer.ip6()), (&guest, own), 0), "also for what was known as a flow before");
    });
}

#[test]
fn b12_a_namespace_with_ipv6_off_gets_it_for_its_interface() {
    let host = Host::new(1);
    let scratch = agent_support::Scratch::new("guest");
    let off = || std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
    scratch.namespace.run(off).unwrap();
    let (one, two) = (Guest { namespace: Namespace::Path(scratch.path()), ..Guest::dual(0x60) }, Guest::dual(0x61));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&one, &two])).unwrap();
        assert_eq!(reconciler.failures(), []);
        let (there, back) = (one.reaches6(&two), two.reaches6(&one));
        let in_one = |args: &str| agent_support::ip(&scratch.name, args);
        let state = || [in_one("-6 addr"), in_one("-6 route show table all"), in_one("-6 neigh")].concat();
        let drops = || reconciler.datapath().counters().drops().unwrap();
        assert!(there && back, "{there} {back} {:?}\n{}", drops(), state());
    });
}
