//! Attach, detach and move, for clients that want to know what became of it.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use pintle_core::compile::Subject;
use pintle_core::id::VniId;
use pintle_core::model::{Attachment, Move};
use pintle_core::query;
use pintle_dialect::native::action;

use super::super::answer::{Answer, Fault, json};
use super::super::app::App;
use super::super::extract::{Body, OptionalBody, Query, Segments};

/// How long a client that waits for an attachment waits for other hosts at most.
const PEERS: Duration = Duration::from_millis(500);

/// 200 when it has been settled, 202 when that is still to come.
fn status(settled: bool) -> StatusCode {
    if settled { StatusCode::OK } else { StatusCode::ACCEPTED }
}

pub(super) async fn attach(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
    Body(body): Body<action::Attach>,
) -> Answer {
    let wait = action::wait(params)?;
    let command = app.read(|snapshot| body.command(snapshot, &vni)).await?;
    let made: Attachment = app.execute(command).await?;
    let settled = app.wait(wait, |snapshot| action::attached(snapshot, made.id)).await?;
    if settled.is_some() && !wait.is_zero() {
        heard_of(&app, made.vni).await?;
    }
    let body = match &settled {
        Some(attachment) => action::encode_attach(attachment, true),
        None => {
            let (now, _) = app.read(|snapshot| Ok(query::get::<Attachment>(snapshot, made.id)?)).await?;
            action::encode_attach(&now, false)
        }
    };
    Ok(json(status(settled.is_some()), &body))
}

/// For a client that waits, "attached" means that others reach it: their hosts have heard of it, unless they are slow.
async fn heard_of(app: &App, vni: VniId) -> Result<(), Fault> {
    let revision = app.read(|snapshot| Ok(snapshot.revision())).await?;
    let deadline = Instant::now() + PEERS;
    while !app.sessions.settled_everywhere(Subject::Vni(vni), revision) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

pub(super) async fn detach(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Query(params): Query,
    OptionalBody(body): OptionalBody<action::Detach>,
) -> Answer {
    let wait = action::wait(params)?;
    let command = app.read(|snapshot| body.command(snapshot, &vni)).await?;
    let retired: Attachment = app.execute(command).await?;
    let gone = app.wait(wait, |snapshot| action::detached(snapshot, retired.id)).await?.is_some();
    let body = action::encode_detach((!gone).then_some(&retired));
    Ok(json(status(gone), &body))
}

pub(super) async fn move_to(
    State(app): State<App>,
    Segments(vni): Segments<String>,
    Body(body): Body<action::MoveTo>,
) -> Answer {
    let began = Instant::now();
    let command = app.read(|snapshot| body.command(snapshot, &vni)).await?;
    let moving: Move = app.execute(command).await?;
    let wait = Duration::from_secs(if body.waits() { action::MAX_WAIT_SECONDS } else { 0 });
    let outcome = app.wait(wait, |snapshot| action::moved(snapshot, &moving)).await?;
    let body = action::encode_move(&moving, outcome.as_ref(), began.elapsed());
    Ok(json(status(outcome.is_some()), &body))
}
