//! The server's own certificate authority: who may speak for which host.
//!
//! It is made at the first start and lives in the data directory. It signs one certificate for the server, which agents
//! check against the fingerprint in their join token, and one per host, which names the host that its holder may speak
//! for. There is no outside authority to set up and none to trust.

mod files;
mod issue;
mod token;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pintle_core::id::HostId;
use rcgen::{Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub use files::{make_private_directory, read_or_make};
pub use issue::host_of;
pub use token::JoinToken;

/// The authority could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file of the data directory can't be used.
    #[error("{path}: {action} failed: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A certificate could not be made.
    #[error("making a certificate failed: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("setting up TLS failed: {0}")]
    Tls(#[from] rustls::Error),
    /// The verifier of agents' certificates could not be set up.
    #[error("setting up the check of agents' certificates failed: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The listening socket has no address.
    #[error("the agents' socket has no address: {source}")]
    Socket {
        /// What the system said.
        source: std::io::Error,
    },
}

/// The authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    issuer: Issuer<'static, KeyPair>,
    ca: CertificateDer<'static>,
    ca_pem: String,
    token: JoinToken,
}

impl Authority {
    /// Reads the authority from a data directory, or makes it there: `pki/ca.key.pem` and `pki/ca.crt.pem`, and the
    /// join token in `join-token`, all readable by their owner only.
    ///
    /// # Errors
    /// [`PkiError::File`] and [`PkiError::Content`], naming the file.
    pub fn open(data_dir: &Path) -> Result<Authority, PkiError> {
        let pki = data_dir.join("pki");
        make_private_directory(&pki)?;
        let (key_path, ca_path) = (pki.join("ca.key.pem"), pki.join("ca.crt.pem"));
        if ca_path.exists() && !key_path.exists() {
            let problem = "it is missing beside ca.crt.pem: restore it from a backup, or remove the directory 'pki' and \
                           the file 'join-token' to make a new authority (every host must then join anew)";
            return Err(PkiError::Content { path: key_path, problem: problem.to_owned() });
        }
        let key_pem = read_or_make(&key_path, || Ok(KeyPair::generate()?.serialize_pem()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|error| content(&key_path, "a private key", error))?;
        let ca_pem = read_or_make(&ca_path, || Ok(issue::self_signed(&key)?))?;
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes())
            .map_err(|error| content(&ca_path, "a certificate", error))?;
        issue::check_pair(&ca, &key).map_err(|problem| PkiError::Content { path: ca_path.clone(), problem })?;
        let issuer = Issuer::from_ca_cert_der(&ca, key)
            .map_err(|error| content(&ca_path, "an authority's certificate", error))?;
        let token = JoinToken::open(&data_dir.join("join-token"), &ca)?;
        Ok(Authority(Arc::new(Inner { issuer, ca, ca_pem, token })))
    }

    /// What a host needs to join.
    pub fn join_token(&self) -> &JoinToken {
        &self.0.token
    }

    /// The authority's certificate in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.0.ca_pem
    }

    /// A certificate in PEM for the key of a signing request: it names `host` and serves to be its client, whatever the
    /// request asks for.
    ///
    /// # Errors
    /// When the request can't be read or is not signed by its own key.
    pub fn certify_host(&self, csr_pem: &str, host: HostId) -> Result<String, rcgen::Error> {
        issue::host(&self.0.issuer, csr_pem, host)
    }

    /// TLS for the agents' listener: the server's certificate is made anew at each start, and a client may have none
    /// (then it may only enrol) or one that this authority signed.
    ///
    /// # Errors
    /// [`PkiError`] when a certificate can't be made or used.
    pub fn server_config(&self) -> Result<rustls::ServerConfig, PkiError> {
        let (certificate, key) = issue::server(&self.0.issuer)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.ca.clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate, self.0.ca.clone()], key)?;
        // Sessions are long: nothing is gained by resuming TLS, and every connection shows its certificate.
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

fn content(path: &Path, what: &str, error: impl std::fmt::Display) -> PkiError {
    let problem = format!("it does not hold {what}: {error}; restore it from a backup");
    PkiError::Content { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_authority_is_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Authority::open(dir.path()).expect("made");
        let again = Authority::open(dir.path()).expect("read");
        assert_eq!(first.join_token().to_string(), again.join_token().to_string());
        assert_eq!(first.ca_pem(), again.ca_pem());
        for file in ["pki/ca.key.pem", "pki/ca.crt.pem", "join-token"] {
            let mode = std::fs::metadata(dir.path().join(file)).expect(file).permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        again.server_config().expect("usable for TLS");
    }

    #[test]
    fn a_lost_key_or_a_foreign_token_is_said_with_what_to_do() {
        let dir = tempfile::tempdir().expect("a directory");
        Authority::open(dir.path()).expect("made");
        std::fs::remove_file(dir.path().join("pki/ca.key.pem")).expect("removed");
        let error = Authority::open(dir.path()).err().expect("refused").to_string();
        assert!(error.contains("ca.key.pem") && error.contains("restore"), "{error}");

        let other = tempfile::tempdir().expect("a directory");
        Authority::open(other.path()).expect("made");
        std::fs::remove_dir_all(other.path().join("pki")).expect("removed");
        let error = Authority::open(other.path()).err().expect("refused").to_string();
        assert!(error.contains("join-token") && error.contains("remove"), "{error}");
    }

    #[test]
    fn a_host_gets_a_certificate_for_itself_whatever_it_asks_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = Authority::open(dir.path()).expect("made");
        let host: HostId = "host-00000000000000007".parse().expect("an id");
        let key = KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec!["host-00000000000000008".to_owned()]).expect("parameters");
        params.distinguished_name.push(rcgen::DnType::CommonName, "host-00000000000000008");
        let csr = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        let pem = authority.certify_host(&csr, host).expect("certified");
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        assert_eq!(host_of(&der), Some(host));
        assert!(authority.certify_host("not a request", host).is_err());
    }

    #[test]
    fn a_directory_is_closed_to_others_only_if_it_is_ours() {
        let dir = tempfile::tempdir().expect("a directory");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let open = |path: &Path| {
            std::fs::create_dir_all(path).expect("made");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("opened");
        };
        let (empty, ours, shared) = (dir.path().join("empty"), dir.path().join("ours"), dir.path().join("shared"));
        open(&empty);
        make_private_directory(&empty).expect("closed");
        Authority::open(&ours).expect("made");
        open(&ours);
        make_private_directory(&ours).expect("closed");
        assert_eq!((mode(&empty), mode(&ours)), (0o700, 0o700));
        open(&shared);
        std::fs::write(shared.join("somebody-elses"), "").expect("written");
        let error = make_private_directory(&shared).expect_err("left alone").to_string();
        assert!(error.contains("shared") && error.contains("directory of its own"), "{error}");
        assert_eq!(mode(&shared), 0o755, "/tmp must not be closed to everybody by a slip");
    }
}
