//! Which role may do what to which type of resource.

use std::fmt;

use pintle_core::model::{AccessRole, ResourceType, Verb};

/// Something that can be done to things of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// To things of this type.
    pub on: ResourceType,
    /// What is done.
    pub verb: Verb,
}

impl fmt::Display for Action {
    /// As IBM's IAM names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is.{on}.{on}.{verb}", on = self.on, verb = self.verb)
    }
}

const SEE: &[AccessRole] = &[AccessRole::Viewer, AccessRole::Operator, AccessRole::Editor, AccessRole::Administrator];
const USE: &[AccessRole] = &[AccessRole::Operator, AccessRole::Editor, AccessRole::Administrator];
const MAKE: &[AccessRole] = &[AccessRole::Editor, AccessRole::Administrator];
const LEND: &[AccessRole] = &[AccessRole::Administrator];

/// The roles that may do something; `None`: there is no such action.
pub fn roles(Action { on, verb }: Action) -> Option<&'static [AccessRole]> {
    Some(match (on, verb) {
        (_, Verb::List | Verb::Read) => SEE,
        (_, Verb::Create | Verb::Update | Verb::Delete) => MAKE,
        (ResourceType::FlowLogCollector, Verb::Operate) => return None,
        (_, Verb::Operate) => USE,
        (ResourceType::Vni, Verb::Attach | Verb::Detach) => USE,
        (ResourceType::Vni, Verb::ManageAccess) => LEND,
        // No other role includes these two, so that nobody has them who was not given them.
        (ResourceType::Vni, Verb::ManageIpSpoofing) => &[AccessRole::IpSpoofingOperator],
        (ResourceType::Vni, Verb::ManageInfrastructureNat) => &[AccessRole::InfrastructureNatOperator],
        (
            _,
            Verb::Attach | Verb::Detach | Verb::ManageAccess | Verb::ManageIpSpoofing | Verb::ManageInfrastructureNat,
        ) => return None,
    })
}

/// All actions that there are, with the roles that may do them.
pub fn rows() -> impl Iterator<Item = (Action, &'static [AccessRole])> {
    let actions = ResourceType::ALL.iter().flat_map(|on| Verb::ALL.iter().map(|verb| Action { on: *on, verb: *verb }));
    actions.filter_map(|action| Some((action, roles(action)?)))
}

/// The table as the documentation shows it.
pub fn markdown() -> String {
    let mut text = "| action |".to_owned();
    for role in AccessRole::ALL {
        text += &format!(" {role} |");
    }
    text += "\n|---|";
    text += &":---:|".repeat(AccessRole::ALL.len());
    for (action, roles) in rows() {
        text += &format!("\n| `{action}` |");
        for role in AccessRole::ALL {
            text += if roles.contains(role) { " yes |" } else { " |" };
        }
    }
    text + "\n"
}
