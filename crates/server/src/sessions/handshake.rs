//! The first message of a connection: a host enrols, or begins its session.

use std::sync::Arc;

use pintle_core::host_protocol::{AgentMessage, Hello, PROTOCOL_VERSION, ServerMessage};
use pintle_core::id::HostId;
use pintle_core::model::Host;
use pintle_core::{DecideError, Refusal, Request, query};

use super::Bye;
use super::link::register;
use crate::engine::{Engine, EngineError};
use crate::pki::Authority;

/// What a first message leads to.
pub(super) enum First {
    /// This answer, and the end of the connection.
    Answer(Box<ServerMessage>),
    /// A session.
    Session(Hello),
}

/// Judges the first message of a connection. `certified` is the host that its client certificate names, if it has one.
///
/// # Errors
/// What to refuse the connection with.
pub(super) async fn judge(
    message: AgentMessage,
    certified: Option<HostId>,
    engine: &Arc<Engine>,
    authority: &Authority,
) -> Result<First, Bye> {
    match (message, certified) {
        (AgentMessage::Enrol { version, secret, csr_pem }, _) => {
            check_version(version)?;
            enrol(&secret, &csr_pem, engine, authority).map(|answer| First::Answer(Box::new(answer)))
        }
        (AgentMessage::Hello(hello), Some(certified)) => {
            check_version(hello.version)?;
            begin(&hello, certified, engine).await?;
            Ok(First::Session(hello))
        }
        (AgentMessage::Hello(_), None) => {
            Err(Bye::fatal("a session needs the certificate that the host got when it enrolled, and none was shown"))
        }
        (_, _) => Err(Bye::retry("a connection begins with Hello or Enrol")),
    }
}

fn check_version(version: u32) -> Result<(), Bye> {
    if version == PROTOCOL_VERSION {
        return Ok(());
    }
    let which = if version < PROTOCOL_VERSION { "agent" } else { "server" };
    Err(Bye::fatal(format!(
        "the agent speaks protocol version {version} and the server version {PROTOCOL_VERSION}: upgrade the {which}"
    )))
}

fn enrol(secret: &str, csr_pem: &str, engine: &Engine, authority: &Authority) -> Result<ServerMessage, Bye> {
    if !authority.join_token().admits(secret) {
        tracing::warn!("an enrolment with a wrong join secret was refused");
        return Err(Bye::fatal(
            "the join token's secret is not this server's: use the token in the server's data directory",
        ));
    }
    let host = HostId::new(&mut engine.ids());
    let certificate_pem = authority
        .certify_host(csr_pem, host)
        .map_err(|error| Bye::fatal(format!("field 'csr_pem' is not a valid certificate signing request: {error}")))?;
    tracing::info!(%host, "a host has enrolled");
    Ok(ServerMessage::Enrolled { host, certificate_pem, ca_pem: authority.ca_pem().to_owned() })
}

async fn begin(hello: &Hello, certified: HostId, engine: &Engine) -> Result<(), Bye> {
    if hello.host != certified {
        tracing::warn!(claimed = %hello.host, %certified, "a host claimed to be another and was refused");
        let reason = format!("field 'host': {} is claimed, but the certificate is that of {certified}", hello.host);
        return Err(Bye::fatal(reason));
    }
    engine.execute(Request::system(register(hello))).await.map_err(refused)?;
    Ok(())
}

/// What an agent is told when the command on its behalf was not carried out: rules stay, failures pass. So do conflicts of the
/// underlay: two hosts that change addresses with each other tell of it one after the other.
pub(super) fn refused(error: EngineError) -> Bye {
    match error {
        EngineError::Decide(DecideError::Refused(
            refusal @ Refusal::Invalid { field: "vtep" | "underlay_mtu", .. },
        )) => Bye::retry(refusal.to_string()),
        EngineError::Decide(DecideError::Refused(refusal)) => Bye::fatal(refusal.to_string()),
        other => Bye::retry(format!("the server could not note the host: {other}")),
    }
}

/// Whether the host's record is there: it may have been removed between its Hello and its session.
///
/// # Errors
/// What to end the session with.
pub(super) async fn still_there(host: HostId, engine: &Engine) -> Result<(), Bye> {
    match engine.read(|snapshot| query::find::<Host>(snapshot, host)).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(removed()),
        Err(error) => Err(refused(error)),
    }
}

/// What an agent is told whose host has been removed.
pub(super) fn removed() -> Bye {
    Bye::fatal("the host has been removed; start the agent again to join anew")
}
