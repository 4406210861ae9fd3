//! Who may do what. A key of an account has policies, each a role on all things of the account, those of a type, or one.
//!
//! [`table`] says which role may do what to which type, and is the only place that does: Cedar evaluates policies over the
//! actions and roles that it lists, the documentation shows it, and tests go through all of it. [`needs`] says what each
//! command needs. Cedar is in this crate and nowhere else, because building it takes its time.
//!
//! What does not exist for who asks is not judged here: the command itself refuses it as not found, so that a refusal for
//! want of a role never tells that something exists.

pub mod needs;
pub mod rights;
pub mod table;

pub use needs::{Need, Thing, needs};
pub use rights::{Keyring, Rights};
pub use table::Action;

use pintle_core::command::Command;
use pintle_core::txn::Snapshot;
use pintle_core::{DecideError, Refusal};

/// Checks that these rights suffice for a command, on a snapshot as the one sees it who asks.
///
/// # Errors
/// [`Refusal::NotAuthorized`] naming the first action that they lack; or when the store can't be read.
pub fn check(rights: &Rights, sight: &dyn Snapshot, command: &Command) -> Result<(), DecideError> {
    needs(sight, command)?.iter().try_for_each(|need| check_one(rights, sight, need))
}

/// Checks that these rights suffice for one action; what does not exist for who asks needs none.
///
/// # Errors
/// As [`check`].
pub fn check_one(rights: &Rights, sight: &dyn Snapshot, need: &Need) -> Result<(), DecideError> {
    if rights.kept(need) == Some(true) {
        return Ok(());
    }
    // Judged is only what there is: a request can name thousands of things that nobody has, and each would be judged anew.
    if let Some(thing) = &need.of
        && !thing.is_visible(sight)?
    {
        return Ok(());
    }
    if rights.may(need) {
        return Ok(());
    }
    let id = need.of.as_ref().map(ToString::to_string);
    Err(Refusal::NotAuthorized { action: need.action.to_string(), id }.into())
}
