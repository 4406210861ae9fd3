//! Launched instances: of a type whose limits hold, several at once or none, remembered for a while, with public addresses
//! of their own.

use std::collections::BTreeSet;

use pintle_core::command::{
    Command, CreateFloatingIp, CreateInstance, CreateInstances, CreatePublicPool, FloatingIpChoice, InstanceChange,
    InstancesChange, NewAttachment, NewLaunch, Seat, UpdateInstance, UpdateSubnet,
};
use pintle_core::id::InstanceId;
use pintle_core::legality::Manner;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{
    Attachment, DepartedInstance, FloatingIp, Host, Instance, InstanceState, PublicPool, ReservedIp, Subnet, Vni,
};
use pintle_core::record::Record;
use pintle_core::refusal::Noun;
use pintle_core::{Refusal, Reply};

use crate::common::build::{Scene, existing, host, instance, net, new, scene, vni};
use crate::common::says;

fn launch(kind: &str) -> Option<Box<NewLaunch>> {
    let image = "ami-0123456789abcdef0".to_owned();
    Some(Box::new(NewLaunch { kind: Some(kind.to_owned()), image, ..NewLaunch::default() }))
}

/// An instance of a type somewhere in the zone, with a primary interface in the scene's subnet.
fn each(s: &Scene, kind: &str) -> CreateInstance {
    CreateInstance {
        host: None,
        zone: Some("zone-1".to_owned()),
        primary: Some(new(vni(s.subnet))),
        launch: launch(kind),
        ..instance(s.vpc, s.hosts[0])
    }
}

fn run(s: &mut Scene, each: CreateInstance) -> Instance {
    s.world.run(Command::CreateInstance(each))
}

fn several(s: &mut Scene, each: CreateInstance, least: u32, most: u32) -> Result<Vec<Instance>, Refusal> {
    match s.world.attempt(Command::CreateInstances(Box::new(CreateInstances { each, least, most })))? {
        Reply::Batch(made) => Ok(made
            .into_iter()
            .map(|one| match one {
                Reply::Instance(instance) => instance,
                other => panic!("{other:?}"),
            })
            .collect()),
        other => panic!("{other:?}"),
    }
}

fn change(s: &mut Scene, ids: &[InstanceId], change: InstancesChange) -> Result<Vec<InstanceChange>, Refusal> {
    match s.world.attempt(Command::ChangeInstances(ids.to_vec(), change))? {
        Reply::InstanceChanges(changes) => Ok(changes),
        other => panic!("{other:?}"),
    }
}

fn at(vni: pintle_core::id::VniId, card: u8, index: Option<u8>) -> NewAttachment {
    NewAttachment { seat: Seat { card, index }, ..existing(vni) }
}

#[test]
fn a18_b14_a_types_limits_hold_for_interfaces_and_addresses() {
    let mut s = scene();
    let create = each(&s, "t3.micro");
    let home = run(&mut s, create).id;
    let second = s.world.vni(s.subnet).id;
    s.world.attach(home, second);
    let third = s.world.vni(s.subnet).id;
    let full = s.world.refused(Command::Attach(home, existing(third)));
    says(&full, &["Interface count 3 exceeds the limit for t3.micro", "the limit is 2"]);
    let one = Command::AddVniIp(second, Default::default());
    s.world.run::<ReservedIp>(one.clone());
    says(&s.world.refused(one), &["as many addresses", "the limit is 2"]);
    let unknown = each(&s, "t3.colossal");
    says(&s.world.refused(Command::CreateInstance(unknown)), &["field 'instance_type'", "'t3.colossal'"]);
}

#[test]
fn a18_an_interface_goes_where_it_is_told_to_and_devices_of_other_cards_come_after() {
    let mut s = scene();
    let create = each(&s, "p4d.24xlarge");
    let home = run(&mut s, create).id;
    let seats =
        [(0, Some(7), "eth7"), (0, None, "eth1"), (1, Some(1), "eth128"), (3, None, "eth129"), (1, None, "eth130")];
    for (card, index, device) in seats {
        let vni = s.world.vni(s.subnet).id;
        let made: Attachment = s.world.run(Command::Attach(home, at(vni, card, index)));
        assert_eq!((made.card, made.device().as_str()), (card, device));
        assert_eq!(made.card_index, index.unwrap_or(if card == 0 { 1 } else { 0 }));
    }
    let vni = s.world.vni(s.subnet).id;
    let refused = |s: &mut Scene, card, index| s.world.refused(Command::Attach(home, at(vni, card, Some(index))));
    says(&refused(&mut s, 0, 7), &["field 'device_index'", "'7'", "another interface"]);
    says(&refused(&mut s, 1, 1), &["field 'device_index'", "another interface"]);
    says(&refused(&mut s, 4, 1), &["field 'network_card_index'", "4 network cards"]);
    says(&refused(&mut s, 0, 128), &["field 'device_index'", "from 0 to 127"]);
    let untyped = s.world.instance(s.vpc, s.hosts[0]).id;
    says(&s.world.refused(Command::Attach(untyped, at(vni, 1, None))), &["1 network cards"]);
}

