//! Pages of the native API: `{"items": […], "next": "…", "total": n}`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::view::Page;
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

/// Encodes a page.
pub fn encode<V, T: Serialize>(page: &Page<V>, item: impl Fn(&V) -> T) -> Value {
    let mut body = json!({ "items": page.items.iter().map(|view| json!(item(view))).collect::<Vec<_>>() });
    body["total"] = json!(page.total);
    if let Some(next) = &page.next {
        body["next"] = json!(next);
    }
    body
}
