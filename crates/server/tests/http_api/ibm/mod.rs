//! Resources of IBM's API beside interfaces, and what all of them have in common.

mod collectors;
mod floating_ips;
mod places;
mod routing;
