//! What changes cost, and what happens when they do not fit.

use std::sync::Arc;

use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote, Rule};

use super::{World, empty, room};
use crate::error::DatapathError;
use crate::maps::MapName;
use crate::policy::image::{Image, Write};
use crate::policy::state::{Room, State};

const GROUP: SecurityGroupId = SecurityGroupId::from_bits(1);
const LIST: PrefixListId = PrefixListId::from_bits(1);

fn rule(id: u64, port: u16, remote: Remote) -> Rule {
    let protocol = ProtocolMatch::Tcp(PortRange::one(port));
    Rule { id: RuleId::from_bits(id), direction: Direction::Ingress, protocol, remote, local: None }
}

/// A policy of one group with these rules, and a prefix list of so many networks.
fn world(rules: Vec<Rule>, networks: u32) -> World {
    let nets = (0..networks).map(|n| ipnet::IpNet::new((0x0a00_0000 + n * 256).to_be_bytes().into(), 24).unwrap());
    World {
        policies: [(1, vec![GROUP])].into(),
        groups: [(GROUP, rules)].into(),
        lists: [(LIST, nets.collect::<Vec<_>>().into())].into(),
        identities: [(vec![GROUP], 1)].into(),
    }
}

fn count(writes: &[Write], map: MapName) -> usize {
    writes.iter().filter(|write| write.kind().0 == map).count()
}

#[test]
fn one_more_network_is_one_write() {
    let mut state = empty();
    let rules = vec![rule(1, 80, Remote::PrefixList(LIST)), rule(2, 22, Remote::Any)];
    let first = world(rules.clone(), 1000).apply(&mut state);
    assert_eq!(count(&first, MapName::Prefixes), 1002, "the networks, and all of each IP version");
    assert_eq!(count(&first, MapName::Rows), 2, "two classes");
    let one_more = world(rules, 1001).apply(&mut state);
    assert_eq!((one_more.len(), count(&one_more, MapName::Prefixes)), (1, 1), "{one_more:?}");
}

#[test]
fn a_changed_port_costs_rows_and_not_networks() {
    let mut state = empty();
    world(vec![rule(1, 80, Remote::PrefixList(LIST))], 1000).apply(&mut state);
    let writes = world(vec![rule(1, 81, Remote::PrefixList(LIST))], 1000).apply(&mut state);
    assert_eq!((writes.len(), count(&writes, MapName::Spans), count(&writes, MapName::Rows)), (2, 1, 1), "{writes:?}");
}

#[test]
fn equal_rows_are_written_once() {
    let mut state = empty();
    let mut two = world(vec![rule(1, 80, Remote::PrefixList(LIST))], 10);
    two.policies.insert(2, vec![SecurityGroupId::from_bits(7), GROUP]);
    let writes = two.apply(&mut state);
    assert_eq!((count(&writes, MapName::Spans), count(&writes, MapName::Rows)), (1, 1));
}

#[test]
fn rules_keep_their_numbers() {
    let mut state = empty();
    world(vec![rule(7, 80, Remote::Any), rule(8, 81, Remote::Any)], 0).apply(&mut state);
    let number = state.rules[&RuleId::from_bits(8)];
    let writes = world(vec![rule(8, 81, Remote::Any)], 0).apply(&mut state);
    assert_eq!(count(&writes, MapName::Rules), 0);
    assert_eq!(state.rules[&RuleId::from_bits(8)], number);
    let writes = world(vec![rule(7, 80, Remote::Any), rule(8, 81, Remote::Any)], 0).apply(&mut state);
    assert_eq!(count(&writes, MapName::Rules), 0, "the number of 7 was still there");
}

#[test]
fn d20_what_does_not_fit_is_refused_as_a_whole_and_named() {
    let small = |edit: fn(&mut Room)| {
        let mut room = room();
        edit(&mut room);
        State::new(Image::default(), room)
    };
    let many = |n: u64| (1..=n).map(|n| rule(n, n as u16 * 2, Remote::Any)).collect::<Vec<_>>();
    let cases = [
        (small(|room| room.prefixes = 100), world(vec![rule(1, 80, Remote::PrefixList(LIST))], 100), "prefixes", 101),
        (small(|room| room.spans = 50), world(many(60), 0), "spans", 60),
        (small(|room| room.identities = 0), world(vec![rule(1, 1, Remote::Group(GROUP))], 0), "identities", 1),
    ];
    for (state, world, map, needed) in cases {
        let before = state.image.clone();
        match world.plan(&state) {
            Err(DatapathError::NoRoom { map: named, need, .. }) => assert_eq!((named, need), (map, needed)),
            other => panic!("{map}: {other:?}"),
        }
        assert_eq!(state.image, before);
    }
}

#[test]
fn old_and_new_must_fit_side_by_side() {
    let mut room = room();
    room.prefixes = 150;
    let mut state = State::new(Image::default(), room);
    let first = world(vec![rule(1, 80, Remote::PrefixList(LIST))], 100);
    first.apply(&mut state);
    let mut other = first.clone();
    let nets: Vec<ipnet::IpNet> = (0..100_u8).map(|n| format!("192.168.{n}.0/24").parse().unwrap()).collect();
    other.lists.insert(LIST, Arc::from(nets));
    assert!(matches!(other.plan(&state), Err(DatapathError::NoRoom { map: "prefixes", need: 201, .. })));
    first.apply(&mut state);
}

#[test]
fn ten_thousand_rules_and_sixty_thousand_networks_are_planned_in_time() {
    let begin = std::time::Instant::now();
    let mut state = State::new(Image::default(), Room { prefixes: 200_000, ..room() });
    let net = |n: u32| Remote::Net(format!("172.{}.{}.1/32", 16 + n / 256, n % 256).parse().unwrap());
    // Half of the rules have a network each, half share a list: neither may cost the square.
    let own = (0..5_000_u32).map(|n| rule(u64::from(n) + 1, 443, net(n)));
    let shared = (0..5_000_u16).map(|n| rule(u64::from(n) + 10_000, n * 2, Remote::PrefixList(LIST)));
    let big = world(own.chain(shared).collect(), 60_000);
    let writes = big.apply(&mut state);
    assert_eq!(count(&writes, MapName::Prefixes), 65_001);
    assert_eq!(big.apply(&mut state), vec![]);
    let took = begin.elapsed();
    assert!(took < std::time::Duration::from_secs(30), "{took:?}: a second or two is usual");
}
