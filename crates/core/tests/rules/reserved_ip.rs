//! Reserved IPs: one holder at a time, named whenever it is in the way.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateReservedIp, CreateVni, IpChoice, UpdateReservedIp};
use pintle_core::model::{ReservedIp, Vni};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{ip, reservation, scene, vni};
use crate::common::says;

fn reserved(ip: &ReservedIp) -> IpChoice {
    IpChoice::Reserved(ip.id)
}

#[test]
fn b02_an_unbound_reservation_becomes_a_primary_address_and_names_the_subnet() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.50");
    let create = CreateVni { primary_ip: reserved(&kept), ..CreateVni::default() };
    let vni: Vni = s.world.run(Command::CreateVni(create));
    assert_eq!((vni.subnet, vni.primary_ip()), (s.subnet, kept.id));
    assert_eq!(s.world.get::<ReservedIp>(kept.id).bound_to, Some(vni.id));

    s.world.run::<Vni>(Command::DeleteVni(vni.id));
    assert_eq!(s.world.get::<ReservedIp>(kept.id), kept, "it outlives the interface, unbound");
}

#[test]
fn b17_a_reservation_that_is_bound_elsewhere_names_its_holder() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.50");
    let holder = s.world.vni(s.subnet);
    s.world.run::<ReservedIp>(Command::AddVniIp(holder.id, reserved(&kept)));
    let other = s.world.vni(s.subnet);
    let expected = Refusal::ReservedIpBound { id: kept.id, address: ip("10.0.0.50"), holder: Holder::Vni(holder.id) };
    for command in [
        Command::AddVniIp(other.id, reserved(&kept)),
        Command::CreateVni(CreateVni { primary_ip: reserved(&kept), ..vni(s.subnet) }),
        Command::CreateVni(CreateVni { ips: vec![reserved(&kept)], ..vni(s.subnet) }),
    ] {
        assert_eq!(s.world.refused(command), expected);
    }
    says(&expected, &[&kept.id.to_string(), "10.0.0.50", &holder.id.to_string()]);
    let refusal = s.world.refused(Command::DeleteReservedIp(kept.id));
    assert!(matches!(refusal, Refusal::InUse { noun: Noun::ReservedIp, holder: Holder::Vni(_), .. }), "{refusal:?}");
    says(&refusal, &[&kept.id.to_string(), &holder.id.to_string(), "remove it from the interface first"]);
}

#[test]
fn adding_a_reservation_that_the_interface_has_already_changes_nothing() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.50");
    let vni = s.world.vni(s.subnet).id;
    let first: ReservedIp = s.world.run(Command::AddVniIp(vni, reserved(&kept)));
    let again: ReservedIp = s.world.run(Command::AddVniIp(vni, reserved(&kept)));
    assert_eq!(first, again);
    assert_eq!(s.world.get::<Vni>(vni).ips.len(), 2);
}

#[test]
fn b17_one_reservation_cannot_be_named_twice_in_one_request() {
    let mut s = scene();
    let kept = s.world.reserve(s.subnet, "10.0.0.50");
    let create = CreateVni { primary_ip: reserved(&kept), ips: vec![reserved(&kept)], ..vni(s.subnet) };
    assert!(matches!(s.world.refused(Command::CreateVni(create)), Refusal::ReservedIpBound { .. }));
}

#[test]
fn b04_a_reservation_of_another_subnet_is_refused() {
    let mut s = scene();
    let elsewhere = s.world.subnet(s.vpc, "10.0.1.0/24").id;
    let kept = s.world.reserve(elsewhere, "10.0.1.50");
    let holder = s.world.vni(s.subnet).id;
    for command in [
        Command::AddVniIp(holder, reserved(&kept)),
        Command::CreateVni(CreateVni { primary_ip: reserved(&kept), ..vni(s.subnet) }),
        Command::CreateVni(CreateVni { ips: vec![reserved(&kept)], ..vni(s.subnet) }),
    ] {
        let refusal = s.world.refused(command);
        says(&refusal, &["field 'ip'", &kept.id.to_string(), &elsewhere.to_string(), &s.subnet.to_string()]);
    }
    let target = CreateReservedIp { target: Some(holder), ..reservation(elsewhere, None) };
    let refusal = s.world.refused(Command::CreateReservedIp(target));
    says(&refusal, &["field 'ip'", &holder.to_string(), &elsewhere.to_string(), &s.subnet.to_string()]);
}

#[test]
fn a_reservation_made_for_a_target_is_bound_at_once() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let create = CreateReservedIp { target: Some(vni), auto_delete: true, ..reservation(s.subnet, Some("10.0.0.9")) };
    let bound: ReservedIp = s.world.run(Command::CreateReservedIp(create));
    assert_eq!((bound.bound_to, bound.auto_delete), (Some(vni), true));
    assert_eq!(s.world.get::<Vni>(vni).ips[1], bound.id);
    s.world.run::<ReservedIp>(Command::RemoveVniIp(vni, bound.id));
    assert_eq!(s.world.find::<ReservedIp>(bound.id), None, "it goes when its interface lets go of it");
}

#[test]
fn auto_delete_needs_somebody_to_let_go() {
    let mut s = scene();
    let create = CreateReservedIp { auto_delete: true, ..reservation(s.subnet, None) };
    says(&s.world.refused(Command::CreateReservedIp(create)), &["field 'auto_delete'", "'true'", "bound to nothing"]);
    let kept = s.world.reserve(s.subnet, "10.0.0.50");
    let update = UpdateReservedIp { auto_delete: Some(true), ..UpdateReservedIp::default() };
    let refusal = s.world.refused(Command::UpdateReservedIp(kept.id, update.clone()));
    says(&refusal, &["field 'auto_delete'", "'true'", "bound to nothing"]);

    let vni = s.world.vni(s.subnet).id;
    s.world.run::<ReservedIp>(Command::AddVniIp(vni, reserved(&kept)));
    let updated: ReservedIp = s.world.run(Command::UpdateReservedIp(kept.id, update));
    assert!(updated.auto_delete);
    s.world.run::<Vni>(Command::DeleteVni(vni));
    assert_eq!(s.world.find::<ReservedIp>(kept.id), None);
}
