//! What accounts begin with: a default VPC with a default subnet in each zone, once, and again only when asked for.

use pintle_core::command::{Command, CreateAccessKey, CreateAccount};
use pintle_core::model::{AccessKey, AccessKeyId, Account, AccountId, DhcpOptionSet, Owner, Region, SecurityGroup};
use pintle_core::model::{InternetGateway, Subnet, Vpc};
use pintle_core::policy::{Direction, Remote};
use pintle_core::refusal::Noun;
use pintle_core::{Refusal, Request};

use crate::common::{World, says};

fn region(name: &str, zones: &[&str]) -> Region {
    Region { name: name.to_owned(), zones: zones.iter().map(|zone| (*zone).to_owned()).collect() }
}

fn world() -> World {
    let mut world = World::new();
    world.done(Command::ConfigureRegions(vec![region("local", &["zone-1", "zone-2"]), region("far", &["far-1"])]));
    world
}

fn key(world: &mut World, number: u8, account: AccountId) {
    let id = AccessKeyId::from_random([number; 10]);
    world.run::<AccessKey>(Command::CreateAccessKey(CreateAccessKey { id, account, sealed: Vec::new() }));
}

#[test]
fn a13_the_first_access_key_of_an_account_brings_its_default_network_in_each_region() {
    let mut world = world();
    let account: Account = world.run(Command::CreateAccount(CreateAccount { id: None, name: None }));
    assert!(world.all::<Vpc>().is_empty());
    key(&mut world, 1, account.id);
    let vpcs = world.all::<Vpc>();
    assert_eq!(vpcs.len(), 2);
    for vpc in &vpcs {
        assert_eq!((vpc.owner.account, vpc.default, vpc.dns_hostnames), (account.id, true, true));
        assert_eq!(vpc.nets().map(|net| net.to_string()).collect::<Vec<_>>(), ["172.31.0.0/16"]);
        let set: DhcpOptionSet = world.get(vpc.dhcp_set.unwrap());
        let domain = format!("{}.compute.internal", vpc.owner.region);
        assert!(set.provided_dns && set.options.domain == Some(domain) && set.options == vpc.dhcp, "{set:?}");
        let group: SecurityGroup = world.get(vpc.default_group);
        assert_eq!(group.name, "default");
        let rules: Vec<_> = group.rules.iter().map(|rule| (rule.direction, rule.remote)).collect();
        let out = Remote::Net("0.0.0.0/0".parse().unwrap());
        assert_eq!(rules, [(Direction::Ingress, Remote::Group(group.id)), (Direction::Egress, out)]);
        let mut subnets = world.all::<Subnet>();
        subnets.retain(|subnet| subnet.vpc == vpc.id);
        subnets.sort_by(|a, b| a.zone.cmp(&b.zone));
        let shown: Vec<String> = subnets.iter().map(|subnet| format!("{} {}", subnet.zone, subnet.cidr)).collect();
        match vpc.owner.region.as_str() {
            "far" => assert_eq!(shown, ["far-1 172.31.0.0/20"]),
            _ => assert_eq!(shown, ["zone-1 172.31.0.0/20", "zone-2 172.31.16.0/20"]),
        }
        assert!(subnets.iter().all(|subnet| subnet.default && subnet.map_public_ip));
    }
    // A second key brings nothing more; nor does saying so.
    key(&mut world, 2, account.id);
    assert_eq!(world.all::<Vpc>().len(), 2);
    world.ignored(Command::EnsureDefaults(Owner::new(account.id, "far")));
    // A new region does.
    let regions = vec![region("local", &["zone-1", "zone-2"]), region("far", &["far-1"]), region("new", &[])];
    world.done(Command::ConfigureRegions(regions));
    world.done(Command::EnsureDefaults(Owner::new(account.id, "new")));
    assert_eq!(world.all::<Vpc>().len(), 3);
}

#[test]
fn a_deleted_default_vpc_stays_deleted_until_it_is_asked_for() {
    let mut world = world();
    let owner = Owner::new(AccountId::FIRST, "far");
    let by = |command| Request::tenant(owner.clone(), command);
    key(&mut world, 1, AccountId::FIRST);
    let find = |world: &World| world.all::<Vpc>().into_iter().find(|vpc| vpc.owner == owner);
    let vpc = find(&world).unwrap();
    let refusal = world.refused(by(Command::CreateDefaultVpc));
    assert!(matches!(&refusal, Refusal::HasDefault { noun: Noun::Vpc, id, .. } if *id == vpc.id.to_string()));
    let subnet = world.all::<Subnet>().into_iter().find(|subnet| subnet.vpc == vpc.id).unwrap();
    let zone = || Command::CreateDefaultSubnet("far-1".to_owned());
    let refusal = world.refused(by(zone()));
    says(&refusal, &["zone 'far-1'", &subnet.id.to_string()]);
    world.run::<Subnet>(by(Command::DeleteSubnet(subnet.id)));
    let again: Subnet = world.run(by(zone()));
    assert!(again.default && again.map_public_ip && again.cidr == subnet.cidr);
    says(&world.refused(by(Command::CreateDefaultSubnet("zone-1".to_owned()))), &["'zone-1'", "'local'", "'far'"]);
    world.run::<Subnet>(by(Command::DeleteSubnet(again.id)));
    let gateway = world.all::<InternetGateway>().into_iter().find(|one| one.vpc == Some(vpc.id)).unwrap().id;
    assert!(matches!(world.refused(by(Command::DeleteBareVpc(vpc.id))), Refusal::InUse { .. }));
    world.run::<InternetGateway>(by(Command::DetachInternetGateway(gateway, vpc.id)));
    world.run::<Vpc>(by(Command::DeleteBareVpc(vpc.id)));

    world.ignored(Command::EnsureDefaults(owner.clone()));
    assert_eq!(find(&world), None);
    assert!(matches!(world.refused(by(zone())), Refusal::NoDefaultVpc { .. }));
    let anew: Vpc = world.run(by(Command::CreateDefaultVpc));
    assert!(anew.default && find(&world) == Some(anew));
}

#[test]
fn an_owner_that_is_not_there_gets_nothing() {
    let mut world = world();
    let nobody = Owner::new("000000000009".parse().unwrap(), "local");
    let refusal = world.refused(Command::EnsureDefaults(nobody.clone()));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Account, id: nobody.account.to_string() });
    let refusal = world.refused(Request::tenant(nobody, Command::CreateDefaultVpc));
    assert!(matches!(refusal, Refusal::NotFound { noun: Noun::Account, .. }));
    let nowhere = Owner::new(AccountId::FIRST, "nowhere");
    assert!(matches!(world.refused(Command::EnsureDefaults(nowhere)), Refusal::NotFound { noun: Noun::Region, .. }));
}
