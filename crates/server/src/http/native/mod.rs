//! Routes of Pintle's own API, one file per resource.

mod access_keys;
mod accounts;
mod actions;
mod api_keys;
mod audit;
mod hosts;
mod instances;
mod names;
mod network_acls;
mod policies;
mod prefix_lists;
mod public;
mod quotas;
mod security_groups;
mod shares;
mod status;
mod subnets;
mod telemetry;
mod virtual_network_interfaces;
mod vpcs;

use axum::Router;
use axum::routing::{delete, get, post, put};
use serde::Deserialize;

use super::app::App;

/// The body of an action that says all by its name.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Everything below `/native/v1`.
pub(super) fn router() -> Router<App> {
    use {network_acls as acl, prefix_lists as pl, security_groups as sg, virtual_network_interfaces as vni};
    Router::new()
        .route("/status", get(status::show))
        .route("/drift", get(hosts::drift))
        .route("/audit", get(audit::list))
        .route("/audit/verify", get(audit::verify))
        .route("/access_keys", get(access_keys::list).post(access_keys::create))
        .route("/access_keys/{key}", delete(access_keys::delete))
        .route("/api_keys", get(api_keys::list).post(api_keys::create))
        .route("/api_keys/{key}", get(api_keys::show).delete(api_keys::delete))
        .route("/policies", get(policies::list).post(policies::create))
        .route("/policies/{policy}", delete(policies::delete))
        .route("/quotas/{account}", get(quotas::list))
        .route("/quotas/{account}/{quota}", put(quotas::set))
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/hosts", get(hosts::list))
        .route("/hosts/{host}", get(hosts::show).delete(hosts::delete))
        .route("/instances", get(instances::list).post(instances::create))
        .route("/instances/{instance}", get(instances::show).delete(instances::delete))
        .route("/shares", get(shares::list).post(shares::create))
        .route("/shares/{share}", get(shares::show).delete(shares::delete))
        .route("/shares/{share}/mount_targets", post(shares::mount))
        .route("/shares/{share}/mount_targets/{target}", delete(shares::unmount))
        .route("/bare_metal_servers", get(instances::list_bare_metal))
        .route("/vpcs", get(vpcs::list).post(vpcs::create))
        .route("/vpcs/{vpc}", get(vpcs::show).patch(vpcs::update).delete(vpcs::delete))
        .route("/subnets", get(subnets::list).post(subnets::create))
        .route("/subnets/{subnet}", get(subnets::show).patch(subnets::update).delete(subnets::delete))
        .route("/security_groups", get(sg::list).post(sg::create))
        .route("/security_groups/{group}", get(sg::show).patch(sg::update).delete(sg::delete))
        .route("/security_groups/{group}/actions/change_rules", post(sg::change_rules))
        .route("/network_acls", get(acl::list).post(acl::create))
        .route("/network_acls/{acl}", get(acl::show).patch(acl::update).delete(acl::delete))
        .route("/network_acls/{acl}/actions/change_rules", post(acl::change_rules))
        .route("/prefix_lists", get(pl::list).post(pl::create))
        .route("/prefix_lists/{list}", get(pl::show).patch(pl::update).delete(pl::delete))
        .route("/public_pools", get(public::list_pools).post(public::create_pool))
        .route("/public_pools/{pool}", get(public::show_pool).delete(public::delete_pool))
        .route("/floating_ips", get(public::list_ips).post(public::create_ip))
        .route("/floating_ips/{ip}", get(public::show_ip).delete(public::delete_ip))
        .route("/floating_ips/{ip}/actions/associate", post(public::associate))
        .route("/floating_ips/{ip}/actions/disassociate", post(public::disassociate))
        .route("/public_gateways", get(public::list_gateways).post(public::create_gateway))
        .route("/public_gateways/{gateway}", get(public::show_gateway).delete(public::delete_gateway))
        .route("/flows", get(telemetry::flows))
        .route("/drops", get(telemetry::drops))
        .route("/explain", post(telemetry::explain))
        .route("/virtual_network_interfaces", get(vni::list).post(vni::create))
        .route("/virtual_network_interfaces/{vni}", get(vni::show).patch(vni::update))
        .route("/virtual_network_interfaces/{vni}/targets", get(vni::targets))
        .route("/virtual_network_interfaces/{vni}/actions/add_address", post(vni::add_address))
        .route("/virtual_network_interfaces/{vni}/actions/remove_address", post(vni::remove_address))
        .route("/virtual_network_interfaces/{vni}/actions/add_prefix", post(vni::add_prefix))
        .route("/virtual_network_interfaces/{vni}/actions/remove_prefix", post(vni::remove_prefix))
        .route("/virtual_network_interfaces/{vni}/actions/set_security_groups", post(vni::set_security_groups))
        .route("/virtual_network_interfaces/{vni}/actions/quarantine", post(vni::quarantine))
        .route("/virtual_network_interfaces/{vni}/actions/release", post(vni::release))
        .route("/virtual_network_interfaces/{vni}/actions/flush", post(vni::flush))
        .route("/virtual_network_interfaces/{vni}/actions/shadow", post(vni::shadow))
        .route("/virtual_network_interfaces/{vni}/actions/attach", post(actions::attach))
        .route("/virtual_network_interfaces/{vni}/actions/detach", post(actions::detach))
        .route("/virtual_network_interfaces/{vni}/actions/move", post(actions::move_to))
        .route("/resolve/{kind}/{text}", get(names::resolve))
}
