//! Where this server is reached and what region it is: what hrefs and CRNs are made of.

use std::fmt::Display;
use std::sync::Arc;

use pintle_core::model::Owner;

/// What all absolute names of one region of a server have in common; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Scheme and authority under which clients reach the server, without a slash at the end.
    pub base_url: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// What stands before `/v1`: nothing for the default region.
    prefix: Arc<str>,
}

impl Site {
    /// The default region's; a slash at the end of the URL is dropped.
    pub fn new(base_url: &str, region: &str) -> Self {
        Site { base_url: base_url.trim_end_matches('/').into(), region: region.into(), prefix: "".into() }
    }

    /// Another region's of the same server.
    pub fn in_region(&self, region: &str) -> Self {
        let prefix = format!("/{REGIONS}/{region}").into();
        Site { base_url: Arc::clone(&self.base_url), region: region.into(), prefix }
    }

    /// What stands before `/v1` in a region's absolute URLs.
    pub fn endpoint(&self, region: &str) -> String {
        if *self.region == *region {
            return format!("{}{}", self.base_url, self.prefix);
        }
        format!("{}/{REGIONS}/{region}", self.base_url)
    }

    /// The absolute URL of a path below `/v1/`.
    pub fn href(&self, path: impl Display) -> String {
        format!("{}{}/v1/{path}", self.base_url, self.prefix)
    }

    /// The cloud resource name of what everybody has.
    pub fn public_crn(&self, kind: &str, id: impl Display) -> String {
        format!("crn:v1:pintle:public:is:{}:a/public::{kind}:{id}", self.region)
    }

    /// The cloud resource name of what an owner has. `location` is a zone for zonal kinds, and the region for regional ones.
    pub fn crn(&self, owner: &Owner, location: &str, kind: &str, id: impl Display) -> String {
        format!("crn:v1:pintle:public:is:{location}:a/{}::{kind}:{id}", owner.account)
    }
}

/// What the paths of regions other than the default one begin with.
pub const REGIONS: &str = "regions";

/// The region that a path is of, and the rest of the path: `/regions/<region>/v1/…` is what `/v1/…` is in the default one.
pub fn split_region(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix('/')?.strip_prefix(REGIONS)?.strip_prefix('/')?;
    let (region, _) = rest.split_once('/')?;
    let rest = &rest[region.len()..];
    (rest == "/v1" || rest.starts_with("/v1/")).then_some((region, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regions_paths_are_those_of_the_default_one_behind_its_name() {
        let site = Site::new("http://h:1/", "home");
        assert_eq!(site.href("vpcs"), "http://h:1/v1/vpcs");
        assert_eq!(site.in_region("eu-de").href("vpcs"), "http://h:1/regions/eu-de/v1/vpcs");
        assert_eq!(split_region("/regions/eu-de/v1/vpcs"), Some(("eu-de", "/v1/vpcs")));
        for other in ["/v1/regions/eu-de", "/regions/eu-de", "/regions/eu-de/v2/vpcs", "/regions//vpcs", "/"] {
            assert_eq!(split_region(other), None, "{other}");
        }
    }
}
