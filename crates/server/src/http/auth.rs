//! Who asks: a bearer token (RFC 6750). Either the server's own one, whose bearer is the operator, or an access token that an
//! API key was exchanged for, whose bearer is the key's account in the region whose endpoint is asked.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pintle_core::model::{AccountId, ApiKey, Owner, Principal};
use pintle_core::{Actor, Refusal};
use pintle_dialect::Problem;
use pintle_dialect::ec2::Class;
use subtle::ConstantTimeEq;

use super::answer::Fault;
use super::app::App;
use super::audited::{Asker, Identity};
use super::region::Region;

/// Whoever shows the server's one token.
const WHO: &str = "token";

/// What of the native API is for tenants too: the things that accounts have. The rest is about the server and its hosts.
pub(super) const FOR_TENANTS: &[&str] = &[
    "vpcs",
    "subnets",
    "security_groups",
    "network_acls",
    "prefix_lists",
    "floating_ips",
    "public_gateways",
    "instances",
    "virtual_network_interfaces",
    "shares",
    "resolve",
];

/// Lets a request through that carries a token, and every request for `/healthz`, `/identity/token` and the EC2 API.
pub(super) async fn check(State(app): State<App>, mut request: Request, next: Next) -> Response {
    // The EC2 API's requests carry a signature instead, and who wants a token has none.
    if matches!(request.uri().path(), "/healthz" | "/" | "/identity/token") {
        return next.run(request).await;
    }
    let region = request.extensions_mut().remove::<Region>().map(|region| region.0);
    match identify(&app, request.headers(), region).await {
        Ok(identity) => {
            if let Err(problem) = admit(&app, &identity, &request) {
                Asker::current().is(identity);
                return Fault::from(problem).into_response();
            }
            let by = identity.by.clone();
            Asker::current().is(identity);
            if let Some(need) = super::access::need(request.method(), request.uri().path())
                && let Err(error) = app.check_look(&by, &need).await
            {
                return Fault::from(error).into_response();
            }
            next.run(request).await
        }
        Err(refused) => refused,
    }
}

/// Who has sent a request with these headers.
async fn identify(app: &App, headers: &HeaderMap, region: Option<String>) -> Result<Identity, Response> {
    let Some(given) = bearer(headers) else {
        let reason = "a bearer token is needed: send 'Authorization: Bearer <token>'";
        return Err(refuse(reason, "Bearer realm=\"pintle\""));
    };
    let fault = |problem: Problem| Fault::from(problem).into_response();
    let regions = app.regions().await.map_err(|error| Fault::from(error).into_response())?;
    let home = regions.first().map(|region| region.name.clone()).unwrap_or_default();
    let region = region.unwrap_or_else(|| home.clone());
    let unknown_region = || {
        let id = super::short(&region);
        fault(Refusal::NotFound { noun: pintle_core::refusal::Noun::Region, id }.into())
    };
    let known = regions.iter().any(|one| one.name == region);
    if bool::from(given.as_bytes().ct_eq(app.token.as_bytes())) {
        if !known {
            return Err(unknown_region());
        }
        // Elsewhere than at home the operator stands for the first account there, whose things are listed.
        let by =
            if region == home { Actor::Operator } else { Actor::Tenant(Owner::new(AccountId::FIRST, region.as_str())) };
        return Ok(Identity { who: WHO.to_owned(), by, key: None, site: app.site_of(&region, &home) });
    }
    let invalid = || {
        let challenge = "Bearer realm=\"pintle\", error=\"invalid_token\"";
        refuse("the bearer token is not one of this server, or no longer good", challenge)
    };
    let id = app.tokens.check(given, app.engine.now()).ok_or_else(invalid)?;
    let found = app.engine.find::<ApiKey>(id);
    let (key, revision) = found.map_err(|error| Fault::from(error).into_response())?.ok_or_else(invalid)?;
    if !known {
        return Err(unknown_region());
    }
    let who = format!("API key {id} of account {}", key.account);
    let by = Actor::Tenant(Owner::new(key.account, region.as_str()));
    let site = app.site_of(&region, &home);
    Ok(Identity { who, by, key: Some((Principal::ApiKey(id), revision, key.policies)), site })
}

/// Whether they may ask for this at all, and now.
fn admit(app: &App, identity: &Identity, request: &Request) -> Result<(), Problem> {
    let Actor::Tenant(owner) = &identity.by else { return Ok(()) };
    if let Some(rest) = request.uri().path().strip_prefix("/native/v1/") {
        let kind = rest.split('/').next().unwrap_or_default();
        if !FOR_TENANTS.contains(&kind) {
            return Err(Refusal::NotPermitted { action: "this" }.into());
        }
    }
    let read = [Method::GET, Method::HEAD].contains(request.method());
    let class = if read { Class::Read } else { Class::Change };
    app.throttle.take(owner.account, class, Instant::now()).map_err(|_| Problem::Throttled)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn refuse(reason: &'static str, challenge: &'static str) -> Response {
    let mut response = Fault::from(Problem::Unauthenticated(reason)).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
