//! IBM VPC's published quotas: so many, and one more is refused.

use pintle_core::command::{
    Command, CreateFloatingIp, CreatePublicPool, CreateReservedIp, CreateSecurityGroup, CreateVpc, GroupsChange,
};
use pintle_core::id::SubnetId;
use pintle_core::model::{AccountId, FloatingIp, Owner, PublicPool, ReservedIp, SecurityGroup, Subnet, Vni, Vpc};
use pintle_core::refusal::{Limited, Noun};
use pintle_core::{Refusal, Request, quota};

use crate::common::World;
use crate::common::build::{net, scene, subnet, vni};

fn tenant(command: Command) -> Request {
    Request::tenant(Owner::new(AccountId::FIRST, "local"), command)
}

fn quick() -> World {
    World { checked: false, ..World::new() }
}

#[test]
fn v01_a_region_has_10_vpcs() {
    let mut world = quick();
    let create = || tenant(Command::CreateVpc(CreateVpc::default()));
    (0..10).for_each(|_| drop(world.run::<Vpc>(create())));
    let refusal = world.refused(create());
    assert!(matches!(refusal, Refusal::Quota { noun: Noun::Vpc, limit: 10, .. }), "{refusal}");
}

#[test]
fn v01_a_vpc_with_implied_ways_out_has_100_subnets_and_another_200() {
    let mut world = quick();
    let implied: Vpc = world.run(tenant(Command::CreateVpc(CreateVpc::default())));
    let cidrs = vec![net("10.0.0.0/8")];
    let create = CreateVpc { cidrs, route_tables: true, ..CreateVpc::default() };
    let by_tables: Vpc = world.run(tenant(Command::CreateVpc(create)));
    let add = |vpc: &Vpc, number: u32| tenant(subnet(vpc.id, "zone-1", &format!("10.0.{number}.0/24")));
    for number in 0..100 {
        world.run::<Subnet>(add(&implied, number));
        world.run::<Subnet>(add(&by_tables, number));
    }
    let refusal = world.refused(add(&implied, 100));
    assert!(matches!(refusal, Refusal::Limit { of: Limited::Things(Noun::Subnet), limit: 100, .. }), "{refusal}");
    (100..200).for_each(|number| drop(world.run::<Subnet>(add(&by_tables, number))));
    let refusal = world.refused(add(&by_tables, 200));
    assert!(matches!(refusal, Refusal::Quota { noun: Noun::Subnet, limit: 200, .. }), "{refusal}");
    world.run::<Subnet>(subnet(implied.id, "zone-1", "10.0.100.0/24"));
}

#[test]
fn v01_a_zone_has_40_floating_ips_and_another_zone_its_own() {
    let mut world = quick();
    for (zone, cidr) in [("zone-1", "203.0.113.0/25"), ("zone-2", "198.51.100.0/25")] {
        let pool = CreatePublicPool { name: None, zone: zone.to_owned(), cidrs: vec![net(cidr)] };
        world.run::<PublicPool>(Command::CreatePublicPool(pool));
    }
    let create = |zone: &str| {
        let zone = Some(zone.to_owned());
        tenant(Command::CreateFloatingIp(CreateFloatingIp { name: None, zone, address: None, target: None }))
    };
    (0..40).for_each(|_| drop(world.run::<FloatingIp>(create("zone-1"))));
    let refusal = world.refused(create("zone-1"));
    assert!(matches!(&refusal, Refusal::Quota { noun: Noun::FloatingIp, limit: 40, .. }), "{refusal}");
    assert!(refusal.to_string().contains("in zone 'zone-1'"), "{refusal}");
    world.run::<FloatingIp>(create("zone-2"));
}

