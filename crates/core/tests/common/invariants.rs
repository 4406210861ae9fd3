//! What must hold of the store after every commit, whatever the commands were.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use pintle_core::id::AclAssociationId;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::limits;
use pintle_core::model::{
    AccessKey, Account, AccountId, Attachment, DepartedInstance, DhcpOptionSet, Host, Instance, InstanceState,
    MAX_INDEX, Move, Owner, ReservedBy, ReservedIp, Role, Share, SshKey, Subnet, SubnetReservation, Vni, VniPermission,
    Vpc,
};
use pintle_core::net::subnet_roles;
use pintle_core::record::{self, Listed, Record, name_key};
use pintle_core::txn::{Txn, Write};

use super::{Store, beside_invariants, child_invariants, legality_invariants, policy_invariants, routing_invariants};

/// Checks the whole store.
#[track_caller]
pub(crate) fn check(store: &Store) {
    let all = All::read(store);
    all.check_keys(store);
    all.check_places();
    all.check_addresses();
    all.check_interfaces(store);
    all.check_attachments();
    all.check_moves();
    policy_invariants::check(store);
    beside_invariants::check(store);
    child_invariants::check(store);
    routing_invariants::check(store);
}

/// Every record that a transaction changes takes only steps that its life has.
#[track_caller]
pub(crate) fn check_lives(before: &Store, txn: &Txn) {
    fn state<R: Record>(store: &Store, key: &str, value: &[u8], of: fn(&R) -> Lifecycle) {
        let Some(old) = store.record::<R>(key) else { return };
        let new: R = serde_json::from_slice(value).unwrap();
        assert!(of(&old).may_become(of(&new)), "{key} goes from {:?} to {:?}", of(&old), of(&new));
    }
    for write in &txn.writes {
        let Write::Put { key, value } = write else { continue };
        match key.split('/').next() {
            Some(Vni::KIND) => state::<Vni>(before, key, value, |vni| vni.lifecycle),
            Some(Instance::KIND) => state::<Instance>(before, key, value, |instance| instance.lifecycle),
            Some(Share::KIND) => state::<Share>(before, key, value, |share| share.lifecycle),
            Some(Attachment::KIND) => state::<Attachment>(before, key, value, |attachment| attachment.lifecycle),
            _ => {}
        }
    }
}

struct All {
    vpcs: BTreeMap<String, Vpc>,
    subnets: BTreeMap<String, Subnet>,
    ips: BTreeMap<String, ReservedIp>,
    vnis: BTreeMap<String, Vni>,
    instances: BTreeMap<String, Instance>,
    attachments: BTreeMap<String, Attachment>,
    hosts: BTreeMap<String, Host>,
    moves: BTreeMap<String, Move>,
}

fn by_id<R: Record>(store: &Store) -> BTreeMap<String, R> {
    store.records::<R>().into_iter().map(|record| (record.id().to_string(), record)).collect()
}

impl All {
    fn read(store: &Store) -> All {
        All {
            vpcs: by_id(store),
            subnets: by_id(store),
            ips: by_id(store),
            vnis: by_id(store),
            instances: by_id(store),
            attachments: by_id(store),
            hosts: by_id(store),
            moves: by_id(store),
        }
    }

