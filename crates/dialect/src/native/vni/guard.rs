//! An interface's groups, its quarantine, and what is tried out beside its policy.

use pintle_core::command::{Command, GroupsChange};
use pintle_core::id::VniId;
use pintle_core::model::Vni;
use pintle_core::query;
use pintle_core::txn::Snapshot;
use serde::Deserialize;

use super::policy::groups;
use crate::problem::Problem;

/// Body of `…/actions/set_security_groups`: group ids or names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetGroups {
    security_groups: Vec<String>,
}

impl SetGroups {
    /// What it asks for, with names looked up in the interface's VPC.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has.
    pub fn command(self, snapshot: &dyn Snapshot, vni: VniId) -> Result<Command, Problem> {
        let (vni, _) = query::get::<Vni>(snapshot, vni)?;
        let groups = groups(snapshot, vni.vpc, &self.security_groups)?;
        Ok(Command::ChangeVniGroups(vni.id, GroupsChange::Set(groups)))
    }
}

/// Body of `…/actions/quarantine`: the groups that may still pass; none: nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    #[serde(default)]
    security_groups: Vec<String>,
}

impl Quarantine {
    /// What it asks for, with names looked up in the interface's VPC.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has.
    pub fn command(self, snapshot: &dyn Snapshot, vni: VniId) -> Result<Command, Problem> {
        let (vni, _) = query::get::<Vni>(snapshot, vni)?;
        Ok(Command::QuarantineVni(vni.id, groups(snapshot, vni.vpc, &self.security_groups)?))
    }
}

/// Body of `…/actions/shadow`: the groups to be tried out; `null` ends that.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    security_groups: Option<Vec<String>>,
}

impl Shadow {
    /// What it asks for, with names looked up in the interface's VPC.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has.
    pub fn command(self, snapshot: &dyn Snapshot, vni: VniId) -> Result<Command, Problem> {
        let (vni, _) = query::get::<Vni>(snapshot, vni)?;
        let tried = self.security_groups.map(|texts| groups(snapshot, vni.vpc, &texts)).transpose()?;
        Ok(Command::ShadowVni(vni.id, tried))
    }
}
