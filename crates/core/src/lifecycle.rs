//! The life of interfaces and attachments: seven states and the legal steps between them.
//!
//! The states are IBM VPC's `lifecycle_state`. A record changes its state only through [`Lifecycle::step`], so an illegal
//! edge is a bug that a test sees, never a state that a client sees.

use serde::{Deserialize, Serialize};

/// Where a resource is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lifecycle {
    /// Accepted; a host has not yet realised it.
    Pending,
    /// Realised; nothing is under way.
    Stable,
    /// Realised, and a change to it is under way.
    Updating,
    /// Cannot go on until something else happens (its instance is stopped, its host is away).
    Waiting,
    /// Taken out of service by an operator.
    Suspended,
    /// A host could not realise it; the reason is kept beside it.
    Failed,
    /// On its way out; it never comes back.
    Deleting,
}

/// A step that the life of a resource does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource can't go from {from:?} to {to:?}")]
pub struct IllegalStep {
    /// The state it is in.
    pub from: Lifecycle,
    /// The state that was wanted.
    pub to: Lifecycle,
}

impl Lifecycle {
    /// Every state.
    pub const ALL: [Lifecycle; 7] = [
        Lifecycle::Pending,
        Lifecycle::Stable,
        Lifecycle::Updating,
        Lifecycle::Waiting,
        Lifecycle::Suspended,
        Lifecycle::Failed,
        Lifecycle::Deleting,
    ];

    /// Whether the life of a resource has this step. Staying where one is is not a step and always allowed.
    pub fn may_become(self, to: Lifecycle) -> bool {
        use Lifecycle::{Deleting, Failed, Pending, Stable, Suspended, Updating, Waiting};
        match (self, to) {
            (from, to) if from == to => true,
            (Deleting, _) => false,
            (_, Deleting) => true,
            (Pending, Stable | Waiting | Failed) => true,
            (Stable, Updating | Waiting | Suspended | Failed) => true,
            (Updating, Stable | Waiting | Failed) => true,
            (Waiting, Pending | Stable | Updating | Failed) => true,
            (Suspended, Stable | Updating) => true,
            (Failed, Pending | Stable | Updating | Waiting) => true,
            _ => false,
        }
    }

    /// Takes the step.
    ///
    /// # Errors
    /// [`IllegalStep`] when there is no such step; the state is unchanged.
    pub fn step(&mut self, to: Lifecycle) -> Result<(), IllegalStep> {
        if !self.may_become(to) {
            return Err(IllegalStep { from: *self, to });
        }
        *self = to;
        Ok(())
    }

    /// The state's name as both APIs and the CLI write it.
    pub fn label(self) -> &'static str {
        match self {
            Lifecycle::Pending => "pending",
            Lifecycle::Stable => "stable",
            Lifecycle::Updating => "updating",
            Lifecycle::Waiting => "waiting",
            Lifecycle::Suspended => "suspended",
            Lifecycle::Failed => "failed",
            Lifecycle::Deleting => "deleting",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a28_only_legal_steps_are_taken(steps in proptest::collection::vec(0usize..7, 0..40)) {
            let mut state = Lifecycle::Pending;
            for step in steps {
                let (before, to) = (state, Lifecycle::ALL[step]);
                match state.step(to) {
                    Ok(()) => prop_assert!(before.may_become(to) && state == to),
                    Err(error) => prop_assert!(!before.may_become(to) && state == before && error.to == to),
                }
                if before == Lifecycle::Deleting {
                    prop_assert_eq!(state, Lifecycle::Deleting, "nothing comes back from deleting");
                }
            }
        }
    }

    #[test]
    fn a28_every_state_can_end_and_every_state_can_be_reached() {
        for state in Lifecycle::ALL {
            assert!(state.may_become(Lifecycle::Deleting));
            let mut reached = vec![Lifecycle::Pending];
            while let Some(next) =
                Lifecycle::ALL.into_iter().find(|s| !reached.contains(s) && reached.iter().any(|r| r.may_become(*s)))
            {
                reached.push(next);
            }
            assert!(reached.contains(&state), "{state:?}");
        }
    }
}
