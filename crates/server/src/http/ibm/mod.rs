//! Routes of IBM VPC's dialect, one file per resource.

mod floating_ips;
mod instances;
mod network_acls;
mod network_attachments;
mod openapi;
mod public_gateways;
mod reserved_ips;
mod security_groups;
mod subnets;
mod virtual_network_interfaces;
mod vpcs;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pintle_core::id::VpcId;
use pintle_core::model::Vpc;
use pintle_core::record::Record;
use pintle_core::txn::Snapshot;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::version;
use pintle_dialect::view::{Page, Scope, by_name};
use pintle_dialect::{Problem, wire};

use super::answer::Fault;
use super::app::App;
use super::extract::params;

/// Everything below `/v1`.
pub(super) fn router() -> Router<App> {
    use {floating_ips as fip, network_acls as acl, public_gateways as pg, security_groups as sg};
    use {instances as i, network_attachments as na, reserved_ips as ip, virtual_network_interfaces as vni};
    Router::new()
        .route("/vpcs", get(vpcs::list).post(vpcs::create))
        .route("/vpcs/{id}", get(vpcs::show).patch(vpcs::update).delete(vpcs::delete))
        .route("/vpcs/{id}/default_security_group", get(vpcs::default_security_group))
        .route("/vpcs/{id}/default_network_acl", get(vpcs::default_network_acl))
        .route("/security_groups", get(sg::list).post(sg::create))
        .route("/security_groups/{id}", get(sg::show).patch(sg::update).delete(sg::delete))
        .route("/security_groups/{id}/rules", get(sg::list_rules).post(sg::create_rule))
        .route("/security_groups/{id}/rules/{rule}", get(sg::show_rule).patch(sg::update_rule).delete(sg::delete_rule))
        .route("/security_groups/{id}/targets", get(sg::list_targets))
        .route(
            "/security_groups/{id}/targets/{target}",
            get(sg::show_target).put(sg::add_target).delete(sg::remove_target),
        )
        .route("/network_acls", get(acl::list).post(acl::create))
        .route("/network_acls/{id}", get(acl::show).patch(acl::update).delete(acl::delete))
        .route("/network_acls/{id}/rules", get(acl::list_rules).post(acl::create_rule))
        .route("/network_acls/{id}/rules/{rule}", get(acl::show_rule).patch(acl::update_rule).delete(acl::delete_rule))
        .route("/floating_ips", get(fip::list).post(fip::create))
        .route("/floating_ips/{id}", get(fip::show).patch(fip::update).delete(fip::delete))
        .route("/public_gateways", get(pg::list).post(pg::create))
        .route("/public_gateways/{id}", get(pg::show).patch(pg::update).delete(pg::delete))
        .route("/subnets", get(subnets::list).post(subnets::create))
        .route("/subnets/{id}", get(subnets::show).patch(subnets::update).delete(subnets::delete))
        .route("/subnets/{id}/network_acl", get(subnets::show_network_acl).put(subnets::set_network_acl))
        .route(
            "/subnets/{id}/public_gateway",
            get(subnets::show_public_gateway).put(subnets::set_public_gateway).delete(subnets::unset_public_gateway),
        )
        .route("/subnets/{id}/reserved_ips", get(ip::list).post(ip::create))
        .route("/subnets/{id}/reserved_ips/{ip}", get(ip::show).patch(ip::update).delete(ip::delete))
        .route("/virtual_network_interfaces", get(vni::list).post(vni::create))
        .route("/virtual_network_interfaces/{id}", get(vni::show).patch(vni::update).delete(vni::delete))
        .route("/virtual_network_interfaces/{id}/ips", get(vni::ips::list))
        .route(
            "/virtual_network_interfaces/{id}/ips/{ip}",
            get(vni::ips::show).put(vni::ips::add).delete(vni::ips::remove),
        )
        .route("/virtual_network_interfaces/{id}/floating_ips", get(fip::list_of_vni))
        .route(
            "/virtual_network_interfaces/{id}/floating_ips/{ip}",
            get(fip::show_of_vni).put(fip::add_to_vni).delete(fip::remove_from_vni),
        )
        .route("/instances", get(i::list).post(i::create))
        .route("/instances/{id}", get(i::show).patch(i::update).delete(i::delete))
        .route("/instances/{id}/actions", axum::routing::post(i::act))
        .route("/instances/{id}/network_attachments", get(na::list).post(na::create))
        .route("/instances/{id}/network_attachments/{na}", get(na::show).patch(na::update).delete(na::delete))
        .route_layer(from_fn(check_version))
        // Tools ask for it without the parameters that it tells them of.
        .route("/openapi.json", get(openapi::show))
}

/// Holds every request to `version` and `generation`, and leaves the version and the rest of the query to the operation.
async fn check_version(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let rest = params(&parts).and_then(|mut params| version::check(&mut params).map(|version| (params, version)));
    match rest {
        Ok((rest, version)) => {
            parts.extensions.insert(rest);
            parts.extensions.insert(version);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => Fault::from(problem).into_response(),
    }
}

/// The page of a filter that leaves nothing.
fn nothing<V>() -> Page<V> {
    Page { items: Vec::new(), next: None, total: 0 }
}

/// The VPC that a list is filtered by.
fn vpc_filter(paging: &Paging) -> Result<Option<VpcId>, Problem> {
    let text = paging.filter("vpc.id");
    text.map(|text| {
        text.parse()
            .map_err(|error: pintle_core::id::InvalidId| wire::parameter("vpc.id", Some(text), error.to_string()))
    })
    .transpose()
}

/// The VPC that a list is filtered by, by id or by name or both; `None`: one that nothing is in.
fn vpc_of(snapshot: &dyn Snapshot, id: Option<VpcId>, name: Option<&str>) -> Result<Option<VpcId>, Problem> {
    let Some(name) = name else { return Ok(id) };
    let named = by_name::<Vpc>(snapshot, None, name, Scope::Owner)?.pop();
    Ok(named.filter(|named| id.is_none_or(|id| id == *named)))
}

/// A child's id is only found below its own parent.
fn below<P: PartialEq, R: Record>(found: P, asked: P, id: R::Id) -> Result<(), Problem> {
    if found == asked { Ok(()) } else { Err(Problem::not_found(R::NOUN, id.to_string())) }
}