    /// The keys are exactly those of the records and what they occupy: nothing missing, nothing left behind.
    fn check_keys(&self, store: &Store) {
        let mut expected = Expected::default();
        for vpc in self.vpcs.values() {
            expected.listed(vpc, &vpc.owner.scope(), &vpc.name);
            expected.key(record::segment_key(vpc.segment), vpc.id);
            expected_of_vpc(vpc, &mut expected);
            expected.may.insert(record::ports_of_vpc_key(vpc.id));
        }
        for subnet in self.subnets.values() {
            expected.listed(subnet, &subnet.vpc.to_string(), &subnet.name);
            expected.index(record::subnets_of_vpc(subnet.vpc), subnet.id);
            expected.may.extend([record::address_hint_key(subnet.id), record::prefix_hint_key(subnet.id)]);
            expected.may.insert(record::ports_of_subnet_key(subnet.id));
            expected.index(record::subnets_of_acl(subnet.acl), subnet.id);
            let association = AclAssociationId::of(subnet.id, subnet.acl);
            expected.key(record::acl_association_key(association), subnet.id);
            if let Some(gateway) = subnet.public_gateway {
                expected.index(record::subnets_of_gateway(gateway), subnet.id);
            }
        }
        for ip in self.ips.values() {
            expected.listed(ip, &ip.subnet.to_string(), &ip.name);
            expected.key(record::address_key(ip.vpc, ip.address), ip.id);
        }
        for vni in self.vnis.values() {
            expected.listed(vni, &vni.vpc.to_string(), &vni.name);
            expected.index(record::vnis_of_subnet(vni.subnet), vni.id);
            expected.key(record::mac_key(vni.mac), vni.id);
            if vni.child {
                expected.index(record::children_of(&vni.owner), vni.id);
            }
            for net in &vni.prefixes {
                expected.key(record::prefix_key(vni.vpc, *net), vni.id);
                expected.key(record::prefix_of_subnet_key(vni.subnet, *net), vni.id);
            }
        }
        for permission in store.records::<VniPermission>() {
            expected.may.insert(VniPermission::key_of(permission.id));
            expected.key(permission.list_key(), permission.id);
            let VniPermission { vni, account, allows, .. } = permission;
            expected.key(record::vni_permission_key(vni, account, allows), permission.id);
            assert_eq!(permission.owner, self.vnis[&vni.to_string()].owner, "{permission:?}");
        }
        for instance in self.instances.values() {
            let (scope, of_vpc) = match instance.role {
                Role::ShareMount(share) => (share.to_string(), record::mounts_of_vpc(instance.vpc)),
                Role::Server | Role::BareMetal => (instance.vpc.to_string(), record::instances_of_vpc(instance.vpc)),
            };
            expected.listed(instance, &scope, &instance.name);
            expected.index(of_vpc, instance.id);
            expected.index(record::instances_of_host(instance.host), instance.id);
            expected.may.insert(record::ports_of_instance_key(instance.id));
            expected.may.insert(record::notes_key(instance.id));
        }
        for attachment in self.attachments.values() {
            expected.listed(attachment, &attachment.instance.to_string(), &attachment.name);
            expected.index(record::attachments_of_vpc(attachment.vpc), attachment.id);
            expected.index(record::attachments_of_host(attachment.host), attachment.id);
            expected.key(record::attachment_index_key(attachment.instance, attachment.index), attachment.id);
        }
        for host in self.hosts.values() {
            expected.listed(host, "", &host.name);
            expected.key(record::vtep_key(host.vtep), host.id);
            expected.index(record::hosts_of_zone(&host.zone), host.id);
        }
        for departed in store.records::<DepartedInstance>() {
            expected.may.insert(DepartedInstance::key_of(departed.id()));
            expected.key(departed.list_key(), departed.id());
            expected.key(record::departed_key(departed.at, departed.id()), departed.list_key());
        }
        self.expect_shares(store, &mut expected);
        for account in store.records::<Account>() {
            expected.listed(&account, "", &account.name);
        }
        for key in store.records::<AccessKey>() {
            expected.unnamed(&key);
        }
        for reservation in store.records::<SubnetReservation>() {
            let subnet = &self.subnets[&reservation.subnet.to_string()];
            assert!(subnet.reservations.contains(&reservation.id), "{reservation:?} is not listed by {subnet:?}");
            expected.unnamed(&reservation);
        }
        for key in store.records::<SshKey>() {
            expected.listed(&key, &key.owner.scope(), &key.name);
            expected.key(record::ssh_key_of_key(&key.owner, &key.fingerprint), key.id);
        }
        for set in store.records::<DhcpOptionSet>() {
            expected.unnamed(&set);
            let default = record::default_dhcp_key(&set.owner);
            if store.content().get(default.as_str()).is_some_and(|held| *held == set.id.to_string().as_bytes()) {
                expected.key(default, set.id);
            }
        }
        for account in std::iter::once(AccountId::FIRST).chain(store.records::<Account>().iter().map(|one| one.id)) {
            let regions = pintle_core::query::regions(store).unwrap();
            expected.may.extend(regions.iter().map(|region| record::begun_key(&Owner::new(account, &region.name))));
        }
        expected.may.insert(record::IPV6_RANGE.to_owned());
        expected.may.insert(record::REGIONS.to_owned());
        expected.may.extend(self.moves.values().map(|moving| Move::key_of(moving.vni)));
        policy_invariants::expect(store, &mut expected);
        routing_invariants::expect(store, &mut expected);
        expected.compare(store);
    }

