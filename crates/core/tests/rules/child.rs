//! Child interfaces: parts of their instance, with one address, and nothing that only an interface of its own can do.

use pintle_core::Refusal;
use pintle_core::command::{
    Command, CreateFloatingIp, CreateInstance, CreatePublicPool, CreateReservedIp, CreateVni, CreateVniPermission,
    FloatingIpChoice, NewAttachment, PrefixChoice, UpdateChild, UpdateSubnet, UpdateVni, VniChoice,
};
use pintle_core::id::{AttachmentId, InstanceId, VniId};
use pintle_core::legality::Manner;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{
    Attachment, FloatingIp, Instance, InterfaceStyle, IpFamily, ProtocolStateFiltering, PublicPool, ReservedIp, Subnet,
    Vni, VniUse,
};

use crate::common::build::{Scene, at, auto, existing, group, instance, net, new, reservation, scene, vni, with_ipv6};
use crate::common::says;

fn child(create: CreateVni) -> NewAttachment {
    NewAttachment::of(VniChoice::Child(Box::new(create)))
}

fn children(s: &Scene, primary: CreateVni) -> CreateInstance {
    let primary = Some(child(primary));
    CreateInstance { style: InterfaceStyle::Children, primary, ..instance(s.vpc, s.hosts[0]) }
}

/// An instance with a primary child and a second one, both realised.
struct Home {
    id: InstanceId,
    primary: (AttachmentId, VniId),
    second: (AttachmentId, VniId),
}

fn home(s: &mut Scene) -> Home {
    let create = children(s, vni(s.subnet));
    let id = s.world.run::<Instance>(Command::CreateInstance(create)).id;
    s.world.run::<Attachment>(Command::Attach(id, child(vni(s.subnet))));
    let mut all: Vec<Attachment> = s.world.all::<Attachment>().into_iter().filter(|one| one.instance == id).collect();
    all.sort_by_key(|attachment| attachment.index);
    for attachment in &all {
        s.world.realise(attachment.id);
    }
    let of = |attachment: &Attachment| (attachment.id, attachment.vni);
    Home { id, primary: of(&all[0]), second: of(&all[1]) }
}

#[track_caller]
fn refused_as_child(s: &mut Scene, command: Command, words: &str) {
    let refusal = s.world.refused(command);
    assert!(matches!(refusal, Refusal::ChildInterface { .. }), "{refusal:?}");
    says(&refusal, &["is a child network interface of its instance", words]);
}

#[test]
fn a11_children_can_be_created_and_have_no_secondary_addresses_in_any_way() {
    let mut s = scene();
    let home = home(&mut s);
    let (_, second) = home.second;
    let spare = s.world.vni(s.subnet).id;
    let two = CreateVni { ips: vec![auto()], ..vni(s.subnet) };
    for refusal in [
        s.world.refused(Command::Attach(home.id, child(two.clone()))),
        s.world.refused(Command::CreateInstance(children(&s, two))),
    ] {
        assert!(matches!(refusal, Refusal::Invalid { field: "ips", .. }), "{refusal:?}");
        says(&refusal, &["has one address", "virtual network interfaces"]);
    }
    let ip = s.world.run::<ReservedIp>(Command::AddVniIp(spare, auto()));
    let bound = CreateReservedIp { target: Some(second), ..reservation(s.subnet, None) };
    for command in [
        Command::AddVniIp(second, auto()),
        Command::MoveVniIp(ip.id, second),
        Command::TakeVniIp(second, ip.address),
        Command::TakeVniIp(second, "10.0.0.99".parse().unwrap()),
        Command::AddVniPrefix(second, PrefixChoice::Auto(IpFamily::V4)),
        Command::CreateReservedIp(bound),
    ] {
        refused_as_child(
            &mut s,
            command,
            "secondary addresses and delegated networks are for virtual network interfaces",
        );
    }
}

