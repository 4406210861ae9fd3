//! Random commands about ranges, reservations, DHCP option sets and defaults; the third part of [`super::ops`].

use pintle_core::command::{Command, CreateDhcpOptionSet, CreateSubnetReservation, NewRange};
use pintle_core::id::{SubnetRangeId, VpcRangeId};
use pintle_core::model::{
    AccountId, DhcpOptionSet, DhcpOptions, Owner, ReservationKind, Subnet, SubnetReservation, Vpc,
};

use super::ops::{What, ZONES, pick};
use crate::common::Store;
use crate::common::build::net;

const RANGES: [&str; 3] = ["10.0.0.0/24", "10.9.0.0/16", "10.0.0.0/28"];
const PARTS: [&str; 5] = ["10.0.0.16/28", "10.0.0.8/29", "10.0.0.4/30", "2001:db8::/80", "2001:db8:0:0:8000::/65"];

/// The command that this kind is in a world.
pub(super) fn command(what: What, store: &Store, [a, b, c, _]: [u8; 4]) -> Command {
    let zone = || ZONES[usize::from(b.is_multiple_of(4))].to_owned();
    match what {
        What::AddRange => {
            let range = match b % 4 {
                0 => NewRange::ProvidedIpv6,
                other => NewRange::Net(net(RANGES[usize::from(other) - 1])),
            };
            Command::AddVpcRange(pick::<Vpc>(store, a), range)
        }
        What::RemoveRange => Command::RemoveVpcRange(range_of(store, a, b)),
        What::AddSubnetRange => Command::AddSubnetRange(
            pick::<Subnet>(store, a),
            ["2001:db8::/64", "fd00::/64"][usize::from(b % 2)].parse().unwrap(),
        ),
        What::RemoveSubnetRange => {
            Command::RemoveSubnetRange(SubnetRangeId::from_bits(pick::<Subnet>(store, a).bits()))
        }
        What::ReservePart => Command::CreateSubnetReservation(CreateSubnetReservation {
            subnet: pick::<Subnet>(store, a),
            cidr: PARTS[usize::from(b) % PARTS.len()].parse().unwrap(),
            kind: if c.is_multiple_of(2) { ReservationKind::Prefix } else { ReservationKind::Explicit },
            description: String::new(),
        }),
        What::FreePart => Command::DeleteSubnetReservation(pick::<SubnetReservation>(store, a)),
        What::DhcpSet => {
            let domain = Some(["a.example", "b.example", "-"][usize::from(a) % 3].to_owned());
            let options = DhcpOptions { domain, ..DhcpOptions::default() };
            Command::CreateDhcpOptionSet(CreateDhcpOptionSet { provided_dns: b.is_multiple_of(2), options })
        }
        What::DeleteDhcpSet => Command::DeleteDhcpOptionSet(pick::<DhcpOptionSet>(store, a)),
        What::AssociateDhcpSet => {
            let set = (!b.is_multiple_of(4)).then(|| pick::<DhcpOptionSet>(store, c));
            Command::AssociateDhcpOptionSet(pick::<Vpc>(store, a), set)
        }
        What::EnsureDefaults => Command::EnsureDefaults(Owner::new(AccountId::FIRST, "local")),
        What::DefaultVpc => Command::CreateDefaultVpc,
        What::DefaultSubnet => Command::CreateDefaultSubnet(zone()),
        What::DeleteBareVpc => Command::DeleteBareVpc(pick::<Vpc>(store, a)),
        other => panic!("{other:?} is not about ranges, reservations, DHCP option sets or defaults"),
    }
}

/// Mostly a range that a VPC has.
fn range_of(store: &Store, a: u8, b: u8) -> VpcRangeId {
    let vpcs = store.records::<Vpc>();
    let ranges = vpcs.iter().flat_map(|vpc| {
        let v4 = vpc.cidrs.iter().map(|range| range.id);
        v4.chain(vpc.ipv6_cidrs.iter().map(|range| range.id))
    });
    let ranges: Vec<VpcRangeId> = ranges.collect();
    match ranges.len() {
        count if count > 0 && b < 240 => ranges[usize::from(a) % count],
        _ => VpcRangeId::from_bits(a.into()),
    }
}
