//! What hosts have been told: worked out at once for a whole store, or commit by commit as a server does it.

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::compile::{
    Carriers, Effect, HostEntries, Subject, effect, subject, subjects_of_ports, subjects_of_routes, subjects_of_vpc,
};
use pintle_core::host_spec::Entry;
use pintle_core::model::{Attachment, Instance, Share, Subnet, Vni, Vpc};
use pintle_core::model::{NetworkAcl, PrefixList, PublicGateway, RouteTable, SecurityGroup};
use pintle_core::record::Record;
use pintle_core::txn::{Txn, Write};

use crate::common::Store;

/// Which hosts carry which VPCs, from all attachments.
pub(crate) fn carriers(store: &Store) -> Carriers {
    let mut carriers = Carriers::default();
    for attachment in store.records::<Attachment>() {
        carriers.update(attachment.id, Some(&attachment));
    }
    for gateway in store.records::<PublicGateway>() {
        carriers.update_gateway(gateway.id, Some(&gateway));
    }
    carriers
}

/// Everything that every host should have. No two subjects may have an entry in common.
pub(crate) fn whole(store: &Store) -> HostEntries {
    let carriers = carriers(store);
    let instances = store.records::<Instance>().into_iter().map(|one| Subject::Instance(one.id));
    let subnets = store.records::<Subnet>().into_iter().map(|one| Subject::Subnet(one.id));
    let vnis = store.records::<Vni>().into_iter().map(|one| Subject::Vni(one.id));
    let vpcs = store.records::<Vpc>().into_iter().map(|one| Subject::Vpc(one.id));
    let groups = store.records::<SecurityGroup>().into_iter().map(|one| Subject::Group(one.id));
    let acls = store.records::<NetworkAcl>().into_iter().map(|one| Subject::Acl(one.id));
    let lists = store.records::<PrefixList>().into_iter().map(|one| Subject::PrefixList(one.id));
    let tables = store.records::<RouteTable>().into_iter().map(|one| Subject::RouteTable(one.id));
    let shares = store.records::<Share>().into_iter().map(|one| Subject::Share(one.id));
    let all = tables
        .chain(instances)
        .chain(subnets)
        .chain(vnis)
        .chain(vpcs)
        .chain(groups)
        .chain(acls)
        .chain(lists)
        .chain(shares);
    merge(all.map(|one| subject(store, &carriers, one).unwrap()))
}

/// Hosts that should have nothing are no different from hosts that were never heard of.
fn merge(parts: impl Iterator<Item = HostEntries>) -> HostEntries {
    let mut whole = HostEntries::new();
    for (host, entries) in parts.flatten() {
        for (key, entry) in entries {
            let twice = whole.entry(host).or_default().insert(key, entry);
            assert_eq!(twice, None::<Entry>, "two subjects have {key} on {host}");
        }
    }
    whole
}

/// A server's memory: it hears of each commit and works out only what the commit concerns.
#[derive(Debug, Default)]
pub(crate) struct Told {
    carriers: Carriers,
    subjects: BTreeMap<Subject, HostEntries>,
}

impl Told {
    /// A server that starts reads everything once.
    pub(crate) fn hear_all(&mut self, store: &Store) {
        let content = store.content();
        let writes = content.iter().map(|(key, value)| Write::Put { key: (*key).to_owned(), value: value.to_vec() });
        self.hear(store, &Txn { compares: Vec::new(), writes: writes.collect() });
    }

    /// Takes a commit into account; which subjects had to be worked out again.
    pub(crate) fn hear(&mut self, store: &Store, txn: &Txn) -> BTreeSet<Subject> {
        let mut concerned = BTreeSet::new();
        let mut hosts = BTreeSet::new();
        for write in &txn.writes {
            let (key, value) = match write {
                Write::Put { key, value } => (key, Some(value.as_slice())),
                Write::Delete { key } => (key, None),
            };
            self.carry(store, key, value, &mut concerned);
            match effect(key, value).unwrap() {
                Some(Effect::Subject(subject)) => drop(concerned.insert(subject)),
                Some(Effect::Ports(of)) => concerned.extend(subjects_of_ports(store, of).unwrap()),
                Some(Effect::Routes(vpc)) => concerned.extend(subjects_of_routes(store, vpc).unwrap()),
                Some(Effect::Host(host)) => drop(hosts.insert(host)),
                None => {}
            }
        }
        for vpc in hosts.into_iter().flat_map(|host| self.carriers.vpcs(host)) {
            concerned.extend(subjects_of_vpc(store, vpc).unwrap());
        }
        for one in &concerned {
            self.subjects.insert(*one, subject(store, &self.carriers, *one).unwrap());
        }
        concerned
    }

    fn carry(&mut self, store: &Store, key: &str, value: Option<&[u8]>, concerned: &mut BTreeSet<Subject>) {
        if let Some(id) = key.strip_prefix("public_gateway/").and_then(|id| id.parse().ok()) {
            let gateway: Option<PublicGateway> = value.map(|value| serde_json::from_slice(value).unwrap());
            let vpc = gateway.as_ref().map(|gateway| gateway.vpc).or(self.carriers.vpc_by_gateway(id));
            if self.carriers.update_gateway(id, gateway.as_ref()) {
                concerned.extend(subjects_of_vpc(store, vpc.expect("it carried a VPC")).unwrap());
            }
        }
        let Some(id) = key.strip_prefix("attachment/").and_then(|id| id.parse().ok()) else { return };
        assert_eq!(key, Attachment::key_of(id));
        let attachment: Option<Attachment> = value.map(|value| serde_json::from_slice(value).unwrap());
        let vpc = attachment.as_ref().map(|attachment| attachment.vpc).or(self.carriers.vpc_by(id));
        if self.carriers.update(id, attachment.as_ref()) {
            concerned.extend(subjects_of_vpc(store, vpc.expect("it carried a VPC")).unwrap());
        }
    }

    /// Everything that every host has been told.
    pub(crate) fn whole(&self) -> HostEntries {
        merge(self.subjects.values().cloned())
    }
}
