//! `/security_groups`, with rules and targets.

use super::operation::{Operation, delete, get, list, list_all, patch, post, put};
use crate::ibm::security_group::{Create, RuleFields, RulePatch, RuleShape, Shape, Target, Update};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list::<Shape>("/security_groups", "list_security_groups", "security_groups").query(&[
            "resource_group.id",
            "vpc.crn",
            "vpc.id",
            "vpc.name",
        ]),
        post::<Create, Shape>("/security_groups", "create_security_group"),
        get::<Shape>("/security_groups/{id}", "get_security_group"),
        patch::<Update, Shape>("/security_groups/{id}", "update_security_group").if_match(),
        delete("/security_groups/{id}", "delete_security_group").if_match(),
        list_all::<RuleShape>("/security_groups/{id}/rules", "list_security_group_rules", "rules"),
        post::<RuleFields, RuleShape>("/security_groups/{id}/rules", "create_security_group_rule"),
        get::<RuleShape>("/security_groups/{id}/rules/{rule}", "get_security_group_rule"),
        patch::<RulePatch, RuleShape>("/security_groups/{id}/rules/{rule}", "update_security_group_rule"),
        delete("/security_groups/{id}/rules/{rule}", "delete_security_group_rule"),
        list::<Target>("/security_groups/{id}/targets", "list_security_group_targets", "targets"),
        get::<Target>("/security_groups/{id}/targets/{target}", "get_security_group_target"),
        put::<Target>("/security_groups/{id}/targets/{target}", "create_security_group_target_binding"),
        delete("/security_groups/{id}/targets/{target}", "delete_security_group_target_binding"),
    ]
}