#[test]
fn v01_reserved_ips_are_counted_in_a_region_but_for_the_providers() {
    assert_eq!(quota::named("reserved-ips").unwrap().default, 20_000);
    let mut world = World::new();
    let vpc: Vpc = world.run(tenant(Command::CreateVpc(CreateVpc::default())));
    let home: Subnet = world.run(tenant(subnet(vpc.id, "zone-1", "10.0.0.0/24")));
    let limit = |limit| Command::SetQuota { account: AccountId::FIRST, quota: "reserved-ips".to_owned(), limit };
    world.done(limit(Some(3)));
    let reserve = |subnet: SubnetId| tenant(reserve_command(subnet));
    let first: ReservedIp = world.run(reserve(home.id));
    world.run::<ReservedIp>(reserve(home.id));
    world.run::<Vni>(tenant(Command::CreateVni(vni(home.id))));
    let refusal = world.refused(reserve(home.id));
    assert!(matches!(refusal, Refusal::Quota { noun: Noun::ReservedIp, limit: 3, .. }), "{refusal}");
    let refusal = world.refused(tenant(Command::CreateVni(vni(home.id))));
    assert!(matches!(refusal, Refusal::Quota { noun: Noun::ReservedIp, .. }), "an interface's are counted: {refusal}");
    world.run::<ReservedIp>(tenant(Command::DeleteReservedIp(first.id)));
    world.run::<ReservedIp>(reserve(home.id));
    world.run::<Subnet>(tenant(subnet(vpc.id, "zone-1", "10.0.1.0/24")));
}

fn reserve_command(subnet: SubnetId) -> Command {
    Command::CreateReservedIp(CreateReservedIp { subnet, address: None, name: None, auto_delete: false, target: None })
}

#[test]
fn v01_a_group_applies_to_1000_interfaces_unless_it_is_the_default_one() {
    let mut s = scene();
    s.world.checked = false;
    let wide = s.world.subnet(s.vpc, "10.1.0.0/20").id;
    let create = CreateSecurityGroup { vpc: s.vpc, name: None, description: String::new(), rules: None };
    let group: SecurityGroup = s.world.run(Command::CreateSecurityGroup(create));
    let mut last = None;
    for _ in 0..1_001 {
        // In the default group first, which takes any number.
        let made: Vni = s.world.run(Command::CreateVni(vni(wide)));
        let set = tenant(Command::ChangeVniGroups(made.id, GroupsChange::Set(vec![group.id])));
        match s.world.attempt(set) {
            Ok(_) => last = Some(made.id),
            Err(refusal) => {
                let full = matches!(refusal, Refusal::Limit { of: Limited::InterfacesOfGroup, limit: 1_000, .. });
                assert!(full && s.world.all::<Vni>().len() == 1_001, "{refusal}");
                s.world.run::<Vni>(Command::DeleteVni(last.unwrap()));
                let set = |id| tenant(Command::ChangeVniGroups(id, GroupsChange::Set(vec![group.id])));
                s.world.run::<Vni>(set(made.id));
                // Where the operator says so, there is room for more; and for the operator's own there always is.
                let one_more: Vni = s.world.run(Command::CreateVni(vni(wide)));
                s.world.refused(set(one_more.id));
                let quota = "ibm-security-group-targets".to_owned();
                s.world.done(Command::SetQuota { account: AccountId::FIRST, quota, limit: Some(1_001) });
                s.world.run::<Vni>(set(one_more.id));
                let another: Vni = s.world.run(Command::CreateVni(vni(wide)));
                s.world.refused(set(another.id));
                s.world.run::<Vni>(Command::ChangeVniGroups(another.id, GroupsChange::Set(vec![group.id])));
                return;
            }
        }
    }
    panic!("1,001 were taken");
}

#[test]
fn v01_a_vpc_has_100_security_groups() {
    let mut s = scene();
    s.world.checked = false;
    let create = || {
        let create = CreateSecurityGroup { vpc: s.vpc, name: None, description: String::new(), rules: None };
        tenant(Command::CreateSecurityGroup(create))
    };
    (1..100).for_each(|_| drop(s.world.run::<SecurityGroup>(create())));
    let refusal = s.world.refused(create());
    let full = matches!(refusal, Refusal::Limit { of: Limited::Things(Noun::SecurityGroup), limit: 100, .. });
    assert!(full, "{refusal}");
    s.world.done(Command::SetQuota {
        account: AccountId::FIRST,
        quota: "ibm-security-groups".to_owned(),
        limit: Some(101),
    });
    s.world.run::<SecurityGroup>(create());
    s.world.refused(create());
}
