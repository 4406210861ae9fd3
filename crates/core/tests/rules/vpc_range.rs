//! Ranges of VPCs: found by their ids, added and taken away, and blocks of IPv6 that one VPC has and no other.

use std::collections::BTreeSet;

use ipnet::IpNet;
use pintle_core::command::{Command, CreateVpc, NewRange, UpdateVpc};
use pintle_core::id::VpcRangeId;
use pintle_core::model::{Subnet, Vpc, VpcRange};
use pintle_core::refusal::{Holder, Noun};
use pintle_core::{Refusal, Reply};

use crate::common::build::{group, net};
use crate::common::{Answer, World, says};

pub(super) struct Range(Vpc, VpcRange<IpNet>);

impl Answer for Range {
    fn of(reply: Reply) -> Self {
        match reply {
            Reply::VpcRange(vpc, range) => Range(vpc, range),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_range_is_added_used_and_taken_away() {
    let mut world = World::new();
    let vpc = world.vpc(&["10.0.0.0/16"]);
    let add = |text: &str| Command::AddVpcRange(vpc.id, NewRange::Net(net(text)));
    let Range(with, range) = world.run(add("10.1.0.0/16"));
    assert_eq!((range.net.to_string().as_str(), range.provided, with.cidrs.len()), ("10.1.0.0/16", false, 2));
    assert_eq!(range.id, VpcRange::<IpNet>::id_of(vpc.id, range.net));
    assert!(matches!(world.refused(add("10.1.128.0/24")), Refusal::CidrOverlap { .. }));
    let subnet = world.subnet(vpc.id, "10.1.0.0/24");
    let refusal = world.refused(Command::RemoveVpcRange(range.id));
    assert!(
        matches!(&refusal, Refusal::InUse { noun: Noun::VpcRange, holder: Holder::Subnet(id), .. } if *id == subnet.id),
        "{refusal}"
    );
    world.run::<Subnet>(Command::DeleteSubnet(subnet.id));
    let Range(without, gone) = world.run(Command::RemoveVpcRange(range.id));
    assert_eq!((without.cidrs.len(), gone), (1, range));
    assert!(matches!(world.refused(Command::RemoveVpcRange(range.id)), Refusal::NotFound { noun: Noun::VpcRange, .. }));
    let refusal = world.refused(Command::RemoveVpcRange(vpc.cidrs[0].id));
    says(&refusal, &["primary", "as long as its VPC"]);
    for more in ["10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16"] {
        world.run::<Range>(add(more));
    }
    says(&world.refused(add("10.6.0.0/16")), &["IPv4 ranges", "5"]);
}

#[test]
fn a_vpc_whose_subnets_lie_anywhere_gets_its_first_range_around_them() {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    let subnet = world.subnet(vpc, "10.0.0.0/24");
    let add = |text: &str| Command::AddVpcRange(vpc, NewRange::Net(net(text)));
    let refusal = world.refused(add("10.1.0.0/16"));
    assert!(matches!(&refusal, Refusal::InUse { holder: Holder::Subnet(id), .. } if *id == subnet.id), "{refusal}");
    world.run::<Range>(add("10.0.0.0/16"));
}

#[test]
fn b08_blocks_of_ipv6_that_the_server_chooses_are_one_vpcs_only() {
    let mut world = World::new();
    let provided = || Command::CreateVpc(CreateVpc { provided_ipv6: true, ..CreateVpc::default() });
    let first: Vpc = world.run(provided());
    let block = first.ipv6_cidrs[0].net;
    assert!(first.ipv6_cidrs[0].provided && block.prefix_len() == 56 && block.to_string().starts_with("fd"), "{block}");
    // A range with room for four VPCs.
    world.done(Command::ConfigureIpv6Range(Some("2001:db8::/54".parse().unwrap())));
    let mut blocks = BTreeSet::new();
    let mut vpcs = Vec::new();
    for _ in 0..4 {
        let vpc: Vpc = world.run(provided());
        assert!(blocks.insert(vpc.ipv6_cidrs[0].net));
        vpcs.push(vpc);
    }
    let range: ipnet::Ipv6Net = "2001:db8::/54".parse().unwrap();
    assert!(blocks.iter().all(|block| range.contains(block)), "{blocks:?}");
    says(&world.refused(provided()), &["2001:db8::/54", "limit is 4"]);
    world.run::<Vpc>(Command::DeleteVpc(vpcs[2].id));
    let again: Vpc = world.run(provided());
    assert_eq!(again.ipv6_cidrs[0].net, vpcs[2].ipv6_cidrs[0].net);
    world.run::<Range>(Command::RemoveVpcRange(vpcs[0].ipv6_cidrs[0].id));
    let Range(_, range) = world.run(Command::AddVpcRange(first.id, NewRange::ProvidedIpv6));
    assert_eq!(range.net, vpcs[0].ipv6_cidrs[0].net.into());
    // Setting all ranges keeps those that stay, and gives back those that go.
    let update = UpdateVpc { ipv6_cidrs: Some(vec![block]), ..UpdateVpc::default() };
    let kept: Vpc = world.run(Command::UpdateVpc(first.id, update));
    assert_eq!(kept.ipv6_cidrs, first.ipv6_cidrs);
    let Range(_, range) = world.run(Command::AddVpcRange(vpcs[0].id, NewRange::ProvidedIpv6));
    assert_eq!(range.net, vpcs[0].ipv6_cidrs[0].net.into());
    world.ignored(Command::ConfigureIpv6Range(Some("2001:db8::/54".parse().unwrap())));
    world.done(Command::ConfigureIpv6Range(None));
    says(&world.refused(Command::ConfigureIpv6Range(Some("fe80::/16".parse().unwrap()))), &["'ipv6_range'"]);
    assert!(matches!(
        world.refused(Command::RemoveVpcRange(VpcRangeId::from_bits(7))),
        Refusal::NotFound { noun: Noun::VpcRange, .. }
    ));
}

#[test]
fn a_bare_vpc_has_nothing_beside_what_it_began_with() {
    let mut world = World::new();
    let vpc = world.vpc(&["10.0.0.0/16"]);
    let group = group(&mut world, vpc.id, Vec::new());
    let refusal = world.refused(Command::DeleteBareVpc(vpc.id));
    assert!(matches!(&refusal, Refusal::InUse { holder: Holder::SecurityGroup(id), .. } if *id == group), "{refusal}");
    world.run::<pintle_core::model::SecurityGroup>(Command::DeleteSecurityGroup(group));
    let subnet = world.subnet(vpc.id, "10.0.0.0/24").id;
    assert!(matches!(world.refused(Command::DeleteBareVpc(vpc.id)), Refusal::InUse { holder: Holder::Subnet(_), .. }));
    world.run::<Subnet>(Command::DeleteSubnet(subnet));
    world.run::<Vpc>(Command::DeleteBareVpc(vpc.id));
}
