//! Devices: made with everything, read back the same, changed, deleted twice; a failure leaves nothing behind.

mod kernel_support;

use kernel_support::{Scratch, pair};
use nix::errno::Errno;
use pintle_agent::kernel::link::{
    self, DontFragment, VethEnd, VxlanSettings, VxlanSpec, create_veth, create_veths, create_vxlan,
};
use pintle_agent::kernel::{KernelError, addr, mtu, netns};

const HOST_MAC: [u8; 6] = [0x0a, 0, 0, 0, 0, 1];
const GUEST_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 7];

#[test]
fn a_veth_is_born_in_the_guest_with_everything_and_reads_back() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let (mut on_host, mut in_guest) = (host.netlink(), guest.netlink());
    let mut spec = pair("plt-h0", "eth1", &guest.namespace);
    spec.host = VethEnd { name: "plt-h0", mac: Some(HOST_MAC), index: Some(4711) };
    spec.guest = VethEnd { name: "eth1", mac: Some(GUEST_MAC), index: Some(815) };
    (spec.host_alias, spec.group) = ("eni-0f3a", 77);
    let made = create_veth(&mut on_host, &spec).unwrap();
    assert_eq!((made.host, made.guest), (4711, 815));
    let requests = [link::set_alias(made.guest, "eni-0f3a guest").unwrap(), link::up(made.guest)];
    assert_eq!(in_guest.change_all(&requests).unwrap(), 2);

    let end = link::get(&mut on_host, made.host).unwrap().unwrap();
    assert_eq!((end.name.as_str(), end.mac, end.mtu, end.group), ("plt-h0", Some(HOST_MAC), link::HOST_MTU, 77));
    assert_eq!((end.alias.as_deref(), end.kind.as_deref(), end.peer), (Some("eni-0f3a"), Some("veth"), Some(815)));
    assert!(!end.up && !end.carrier && end.peer_netns.is_some() && end.without_ipv6_addresses == Some(true));
    let end = link::get_named(&mut in_guest, "eth1").unwrap().unwrap();
    assert_eq!((end.index, end.mac, end.mtu, end.peer), (815, Some(GUEST_MAC), 1450, Some(4711)));
    assert!(end.up && !end.carrier && end.alias.as_deref() == Some("eni-0f3a guest"));

    let seen = host.ip("-d link show plt-h0");
    for part in ["mtu 65535", "0a:00:00:00:00:01", "alias eni-0f3a", "group 77", "addrgenmode none", "state DOWN"] {
        assert!(seen.contains(part), "'{part}' is missing in: {seen}");
    }
    assert!(guest.ip("link show eth1").contains("02:00:00:00:00:07"));
}

#[test]
fn deleting_one_end_removes_both_and_twice_is_no_error() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("h0", "eth1", &guest.namespace)).unwrap();
    assert!(netlink.change(&link::delete(made.host).unwrap()).unwrap());
    assert!(!netlink.change(&link::delete(made.host).unwrap()).unwrap());
    assert!(!netlink.change(&link::delete_named("h0").unwrap()).unwrap());
    assert!(host.devices().is_empty() && guest.devices().is_empty());
    assert_eq!(link::get(&mut netlink, made.host).unwrap(), None);
    assert_eq!(link::get_named(&mut netlink, "h0").unwrap(), None);
    assert_eq!(link::get(&mut netlink, 0).unwrap(), None);
    assert!(link::delete(0).is_err(), "index 0 would mean 'by name' to the kernel");
    let gone = netlink.change(&link::up(made.host)).unwrap_err();
    assert!(gone.is_gone(), "{gone}");
}

#[test]
fn a_name_taken_on_either_side_leaves_both_sides_as_they_were() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let mut netlink = host.netlink();
    let first =
        create_veth(&mut netlink, &link::VethSpec { host_alias: "mine", ..pair("h0", "eth1", &guest.namespace) });
    let before = link::get(&mut netlink, first.unwrap().host).unwrap();
    for (host_name, guest_name) in [("h0", "eth2"), ("h1", "eth1")] {
        let spec = link::VethSpec { host_alias: "thief", ..pair(host_name, guest_name, &guest.namespace) };
        let error = create_veth(&mut netlink, &spec).unwrap_err();
        assert!(error.is_taken() && error.to_string().contains(host_name), "{error}");
    }
    assert_eq!((host.devices(), guest.devices()), (vec!["h0".to_owned()], vec!["eth1".to_owned()]));
    assert_eq!(link::get_named(&mut netlink, "h0").unwrap(), before, "the user's device was touched");
}

