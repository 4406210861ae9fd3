//! A request's body is taken to its end, even where nobody wants it.
//!
//! What is refused for its path or its token is answered before its body has come. The connection would end with that answer,
//! without a word of it, and a client that keeps connections would find its next request cut off.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt};

use super::extract::MAX_BODY;

/// How long the rest of a body that nobody wants may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body that its handler reads, and that is still there if the handler does not.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<BodyDataStream>>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Option<BodyDataStream>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.with(|body| {
            let polled = body.as_mut().map_or(Poll::Ready(None), |body| body.poll_next_unpin(context));
            if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                *body = None;
            }
            polled
        })
    }
}

/// Runs the rest of the request, and takes what it leaves of the body.
pub(super) async fn around(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(Some(body.into_data_stream()))));
    let response = next.run(Request::from_parts(parts, Body::from_stream(shared.clone()))).await;
    if let Some(rest) = shared.with(Option::take) {
        let _ = tokio::time::timeout(PATIENCE, discard(rest)).await;
    }
    response
}

/// Takes as much of a body as a request may have.
async fn discard(mut body: BodyDataStream) {
    let mut taken = 0;
    while taken <= MAX_BODY
        && let Some(Ok(chunk)) = body.next().await
    {
        taken += chunk.len();
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_connection_goes_on_after_a_refusal_that_came_before_the_body() {
        let router = Router::new().fallback(async || StatusCode::NOT_FOUND).layer(from_fn(around));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut client = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            client.write_all(b"POST /nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: 40\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.write_all(&[b'x'; 40]).await.unwrap();
            let mut answer = vec![0; 12];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 404");
            let mut rest = [0; 1024];
            let count = client.read(&mut rest).await.unwrap();
            assert!(rest[..count].ends_with(b"\r\n\r\n"), "an answer without a body");
        }
        server.abort();
    }
}
