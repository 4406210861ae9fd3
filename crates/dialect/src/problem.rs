//! What can go wrong with a request, before any dialect words it.
//!
//! One closed list, so that each dialect's status, code and text for every case is an exhaustive match that the compiler
//! checks, and so that handlers of both front ends fail in the same way.

use pintle_core::refusal::Noun;
use pintle_core::txn::Revision;
use pintle_core::{DecideError, Refusal};

/// Why a request is not answered as it asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A rule of the core forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body is not JSON (RFC 8259).
    #[error("the body is not JSON: {detail} at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 when the line ended.
        column: usize,
        /// What the parser met.
        detail: String,
    },
    /// A field of the body is unknown, missing, or of the wrong type.
    #[error("field '{field}': {detail}")]
    Field {
        /// Path of the field, such as `primary_ip.address`; `.` is the body itself.
        field: String,
        /// What is wrong with it.
        detail: String,
        /// Line, from 1; 0 when it is not one place in the text.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// A query parameter is unknown, missing, given twice, or has a value that it may not have.
    #[error("query parameter '{name}': {rule}")]
    Parameter {
        /// Its name.
        name: String,
        /// The value given, if one was.
        value: Option<String>,
        /// The rule that it breaks.
        rule: String,
    },
    /// The credentials are missing or wrong.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// A name stands for several things.
    #[error("the name '{name}' is that of {} {}s: {}; give the id", .candidates.len(), .noun.words(), .candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        noun: Noun,
        /// The name given.
        name: String,
        /// The ids that it may mean.
        candidates: Vec<String>,
    },
    /// No operation has this path.
    #[error("there is nothing at '{path}'")]
    UnknownPath {
        /// The path given.
        path: String,
    },
    /// The path has no such operation.
    #[error("'{path}' does not take {method}")]
    WrongMethod {
        /// The method given.
        method: String,
        /// The path given.
        path: String,
    },
    /// The body is of a type that the operation does not take.
    #[error("content type '{given}' is not taken here; send {wanted}")]
    WrongContentType {
        /// The type given; empty when none was.
        given: String,
        /// What the operation takes.
        wanted: &'static str,
    },
    /// The body is too large.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The resource was changed since the client read it.
    #[error("the resource is at {current}, not at {expected}; read it again and repeat the change")]
    Changed {
        /// What the client expected, as it said it.
        expected: String,
        /// Where the resource is.
        current: String,
    },
    /// The request was not answered in time.
    #[error("the request took longer than {seconds} seconds; whether it took effect is open: read the resource")]
    Timeout {
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The account asks more often than it may.
    #[error("there are too many requests of this account; slow down and try again")]
    Throttled,
    /// Too many requests compete for the same records.
    #[error("the server is busy with changes to the same resources; try again")]
    Busy,
    /// The host that would have to be asked is not connected, or has enough questions to answer.
    #[error("{detail}")]
    HostAway {
        /// Which host and why, for the user.
        detail: String,
    },
    /// The host that was asked has not answered in time.
    #[error("{detail}")]
    HostSlow {
        /// Which host, for the user.
        detail: String,
    },
    /// The host that was asked can't tell.
    #[error("{detail}")]
    HostFailed {
        /// Which host and why, for the user.
        detail: String,
    },
    /// The server is stopping.
    #[error("the server is stopping; try again when it is back")]
    Stopping,
    /// The server failed. The detail is for its log, never for a client.
    #[error("the server failed to do this; its log has the reason under the trace id")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl Problem {
    /// A wrong field that is not one place in the text.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::Field { field: field.into(), detail: detail.into(), line: 0, column: 0 }
    }

    /// The refusal for an id that nothing has.
    pub fn not_found(noun: Noun, id: impl Into<String>) -> Self {
        Problem::Refused(Refusal::NotFound { noun, id: id.into() })
    }

    /// The problem of a client that expects another revision.
    pub fn changed(expected: &str, current: Revision) -> Self {
        Problem::Changed { expected: expected.to_owned(), current: crate::wire::etag(current) }
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::Refused(refusal) => Problem::Refused(refusal),
            DecideError::Read(_) | DecideError::Corrupt { .. } => Problem::Internal { detail: error.to_string() },
        }
    }
}