#[test]
fn names_and_aliases_are_checked_before_the_kernel_is_asked() {
    let host = Scratch::new("h");
    let mut netlink = host.netlink();
    let long = "x".repeat(256);
    let outcomes = create_veths(
        &mut netlink,
        &[
            pair("veth%d", "g0", &host.namespace),
            pair("good", "g1", &host.namespace),
            link::VethSpec { host_alias: &long, ..pair("h2", "g2", &host.namespace) },
        ],
    );
    assert!(matches!(outcomes[0], Err(KernelError::Invalid { field: "device name", .. })), "{outcomes:?}");
    assert!(outcomes[1].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[2], Err(KernelError::Invalid { field: "device alias", .. })), "{outcomes:?}");
    let mut left = host.devices();
    left.sort();
    assert_eq!(left, ["g1", "good"]);
}

#[test]
fn the_host_end_gets_no_ipv6_address_even_where_the_mtu_rules_ipv6_out() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let (mut on_host, mut in_guest) = (host.netlink(), guest.netlink());
    let small = link::VethSpec { mtu: 600, ..pair("small", "eth2", &guest.namespace) };
    for spec in [pair("usual", "eth1", &guest.namespace), small] {
        let made = create_veth(&mut on_host, &spec).unwrap();
        in_guest.change(&link::up(made.guest)).unwrap();
        on_host.change(&link::up(made.host)).unwrap();
        assert!(link::get(&mut on_host, made.host).unwrap().unwrap().carrier);
        assert_eq!(host.ip(&format!("-6 addr show {}", spec.host.name)), "");
    }
    assert!(guest.ip("-6 addr show eth1").contains("fe80"), "the guest's end is the guest's business");
}

#[test]
fn a_device_is_renamed_changed_and_moved() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("h0", "eth1", &host.namespace)).unwrap();
    let changes = [
        link::rename(made.host, "h9").unwrap(),
        link::set_mac(made.host, HOST_MAC),
        link::set_mtu(made.host, 9000),
        link::set_group(made.host, 5),
        link::set_alias(made.host, "one").unwrap(),
        link::up(made.host),
    ];
    assert_eq!(netlink.change_all(&changes).unwrap(), changes.len());
    let end = link::get(&mut netlink, made.host).unwrap().unwrap();
    assert_eq!((end.name.as_str(), end.mac, end.mtu, end.group, end.up), ("h9", Some(HOST_MAC), 9000, 5, true));
    assert_eq!((end.peer, end.peer_netns), (Some(made.guest), None));
    assert_eq!(link::find_by_alias(&mut netlink, "on").unwrap(), [end]);
    netlink.change_all(&[link::set_alias(made.host, "").unwrap(), link::down(made.host)]).unwrap();
    assert!(link::find_by_alias(&mut netlink, "").unwrap().is_empty(), "an empty alias is none");

    link::move_to(&mut netlink, made.guest, &guest.namespace, "eth7").unwrap();
    assert_eq!((host.devices(), guest.devices()), (vec!["h9".to_owned()], vec!["eth7".to_owned()]));
}

#[test]
fn a_refusal_carries_the_kernels_explanation() {
    let host = Scratch::new("h");
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("h0", "h1", &host.namespace)).unwrap();
    let error = netlink.change(&link::set_mtu(made.host, 10)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL));
    assert!(error.to_string().contains("mtu less than device minimum"), "{error}");
}

#[test]
fn a_pipeline_goes_on_past_errors_and_reports_each() {
    let host = Scratch::new("h");
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("h0", "h1", &host.namespace)).unwrap();
    let before = netlink.writes();
    // More than fit one system call, with a failure in the middle of each hundred.
    let requests: Vec<_> = (0..1000).map(|i| link::up(if i % 100 == 50 { 999_999 } else { made.host })).collect();
    let outcomes = netlink.pipeline(&requests);
    assert_eq!(outcomes.len(), 1000);
    for (position, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), position % 100 == 50, "{position}: {outcome:?}");
    }
    assert_eq!(netlink.writes() - before, 1000);
    assert!(link::get(&mut netlink, made.host).unwrap().unwrap().up, "the socket is still in step");
}

