//! What a commit means for hosts: exactly the subjects that it concerns are worked out again.

use std::collections::BTreeSet;

use pintle_core::command::Command;
use pintle_core::compile::{Effect, Subject, effect};
use pintle_core::id::SubnetId;
use pintle_core::model::Vpc;

use super::told::{Told, whole};
use crate::common::build::{Scene, at, host, reservation, scene};

/// Commits a command and tells the server's memory of it; the subjects that had to be worked out again.
pub(super) fn hear(s: &mut Scene, told: &mut Told, command: Command) -> BTreeSet<Subject> {
    let (txn, _) = s.world.judge(command).unwrap();
    s.world.commit(&txn).unwrap();
    let concerned = told.hear(&s.world.store, &txn);
    assert_eq!(told.whole(), whole(&s.world.store));
    concerned
}

pub(super) fn told(s: &Scene) -> Told {
    let mut told = Told::default();
    told.hear_all(&s.world.store);
    told
}

#[test]
fn p_a_change_of_one_interface_concerns_no_other() {
    let mut s = scene();
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let vnis: Vec<_> = (0..5).map(|_| s.world.vni(s.subnet).id).collect();
    let attachments: Vec<_> = vnis.iter().map(|vni| s.world.attach_now(home, *vni).id).collect();
    let mut told = told(&s);
    let only: BTreeSet<Subject> = [Subject::Vni(vnis[2])].into();
    assert_eq!(hear(&mut s, &mut told, Command::AddVniIp(vnis[2], at("10.0.0.77"))), only);
    let detach = Command::Detach { attachment: attachments[2], force: false };
    assert_eq!(hear(&mut s, &mut told, detach), only);
    assert_eq!(hear(&mut s, &mut told, Command::AttachmentGone(attachments[2])), only);
    let attach = Command::Attach(home, crate::common::build::existing(vnis[2]));
    assert_eq!(hear(&mut s, &mut told, attach), only);
    let reserve = Command::CreateReservedIp(reservation(s.subnet, None));
    assert_eq!(hear(&mut s, &mut told, reserve), [].into(), "an address that nobody uses concerns no host");
    let rename = Command::RenameVpc(s.vpc, "x".to_owned());
    assert_eq!(hear(&mut s, &mut told, rename), [].into());
}

#[test]
fn a_host_that_begins_to_carry_a_vpc_concerns_all_of_it_and_nothing_else() {
    let mut s = scene();
    let other = s.world.vpc(&[]).id;
    s.world.subnet(other, "10.0.0.0/24");
    let (home, far) = (s.world.instance(s.vpc, s.hosts[0]).id, s.world.instance(s.vpc, s.hosts[1]).id);
    let (one, two) = (s.world.vni(s.subnet).id, s.world.vni(s.subnet).id);
    s.world.attach_now(home, one);
    let mut told = told(&s);
    let vpc: Vpc = s.world.get(s.vpc);
    let policy = [Subject::Group(vpc.default_group), Subject::Acl(vpc.default_acl), Subject::Vpc(s.vpc)];
    let own = [Subject::Subnet(s.subnet), Subject::Vni(one), Subject::Vni(two)];
    let all: BTreeSet<Subject> = policy.into_iter().chain(own).collect();
    let attach = Command::Attach(far, crate::common::build::existing(two));
    assert_eq!(hear(&mut s, &mut told, attach), all);
    let change = Command::RegisterHost(host(s.hosts[1], 9, "zone-1"));
    assert_eq!(hear(&mut s, &mut told, change), all, "its address is in every peer's entries");
}

#[test]
fn keys_that_mean_nothing_to_hosts_have_no_effect() {
    let id = "subnet-00000000000000001";
    let subnet: SubnetId = id.parse().unwrap();
    assert_eq!(effect(&format!("subnet/{id}"), None).unwrap(), Some(Effect::Subject(Subject::Subnet(subnet))));
    for key in
        ["", "subnet", "subnet/", "subnet/nonsense", "vpc/x", "name/vni//x", "list/vni//x", "mac/02:00", "other/x"]
    {
        assert_eq!(effect(key, Some(b"x")).unwrap(), None, "'{key}'");
    }
    assert!(effect("attachment/eni-attach-00000000000000001", Some(b"{}")).is_err(), "damage is said, not hidden");
}
