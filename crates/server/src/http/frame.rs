//! What is around every request: its id, its deadline, a net for panics, the wording of problems, and the access log.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use pintle_dialect::ec2::Ec2Error;
use pintle_dialect::{Problem, ibm, native};

use super::answer::{Fault, json};
use crate::clock::{hex, random};
use crate::fatal::panic_text;

/// The longest that a request may take. Clients that wait for hosts are held for at most half of it.
const DEADLINE: Duration = Duration::from_secs(60);
/// The header that carries a request's id, both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a client.
const MAX_ID: usize = 128;

/// A request's id: the client's own where it sent a usable one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestId(pub(super) String);

/// Which dialect words the errors of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Ibm,
    Ec2,
    Native,
}

/// What the log says of a request beside its path, where the path does not tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) action: &'static str,
    pub(super) account: String,
    pub(super) region: String,
    /// The error's code; empty when there was none.
    pub(super) code: String,
}

impl Dialect {
    fn of(path: &str) -> Self {
        match path {
            "/" => Dialect::Ec2,
            "/v1" => Dialect::Ibm,
            _ if path.starts_with("/v1/") => Dialect::Ibm,
            _ => Dialect::Native,
        }
    }
}

/// Runs the rest of the request inside the frame.
pub(super) async fn around(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let dialect = Dialect::of(request.uri().path());
    let method = request.method().clone();
    let template = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let run = tokio::time::timeout(DEADLINE, AssertUnwindSafe(next.run(request)).catch_unwind());
    let response = match run.await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            Fault::from(Problem::Internal { detail: format!("a handler panicked: {}", panic_text(&*panic)) })
                .into_response()
        }
        Err(_) => Fault::from(Problem::Timeout { seconds: DEADLINE.as_secs() }).into_response(),
    };
    let mut response = word(response, dialect, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let asked = response.extensions_mut().remove::<Asked>();
    let asked = asked.as_ref();
    tracing::info!(
        action = asked.map(|asked| asked.action),
        account = asked.map(|asked| asked.account.as_str()),
        region = asked.map(|asked| asked.region.as_str()),
        code = asked.map(|asked| asked.code.as_str()).filter(|code| !code.is_empty()),
        method = %method,
        path = template.as_ref().map_or("(none)", MatchedPath::as_str),
        status = response.status().as_u16(),
        latency_us = began.elapsed().as_micros() as u64,
        request_id = %id,
        "request"
    );
    response
}

/// The client's id if it is short and plain enough for headers and logs, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let usable = |id: &&str| {
        (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b))
    };
    given.filter(usable).map_or_else(|| hex(&random::<16>()), ToOwned::to_owned)
}

/// Gives a problem its body, and keeps the headers that came with it.
fn word(mut response: Response, dialect: Dialect, trace: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if let Problem::Internal { detail } = &problem {
        tracing::error!(request_id = %trace, detail, "a request failed");
    }
    let (status, body) = match dialect {
        Dialect::Ibm => ibm::problem::encode(&problem, trace),
        Dialect::Native => native::problem::encode(&problem, trace),
        Dialect::Ec2 => {
            let error = Ec2Error::from(problem);
            return super::ec2::xml(error.status, error.encode(trace));
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut worded = json(status, &body);
    for name in [header::WWW_AUTHENTICATE, header::ALLOW] {
        if let Some(value) = response.headers_mut().remove(&name) {
            worded.headers_mut().insert(name, value);
        }
    }
    if matches!(problem, Problem::Busy | Problem::Stopping) {
        worded.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    worded
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn broken() -> &'static str {
        panic!("secret detail")
    }

    #[tokio::test]
    async fn a_panic_is_an_error_with_a_trace_and_without_its_text() {
        for (path, trace) in [("/v1/broken", "/trace"), ("/native/v1/broken", "/error/trace")] {
            let router: Router = Router::new().route(path, get(broken)).layer(from_fn(around));
            let request = Request::builder().uri(path).header(REQUEST_ID, "id-1").body(Body::empty()).unwrap();
            let response = router.oneshot(request).await.unwrap();
            assert_eq!((response.status().as_u16(), &response.headers()[REQUEST_ID]), (500, &"id-1".parse().unwrap()));
            let text = String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap();
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(body.pointer(trace).unwrap(), "id-1");
            assert!(!text.contains("secret detail"), "{text}");
        }
    }
}