    /// Shares, and what serves them: on the share's host, one in a VPC, with one interface for life.
    fn expect_shares(&self, store: &Store, expected: &mut Expected) {
        let shares: BTreeMap<String, Share> = by_id(store);
        for share in shares.values() {
            expected.listed(share, &share.owner.scope(), &share.name);
            expected.index(record::shares_of_host(share.host), share.id);
            assert_eq!(self.hosts[&share.host.to_string()].zone, share.zone, "{share:?}");
        }
        for instance in self.instances.values() {
            let Role::ShareMount(share) = instance.role else { continue };
            // Tests of other rules do without a share.
            let Some(share) = shares.get(&share.to_string()) else { continue };
            assert!(instance.host == share.host && instance.owner == share.owner, "{instance:?} of {share:?}");
            assert!(share.lifecycle != Lifecycle::Deleting, "{share:?} goes, {instance:?} stays");
            let key = record::mount_target_key(share.id, instance.vpc);
            let id = std::str::from_utf8(store.content()[key.as_str()]).unwrap().to_owned();
            let mut own = self.attachments.values().filter(|attachment| attachment.instance == instance.id);
            match own.next() {
                Some(only) => assert!(only.primary && only.id.to_string() == id && own.next().is_none(), "{only:?}"),
                None => assert_eq!(instance.lifecycle, Lifecycle::Deleting, "{instance:?} has no interface"),
            }
            expected.key(key, id);
        }
    }

    /// Everything is in a place that exists: subnets in VPCs and apart, instances on hosts of their zone.
    fn check_places(&self) {
        for subnet in self.subnets.values() {
            let vpc = &self.vpcs[&subnet.vpc.to_string()];
            assert_eq!(subnet.owner, vpc.owner, "{subnet:?} is another's than {vpc:?}");
            let within = |net| vpc.ipv6_nets().any(|range| range.contains(net));
            assert!(subnet.ipv6_cidr.as_ref().is_none_or(within), "{subnet:?} is not in {vpc:?}");
            assert!(vpc.cidrs.is_empty() || vpc.nets().any(|range| range.contains(&subnet.cidr)), "{subnet:?}");
            for other in self.subnets.values().filter(|other| other.vpc == subnet.vpc && other.id != subnet.id) {
                let apart =
                    subnet.cidr.broadcast() < other.cidr.network() || other.cidr.broadcast() < subnet.cidr.network();
                let apart6 = subnet.ipv6_cidr.is_none() || subnet.ipv6_cidr != other.ipv6_cidr;
                assert!(apart && apart6, "{subnet:?} overlaps {other:?}");
            }
        }
        for instance in self.instances.values() {
            assert_eq!(self.vpcs[&instance.vpc.to_string()].owner, instance.owner, "{instance:?}");
            assert_eq!(self.hosts[&instance.host.to_string()].zone, instance.zone, "{instance:?}");
        }
    }

    /// Every address is held once and by someone who exists: allocated = bound + unbound + the subnets' own.
    fn check_addresses(&self) {
        let (mut bound, mut unbound, mut own) = (0, 0, 0);
        for ip in self.ips.values() {
            let subnet = &self.subnets[&ip.subnet.to_string()];
            let range = match ip.address {
                IpAddr::V4(_) => IpNet::V4(subnet.cidr),
                IpAddr::V6(_) => IpNet::V6(subnet.ipv6_cidr.unwrap_or_else(|| panic!("{ip:?} in {subnet:?}"))),
            };
            assert!(range.contains(&ip.address) && ip.vpc == subnet.vpc, "{ip:?} is not in {subnet:?}");
            for vni in self.vnis.values().filter(|vni| vni.vpc == ip.vpc) {
                let delegated = vni.prefixes.iter().any(|net| net.contains(&ip.address));
                assert!(!delegated, "{ip:?} is in a network of {vni:?}");
            }
            let role = subnet_roles(subnet.cidr).iter().any(|(address, _)| IpAddr::V4(*address) == ip.address);
            assert_eq!(role, ip.reserved_by == ReservedBy::Provider, "{ip:?}");
            match (ip.reserved_by, ip.bound_to) {
                (ReservedBy::Provider, None) => own += 1,
                (ReservedBy::Provider, Some(_)) => panic!("a role address is bound: {ip:?}"),
                (ReservedBy::User, None) => {
                    assert!(!ip.auto_delete, "nothing would ever delete {ip:?}");
                    unbound += 1;
                }
                (ReservedBy::User, Some(vni)) => {
                    let listed = self.vnis[&vni.to_string()].ips.iter().filter(|id| **id == ip.id).count();
                    assert_eq!(listed, 1, "{ip:?} is bound to {vni}, which lists it {listed} times");
                    bound += 1;
                }
            }
        }
        let listed: usize = self.vnis.values().map(|vni| vni.ips.len()).sum();
        assert_eq!(listed, bound, "interfaces list addresses that are not bound to them");
        assert_eq!(own, 5 * self.subnets.len());
        assert_eq!(self.ips.len(), bound + unbound + own);
    }

