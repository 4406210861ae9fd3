//! What must hold of internet gateways and route tables after every commit.

use std::collections::BTreeSet;

use pintle_core::model::{
    AddressPrefix, FloatingIp, FloatingIpTarget, InternetGateway, PublicGateway, RouteAction, RouteTable, Subnet, Vni,
    Vpc,
};
use pintle_core::record::{self, Record};

use super::Store;
use super::invariants::Expected;

/// The keys that these records occupy.
pub(crate) fn expect(store: &Store, expected: &mut Expected) {
    for gateway in store.records::<InternetGateway>() {
        expected.nameless(&gateway);
        if let Some(vpc) = gateway.vpc {
            expected.key(record::internet_gateway_of_key(vpc), gateway.id);
        }
    }
    for table in store.records::<RouteTable>() {
        match &table.name {
            Some(name) => expected.listed(&table, &table.vpc.to_string(), name),
            None => expected.nameless(&table),
        }
        for number in table.zone_numbers.values() {
            expected.key(record::zone_number_key(table.vpc, *number), table.id);
        }
        if table.zone_routes.iter().any(|route| route.action == RouteAction::DelegateVpc) {
            expected.index(record::delegating_tables_of_vpc(table.vpc), table.id);
        }
        expected.key(record::table_number_key(table.vpc, table.number), table.id);
        let targets: BTreeSet<String> = table.routes.iter().map(|route| route.to.to_string()).collect();
        targets.iter().for_each(|target| expected.index(record::tables_of_target(target), table.id));
        expected.may.insert(record::routes_of_vpc_key(table.vpc));
    }
    for prefix in store.records::<AddressPrefix>() {
        expected.listed(&prefix, &prefix.vpc.to_string(), &prefix.name);
    }
    for subnet in store.records::<Subnet>() {
        if let Some(association) = subnet.route_table {
            expected.key(record::route_association_key(association.id), subnet.id);
            expected.index(record::subnets_of_table(association.table), subnet.id);
        }
    }
    for vpc in store.records::<Vpc>() {
        expected.key(record::route_association_key(vpc.main_table.id), vpc.id);
    }
}

#[track_caller]
pub(crate) fn check(store: &Store) {
    let table = |id| store.record::<RouteTable>(&RouteTable::key_of(id)).unwrap_or_else(|| panic!("no {id}"));
    for vpc in store.records::<Vpc>() {
        assert_eq!(table(vpc.main_table.table).vpc, vpc.id);
        if vpc.implied_ways {
            continue;
        }
        let attached = store.records::<InternetGateway>().iter().any(|gateway| gateway.vpc == Some(vpc.id));
        let gateways = store.records::<PublicGateway>().into_iter().filter(|gateway| gateway.vpc == vpc.id);
        for gateway in gateways {
            assert!(attached && gateway.place.is_some(), "{gateway:?}");
        }
        for floating in store.records::<FloatingIp>() {
            let Some(FloatingIpTarget::Vni { vni, .. }) = floating.target else { continue };
            let vni: Vni = store.record(&Vni::key_of(vni)).expect("checked elsewhere");
            assert!(vni.vpc != vpc.id || attached, "{floating:?} leads to a VPC without internet gateway");
        }
    }
    for subnet in store.records::<Subnet>() {
        if let Some(association) = subnet.route_table {
            assert_eq!(table(association.table).vpc, subnet.vpc, "{subnet:?}");
        }
    }
    for table in store.records::<RouteTable>() {
        assert!(table.number > 0 && table.routes.is_sorted_by(|one, two| one.net < two.net), "{table:?}");
        assert!(table.routes.iter().all(|route| route.net == route.net.trunc()), "{table:?}");
    }
    for vni in store.records::<Vni>() {
        let Some(gateway) = vni.gateway else { continue };
        let gateway: PublicGateway = store.record(&PublicGateway::key_of(gateway)).expect("it goes with its gateway");
        assert!(gateway.place.is_some_and(|place| place.vni == vni.id) && vni.attachment.is_none(), "{vni:?}");
    }
}
