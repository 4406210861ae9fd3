//! Routes of Pintle's own API, one file per resource.

mod actions;
mod hosts;
mod instances;
mod names;
mod status;
mod virtual_network_interfaces;

use axum::Router;
use axum::routing::{get, post};

use super::app::App;

/// Everything below `/native/v1`.
pub(super) fn router() -> Router<App> {
    use virtual_network_interfaces as vni;
    Router::new()
        .route("/status", get(status::show))
        .route("/drift", get(hosts::drift))
        .route("/hosts", get(hosts::list))
        .route("/hosts/{host}", get(hosts::show).delete(hosts::delete))
        .route("/instances", get(instances::list).post(instances::create))
        .route("/instances/{instance}", get(instances::show).delete(instances::delete))
        .route("/virtual_network_interfaces", get(vni::list))
        .route("/virtual_network_interfaces/{vni}", get(vni::show))
        .route("/virtual_network_interfaces/{vni}/actions/attach", post(actions::attach))
        .route("/virtual_network_interfaces/{vni}/actions/detach", post(actions::detach))
        .route("/virtual_network_interfaces/{vni}/actions/move", post(actions::move_to))
        .route("/resolve/{kind}/{text}", get(names::resolve))
}
