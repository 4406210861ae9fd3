//! An agent that says exactly what a test wants.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use pintle_core::host_protocol::{
    AgentMessage, Applied, Hello, MAX_FRAME, PROTOCOL_VERSION, Resume, SERVER_NAME, ServerMessage,
};
use pintle_core::id::HostId;
use pintle_server::Running;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a host has after it enrolled.
pub struct Identity {
    pub host: HostId,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// One connection.
pub struct Connection(Framed<TlsStream<TcpStream>, LengthDelimitedCodec>);

/// The authority's certificate as the server's directory has it.
pub fn ca(data_dir: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(data_dir.join("pki/ca.crt.pem")).expect("the authority's certificate")
}

/// The secret of the join token.
pub fn secret(running: &Running) -> String {
    running.join_token.to_string().rsplit(':').next().expect("three parts").to_owned()
}

/// Connects, with an identity or without.
pub async fn connect(
    to: SocketAddr,
    ca: &CertificateDer<'static>,
    identity: Option<&Identity>,
) -> std::io::Result<Connection> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
            builder.with_client_auth_cert(vec![identity.certificate.clone()], key).expect("an identity")
        }
    };
    let stream = TcpStream::connect(to).await?;
    let name = SERVER_NAME.try_into().expect("a name");
    let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let codec = LengthDelimitedCodec::builder().length_field_length(4).max_frame_length(MAX_FRAME).new_codec();
    Ok(Connection(Framed::new(tls, codec)))
}

impl Connection {
    pub async fn send(&mut self, message: &AgentMessage) {
        self.send_raw(serde_json::to_vec(message).expect("JSON")).await;
    }

    pub async fn send_raw(&mut self, frame: Vec<u8>) {
        self.0.send(Bytes::from(frame)).await.expect("sent");
    }

    /// The next message; `None` when the server has closed the connection.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("an answer or an end in time")?;
        frame.ok().map(|frame| serde_json::from_slice(&frame).expect("a message"))
    }

    /// The reason of a farewell, which must be the next message.
    pub async fn bye(&mut self) -> (String, bool) {
        match self.next().await {
            Some(ServerMessage::Bye { reason, fatal }) => (reason, fatal),
            other => panic!("not a farewell: {other:?}"),
        }
    }

    /// Begins a session; whether it goes on from where the host left off.
    pub async fn begin(&mut self, hello: Hello) -> (String, bool) {
        self.send(&AgentMessage::Hello(hello)).await;
        match self.next().await {
            Some(ServerMessage::Welcome { epoch, resumed }) => (epoch, resumed),
            other => panic!("not welcome: {other:?}"),
        }
    }

    pub async fn applied(&mut self, revision: u64) {
        self.send(&AgentMessage::Applied(Applied { revision, failures: Vec::new(), pending: Vec::new() })).await;
    }

    /// Applies whatever comes, until the connection ends; the farewell's reason, if there was one.
    pub async fn obey(mut self) -> Option<String> {
        loop {
            match self.next_whenever().await? {
                ServerMessage::Snapshot { revision, last: true, .. } | ServerMessage::Delta { revision, .. } => {
                    self.applied(revision).await;
                }
                ServerMessage::Bye { reason, .. } => return Some(reason),
                _ => {}
            }
        }
    }

    async fn next_whenever(&mut self) -> Option<ServerMessage> {
        self.0.next().await?.ok().map(|frame| serde_json::from_slice(&frame).expect("a message"))
    }
}

/// A key and a request for it.
pub fn request() -> (KeyPair, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["whatever".to_owned()]).expect("parameters");
    let csr = params.serialize_request(&key).expect("a request").pem().expect("PEM");
    (key, csr)
}

pub fn enrol_with(secret: String, csr_pem: String) -> AgentMessage {
    AgentMessage::Enrol { version: PROTOCOL_VERSION, secret, csr_pem }
}

/// Enrols a host.
pub async fn enrol(running: &Running, data_dir: &Path) -> Identity {
    let (key, csr) = request();
    let mut connection = connect(running.agent_addr, &ca(data_dir), None).await.expect("connected");
    connection.send(&enrol_with(secret(running), csr)).await;
    match connection.next().await {
        Some(ServerMessage::Enrolled { host, certificate_pem, ca_pem }) => {
            let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).expect("a certificate");
            let authority = CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("a certificate");
            assert_eq!(authority, ca(data_dir));
            Identity { host, certificate, key }
        }
        other => panic!("not enrolled: {other:?}"),
    }
}

/// What host number `n` says first.
pub fn hello(identity: &Identity, n: u8, resume: Option<Resume>) -> Hello {
    Hello {
        version: PROTOCOL_VERSION,
        host: identity.host,
        name: format!("h{n}"),
        zone: "z1".into(),
        vtep: std::net::Ipv4Addr::new(192, 0, 2, n),
        underlay_mtu: 1500,
        uplink: None,
        max_ports: 4096,
        resume,
    }
}
