//! Ports that use VLANs of another port's card: made, used, mended and removed with and without the card.

mod agent_support;

use std::net::{IpAddr, Ipv4Addr};

use agent_support::{GATEWAY, Guest, Host, SEGMENT, desired, entries, ip, put, repaired};
use pintle_agent::desired::{Delta, Desired};
use pintle_agent::reconcile::{Reconciler, port_device};
use pintle_core::DropReason;
use pintle_core::host_spec::{EndpointSpec, Entry, EntryKey, PortMode, PortNic};
use pintle_core::net::{GATEWAY_MAC, Mac};
use pintle_datapath::{PortFlags, VlanKey};
use pintle_probe::inject::{Injector, build};
use pintle_probe::{Namespace, VlanDevice};

const GATEWAY_8: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);

/// A bare metal server with a card and VLAN 100 of it, and a guest in the subnet of each. Its own system has a device for the VLAN
/// while there is a [`Scene::system`].
struct Scene {
    card: Guest,
    vlan: Guest,
    near: Guest,
    far: Guest,
}

/// A guest in the second subnet, as other guests are in the first.
fn in_second(number: u16) -> Guest {
    let mut guest = Guest::new(number);
    let [high, low] = number.to_be_bytes();
    guest.spec.addresses = vec![IpAddr::from([10, 8, high, low])];
    (guest.spec.subnet, guest.spec.gateway) = ("10.8.0.0/16".parse().unwrap(), GATEWAY_8);
    guest
}

impl Scene {
    fn new(number: u16) -> Scene {
        let (mut card, mut vlan) = (Guest::new(number), in_second(number + 1));
        card.spec.nic = PortNic::Card { trunk: true };
        vlan.spec.nic = PortNic::Vlan { card: card.attachment, id: 100 };
        (vlan.instance, vlan.spec.instance) = (card.instance, card.instance);
        (vlan.spec.device, vlan.spec.default_route) = (String::from("eth1"), false);
        Scene { card, vlan, near: Guest::new(number + 2), far: in_second(number + 3) }
    }

    fn all(&self) -> [&Guest; 4] {
        [&self.card, &self.vlan, &self.near, &self.far]
    }

    fn entries(&self, guests: &[&Guest]) -> Vec<(EntryKey, Entry)> {
        let mut entries = entries(guests);
        entries.push((EntryKey::Endpoint(SEGMENT, GATEWAY_8.into()), Entry::Endpoint(EndpointSpec::Gateway)));
        entries
    }

    fn desired(&self, revision: u64) -> Desired {
        Desired::new(revision, self.entries(&self.all()))
    }

    /// What the server's own system does with its card.
    fn system(&self) -> VlanDevice {
        let (guest, mac) = (self.card.instance.to_string(), self.vlan.spec.mac);
        let device = VlanDevice::start(&Namespace::named(&guest), "eth0", "eth0.100", 100).unwrap();
        ip(&guest, &format!("link set eth0.100 up address {mac} mtu 1450"));
        ip(&guest, &format!("addr add {}/16 dev eth0.100", self.vlan.ip()));
        device
    }

    fn talks(&self) {
        let _system = self.system();
        assert!(self.card.reaches(&self.near) && self.near.reaches(&self.card), "the card");
        assert!(self.vlan.reaches(&self.far) && self.far.reaches(&self.vlan), "the VLAN");
        assert!(self.card.ping(GATEWAY) && self.vlan.ping(GATEWAY_8), "the gateways");
    }
}

fn settled(number: u16, test: impl FnOnce(&Host, &mut Reconciler, &Scene) + Send) {
    let (host, scene) = (Host::new(1), Scene::new(number));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(scene.desired(1)).unwrap();
        assert_eq!(reconciler.failures(), []);
        test(&host, &mut reconciler, &scene);
    });
}

