//! Routes of IBM VPC's dialect, one file per resource.

mod address_prefixes;
mod bare_metal_servers;
mod floating_ips;
mod flow_log_collectors;
mod images;
mod instance_profiles;
mod instances;
mod keys;
mod network_acls;
mod network_attachments;
mod network_interfaces;
mod openapi;
mod public_gateways;
mod regions;
mod reserved_ips;
mod routes;
mod routing_tables;
mod security_groups;
mod shares;
mod subnets;
mod virtual_network_interfaces;
mod vpcs;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use pintle_core::id::{InstanceId, VpcId};
use pintle_core::model::{Instance, Role, Vpc};
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::openapi::operations;
use pintle_dialect::ibm::version;
use pintle_dialect::view::{Page, Scope, by_name};
use pintle_dialect::wire::Params;
use pintle_dialect::{Problem, wire};

use super::answer::Fault;
use super::app::App;
use super::extract::{self, params};

/// Everything below `/v1`.
pub(super) fn router() -> Router<App> {
    use network_interfaces as nic;
    use shares::mount_targets as mt;
    use {address_prefixes as ap, flow_log_collectors as fl, routes, routing_tables as rt};
    use {
        bare_metal_servers as bm, floating_ips as fip, network_acls as acl, public_gateways as pg,
        security_groups as sg,
    };
    use {instances as i, network_attachments as na, reserved_ips as ip, virtual_network_interfaces as vni};
    Router::new()
        .route("/bare_metal_servers", get(bm::list).post(bm::create))
        .route("/bare_metal_servers/{id}", get(bm::show).patch(bm::update).delete(bm::delete))
        .route("/bare_metal_servers/{id}/initialization", get(bm::initialization))
        .route("/bare_metal_servers/{id}/start", post(bm::start))
        .route("/bare_metal_servers/{id}/stop", post(bm::stop))
        .route("/bare_metal_servers/{id}/restart", post(bm::restart))
        .route("/bare_metal_servers/{id}/network_attachments", get(bm::attachments::list).post(bm::attachments::create))
        .route(
            "/bare_metal_servers/{id}/network_attachments/{na}",
            get(bm::attachments::show).patch(bm::attachments::update).delete(bm::attachments::delete),
        )
        .route("/bare_metal_server/profiles", get(bm::profiles::list))
        .route("/bare_metal_server/profiles/{name}", get(bm::profiles::show))
        .route("/vpcs", get(vpcs::list).post(vpcs::create))
        .route("/vpcs/{id}", get(vpcs::show).patch(vpcs::update).delete(vpcs::delete))
        .route("/vpcs/{id}/default_security_group", get(vpcs::default_security_group))
        .route("/vpcs/{id}/default_network_acl", get(vpcs::default_network_acl))
        .route("/vpcs/{id}/default_routing_table", get(rt::default))
        .route("/vpcs/{id}/routing_tables", get(rt::list).post(rt::create))
        .route("/vpcs/{id}/routing_tables/{rt}", get(rt::show).patch(rt::update).delete(rt::delete))
        .route("/vpcs/{id}/routing_tables/{rt}/routes", get(routes::list).post(routes::create))
        .route(
            "/vpcs/{id}/routing_tables/{rt}/routes/{r}",
            get(routes::show).patch(routes::update).delete(routes::delete),
        )
        .route("/vpcs/{id}/routes", get(routes::list_default).post(routes::create_default))
        .route(
            "/vpcs/{id}/routes/{r}",
            get(routes::show_default).patch(routes::update_default).delete(routes::delete_default),
        )
        .route("/vpcs/{id}/address_prefixes", get(ap::list).post(ap::create))
        .route("/vpcs/{id}/address_prefixes/{ap}", get(ap::show).patch(ap::update).delete(ap::delete))
        .route("/regions", get(regions::list))
        .route("/regions/{r}", get(regions::show))
        .route("/regions/{r}/zones", get(regions::list_zones))
        .route("/regions/{r}/zones/{z}", get(regions::show_zone))
        .route("/instance/profiles", get(instance_profiles::list))
        .route("/instance/profiles/{name}", get(instance_profiles::show))
        .route("/images", get(images::list))
        .route("/images/{id}", get(images::show))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{id}", get(keys::show).patch(keys::update).delete(keys::delete))
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
        .route("/flow_log_collectors", get(fl::list).post(fl::create))
        .route("/flow_log_collectors/{id}", get(fl::show).patch(fl::update).delete(fl::delete))
        .route("/public_gateways", get(pg::list).post(pg::create))
        .route("/public_gateways/{id}", get(pg::show).patch(pg::update).delete(pg::delete))
        .route("/subnets", get(subnets::list).post(subnets::create))
        .route("/subnets/{id}", get(subnets::show).patch(subnets::update).delete(subnets::delete))
        .route("/subnets/{id}/routing_table", get(rt::of_subnet).put(rt::set_of_subnet))
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
        .route("/instances/{id}/actions", post(i::act))
        .route("/instances/{id}/network_attachments", get(na::list).post(na::create))
        .route("/instances/{id}/network_attachments/{na}", get(na::show).patch(na::update).delete(na::delete))
        .route("/shares", get(shares::list).post(shares::create))
        .route("/shares/{id}", get(shares::show).patch(shares::update).delete(shares::delete))
        .route("/shares/{id}/mount_targets", get(mt::list).post(mt::create))
        .route("/shares/{id}/mount_targets/{target}", get(mt::show).patch(mt::update).delete(mt::delete))
        .route("/share/profiles", get(shares::profiles::list))
        .route("/share/profiles/{name}", get(shares::profiles::show))
        .route("/instances/{id}/network_interfaces", get(nic::list).post(nic::create))
        .route(
            "/instances/{id}/network_interfaces/{nic}",
            get(nic::show).patch(nic::update).delete(nic::delete).layer(Extension(Role::Server)),
        )
        .route(
            "/instances/{id}/network_interfaces/{nic}/floating_ips",
            get(nic::floating_ips::list).layer(Extension(Role::Server)),
        )
        .route(
            "/instances/{id}/network_interfaces/{nic}/floating_ips/{ip}",
            get(nic::floating_ips::show)
                .put(nic::floating_ips::add)
                .delete(nic::floating_ips::remove)
                .layer(Extension(Role::Server)),
        )
        .route("/instances/{id}/network_interfaces/{nic}/ips", get(nic::ips::list).layer(Extension(Role::Server)))
        .route("/instances/{id}/network_interfaces/{nic}/ips/{ip}", get(nic::ips::show).layer(Extension(Role::Server)))
        .route("/bare_metal_servers/{id}/network_interfaces", get(nic::bare_metal::list).post(nic::bare_metal::create))
        .route(
            "/bare_metal_servers/{id}/network_interfaces/{nic}",
            get(nic::show).patch(nic::bare_metal::update).delete(nic::delete).layer(Extension(Role::BareMetal)),
        )
        .route(
            "/bare_metal_servers/{id}/network_interfaces/{nic}/floating_ips",
            get(nic::floating_ips::list).layer(Extension(Role::BareMetal)),
        )
        .route(
            "/bare_metal_servers/{id}/network_interfaces/{nic}/floating_ips/{ip}",
            get(nic::floating_ips::show)
                .put(nic::floating_ips::add)
                .delete(nic::floating_ips::remove)
                .layer(Extension(Role::BareMetal)),
        )
        .route(
            "/bare_metal_servers/{id}/network_interfaces/{nic}/ips",
            get(nic::ips::list).layer(Extension(Role::BareMetal)),
        )
        .route(
            "/bare_metal_servers/{id}/network_interfaces/{nic}/ips/{ip}",
            get(nic::ips::show).layer(Extension(Role::BareMetal)),
        )
        .route_layer(from_fn(check_version))
        // Tools ask for it without the parameters that it tells them of.
        .route("/openapi.json", get(openapi::show))
}

