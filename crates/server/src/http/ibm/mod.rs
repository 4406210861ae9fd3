//! Routes of IBM VPC's dialect, one file per resource.

mod instances;
mod network_attachments;
mod reserved_ips;
mod subnets;
mod virtual_network_interfaces;
mod vpcs;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pintle_core::id::VpcId;
use pintle_core::record::Record;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::version;
use pintle_dialect::view::Page;
use pintle_dialect::{Problem, wire};

use super::answer::Fault;
use super::app::App;
use super::extract::params;

/// Everything below `/v1`.
pub(super) fn router() -> Router<App> {
    use {instances as i, network_attachments as na, reserved_ips as ip, virtual_network_interfaces as vni};
    Router::new()
        .route("/vpcs", get(vpcs::list).post(vpcs::create))
        .route("/vpcs/{id}", get(vpcs::show).patch(vpcs::update).delete(vpcs::delete))
        .route("/subnets", get(subnets::list).post(subnets::create))
        .route("/subnets/{id}", get(subnets::show).patch(subnets::update).delete(subnets::delete))
        .route("/subnets/{id}/reserved_ips", get(ip::list).post(ip::create))
        .route("/subnets/{id}/reserved_ips/{ip}", get(ip::show).patch(ip::update).delete(ip::delete))
        .route("/virtual_network_interfaces", get(vni::list).post(vni::create))
        .route("/virtual_network_interfaces/{id}", get(vni::show).patch(vni::update).delete(vni::delete))
        .route("/virtual_network_interfaces/{id}/ips", get(vni::ips::list))
        .route(
            "/virtual_network_interfaces/{id}/ips/{ip}",
            get(vni::ips::show).put(vni::ips::add).delete(vni::ips::remove),
        )
        .route("/instances", get(i::list).post(i::create))
        .route("/instances/{id}", get(i::show).patch(i::update).delete(i::delete))
        .route("/instances/{id}/actions", axum::routing::post(i::act))
        .route("/instances/{id}/network_attachments", get(na::list).post(na::create))
        .route("/instances/{id}/network_attachments/{na}", get(na::show).patch(na::update).delete(na::delete))
        .route_layer(from_fn(check_version))
}

/// Holds every request to `version` and `generation`, and leaves the rest of the query to the operation.
async fn check_version(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let rest = params(&parts).and_then(|mut params| version::check(&mut params).map(|()| params));
    match rest {
        Ok(rest) => {
            parts.extensions.insert(rest);
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

/// A child's id is only found below its own parent.
fn below<P: PartialEq, R: Record>(found: P, asked: P, id: R::Id) -> Result<(), Problem> {
    if found == asked { Ok(()) } else { Err(Problem::not_found(R::NOUN, id.to_string())) }
}
