//! What must hold of groups, ACLs, prefix lists and public addresses after every commit; see [`super::invariants`].

use std::collections::{BTreeMap, BTreeSet};

use pintle_core::id::SecurityGroupId;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::limits;
use pintle_core::model::{
    Attachment, FloatingIp, FloatingIpTarget, FlowLog, FlowLogTarget, Host, Instance, InstanceState, IpFamily,
    NetworkAcl, PrefixList, PublicGateway, PublicPool, ReservedIp, SecurityGroup, Subnet, Vni, Vpc,
};
use pintle_core::policy::{Remote, Rule};
use pintle_core::record::{self, Listed, Record};

use super::Store;
use super::invariants::Expected;

fn by_id<R: Record>(store: &Store) -> BTreeMap<String, R> {
    store.records::<R>().into_iter().map(|record| (record.id().to_string(), record)).collect()
}

/// The keys that these records occupy.
pub(super) fn expect(store: &Store, expected: &mut Expected) {
    for group in store.records::<SecurityGroup>() {
        expected.listed(&group, &group.vpc.to_string(), &group.name);
        expected.index(record::groups_of_vpc(group.vpc), group.id);
        for rule in &group.rules {
            expected.key(record::group_of_rule_key(rule.id), group.id);
        }
        for key in uses(&group).into_iter().collect::<BTreeSet<String>>() {
            expected.index(key, group.id);
        }
    }
    for vni in store.records::<Vni>() {
        for group in named(&vni) {
            expected.index(record::vnis_of_group(group), vni.id);
        }
    }
    for acl in store.records::<NetworkAcl>() {
        expected.listed(&acl, &acl.vpc.to_string(), &acl.name);
        expected.index(record::acls_of_vpc(acl.vpc), acl.id);
    }
    for list in store.records::<PrefixList>() {
        expected.listed(&list, &list.owner.scope(), &list.name);
        expected.may.extend(list.former_versions().map(|version| record::prefix_list_version_key(list.id, version)));
    }
    for log in store.records::<FlowLog>() {
        expected.may.insert(FlowLog::key_of(log.id));
        expected.key(log.list_key(), log.id);
        expected.index(record::flow_logs_of(log.target), log.id);
        if let Some(name) = &log.name {
            let vpc = match log.target {
                FlowLogTarget::Vpc(id) => id,
                FlowLogTarget::Subnet(id) => store.record::<Subnet>(&Subnet::key_of(id)).expect("it is watched").vpc,
                FlowLogTarget::Vni(id) => store.record::<Vni>(&Vni::key_of(id)).expect("it is watched").vpc,
                FlowLogTarget::Instance(id) => {
                    store.record::<Instance>(&Instance::key_of(id)).expect("it is watched").vpc
                }
                FlowLogTarget::Attachment(id) => {
                    store.record::<Attachment>(&Attachment::key_of(id)).expect("it is watched").vpc
                }
            };
            expected.key(record::name_key::<FlowLog>(&vpc.to_string(), name), log.id);
        }
    }
    for pool in store.records::<PublicPool>() {
        expected.listed(&pool, "", &pool.name);
        expected.index(record::pools_of_zone(&pool.zone), pool.id);
        expected.may.insert(record::public_hint_key(pool.id));
    }
    for floating in store.records::<FloatingIp>() {
        if floating.lent {
            expected.may.insert(FloatingIp::key_of(floating.id));
            expected.key(record::name_key::<FloatingIp>(&floating.owner.scope(), &floating.name), floating.id);
        } else {
            expected.listed(&floating, &floating.owner.scope(), &floating.name);
        }
        expected.key(record::public_address_key(floating.address), floating.id);
        expected.index(record::floating_ips_of_zone(&floating.zone), floating.id);
        expected.index(record::floating_ips_of_pool(floating.pool), floating.id);
        if let Some(association) = floating.association {
            expected.key(record::association_key(association), floating.id);
        }
        if let Some(FloatingIpTarget::Vni { vni, ip }) = floating.target {
            expected.index(record::floating_ips_of_vni(vni), floating.id);
            let holder: Vni = store.record(&Vni::key_of(vni)).unwrap_or_else(|| panic!("{floating:?} leads nowhere"));
            expected.index(record::floating_ips_of_vpc(holder.vpc), floating.id);
            expected.key(record::floating_ip_of_key(ip, floating.id), floating.id);
        }
    }
    for gateway in store.records::<PublicGateway>() {
        expected.listed(&gateway, &gateway.vpc.to_string(), &gateway.name);
        let of_vpc = format!("{}{}", record::gateways_of_vpc(gateway.vpc), gateway.zone);
        expected.key(gateway.place.map_or(of_vpc.clone(), |_| format!("{of_vpc}/{}", gateway.id)), gateway.id);
        expected.index(record::gateways_of_host(gateway.host), gateway.id);
    }
}

