//! Pages of the native API: `{"items": […], "next": "…", "total": n}`.

use std::str::FromStr;

use pintle_core::model::{AccountId, Owner, Vpc};
use pintle_core::record::{Listed, Record};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Actor, DecideError, Refusal, query};
use serde::Serialize;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::view::{ChildOfVpc, InstanceView, Page, View, bare_metal_servers, by_ids, child_ids, own, resolve};
use crate::wire::{Params, parameter};

/// Which page a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// The `next` of the page before.
    pub start: Option<String>,
    /// The most items that the page may have, 1 to 1,000; 100 unless said.
    pub limit: usize,
    /// Whose things; `None`: the first account's.
    account: Option<AccountId>,
    /// Of which region; `None`: the default one.
    region: Option<String>,
}

impl Paging {
    /// Takes `start` and `limit` out of a query.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn take(params: &mut Params) -> Result<Self, Problem> {
        let start = params.take("start")?;
        let limit = params.take_number("limit", 1..=1000)?.unwrap_or(100) as usize;
        Ok(Paging { start, limit, account: None, region: None })
    }

    /// Takes `start`, `limit`, `account` and `region` out of a query.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn take_owned(params: &mut Params) -> Result<Self, Problem> {
        let paging = Paging::take(params)?;
        let account = params.take("account")?.map(|text| {
            let parsed = text.parse::<AccountId>();
            parsed.map_err(|error| parameter("account", Some(&text), error.to_string()))
        });
        Ok(Paging { account: account.transpose()?, region: params.take("region")?, ..paging })
    }

    /// The page of what the owner has that the client asks for.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such region, or as [`own`].
    pub fn read<V: View>(&self, snapshot: &dyn Snapshot) -> Result<Page<V>, DecideError>
    where
        <V::Record as Record>::Id: FromStr,
    {
        match self.owner(snapshot)? {
            Some(owner) => own(snapshot, Some(&owner), self.start.as_deref(), self.limit),
            None => Ok(Page { items: Vec::new(), next: None, total: 0 }),
        }
    }

    /// The page of the owner's bare metal servers.
    ///
    /// # Errors
    /// As [`Paging::read`].
    pub fn read_bare_metal(&self, snapshot: &dyn Snapshot) -> Result<Page<InstanceView>, DecideError> {
        match self.owner(snapshot)? {
            Some(owner) => bare_metal_servers(snapshot, Some(&owner), self.start.as_deref(), self.limit),
            None => Ok(Page { items: Vec::new(), next: None, total: 0 }),
        }
    }

    fn owner(&self, snapshot: &dyn Snapshot) -> Result<Option<Owner>, DecideError> {
        let mut owner = query::owner(snapshot)?;
        if let Some(account) = self.account {
            owner.account = account;
        }
        if let Some(region) = &self.region {
            if query::regions(snapshot)?.get(region).is_none() {
                return Err(Refusal::NotFound { noun: Noun::Region, id: region.chars().take(80).collect() }.into());
            }
            owner.region.clone_from(region);
        }
        // Nobody else's things are to be seen.
        let foreign = matches!(snapshot.seen_by(), Actor::Tenant(own) if *own != owner);
        Ok((!foreign).then_some(owner))
    }
}

/// Which page of what VPCs have a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVpc {
    paging: Paging,
    vpc: Option<String>,
}

impl InVpc {
    /// From a query with `start`, `limit`, `account`, `region` and `vpc`.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn decode(mut params: Params) -> Result<Self, Problem> {
        let paging = Paging::take_owned(&mut params)?;
        let vpc = params.take("vpc")?;
        params.finish()?;
        Ok(InVpc { paging, vpc })
    }

    /// The page: of one VPC, or of all that the owner has.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or when the store can't be read.
    pub fn read<V: View>(&self, snapshot: &dyn Snapshot) -> Result<Page<V>, Problem>
    where
        V::Record: ChildOfVpc + Listed,
        <V::Record as Record>::Id: FromStr,
    {
        let (start, limit) = (self.paging.start.as_deref(), self.paging.limit);
        match &self.vpc {
            None => Ok(self.paging.read(snapshot)?),
            Some(vpc) => {
                let ids = child_ids::<V::Record>(snapshot, resolve::<Vpc>(snapshot, vpc)?)?;
                Ok(by_ids(snapshot, ids, start, limit)?)
            }
        }
    }
}

/// Encodes a page.
pub fn encode<V, T: Serialize>(page: &Page<V>, item: impl Fn(&V) -> T) -> Value {
    let mut body = json!({ "items": page.items.iter().map(|view| json!(item(view))).collect::<Vec<_>>() });
    body["total"] = json!(page.total);
    if let Some(next) = &page.next {
        body["next"] = json!(next);
    }
    body
}
