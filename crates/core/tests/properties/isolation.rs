//! Two tenants with the same random commands, each naming whatever there is of either: neither changes anything of the
//! other's, nor learns of it.

use std::collections::BTreeMap;

use pintle_core::command::{Command, CreateAccount, CreateInstance};
use pintle_core::model::Owner;
use pintle_core::{Actor, Request};
use proptest::prelude::*;

use super::config;
use super::ops::{op, small_world};
use crate::common::World;

fn tenants() -> [Owner; 2] {
    ["123456789012", "000000000007"].map(|account| Owner::new(account.parse().unwrap(), "local"))
}

/// All records that have an owner, with their values.
fn owners(world: &World) -> BTreeMap<String, (Owner, Vec<u8>)> {
    let owner = |value: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(value).ok()?;
        serde_json::from_value::<Owner>(value.get("owner")?.clone()).ok()
    };
    world
        .store
        .content()
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), (owner(value)?, value.to_vec()))))
        .collect()
}

/// A tenant's command as the tenant can give it: tenants have no names for hosts.
fn as_tenant(command: Command) -> Command {
    match command {
        Command::CreateInstance(create) => {
            Command::CreateInstance(CreateInstance { host: None, zone: Some("zone-1".to_owned()), ..create })
        }
        other => other,
    }
}

/// How many commands of each tenant took effect.
fn play(steps: &[(super::ops::Op, u8)]) -> [usize; 2] {
    let mut world = World { checked: false, ..small_world() };
    let tenants = tenants();
    let account = CreateAccount { id: Some(tenants[1].account), name: None };
    world.attempt(Command::CreateAccount(account)).unwrap();
    let mut effective = [0; 2];
    for (op, who) in steps {
        let command = op.command(&world.store);
        let before = owners(&world);
        if command.operators().is_some() {
            let _ = world.attempt(Request::system(command));
            continue;
        }
        let who = usize::from(who % 2);
        let command = as_tenant(command);
        let shown = format!("{command:?}");
        let request = Request::new(Actor::Tenant(tenants[who].clone()), command);
        match world.attempt(request) {
            Ok(_) => {
                let foreign = |owners: &BTreeMap<String, (Owner, Vec<u8>)>| {
                    let kept = owners.iter().filter(|(_, (owner, _))| *owner != tenants[who]);
                    kept.map(|(key, (_, value))| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>()
                };
                assert_eq!(foreign(&before), foreign(&owners(&world)), "{shown} by {who} changed what is another's");
                effective[who] += 1;
            }
            Err(refusal) => {
                let text = format!("{refusal:?}");
                for (key, _) in before.iter().filter(|(_, (owner, _))| *owner != tenants[who]) {
                    let id = key.rsplit('/').next().unwrap();
                    assert!(!text.contains(id) || shown.contains(id), "{shown} by {who} told of '{key}': {text}");
                }
            }
        }
    }
    effective
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn p08_two_tenants_neither_change_nor_learn_anything_of_each_other(
        steps in proptest::collection::vec((op(), any::<u8>()), 1..80),
    ) {
        play(&steps);
    }
}

/// The property would hold of commands that are all refused: these are not.
#[test]
fn both_tenants_get_things_done() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = proptest::collection::vec((op(), any::<u8>()), 80);
    let mut total = [0; 2];
    for _ in 0..30 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        let done = play(&steps);
        total = [total[0] + done[0], total[1] + done[1]];
    }
    assert!(total[0] > 50 && total[1] > 10, "{total:?}");
}
