//! Resources of IBM's API beside interfaces, and what all of them have in common.

mod collectors;
mod places;
mod routing;
