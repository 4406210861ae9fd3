//! The group that a request is about: by its id, or by its name.

use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::SecurityGroup;
use pintle_core::query;
use pintle_core::txn::Snapshot;

use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::params::Params;
use crate::view;

/// A group as a request calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// By its id.
    Id(SecurityGroupId),
    /// By its name.
    Name(String),
}

impl Called {
    /// Reads `GroupId` or `GroupName`, one of which there must be.
    ///
    /// # Errors
    /// `MissingParameter`, `InvalidParameterCombination`, or the id's own codes.
    pub(super) fn read(params: &mut Params) -> Result<Called, Ec2Error> {
        let name = params.text("GroupName").filter(|name| !name.is_empty());
        match (params.id("GroupId")?, name) {
            (Some(id), None) => Ok(Called::Id(id)),
            (None, Some(name)) => Ok(Called::by_name(params, name)),
            (Some(_), Some(_)) => {
                Err(Ec2Error::combination("The parameter GroupName cannot be used with the parameter GroupId"))
            }
            (None, None) => {
                Err(Ec2Error::new("MissingParameter", "The request must contain the parameter GroupName or GroupId"))
            }
        }
    }

    /// By a name that was read from a request.
    pub(super) fn by_name(params: &mut Params, name: String) -> Called {
        params.names_otherwise();
        Called::Name(name)
    }

    /// The group; a name is one of the default VPC.
    ///
    /// # Errors
    /// `InvalidGroup.NotFound`; `VPCIdNotSpecified` for a name when there is no default VPC.
    pub(super) fn find(&self, snapshot: &dyn Snapshot, caller: &Caller) -> Result<SecurityGroup, Ec2Error> {
        let id = match self {
            Called::Id(id) => *id,
            Called::Name(name) => named(snapshot, caller, name, default_vpc(snapshot, caller)?)?,
        };
        Ok(query::get_for(snapshot, &caller.actor(), id)?.0)
    }

    /// The group's id, for a rule of another group: a name is one of that group's VPC.
    ///
    /// # Errors
    /// `InvalidGroup.NotFound`.
    pub(super) fn id_in(
        &self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        vpc: VpcId,
    ) -> Result<SecurityGroupId, Ec2Error> {
        match self {
            Called::Id(id) => Ok(query::get_for::<SecurityGroup>(snapshot, &caller.actor(), *id)?.0.id),
            Called::Name(name) => named(snapshot, caller, name, vpc),
        }
    }
}

/// The default VPC, which things are in that name none.
///
/// # Errors
/// `VPCIdNotSpecified` when there is none.
pub(super) fn default_vpc(snapshot: &dyn Snapshot, caller: &Caller) -> Result<VpcId, Ec2Error> {
    default_vpc_of(snapshot, caller)?.ok_or_else(|| Ec2Error::new("VPCIdNotSpecified", "No default VPC for this user"))
}

/// Whether a VPC is the default one.
///
/// # Errors
/// When the store can't be read.
pub(super) fn is_default_vpc(snapshot: &dyn Snapshot, caller: &Caller, vpc: VpcId) -> Result<bool, Ec2Error> {
    Ok(default_vpc_of(snapshot, caller)? == Some(vpc))
}

fn default_vpc_of(snapshot: &dyn Snapshot, caller: &Caller) -> Result<Option<VpcId>, Ec2Error> {
    Ok(query::default_vpc(snapshot, &caller.owner())?)
}

/// The group of a VPC that has this name.
pub(super) fn named(
    snapshot: &dyn Snapshot,
    caller: &Caller,
    name: &str,
    vpc: VpcId,
) -> Result<SecurityGroupId, Ec2Error> {
    let found = view::by_name::<SecurityGroup>(snapshot, Some(&caller.owner()), name, view::Scope::Vpc(vpc))?;
    found.first().copied().ok_or_else(|| {
        let message = format!("The security group '{}' does not exist in VPC '{vpc}'", short(name));
        Ec2Error::new("InvalidGroup.NotFound", message)
    })
}