#[test]
fn a11_a_subnet_that_gives_each_interface_an_ipv6_address_gives_children_none() {
    let mut s = scene();
    with_ipv6(&mut s.world, s.vpc, s.subnet);
    let update = UpdateSubnet { auto_assign_ipv6: Some(true), ..UpdateSubnet::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, update));
    let home = home(&mut s);
    assert_eq!(s.world.get::<Vni>(home.second.1).ips.len(), 1);
    assert_eq!(s.world.vni(s.subnet).ips.len(), 2);
}

#[test]
fn a12_an_instance_takes_only_the_kind_of_interface_that_it_was_created_with() {
    let mut s = scene();
    let old = home(&mut s).id;
    let modern = s.world.instance(s.vpc, s.hosts[0]).id;
    let spare = s.world.vni(s.subnet).id;
    for attachment in [existing(spare), new(vni(s.subnet))] {
        let refusal = s.world.refused(Command::Attach(old, attachment));
        assert!(matches!(refusal, Refusal::InterfaceStyle { style: InterfaceStyle::Children, .. }), "{refusal:?}");
        says(&refusal, &[&old.to_string(), "has child network interfaces", "add a child network interface instead"]);
    }
    let refusal = s.world.refused(Command::Attach(modern, child(vni(s.subnet))));
    assert!(matches!(refusal, Refusal::InterfaceStyle { style: InterfaceStyle::Attachments, .. }), "{refusal:?}");
    says(&refusal, &[&modern.to_string(), "has network attachments", "virtual network interface instead"]);
    // Nor from the start, in either order.
    let mixed = CreateInstance { attachments: vec![existing(spare)], ..children(&s, vni(s.subnet)) };
    assert!(matches!(s.world.refused(Command::CreateInstance(mixed)), Refusal::InterfaceStyle { .. }));
    let primary = Some(existing(spare));
    let mixed = CreateInstance { primary, attachments: vec![child(vni(s.subnet))], ..instance(s.vpc, s.hosts[0]) };
    assert!(matches!(s.world.refused(Command::CreateInstance(mixed)), Refusal::InterfaceStyle { .. }));
    // In one subnet there are both, and nothing moves from the one to the other.
    s.world.attach_now(modern, spare);
    let refusal = s.world.refused(Command::MoveVni { vni: spare, to: old, nic: None });
    assert!(matches!(refusal, Refusal::InterfaceStyle { style: InterfaceStyle::Children, .. }), "{refusal:?}");
}

#[test]
fn e07_what_a_virtual_network_interface_chooses_a_child_has_as_it_is() {
    let mut s = scene();
    let home = home(&mut s);
    let (_, second) = home.second;
    let filtering = Some(ProtocolStateFiltering::Disabled);
    for (field, create, update) in [
        (
            "protocol_state_filtering",
            CreateVni { protocol_state_filtering: filtering, ..vni(s.subnet) },
            UpdateVni { protocol_state_filtering: filtering, ..UpdateVni::default() },
        ),
        (
            "enable_infrastructure_nat",
            CreateVni { enable_infrastructure_nat: Some(false), ..vni(s.subnet) },
            UpdateVni { enable_infrastructure_nat: Some(false), ..UpdateVni::default() },
        ),
        (
            "auto_delete",
            CreateVni { auto_delete: Some(false), ..vni(s.subnet) },
            UpdateVni { auto_delete: Some(false), ..UpdateVni::default() },
        ),
    ] {
        for command in [Command::Attach(home.id, child(create)), Command::UpdateVni(second, update)] {
            let refusal = s.world.refused(command);
            assert!(matches!(refusal, Refusal::Invalid { field: found, .. } if found == field), "{refusal:?}");
        }
    }
    assert_eq!(s.world.get::<Vni>(second).protocol_state_filtering, ProtocolStateFiltering::Auto);
}

