//! From what a person types to an id: the id itself, or a name that only one thing has.

use std::str::FromStr;

use pintle_core::id::VpcId;
use pintle_core::model::{FloatingIp, Host, Instance, NetworkAcl, PrefixList, PublicGateway, PublicPool};
use pintle_core::model::{SecurityGroup, Share, Subnet, Vni, Vpc};
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::txn::Snapshot;

use super::list::{self, Scope};
use crate::problem::Problem;

/// A kind of record that can be called by its name.
pub trait Named: Record {
    /// Where its names are unique.
    const SCOPE: Scope;
}
impl Named for Vpc {
    const SCOPE: Scope = Scope::Owner;
}
impl Named for Host {
    const SCOPE: Scope = Scope::Server;
}
impl Named for Subnet {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for Vni {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for Instance {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for SecurityGroup {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for NetworkAcl {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for PublicGateway {
    const SCOPE: Scope = Scope::EveryVpc;
}
impl Named for PrefixList {
    const SCOPE: Scope = Scope::Owner;
}
impl Named for PublicPool {
    const SCOPE: Scope = Scope::Server;
}
impl Named for Share {
    const SCOPE: Scope = Scope::Owner;
}
impl Named for FloatingIp {
    const SCOPE: Scope = Scope::Owner;
}

/// The id of the record that `text` calls by its id or its name, for the operator: whoever's id, or a name of the default
/// owner's. A text of an id's shape is an id, never a name.
///
/// # Errors
/// [`pintle_core::Refusal::NotFound`] when nothing has it, [`Problem::Ambiguous`] when several have that name, or when the
/// store can't be read.
pub fn resolve<R: Named>(snapshot: &dyn Snapshot, text: &str) -> Result<R::Id, Problem>
where
    R::Id: FromStr,
{
    resolve_in::<R>(snapshot, text, R::SCOPE)
}

/// As [`resolve`], with names looked for in one VPC only where names of the kind belong to a VPC and `vpc` is known.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_within<R: Named>(snapshot: &dyn Snapshot, text: &str, vpc: Option<VpcId>) -> Result<R::Id, Problem>
where
    R::Id: FromStr,
{
    let scope = match (R::SCOPE, vpc) {
        (Scope::EveryVpc, Some(vpc)) => Scope::Vpc(vpc),
        (scope, _) => scope,
    };
    resolve_in::<R>(snapshot, text, scope)
}

fn resolve_in<R: Named>(snapshot: &dyn Snapshot, text: &str, scope: Scope) -> Result<R::Id, Problem>
where
    R::Id: FromStr,
{
    let not_found = || Problem::not_found(R::NOUN, text.chars().take(80).collect::<String>());
    if let Ok(id) = text.parse::<R::Id>() {
        return query::find::<R>(snapshot, id)?.map(|_| id).ok_or_else(not_found);
    }
    let found = list::by_name::<R>(snapshot, None, text, scope)?;
    match found[..] {
        [] => Err(not_found()),
        [id] => Ok(id),
        _ => Err(Problem::Ambiguous {
            noun: R::NOUN,
            name: text.to_owned(),
            candidates: found.iter().map(ToString::to_string).collect(),
        }),
    }
}
