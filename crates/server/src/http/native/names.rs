//! `/native/v1/resolve/{kind}/{text}`: from a name to an id, for clients that go on with another dialect.

use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::model::{FloatingIp, Host, Instance, NetworkAcl, PrefixList, PublicGateway, PublicPool};
use pintle_core::model::{SecurityGroup, Share, Subnet, Vni, Vpc};
use pintle_core::txn::Snapshot;
use pintle_dialect::Problem;
use pintle_dialect::view::{Named, resolve as find};
use serde_json::json;

use super::super::answer::{Answer, json};
use super::super::app::App;
use super::super::extract::Segments;

pub(super) async fn resolve(State(app): State<App>, Segments((kind, text)): Segments<(String, String)>) -> Answer {
    let id = app
        .read(|snapshot| match kind.as_str() {
            "vpc" => text_of::<Vpc>(snapshot, &text),
            "subnet" => text_of::<Subnet>(snapshot, &text),
            "virtual_network_interface" => text_of::<Vni>(snapshot, &text),
            "instance" => text_of::<Instance>(snapshot, &text),
            "host" => text_of::<Host>(snapshot, &text),
            "security_group" => text_of::<SecurityGroup>(snapshot, &text),
            "network_acl" => text_of::<NetworkAcl>(snapshot, &text),
            "prefix_list" => text_of::<PrefixList>(snapshot, &text),
            "public_pool" => text_of::<PublicPool>(snapshot, &text),
            "floating_ip" => text_of::<FloatingIp>(snapshot, &text),
            "share" => text_of::<Share>(snapshot, &text),
            "public_gateway" => text_of::<PublicGateway>(snapshot, &text),
            _ => Err(Problem::UnknownPath { path: format!("/native/v1/resolve/{}", super::super::short(&kind)) }),
        })
        .await?;
    Ok(json(StatusCode::OK, &json!({ "id": id })))
}

fn text_of<R: Named>(snapshot: &dyn Snapshot, text: &str) -> Result<String, Problem>
where
    R::Id: FromStr,
{
    Ok(find::<R>(snapshot, text)?.to_string())
}
