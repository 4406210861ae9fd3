//! The messages between server and agent: desired state down, what became of it up.
//!
//! Each message is one frame: a 4-byte big-endian length and that many bytes of JSON, over mutually authenticated TLS. The
//! agent speaks first. A message that a side does not know ends the session with the reason; the version says what both
//! know.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::host_spec::{Entry, EntryKey};
use crate::id::HostId;
use crate::telemetry::{Answer, Question};
use crate::txn::Revision;

/// The name that the server's certificate carries, whatever its address.
pub const SERVER_NAME: &str = "pintle-server";
/// Both sides must speak the same version.
pub const PROTOCOL_VERSION: u32 = 5;
/// The largest frame that either side accepts, in bytes. A snapshot is cut into frames well below it.
pub const MAX_FRAME: usize = 16 << 20;

/// What an agent sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentMessage {
    /// The only message of a connection without a client certificate: asks for one.
    Enrol {
        /// [`PROTOCOL_VERSION`].
        version: u32,
        /// The secret of the join token.
        secret: String,
        /// A certificate signing request in PEM; its subject is ignored, its key is certified.
        csr_pem: String,
    },
    /// The first message of a session.
    Hello(Hello),
    /// Everything up to this revision has been applied, except what failed.
    Applied(Applied),
    /// The host was found to differ from what it should be, and was repaired.
    Drift(Vec<DriftReport>),
    /// The answer to [`ServerMessage::Ask`]; questions may be answered in any order.
    Answer {
        /// The question's number.
        id: u64,
        /// The answer.
        answer: Answer,
    },
    /// The underlay's address or MTU has changed.
    Underlay {
        /// The underlay address.
        vtep: Ipv4Addr,
        /// MTU of the underlay device, in bytes.
        underlay_mtu: u16,
    },
}

/// Who the agent is and where it left off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// The host; must be the one that the agent's certificate names.
    pub host: HostId,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its underlay address.
    pub vtep: Ipv4Addr,
    /// MTU of the underlay device, in bytes.
    pub underlay_mtu: u16,
    /// Its device towards the public network, if it has one: then it can answer for floating IPs.
    pub uplink: Option<String>,
    /// How many ports it has room for.
    pub max_ports: u32,
    /// The last revision it has applied, and the server's life in which it got it, to go on from there.
    pub resume: Option<Resume>,
}

/// A place in the stream of one server's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Which life of the server.
    pub epoch: String,
    /// The revision.
    pub revision: Revision,
}

/// How far an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Everything up to this revision.
    pub revision: Revision,
    /// What could not be applied (complete list as of now; an entry that is neither in it nor pending has been applied).
    pub failures: Vec<Failure>,
    /// What is still under way and neither applied nor failed: servers that start or end, files that are being removed
    /// (complete list as of now).
    #[serde(default)]
    pub pending: Vec<EntryKey>,
}

/// An entry that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The entry.
    pub key: EntryKey,
    /// Why, for a person.
    pub message: String,
}

/// One difference that was found and repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// What was concerned, if an entry was.
    pub key: Option<EntryKey>,
    /// What was different and what was done, for a person.
    pub message: String,
    /// Whether it has been repaired.
    pub repaired: bool,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The answer to [`AgentMessage::Enrol`]; the connection ends after it.
    Enrolled {
        /// The host's id from now on; the certificate's subject names it.
        host: HostId,
        /// The agent's certificate in PEM.
        certificate_pem: String,
        /// The certificate of the authority that signs servers and agents, in PEM.
        ca_pem: String,
    },
    /// The session is accepted.
    Welcome {
        /// Which life of the server.
        epoch: String,
        /// Whether deltas go on from where the agent left off; otherwise a snapshot follows.
        resumed: bool,
    },
    /// A part of the whole desired state; the last part says so, and what no part contained must go.
    Snapshot {
        /// The revision that it shows.
        revision: Revision,
        /// Entries of this part.
        entries: Vec<(EntryKey, Entry)>,
        /// Whether this is the last part.
        last: bool,
    },
    /// What has changed.
    Delta {
        /// The revision that it leads to.
        revision: Revision,
        /// New and changed entries.
        put: Vec<(EntryKey, Entry)>,
        /// Entries that must go.
        removed: Vec<EntryKey>,
    },
    /// A question about the data plane as it is now; answered by [`AgentMessage::Answer`].
    Ask {
        /// Its number, unique within the session.
        id: u64,
        /// The question.
        question: Question,
    },
    /// The session is refused or over; the agent must not come back with the same identity if `fatal`.
    Bye {
        /// Why, for a person.
        reason: String,
        /// Whether trying again is useless.
        fatal: bool,
    },
}
