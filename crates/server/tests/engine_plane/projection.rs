//! Desired state kept up to date is desired state worked out from scratch, on every host, after every command.

use std::sync::Arc;

use pintle_core::Command;
use pintle_core::command::{CreateSecurityGroup, IpChoice, NewRule, RulesChange, UpdateVni};
use pintle_core::host_protocol::MAX_FRAME;
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::model::{Attachment, SecurityGroup, Vni, Vpc};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote};
use pintle_server::sessions::FRAME_ENTRIES;
use pintle_store::{MemorySettings, MemoryStore};
use proptest::prelude::*;

use crate::support::{FakeHost, Plane, Seeded, check_addresses, expected_entries, random_command, settle};

async fn follows(seed: u64, steps: usize, history_revisions: u64) {
    let store = MemoryStore::new(MemorySettings { history_revisions });
    let plane = Plane::over(Arc::new(store), seed);
    let hosts: [FakeHost; 3] = plane.hosts().await;
    let mut random = Seeded(seed);
    for step in 0..steps {
        let command = random_command(&plane, &mut random);
        let when = format!("seed {seed}, step {step}, {command:?}");
        // Refusals are part of the sequence.
        let _ = plane.engine.execute(command).await;
        if random.below(3) == 0 {
            continue;
        }
        settle().await;
        let expected = expected_entries(&plane);
        for host in &hosts {
            assert_eq!(&host.entries(), expected.get(&host.id).unwrap_or(&Default::default()), "{when}");
        }
        check_addresses(&plane, &when);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn incremental_equals_from_scratch(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(follows(seed, 80, 10_000));
    }
}

#[tokio::test(start_paused = true)]
async fn falling_behind_the_history_loses_nothing() {
    for seed in 0..4 {
        follows(seed, 120, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_goes_from_one_interface_to_another_is_never_taken_from_the_new_one() {
    let plane = Plane::new(1);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let instance = plane.instance(vpc, h1.id).await;
    let (a, b) = (plane.vni(subnet).await, plane.vni(subnet).await);
    plane.attach(instance, a).await;
    plane.attach(instance, b).await;
    settle().await;
    let address: std::net::IpAddr = "10.0.0.99".parse().expect("an address");
    let choice = || IpChoice::Address { address, name: None, auto_delete: true };
    let mut holder = a;
    plane.run(Command::AddVniIp(a, choice())).await;
    for _ in 0..20 {
        let next = if holder == a { b } else { a };
        let ip = plane.get::<Vni>(holder).ips[1];
        // In one batch: taken away and given to the other.
        plane.run(Command::RemoveVniIp(holder, ip)).await;
        plane.run(Command::AddVniIp(next, choice())).await;
        settle().await;
        assert_eq!(h1.endpoint(address).map(|endpoint| endpoint.mac), Some(plane.get::<Vni>(next).mac));
        holder = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_sent_to_whom_it_concerns_and_only_what_it_touches() {
    let plane = Plane::new(2);
    let (vpc, other) = (plane.vpc().await, plane.vpc().await);
    let (subnet, other_subnet) = (plane.subnet(vpc, "10.0.0.0/16").await, plane.subnet(other, "10.0.0.0/16").await);
    let [h1, h2] = plane.hosts().await;
    let (i1, i2) = (plane.instance(vpc, h1.id).await, plane.instance(other, h2.id).await);
    for _ in 0..10 {
        plane.attach(i1, plane.vni(subnet).await).await;
        plane.attach(i2, plane.vni(other_subnet).await).await;
    }
    settle().await;
    let (before, at) = ([h1.messages(), h2.messages()], h1.revision());
    plane.vni(subnet).await;
    settle().await;
    assert_eq!([h1.messages(), h2.messages()], before, "an interface that waits concerns no host");
    assert_eq!(plane.sessions.status(h1.id).expect("connected").pending, 0, "and nothing is pending because of it");

    let attached = plane.all::<Attachment>().into_iter().find(|a| a.instance == i1).expect("one of ten");
    let update = UpdateVni { allow_ip_spoofing: Some(true), ..UpdateVni::default() };
    plane.run(Command::UpdateVni(attached.vni, update)).await;
    settle().await;
    assert_eq!([h1.messages(), h2.messages()], [before[0] + 1, before[1]]);
    assert!(h1.revision() > at);
    assert!(h1.port(attached.id).expect("there").policy.allow_ip_spoofing);
}

#[tokio::test(start_paused = true)]
async fn d06_a_rule_of_a_group_with_many_members_is_one_message_to_each_of_its_hosts() {
    let plane = Plane::new(4);
    let (vpc, other) = (plane.vpc().await, plane.vpc().await);
    let (subnet, other_subnet) = (plane.subnet(vpc, "10.0.0.0/16").await, plane.subnet(other, "10.0.0.0/16").await);
    let [h1, h2, h3] = plane.hosts().await;
    for (vpc, host, subnet) in [(vpc, &h1, subnet), (vpc, &h2, subnet), (other, &h3, other_subnet)] {
        for _ in 0..4 {
            let instance = plane.instance(vpc, host.id).await;
            for _ in 0..10 {
                plane.attach(instance, plane.vni(subnet).await).await;
            }
        }
    }
    settle().await;
    let group = plane.get::<Vpc>(vpc).default_group;
    let before = [&h1, &h2, &h3].map(|host| (host.messages(), host.entries()));
    plane.run(Command::ChangeRules(group, RulesChange::Set(vec![NewRule::ALL_OUT]))).await;
    settle().await;
    for (host, (messages, mut entries)) in [&h1, &h2].into_iter().zip(before.clone()) {
        assert_eq!(host.messages(), messages + 1);
        let rules = plane.get::<SecurityGroup>(group).rules;
        entries.insert(EntryKey::Group(group), Entry::Group(rules));
        assert_eq!(host.entries(), entries, "nothing else has changed");
    }
    assert_eq!(h3.messages(), before[2].0);
}

#[tokio::test(start_paused = true)]
async fn a_large_snapshot_comes_in_parts_and_a_large_change_too() {
    let plane = Plane::new(3);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/16").await;
    let [h1] = plane.hosts().await;
    while h1.entries().len() <= FRAME_ENTRIES {
        let instance = plane.instance(vpc, h1.id).await;
        for _ in 0..15 {
            let vni = plane.vni(subnet).await;
            plane.attach(instance, vni).await;
            for _ in 0..7 {
                plane.run(Command::AddVniIp(vni, IpChoice::default())).await;
            }
        }
        settle().await;
    }
    // A host that begins to carry the VPC gets all of it at once, in more than one delta.
    let h2 = plane.host(2).await;
    let instance = plane.instance(vpc, h2.id).await;
    settle().await;
    let messages = h2.messages();
    plane.attach(instance, plane.vni(subnet).await).await;
    settle().await;
    assert!(h2.messages() >= messages + 2);
    assert_eq!(h2.snapshots(), 1, "only the empty one at the beginning");
    // A host that lost everything gets a snapshot in more than one part.
    let _lost = h1.disconnect().await;
    let h1 = FakeHost::connect(&plane.sessions, 1, None);
    settle().await;
    assert!(h1.messages() >= 2 && h1.snapshots() == 1);
    let expected = expected_entries(&plane);
    assert_eq!(Some(&h1.entries()), expected.get(&h1.id));
    assert_eq!(Some(&h2.entries()), expected.get(&h2.id));
}

#[tokio::test(start_paused = true)]
async fn no_message_is_larger_than_a_frame_may_be() {
    let plane = Plane::new(5);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/16").await;
    let [h1] = plane.hosts().await;
    // As many rules as a group may have, in far more groups than fit into one frame.
    let rule = |number: u16, direction| NewRule {
        direction,
        protocol: ProtocolMatch::Tcp(PortRange { first: number, last: 60_000 + number }),
        remote: Remote::Net("2001:db8:ffff:ffff:ffff:ffff:ffff:ff00/120".parse().unwrap()),
        ..NewRule::ALL_OUT
    };
    let rules: Vec<NewRule> = (1..=60)
        .flat_map(|number| [Direction::Ingress, Direction::Egress].map(|direction| rule(number, direction)))
        .collect();
    let groups = MAX_FRAME / (120 * 120);
    for _ in 0..groups {
        let (name, description) = (None, String::new());
        let create = CreateSecurityGroup { vpc, name, description, rules: Some(rules.clone()) };
        plane.run(Command::CreateSecurityGroup(create)).await;
    }
    let instance = plane.instance(vpc, h1.id).await;
    plane.attach(instance, plane.vni(subnet).await).await;
    settle().await;
    let expected = expected_entries(&plane);
    assert_eq!(Some(&h1.entries()), expected.get(&h1.id));
    let all = h1.entries().into_iter().collect::<Vec<_>>();
    let size = serde_json::to_vec(&all).unwrap().len();
    assert!(size > MAX_FRAME && all.len() < FRAME_ENTRIES, "{size} bytes of {} entries", all.len());
    assert!(h1.largest() < MAX_FRAME / 8, "{}", h1.largest());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_away_goes_on_where_it_left_off() {
    let plane = Plane::new(4);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let (i1, i2) = (plane.instance(vpc, h1.id).await, plane.instance(vpc, h2.id).await);
    let first = plane.attach(i1, plane.vni(subnet).await).await;
    plane.attach(i2, plane.vni(subnet).await).await;
    settle().await;
    let left = h1.disconnect().await;
    let (snapshots, messages) = (left.snapshots, left.messages);
    settle().await;
    assert_eq!(plane.sessions.status(FakeHost::id_of(1)).expect("known").connected_since, None);
    plane.run(Command::Detach { attachment: first, force: false }).await;
    let second = plane.attach(i1, plane.vni(subnet).await).await;
    settle().await;
    let h1 = FakeHost::connect(&plane.sessions, 1, Some(left));
    settle().await;
    assert_eq!(h1.snapshots(), snapshots, "no snapshot");
    assert!(h1.messages() > messages);
    assert!(h1.port(first).is_none() && h1.port(second).is_some());
    assert_eq!(Some(&h1.entries()), expected_entries(&plane).get(&h1.id));
    assert!(plane.find::<Attachment>(first).is_none(), "and what it let go meanwhile is gone");

    let mut left = h1.disconnect().await;
    left.epoch = "another life".into();
    let h1 = FakeHost::connect(&plane.sessions, 1, Some(left));
    settle().await;
    assert_eq!(h1.snapshots(), snapshots + 1, "revisions of another life mean nothing");
    assert!(h1.entries().keys().any(|key| matches!(key, EntryKey::Port(_))));
}

#[tokio::test(start_paused = true)]
async fn a_newer_session_takes_the_place_of_the_older() {
    let plane = Plane::new(5);
    let [older] = plane.hosts().await;
    settle().await;
    let newer = FakeHost::connect(&plane.sessions, 1, None);
    settle().await;
    let bye = older.state().bye.clone().expect("told");
    assert!(!bye.fatal && bye.reason.contains("newer session"), "{bye:?}");
    assert!(plane.sessions.status(newer.id).expect("known").connected_since.is_some());
    drop(older.disconnect().await);
    settle().await;
    assert!(
        plane.sessions.status(newer.id).expect("known").connected_since.is_some(),
        "the older one's end is no news"
    );
}
