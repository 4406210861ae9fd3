//! Hosts: one name and one underlay address each, removed only when nothing runs there.

use pintle_core::Refusal;
use pintle_core::command::{Command, RegisterHost, UpdateVni};
use pintle_core::id::HostId;
use pintle_core::model::{Host, Instance, Vni};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{host, ip4, scene};
use crate::common::{World, says};

#[test]
fn a_host_that_comes_back_unchanged_writes_nothing() {
    let mut world = World::new();
    let id = HostId::new(&mut world.ids);
    let first: Host = world.run(Command::RegisterHost(host(id, 1, "zone-1")));
    let before = world.store.at();
    let again: Host = world.run(Command::RegisterHost(host(id, 1, "zone-1")));
    assert_eq!((again, world.store.at()), (first, before));
}

#[test]
fn a_host_may_come_back_with_another_name_address_and_mtu() {
    let mut world = World::new();
    let first = world.host(1, "zone-1");
    let change = RegisterHost { underlay_mtu: 9000, ..host(first.id, 9, "zone-2") };
    let changed: Host = world.run(Command::RegisterHost(change));
    assert_eq!((changed.vtep, changed.guest_mtu(), changed.created_at), (ip4("192.0.2.9"), 8950, first.created_at));
    assert_eq!((changed.name.as_str(), changed.zone.as_str()), ("host-9", "zone-2"));
    world.host(1, "zone-1");
}

#[test]
fn two_hosts_never_share_a_name_or_an_underlay_address() {
    let mut world = World::new();
    let first = world.host(1, "zone-1");
    let id = HostId::new(&mut world.ids);
    let second: Host = world.run(Command::RegisterHost(host(id, 2, "zone-1")));
    let third = HostId::new(&mut world.ids);
    for id in [second.id, third] {
        let name = RegisterHost { name: first.name.clone(), ..host(id, 2, "zone-1") };
        let refusal = world.refused(Command::RegisterHost(name));
        assert!(matches!(refusal, Refusal::NameTaken { noun: Noun::Host, .. }), "{refusal:?}");
        says(&refusal, &["'host-1'", &first.id.to_string()]);
        let number = if id == third { 3 } else { 2 };
        let vtep = RegisterHost { vtep: first.vtep, ..host(id, number, "zone-1") };
        says(&world.refused(Command::RegisterHost(vtep)), &["field 'vtep'", "192.0.2.1", &first.id.to_string()]);
    }
}

#[test]
fn an_underlay_that_cannot_carry_guests_is_refused() {
    let mut world = World::new();
    let id = HostId::new(&mut world.ids);
    for vtep in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"] {
        let bad = RegisterHost { vtep: ip4(vtep), ..host(id, 1, "zone-1") };
        says(&world.refused(Command::RegisterHost(bad)), &["field 'vtep'", vtep, "unicast"]);
    }
    let small = RegisterHost { underlay_mtu: 625, ..host(id, 1, "zone-1") };
    says(&world.refused(Command::RegisterHost(small)), &["field 'underlay_mtu'", "'625'", "at least 626"]);
    says(&world.refused(Command::RegisterHost(host(id, 1, "Zone"))), &["field 'zone'", "'Zone'"]);
    let enough = RegisterHost { underlay_mtu: 626, ..host(id, 1, "zone-1") };
    assert_eq!(world.run::<Host>(Command::RegisterHost(enough)).guest_mtu(), 576);
    let jumbo = RegisterHost { underlay_mtu: u16::MAX, ..host(id, 1, "zone-1") };
    assert_eq!(world.run::<Host>(Command::RegisterHost(jumbo)).guest_mtu(), 65485);
}

#[test]
fn a_host_with_instances_keeps_its_zone_and_stays() {
    let mut s = scene();
    let held = s.hosts[0];
    let instance = s.world.instance(s.vpc, held).id;
    let refusal = s.world.refused(Command::DeleteHost(held));
    assert!(matches!(&refusal, Refusal::InUse { noun: Noun::Host, holder: Holder::Instance(_), .. }), "{refusal:?}");
    says(&refusal, &[&held.to_string(), &instance.to_string(), "delete its instances first"]);
    let refusal = s.world.refused(Command::RegisterHost(host(held, 1, "zone-2")));
    says(&refusal, &[&held.to_string(), &instance.to_string(), "zone can't change"]);
    let moved: Host = s.world.run(Command::RegisterHost(host(held, 7, "zone-1")));
    assert_eq!(moved.vtep, ip4("192.0.2.7"), "the rest may change");

    s.world.delete_instance(instance);
    s.world.run::<Host>(Command::DeleteHost(held));
    assert_eq!(
        s.world.refused(Command::DeleteHost(held)),
        Refusal::NotFound { noun: Noun::Host, id: held.to_string() }
    );
    s.world.host(7, "zone-1");
}

/// A host that is gone for good never says that it has let go: removing its record is the operator's word for it.
#[test]
fn b16_removing_a_lost_host_frees_what_was_being_deleted_on_it() {
    let mut s = scene();
    let lost = s.hosts[0];
    let (kept, going) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let instance = s.world.instance_with(s.vpc, lost, kept).id;
    s.world.attach_now(instance, going);
    s.world.run::<Vni>(Command::UpdateVni(going, UpdateVni { auto_delete: Some(true), ..UpdateVni::default() }));
    says(&s.world.refused(Command::DeleteLostHost(lost)), &[&instance.to_string(), "delete its instances first"]);
    s.world.run::<Instance>(Command::DeleteInstance(instance));
    says(&s.world.refused(Command::DeleteHost(lost)), &[&instance.to_string()]);
    s.world.run::<Host>(Command::DeleteLostHost(lost));
    assert_eq!(s.world.find::<Instance>(instance), None);
    assert_eq!((s.world.get::<Vni>(kept).attachment, s.world.find::<Vni>(going)), (None, None));
    s.world.run::<Vni>(Command::DeleteVni(kept));
}
