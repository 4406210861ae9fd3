//! What must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::id::{HostId, ReservedIpId};
use pintle_core::model::{ReservedBy, ReservedIp, Vni};
use pintle_core::record::address_key;
use pintle_server::projector::compile_all;

use super::Plane;

/// What every host should have, worked out from scratch.
pub fn expected_entries(plane: &Plane) -> BTreeMap<HostId, BTreeMap<EntryKey, Entry>> {
    let snapshot = plane.store.snapshot().expect("a snapshot");
    let mut expected: BTreeMap<HostId, BTreeMap<EntryKey, Entry>> = BTreeMap::new();
    for (subject, hosts) in compile_all(&*snapshot).expect("readable") {
        for (host, entries) in hosts {
            let of_host = expected.entry(host).or_default();
            for (key, entry) in entries {
                assert_eq!(of_host.insert(key, entry), None, "{key} on {host} comes from {subject:?} and another");
            }
        }
    }
    expected
}

/// Conservation: every address that is taken is bound or reserved, is so once, and both sides agree on it.
pub fn check_addresses(plane: &Plane, when: &str) {
    let snapshot = plane.store.snapshot().expect("a snapshot");
    let all = |prefix| snapshot.list(prefix, "", usize::MAX).expect("readable");
    let keys = all("address/").into_iter().chain(all("address6/"));
    let taken: BTreeMap<String, ReservedIpId> = keys
        .map(|stored| (stored.key, String::from_utf8(stored.value).expect("text").parse().expect("an id")))
        .collect();
    drop(snapshot);
    let ips: Vec<ReservedIp> = plane.all();
    assert_eq!(taken.len(), ips.len(), "{when}: taken = bound + reserved");
    let vnis: BTreeMap<_, Vni> = plane.vnis().into_iter().map(|vni| (vni.id, vni)).collect();
    let mut bound = BTreeSet::new();
    for ip in &ips {
        assert_eq!(taken.get(&address_key(ip.vpc, ip.address)), Some(&ip.id), "{when}: {ip:?}");
        match (ip.reserved_by, ip.bound_to) {
            (ReservedBy::Provider, holder) => assert_eq!(holder, None, "{when}: {ip:?}"),
            (ReservedBy::User, None) => {
                assert!(!ip.auto_delete, "{when}: a leak, nobody holds it and nobody made it: {ip:?}")
            }
            (ReservedBy::User, Some(vni)) => {
                let vni = vnis.get(&vni).unwrap_or_else(|| panic!("{when}: held by nobody: {ip:?}"));
                assert!(vni.ips.contains(&ip.id), "{when}: {ip:?} against {vni:?}");
                assert!(bound.insert((ip.vpc, ip.address)), "{when}: bound twice: {ip:?}");
            }
        }
    }
    let listed: usize = vnis.values().map(|vni| vni.ips.len()).sum();
    assert_eq!(listed, bound.len(), "{when}: every interface's addresses are bound to it");
}
