//! What every host should have, kept up to date from what is committed.
//!
//! The projector follows the store and works out again only the subjects that a commit touched. The result lies in
//! memory as entries per host, each with the revision at which it last changed, so that a session can send exactly what
//! an agent lacks and a reconciler can tell what an agent has done. An interface that is attached to nothing has no entries
//! and costs nothing here.

mod dirty;
mod follow;
mod host;
mod projection;
mod scan;

pub use dirty::Dirty;
pub(crate) use follow::Follower;
pub use host::{HostDesired, Slot};
pub use projection::{Compiled, Projection};
pub(crate) use scan::for_each;
pub use scan::{attached, compile, compile_all};
