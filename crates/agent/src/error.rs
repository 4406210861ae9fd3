//! What ends an agent, in words a user can act on.

use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::KernelError;
use crate::kernel::mtu::MtuError;

/// Why an agent could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// A setting that can't be used.
    #[error("{0}")]
    Config(String),
    /// There is no certificate yet and no token to get one with.
    #[error(
        "this host has not joined: '{data_dir}' holds no identity; give --join with the token in the server's file \
         'join-token'"
    )]
    NotJoined {
        /// The agent's data directory.
        data_dir: PathBuf,
    },
    /// Another agent runs with the same data directory.
    #[error("another agent runs with the data directory '{data_dir}': stop it first, or give this one its own")]
    InUse {
        /// The agents' data directory.
        data_dir: PathBuf,
    },
    /// The identity on disk can't be used.
    #[error("the identity in '{path}' can't be used: {reason}; remove that directory and join again with --join")]
    Identity {
        /// The directory of the identity.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The server refuses this host for good.
    #[error("the server refuses this host: {reason}")]
    Refused {
        /// The server's reason.
        reason: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {what} '{path}': {source}")]
    File {
        /// What was tried, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A key or certificate could not be made or read.
    #[error("cannot {what}: {reason}")]
    Certificate {
        /// What was tried, as a verb phrase.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// The connection to the server failed. Not fatal: it is tried again.
    #[error("{0}")]
    Connection(String),
    /// The kernel refused something without which nothing works.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The underlay can't carry the overlay.
    #[error(transparent)]
    Underlay(#[from] MtuError),
    /// The data plane could not be opened or changed.
    #[error(transparent)]
    Datapath(#[from] pintle_datapath::DatapathError),
}

impl AgentError {
    /// Wraps a failed file operation.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AgentError + use<> {
        let path = path.to_path_buf();
        move |source| AgentError::File { what, path, source }
    }
}
