//! Who asks: a bearer token (RFC 6750), compared in constant time.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pintle_dialect::Problem;
use subtle::ConstantTimeEq;

use super::answer::Fault;
use super::app::App;
use super::audited::Asker;

/// Whoever shows the server's one token.
const WHO: &str = "token";

/// Lets a request through that carries the token, and every request for `/healthz` and the EC2 API.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    // The EC2 API's requests carry a signature instead.
    if matches!(request.uri().path(), "/healthz" | "/") {
        return next.run(request).await;
    }
    match bearer(request.headers()) {
        None => refuse("a bearer token is needed: send 'Authorization: Bearer <token>'", "Bearer realm=\"pintle\""),
        Some(given) if bool::from(given.as_bytes().ct_eq(app.token.as_bytes())) => {
            Asker::current().is(WHO);
            next.run(request).await
        }
        Some(_) => {
            let challenge = "Bearer realm=\"pintle\", error=\"invalid_token\"";
            refuse("the bearer token is not the one of this server", challenge)
        }
    }
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
