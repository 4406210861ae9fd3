//! Sets of DHCP options: what they may say, and who has one keeps it from being deleted.

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateDhcpOptionSet, CreateVpc, NewDhcp, UpdateVpc};
use pintle_core::model::{DhcpOptionSet, DhcpOptions, Vpc};
use pintle_core::refusal::{Holder, Noun};

use crate::common::{World, says};

fn set(options: DhcpOptions) -> Command {
    Command::CreateDhcpOptionSet(CreateDhcpOptionSet { provided_dns: false, options })
}

#[test]
fn what_guests_cannot_be_told_is_refused() {
    let mut world = World::new();
    let servers = |count: u8| (1..=count).map(|n| [10, 0, 0, n].into()).collect::<Vec<_>>();
    let six = |count: u8| (1..=count).map(|n| format!("2001:db8::{n}").parse().unwrap()).collect::<Vec<_>>();
    let options = DhcpOptions::default;
    world.run::<DhcpOptionSet>(set(DhcpOptions { ntp: [servers(4), six(4)].concat(), ..options() }));
    for (options, needles) in [
        (DhcpOptions { dns: servers(5), ..options() }, ["dhcp.dns", "5 servers"]),
        (DhcpOptions { ntp: servers(5), ..options() }, ["dhcp.ntp", "5 servers"]),
        (DhcpOptions { dns: vec!["224.0.0.1".parse().unwrap()], ..options() }, ["dhcp.dns", "224.0.0.1"]),
        (DhcpOptions { netbios: vec!["0.0.0.0".parse().unwrap()], ..options() }, ["dhcp.netbios", "0.0.0.0"]),
        (DhcpOptions { netbios_node: Some(3), ..options() }, ["dhcp.netbios_node", "1, 2, 4 or 8"]),
        (DhcpOptions { domain: Some("a b".to_owned()), ..options() }, ["dhcp.domain", "a b"]),
    ] {
        says(&world.refused(set(options)), &needles);
    }
}

#[test]
fn what_guests_are_told_follows_the_set_of_their_vpc() {
    let mut world = World::new();
    let create = || Command::CreateVpc(CreateVpc { dhcp: NewDhcp::DefaultSet, ..CreateVpc::default() });
    let vpc: Vpc = world.run(create());
    let other: Vpc = world.run(create());
    let default = vpc.dhcp_set.unwrap();
    assert_eq!(other.dhcp_set, Some(default));
    assert_eq!(vpc.dhcp.domain.as_deref(), Some("local.compute.internal"));
    let options = DhcpOptions { domain: Some("corp.example".to_owned()), ..DhcpOptions::default() };
    let own: DhcpOptionSet = world.run(set(options.clone()));
    let told: Vpc = world.run(Command::AssociateDhcpOptionSet(vpc.id, Some(own.id)));
    assert_eq!((told.dhcp, told.dhcp_set), (options, Some(own.id)));
    let refusal = world.refused(Command::DeleteDhcpOptionSet(own.id));
    assert!(
        matches!(&refusal, Refusal::InUse { noun: Noun::DhcpOptionSet, holder: Holder::Vpc(id), .. } if *id == vpc.id),
        "{refusal}"
    );
    assert!(matches!(world.refused(Command::DeleteDhcpOptionSet(default)), Refusal::InUse { .. }));
    let none: Vpc = world.run(Command::AssociateDhcpOptionSet(vpc.id, None));
    assert_eq!((none.dhcp, none.dhcp_set), (DhcpOptions::default(), None));
    world.run::<DhcpOptionSet>(Command::DeleteDhcpOptionSet(own.id));
    // An operator's own words end the association, and a deleted VPC has none.
    let update = UpdateVpc { dhcp: Some(DhcpOptions::default()), ..UpdateVpc::default() };
    assert_eq!(world.run::<Vpc>(Command::UpdateVpc(other.id, update)).dhcp_set, None);
    world.run::<DhcpOptionSet>(Command::DeleteDhcpOptionSet(default));
    let third: Vpc = world.run(create());
    assert_ne!(third.dhcp_set, Some(default), "the owner's default set is made anew");
    world.run::<Vpc>(Command::DeleteVpc(third.id));
    world.run::<DhcpOptionSet>(Command::DeleteDhcpOptionSet(third.dhcp_set.unwrap()));
}

#[test]
fn public_names_need_the_providers_name_server() {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    let support = |on| UpdateVpc { dns_support: Some(on), ..UpdateVpc::default() };
    let hostnames = UpdateVpc { dns_hostnames: Some(true), ..UpdateVpc::default() };
    world.run::<Vpc>(Command::UpdateVpc(vpc, support(false)));
    says(&world.refused(Command::UpdateVpc(vpc, hostnames.clone())), &["'dns_hostnames'", "dns_support"]);
    world.run::<Vpc>(Command::UpdateVpc(vpc, support(true)));
    assert!(world.run::<Vpc>(Command::UpdateVpc(vpc, hostnames)).dns_hostnames);
}