#[test]
fn a18_the_largest_type_takes_as_many_interfaces_as_it_says() {
    let mut s = scene();
    s.world.checked = false;
    let create = each(&s, "trn1n.32xlarge");
    let home = run(&mut s, create).id;
    for card in 0..16 {
        for _ in 0..if card == 0 { 4 } else { 5 } {
            let vni = s.world.vni(s.subnet).id;
            s.world.run::<Attachment>(Command::Attach(home, at(vni, card, None)));
        }
    }
    let devices: BTreeSet<String> = s.world.all::<Attachment>().iter().map(Attachment::device).collect();
    assert_eq!(devices.len(), 80, "each has a device of its own");
    crate::common::invariants::check(&s.world.store);
    let vni = s.world.vni(s.subnet).id;
    says(&s.world.refused(Command::Attach(home, at(vni, 9, None))), &["count 6", "network card 9"]);
}

#[test]
fn launched_together_all_or_as_many_as_there_is_room_for() {
    let mut s = scene();
    let small = s.world.subnet(s.vpc, "10.0.1.0/28").id;
    let crowd = |s: &Scene| CreateInstance { primary: Some(new(vni(small))), ..each(s, "m5.large") };
    let create = crowd(&s);
    let before = s.world.store.content().len();
    assert!(matches!(several(&mut s, create.clone(), 12, 12), Err(Refusal::SubnetFull { .. })));
    assert_eq!(s.world.store.content().len(), before, "all or none");
    let made = several(&mut s, create.clone(), 2, 20).unwrap();
    assert_eq!(made.len(), 11, "as many as the subnet has addresses");
    let launches: Vec<_> = made.iter().map(|one| one.launch.clone().unwrap()).collect();
    assert!(launches.iter().all(|launch| launch.reservation == launches[0].reservation));
    assert!(launches.iter().map(|launch| launch.index).eq(0..11));
    for bad in [(0, 1), (2, 1), (1, 501)] {
        assert!(matches!(several(&mut s, create.clone(), bad.0, bad.1), Err(Refusal::Invalid { .. })), "{bad:?}");
    }
    assert_eq!(made[0].name, "ip-10-0-1-4", "named after its address");
    let again = CreateInstance { name: Some("ip-10-0-0-4".to_owned()), ..each(&s, "m5.large") };
    run(&mut s, again);
    let create = each(&s, "m5.large");
    let other = several(&mut s, create, 1, 1).unwrap();
    assert!(other[0].name == "ip-10-0-0-5" || other[0].name != "ip-10-0-0-4");
}

#[test]
fn what_is_protected_is_neither_stopped_nor_deleted_with_others() {
    let mut s = scene();
    let create = each(&s, "m5.large");
    let ids: Vec<InstanceId> = several(&mut s, create, 3, 3).unwrap().iter().map(|one| one.id).collect();
    let protect =
        |on| UpdateInstance { delete_protected: Some(on), stop_protected: Some(on), ..UpdateInstance::default() };
    s.world.run::<Instance>(Command::UpdateInstance(ids[1], protect(true)));
    for (what, words) in [(InstancesChange::Delete, "deleted"), (InstancesChange::Stop, "stopped")] {
        let refusal = change(&mut s, &ids, what).unwrap_err();
        assert_eq!(refusal, Refusal::Protected { instance: ids[1], what: words });
        assert!(s.world.all::<Instance>().iter().all(|one| one.state == InstanceState::Running));
    }
    s.world.run::<Instance>(Command::UpdateInstance(ids[1], protect(false)));
    let changes = change(&mut s, &[ids[0], ids[0], ids[2]], InstancesChange::Stop).unwrap();
    assert_eq!(changes.iter().map(|one| one.after.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    assert!(changes.iter().all(|one| one.before.state == InstanceState::Running));
    assert!(changes.iter().all(|one| one.after.state == InstanceState::Stopped && one.after.told_at == s.world.now));
}

#[test]
fn one_that_has_gone_is_remembered_for_an_hour_and_then_forgotten_for_good() {
    let mut s = scene();
    let create = each(&s, "m5.large");
    let gone = run(&mut s, create.clone()).id;
    s.world.delete_instance(gone);
    let again = change(&mut s, &[gone], InstancesChange::Delete).unwrap();
    assert!(again[0].departed && again[0].after.lifecycle == Lifecycle::Deleting);
    assert!(matches!(change(&mut s, &[gone], InstancesChange::Start), Err(Refusal::WrongState { .. })));
    s.world.now.0 += DepartedInstance::SHOWN_FOR;
    let refusal = change(&mut s, &[gone], InstancesChange::Delete).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Instance, id: gone.to_string() });
    let next = run(&mut s, create).id;
    s.world.delete_instance(next);
    let kept: Vec<InstanceId> = s.world.all::<DepartedInstance>().iter().map(Record::id).collect();
    assert_eq!(kept, [next], "what is forgotten goes with the next that goes");
    let plain = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.delete_instance(plain);
    assert_eq!(s.world.all::<DepartedInstance>().len(), 1, "only what was launched is remembered");
}

