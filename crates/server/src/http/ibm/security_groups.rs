//! `/v1/security_groups`, their rules and targets.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::command::{Command, GroupsChange, RulesChange};
use pintle_core::id::{RuleId, SecurityGroupId, VniId};
use pintle_core::model::{SecurityGroup, Vni};
use pintle_core::policy::Rule;
use pintle_core::refusal::Noun;
use pintle_dialect::Problem;
use pintle_dialect::ibm::collection::{Paging, encode_found};
use pintle_dialect::ibm::identity::InterfaceIdentity;
use pintle_dialect::ibm::security_group;
use pintle_dialect::ibm::version::Version;
use pintle_dialect::view::{self, MemberView, SecurityGroupView, View, members};

use super::super::answer::{Answer, Fault, empty, json, tagged};
use super::super::app::App;
use super::super::extract::{Body, Query, Segments, id};
use super::super::if_match::IfMatch;
use super::vpc_filter;

pub(super) async fn list(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Query(params): Query,
) -> Answer {
    let paging = Paging::decode(params, &["resource_group.id", "vpc.crn", "vpc.id", "vpc.name"])?;
    vpc_filter(&paging)?;
    if paging.is_plain() {
        let page = app.read(|snapshot| Ok(view::own(snapshot, None, paging.start.as_deref(), paging.limit)?)).await?;
        return Ok(json(StatusCode::OK, &security_group::encode_page(&app.site(), &paging, &page, &version)));
    }
    let all: Vec<SecurityGroupView> = app.read(|snapshot| Ok(view::every(snapshot, None)?)).await?;
    let items = all.iter().map(|view| security_group::encode(&app.site(), view, &version)).collect();
    let place = ("security_groups", "security_groups");
    Ok(json(StatusCode::OK, &encode_found(&app.site(), place, &paging, items, &[])?))
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Body(body): Body<security_group::Create>,
) -> Answer {
    let made: SecurityGroup = app.execute(body.command(&version)?).await?;
    answer(&app, StatusCode::CREATED, made.id, &version).await
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(group): Segments<String>,
) -> Answer {
    answer(&app, StatusCode::OK, id::<SecurityGroup>(&group)?, &version).await
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(group): Segments<String>,
    expected: IfMatch,
    Body(body): Body<security_group::Update>,
) -> Answer {
    let id = id::<SecurityGroup>(&group)?;
    if let Some(command) = body.command(id)? {
        app.execute_if::<SecurityGroup>(&expected, id, command).await?;
    }
    answer(&app, StatusCode::OK, id, &version).await
}

pub(super) async fn delete(State(app): State<App>, Segments(group): Segments<String>, expected: IfMatch) -> Answer {
    let id = id::<SecurityGroup>(&group)?;
    app.execute_if::<SecurityGroup>(&expected, id, Command::DeleteSecurityGroup(id)).await?;
    Ok(empty())
}

pub(super) async fn answer(app: &App, status: StatusCode, id: SecurityGroupId, version: &Version) -> Answer {
    let found: SecurityGroupView = app.view(id).await?;
    Ok(tagged(status, found.revision, &security_group::encode(&app.site(), &found, version)))
}

pub(super) async fn list_rules(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(group): Segments<String>,
    Query(params): Query,
) -> Answer {
    params.finish()?;
    let found: SecurityGroupView = app.view(id::<SecurityGroup>(&group)?).await?;
    Ok(json(StatusCode::OK, &security_group::encode_rules(&app.site(), &found, &version)))
}

pub(super) async fn create_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments(group): Segments<String>,
    Body(body): Body<security_group::RuleFields>,
) -> Answer {
    let id = id::<SecurityGroup>(&group)?;
    let changed: SecurityGroup = app.execute(body.command(id, &version)?).await?;
    // What is added comes last.
    let rule =
        changed.rules.last().ok_or_else(|| Problem::Internal { detail: format!("{id} has not got its rule") })?;
    answer_rule(&app, StatusCode::CREATED, id, rule.id, &version).await
}

pub(super) async fn show_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments((group, rule)): Segments<(String, String)>,
) -> Answer {
    answer_rule(&app, StatusCode::OK, id::<SecurityGroup>(&group)?, rule_id(&rule)?, &version).await
}

