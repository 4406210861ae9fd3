//! Accounts and regions: what is another owner's does not exist, and every zone is in one region.

use pintle_core::command::{Command, CreateAccount, CreateInstance, CreatePrefixList, CreateVpc};
use pintle_core::id::{HostId, VpcId};
use pintle_core::model::{Account, AccountId, Instance, IpFamily, Namespace, Owner};
use pintle_core::model::{PrefixList, Region, Subnet, Vni, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::{Actor, Refusal, Request, query};

use crate::common::build::{instance, scene, subnet, vni};
use crate::common::{World, says};

fn region(name: &str, zones: &[&str]) -> Region {
    Region { name: name.to_owned(), zones: zones.iter().map(|zone| (*zone).to_owned()).collect() }
}

fn two_regions(world: &mut World) {
    world.done(Command::ConfigureRegions(vec![region("local", &["zone-1"]), region("far", &["far-1", "far-2"])]));
}

fn owner(account: &str, region: &str) -> Owner {
    Owner::new(account.parse().unwrap(), region)
}

fn named(name: &str) -> Command {
    Command::CreateVpc(CreateVpc { name: Some(name.to_owned()), ..CreateVpc::default() })
}

#[test]
fn p08_anothers_id_is_refused_in_the_very_words_of_an_unknown_one() {
    let mut s = scene();
    let own = s.world.vni(s.subnet).id;
    let list = s.world.run::<PrefixList>(Command::CreatePrefixList(CreatePrefixList {
        name: None,
        family: IpFamily::V4,
        max_entries: 1,
        entries: Vec::new(),
    }));
    let stranger = Actor::Tenant(owner("000000000007", "local"));
    let commands: Vec<(Command, Noun, String)> = vec![
        (Command::RenameVpc(s.vpc, "x".to_owned()), Noun::Vpc, s.vpc.to_string()),
        (Command::DeleteSubnet(s.subnet), Noun::Subnet, s.subnet.to_string()),
        (Command::DeleteVni(own), Noun::Vni, own.to_string()),
        (Command::CreateVni(vni(s.subnet)), Noun::Subnet, s.subnet.to_string()),
        (Command::DeletePrefixList(list.id), Noun::PrefixList, list.id.to_string()),
        (subnet(s.vpc, "zone-1", "10.9.0.0/24"), Noun::Vpc, s.vpc.to_string()),
    ];
    for (command, noun, id) in commands {
        let refusal = s.world.refused(Request::new(stranger.clone(), command));
        assert_eq!(refusal, Refusal::NotFound { noun, id });
    }
    assert!(query::get_for::<Vni>(&s.world.store, &stranger, own).is_err());
    assert!(query::get_for::<Vni>(&s.world.store, &Actor::Operator, own).is_ok());
    let host = HostId::from_bits(0x51);
    let refusal = s.world.refused(Request::new(stranger, Command::DeleteHost(host)));
    says(&refusal, &["operator"]);
}

#[test]
fn owners_names_and_lists_are_apart() {
    let mut world = World::new();
    two_regions(&mut world);
    let seventh = CreateAccount { id: Some("000000000007".parse().unwrap()), name: None };
    world.run::<Account>(Command::CreateAccount(seventh));
    let owners = [owner("123456789012", "local"), owner("123456789012", "far"), owner("000000000007", "local")];
    let mut made: Vec<VpcId> = Vec::new();
    for owner in &owners {
        let vpc: Vpc = world.run(Request::tenant(owner.clone(), named("main")));
        assert_eq!(&vpc.owner, owner);
        made.push(vpc.id);
        let refusal = world.refused(Request::tenant(owner.clone(), named("main")));
        assert!(matches!(refusal, Refusal::NameTaken { holder, .. } if holder == vpc.id.to_string()));
    }
    for (owner, id) in owners.iter().zip(&made) {
        let page = query::page::<Vpc>(&world.store, &owner.scope(), None, 10).unwrap();
        assert_eq!(page.items.iter().map(|(vpc, _)| vpc.id).collect::<Vec<_>>(), [*id]);
        assert_eq!(query::total::<Vpc>(&world.store, &owner.scope()).unwrap(), 1);
    }
    let by_operator: Vpc = world.run(named("other"));
    assert_eq!(by_operator.owner, owners[0]);
}

#[test]
fn an_account_that_is_not_there_has_nothing() {
    let mut world = World::new();
    let refusal = world.refused(Request::tenant(owner("000000000007", "local"), named("main")));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Account, id: "000000000007".to_owned() });
}

