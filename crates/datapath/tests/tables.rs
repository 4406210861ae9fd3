//! Policy tables, network ACLs, epochs and flows in the kernel's maps.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::frames::Udp;
use common::policy::{allow_all, rule};
use common::{Bench, PinRoot, SMALL};
use ipnet::IpNet;
use pintle_core::id::{AclRuleId, NetworkAclId, PrefixListId, RuleId, SecurityGroupId};
use pintle_core::policy::{AclAction, AclRule, Direction, PortRange, ProtocolMatch, Remote};
use pintle_datapath::{
    AclTables, Datapath, DatapathError, FlowKey, PolicyTables, Route, RouteKey, RouteTo, Settings, Verdict, Wanted,
};

const GROUP: SecurityGroupId = SecurityGroupId::from_bits(7);
const LIST: PrefixListId = PrefixListId::from_bits(3);

fn open(root: &PinRoot) -> Datapath {
    Datapath::open(&root.0, &Settings { max_spans: 1024, ..SMALL }).expect("the data plane opens")
}

/// One group that permits SSH from its members and from a prefix list of so many networks.
fn wanted(networks: u8) -> Wanted {
    let ssh = ProtocolMatch::Tcp(PortRange::one(22));
    let mut rules = vec![
        rule(1, Direction::Ingress, ssh, Remote::PrefixList(LIST)),
        rule(2, Direction::Ingress, ssh, Remote::Group(GROUP)),
        rule(3, Direction::Egress, ProtocolMatch::Any, Remote::Any),
    ];
    rules[0].local = Some("10.0.1.0/24".parse().expect("a network"));
    let nets: Vec<IpNet> = (0..networks).map(|n| format!("10.{n}.0.0/16").parse().expect("a network")).collect();
    Wanted {
        policies: [vec![GROUP]].into(),
        identities: [vec![GROUP]].into(),
        groups: [(GROUP, Arc::from(rules))].into(),
        prefix_lists: [(LIST, Arc::from(nets))].into(),
    }
}

#[test]
fn r10_policy_tables_are_found_again_and_nothing_is_written() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let mut tables = PolicyTables::open(&datapath).expect("read");
    let first = tables.apply(&datapath, &wanted(5)).expect("it fits");
    assert!(first.writes > 10, "{first:?}");
    let (policy, identity) = (tables.policy(&[GROUP]), tables.identity(&[GROUP]));
    assert_eq!((policy.is_some(), identity.is_some(), tables.policy(&[])), (true, true, Some(0)));
    assert_eq!(tables.apply(&datapath, &wanted(5)).expect("it fits").writes, 0);

    drop((tables, datapath));
    let datapath = open(&root);
    let mut again = PolicyTables::open(&datapath).expect("read");
    assert_eq!((again.policy(&[GROUP]), again.identity(&[GROUP])), (policy, identity));
    assert_eq!(again.apply(&datapath, &wanted(5)).expect("it fits").writes, 0);
    assert_eq!(datapath.writes(), 0);
    assert_eq!(again.apply(&datapath, &wanted(6)).expect("it fits").writes, 1, "one network more");
    assert_eq!(datapath.writes(), 1);
}

#[test]
fn a_policy_that_is_not_wanted_stays_until_it_is_retired() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let mut tables = PolicyTables::open(&datapath).expect("read");
    tables.apply(&datapath, &wanted(5)).expect("it fits");
    let nothing = Wanted { policies: Default::default(), identities: Default::default(), ..wanted(5) };
    assert_eq!(tables.apply(&datapath, &nothing).expect("it fits").writes, 0);
    assert!(tables.policy(&[GROUP]).is_some(), "interfaces may still name it");
    assert!(tables.retire(&datapath, &nothing).expect("retire").writes > 10);
    assert_eq!((tables.policy(&[GROUP]), tables.identity(&[GROUP])), (None, None));
    assert_eq!(tables.retire(&datapath, &nothing).expect("retire").writes, 0);
    let mut again = PolicyTables::open(&datapath).expect("read");
    assert_eq!(again.apply(&datapath, &nothing).expect("it fits").writes, 0, "nothing is left");
}

#[test]
fn r02_what_somebody_else_changed_is_repaired() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let mut tables = PolicyTables::open(&datapath).expect("read");
    tables.apply(&datapath, &wanted(5)).expect("it fits");
    let mut stranger = PolicyTables::open(&datapath).expect("read");
    stranger.apply(&datapath, &wanted(2)).expect("it fits");
    tables.reread(&datapath).expect("read");
    assert_eq!(tables.apply(&datapath, &wanted(5)).expect("it fits").writes, 3, "three networks were missing");
}