/// Every group that an interface names.
fn named(vni: &Vni) -> BTreeSet<SecurityGroupId> {
    let more = vni.quarantine.iter().chain(&vni.shadow).flatten();
    vni.security_groups.iter().chain(more).copied().collect()
}

/// The indices that a group is in because of its rules.
fn uses(group: &SecurityGroup) -> Vec<String> {
    let of = |rule: &Rule| match rule.remote {
        Remote::Group(other) if other != group.id => Some(record::groups_of_group(other)),
        Remote::PrefixList(list) => Some(record::groups_of_prefix_list(list)),
        Remote::Group(_) | Remote::Any | Remote::Net(_) => None,
    };
    group.rules.iter().filter_map(of).collect()
}

/// Checks what these records say.
#[track_caller]
pub(super) fn check(store: &Store) {
    check_groups(store);
    check_acls(store);
    for list in store.records::<PrefixList>() {
        assert!(list.entries.len() <= list.max_entries as usize && list.version > 0, "{list:?}");
        let mut nets: Vec<_> = list.entries.iter().map(|entry| entry.net).collect();
        assert!(nets.iter().all(|net| IpFamily::from(*net) == list.family && *net == net.trunc()), "{list:?}");
        nets.dedup();
        assert_eq!(nets.len(), list.entries.len(), "{list:?} has a network twice");
    }
    check_public(store);
}

/// An interface's groups are of its VPC and never none; a rule's remote exists; every VPC has one default group.
fn check_groups(store: &Store) {
    let (groups, lists) = (by_id::<SecurityGroup>(store), by_id::<PrefixList>(store));
    for vni in store.records::<Vni>() {
        assert!((1..=limits::GROUPS_PER_INTERFACE).contains(&vni.security_groups.len()), "{vni:?}");
        for group in named(&vni) {
            assert_eq!(groups[&group.to_string()].vpc, vni.vpc, "{vni:?} names {group}");
        }
    }
    for group in groups.values() {
        let mut weight = 0;
        for (position, rule) in group.rules.iter().enumerate() {
            weight += match rule.remote {
                Remote::Group(other) => {
                    assert_eq!(groups[&other.to_string()].vpc, group.vpc, "{rule:?}");
                    1
                }
                Remote::PrefixList(list) => lists[&list.to_string()].max_entries as usize,
                Remote::Any | Remote::Net(_) => 1,
            };
            let same = |other: &&Rule| Rule { id: rule.id, ..(*other).clone() } == *rule;
            assert_eq!(group.rules[..position].iter().find(same), None, "{group:?} has {rule:?} twice");
            assert!(group.rules[..position].iter().all(|other| other.id != rule.id), "{group:?}");
        }
        assert!(weight <= limits::RULES_PER_GROUP, "{group:?}");
    }
    for vpc in store.records::<Vpc>() {
        let default = &groups[&vpc.default_group.to_string()];
        assert!(default.default && default.vpc == vpc.id, "{vpc:?}");
        assert_eq!(groups.values().filter(|group| group.vpc == vpc.id && group.default).count(), 1, "{vpc:?}");
    }
}

