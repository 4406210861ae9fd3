//! `/flow_log_collectors`.

use super::operation::{Operation, delete, get, list, patch, post};
use crate::ibm::flow_log_collector::{Create, Shape, Update};

pub(super) fn operations() -> Vec<Operation> {
    let filters = ["name", "resource_group.id", "target.id", "target.resource_type", "vpc.id", "vpc.crn", "vpc.name"];
    vec![
        list::<Shape>("/flow_log_collectors", "list_flow_log_collectors", "flow_log_collectors").query(&filters),
        post::<Create, Shape>("/flow_log_collectors", "create_flow_log_collector"),
        get::<Shape>("/flow_log_collectors/{id}", "get_flow_log_collector"),
        patch::<Update, Shape>("/flow_log_collectors/{id}", "update_flow_log_collector"),
        delete("/flow_log_collectors/{id}", "delete_flow_log_collector"),
    ]
}