#[test]
fn another_type_is_for_stopped_instances_and_must_have_room() {
    let mut s = scene();
    let create = each(&s, "m5.large");
    let home = run(&mut s, create).id;
    for _ in 0..2 {
        let vni = s.world.vni(s.subnet).id;
        s.world.attach(home, vni);
    }
    let kind = |kind: &str| {
        Command::UpdateInstance(home, UpdateInstance { kind: Some(kind.to_owned()), ..UpdateInstance::default() })
    };
    assert!(matches!(s.world.refused(kind("m5.xlarge")), Refusal::WrongState { .. }));
    s.world.run::<Instance>(Command::StopInstance(home));
    assert!(matches!(s.world.refused(kind("m5.xlarge")), Refusal::WrongState { .. }), "it is still stopping");
    s.world.done(Command::InstanceStopped(home));
    says(&s.world.refused(kind("t3.micro")), &["Interface count 3 exceeds the limit for t3.micro"]);
    assert_eq!(s.world.run::<Instance>(kind("m5.xlarge")).kind.as_deref(), Some("m5.xlarge"));
}

#[test]
fn b14_notes_are_kept_in_bounds() {
    let mut s = scene();
    let mut create = each(&s, "m5.large");
    let text = "x".repeat(pintle_core::limits::NOTES_LENGTH);
    create.launch.as_mut().unwrap().notes.insert("user-data".to_owned(), text);
    let home = run(&mut s, create).id;
    let notes = |s: &Scene| pintle_core::query::instance_notes(&s.world.store, home).unwrap();
    assert_eq!(notes(&s).len(), 1);
    let write = |name: &str, text: Option<&str>| {
        let notes = [(name.to_owned(), text.map(ToOwned::to_owned))].into();
        Command::UpdateInstance(home, UpdateInstance { notes, ..UpdateInstance::default() })
    };
    says(&s.world.refused(write("more", Some("y"))), &["bytes", "the limit is 32768"]);
    s.world.run::<Instance>(write("user-data", None));
    assert!(notes(&s).is_empty());
}

#[test]
fn a_full_host_is_passed_over_for_one_with_room() {
    let mut s = scene();
    for (number, id) in [(1, s.hosts[0]), (2, s.hosts[1])] {
        let small = pintle_core::command::RegisterHost { max_ports: 2, ..host(id, number, "zone-1") };
        s.world.run::<Host>(Command::RegisterHost(small));
    }
    let create = each(&s, "m5.large");
    let made = several(&mut s, create, 4, 9).unwrap();
    let on: BTreeSet<_> = made.iter().map(|one| one.host).collect();
    assert_eq!((made.len(), on.len()), (4, 2));
    let create = each(&s, "m5.large");
    let full = s.world.refused(Command::CreateInstance(create));
    assert_eq!(full, Refusal::NoHost { zone: "zone-1".to_owned() });
    for number in 3..40 {
        let id = s.world.host(number, "zone-1").id;
        let full = pintle_core::command::RegisterHost { max_ports: 2, ..host(id, number, "zone-1") };
        s.world.run::<Host>(Command::RegisterHost(full));
    }
    let create = CreateInstance { attachments: vec![new(vni(s.subnet))], ..each(&s, "m5.large") };
    let made = several(&mut s, create, 37, 38).unwrap();
    assert_eq!(made.iter().map(|one| one.host).collect::<BTreeSet<_>>().len(), 37, "each the last one with room");
}

