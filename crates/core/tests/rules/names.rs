//! Names: one rule of spelling, unique within a scope, given back when they are given up.

use pintle_core::command::{
    Command, CreateInstance, CreateReservedIp, CreateVni, CreateVpc, IpChoice, UpdateReservedIp, UpdateVni,
};
use pintle_core::model::{Attachment, Instance, IpFamily, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::{Refusal, Request, Unnamed};

use crate::common::build::{Scene, auto, existing, instance, reservation, scene, vni};
use crate::common::{Seeded, says};

fn name(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn named_vni(s: &Scene, text: &str) -> Command {
    Command::CreateVni(CreateVni { name: name(text), ..vni(s.subnet) })
}

fn rename_vni(vni: &Vni, text: &str) -> Command {
    Command::UpdateVni(vni.id, UpdateVni { name: name(text), ..UpdateVni::default() })
}

#[test]
fn a_name_is_taken_until_it_is_given_up() {
    let mut s = scene();
    let one: Vni = s.world.run(named_vni(&s, "web"));
    let refusal = s.world.refused(named_vni(&s, "web"));
    says(&refusal, &["virtual network interface", "'web'", &one.id.to_string(), "unique within their VPC"]);
    assert!(matches!(refusal, Refusal::NameTaken { noun: Noun::Vni, .. }));

    s.world.run::<Vni>(rename_vni(&one, "db"));
    let two: Vni = s.world.run(named_vni(&s, "web"));
    assert!(matches!(s.world.refused(rename_vni(&one, "web")), Refusal::NameTaken { .. }));
    assert_eq!(s.world.run::<Vni>(rename_vni(&two, "web")).name, "web", "its own name is no conflict");
    s.world.run::<Vni>(Command::DeleteVni(two.id));
    assert_eq!(s.world.run::<Vni>(rename_vni(&one, "web")).name, "web");
}

#[test]
fn names_are_unique_within_their_scope_and_kind_only() {
    let mut s = scene();
    let other = s.world.vpc(&[]).id;
    let twin = s.world.subnet(other, "10.0.0.0/24").id;
    s.world.run::<Vni>(named_vni(&s, "a"));
    s.world.run::<Vni>(Command::CreateVni(CreateVni { name: name("a"), ..vni(twin) }));
    s.world.run::<Instance>(Command::CreateInstance(CreateInstance { name: name("a"), ..instance(s.vpc, s.hosts[0]) }));
    s.world.run::<Subnet>(Command::RenameSubnet(s.subnet, "a".to_owned()));
    s.world.run::<Subnet>(Command::RenameSubnet(twin, "a".to_owned()));
    s.world.run::<Vpc>(Command::RenameVpc(s.vpc, "a".to_owned()));
}

#[test]
fn every_noun_refuses_a_name_that_is_taken_or_misspelt() {
    let mut s = scene();
    let (vpc, other_vpc) = (s.vpc, s.world.vpc(&[]).id);
    let (subnet, other_subnet) = (s.subnet, s.world.subnet(vpc, "10.0.1.0/24").id);
    let (one, two) = (s.world.reserve(subnet, "10.0.0.50").id, s.world.reserve(subnet, "10.0.0.51").id);
    let (first, second) = (s.world.instance(vpc, s.hosts[0]).id, s.world.instance(vpc, s.hosts[0]).id);
    let (a, b) = (s.world.vni(subnet), s.world.vni(subnet));
    let (left, right) = (s.world.attach(first, a.id).id, s.world.attach(first, b.id).id);
    let ip = |text: &str| UpdateReservedIp { name: name(text), auto_delete: None };

    s.world.run::<Vpc>(Command::RenameVpc(vpc, "x".to_owned()));
    s.world.run::<Subnet>(Command::RenameSubnet(subnet, "x".to_owned()));
    s.world.run::<ReservedIp>(Command::UpdateReservedIp(one, ip("x")));
    s.world.run::<Instance>(Command::RenameInstance(first, "x".to_owned()));
    s.world.run::<Attachment>(Command::RenameAttachment(left, "x".to_owned()));
    s.world.run::<Vni>(rename_vni(&a, "x"));

    type Rename<'a> = &'a dyn Fn(&str) -> Command;
    let renames: [(Rename<'_>, String, &str); 6] = [
        (&|text| Command::RenameVpc(other_vpc, text.to_owned()), vpc.to_string(), "their account and region"),
        (&|text| Command::RenameSubnet(other_subnet, text.to_owned()), subnet.to_string(), "their VPC"),
        (&|text| Command::UpdateReservedIp(two, ip(text)), one.to_string(), "their subnet"),
        (&|text| Command::RenameInstance(second, text.to_owned()), first.to_string(), "their VPC"),
        (&|text| Command::RenameAttachment(right, text.to_owned()), left.to_string(), "their instance"),
        (&|text| rename_vni(&b, text), a.id.to_string(), "their VPC"),
    ];
    for (rename, holder, scope) in renames {
        says(&s.world.refused(rename("x")), &["the name 'x' is taken", &holder, scope]);
        for bad in ["", "X", "ibm-x", "9x", "x-", "x/y"] {
            says(&s.world.refused(rename(bad)), &["field 'name'", &format!("'{bad}'"), "name"]);
        }
    }
}

#[test]
fn creation_checks_names_too_and_a_refusal_takes_none() {
    let mut s = scene();
    s.world.run::<Vpc>(Command::CreateVpc(CreateVpc { name: name("x"), ..CreateVpc::default() }));
    assert!(matches!(
        s.world.refused(Command::CreateVpc(CreateVpc { name: name("x"), ..CreateVpc::default() })),
        Refusal::NameTaken { noun: Noun::Vpc, .. }
    ));
    let twice = IpChoice::Auto { family: IpFamily::V4, name: name("ip"), auto_delete: true };
    let create = CreateVni { name: name("v"), primary_ip: twice.clone(), ips: vec![twice], ..vni(s.subnet) };
    assert!(matches!(
        s.world.refused(Command::CreateVni(create.clone())),
        Refusal::NameTaken { noun: Noun::ReservedIp, .. }
    ));
    let made: Vni = s.world.run(Command::CreateVni(CreateVni { ips: vec![auto()], ..create }));
    assert_eq!(s.world.get::<ReservedIp>(made.primary_ip()).name, "ip");
    let reserve = CreateReservedIp { name: name("ip"), ..reservation(s.subnet, None) };
    says(&s.world.refused(Command::CreateReservedIp(reserve)), &["reserved IP", &made.primary_ip().to_string()]);
}

#[test]
fn a_deleted_instances_name_is_free_only_when_it_is_gone() {
    let mut s = scene();
    let create = CreateInstance { name: name("web"), ..instance(s.vpc, s.hosts[0]) };
    let first: Instance = s.world.run(Command::CreateInstance(create.clone()));
    s.world.run::<Instance>(Command::DeleteInstance(first.id));
    assert!(matches!(s.world.refused(Command::CreateInstance(create.clone())), Refusal::NameTaken { .. }));
    s.world.done(Command::InstanceGone(first.id));
    s.world.run::<Instance>(Command::CreateInstance(create));
}

#[test]
fn an_attachments_name_is_free_when_its_host_has_let_go() {
    let mut s = scene();
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    let target = s.world.instance(s.vpc, s.hosts[0]).id;
    let mut attach = existing(one);
    attach.name = name("nic");
    let first: Attachment = s.world.run(Command::Attach(target, attach.clone()));
    attach.vni = pintle_core::command::VniChoice::Existing(two);
    s.world.detach(first.id);
    assert!(matches!(s.world.refused(Command::Attach(target, attach.clone())), Refusal::NameTaken { .. }));
    s.world.hosts_let_go();
    s.world.run::<Attachment>(Command::Attach(target, attach));
}

#[test]
fn what_ec2_makes_is_called_by_its_id_or_by_words_if_somebody_has_that_name() {
    let mut s = scene();
    let unnamed = |s: &Scene| Request { unnamed: Unnamed::ById, ..Request::from(Command::CreateVni(vni(s.subnet))) };
    let made: Vni = s.world.run(unnamed(&s));
    assert_eq!(made.name, made.id.to_string());
    assert_eq!(s.world.get::<ReservedIp>(made.primary_ip()).name, made.primary_ip().to_string());
    // An id that is foreseen, which those of a running server can't be.
    let foreseen: Vni = s.world.clone().run(unnamed(&s));
    let squatter = named_vni(&s, &foreseen.name);
    let ids = std::mem::replace(&mut s.world.ids, Seeded(99));
    s.world.run::<Vni>(squatter);
    s.world.ids = ids;
    let made: Vni = s.world.run(unnamed(&s));
    assert_eq!(made.id, foreseen.id);
    assert!(made.name != foreseen.name && made.name.matches('-').count() == 3, "{}", made.name);
}