#[test]
fn r02_what_the_maps_should_hold_is_compared_with_them_while_the_tables_are_used() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let (mut tables, mut acls) =
        (PolicyTables::open(&datapath).expect("read"), AclTables::open(&datapath).expect("read"));
    let acl = |port| -> BTreeMap<NetworkAclId, Arc<[AclRule]>> {
        let rule = acl_rule(1, AclAction::Allow, Direction::Ingress, port);
        [(NetworkAclId::from_bits(1), Arc::from([rule]))].into()
    };
    // However they came to be what they are.
    for networks in [5, 9, 3, 0, 5] {
        tables.apply(&datapath, &wanted(networks)).expect("it fits");
        acls.apply(&datapath, &acl(u16::from(networks))).expect("it fits");
        let (policies, rules) = (tables.snapshot(), acls.snapshot());
        assert!(policies.is_held(&datapath).expect("read") && rules.is_held(&datapath).expect("read"));
        assert!(tables.is_at(&policies) && acls.is_at(&rules));
    }
    let (policies, rules) = (tables.snapshot(), acls.snapshot());
    tables.apply(&datapath, &wanted(6)).expect("it fits");
    acls.apply(&datapath, &acl(7)).expect("it fits");
    assert!(!tables.is_at(&policies) && !acls.is_at(&rules), "what has been written since is no difference");
    let (policies, rules) = (tables.snapshot(), acls.snapshot());
    PolicyTables::open(&datapath).expect("read").apply(&datapath, &wanted(2)).expect("it fits");
    AclTables::open(&datapath).expect("read").apply(&datapath, &acl(9)).expect("it fits");
    assert!(!policies.is_held(&datapath).expect("read"), "a stranger's change");
    assert!(!rules.is_held(&datapath).expect("read"), "a stranger's change");
    assert!(tables.is_at(&policies) && acls.is_at(&rules), "which the tables know nothing of");
}

#[test]
fn d20_a_policy_that_does_not_fit_changes_nothing_and_says_what_it_needs() {
    let root = PinRoot::new();
    let datapath = Datapath::open(&root.0, &Settings { max_prefixes: 64, ..SMALL }).expect("open");
    let mut tables = PolicyTables::open(&datapath).expect("read");
    tables.apply(&datapath, &wanted(5)).expect("it fits");
    let before = datapath.writes();
    let error = tables.apply(&datapath, &wanted(100)).expect_err("it does not fit");
    assert!(matches!(error, DatapathError::NoRoom { map: "prefixes", max_entries: 64, need: 101 }), "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(datapath.writes(), before);
    assert_eq!(tables.apply(&datapath, &wanted(5)).expect("the old one").writes, 0);
    let too_many = Wanted { policies: [(0..17).map(SecurityGroupId::from_bits).collect()].into(), ..wanted(5) };
    assert!(tables.apply(&datapath, &too_many).is_err(), "17 groups");
}

fn acl_rule(id: u64, action: AclAction, direction: Direction, port: u16) -> AclRule {
    let any: IpNet = "0.0.0.0/0".parse().expect("a network");
    AclRule {
        id: AclRuleId::from_bits(id),
        action,
        direction,
        protocol: ProtocolMatch::Tcp(PortRange::one(port)),
        source_ports: PortRange::ALL,
        source: any,
        destination: any,
    }
}

#[test]
fn acls_are_switched_found_again_and_retired() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let mut tables = AclTables::open(&datapath).expect("read");
    let id = NetworkAclId::from_bits(1);
    let wanted = |ports: &[u16]| -> BTreeMap<NetworkAclId, Arc<[AclRule]>> {
        let rules = (1..).zip(ports).map(|(n, port)| acl_rule(n, AclAction::Allow, Direction::Ingress, *port));
        [(id, rules.collect())].into()
    };
    let first = tables.apply(&datapath, &wanted(&[22, 80])).expect("it fits");
    assert_eq!(first.writes, 2 + 2 + 2, "rule ids, rules, the entry and its name");
    let number = tables.acl(id).expect("it is there");
    assert!(number > 0 && number != tables.closed());
    assert_eq!(tables.apply(&datapath, &wanted(&[22, 80])).expect("it fits").writes, 0);
    let changed = tables.apply(&datapath, &wanted(&[22, 443])).expect("it fits");
    assert_eq!((changed.writes, tables.acl(id)), (3, Some(number)), "two rules in a new place, and the switch");
    let mut again = AclTables::open(&datapath).expect("read");
    assert_eq!(again.apply(&datapath, &wanted(&[22, 443])).expect("it fits").writes, 0);
    let many: Vec<u16> = (1..100).collect();
    let error = again.apply(&datapath, &wanted(&many)).expect_err("it does not fit");
    assert!(matches!(error, DatapathError::NoRoom { map: "acl_rules", max_entries: 64, need: 99 }), "{error}");
    assert!(again.retire(&datapath, &BTreeMap::new()).expect("retire").writes > 0);
    assert_eq!(again.acl(id), None);
    assert_eq!(AclTables::open(&datapath).expect("read").acl(id), None);
}

