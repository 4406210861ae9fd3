//! Regions: places that things are in, and that know nothing of each other. Each zone is in one region.
//!
//! They are the operator's configuration, kept in the store so that every decision sees the same ones.

use serde::{Deserialize, Serialize};

/// The region of a server that was told of none.
pub const DEFAULT_REGION: &str = "local";

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its name, unique among regions.
    pub name: String,
    /// Its zones, in order. The default region also has every zone that no region names.
    pub zones: Vec<String>,
}

/// All regions of a server, the default one first; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regions(Vec<Region>);

impl Default for Regions {
    /// One region without named zones.
    fn default() -> Self {
        Regions(vec![Region { name: DEFAULT_REGION.to_owned(), zones: Vec::new() }])
    }
}

impl Regions {
    /// These; `None` when there is none.
    pub fn new(regions: Vec<Region>) -> Option<Self> {
        (!regions.is_empty()).then_some(Regions(regions))
    }

    /// The region of those who name none.
    pub fn default_region(&self) -> &Region {
        &self.0[0]
    }

    /// All of them, the default one first.
    pub fn iter(&self) -> impl Iterator<Item = &Region> {
        self.0.iter()
    }

    /// The region of this name.
    pub fn get(&self, name: &str) -> Option<&Region> {
        self.0.iter().find(|region| region.name == name)
    }

    /// The region that a zone is in.
    pub fn of_zone(&self, zone: &str) -> &Region {
        let named = self.0.iter().find(|region| region.zones.iter().any(|own| own == zone));
        named.unwrap_or_else(|| self.default_region())
    }
}
