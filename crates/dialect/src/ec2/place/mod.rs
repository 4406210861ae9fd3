//! What there is before anything is made: regions, zones, what an account may do.

pub(super) mod account_attributes;
pub(super) mod availability_zones;
pub(super) mod regions;
