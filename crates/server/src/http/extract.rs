//! Taking requests apart: bodies, queries and path segments, with errors in the dialect's own words.

use std::str::FromStr;

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Path, Query as AxumQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures::StreamExt;
use pintle_core::record::Record;
use pintle_dialect::Problem;
use pintle_dialect::ibm::{JSON, MERGE_PATCH};
use pintle_dialect::wire::{self, Params};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer::Fault;

/// The largest body that is taken, in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

/// How much of a body anybody may send without further ado, in bytes.
pub(super) const FREE: usize = 16 << 10;
/// How much may be kept of all larger ones that are arriving from who has shown nothing yet, in KiB.
static ARRIVING: Semaphore = Semaphore::const_new(64 << 10);

/// A JSON body, decoded strictly.
pub(super) struct Body<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Fault;
    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        check_type(request.method(), request.headers())?;
        Ok(Body(wire::decode(&collect(request).await?)?))
    }
}

/// A JSON body that may be left out altogether.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Fault;
    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let typed = check_type(request.method(), request.headers());
        let body = collect(request).await?;
        if body.is_empty() {
            return Ok(OptionalBody(T::default()));
        }
        typed?;
        Ok(OptionalBody(wire::decode(&body)?))
    }
}

fn check_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let (taken, wanted) = if method == Method::PATCH {
        (MERGE_PATCH, "'application/merge-patch+json' or 'application/json'")
    } else {
        (JSON, "'application/json'")
    };
    let given = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("(not text)"));
    let essence = given.split(';').next().unwrap_or_default().trim();
    if taken.iter().any(|one| essence.eq_ignore_ascii_case(one)) {
        return Ok(());
    }
    Err(Problem::WrongContentType { given: super::short(given), wanted })
}

/// The body of a request whose sender has shown who it is.
pub(super) async fn collect(request: Request<HttpBody>) -> Result<Vec<u8>, Problem> {
    arrive(request, MAX_BODY, None).await
}

/// The body, of at most this many bytes, of a request whose sender is known by what it says in it: until then all of them share what
/// is kept of large ones.
pub(super) async fn collect_from_anybody(request: Request<HttpBody>, limit: usize) -> Result<Vec<u8>, Problem> {
    arrive(request, limit, Some(&ARRIVING)).await
}

async fn arrive(request: Request<HttpBody>, limit: usize, shared: Option<&Semaphore>) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::TooLarge { limit };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(0).min(FREE));
    let mut stream = request.into_body().into_data_stream();
    let mut room: Option<SemaphorePermit<'_>> = None;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Problem::field(".", format!("the body did not arrive whole: {error}")))?;
        let length = body.len() + chunk.len();
        if length > limit {
            return Err(too_large());
        }
        if let Some(shared) = shared.filter(|_| length > FREE && room.is_none()) {
            // For the whole of it: one that has begun is not stopped in its middle for want of room.
            let most = announced.unwrap_or(limit).div_ceil(1 << 10) as u32;
            room = Some(shared.acquire_many(most).await.expect("it is never closed"));
        }
        body.extend_from_slice(&chunk);
    }
    drop(room);
    Ok(body)
}

/// The query, without what the dialect takes out of every request.
pub(super) struct Query(pub(super) Params);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Fault;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        match parts.extensions.remove::<Params>() {
            Some(rest) => Ok(Query(rest)),
            None => Ok(Query(params(parts)?)),
        }
    }
}

/// The whole query of a request.
pub(super) fn params(parts: &Parts) -> Result<Params, Problem> {
    AxumQuery::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map(|AxumQuery(pairs)| Params::new(pairs))
        .map_err(|error| wire::parameter("", None, error.to_string()))
}

/// The variable segments of the path.
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Fault;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Segments(segments)),
            // Only bytes that aren't UTF-8 end here, and nothing has a name of such bytes.
            Err(_) => Err(Problem::UnknownPath { path: super::short(parts.uri.path()) }.into()),
        }
    }
}

/// The id in a path segment. What has not the shape of an id is nothing's id: not found, with the shape in the message.
pub(super) fn id<R: Record>(segment: &str) -> Result<R::Id, Problem>
where
    R::Id: FromStr,
{
    segment.parse().map_err(|_| Problem::not_found(R::NOUN, super::short(segment)))
}
