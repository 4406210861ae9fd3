//! Properties over random policies: nested networks, both versions, every kind of rule.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use pintle_core::id::{PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch, Remote, Rule};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{World, empty, naive, room};
use crate::policy::image::Image;
use crate::policy::image::lookup::Question;
use crate::policy::state::State;

const NETS: &[&str] = &[
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.3/32",
    "192.0.2.0/24",
    "128.0.0.0/1",
    "::/0",
    "::/1",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1::5/128",
    "::ffff:0:0/96",
    "::ffff:10.1.2.0/120",
];
const REMOTES: &[&str] = &[
    "10.1.2.3",
    "10.1.2.4",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.1",
    "1.1.1.1",
    "2001:db8:1::5",
    "2001:db8:1::6",
    "2001:db8:2::1",
    "fe80::1",
];
const LOCAL_NETS: &[&str] =
    &["10.9.0.1/32", "10.9.0.0/24", "2001:db8:9::/64", "::/0", "0.0.0.0/0", "2001:db8:9::1/128"];
const LOCALS: &[&str] = &["10.9.0.1", "10.9.0.2", "10.8.0.1", "2001:db8:9::1", "2001:db8:9::2", "2001:db8:8::1"];
const PORTS: &[u16] = &[0, 22, 79, 80, 81, 443, 771, 772, 2048, 65535];
const PROTOS: &[u32] = &[1, 6, 17, 58, 50, 47];

fn group(n: u64) -> SecurityGroupId {
    SecurityGroupId::from_bits(n)
}

fn nets(from: &'static [&'static str]) -> impl Strategy<Value = IpNet> {
    proptest::sample::select(from).prop_map(|text| text.parse().unwrap())
}

fn ports() -> impl Strategy<Value = PortRange> {
    let port = || proptest::sample::select(PORTS);
    prop_oneof![Just(PortRange::ALL), (port(), port()).prop_map(|(a, b)| PortRange { first: a.min(b), last: a.max(b) })]
}

fn icmp() -> impl Strategy<Value = IcmpMatch> {
    prop_oneof![Just(IcmpMatch::Any), Just(IcmpMatch::Type(3)), Just(IcmpMatch::Type(8)), Just(IcmpMatch::Code(3, 4))]
}

