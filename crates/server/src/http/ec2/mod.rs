//! EC2's API, at `/`: POST with a form, or GET with a query string; signed with Signature Version 4.
//!
//! What operations are is the dialect's; here is only what is the same for all: who asks, how often they may, the action,
//! the dry run, the document around the answer.

mod auth;
mod keys;
mod lookup;
mod reads;
mod run;
mod throttle;

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use pintle_core::Actor;
use pintle_core::model::{Owner, Principal};
use pintle_dialect::ec2::{self, Caller, Ec2Error, Params, Service};

use super::app::App;
use super::audited::{Asker, Identity};
use super::extract::{MAX_BODY, collect_from_anybody};
use super::frame::{Asked, RequestId};

pub(super) use keys::SigningKeys;
pub(crate) use throttle::Throttle;
pub use throttle::{Rate, Rates};

/// Answers a request.
pub(super) async fn serve(State(app): State<App>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let service = auth::service(&parts);
    let mut asked = Asked::default();
    let outcome = match collect_from_anybody(Request::from_parts(parts.clone(), body), MAX_BODY).await {
        Ok(body) => answer(&app, &parts, body.into(), &id.0, &mut asked).await,
        Err(problem) => Err(problem.into()),
    };
    let (status, document) = match outcome {
        Ok(document) => (200, document),
        Err(error) => {
            asked.code = error.code.to_string();
            let document = if service == Service::Sts { error.encode_sts(&id.0) } else { error.encode(&id.0) };
            (error.status, document)
        }
    };
    let mut response = xml(status, document);
    response.extensions_mut().insert(asked);
    response
}

/// An XML document with a status.
pub(super) fn xml(status: u16, document: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("text/xml;charset=UTF-8");
    (status, [(header::CONTENT_TYPE, kind)], Body::from(document)).into_response()
}

async fn answer(
    app: &App,
    parts: &axum::http::request::Parts,
    body: Bytes,
    request_id: &str,
    asked: &mut Asked,
) -> Result<Vec<u8>, Ec2Error> {
    let signed = auth::verify(app, parts, body.clone()).await?;
    // In the audit log it is the key that acts; whose it is, the key's own record tells.
    Asker::current().is(Identity {
        who: format!("access key {} of account {}", signed.key, signed.account),
        by: Actor::Tenant(Owner::new(signed.account, signed.region.as_str())),
        key: signed.policies.map(|policies| (Principal::AccessKey(signed.key), signed.revision, policies)),
        site: app.base.clone(),
    });
    asked.account = signed.account.to_string();
    asked.region.clone_from(&signed.region);
    let mut params = params(parts, &body)?;
    let action = params.text("Action").filter(|action| !action.is_empty());
    let action =
        action.ok_or_else(|| Ec2Error::new("MissingAction", "The request must contain the parameter Action"))?;
    let version = ec2::check_version(signed.service, params.text("Version").as_deref())?;
    let operation = ec2::find(signed.service, &action).ok_or_else(|| Ec2Error::unknown_action(&action))?;
    asked.action = operation.name;
    app.throttle.take(signed.account, operation.class, Instant::now())?;
    let dry = operation.service == Service::Ec2 && params.flag("DryRun")?.unwrap_or(false);
    let caller = Caller {
        account: signed.account,
        access_key: signed.key.to_string(),
        region: signed.region,
        regions: Arc::clone(app.regions().await.map_err(run::engine_error)?),
        now: app.engine.now(),
        endpoint: Arc::clone(&app.endpoint),
    };
    let work = (operation.decode)(&mut params, &caller)?;
    let (named, beside) = (params.take_named(), params.take_beside());
    params.finish()?;
    let xml =
        run::run(app, run::Asked { by: caller.actor(), action: operation.name, named, beside, dry }, work).await?;
    Ok(ec2::answer(operation, &version, request_id, xml))
}

/// The parameters of the query and of the form together, without those of the signature.
fn params(parts: &axum::http::request::Parts, body: &[u8]) -> Result<Params, Ec2Error> {
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<&str> = query.split('&').filter(|pair| !auth::is_signature(pair)).collect();
    let form = if parts.method == axum::http::Method::POST { body } else { &[] };
    Params::parse(&[query.join("&").as_bytes(), form].join(&b'&'))
}
