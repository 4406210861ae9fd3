//! Shares: as large and as fast as their profile has it, reached through mount targets that are one in a VPC.

use std::collections::BTreeSet;

use pintle_core::command::{
    Command, CreateAccount, CreateShare, CreateVni, NewMountTarget, RegisterHost, UpdateShare, UpdateSubnet, UpdateVni,
    VniChoice,
};
use pintle_core::id::{ShareId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{
    Account, Attachment, FileOwner, FloatingIp, Host, Instance, Owner, Role, Share, Subnet, TransitEncryption, Vni,
};
use pintle_core::refusal::{Holder, Noun, Refusal};
use pintle_core::{Request, query, record};

use crate::common::build::{Scene, existing, host, instance, scene, vni};
use crate::common::says;

fn share() -> CreateShare {
    CreateShare {
        name: None,
        zone: "zone-1".to_owned(),
        host: None,
        profile: "dp2".to_owned(),
        size_gb: 50,
        iops: None,
        transit_encryption: None,
        initial_owner: FileOwner::default(),
        user_tags: BTreeSet::new(),
        mount_targets: Vec::new(),
    }
}

fn create(create: CreateShare) -> Command {
    Command::CreateShare(Box::new(create))
}

fn mount(vni: VniChoice) -> NewMountTarget {
    NewMountTarget { name: None, vni, transit_encryption: TransitEncryption::None }
}

fn inline(s: &Scene) -> NewMountTarget {
    mount(VniChoice::New(Box::new(vni(s.subnet))))
}

fn mounted(s: &mut Scene, share: ShareId, vni: VniId) -> Attachment {
    s.world.run(Command::CreateMountTarget(share, mount(VniChoice::Existing(vni))))
}

/// A share on the first host.
fn made(s: &mut Scene) -> Share {
    let on = CreateShare { host: Some(s.hosts[0]), ..share() };
    s.world.run(create(on))
}

#[test]
fn f01_a_share_lives_from_pending_to_gone() {
    let mut s = scene();
    let made: Share = s.world.run(create(share()));
    assert_eq!((made.lifecycle, made.iops, made.size_gb), (Lifecycle::Pending, 100, 50));
    assert!(s.hosts.contains(&made.host) && made.transit_encryption == BTreeSet::from([TransitEncryption::None]));
    s.world.done(Command::ShareFailed(made.id, "the disk is full".to_owned()));
    let failed: Share = s.world.get(made.id);
    assert_eq!((failed.lifecycle, failed.failure.as_deref()), (Lifecycle::Failed, Some("the disk is full")));
    s.world.done(Command::ShareRealised(made.id));
    s.world.ignored(Command::ShareRealised(made.id));
    s.world.ignored(Command::ShareGone(made.id));
    assert_eq!(s.world.get::<Share>(made.id).failure, None);
    let deleted: Share = s.world.run(Command::DeleteShare(made.id));
    assert_eq!(deleted.lifecycle, Lifecycle::Deleting);
    s.world.done(Command::ShareFailed(made.id, "a file can't be removed".to_owned()));
    assert_eq!(s.world.get::<Share>(made.id).lifecycle, Lifecycle::Deleting, "it stays on its way out");
    let refusal = s.world.refused(Command::CreateMountTarget(made.id, inline(&s)));
    says(&refusal, &["share", &made.id.to_string(), "deleting"]);
    s.world.done(Command::ShareGone(made.id));
    assert_eq!(s.world.find::<Share>(made.id), None);
}

#[test]
fn f01_size_and_speed_are_what_the_profile_has() {
    let mut s = scene();
    let refused = |s: &mut Scene, change: CreateShare, words: &[&str]| {
        says(&s.world.refused(create(change)), words);
    };
    refused(&mut s, CreateShare { profile: "tier-3iops".to_owned(), ..share() }, &["profile", "tier-3iops"]);
    refused(&mut s, CreateShare { size_gb: 9, ..share() }, &["size", "9", "10 to 32000"]);
    refused(&mut s, CreateShare { size_gb: 32_001, ..share() }, &["size", "32001"]);
    refused(&mut s, CreateShare { iops: Some(2_001), ..share() }, &["iops", "2001", "100 to 2000"]);
    refused(&mut s, CreateShare { zone: "zone-9".to_owned(), ..share() }, &["zone-9"]);
    let none = Some(BTreeSet::new());
    refused(&mut s, CreateShare { transit_encryption: none, ..share() }, &["allowed_transit_encryption_modes"]);
    let tags = BTreeSet::from(["a\nb".to_owned()]);
    refused(&mut s, CreateShare { user_tags: tags, ..share() }, &["user_tags"]);

    let made: Share = s.world.run(create(CreateShare { iops: Some(1_000), ..share() }));
    let grow = |size_gb| Command::UpdateShare(made.id, UpdateShare { size_gb: Some(size_gb), ..Default::default() });
    says(&s.world.refused(grow(60)), &["pending", "stable"]);
    s.world.done(Command::ShareRealised(made.id));
    says(&s.world.refused(grow(40)), &["size", "40", "only grows", "50"]);
    says(&s.world.refused(grow(16_000)), &["iops", "1000", "2000 to 96000"]);
    assert_eq!(s.world.run::<Share>(grow(100)).size_gb, 100);
    let faster = UpdateShare { iops: Some(6_000), name: Some("data".to_owned()), ..Default::default() };
    let faster: Share = s.world.run(Command::UpdateShare(made.id, faster));
    assert_eq!((faster.iops, faster.name.as_str()), (6_000, "data"));
    let again = CreateShare { name: Some("data".to_owned()), ..share() };
    assert!(matches!(s.world.refused(create(again)), Refusal::NameTaken { noun: Noun::Share, .. }));
}

#[test]
fn a10_a_mount_target_takes_an_interface_that_is_there_and_lets_it_go() {
    let mut s = scene();
    let share = made(&mut s);
    let vni = s.world.vni_at(s.subnet, "10.0.0.9").id;
    let target = mounted(&mut s, share.id, vni);
    let runs: Instance = s.world.get(target.instance);
    assert_eq!((runs.role, runs.host, runs.vpc), (Role::ShareMount(share.id), share.host, s.vpc));
    assert!(target.primary && target.name == runs.name && !target.own_public_address);
    assert_eq!(s.world.get::<Vni>(vni).attachment, Some(target.id), "the mount target's id is its attachment's");

    let refusal = s.world.refused(Command::DeleteShare(share.id));
    assert!(
        matches!(refusal, Refusal::InUse { noun: Noun::Share, holder: Holder::MountTarget(id), .. } if id == target.id)
    );
    assert_eq!(s.world.run::<Attachment>(Command::DeleteMountTarget(target.id)).lifecycle, Lifecycle::Deleting);
    assert!(matches!(s.world.refused(Command::DeleteShare(share.id)), Refusal::InUse { .. }), "until its host lets go");
    s.world.hosts_let_go();
    let free: Vni = s.world.get(vni);
    assert_eq!((free.attachment, free.lifecycle), (None, Lifecycle::Stable));
    assert!(s.world.all::<Instance>().is_empty() && s.world.all::<Attachment>().is_empty());
    let home = s.world.instance(s.vpc, s.hosts[1]).id;
    s.world.attach_now(home, vni);
    s.world.run::<Share>(Command::DeleteShare(share.id));
}

#[test]
fn a10_an_interface_made_with_its_mount_target_goes_with_it_unless_told_to_stay() {
    let mut s = scene();
    let with = CreateShare { mount_targets: vec![inline(&s)], ..share() };
    let share: Share = s.world.run(create(with));
    let target = s.world.all::<Attachment>().remove(0);
    assert!(s.world.get::<Vni>(target.vni).auto_delete);
    s.world.run::<Attachment>(Command::DeleteMountTarget(target.id));
    s.world.hosts_let_go();
    assert_eq!(s.world.find::<Vni>(target.vni), None);

    let stays: Attachment = s.world.run(Command::CreateMountTarget(share.id, inline(&s)));
    let keep = UpdateVni { auto_delete: Some(false), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(stays.vni, keep));
    s.world.run::<Attachment>(Command::DeleteMountTarget(stays.id));
    s.world.hosts_let_go();
    assert!(s.world.find::<Vni>(stays.vni).is_some());
}

#[test]
fn f01_a_share_has_one_mount_target_in_a_vpc_and_names_them_itself() {
    let mut s = scene();
    let share = made(&mut s);
    let named = |name: &str, new: NewMountTarget| NewMountTarget { name: Some(name.to_owned()), ..new };
    let first: Attachment = s.world.run(Command::CreateMountTarget(share.id, named("web", inline(&s))));
    let refusal = s.world.refused(Command::CreateMountTarget(share.id, inline(&s)));
    says(&refusal, &["vpc", &s.vpc.to_string(), &first.id.to_string(), "one in each VPC"]);

    let (other, more) = (s.world.vpc(&[]).id, "10.9.0.0/24");
    let subnet = s.world.subnet(other, more).id;
    let there = || mount(VniChoice::New(Box::new(vni(subnet))));
    let refusal = s.world.refused(Command::CreateMountTarget(share.id, named("web", there())));
    says(&refusal, &["web", "their share"]);
    let second: Attachment = s.world.run(Command::CreateMountTarget(share.id, there()));
    let renamed: Attachment = s.world.run(Command::RenameMountTarget(second.id, "db".to_owned()));
    assert_eq!((renamed.name.as_str(), s.world.get::<Instance>(second.instance).name.as_str()), ("db", "db"));
    // Instances of the VPC have names of their own.
    let web = pintle_core::command::CreateInstance { name: Some("web".to_owned()), ..instance(s.vpc, s.hosts[0]) };
    s.world.run::<Instance>(Command::CreateInstance(web));
    let found =
        query::index::<pintle_core::id::AttachmentId>(&s.world.store, &record::mount_targets_of_share(share.id));
    assert_eq!(found.unwrap().into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([first.id, second.id]));
}

#[test]
fn f01_a_mount_target_encrypts_as_its_share_allows_and_its_server_can() {
    let mut s = scene();
    let share = made(&mut s);
    let encrypted = |mode, s: &Scene| NewMountTarget { transit_encryption: mode, ..inline(s) };
    let refusal = s.world.refused(Command::CreateMountTarget(share.id, encrypted(TransitEncryption::Stunnel, &s)));
    says(&refusal, &["transit_encryption", "stunnel", "does not allow"]);
    let modes = |modes: &[TransitEncryption]| {
        let transit_encryption = Some(modes.iter().copied().collect());
        Command::UpdateShare(share.id, UpdateShare { transit_encryption, ..UpdateShare::default() })
    };
    s.world.run::<Share>(modes(&TransitEncryption::ALL));
    let refusal = s.world.refused(Command::CreateMountTarget(share.id, encrypted(TransitEncryption::Ipsec, &s)));
    says(&refusal, &["transit_encryption", "ipsec", "'none' only"]);
    let target: Attachment = s.world.run(Command::CreateMountTarget(share.id, inline(&s)));
    says(&s.world.refused(modes(&[TransitEncryption::Ipsec])), &[&target.id.to_string(), "'none' must stay"]);
}

/// What serves a share is no instance to anybody.
#[test]
fn f01_no_command_reaches_a_mount_target_as_an_instance() {
    let mut s = scene();
    let share = made(&mut s);
    let vni = s.world.vni(s.subnet).id;
    let target = mounted(&mut s, share.id, vni);
    let hidden = target.instance;
    let spare = s.world.vni(s.subnet).id;
    for command in [
        Command::DeleteInstance(hidden),
        Command::StopInstance(hidden),
        Command::StartInstance(hidden),
        Command::RenameInstance(hidden, "mine".to_owned()),
        Command::Attach(hidden, existing(spare)),
        Command::RenameAttachment(target.id, "mine".to_owned()),
    ] {
        assert!(matches!(s.world.refused(command), Refusal::NotFound { noun: Noun::Instance, .. }));
    }
    let home = s.world.instance(s.vpc, s.hosts[1]).id;
    let attachment = target.id;
    for command in [
        Command::Detach { attachment, force: false },
        Command::Detach { attachment, force: true },
        Command::MoveVni { vni, to: home, nic: None },
    ] {
        let refusal = s.world.refused(command);
        assert!(matches!(refusal, Refusal::InUse { noun: Noun::Vni, holder: Holder::MountTarget(_), .. }), "{refusal}");
    }
    let own = s.world.attach_now(home, spare);
    let refusal = s.world.refused(Command::DeleteMountTarget(own.id));
    assert!(matches!(refusal, Refusal::NotFound { noun: Noun::MountTarget, .. }));
    s.world.run::<Attachment>(Command::Detach { attachment: own.id, force: true });
    assert!(matches!(
        s.world.refused(Command::MoveVni { vni: spare, to: hidden, nic: None }),
        Refusal::NotAttached { .. } | Refusal::NotFound { .. }
    ));
}

#[test]
fn a_mount_target_gets_no_public_address_of_its_subnet() {
    let mut s = scene();
    let public = UpdateSubnet { map_public_ip: Some(true), ..UpdateSubnet::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, public));
    let share = made(&mut s);
    s.world.run::<Attachment>(Command::CreateMountTarget(share.id, inline(&s)));
    assert!(s.world.all::<FloatingIp>().is_empty());
}

