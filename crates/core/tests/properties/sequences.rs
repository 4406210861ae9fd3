//! Any sequence of commands, one after the other: the store stays sound, hosts are told what they should have, and
//! deleting everything leaves nothing.

use std::collections::BTreeSet;

use pintle_core::command::{Command, UpdateInstance};
use pintle_core::id::IdSource;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Host, Instance, Move, ReservedBy, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::model::{DhcpOptionSet, FloatingIp, FloatingIpTarget, PrefixList, PublicGateway, PublicPool};
use pintle_core::model::{InternetGateway, Role, Share};
use pintle_core::{Refusal, decide};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::config;
use super::ops::{What, ops, small_world};
use crate::common::World;
use crate::compile::sound;
use crate::compile::told::{Told, whole};

proptest! {
    #![proptest_config(config(64))]

    /// Every commit is followed by the checks of `common::invariants`: names, addresses and indices held exactly once by
    /// a record that exists, every address accounted for, all of an interface's in its subnet, only legal steps of life.
    #[test]
    fn a28_b04_b06_b16_b17_every_sequence_keeps_the_store_sound_and_leaves_nothing_behind(ops in ops(1..80)) {
        let mut world = small_world();
        for op in &ops {
            let command = op.command(&world.store);
            attempt(&mut world, command);
        }
        tear_down(&mut world);
        // Launched instances are remembered for a while, see `rules::launch`.
        // That an owner has begun is never forgotten.
        let stays = |key: &&str| key.contains("departed") || key.starts_with("begun/");
        let left = world.store.content().into_keys().filter(|key| !stays(key)).collect::<Vec<_>>();
        prop_assert!(left.is_empty(), "left behind: {left:?}");
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// A server that hears of every commit knows what a server that reads everything knows, and it makes sense.
    #[test]
    fn a29_f16_r04_hosts_are_told_exactly_what_they_should_have(ops in ops(1..60)) {
        let mut world = World { checked: false, ..small_world() };
        let mut told = Told::default();
        told.hear_all(&world.store);
        for op in &ops {
            let Ok((txn, _)) = world.judge(op.command(&world.store)) else { continue };
            world.commit(&txn).unwrap();
            told.hear(&world.store, &txn);
            let whole = whole(&world.store);
            sound::check(&world.store, &whole);
            prop_assert_eq!(told.whole(), whole, "after {:?}", op);
        }
    }

    /// A decision depends on nothing but its arguments.
    #[test]
    fn the_same_arguments_give_the_same_decision(ops in ops(1..20)) {
        let mut world = World { checked: false, ..small_world() };
        for op in &ops {
            let command = op.command(&world.store);
            let (mut first, mut second) = (world.ids.clone(), world.ids.clone());
            let one = decide(&world.store, world.now, &mut first, command.clone()).map_err(|error| error.to_string());
            let two = decide(&world.store, world.now, &mut second, command.clone()).map_err(|error| error.to_string());
            prop_assert_eq!(one, two);
            prop_assert_eq!(first.bits(), second.bits());
            let _ = world.attempt(command);
        }
    }
}

/// The properties would hold of a generator whose commands are all refused: this one's are not.
#[test]
fn random_commands_of_every_kind_take_effect_and_moves_get_to_every_step() {
    let mut runner = TestRunner::deterministic();
    let (mut effective, mut steps) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..560 {
        let mut world = World { checked: false, ..small_world() };
        for op in ops(1..120).new_tree(&mut runner).unwrap().current() {
            let before = world.store.at();
            let taken = world.attempt(op.command(&world.store)).is_ok();
            if taken && world.store.at() > before {
                effective.insert(op.what);
            }
            steps.extend(world.all::<Move>().iter().map(|moving| moving.step));
        }
    }
    assert_eq!(effective.len(), What::COUNT, "only {effective:?} had an effect");
    assert_eq!(steps.len(), 4, "moves only got to {steps:?}");
}

/// Runs a command that may be refused, but never for a reason that would be our own mistake.
pub(super) fn attempt(world: &mut World, command: Command) {
    let shown = format!("{command:?}");
    let report = is_report(&command);
    if let Err(refusal) = world.attempt(command) {
        check_refusal(&refusal, report, &shown);
    }
}

/// Reports from hosts are never refused, and no user is told of a step of life that there is not.
pub(super) fn check_refusal(refusal: &Refusal, report: bool, shown: &str) {
    assert!(!report, "{shown}: a report is taken or ignored, never refused: {refusal}");
    assert!(!refusal.to_string().contains("can't go from"), "{shown}: {refusal}");
}

pub(super) fn is_report(command: &Command) -> bool {
    use Command::*;
    matches!(
        command,
        AttachmentRealised(..)
            | AttachmentFailed(..)
            | AttachmentGone(_)
            | InstanceRealised(_)
            | InstanceFailed(..)
            | InstanceGone(_)
            | InstanceStopped(_)
            | ShareRealised(_)
            | ShareFailed(..)
            | ShareGone(_)
            | AdvanceMove(..)
            | AbortMove(..)
            | EndAdoption(_)
    )
}

/// Deletes everything as a user and the hosts would.
fn tear_down(world: &mut World) {
    for moving in world.all::<Move>() {
        world.finish_move(moving.vni);
    }
    let (mounts, instances): (Vec<Instance>, Vec<Instance>) =
        world.all::<Instance>().into_iter().partition(|instance| matches!(instance.role, Role::ShareMount(_)));
    for attachment in world.all::<Attachment>() {
        if mounts.iter().any(|mount| mount.id == attachment.instance) {
            world.run::<Attachment>(Command::DeleteMountTarget(attachment.id));
        }
    }
    for instance in instances {
        if instance.delete_protected {
            let free = UpdateInstance { delete_protected: Some(false), ..UpdateInstance::default() };
            world.run::<Instance>(Command::UpdateInstance(instance.id, free));
        }
        world.run::<Instance>(Command::DeleteInstance(instance.id));
    }
    assert!(world.all::<Attachment>().iter().all(|attachment| attachment.lifecycle == Lifecycle::Deleting));
    world.hosts_let_go();
    for share in world.all::<Share>() {
        world.run::<Share>(Command::DeleteShare(share.id));
        world.done(Command::ShareGone(share.id));
    }
    for vni in world.all::<Vni>() {
        world.run::<Vni>(Command::DeleteVni(vni.id));
    }
    for ip in world.all::<ReservedIp>().into_iter().filter(|ip| ip.reserved_by == ReservedBy::User) {
        world.run::<ReservedIp>(Command::DeleteReservedIp(ip.id));
    }
    for floating in world.all::<FloatingIp>() {
        if !matches!(floating.target, Some(FloatingIpTarget::PublicGateway(_))) {
            world.run::<FloatingIp>(Command::DeleteFloatingIp(floating.id));
        }
    }
    for subnet in world.all::<Subnet>() {
        world.run::<Subnet>(Command::DeleteSubnet(subnet.id));
    }
    for gateway in world.all::<PublicGateway>() {
        world.run::<PublicGateway>(Command::DeletePublicGateway(gateway.id));
    }
    for floating in world.all::<FloatingIp>() {
        world.run::<FloatingIp>(Command::DeleteFloatingIp(floating.id));
    }
    for pool in world.all::<PublicPool>() {
        world.run::<PublicPool>(Command::DeletePublicPool(pool.id));
    }
    for gateway in world.all::<InternetGateway>() {
        if let Some(vpc) = gateway.vpc {
            world.run::<InternetGateway>(Command::DetachInternetGateway(gateway.id, vpc));
        }
        world.run::<InternetGateway>(Command::DeleteInternetGateway(gateway.id));
    }
    for vpc in world.all::<Vpc>() {
        world.run::<Vpc>(Command::DeleteVpc(vpc.id));
    }
    for list in world.all::<PrefixList>() {
        world.run::<PrefixList>(Command::DeletePrefixList(list.id));
    }
    for set in world.all::<DhcpOptionSet>() {
        world.run::<DhcpOptionSet>(Command::DeleteDhcpOptionSet(set.id));
    }
    for host in world.all::<Host>() {
        world.run::<Host>(Command::DeleteHost(host.id));
    }
}
