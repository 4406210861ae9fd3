//! A server that does what a test says, with a certificate authority of its own and real TLS.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pintle_agent::JoinToken;
use pintle_core::host_protocol::{AgentMessage, MAX_FRAME, SERVER_NAME, ServerMessage};
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::id::HostId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The secret that lets a host join.
pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";

/// The scripted server.
pub(crate) struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    ca_der: CertificateDer<'static>,
}

/// A connection of an agent.
pub(crate) struct Peer(Framed<TlsStream<TcpStream>, LengthDelimitedCodec>);

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let ca = params.self_signed(&ca_key).unwrap();
        let (ca_pem, ca_der) = (ca.pem(), ca.der().clone());
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([SERVER_NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca_der.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            .with_single_cert(
                vec![leaf.der().clone(), ca_der.clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        Server { listener, acceptor: TlsAcceptor::from(Arc::new(tls)), issuer, ca_pem, ca_der }
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub(crate) fn token(&self) -> JoinToken {
        let digest = Sha256::digest(&self.ca_der);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("pintle-join:{hex}:{SECRET}").parse().unwrap()
    }

    /// The next connection, or why its handshake failed.
    pub(crate) async fn accept(&self) -> std::io::Result<Peer> {
        let (tcp, _) = timeout(PATIENCE, self.listener.accept()).await.expect("an agent connects").unwrap();
        let tls = self.acceptor.accept(tcp).await?;
        Ok(Peer(LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_framed(tls)))
    }

    /// Lets a host join as `host`.
    pub(crate) async fn enrol(&self, host: HostId) {
        let mut peer = self.accept().await.unwrap();
        let AgentMessage::Enrol { secret, csr_pem, .. } = peer.receive().await else { panic!("no request to join") };
        assert_eq!(secret, SECRET);
        let mut request = CertificateSigningRequestParams::from_pem(&csr_pem).unwrap();
        request.params.distinguished_name.push(DnType::CommonName, host.to_string());
        let certificate_pem = request.signed_by(&self.issuer).unwrap().pem();
        let ca_pem = self.ca_pem.clone();
        peer.send(ServerMessage::Enrolled { host, certificate_pem, ca_pem }).await;
    }
}

impl Server {
    /// Lets an agent join as `host`, gives it these entries as its whole desired state, of life "first" and revision 5, and waits
    /// until they are applied without a failure.
    pub(crate) async fn begin(&self, host: HostId, entries: Vec<(EntryKey, Entry)>) -> Peer {
        self.enrol(host).await;
        let mut peer = self.accept().await.unwrap();
        peer.receive().await;
        peer.send(ServerMessage::Welcome { epoch: "first".into(), resumed: false }).await;
        peer.send(ServerMessage::Snapshot { revision: 5, entries, last: true }).await;
        loop {
            if let AgentMessage::Applied(applied) = peer.receive().await
                && applied.revision >= 5
            {
                assert_eq!(applied.failures, []);
                return peer;
            }
        }
    }
}

impl Peer {
    pub(crate) async fn send(&mut self, message: ServerMessage) {
        let frame = Bytes::from(serde_json::to_vec(&message).unwrap());
        self.0.send(frame).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> AgentMessage {
        let frame = timeout(PATIENCE, self.0.next()).await.expect("the agent says something");
        serde_json::from_slice(&frame.expect("the agent is there").unwrap()).unwrap()
    }

    /// Whether the agent was accepted with a certificate of ours.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.0.get_ref().get_ref().1.peer_certificates().is_some()
    }
}