/// The scene with a pool, and an instance with a public address of its own.
fn public() -> (Scene, Instance, Vni) {
    let mut s = scene();
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("203.0.113.4/30")] };
    s.world.run::<PublicPool>(Command::CreatePublicPool(pool));
    let primary = NewAttachment { own_public_address: Some(true), ..new(vni(s.subnet)) };
    let create = CreateInstance { primary: Some(primary), ..each(&s, "m5.large") };
    let home = run(&mut s, create);
    let vni = s.world.all::<Vni>().remove(0);
    (s, home, vni)
}

fn lent(s: &Scene) -> Option<FloatingIp> {
    s.world.all::<FloatingIp>().into_iter().find(|one| one.lent)
}

#[test]
fn an_instances_own_public_address_is_there_while_it_runs() {
    let (mut s, home, _) = public();
    let first = lent(&s).unwrap();
    s.world.run::<Instance>(Command::StopInstance(home.id));
    assert_eq!(lent(&s), None);
    s.world.run::<Instance>(Command::StartInstance(home.id));
    assert_ne!(lent(&s).unwrap().address, first.address, "never the same again");
    let hidden = lent(&s).unwrap().id;
    for command in [Command::DeleteFloatingIp(hidden), Command::DisassociateFloatingIp(hidden)] {
        assert!(matches!(s.world.refused(command), Refusal::NotFound { noun: Noun::FloatingIp, .. }));
    }
    s.world.delete_instance(home.id);
    assert!(s.world.all::<FloatingIp>().is_empty());
}

#[test]
fn a_floating_ip_takes_the_place_of_an_instances_own_public_address_and_gives_it_back() {
    let (mut s, home, vni) = public();
    let create = CreateFloatingIp { name: None, zone: Some("zone-1".to_owned()), address: None, target: None };
    let floating: FloatingIp = s.world.run(Command::CreateFloatingIp(create));
    let target = FloatingIpChoice::primary(vni.id, Manner::PerAddress);
    let associate = Command::AssociateFloatingIp { id: floating.id, target, reassociate: false, displace: false };
    s.world.run::<FloatingIp>(associate.clone());
    assert_eq!(lent(&s), None);
    s.world.run::<FloatingIp>(Command::DisassociateFloatingIp(floating.id));
    assert!(lent(&s).is_some());
    s.world.run::<FloatingIp>(associate);
    s.world.run::<Instance>(Command::StopInstance(home.id));
    s.world.run::<FloatingIp>(Command::DeleteFloatingIp(floating.id));
    assert_eq!(lent(&s), None, "not while it is stopped");
}

#[test]
fn without_a_free_public_address_only_who_asks_for_one_is_refused() {
    let mut s = scene();
    let primary = NewAttachment { own_public_address: Some(true), ..new(vni(s.subnet)) };
    let create = CreateInstance { primary: Some(primary), ..each(&s, "m5.large") };
    let refusal = s.world.refused(Command::CreateInstance(create));
    assert_eq!(refusal, Refusal::NoPublicAddress { zone: "zone-1".to_owned() });
}

#[test]
fn c12_what_is_launched_in_a_subnet_gets_a_public_address_as_the_subnet_says() {
    let mut s = scene();
    let update = UpdateSubnet { map_public_ip: Some(true), ..UpdateSubnet::default() };
    s.world.run::<Subnet>(Command::UpdateSubnet(s.subnet, update));
    // Nobody has asked for one, so that there is none is no reason to refuse.
    let create = each(&s, "m5.large");
    run(&mut s, create);
    assert_eq!(lent(&s), None);
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs: vec![net("203.0.113.4/30")] };
    s.world.run::<PublicPool>(Command::CreatePublicPool(pool));
    // An interface that was there before is not the subnet's to decide for, nor is a request that says no.
    let before = s.world.vni(s.subnet).id;
    let create = CreateInstance { primary: Some(existing(before)), ..each(&s, "m5.large") };
    run(&mut s, create);
    let refused = NewAttachment { own_public_address: Some(false), ..new(vni(s.subnet)) };
    let create = CreateInstance { primary: Some(refused), ..each(&s, "m5.large") };
    run(&mut s, create);
    assert_eq!(lent(&s), None);
    let create = CreateInstance { attachments: vec![new(vni(s.subnet))], ..each(&s, "m5.large") };
    let home = run(&mut s, create);
    let own: Vec<Attachment> = s.world.all().into_iter().filter(|one: &Attachment| one.own_public_address).collect();
    assert!(own.iter().any(|one| one.instance == home.id && one.primary), "{own:?}");
    assert!(own.iter().all(|one| one.primary), "secondary interfaces get none: {own:?}");
    assert_eq!(s.world.all::<FloatingIp>().into_iter().filter(|one| one.lent).count(), 1);
}
