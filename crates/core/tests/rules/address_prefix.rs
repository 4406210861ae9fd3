//! Address prefixes: ranges of a VPC for one zone each, from which subnets get theirs.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateVpc, NewAddressPrefix, PlaceSubnet, SubnetRange, UpdateAddressPrefix};
use pintle_core::id::VpcId;
use pintle_core::model::{AddressPrefix, Region, Subnet, Vpc};
use pintle_core::refusal::{Holder, Limited, Noun};

use crate::common::build::{net, subnet};
use crate::common::{World, says};

fn world() -> World {
    let mut world = World::new();
    let zones = ["zone-1", "zone-2"].map(str::to_owned).to_vec();
    world.done(Command::ConfigureRegions(vec![Region { name: "local".to_owned(), zones }]));
    world
}

fn prefix(zone: &str, cidr: &str, default: bool) -> NewAddressPrefix {
    NewAddressPrefix { name: None, zone: zone.to_owned(), cidr: net(cidr), default }
}

fn place(vpc: VpcId, zone: &str, range: SubnetRange) -> Command {
    let zone = zone.to_owned();
    Command::PlaceSubnet(PlaceSubnet {
        vpc,
        name: None,
        zone,
        range,
        acl: None,
        public_gateway: None,
        route_table: None,
    })
}

fn auto(world: &mut World) -> Vpc {
    world.run(Command::CreateVpc(CreateVpc { zone_prefixes: true, ..CreateVpc::default() }))
}

#[test]
fn b02_a_vpc_begins_with_a_prefix_for_each_zone_and_subnets_get_their_range_from_it() {
    let mut world = world();
    let vpc = auto(&mut world);
    let mut all = world.all::<AddressPrefix>();
    all.sort_by_key(|prefix| prefix.zone.clone());
    let shown: Vec<_> =
        all.iter().map(|prefix| (prefix.zone.as_str(), prefix.cidr.to_string(), prefix.default)).collect();
    assert_eq!(shown, [("zone-1", "10.240.0.0/18".to_owned(), true), ("zone-2", "10.240.64.0/18".to_owned(), true)]);
    let made = |world: &mut World, zone: &str, count: u32| -> String {
        world.run::<Subnet>(place(vpc.id, zone, SubnetRange::Count(count))).cidr.to_string()
    };
    assert_eq!(made(&mut world, "zone-1", 256), "10.240.0.0/24");
    assert_eq!(made(&mut world, "zone-1", 16), "10.240.1.0/28");
    assert_eq!(made(&mut world, "zone-1", 512), "10.240.2.0/23", "aligned, behind what is there");
    assert_eq!(made(&mut world, "zone-1", 8), "10.240.1.16/29", "the lowest that is free");
    assert_eq!(made(&mut world, "zone-2", 16_384), "10.240.64.0/18");
    says(&world.refused(place(vpc.id, "zone-2", SubnetRange::Count(8))), &["no /29", "is free"]);
    for count in [0, 4, 9, 1 << 25] {
        let refusal = world.refused(place(vpc.id, "zone-1", SubnetRange::Count(count)));
        assert!(matches!(refusal, Refusal::Invalid { field: "total_ipv4_address_count", .. }), "{refusal}");
    }
    says(&world.refused(subnet(vpc.id, "zone-2", "10.240.9.0/24")), &["'zone'", "for zone 'zone-1'"]);
    says(&world.refused(subnet(vpc.id, "zone-1", "10.99.0.0/24")), &["within the VPC's ranges"]);
}

#[test]
fn one_prefix_of_a_zone_is_the_default_one_and_those_in_use_stay() {
    let mut world = world();
    let vpc = auto(&mut world);
    let add = Command::AddAddressPrefix(vpc.id, prefix("zone-1", "10.8.0.0/16", true));
    let made: AddressPrefix = world.run(add);
    let old = world.all::<AddressPrefix>().into_iter().find(|one| one.zone == "zone-1" && one.id != made.id).unwrap();
    assert!(made.default && !old.default, "the new one has replaced it");
    let subnet: Subnet = world.run(place(vpc.id, "zone-1", SubnetRange::Count(64)));
    assert_eq!(subnet.cidr, net("10.8.0.0/26"));
    let refusal = world.refused(Command::RemoveAddressPrefix(made.id));
    let holder = Holder::Subnet(subnet.id);
    assert!(matches!(refusal, Refusal::InUse { noun: Noun::AddressPrefix, holder: found, .. } if found == holder));
    let update = UpdateAddressPrefix { name: Some("main".to_owned()), default: Some(false) };
    let changed: AddressPrefix = world.run(Command::UpdateAddressPrefix(made.id, update));
    assert_eq!((changed.name.as_str(), changed.default), ("main", false));
    says(&world.refused(place(vpc.id, "zone-1", SubnetRange::Count(64))), &["no default address prefix"]);
    world.run::<Subnet>(Command::DeleteSubnet(subnet.id));
    world.run::<AddressPrefix>(Command::RemoveAddressPrefix(made.id));
    assert!(world.get::<Vpc>(vpc.id).nets().all(|net| net != made.cidr));
    let overlap = world.refused(Command::AddAddressPrefix(vpc.id, prefix("zone-2", "10.240.0.0/16", false)));
    assert!(matches!(overlap, Refusal::CidrOverlap { .. }));
    world.run::<Vpc>(Command::DeleteVpc(vpc.id));
    assert_eq!(world.all::<AddressPrefix>(), []);
}

#[test]
fn v01_a_vpc_has_25_address_prefixes() {
    let mut world = world();
    let vpc: Vpc = world.run(Command::CreateVpc(CreateVpc::default()));
    let add = |number: u8| Command::AddAddressPrefix(vpc.id, prefix("zone-1", &format!("10.{number}.0.0/16"), false));
    (0..25).for_each(|number| drop(world.run::<AddressPrefix>(add(number))));
    let refusal = world.refused(add(25));
    assert!(matches!(refusal, Refusal::Limit { of: Limited::Ranges, limit: 25, .. }), "{refusal}");
}