    fn check_interfaces(&self, store: &Store) {
        for vni in self.vnis.values() {
            legality_invariants::check_floating_ips(store, vni);
            let subnet = &self.subnets[&vni.subnet.to_string()];
            self.check_ips(vni, subnet);
            assert!(vni.vpc == subnet.vpc && vni.zone == subnet.zone, "{vni:?}");
            for ip in &vni.ips {
                let ip = &self.ips[&ip.to_string()];
                assert!(ip.bound_to == Some(vni.id) && ip.subnet == vni.subnet, "{ip:?} is listed by {vni:?}");
            }
            match vni.attachment {
                None => {
                    assert_eq!(vni.lifecycle, Lifecycle::Stable, "{vni:?}");
                    assert!(!vni.auto_delete, "it has no target to go with: {vni:?}");
                }
                Some(attachment) => {
                    assert_eq!(self.attachments[&attachment.to_string()].vni, vni.id);
                    let instance = self.attachments[&attachment.to_string()].instance;
                    legality_invariants::check(store, vni, &self.instances[&instance.to_string()]);
                }
            }
        }
    }

    /// The primary addresses are where they belong, delegated networks are the subnet's, and nothing is too many.
    fn check_ips(&self, vni: &Vni, subnet: &Subnet) {
        let (v4, v6): (Vec<&ReservedIp>, Vec<&ReservedIp>) =
            vni.ips.iter().map(|ip| &self.ips[&ip.to_string()]).partition(|ip| ip.address.is_ipv4());
        assert_eq!(v4.first().map(|ip| ip.id), Some(vni.ips[0]), "{vni:?}");
        assert_eq!(v6.first().map(|ip| ip.id), vni.primary_ipv6, "{vni:?}");
        let most = usize::from(limits::MAX_IPS_PER_INTERFACE);
        assert!(v4.len() <= most && v6.len() <= most, "{vni:?}");
        for (position, net) in vni.prefixes.iter().enumerate() {
            let inside = match net {
                IpNet::V4(net) => subnet.cidr.contains(net) && net.prefix_len() == 28,
                IpNet::V6(net) => subnet.ipv6_cidr.is_some_and(|cidr| cidr.contains(net)) && net.prefix_len() == 80,
            };
            assert!(inside && !vni.prefixes[..position].contains(net), "{vni:?}");
        }
    }

    fn check_attachments(&self) {
        for attachment in self.attachments.values() {
            let instance = &self.instances[&attachment.instance.to_string()];
            assert!(attachment.host == instance.host && attachment.owner == instance.owner, "{attachment:?}");
            let of_server: Vec<&Attachment> =
                self.attachments.values().filter(|other| other.instance == attachment.instance).collect();
            legality_invariants::check_cards(instance, &of_server);
            let card = instance.cards()[usize::from(attachment.card)];
            let on_card: Vec<&Attachment> = self
                .attachments
                .values()
                .filter(|other| (other.instance, other.card) == (attachment.instance, attachment.card))
                .collect();
            assert!(on_card.len() <= usize::from(card.interfaces), "{on_card:?}");
            let here = on_card.iter().filter(|other| other.card_index == attachment.card_index).count();
            assert!(here == 1 && attachment.card_index <= MAX_INDEX, "{on_card:?}");
            assert!((attachment.card == 0) == (attachment.index == attachment.card_index), "{attachment:?}");
            let leaving = attachment.lifecycle == Lifecycle::Deleting;
            assert!(leaving || instance.lifecycle != Lifecycle::Deleting, "{attachment:?} stays, {instance:?} goes");
            if instance.state == InstanceState::Stopped {
                assert!(leaving || attachment.lifecycle == Lifecycle::Waiting, "{attachment:?} of a stopped instance");
            }
            // An interface can be gone before the host that it has left says so.
            let Some(vni) = self.vnis.get(&attachment.vni.to_string()) else {
                assert!(leaving, "the interface of {attachment:?} is gone");
                continue;
            };
            assert_eq!(instance.zone, vni.zone);
            let lent = vni.owner != instance.owner;
            assert!(attachment.vpc == vni.vpc && (lent || vni.vpc == instance.vpc), "{attachment:?}");
            assert!(attachment.generation <= vni.generation, "{attachment:?} is ahead of {vni:?}");
            let arriving = self.moves.get(&vni.id.to_string()).is_some_and(|moving| moving.to == attachment.id);
            let speaks = vni.attachment == Some(attachment.id);
            assert!(leaving || speaks || arriving, "{attachment:?} is neither {vni:?}'s nor on its way out");
        }
    }