#[test]
fn many_devices_are_made_in_bulk_and_listed_in_full() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    let mut netlink = host.netlink();
    let names: Vec<(String, String)> = (0..300).map(|i| (format!("h{i}"), format!("g{i}"))).collect();
    let alias = "a".repeat(255);
    let specs: Vec<_> =
        names.iter().map(|(h, g)| link::VethSpec { host_alias: &alias, ..pair(h, g, &guest.namespace) }).collect();
    let made: Vec<_> = create_veths(&mut netlink, &specs).into_iter().map(Result::unwrap).collect();
    let writes = netlink.writes();
    let links = link::find_by_alias(&mut netlink, &alias).unwrap();
    assert_eq!(links.len(), 300);
    for ((pair, link), (name, _)) in made.iter().zip(&links).zip(&names) {
        assert_eq!((link.index, link.peer, &link.name), (pair.host, Some(pair.guest), name));
    }
    assert_eq!(netlink.writes(), writes, "reading counts as no write");
}

#[test]
fn the_vxlan_device_reads_back_as_it_was_asked_for() {
    let host = Scratch::new("h");
    let mut netlink = host.netlink();
    let spec = VxlanSpec {
        name: "plt-vx",
        alias: "overlay",
        port: 4789,
        mtu: 8950,
        dont_fragment: DontFragment::Set,
        udp_checksum: false,
        group: 9,
    };
    let index = create_vxlan(&mut netlink, &spec).unwrap();
    let device = link::get(&mut netlink, index).unwrap().unwrap();
    let settings = VxlanSettings {
        port: 4789,
        external: true,
        learning: false,
        dont_fragment: DontFragment::Set,
        udp_checksum: false,
    };
    assert_eq!(device.vxlan, Some(settings));
    assert_eq!((device.mtu, device.group, device.alias.as_deref()), (8950, 9, Some("overlay")));
    assert!(!device.up && device.without_ipv6_addresses == Some(true));
    let seen = host.ip("-d link show plt-vx");
    for part in ["vxlan external", "dstport 4789", "nolearning", "df set", "udp6zerocsumtx", "udp6zerocsumrx"] {
        assert!(seen.contains(part), "'{part}' is missing in: {seen}");
    }
    let second = create_vxlan(&mut netlink, &VxlanSpec { name: "plt-vx2", ..spec }).unwrap_err();
    assert!(second.is_taken(), "{second}");
    assert_eq!(host.devices(), ["plt-vx"]);
    let other_port = VxlanSpec { name: "plt-vx2", port: 4790, udp_checksum: true, ..spec };
    let other = create_vxlan(&mut netlink, &other_port).unwrap();
    assert!(link::get(&mut netlink, other).unwrap().unwrap().vxlan.unwrap().udp_checksum);
}

#[test]
fn i09_the_underlay_is_the_one_device_with_the_vteps_address() {
    let host = Scratch::new("h");
    let mut netlink = host.netlink();
    let made = create_veth(&mut netlink, &pair("up0", "up1", &host.namespace)).unwrap();
    let address = |device| addr::Address { device, net: "192.0.2.1/24".parse().unwrap(), prefix_route: true };
    let vtep = "192.0.2.1".parse().unwrap();
    assert!(matches!(mtu::underlay_of(&mut netlink, vtep), Err(mtu::MtuError::NoDevice { .. })));

    netlink.change_all(&[link::set_mtu(made.host, 9000), addr::add(&address(made.host))]).unwrap();
    let underlay = mtu::underlay_of(&mut netlink, vtep).unwrap();
    assert_eq!((underlay.name.as_str(), underlay.mtu, underlay.loopback), ("up0", 9000, false));
    assert_eq!(mtu::guest_mtu(underlay.mtu).unwrap(), 8950);
    assert!(mtu::underlay_of(&mut netlink, "127.0.0.1".parse().unwrap()).unwrap().loopback);

    netlink.change(&addr::add(&address(made.guest))).unwrap();
    let text = mtu::underlay_of(&mut netlink, vtep).unwrap_err().to_string();
    assert!(text.contains("up0") && text.contains("up1"), "{text}");
}

#[test]
fn a_socket_stays_in_its_namespace_whichever_thread_uses_it() {
    let (host, guest) = (Scratch::new("h"), Scratch::new("g"));
    create_veth(&mut host.netlink(), &pair("h0", "eth1", &guest.namespace)).unwrap();
    let mut in_guest = guest.netlink();
    let seen = netns::run_in(&host.namespace, || link::get_named(&mut in_guest, "eth1").unwrap()).unwrap();
    assert!(seen.is_some());
}
