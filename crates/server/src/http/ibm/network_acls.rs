//! `/v1/network_acls` and their rules.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::command::{AclRulesChange, Command};
use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::model::{NetworkAcl, NetworkAclRule};
use pintle_core::policy::Direction;
use pintle_core::query;
use pintle_core::refusal::Noun;
use pintle_dialect::ibm::collection::Paging;
use pintle_dialect::ibm::network_acl;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::view::{self, NetworkAclView, Page};
use pintle_dialect::{Problem, wire};

use super::super::answer::{Answer, Fault, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::nothing;

pub(super) async fn list(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Query(params): Query,
) -> Answer {
    let paging = Paging::decode(params, &["resource_group.id"])?;
    let page = if paging.wants_default_group() {
        app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?
    } else {
        nothing()
    };
    Ok(json(StatusCode::OK, &network_acl::encode_page(&app.site(), &paging, &page, &version)))
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Body(body): Body<network_acl::Create>,
) -> Answer {
    let command = app.read(|snapshot| body.command(&version, snapshot)).await?;
    let made: NetworkAcl = app.execute(command).await?;
    answer(&app, StatusCode::CREATED, made.id, &version).await
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(acl): Segments<String>,
) -> Answer {
    answer(&app, StatusCode::OK, id::<NetworkAcl>(&acl)?, &version).await
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(acl): Segments<String>,
    expected: IfMatch,
    Body(body): Body<network_acl::Update>,
) -> Answer {
    let id = id::<NetworkAcl>(&acl)?;
    if let Some(command) = body.command(id) {
        app.execute_if::<NetworkAcl>(&expected, id, command).await?;
    }
    answer(&app, StatusCode::OK, id, &version).await
}

pub(super) async fn delete(State(app): State<App>, Segments(acl): Segments<String>, expected: IfMatch) -> Answer {
    let id = id::<NetworkAcl>(&acl)?;
    app.execute_if::<NetworkAcl>(&expected, id, Command::DeleteNetworkAcl(id)).await?;
    Ok(empty())
}

pub(super) async fn answer(app: &App, status: StatusCode, id: NetworkAclId, version: &Version) -> Answer {
    let found: NetworkAclView = app.view(id).await?;
    Ok(tagged(status, found.revision, &network_acl::encode(&app.site(), &found, version)))
}

pub(super) async fn list_rules(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(acl): Segments<String>,
    Query(params): Query,
) -> Answer {
    let id = id::<NetworkAcl>(&acl)?;
    let paging = Paging::decode(params, &["direction"])?;
    let direction = direction(paging.filter("direction"))?;
    let (acl, _) = app.read(|snapshot| Ok(query::get::<NetworkAcl>(snapshot, id)?)).await?;
    let ids = network_acl::of_direction(&acl, direction);
    let Page { items, next, total } = view::of_ids(&ids, paging.start.as_deref(), paging.limit)?;
    let items = items.iter().filter_map(|id| acl.rule(*id).cloned()).collect();
    let page = Page { items, next, total };
    Ok(json(StatusCode::OK, &network_acl::encode_rule_page(&app.site(), &acl, &paging, &page, &version)))
}

fn direction(text: Option<&str>) -> Result<Option<Direction>, Problem> {
    match text {
        None => Ok(None),
        Some("inbound") => Ok(Some(Direction::Ingress)),
        Some("outbound") => Ok(Some(Direction::Egress)),
        other => Err(wire::parameter("direction", other, "it must be 'inbound' or 'outbound'")),
    }
}

pub(super) async fn create_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(acl): Segments<String>,
    Body(body): Body<network_acl::RulePut>,
) -> Answer {
    let id = id::<NetworkAcl>(&acl)?;
    let command = body.command(id, &version)?;
    let (before, changed) = app.change::<NetworkAcl>(id, |_| Ok(command.clone())).await?;
    // The new one may stand anywhere.
    let made = changed.rules.iter().find(|rule| before.rule(rule.rule.id).is_none());
    let made = made.ok_or_else(|| Problem::Internal { detail: format!("{id} has not got its rule") })?;
    Ok(json(StatusCode::CREATED, &network_acl::encode_rule(&app.site(), &changed, made, &version)))
}

pub(super) async fn show_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(path): Segments<(String, String)>,
) -> Answer {
    let (acl, rule) = find_rule(&app, &path).await?;
    Ok(json(StatusCode::OK, &network_acl::encode_rule(&app.site(), &acl, &rule, &version)))
}

pub(super) async fn update_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(path): Segments<(String, String)>,
    Body(body): Body<network_acl::RulePatch>,
) -> Answer {
    let (acl, rule) = rule_ids(&path)?;
    let absent = || Problem::not_found(Noun::NetworkAclRule, rule.to_string());
    let patch = |of: &NetworkAcl| body.clone().command(acl, of.rule(rule).ok_or_else(absent)?, &version);
    app.change::<NetworkAcl>(acl, patch).await?;
    let (acl, rule) = find_rule(&app, &path).await?;
    Ok(json(StatusCode::OK, &network_acl::encode_rule(&app.site(), &acl, &rule, &version)))
}

pub(super) async fn delete_rule(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let (acl, rule) = rule_ids(&path)?;
    let change = AclRulesChange::Edit { remove: vec![rule], replace: Vec::new(), add: Vec::new() };
    app.execute::<NetworkAcl>(Command::ChangeAclRules(acl, change)).await?;
    Ok(empty())
}

fn rule_ids((acl, rule): &(String, String)) -> Result<(NetworkAclId, AclRuleId), Problem> {
    let rule = rule.parse().map_err(|_| Problem::not_found(Noun::NetworkAclRule, super::super::short(rule)))?;
    Ok((id::<NetworkAcl>(acl)?, rule))
}

async fn find_rule(app: &App, path: &(String, String)) -> Result<(NetworkAcl, NetworkAclRule), Fault> {
    let (acl, rule) = rule_ids(path)?;
    let (found, _) = app.read(|snapshot| Ok(query::get::<NetworkAcl>(snapshot, acl)?)).await?;
    let rule = found.rule(rule).cloned().ok_or_else(|| Problem::not_found(Noun::NetworkAclRule, rule.to_string()))?;
    Ok((found, rule))
}