fn protocol() -> impl Strategy<Value = ProtocolMatch> {
    prop_oneof![
        2 => Just(ProtocolMatch::Any),
        1 => Just(ProtocolMatch::IcmpTcpUdp),
        4 => ports().prop_map(ProtocolMatch::Tcp),
        2 => ports().prop_map(ProtocolMatch::Udp),
        1 => icmp().prop_map(ProtocolMatch::Icmp),
        1 => icmp().prop_map(ProtocolMatch::Icmpv6),
        2 => proptest::sample::select(&[1, 6, 17, 58, 50][..]).prop_map(ProtocolMatch::Number),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let remote = prop_oneof![
        1 => Just(Remote::Any),
        4 => nets(NETS).prop_map(Remote::Net),
        1 => (0..3_u64).prop_map(|n| Remote::PrefixList(PrefixListId::from_bits(n))),
        3 => (10..13_u64).prop_map(|n| Remote::Group(group(n))),
    ];
    let local = prop_oneof![4 => Just(None), 1 => nets(LOCAL_NETS).prop_map(Some)];
    // Few ids, so that rules keep theirs while they change.
    (1..40_u64, any::<bool>(), protocol(), remote, local).prop_map(|(id, ingress, protocol, remote, local)| Rule {
        id: RuleId::from_bits(id),
        direction: if ingress { Direction::Ingress } else { Direction::Egress },
        protocol,
        remote,
        local,
    })
}

fn world() -> impl Strategy<Value = World> {
    let policies = btree_map(1..4_u32, proptest::sample::subsequence(vec![1, 2, 3, 4], 1..=3), 0..3);
    let groups = btree_map(1..4_u64, vec(rule(), 0..7), 0..4);
    let lists = btree_map(0..2_u64, vec(nets(NETS), 0..5), 0..3);
    let identities = proptest::sample::subsequence(vec![1, 2, 3, 4, 5, 6, 7], 0..=7);
    (policies, groups, lists, identities).prop_map(|(policies, groups, lists, identities)| World {
        policies: policies.into_iter().map(|(n, groups)| (n, groups.into_iter().map(group).collect())).collect(),
        groups: groups.into_iter().map(|(n, rules)| (group(n), rules)).collect(),
        lists: lists.into_iter().map(|(n, nets)| (PrefixListId::from_bits(n), Arc::from(nets))).collect(),
        // Identity n is the set of groups whose bits n has.
        identities: identities
            .into_iter()
            .map(|n: u32| ((0..3).filter(|bit| n >> bit & 1 == 1).map(|bit| group(10 + bit)).collect(), n))
            .collect(),
    })
}

fn questions() -> impl Strategy<Value = Vec<(u32, Direction, Question)>> {
    let version = |v4: bool, texts: &'static [&'static str]| {
        let addrs = texts.iter().map(|text| text.parse::<IpAddr>().unwrap());
        proptest::sample::select(addrs.filter(|addr| addr.is_ipv4() == v4).collect::<Vec<_>>())
    };
    let ends = any::<bool>().prop_flat_map(move |v4| (version(v4, LOCALS), version(v4, REMOTES)));
    let what = (proptest::sample::select(PROTOS), proptest::sample::select(PORTS));
    let one = (1..4_u32, any::<bool>(), ends, 0..8_u32, what);
    let question = one.prop_map(|(policy, ingress, (local, remote), identity, (proto, port))| {
        let direction = if ingress { Direction::Ingress } else { Direction::Egress };
        let ports = proto == 6 || proto == 17 || proto == if remote.is_ipv4() { 1 } else { 58 };
        (policy, direction, Question { local, remote, identity, proto, port: if ports { port } else { 0 } })
    });
    vec(question, 60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_permit_what_the_rules_permit(world in world(), questions in questions()) {
        let mut state = empty();
        world.apply(&mut state);
        for (policy, direction, question) in &questions {
            let expected = naive::ask(&world, *policy, *direction, question);
            prop_assert_eq!(state.image.ask(*policy, *direction, question), expected, "{:?} {:?}", direction, question);
        }
    }

    #[test]
    fn d21_every_packet_sees_the_old_or_the_new_policy(
        worlds in vec(world(), 2..4), questions in questions(),
    ) {
        let mut state = empty();
        let mut old = World::default();
        for new in worlds {
            let mut now = Image::clone(&state.image);
            for write in new.plan(&state).expect("it fits").writes {
                now.apply(&write);
                for (policy, direction, question) in &questions {
                    let permitted = now.ask(*policy, *direction, question).is_some();
                    let verdicts = [&old, &new].map(|world| naive::ask(world, *policy, *direction, question).is_some());
                    prop_assert!(verdicts.contains(&permitted), "{:?} {:?} {:?} after {:?}", policy, direction, question, write);
                }
            }
            new.apply(&mut state);
            prop_assert_eq!(&now, &*state.image);
            old = new;
        }
    }

    #[test]
    fn r10_what_is_written_is_not_written_again(worlds in vec(world(), 1..4)) {
        let mut state = empty();
        for world in &worlds {
            world.apply(&mut state);
            prop_assert_eq!(world.apply(&mut state), vec![]);
            // An agent that starts now finds everything in the maps.
            let mut again = State::new(read_back(&state.image), room());
            prop_assert_eq!(&again.litter, &vec![]);
            prop_assert_eq!(world.apply(&mut again), vec![]);
        }
        // Nothing is left behind.
        let gone = World::default();
        gone.apply(&mut state);
        prop_assert_eq!(state.image.counts, crate::policy::image::Counts::default());
        prop_assert!(state.image.rows.is_empty() && state.image.uses.is_empty() && state.image.names.is_empty());
        gone.apply(&mut state);
        prop_assert_eq!(state.allocated.spans.used(room().spans) as usize, state.runs.len());
    }

    #[test]
    fn an_agent_that_ended_in_the_middle_is_no_harm(
        first in world(), second in world(), cut in 0..1000_usize, questions in questions(),
    ) {
        let mut state = empty();
        first.apply(&mut state);
        let writes = second.plan(&state).expect("it fits").writes;
        let mut image = Image::clone(&state.image);
        writes.iter().take(cut * writes.len() / 1000).for_each(|write| image.apply(write));
        let mut state = State::new(read_back(&image), room());
        second.apply(&mut state);
        for (policy, direction, question) in &questions {
            let expected = naive::ask(&second, *policy, *direction, question);
            prop_assert_eq!(state.image.ask(*policy, *direction, question), expected, "{:?} {:?}", direction, question);
        }
        World::default().apply(&mut state);
        prop_assert_eq!(state.image.counts, crate::policy::image::Counts::default());
    }
}

/// The image that somebody reads from the maps: without the counts that this process kept.
fn read_back(image: &Image) -> Image {
    use crate::entry::policy::GateNet;
    use crate::policy::image::Write;
    let mut read = Image::default();
    image.names.iter().for_each(|(key, name)| read.apply(&Write::Name(*key, Some(name.clone()))));
    image.policies.iter().for_each(|(number, policy)| read.apply(&Write::Policy(*number, *policy)));
    for (gate, rows) in &image.gates {
        let key = |net: &IpNet| GateNet { gate: *gate, net: *net };
        rows.locals.iter().for_each(|(net, local)| read.apply(&Write::Local(key(net), Some(*local))));
        rows.prefixes.iter().for_each(|(net, class)| read.apply(&Write::Prefix(key(net), Some(*class))));
        rows.identities.iter().for_each(|(n, class)| read.apply(&Write::Identity((*gate, *n), Some(*class))));
    }
    for (class, rows) in &image.rows {
        rows.iter().for_each(|(proto, row)| read.apply(&Write::Row((*class, *proto), Some(*row))));
    }
    image.spans.iter().for_each(|(number, span)| read.apply(&Write::Span(*number, *span)));
    image.rules.iter().for_each(|(number, id)| read.apply(&Write::Rule(*number, *id)));
    read
}