/// A subnet's ACL is of its VPC; names are unique, numbers are in order.
fn check_acls(store: &Store) {
    let acls = by_id::<NetworkAcl>(store);
    for subnet in store.records::<Subnet>() {
        assert_eq!(acls[&subnet.acl.to_string()].vpc, subnet.vpc, "{subnet:?}");
    }
    for vpc in store.records::<Vpc>() {
        let default = &acls[&vpc.default_acl.to_string()];
        assert!(default.default && default.vpc == vpc.id, "{vpc:?}");
    }
    for acl in acls.values() {
        let names: BTreeSet<&str> = acl.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names.len(), acl.rules.len(), "{acl:?}");
        for direction in acl.rules.iter().map(|rule| rule.rule.direction) {
            let one_way = acl.rules.iter().filter(|rule| rule.rule.direction == direction);
            let numbers: Vec<u16> = one_way.filter_map(|rule| rule.number).collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{acl:?}");
        }
    }
}

/// Public addresses are of their pools, lead to one address of their zone or to a gateway, and pools are apart.
fn check_public(store: &Store) {
    let (pools, gateways) = (by_id::<PublicPool>(store), by_id::<PublicGateway>(store));
    let (vnis, ips, hosts) = (by_id::<Vni>(store), by_id::<ReservedIp>(store), by_id::<Host>(store));
    let floating = by_id::<FloatingIp>(store);
    for one in floating.values() {
        let pool = &pools[&one.pool.to_string()];
        assert_eq!(one.target.is_some(), one.association.is_some(), "{one:?}");
        assert!(pool.zone == one.zone && pool.cidrs.iter().any(|cidr| cidr.contains(&one.address)), "{one:?} {pool:?}");
        match one.target {
            None => assert!(!one.lent, "lent to nobody: {one:?}"),
            Some(FloatingIpTarget::Vni { vni, ip }) => {
                let (vni, ip) = (&vnis[&vni.to_string()], &ips[&ip.to_string()]);
                assert!(vni.zone == one.zone && vni.ips.contains(&ip.id) && ip.address.is_ipv4(), "{one:?} {vni:?}");
                if one.lent {
                    let attachment: Attachment = store.record(&Attachment::key_of(vni.attachment.unwrap())).unwrap();
                    let instance: Instance = store.record(&Instance::key_of(attachment.instance)).unwrap();
                    let due = attachment.own_public_address && attachment.lifecycle != Lifecycle::Deleting;
                    assert!(due && instance.state == InstanceState::Running, "{one:?} {attachment:?} {instance:?}");
                }
            }
            Some(FloatingIpTarget::PublicGateway(gateway)) => {
                assert_eq!(gateways[&gateway.to_string()].floating_ip, one.id, "{one:?}");
            }
        }
    }
    for gateway in gateways.values() {
        let target = floating[&gateway.floating_ip.to_string()].target;
        assert_eq!(target, Some(FloatingIpTarget::PublicGateway(gateway.id)), "{gateway:?}");
        let host = &hosts[&gateway.host.to_string()];
        assert!(host.zone == gateway.zone && host.uplink.is_some(), "{gateway:?} {host:?}");
    }
    for subnet in store.records::<Subnet>() {
        let Some(gateway) = subnet.public_gateway else { continue };
        let gateway = &gateways[&gateway.to_string()];
        assert!(gateway.vpc == subnet.vpc && gateway.zone == subnet.zone, "{subnet:?} {gateway:?}");
    }
    let ranges: Vec<_> = pools.values().flat_map(|pool| &pool.cidrs).collect();
    for (position, range) in ranges.iter().enumerate() {
        let apart = ranges[..position].iter().all(|other| !range.contains(*other) && !other.contains(*range));
        assert!(apart, "{range} is in two pools");
    }
}
