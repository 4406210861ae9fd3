//! Each region has an endpoint of its own, as in IBM's cloud: `/regions/<region>/v1/…`. The default region's is also `/v1/…`.
//!
//! The path is rewritten before the request is routed, so that no handler knows of it.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use pintle_dialect::ibm::site::split_region;

/// The region that a request's path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region(pub(super) String);

/// Takes the region out of the path.
pub(super) fn take(mut request: Request) -> Request {
    let Some((region, rest)) = split_region(request.uri().path()) else { return request };
    let region = Region(region.to_owned());
    let rest = match request.uri().query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(rest).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(region);
    }
    request
}