/// Sweeps once: what was found is what is expected, and is right now.
fn is_repaired(reconciler: &mut Reconciler, scene: &Scene, expected: &[&str]) {
    let texts = repaired(&reconciler.sweep().unwrap());
    for text in expected {
        assert!(texts.contains(text), "'{text}' is not in: {texts}");
    }
    assert_eq!(reconciler.failures(), []);
    let writes = reconciler.writes();
    assert_eq!(reconciler.sweep().unwrap().actions, 0);
    assert_eq!(reconciler.writes(), writes);
    scene.talks();
}

#[test]
fn f08_a_vlan_is_made_beside_its_card_whichever_comes_first() {
    for (number, later) in [(10, false), (20, true)] {
        let (host, scene) = (Host::new(1), Scene::new(number));
        host.run(|| {
            let mut reconciler = host.reconciler();
            let first = if later { vec![&scene.card, &scene.near] } else { scene.all().to_vec() };
            reconciler.replace(Desired::new(1, scene.entries(&first))).unwrap();
            reconciler.change(2, put(scene.entries(&scene.all()))).unwrap();
            assert_eq!(reconciler.failures(), []);
            scene.talks();
            // Nothing stands for it on the host but entries, and its device in the guest is not ours.
            assert!(!host.devices().contains(&port_device(scene.vlan.attachment)));
            let again = reconciler.replace(scene.desired(3)).unwrap();
            let writes = reconciler.writes();
            let swept = reconciler.sweep().unwrap();
            let touched = reconciler.change(4, put(scene.entries(&scene.all()))).unwrap();
            assert_eq!((again.actions, swept.actions, touched.actions), (0, 0, 0));
            assert_eq!(reconciler.writes(), writes);
        });
    }
}

#[test]
fn f08_a_restart_writes_nothing_and_a_removed_vlan_leaves_nothing() {
    settled(30, |host, reconciler, scene| {
        let mut second = host.reconciler();
        let before = second.writes();
        assert_eq!(second.replace(scene.desired(1)).unwrap().actions, 0);
        assert_eq!(second.writes(), before);
        let removed: Vec<EntryKey> = scene
            .vlan
            .entries()
            .into_iter()
            .skip(1)
            .map(|(key, _)| key)
            .filter(|key| *key != instance(scene))
            .collect();
        second.change(2, Delta { put: Vec::new(), removed }).unwrap();
        assert_eq!(second.failures(), []);
        let datapath = second.datapath();
        assert_eq!(datapath.vlans().entries().unwrap(), []);
        assert_eq!(datapath.ports().entries().unwrap().len(), 3);
        assert!(scene.card.reaches(&scene.near));
        assert_eq!(second.sweep().unwrap().actions, 0);
        // The whole server goes at once.
        second.replace(scene.desired(3)).unwrap();
        scene.talks();
        second.replace(desired(4, &[&scene.near])).unwrap();
        assert_eq!(second.failures(), []);
        assert_eq!(second.datapath().vlans().entries().unwrap(), []);
        assert_eq!(second.datapath().ports().entries().unwrap().len(), 1);
        let _ = reconciler;
    });
}

fn instance(scene: &Scene) -> EntryKey {
    EntryKey::Instance(scene.card.instance)
}

#[test]
fn r02_f08_what_somebody_does_to_a_vlan_is_repaired() {
    settled(50, |host, reconciler, scene| {
        let key = vlan_key(reconciler);
        reconciler.datapath().vlans().delete(&key).unwrap();
        is_repaired(reconciler, scene, &["is not there: restored", "entries for device"]);
        let row = reconciler.datapath().vlans().get(&vlan_key(reconciler)).unwrap().unwrap();
        reconciler.datapath().ports().delete(&row.port).unwrap();
        is_repaired(reconciler, scene, &["is not VLAN 100 of the card"]);
        let stray = VlanKey { ifindex: 4_000_000, vlan: 100 };
        let row = reconciler.datapath().vlans().get(&vlan_key(reconciler)).unwrap().unwrap();
        reconciler.datapath().vlans().put(&stray, &row).unwrap();
        is_repaired(reconciler, scene, &["VLAN 100 of device 4000000, which is no port's"]);
        // With the card's device everything on it goes, and comes back.
        ip(&host.scratch.name, &format!("link del {}", port_device(scene.card.attachment)));
        is_repaired(reconciler, scene, &["has no device: restored", "is not VLAN 100 of the card"]);
    });
}

