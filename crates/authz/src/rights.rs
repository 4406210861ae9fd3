//! Evaluating policies. Cedar judges; what it has said is kept, because a key asks for the same things again and again.
//!
//! A policy becomes one Cedar policy: `permit` its key, all actions of its role, on everything, a type or a single resource.
//! Cedar denies what nothing permits.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
};
use pintle_core::model::{Policy, Principal, ResourceType};
use pintle_core::txn::Revision;

use crate::needs::Need;
use crate::table::{self, Action};

/// The most decisions that are kept for one key, and the most keys whose rights are kept.
const MOST: usize = 10_000;

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = EntityTypeName::from_str(kind).expect("the names of types are written below");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn everything() -> EntityUid {
    uid("Everything", "account")
}

fn of_type(kind: ResourceType) -> EntityUid {
    uid("Type", kind.label())
}

/// What is the same for all keys: actions with the roles that have them, and the types of resources.
static WORLD: LazyLock<Vec<Entity>> = LazyLock::new(|| {
    let actions = table::rows().map(|(action, roles)| {
        let roles = roles.iter().map(|role| uid("Action", role.label())).collect();
        Entity::new_no_attrs(uid("Action", &action.to_string()), roles)
    });
    let types =
        ResourceType::ALL.iter().map(|kind| Entity::new_no_attrs(of_type(*kind), HashSet::from([everything()])));
    actions.chain(types).collect()
});

/// What one key may do.
#[derive(Debug)]
pub struct Rights {
    key: Principal,
    policies: PolicySet,
    /// Types of which it has policies for single resources: of others, all resources are alike.
    single: HashSet<ResourceType>,
    decided: Mutex<HashMap<(Action, Option<String>), bool>>,
}

impl Rights {
    /// What these policies give to a key.
    pub fn new(key: Principal, policies: &[Policy]) -> Rights {
        let text: String = policies.iter().map(|policy| cedar(key, policy)).collect();
        let single =
            policies.iter().filter(|policy| policy.resource.is_some()).filter_map(|policy| policy.resource_type);
        // The texts are made of labels and ids, which need no escapes. If one were wrong, the key could do nothing.
        let policies = PolicySet::from_str(&text).unwrap_or_default();
        Rights { key, policies, single: single.collect(), decided: Mutex::default() }
    }

    /// Whether they suffice.
    pub fn may(&self, need: &Need) -> bool {
        if let Some(kept) = self.kept(need) {
            return kept;
        }
        let asked = self.asked(need);
        let judged = self.judge(asked.0, asked.1.as_deref());
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MOST {
            decided.clear();
        }
        decided.insert(asked, judged);
        judged
    }

    /// What has been judged already; `None`: nothing, or it is no longer known.
    pub fn kept(&self, need: &Need) -> Option<bool> {
        let asked = self.asked(need);
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(&asked).copied()
    }

    /// What it comes to: things of which no policy names a single one are alike.
    fn asked(&self, need: &Need) -> (Action, Option<String>) {
        let one = need.of.as_ref().filter(|_| self.single.contains(&need.action.on)).map(ToString::to_string);
        (need.action, one)
    }

    fn judge(&self, action: Action, one: Option<&str>) -> bool {
        let resource = one.map_or_else(|| of_type(action.on), |id| uid("Resource", id));
        let one = one.map(|_| Entity::new_no_attrs(resource.clone(), HashSet::from([of_type(action.on)])));
        let entities = Entities::from_entities(WORLD.iter().cloned().chain(one), None);
        let key = uid("Key", &self.key.to_string());
        let request = Request::new(key, uid("Action", &action.to_string()), resource, Context::empty(), None);
        let (Ok(entities), Ok(request)) = (entities, request) else { return false };
        Authorizer::new().is_authorized(&request, &self.policies, &entities).decision() == Decision::Allow
    }
}

/// A policy in Cedar's language.
fn cedar(key: Principal, policy: &Policy) -> String {
    let scope = match (policy.resource_type, &policy.resource) {
        (_, Some(id)) => format!("resource == Resource::\"{id}\""),
        (Some(kind), None) => format!("resource in Type::\"{kind}\""),
        (None, None) => "resource in Everything::\"account\"".to_owned(),
    };
    format!("permit(principal == Key::\"{key}\", action in Action::\"{}\", {scope});\n", policy.role)
}

/// The rights of keys, each worked out once for as long as its record stays as it is.
#[derive(Debug, Default)]
pub struct Keyring(Mutex<HashMap<Principal, (Revision, Arc<Rights>)>>);

impl Keyring {
    /// The rights of a key whose record has these policies at this revision.
    pub fn rights(&self, key: Principal, revision: Revision, policies: &[Policy]) -> Arc<Rights> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rights)) = kept.get(&key).filter(|(at, _)| *at == revision) {
            return Arc::clone(rights);
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        let rights = Arc::new(Rights::new(key, policies));
        kept.insert(key, (revision, Arc::clone(&rights)));
        rights
    }
}