/// Holds every request to `version` and `generation`, and leaves the version and the rest of the query to the operation.
async fn check_version(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let rest = params(&parts).and_then(|mut params| {
        let version = version::check(&mut params)?;
        check_unknown(&parts, &params)?;
        Ok((params, version))
    });
    match rest {
        Ok((rest, version)) => {
            parts.extensions.insert(rest);
            parts.extensions.insert(version);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => Fault::from(problem).into_response(),
    }
}

/// Refuses parameters of operations that have none; those that have some know themselves which ones.
fn check_unknown(parts: &Parts, params: &Params) -> Result<(), Problem> {
    static WITHOUT: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
        let all = operations().into_iter().filter(|operation| operation.query.is_empty());
        all.map(|operation| (operation.method, operation.path)).collect()
    });
    let Some(path) = parts.extensions.get::<MatchedPath>().and_then(|path| path.as_str().strip_prefix("/v1")) else {
        return Ok(());
    };
    if WITHOUT.contains(&(parts.method.as_str().to_ascii_lowercase().as_str(), path)) {
        return params.clone().finish();
    }
    Ok(())
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

/// The id of a server of this role: the others have paths of their own.
async fn server_id(app: &App, segment: &str, role: Role) -> Result<InstanceId, Fault> {
    let id = extract::id::<Instance>(segment).map_err(|_| no_server(segment, role))?;
    let found = app.read(|snapshot| Ok(query::find::<Instance>(snapshot, id)?)).await?;
    match found.filter(|(instance, _)| instance.role == role) {
        Some(_) => Ok(id),
        None => Err(no_server(segment, role).into()),
    }
}

fn no_server(segment: &str, role: Role) -> Problem {
    let noun = if role == Role::BareMetal { Noun::BareMetalServer } else { Noun::Instance };
    Problem::not_found(noun, super::short(segment))
}

/// A child's id is only found below its own parent.
fn below<P: PartialEq, R: Record>(found: P, asked: P, id: R::Id) -> Result<(), Problem> {
    if found == asked { Ok(()) } else { Err(Problem::not_found(R::NOUN, id.to_string())) }
}
