//! `If-Match` (RFC 9110 section 13.1.1): a change that only happens to the state that the client has seen.
//!
//! Tags are compared without their weakness: a record's revision names its bytes, and the tag is weak only because what
//! is joined to the record may change alone.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use pintle_core::txn::Revision;
use pintle_dialect::wire;

/// The condition of a request, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(pub(super) Option<Tags>);

/// The tags that a client lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags(String);

impl Tags {
    /// Whether a record at this revision is one that the client means.
    pub(super) fn match_revision(&self, revision: Revision) -> bool {
        let weak = wire::etag(revision);
        let strong = weak.trim_start_matches("W/");
        self.0.split(',').map(str::trim).any(|tag| tag == "*" || tag == weak || tag == strong)
    }

    /// The tags as the client wrote them.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(header::IF_MATCH).iter();
        // A tag that isn't text matches nothing, which is the safe side.
        let text: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        Ok(IfMatch((!text.is_empty()).then(|| Tags(super::short(&text.join(", "))))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_strong_and_any_tags_match() {
        let matches = |text: &str| Tags(text.to_owned()).match_revision(7);
        assert!(matches("W/\"7\"") && matches("\"7\"") && matches("*") && matches("\"1\", W/\"7\""));
        assert!(!matches("") && !matches("7") && !matches("W/\"70\"") && !matches("\"1\",\"2\""));
    }
}