#[test]
fn a11_a_child_has_no_life_without_its_instance() {
    let mut s = scene();
    let Home { id, primary, second } = home(&mut s);
    let other = s.world.instance(s.vpc, s.hosts[1]).id;
    refused_as_child(&mut s, Command::MoveVni { vni: second.1, to: other, nic: None }, "can't be moved");
    refused_as_child(&mut s, Command::Attach(other, existing(second.1)), "can't be attached to anything else");
    refused_as_child(&mut s, Command::DeleteVni(second.1), "goes with its instance");
    for force in [false, true] {
        refused_as_child(&mut s, Command::Detach { attachment: second.0, force }, "can't be detached");
    }
    let account = "222222222222".parse().unwrap();
    let lend = CreateVniPermission { vni: second.1, account, allows: VniUse::Attach };
    refused_as_child(&mut s, Command::CreateVniPermission(lend), "can't be lent");
    assert!(matches!(s.world.refused(Command::DeleteChild(primary.0)), Refusal::PrimaryAttachment { .. }));
    let deleted = s.world.run::<Attachment>(Command::DeleteChild(second.0));
    assert_eq!(deleted.lifecycle, Lifecycle::Deleting);
    s.world.hosts_let_go();
    assert!(s.world.find::<Vni>(second.1).is_none(), "it goes for good");
    s.world.run::<Instance>(Command::DeleteInstance(id));
    s.world.hosts_let_go();
    assert!(s.world.find::<Vni>(primary.1).is_none());
    assert!(s.world.all::<Vni>().is_empty());
}

#[test]
fn a11_a_child_is_changed_by_its_attachment_and_one_that_stands_for_it_is_not() {
    let mut s = scene();
    let home = home(&mut s);
    let (attachment, second) = home.second;
    let update = UpdateChild { name: Some("other".to_owned()), allow_ip_spoofing: Some(true) };
    assert_eq!(s.world.run::<Attachment>(Command::UpdateChild(attachment, update.clone())).name, "other");
    assert!(s.world.get::<Vni>(second).allow_ip_spoofing);
    let taken = UpdateChild { allow_ip_spoofing: Some(false), ..update.clone() };
    let refusal = s.world.refused(Command::UpdateChild(home.primary.0, taken));
    assert!(matches!(refusal, Refusal::NameTaken { .. }), "a name is unique within the instance: {refusal:?}");
    let vni = s.world.vni(s.subnet).id;
    let modern = s.world.instance(s.vpc, s.hosts[0]).id;
    let shown = s.world.attach_now(modern, vni).id;
    for (command, words) in [
        (Command::UpdateChild(shown, update), "change it or its virtual network interface instead"),
        (Command::UpdateChild(shown, UpdateChild::default()), "to be read only"),
        (Command::DeleteChild(shown), "delete the network attachment instead"),
    ] {
        let refusal = s.world.refused(command);
        assert!(matches!(refusal, Refusal::InterfaceStyle { style: InterfaceStyle::Attachments, .. }), "{refusal:?}");
        says(&refusal, &[&modern.to_string(), words]);
    }
}

#[test]
fn a11_groups_and_floating_ips_are_a_child_s_as_any_other_interface_s() {
    let mut s = scene();
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("198.51.100.0/30")] };
    s.world.run::<PublicPool>(Command::CreatePublicPool(pool));
    let groups = vec![group(&mut s.world, s.vpc, Vec::new())];
    let create = CreateVni { primary_ip: at("10.0.0.50"), security_groups: groups.clone(), ..vni(s.subnet) };
    let create = children(&s, create);
    let id = s.world.run::<Instance>(Command::CreateInstance(create)).id;
    let child = s.world.all::<Vni>().pop().unwrap();
    assert_eq!(child.security_groups, groups);
    let target = Some(FloatingIpChoice { vni: child.id, ip: None, manner: Manner::PerInterface });
    let create = CreateFloatingIp { name: None, zone: None, address: None, target };
    let floating = s.world.run::<FloatingIp>(Command::CreateFloatingIp(create));
    s.world.run::<Instance>(Command::DeleteInstance(id));
    s.world.hosts_let_go();
    assert_eq!(s.world.get::<FloatingIp>(floating.id).target, None, "it stays, and leads nowhere");
}
