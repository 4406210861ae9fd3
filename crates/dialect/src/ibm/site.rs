//! Where this server is reached and what region it is: what hrefs and CRNs are made of.

use std::fmt::Display;

/// What all absolute names of one server have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Scheme and authority under which clients reach the server, without a slash at the end.
    pub base_url: String,
    /// The region that the server's zones belong to.
    pub region: String,
}

/// The one account that everything belongs to.
const ACCOUNT: &str = "default";

impl Site {
    /// A site; a slash at the end of the URL is dropped.
    pub fn new(base_url: &str, region: &str) -> Self {
        Site { base_url: base_url.trim_end_matches('/').to_owned(), region: region.to_owned() }
    }

    /// The absolute URL of a path below `/v1/`.
    pub fn href(&self, path: impl Display) -> String {
        format!("{}/v1/{path}", self.base_url)
    }

    /// A cloud resource name. `location` is a zone for zonal kinds, and the region for regional ones.
    pub fn crn(&self, location: &str, kind: &str, id: impl Display) -> String {
        format!("crn:v1:pintle:public:is:{location}:a/{ACCOUNT}::{kind}:{id}")
    }
}
