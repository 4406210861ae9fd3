//! Taking requests apart: bodies, queries and path segments, with errors in the dialect's own words.

use std::str::FromStr;

use axum::body::Body as HttpBody;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query as AxumQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures::StreamExt;
use pintle_core::record::Record;
use pintle_dialect::Problem;
use pintle_dialect::ibm::{JSON, MERGE_PATCH};
use pintle_dialect::wire::{self, Params};
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;

use super::answer::Fault;
use super::arriving::{Arriving, Room};
use crate::patience::Peer;
use crate::source::source_of;

/// The largest body that is taken, in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

/// How much of a body anybody may send without further ado, in bytes.
pub(super) const FREE: usize = 16 << 10;
/// How much may be kept of all larger ones that are arriving from who has shown nothing yet, in KiB.
static ARRIVING: Arriving = Arriving::new(64 << 10);

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

async fn arrive(request: Request<HttpBody>, limit: usize, shared: Option<&Arriving>) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::TooLarge { limit };
    let broken = |why: &str| Problem::field(".", format!("the body did not arrive whole: {why}"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    let source = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| source_of(peer.0.ip()));
    let mut body = Vec::with_capacity(announced.unwrap_or(0).min(FREE));
    let mut stream = request.into_body().into_data_stream();
    let mut room: Option<Room<'_>> = None;
    loop {
        let next = match &room {
            Some(room) => timeout_at(room.until, stream.next()).await.map_err(|_| broken("it came too slowly"))?,
            None => stream.next().await,
        };
        let Some(chunk) = next else { return Ok(body) };
        let chunk = chunk.map_err(|error| broken(&error.to_string()))?;
        let length = body.len() + chunk.len();
        if length > limit {
            return Err(too_large());
        }
        if let Some(shared) = shared.filter(|_| length > FREE && room.is_none()) {
            // For the whole of it: one that has begun is not stopped in its middle for want of room.
            room = Some(shared.room(source, announced.unwrap_or(limit)).await);
        } else if let Some(room) = &mut room {
            room.came(chunk.len());
        }
        body.extend_from_slice(&chunk);
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use futures::stream;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::*;

    const SIZE: usize = 20 << 10;

    /// A body of these chunks, each after so long, that ends or is never to end.
    async fn arriving(
        shared: &'static Arriving,
        peer: &str,
        size: usize,
        chunks: Vec<(Duration, usize)>,
        ends: bool,
    ) -> Result<Vec<u8>, Problem> {
        let chunks = stream::iter(chunks).then(|(after, length)| async move {
            sleep(after).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; length]))
        });
        let never = stream::once(async move {
            if !ends {
                std::future::pending::<()>().await;
            }
            Ok(Bytes::new())
        });
        let peer = Peer(format!("{peer}:1").parse().unwrap());
        let request = Request::builder().header(header::CONTENT_LENGTH, size).extension(ConnectInfo(peer));
        arrive(request.body(HttpBody::from_stream(chunks.chain(never))).unwrap(), MAX_BODY, Some(shared)).await
    }

    fn stalled(shared: &'static Arriving, peer: &str) -> JoinHandle<Result<Vec<u8>, Problem>> {
        let peer = peer.to_owned();
        tokio::spawn(async move { arriving(shared, &peer, SIZE, vec![(Duration::ZERO, FREE + 1)], false).await })
    }

    async fn whole(shared: &'static Arriving, peer: &str) -> Duration {
        let began = Instant::now();
        let body = arriving(shared, peer, SIZE, vec![(Duration::ZERO, SIZE)], true).await.unwrap();
        assert_eq!(body.len(), SIZE);
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_bodies_share_what_is_kept_of_them_and_have_it_for_ten_seconds_without_sending() {
        static SHARED: Arriving = Arriving::new(4 * (SIZE >> 10));
        let held: Vec<_> = (1..=4).map(|n| stalled(&SHARED, &format!("192.0.2.{n}"))).collect();
        sleep(Duration::from_secs(1)).await;
        assert!(whole(&SHARED, "192.0.2.5").await >= Duration::from_secs(9), "all is taken until then");
        for one in held {
            let Err(Problem::Field { detail, .. }) = one.await.unwrap() else { panic!("it never came whole") };
            assert!(detail.contains("too slowly"), "{detail}");
        }
        assert_eq!(whole(&SHARED, "192.0.2.6").await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_source_is_not_in_the_way_of_others() {
        static SHARED: Arriving = Arriving::new(4 * (SIZE >> 10));
        let held: Vec<_> = (1..=9).map(|n| stalled(&SHARED, &format!("[2001:db8::{n}]"))).collect();
        sleep(Duration::from_secs(1)).await;
        for other in ["192.0.2.1", "[2001:db8:0:1::1]"] {
            assert_eq!(whole(&SHARED, other).await, Duration::ZERO);
        }
        assert!(held.iter().all(|one| !one.is_finished()));
        held.iter().for_each(JoinHandle::abort);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_keeps_coming_may_take_longer() {
        static SHARED: Arriving = Arriving::new(4 << 10);
        let slowly = |each: usize| (0..MAX_BODY / each).map(|_| (Duration::from_secs(1), each)).collect();
        let body = arriving(&SHARED, "192.0.2.1", MAX_BODY, slowly(64 << 10), true).await.unwrap();
        assert_eq!(body.len(), MAX_BODY);
        // A little now and then is not enough.
        let began = Instant::now();
        arriving(&SHARED, "192.0.2.1", MAX_BODY, slowly(1 << 10), true).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert_eq!(whole(&SHARED, "192.0.2.1").await, Duration::ZERO);
    }
}
