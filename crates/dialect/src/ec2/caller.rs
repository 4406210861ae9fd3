//! Who asks, and where: what an operation may know of a request beside its parameters.

use std::sync::Arc;

use pintle_core::Actor;
use pintle_core::model::{AccountId, Owner, Timestamp};

/// A region, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionInfo {
    /// Its name, such as `us-east-1`.
    pub name: String,
    /// Its zones, in order.
    pub zones: Vec<String>,
}

/// The account, access key and region of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account that the access key belongs to.
    pub account: AccountId,
    /// The access key.
    pub access_key: String,
    /// The region of the credential scope.
    pub region: String,
    /// All regions.
    pub regions: Arc<[RegionInfo]>,
    /// The moment of the request.
    pub now: Timestamp,
    /// Authority under which clients reach the API, such as `127.0.0.1:7480`.
    pub endpoint: Arc<str>,
}

impl Caller {
    /// Whose things the request is about.
    pub fn owner(&self) -> Owner {
        Owner::new(self.account, &self.region)
    }

    /// Who asks, for the core.
    pub fn actor(&self) -> Actor {
        Actor::Tenant(self.owner())
    }

    /// A zone's id: the same in every account, unlike EC2's, where zone names are shuffled.
    pub fn zone_id(&self, zone: &str) -> String {
        zone_id(&self.region, self.zones(), zone)
    }

    /// The zones of the caller's region.
    pub fn zones(&self) -> &[String] {
        self.regions.iter().find(|region| region.name == self.region).map_or(&[], |region| &region.zones)
    }
}

/// A zone's id, by its place among its region's zones; a zone that its region does not name has its name for an id.
pub(super) fn zone_id(region: &str, zones: &[String], zone: &str) -> String {
    let place = zones.iter().position(|known| known == zone);
    place.map_or_else(|| zone.to_owned(), |place| format!("{region}-az{}", place + 1))
}
