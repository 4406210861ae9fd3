//! A tiny world to decide in: an exact in-memory store, a virtual clock and ids from a seed.

pub(crate) mod beside_invariants;
pub(crate) mod build;
pub(crate) mod child_invariants;
pub(crate) mod invariants;
pub(crate) mod legality_invariants;
pub(crate) mod policy_invariants;
pub(crate) mod routing_invariants;
pub(crate) mod store;

use ipnet::IpNet;
use pintle_core::command::Command;
use pintle_core::id::IdSource;
use pintle_core::model::AddressPrefix;
use pintle_core::model::FlowLog;
use pintle_core::model::{AccessKey, DhcpOptionSet, Share, SshKey, SubnetReservation};
use pintle_core::model::{Account, Attachment, Host, Instance, Move, ReservedIp, Subnet, Timestamp, Vni, Vpc};
use pintle_core::model::{FloatingIp, NetworkAcl, PrefixList, PublicGateway, PublicPool, SecurityGroup, VniPermission};
use pintle_core::model::{InternetGateway, RouteAssociation, RouteTable};
use pintle_core::record::Record;
use pintle_core::txn::Txn;
use pintle_core::{DecideError, Refusal, Reply, Request, decide};

pub(crate) use store::{Conflict, Store};

/// Ids from a seed (SplitMix64): the same commands give the same world.
#[derive(Debug, Clone)]
pub(crate) struct Seeded(pub(crate) u64);

impl IdSource for Seeded {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// What is stored, what time it is and where ids come from.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) now: Timestamp,
    pub(crate) ids: Seeded,
    /// Whether every commit is followed by a check of the whole store; off where the store is huge.
    pub(crate) checked: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        World { store: Store::default(), now: Timestamp(1_700_000_000_000), ids: Seeded(7), checked: true }
    }

    /// Judges a command on the present state without committing it.
    pub(crate) fn judge(&mut self, command: impl Into<Request>) -> Result<(Txn, Reply), Refusal> {
        self.now.0 += 1;
        let command = command.into();
        let shown = format!("{command:?}");
        match decide(&self.store, self.now, &mut self.ids, command) {
            Ok(decided) => Ok(decided),
            Err(DecideError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{shown}: {error}"),
        }
    }

    /// Commits a transaction and checks the store afterwards.
    pub(crate) fn commit(&mut self, txn: &Txn) -> Result<(), Conflict> {
        self.store.admits(txn)?;
        invariants::check_lives(&self.store, txn);
        self.store.commit(txn)?;
        if self.checked {
            invariants::check(&self.store);
        }
        Ok(())
    }

    /// Judges and commits.
    pub(crate) fn attempt(&mut self, command: impl Into<Request>) -> Result<Reply, Refusal> {
        let (txn, reply) = self.judge(command)?;
        self.commit(&txn).expect("nobody else commits");
        Ok(reply)
    }

    /// Runs a command that must be accepted, for its answer.
    pub(crate) fn run<A: Answer>(&mut self, command: impl Into<Request>) -> A {
        let command = command.into();
        let shown = format!("{command:?}");
        match self.attempt(command) {
            Ok(reply) => A::of(reply),
            Err(refusal) => panic!("{shown}: {refusal}"),
        }
    }

    /// Runs a command that must be accepted and answers nothing.
    pub(crate) fn done(&mut self, command: Command) {
        self.run::<()>(command);
    }

    /// Runs a command that must be accepted and must write nothing.
    pub(crate) fn ignored(&mut self, command: Command) {
        let shown = format!("{command:?}");
        let before = self.store.clone();
        self.done(command);
        assert_eq!(self.store.content(), before.content(), "{shown} was to be ignored");
        assert_eq!(self.store.at(), before.at(), "{shown} was to write nothing");
    }

    /// Runs a command that must be accepted, with an answer, and must write nothing.
    pub(crate) fn ignored_reply(&mut self, command: Command) -> Reply {
        let shown = format!("{command:?}");
        let before = self.store.at();
        let reply = self.attempt(command).unwrap_or_else(|refusal| panic!("{shown}: {refusal}"));
        assert_eq!(self.store.at(), before, "{shown} was to write nothing");
        reply
    }

    /// Runs a command that must be refused and must leave the store as it is.
    pub(crate) fn refused(&mut self, command: impl Into<Request>) -> Refusal {
        let command = command.into();
        let shown = format!("{command:?}");
        match self.judge(command) {
            Ok((_, reply)) => panic!("{shown} was not refused: {reply:?}"),
            Err(refusal) => refusal,
        }
    }

    /// The record with this id.
    pub(crate) fn get<R: Record>(&self, id: R::Id) -> R {
        self.find::<R>(id).unwrap_or_else(|| panic!("there is no {}", R::key_of(id)))
    }

    /// The record with this id, if it exists.
    pub(crate) fn find<R: Record>(&self, id: R::Id) -> Option<R> {
        self.store.record(&R::key_of(id))
    }

    /// All records of a kind, in the order of their ids.
    pub(crate) fn all<R: Record>(&self) -> Vec<R> {
        self.store.records()
    }
}

/// What a command answers with.
pub(crate) trait Answer {
    fn of(reply: Reply) -> Self;
}

macro_rules! answers {
    ($($noun:ident),*) => {$(
        impl Answer for $noun {
            fn of(reply: Reply) -> Self {
                match reply {
                    Reply::$noun(answer) => answer,
                    other => panic!("answered {other:?} instead of a {}", stringify!($noun)),
                }
            }
        }
    )*};
}
answers!(VniPermission, Account, Vpc, Subnet, ReservedIp, Vni, Instance, Attachment, Move, Host);
answers!(FlowLog, SecurityGroup, NetworkAcl, PrefixList, PublicPool, FloatingIp, PublicGateway);
answers!(InternetGateway, RouteTable, RouteAssociation);
answers!(AccessKey, SubnetReservation, DhcpOptionSet, SshKey, AddressPrefix, Share);

impl Answer for IpNet {
    fn of(reply: Reply) -> Self {
        match reply {
            Reply::Prefix(net) => net,
            other => panic!("answered {other:?} instead of a delegated network"),
        }
    }
}

impl Answer for () {
    fn of(reply: Reply) {
        assert_eq!(reply, Reply::Done);
    }
}

/// A refusal's text must contain each of these: the field or thing, the value, and the rule or holder.
#[track_caller]
pub(crate) fn says(refusal: &Refusal, needles: &[&str]) {
    let text = refusal.to_string();
    for needle in needles {
        assert!(text.contains(needle), "'{text}' does not say '{needle}'");
    }
}
