//! Interfaces: objects of their own, with a primary address always and at most eight.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVni, UpdateVni};
use pintle_core::id::{ReservedIpId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{ProtocolStateFiltering, ReservedIp, Subnet, Vni};
use pintle_core::refusal::{Holder, Noun};

use crate::common::build::{at, auto, new, scene, vni};
use crate::common::says;

#[test]
fn a01_an_interface_exists_with_no_target() {
    let mut s = scene();
    let made = s.world.vni(s.subnet);
    let subnet: Subnet = s.world.get(s.subnet);
    assert_eq!((made.vpc, made.subnet, &made.zone), (s.vpc, s.subnet, &subnet.zone));
    assert_eq!((made.attachment, made.generation, made.lifecycle), (None, 0, Lifecycle::Stable));
    assert_eq!(made.created_at, s.world.now);
    assert!(!made.allow_ip_spoofing && !made.auto_delete && made.enable_infrastructure_nat);
    assert_eq!(made.protocol_state_filtering, ProtocolStateFiltering::Auto);
    assert_eq!(s.world.get::<Vni>(made.id), made);
    let missing = s.world.refused(Command::CreateVni(CreateVni::default()));
    says(&missing, &["field 'subnet'", "it is needed unless primary_ip is an existing reserved IP"]);
}

#[test]
fn every_interface_has_a_mac_of_its_own_for_life() {
    let mut s = scene();
    let made: Vec<Vni> = (0..20).map(|_| s.world.vni(s.subnet)).collect();
    for (position, one) in made.iter().enumerate() {
        assert_eq!(one.mac.0[0], 0x02, "locally administered, unicast");
        assert!(made[..position].iter().all(|other| other.mac != one.mac));
    }
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.attach_now(instance, made[0].id);
    assert_eq!(s.world.get::<Vni>(made[0].id).mac, made[0].mac);
}

#[test]
fn a05_auto_delete_is_false_while_nothing_is_attached() {
    let mut s = scene();
    let free = s.world.vni(s.subnet).id;
    let update = UpdateVni { auto_delete: Some(true), ..UpdateVni::default() };
    for command in [
        Command::CreateVni(CreateVni { auto_delete: Some(true), ..vni(s.subnet) }),
        Command::UpdateVni(free, update.clone()),
    ] {
        says(&s.world.refused(command), &["field 'auto_delete'", "'true'", "not attached"]);
    }
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment = s.world.attach_now(instance, free);
    assert!(s.world.run::<Vni>(Command::UpdateVni(free, update)).auto_delete);
    s.world.detach(attachment.id);
    s.world.hosts_let_go();
    assert!(!s.world.get::<Vni>(free).auto_delete, "unbound again, so false again");
}

#[test]
fn b15_eight_addresses_and_no_more() {
    let mut s = scene();
    let create = CreateVni { ips: vec![auto(); 7], ..vni(s.subnet) };
    let full: Vni = s.world.run(Command::CreateVni(create));
    assert_eq!(full.ips.len(), 8);
    let refusal = s.world.refused(Command::AddVniIp(full.id, auto()));
    assert!(matches!(refusal, Refusal::Limit { limit: 8, .. }), "{refusal:?}");
    says(&refusal, &[&full.id.to_string(), "addresses", "the limit is 8"]);
    let create = CreateVni { ips: vec![auto(); 8], ..vni(s.subnet) };
    says(&s.world.refused(Command::CreateVni(create)), &["field 'ips'", "the limit is 8"]);
    s.world.run::<ReservedIp>(Command::RemoveVniIp(full.id, full.ips[3]));
    s.world.run::<ReservedIp>(Command::AddVniIp(full.id, auto()));
}

#[test]
fn b07_the_primary_address_stays_with_its_interface() {
    let mut s = scene();
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![at("10.0.0.50")], ..vni(s.subnet) }));
    let refusal = s.world.refused(Command::RemoveVniIp(made.id, made.primary_ip()));
    assert!(matches!(refusal, Refusal::InUse { noun: Noun::ReservedIp, holder: Holder::Vni(_), .. }), "{refusal:?}");
    says(&refusal, &[&made.primary_ip().to_string(), &made.id.to_string(), "primary address stays"]);

    let secondary = made.ips[1];
    s.world.run::<ReservedIp>(Command::RemoveVniIp(made.id, secondary));
    let other = s.world.vni(s.subnet).id;
    s.world.run::<ReservedIp>(Command::AddVniIp(other, at("10.0.0.50")));
    let refusal = s.world.refused(Command::RemoveVniIp(made.id, secondary));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::ReservedIp, id: secondary.to_string() });
}

#[test]
fn an_interface_cannot_give_away_what_is_not_its_own() {
    let mut s = scene();
    let (one, two) = (s.world.vni(s.subnet), s.world.vni(s.subnet));
    let nobody = ReservedIpId::new(&mut s.world.ids);
    for stranger in [two.primary_ip(), nobody] {
        let refusal = s.world.refused(Command::RemoveVniIp(one.id, stranger));
        assert_eq!(refusal, Refusal::NotFound { noun: Noun::ReservedIp, id: stranger.to_string() });
    }
}

#[test]
fn c06_an_attached_interface_needs_infrastructure_nat() {
    let mut s = scene();
    let create = CreateVni { enable_infrastructure_nat: Some(false), ..vni(s.subnet) };
    let free: Vni = s.world.run(Command::CreateVni(create.clone()));
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    let attached = s.world.vni(s.subnet).id;
    s.world.attach(instance, attached);
    let off = UpdateVni { enable_infrastructure_nat: Some(false), ..UpdateVni::default() };
    for command in [
        Command::Attach(instance, crate::common::build::existing(free.id)),
        Command::Attach(instance, new(create)),
        Command::UpdateVni(attached, off),
    ] {
        says(&s.world.refused(command), &["field 'enable_infrastructure_nat'", "'false'", "must be true"]);
    }
}

#[test]
fn a30_an_attached_interface_cannot_be_deleted_until_the_host_has_let_go() {
    let mut s = scene();
    let held = s.world.vni(s.subnet).id;
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment = s.world.attach_now(instance, held).id;
    let refusal = s.world.refused(Command::DeleteVni(held));
    let holder = Holder::Attachment(attachment);
    let remedy = "detach it first";
    assert_eq!(refusal, Refusal::InUse { noun: Noun::Vni, id: held.to_string(), holder, remedy });
    says(&refusal, &[&held.to_string(), &attachment.to_string(), remedy]);
    s.world.detach(attachment);
    assert!(matches!(s.world.refused(Command::DeleteVni(held)), Refusal::InUse { .. }), "it is still there");
    s.world.done(Command::AttachmentGone(attachment));
    s.world.run::<Vni>(Command::DeleteVni(held));
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let mut s = scene();
    let nobody = VniId::new(&mut s.world.ids);
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    for command in [
        Command::DeleteVni(nobody),
        Command::UpdateVni(nobody, UpdateVni::default()),
        Command::AddVniIp(nobody, auto()),
        Command::Attach(instance, crate::common::build::existing(nobody)),
        Command::MoveVni { vni: nobody, to: instance, nic: None },
    ] {
        assert_eq!(s.world.refused(command), Refusal::NotFound { noun: Noun::Vni, id: nobody.to_string() });
    }
}