#[test]
fn a_zone_must_be_of_the_owners_region() {
    let mut world = World::new();
    two_regions(&mut world);
    let far = owner("123456789012", "far");
    let vpc: Vpc = world.run(Request::tenant(far.clone(), named("main")));
    let refusal = world.refused(Request::tenant(far.clone(), subnet(vpc.id, "zone-1", "10.0.0.0/24")));
    says(&refusal, &["'zone'", "'zone-1'", "'local'", "'far'"]);
    let refusal = world.refused(Request::tenant(far.clone(), subnet(vpc.id, "nobodys", "10.0.0.0/24")));
    says(&refusal, &["'nobodys'", "'local'"]);
    let made: Subnet = world.run(Request::tenant(far.clone(), subnet(vpc.id, "far-2", "10.0.0.0/24")));
    assert_eq!(made.owner, far);
    let refusal = world.refused(Request::tenant(owner("123456789012", "nowhere"), named("main")));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Region, id: "nowhere".to_owned() });
    // What is there stays there.
    let refusal = world.refused(Command::ConfigureRegions(vec![region("local", &[])]));
    says(&refusal, &["'region'", "'far'", &vpc.id.to_string()]);
    let refusal =
        world.refused(Command::ConfigureRegions(vec![region("local", &["far-2"]), region("far", &["far-1"])]));
    says(&refusal, &["'zone'", "'far-2'", &made.id.to_string()]);
    two_regions(&mut world);
}

#[test]
fn regions_are_checked_and_an_unchanged_configuration_writes_nothing() {
    let mut world = World::new();
    two_regions(&mut world);
    world.ignored(Command::ConfigureRegions(vec![region("local", &["zone-1"]), region("far", &["far-1", "far-2"])]));
    for (regions, needles) in [
        (vec![], &["'region'", "one region"][..]),
        (vec![region("A", &[])], &["'region'", "'A'"]),
        (vec![region("a", &[]), region("a", &[])], &["'region'", "twice"]),
        (vec![region("a", &["z"]), region("b", &["z"])], &["'zone'", "'z'", "one region"]),
    ] {
        says(&world.refused(Command::ConfigureRegions(regions)), needles);
    }
}

#[test]
fn accounts_have_ids_and_names_of_their_own() {
    let mut world = World::new();
    let create = |id, name: &str| Command::CreateAccount(CreateAccount { id, name: Some(name.to_owned()) });
    let first: Account = world.run(create(Some(AccountId::FIRST), "first"));
    assert_eq!(first.id.to_string(), "123456789012");
    says(&world.refused(create(Some(AccountId::FIRST), "again")), &["'id'", "123456789012"]);
    assert!(matches!(world.refused(create(None, "first")), Refusal::NameTaken { .. }));
    assert_ne!(world.run::<Account>(create(None, "second")).id, first.id);
}

#[test]
fn a_tenant_takes_nothing_of_a_host() {
    let mut s = scene();
    let first = Actor::Tenant(owner("123456789012", "local"));
    let make = |host, namespace| {
        let zone = Some("zone-1".to_owned());
        Command::CreateInstance(CreateInstance { host, zone, namespace, ..instance(s.vpc, s.hosts[0]) })
    };
    let (named, plain) = (make(Some(s.hosts[0]), Namespace::Made), make(None, Namespace::Made));
    let pid = make(None, Namespace::Pid(1));
    let refusal = s.world.refused(Request::new(first.clone(), named));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Host, id: s.hosts[0].to_string() });
    let refusal = s.world.refused(Request::new(first.clone(), pid));
    assert!(matches!(refusal, Refusal::NotPermitted { .. }));
    let made: Instance = s.world.run(Request::new(first, plain));
    assert_eq!(made.owner, owner("123456789012", "local"));
}