fn vlan_key(reconciler: &Reconciler) -> VlanKey {
    reconciler.datapath().vlans().entries().unwrap()[0].0
}

#[test]
fn f08_other_tags_and_foreign_addresses_are_counted_where_they_belong() {
    settled(60, |host, reconciler, scene| {
        let guest = Namespace::named(&scene.card.instance.to_string());
        let mut injector = Injector::open(&guest, "eth0").unwrap();
        let dropped = |slot: u32, reason| reconciler.datapath().counters().dropped(slot, reason).unwrap();
        let slot = |of: &Guest| {
            let rows = reconciler.datapath().ports().entries().unwrap();
            rows.into_iter().find(|(_, row)| row.vni == of.spec.vni.to_string()).unwrap().1.slot
        };
        let (card, vlan) = (slot(&scene.card), slot(&scene.vlan));
        let mut send = |source: Mac, tag: Option<u16>| {
            let packet = build::udp(([10, 8, 0, 61].into(), 1), ([10, 8, 0, 63].into(), 7), b"x");
            let frame = build::ethernet(source.0, GATEWAY_MAC.0, 0x0800, &packet);
            let frame = tag.map_or(frame.clone(), |id| build::vlan(&frame, 0x8100, id));
            injector.send(&frame).unwrap();
        };
        send(scene.vlan.spec.mac, None);
        assert_eq!(dropped(card, DropReason::SpoofedSrcMac), 1);
        send(scene.vlan.spec.mac, Some(101));
        assert_eq!(dropped(card, DropReason::VlanNotAllowed), 1);
        send(scene.card.spec.mac, Some(100));
        assert_eq!(dropped(vlan, DropReason::SpoofedSrcMac), 1);
        let _ = host;
    });
}

#[test]
fn f08_f16_a_vlan_is_prepared_and_fenced_like_any_port() {
    settled(80, |_, reconciler, scene| {
        let with = |mode: PortMode, generation: u32| {
            let mut vlan = scene.vlan.clone();
            (vlan.spec.mode, vlan.spec.generation) = (mode, generation);
            put(vec![vlan.port_entry()])
        };
        reconciler.change(2, with(PortMode::Fenced, 1)).unwrap();
        let system = scene.system();
        assert!(!scene.vlan.reaches(&scene.far) && scene.card.reaches(&scene.near));
        drop(system);
        let row = reconciler.datapath().vlans().get(&vlan_key(reconciler)).unwrap().unwrap();
        let port = reconciler.datapath().ports().get(&row.port).unwrap().unwrap();
        assert!(!port.flags.contains(PortFlags::ACTIVE));
        reconciler.change(3, with(PortMode::Active, 2)).unwrap();
        assert_eq!(reconciler.failures(), []);
        let named = reconciler.datapath().vlans().get(&vlan_key(reconciler)).unwrap().unwrap();
        assert_eq!((named.port, named.generation), (row.port, 2), "the same port, of another generation");
        scene.talks();
        assert_eq!(reconciler.sweep().unwrap().actions, 0);
    });
}

#[test]
fn f08_a_vlan_without_its_card_says_so() {
    let (host, scene) = (Host::new(1), Scene::new(90));
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(Desired::new(1, scene.entries(&[&scene.vlan, &scene.far]))).unwrap();
        let [failure] = &reconciler.failures()[..] else { panic!("{:?}", reconciler.failures()) };
        assert_eq!(failure.key, scene.vlan.port_key());
        assert!(failure.message.contains("is not one of its instance here"), "{}", failure.message);
        reconciler.change(2, put(scene.entries(&scene.all()))).unwrap();
        assert_eq!(reconciler.failures(), []);
        scene.talks();
    });
}