    fn check_moves(&self) {
        for moving in self.moves.values() {
            let vni = &self.vnis[&moving.vni.to_string()];
            let (from, to) = (&self.attachments[&moving.from.to_string()], &self.attachments[&moving.to.to_string()]);
            assert_eq!(vni.attachment, Some(moving.from), "the old side speaks until the move has ended");
            assert_eq!((from.vni, to.vni), (vni.id, vni.id));
            assert!(from.generation < to.generation && to.generation == vni.generation, "{from:?} {to:?}");
            assert!(from.instance != to.instance && !from.primary && !to.primary, "{from:?} {to:?}");
            for side in [from, to] {
                assert_ne!(side.lifecycle, Lifecycle::Deleting, "{side:?} during {moving:?}");
            }
        }
    }
}

/// The keys of a VPC's ranges, of its DHCP option set, and of a default one.
fn expected_of_vpc(vpc: &Vpc, expected: &mut Expected) {
    for range in &vpc.cidrs {
        expected.key(record::vpc_of_range_key(range.id), vpc.id);
    }
    for range in &vpc.ipv6_cidrs {
        expected.key(record::vpc_of_range_key(range.id), vpc.id);
        if range.provided {
            expected.key(record::provided_range_key(range.net), vpc.id);
        }
    }
    if let Some(set) = vpc.dhcp_set {
        expected.index(record::vpcs_of_dhcp_set(set), vpc.id);
    }
    if vpc.default {
        expected.key(record::default_vpc_key(&vpc.owner), vpc.id);
    }
}

/// The keys beside the records that there must be, and those that there may be.
#[derive(Default)]
pub(crate) struct Expected {
    must: BTreeMap<String, String>,
    pub(crate) may: BTreeSet<String>,
}

impl Expected {
    pub(crate) fn key(&mut self, key: String, holder: impl ToString) {
        let other = self.must.insert(key.clone(), holder.to_string());
        assert_eq!(other, None, "two hold '{key}'");
    }

    pub(crate) fn index(&mut self, prefix: String, id: impl ToString) {
        self.key(format!("{prefix}{}", id.to_string()), id);
    }

    pub(crate) fn unnamed<R: Listed>(&mut self, record: &R) {
        self.may.insert(R::key_of(record.id()));
        self.key(record.list_key(), record.id());
    }

    pub(crate) fn listed<R: Listed>(&mut self, record: &R, scope: &str, name: &str) {
        self.may.insert(R::key_of(record.id()));
        self.key(record.list_key(), record.id());
        self.key(name_key::<R>(scope, name), record.id());
    }

    /// As [`Expected::listed`], for what has no name.
    pub(crate) fn nameless<R: Listed>(&mut self, record: &R) {
        self.may.insert(R::key_of(record.id()));
        self.key(record.list_key(), record.id());
    }

    fn compare(mut self, store: &Store) {
        for (key, value) in store.content().into_iter().filter(|(key, _)| !beside_invariants::covers(key)) {
            match self.must.remove(key) {
                Some(holder) => assert_eq!(std::str::from_utf8(value), Ok(holder.as_str()), "holder of '{key}'"),
                None => assert!(self.may.contains(key), "'{key}' was left behind"),
            }
        }
        assert!(self.must.is_empty(), "keys are missing: {:?}", self.must);
    }
}
