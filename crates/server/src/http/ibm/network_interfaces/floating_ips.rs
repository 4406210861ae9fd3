//! `…/network_interfaces/{id}/floating_ips`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::id::FloatingIpId;
use pintle_core::model::{FloatingIp, Role};
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::{floating_ip, network_interface};
use pintle_dialect::view::{FloatingIpView, NetworkInterfaceView, View, child_vni};

use super::super::super::answer::{Answer, Fault, empty, json};
use super::super::super::app::App;
use super::super::super::extract::{Query, Segments, id};
use super::find;

pub(in super::super) async fn list(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments(path): Segments<(String, String)>,
    Query(params): Query,
) -> Answer {
    params.finish()?;
    let found = find(&app, role, &path).await?;
    let all: Vec<FloatingIpView> = app
        .read(|snapshot| found.floating_ips.iter().map(|ip| Ok(FloatingIpView::read(snapshot, ip.id)?)).collect())
        .await?;
    Ok(json(StatusCode::OK, &network_interface::encode_floating_ips(&app.site(), &all)))
}

pub(in super::super) async fn show(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments((instance, nic, ip)): Segments<(String, String, String)>,
) -> Answer {
    let found = find(&app, role, &(instance, nic)).await?;
    let ip: FloatingIpView = app.view(leading_here(&found, &ip)?).await?;
    Ok(json(StatusCode::OK, &floating_ip::encode(&app.site(), &ip)))
}

pub(in super::super) async fn add(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments((instance, nic, ip)): Segments<(String, String, String)>,
) -> Answer {
    let child = child(&app, role, &(instance, nic)).await?.vni.id;
    let changed: FloatingIp = app.execute(floating_ip::lead_to(id::<FloatingIp>(&ip)?, child)).await?;
    let found: FloatingIpView = app.view(changed.id).await?;
    Ok(json(StatusCode::CREATED, &floating_ip::encode(&app.site(), &found)))
}

pub(in super::super) async fn remove(
    State(app): State<App>,
    Extension(role): Extension<Role>,
    Segments((instance, nic, ip)): Segments<(String, String, String)>,
) -> Answer {
    let found = child(&app, role, &(instance, nic)).await?;
    app.execute::<FloatingIp>(Command::DisassociateFloatingIp(leading_here(&found, &ip)?)).await?;
    Ok(empty())
}

/// The network interface at a path, if it is a child: what stands for an attachment can be read only.
async fn child(app: &App, role: Role, path: &(String, String)) -> Result<NetworkInterfaceView, Fault> {
    let found = find(app, role, path).await?;
    app.read(|snapshot| Ok(child_vni(snapshot, found.attachment.id)?)).await?;
    Ok(found)
}

/// The floating IP of this id, if it leads to this network interface.
fn leading_here(found: &NetworkInterfaceView, ip: &str) -> Result<FloatingIpId, Fault> {
    let ip = id::<FloatingIp>(ip)?;
    match found.floating_ips.iter().find(|other| other.id == ip) {
        Some(found) => Ok(found.id),
        None => Err(Problem::not_found(Noun::FloatingIp, ip.to_string()).into()),
    }
}
