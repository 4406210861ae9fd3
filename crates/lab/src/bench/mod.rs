//! Benchmarks: Pintle beside the plainest alternative, in the same rounds.

mod figures;
mod load;
mod pinned;
pub mod signed;
pub mod suites;
mod topology;

pub use figures::{Figures, Spread};
pub use load::{Load, Path};
pub use pinned::{run_in, start_in};
pub use topology::Baseline;
