//! What can go wrong in a measurement, apart from what is being measured: a lost packet is a result, not an error.

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

/// The result of a probe's call.
pub type Result<T> = std::result::Result<T, ProbeError>;

/// A probe that could not measure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A network namespace could not be opened or entered.
    #[error(
        "cannot enter network namespace '{}': {source}; give the path of one that exists (/run/netns/<name> or \
         /proc/<pid>/ns/net), with CAP_SYS_ADMIN",
        path.display()
    )]
    Namespace {
        /// The namespace's path.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a call.
    #[error("cannot {what}: {source}")]
    System {
        /// What was attempted, as the end of a sentence that begins with "cannot".
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A value is outside its range.
    #[error("{field} {value} is refused: {rule}")]
    Invalid {
        /// The parameter.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// Nothing came back in time.
    #[error("{what}: no answer within {waited:?}")]
    NoAnswer {
        /// What was asked.
        what: String,
        /// For how long.
        waited: Duration,
    },
    /// A server answered, but not with what HTTP/1.1 (RFC 9112) and this crate's server allow.
    #[error("{from} answered, but not as HTTP server: {reason}")]
    Http {
        /// The server.
        from: SocketAddrV4,
        /// What was wrong with the answer.
        reason: String,
    },
    /// A session was asked for a step that does not follow from its state.
    #[error("the TCP session cannot {step}: {reason}")]
    Session {
        /// The step that was asked for.
        step: &'static str,
        /// Why not, and what to do first.
        reason: String,
    },
}

impl ProbeError {
    /// For `map_err`: names what was attempted.
    pub(crate) fn system<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| ProbeError::System { what, source: source.into() }
    }
}
