//! Child interfaces under random commands: the kind of interface that an instance has is decided once.

use std::collections::BTreeMap;

use pintle_core::id::InstanceId;
use pintle_core::model::{Instance, InterfaceStyle};
use proptest::prelude::*;

use super::config;
use super::ops::{creations, small_world};
use crate::common::World;

proptest! {
    #![proptest_config(config(64))]

    /// Instances are made and given interfaces of either kind, as prototypes of every mixture ask for. Each commit is followed
    /// by the checks of `common::child_invariants`; here: an instance keeps the style that it was made with, and both come about.
    #[test]
    fn a12_no_sequence_of_creations_mixes_the_two_kinds_of_interface(ops in creations(1..60)) {
        let mut world: World = small_world();
        let mut styles: BTreeMap<InstanceId, InterfaceStyle> = BTreeMap::new();
        for op in &ops {
            let _ = world.attempt(op.command(&world.store));
            for instance in world.all::<Instance>() {
                let first = *styles.entry(instance.id).or_insert(instance.style);
                prop_assert_eq!(first, instance.style, "{:?}", instance);
            }
        }
    }
}