#[test]
fn routes_and_epochs_are_written_and_read() {
    let root = PinRoot::new();
    let datapath = open(&root);
    let key = RouteKey { segment: 7, table: 200, net: "10.2.0.0/16".parse().expect("a network") };
    let via = Route::new(&key, RouteTo::Via([10, 0, 0, 9].into()));
    let everywhere = RouteKey::own(7, "::/0".parse().expect("a network"));
    let public = Route { cell: 5, ..Route::new(&everywhere, RouteTo::Public { gateway_vtep: None, gateway: None }) };
    datapath.routes().put_many(&[(key, via), (everywhere, public)]).expect("put");
    assert_eq!(datapath.routes().get(&key).expect("get"), Some(via));
    let entries = datapath.routes().entries().expect("read");
    assert_eq!((entries.len(), entries.contains(&(everywhere, public))), (2, true));
    let nat = RouteTo::Nat { vtep: Some([192, 0, 2, 3].into()), address: [203, 0, 113, 9].into() };
    for to in [RouteTo::Local, nat] {
        let route = Route::new(&key, to);
        datapath.routes().put(&key, &route).expect("put");
        assert_eq!(datapath.routes().get(&key).expect("get"), Some(route));
        assert!(datapath.routes().put(&RouteKey { table: 0, ..key }, &route).is_err(), "in route tables only");
    }
    datapath.routes().delete_many(&[key, everywhere]).expect("delete");
    assert_eq!(datapath.routes().entries().expect("read"), []);
    let wrong = Route::new(&key, RouteTo::Via("2001:db8::1".parse().expect("an address")));
    assert!(datapath.routes().put(&key, &wrong).is_err(), "two IP versions");

    let epoch = datapath.epochs().get(9);
    datapath.epochs().raise(9);
    let other = open(&root);
    assert_eq!((other.epochs().get(9), other.epochs().get(10)), (epoch + 1, 0), "every process sees it");
}

#[test]
fn flows_are_read_counted_and_deleted() {
    Bench::run(|bench| {
        let flows = bench.datapath.flows();
        assert_eq!((flows.count().expect("read"), bench.datapath.sweep().expect("sweep").visited), (0, 0));
        let ssh = ProtocolMatch::Udp(PortRange::ALL);
        bench.set_rules(&bench.a, vec![rule(77, Direction::Egress, ssh, Remote::Any)]);
        bench.set_rules(&bench.b, allow_all());
        let frame = Udp::switched(&bench.a, &bench.b).bytes();
        for _ in 0..3 {
            assert_eq!(bench.send(&bench.a, &frame).verdict, Verdict::Redirect);
        }
        assert_eq!(flows.count().expect("read"), 1);
        let key = FlowKey::between(common::SEGMENT, 17, (bench.a.ip.into(), 40_000), (bench.b.ip.into(), 40_001));
        let flow = flows.get(&key).expect("read").expect("it is there");
        assert_eq!(flow.key.ends[flow.opener()].0, bench.a.ip);
        assert_eq!(flow.sides[flow.opener()].packets, 3);
        assert_eq!(bench.policies.rule(flow.rule_egress), Some(RuleId::from_bits(77)));
        assert_eq!(bench.policies.rule(flow.rule_ingress), Some(RuleId::from_bits(1)));
        assert_eq!(flows.usage(bench.a.slot).expect("read").opened, 1);
        assert_eq!(flows.usage(bench.b.slot).expect("read").accepted, 1);
        let swept = bench.datapath.sweep().expect("sweep");
        assert_eq!((swept.visited, swept.deleted), (1, 0));
        assert!(flows.delete(&key).expect("delete") && !flows.delete(&key).expect("delete"));
        assert_eq!(flows.usage(bench.a.slot).expect("read").opened, 0);

        bench.send(&bench.a, &frame);
        bench.wait(31);
        assert_eq!(bench.datapath.sweep().expect("sweep").deleted, 1);
        assert_eq!(flows.usage(bench.b.slot).expect("read").accepted, 0);
        // What a rule does not permit is noted for people.
        bench.set_rules(&bench.a, vec![]);
        assert_eq!(bench.send(&bench.a, &frame).verdict, Verdict::Drop);
        let refusals = bench.datapath.records().refusals().expect("read");
        assert_eq!((refusals.len(), refusals[0].source, refusals[0].port), (1, bench.a.ip.into(), 40_001));
    });
}
