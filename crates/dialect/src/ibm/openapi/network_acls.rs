//! `/network_acls`, with their rules.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::network_acl::{Create, RulePatch, RulePut, RuleShape, Shape, Update};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/network_acls", "list_network_acls", "network_acls").query(&["resource_group.id"]),
        post::<Create, Shape>("/network_acls", "create_network_acl"),
        get::<Shape>("/network_acls/{id}", "get_network_acl"),
        patch::<Update, Shape>("/network_acls/{id}", "update_network_acl").if_match(),
        delete("/network_acls/{id}", "delete_network_acl").if_match(),
        list::<RuleShape>("/network_acls/{id}/rules", "list_network_acl_rules", "rules").query(&["direction"]),
        post::<RulePut, RuleShape>("/network_acls/{id}/rules", "create_network_acl_rule"),
        get::<RuleShape>("/network_acls/{id}/rules/{rule}", "get_network_acl_rule"),
        patch::<RulePatch, RuleShape>("/network_acls/{id}/rules/{rule}", "update_network_acl_rule"),
        delete("/network_acls/{id}/rules/{rule}", "delete_network_acl_rule"),
    ]
}
