//! Whom the agent trusts: before it has joined, whoever shows the authority that the join token names; afterwards, whoever
//! that authority has certified as the server.

use std::sync::Arc;

use pintle_core::host_protocol::SERVER_NAME;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

use super::Identity;
use crate::error::AgentError;

/// The name that the server's certificate must carry.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("the server's name is a valid DNS name")
}

/// For the one connection in which the host asks for its certificate.
pub(crate) fn joining(fingerprint: [u8; 32]) -> Result<ClientConfig, AgentError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(PinnedAuthority { fingerprint, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| certificate("set up TLS", e))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// For sessions: both sides show a certificate of the same authority.
pub(crate) fn session(identity: &Identity) -> Result<ClientConfig, AgentError> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority.clone()).map_err(|e| certificate("read the authority's certificate", e))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| certificate("set up TLS", e))?
        .with_root_certificates(roots);
    let key = PrivateKeyDer::Pkcs8(identity.key.clone_key());
    let chain = vec![identity.certificate.clone()];
    builder.with_client_auth_cert(chain, key).map_err(|e| certificate("use the host's certificate", e))
}

fn certificate(what: &'static str, reason: impl ToString) -> AgentError {
    AgentError::Certificate { what, reason: reason.to_string() }
}

/// Accepts a server whose chain holds the authority with this fingerprint, if that authority signed the server's own
/// certificate for [`SERVER_NAME`] and it is valid now.
#[derive(Debug)]
struct PinnedAuthority {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // The fingerprint is public, so there is nothing to learn from how long the comparison takes.
        let authority = intermediates.iter().find(|shown| Sha256::digest(shown.as_ref())[..] == self.fingerprint);
        let authority = authority.ok_or_else(|| {
            rustls::Error::General("the server does not show the authority that the join token names".into())
        })?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|e| rustls::Error::General(e.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
