//! Pages of the native API: `{"items": […], "next": "…", "total": n}`.

use std::str::FromStr;

use pintle_core::model::Vpc;
use pintle_core::record::{Listed, Record};
use pintle_core::txn::Snapshot;
use serde::Serialize;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::view::{ChildOfVpc, Page, View, all, by_ids, child_ids, resolve};
use crate::wire::Params;

/// Which page a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// The `next` of the page before.
    pub start: Option<String>,
    /// The most items that the page may have, 1 to 1,000; 100 unless said.
    pub limit: usize,
}

impl Paging {
    /// Takes `start` and `limit` out of a query.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn take(params: &mut Params) -> Result<Self, Problem> {
        let start = params.take("start")?;
        let limit = params.take_number("limit", 1..=1000)?.unwrap_or(100) as usize;
        Ok(Paging { start, limit })
    }
}

/// Which page of what VPCs have a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVpc {
    paging: Paging,
    vpc: Option<String>,
}

impl InVpc {
    /// From a query with `start`, `limit` and `vpc`.
    ///
    /// # Errors
    /// [`Problem::Parameter`].
    pub fn decode(mut params: Params) -> Result<Self, Problem> {
        let paging = Paging::take(&mut params)?;
        let vpc = params.take("vpc")?;
        params.finish()?;
        Ok(InVpc { paging, vpc })
    }

    /// The page: of one VPC, or of all.
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
            None => Ok(all(snapshot, "", start, limit)?),
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