pub(super) async fn update_rule(
    State(app): State<App>,
    Extension(version): Extension<Version>,
    Segments((group, rule)): Segments<(String, String)>,
    Body(body): Body<security_group::RulePatch>,
) -> Answer {
    let (id, rule) = (id::<SecurityGroup>(&group)?, rule_id(&rule)?);
    let absent = || Problem::not_found(Noun::SecurityGroupRule, rule.to_string());
    let patch = |group: &SecurityGroup| body.clone().command(id, group.rule(rule).ok_or_else(absent)?, &version);
    app.change::<SecurityGroup>(id, patch).await?;
    answer_rule(&app, StatusCode::OK, id, rule, &version).await
}

pub(super) async fn delete_rule(State(app): State<App>, Segments((group, rule)): Segments<(String, String)>) -> Answer {
    let (id, rule) = (id::<SecurityGroup>(&group)?, rule_id(&rule)?);
    app.execute::<SecurityGroup>(Command::ChangeRules(id, RulesChange::remove(vec![rule]))).await?;
    Ok(empty())
}

fn rule_id(segment: &str) -> Result<RuleId, Problem> {
    segment.parse().map_err(|_| Problem::not_found(Noun::SecurityGroupRule, super::super::short(segment)))
}

async fn find_rule(app: &App, id: SecurityGroupId, rule: RuleId) -> Result<(SecurityGroupView, Rule), Fault> {
    let found: SecurityGroupView = app.view(id).await?;
    let rule =
        found.group.rule(rule).cloned().ok_or_else(|| Problem::not_found(Noun::SecurityGroupRule, rule.to_string()))?;
    Ok((found, rule))
}

async fn answer_rule(app: &App, status: StatusCode, id: SecurityGroupId, rule: RuleId, version: &Version) -> Answer {
    let (found, rule) = find_rule(app, id, rule).await?;
    Ok(json(status, &security_group::encode_rule(&app.site(), &found, &rule, version)))
}

pub(super) async fn list_targets(
    State(app): State<App>,
    Segments(group): Segments<String>,
    Query(params): Query,
) -> Answer {
    let id = id::<SecurityGroup>(&group)?;
    let paging = Paging::decode(params, &[])?;
    let page = app
        .read(|snapshot| {
            pintle_core::query::get::<SecurityGroup>(snapshot, id)?;
            let ids = members(snapshot, id)?;
            Ok(view::by_ids::<MemberView>(snapshot, ids, paging.start.as_deref(), paging.limit)?)
        })
        .await?;
    Ok(json(StatusCode::OK, &security_group::encode_target_page(&app.site(), id, &paging, &page)))
}

pub(super) async fn show_target(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    answer_target(&app, StatusCode::OK, &path).await
}

pub(super) async fn add_target(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let (group, vni) = target_ids(&app, &path).await?;
    app.execute::<Vni>(Command::ChangeVniGroups(vni, GroupsChange::Add(group))).await?;
    answer_target(&app, StatusCode::CREATED, &path).await
}

pub(super) async fn remove_target(State(app): State<App>, Segments(path): Segments<(String, String)>) -> Answer {
    let (group, vni) = target_ids(&app, &path).await?;
    app.execute::<Vni>(Command::ChangeVniGroups(vni, GroupsChange::Remove(group))).await?;
    Ok(empty())
}

/// The group and the interface at a path: an interface of its own by its id, a child interface by its attachment's.
async fn target_ids(app: &App, (group, target): &(String, String)) -> Result<(SecurityGroupId, VniId), Fault> {
    let group = id::<SecurityGroup>(group)?;
    let target = match target.parse() {
        Ok(child) => InterfaceIdentity::Child(child),
        Err(_) => InterfaceIdentity::Vni(id::<Vni>(target)?),
    };
    Ok((group, app.read(|snapshot| Ok(target.resolve(snapshot)?)).await?))
}

async fn answer_target(app: &App, status: StatusCode, path: &(String, String)) -> Answer {
    let (group, vni) = target_ids(app, path).await?;
    let member = app
        .read(|snapshot| {
            pintle_core::query::get::<SecurityGroup>(snapshot, group)?;
            let found = MemberView::read(snapshot, vni)?;
            if found.vni.security_groups.contains(&group) {
                Ok(found)
            } else {
                Err(Problem::not_found(Noun::Vni, path.1.clone()))
            }
        })
        .await?;
    Ok(json(status, &security_group::encode_target(&app.site(), &member)))
}
