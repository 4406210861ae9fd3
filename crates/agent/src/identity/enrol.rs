//! Joining: one connection in which the host gets its certificate.

use std::time::Duration;

use pintle_core::host_protocol::{AgentMessage, PROTOCOL_VERSION, ServerMessage};
use rcgen::{CertificateParams, KeyPair};
use tokio::time::timeout;

use super::{Identity, Texts, tls};
use crate::config::Config;
use crate::connection;
use crate::error::AgentError;
use crate::identity::JoinToken;

/// How long the server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Asks the server for a certificate with the join token and stores what it gives.
///
/// # Errors
/// [`AgentError::Refused`] if the server says no, [`AgentError::Connection`] if it can't be reached or trusted.
pub(crate) async fn enrol(config: &Config, token: &JoinToken) -> Result<Identity, AgentError> {
    let failed =
        |reason: rcgen::Error| AgentError::Certificate { what: "make the host's key", reason: reason.to_string() };
    let key = KeyPair::generate().map_err(failed)?;
    let request = CertificateParams::default().serialize_request(&key).and_then(|csr| csr.pem()).map_err(failed)?;
    let mut frames = connection::open(&config.server, tls::joining(token.fingerprint)?).await?;
    let (version, secret) = (PROTOCOL_VERSION, token.secret.clone());
    frames.send(&AgentMessage::Enrol { version, secret, csr_pem: request }).await?;
    let answer = timeout(ANSWER_WITHIN, frames.receive()).await;
    match answer
        .map_err(|_| AgentError::Connection("the server did not answer the request to join in 15 s".into()))??
    {
        Some(ServerMessage::Enrolled { host, certificate_pem, ca_pem }) => {
            let key_pem = key.serialize_pem();
            let texts = Texts { host, key_pem: &key_pem, certificate_pem: &certificate_pem, ca_pem: &ca_pem };
            let identity = Identity::store(&config.data_dir, &texts)?;
            tracing::info!(%host, server = config.server, "joined");
            Ok(identity)
        }
        Some(ServerMessage::Bye { reason, fatal: true }) => Err(AgentError::Refused { reason }),
        Some(ServerMessage::Bye { reason, fatal: false }) => Err(AgentError::Connection(reason)),
        Some(_) => Err(AgentError::Connection("the server answered the request to join with something else".into())),
        None => Err(AgentError::Connection("the server closed the connection instead of answering".into())),
    }
}
