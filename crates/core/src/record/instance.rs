//! Where instances are listed.

use super::Listed;
use crate::model::{Instance, Role, Timestamp};

impl Listed for Instance {
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn list_scope(&self) -> String {
        instances_in(&self.owner.scope(), self.role)
    }
}

/// Within what instances are listed: what each API has a word of its own for is a collection of its own.
pub fn instances_in(scope: &str, role: Role) -> String {
    match role {
        Role::Server => scope.to_owned(),
        Role::BareMetal => format!("{scope}.bare_metal"),
        // Whoever the share is of, these are its alone.
        Role::ShareMount(share) => share.to_string(),
    }
}
