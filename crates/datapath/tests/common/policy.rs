//! Policies of the tests' guests: a group each, and at first one that lets everything pass.

use std::sync::{Arc, Mutex};

use pintle_core::id::{RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, IcmpMatch, PortRange, ProtocolMatch, Remote, Rule};
use pintle_datapath::{Datapath, Iface, IfaceFlags, PolicyTables, Wanted, cell_of_slot, ticks};

/// A rule for a direction; its id is its number.
pub fn rule(number: u64, direction: Direction, protocol: ProtocolMatch, remote: Remote) -> Rule {
    Rule { id: RuleId::from_bits(number), direction, protocol, remote, local: None }
}

/// Two rules that permit everything.
pub fn allow_all() -> Vec<Rule> {
    let all = |number, direction| rule(number, direction, ProtocolMatch::Any, Remote::Any);
    vec![all(1, Direction::Ingress), all(2, Direction::Egress)]
}

/// Permits everything out.
pub fn allow_out() -> Vec<Rule> {
    vec![rule(2, Direction::Egress, ProtocolMatch::Any, Remote::Any)]
}

/// Permits TCP to these ports in.
pub fn tcp_in(first: u16, last: u16) -> Rule {
    rule(3, Direction::Ingress, ProtocolMatch::Tcp(PortRange { first, last }), Remote::Any)
}

/// Permits UDP to these ports in.
pub fn udp_in(first: u16, last: u16) -> Rule {
    rule(4, Direction::Ingress, ProtocolMatch::Udp(PortRange { first, last }), Remote::Any)
}

/// Permits one ICMP type in.
pub fn icmp_in(kind: u8) -> Rule {
    rule(5, Direction::Ingress, ProtocolMatch::Icmp(IcmpMatch::Type(kind)), Remote::Any)
}

/// The only group of the interface in a slot.
pub fn group_of_slot(slot: u32) -> SecurityGroupId {
    SecurityGroupId::from_bits(0x1000 + u64::from(slot))
}

/// An interface without a policy, otherwise as a new one is; without state filtering, since many frames here are of no
/// connection.
pub fn closed(mac: [u8; 6], gateway_mac: [u8; 6]) -> Iface {
    Iface {
        flags: IfaceFlags::SOURCE_DEST_CHECK.with(IfaceFlags::PUBLIC_GATEWAY),
        quota: 500,
        tcp_established: ticks(432_000),
        udp_stream: ticks(180),
        udp: ticks(30),
        version: 1,
        mac,
        gateway_mac,
        ..Iface::default()
    }
}

/// The policy tables of one data plane, and what they should hold.
pub struct Policies {
    inner: Mutex<(PolicyTables, Wanted)>,
}

impl Policies {
    pub fn open(datapath: &Datapath) -> Policies {
        let tables = PolicyTables::open(datapath).expect("read");
        Policies { inner: Mutex::new((tables, Wanted::default())) }
    }

    /// Changes what is wanted, and applies it.
    pub fn edit(&self, datapath: &Datapath, edit: impl FnOnce(&mut Wanted)) {
        let mut inner = self.inner.lock().expect("no test panicked with it");
        let (tables, wanted) = &mut *inner;
        edit(wanted);
        tables.apply(datapath, wanted).expect("the policy fits");
    }

    pub fn policy(&self, groups: &[SecurityGroupId]) -> u32 {
        self.inner.lock().expect("no test panicked with it").0.policy(groups).expect("it was applied")
    }

    pub fn identity(&self, groups: &[SecurityGroupId]) -> u32 {
        self.inner.lock().expect("no test panicked with it").0.identity(groups).expect("it was applied")
    }

    /// The rule with the number that flows carry.
    pub fn rule(&self, number: u32) -> Option<RuleId> {
        self.inner.lock().expect("no test panicked with it").0.rule(number)
    }

    /// Gives the only group of the interface in a slot these rules. Returns the number of its policy.
    pub fn set_rules(&self, datapath: &Datapath, slot: u32, rules: Vec<Rule>) -> u32 {
        let group = group_of_slot(slot);
        self.edit(datapath, |wanted| {
            wanted.groups.insert(group, Arc::from(rules));
            wanted.policies.insert(vec![group]);
            wanted.identities.insert(vec![group]);
        });
        self.policy(&[group])
    }

    /// Writes what may pass the interface in a slot, with a policy of these rules.
    pub fn put(&self, datapath: &Datapath, slot: u32, iface: Iface, rules: Vec<Rule>) {
        let policy = self.set_rules(datapath, slot, rules);
        datapath.ifaces().put(&slot, &Iface { policy, ..iface }).expect("put");
        datapath.epochs().raise(cell_of_slot(slot));
    }
}