#[test]
fn f01_zones_hosts_and_owners_are_the_shares() {
    let mut s = scene();
    let far = s.world.run::<Subnet>(crate::common::build::subnet(s.vpc, "zone-2", "10.0.7.0/24")).id;
    let share = made(&mut s);
    let elsewhere = mount(VniChoice::New(Box::new(CreateVni { subnet: Some(far), ..CreateVni::default() })));
    says(&s.world.refused(Command::CreateMountTarget(share.id, elsewhere)), &["zone", "zone-1", "zone-2"]);
    let on = s.hosts[0];
    assert!(matches!(
        s.world.refused(Command::DeleteHost(on)),
        Refusal::InUse { holder: Holder::Share(id), .. } if id == share.id
    ));
    let moved = RegisterHost { zone: "zone-2".to_owned(), ..host(on, 1, "zone-1") };
    says(&s.world.refused(Command::RegisterHost(moved)), &[&share.id.to_string(), "shares"]);
    s.world.run::<Share>(Command::DeleteShare(share.id));
    // Its host never comes back to say so.
    s.world.run::<Host>(Command::DeleteLostHost(on));
    assert!(s.world.all::<Share>().is_empty());
}

#[test]
fn p07_a_tenant_has_shares_of_its_own_up_to_its_quota() {
    let mut s = scene();
    let create_account = CreateAccount { id: Some("000000000007".parse().unwrap()), name: None };
    let account = s.world.run::<Account>(Command::CreateAccount(create_account)).id;
    let mine = Owner::new(account, "local");
    let ours = made(&mut s);
    let set = Command::SetQuota { account: mine.account, quota: "shares".to_owned(), limit: Some(1) };
    s.world.done(set);
    let ask = |command| Request::tenant(mine.clone(), command);
    let refusal = s.world.refused(ask(Command::DeleteShare(ours.id)));
    assert!(matches!(refusal, Refusal::NotFound { noun: Noun::Share, .. }));
    let first: Share = s.world.run(ask(create(share())));
    assert_eq!(first.owner, mine);
    assert!(matches!(s.world.refused(ask(create(share()))), Refusal::Quota { noun: Noun::Share, limit: 1, .. }));
    let named = CreateShare { host: Some(s.hosts[0]), ..share() };
    assert!(matches!(s.world.refused(ask(create(named))), Refusal::NotFound { noun: Noun::Host, .. }));
    let of_ours = s.world.vni(s.subnet).id;
    let taken = Command::CreateMountTarget(first.id, mount(VniChoice::Existing(of_ours)));
    assert!(matches!(s.world.refused(ask(taken)), Refusal::NotFound { noun: Noun::Vni, .. }));
    let operators = Command::CreateMountTarget(first.id, mount(VniChoice::Existing(of_ours)));
    says(&s.world.refused(operators), &["virtual_network_interface", "belongs to"]);
}
