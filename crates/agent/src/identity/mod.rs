//! Who this host is: its key, its certificate, and the authority it trusts.
//!
//! The key is made here and never leaves. The three files and the id are written to a new directory that then takes its
//! name in one step: there is an identity in full or there is none.

mod enrol;
mod tls;
mod token;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pintle_core::id::HostId;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

pub use token::{InvalidJoinToken, JoinToken};

pub(crate) use enrol::enrol;
pub(crate) use tls::{server_name, session as session_tls};

use crate::error::AgentError;

const DIRECTORY: &str = "identity";

/// A host's identity.
#[derive(Debug)]
pub struct Identity {
    /// The host's id, which its certificate names.
    pub host: HostId,
    pub(crate) key: PrivatePkcs8KeyDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) authority: CertificateDer<'static>,
}

/// The texts of an identity, as they are stored.
pub(crate) struct Texts<'a> {
    pub(crate) host: HostId,
    pub(crate) key_pem: &'a str,
    pub(crate) certificate_pem: &'a str,
    pub(crate) ca_pem: &'a str,
}

impl Identity {
    /// Reads the identity below `data_dir`; `None` if the host has not joined.
    ///
    /// # Errors
    /// [`AgentError::Identity`] for files that can't be used, [`AgentError::File`] for those that can't be read.
    pub fn load(data_dir: &Path) -> Result<Option<Identity>, AgentError> {
        let directory = data_dir.join(DIRECTORY);
        if !directory.try_exists().map_err(AgentError::file("look for", &directory))? {
            return Ok(None);
        }
        let bad = |reason: String| AgentError::Identity { path: directory.clone(), reason };
        let read = |name: &str| {
            let path = directory.join(name);
            fs::read_to_string(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => bad(format!("file '{name}' is missing")),
                _ => AgentError::file("read", &path)(error),
            })
        };
        let pem = |name: &str, text: String| {
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| bad(format!("file '{name}': {error}")))
        };
        let host = read("host")?.trim().parse().map_err(|error| bad(format!("file 'host': {error}")))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(read("key.pem")?.as_bytes());
        Ok(Some(Identity {
            host,
            key: key.map_err(|error| bad(format!("file 'key.pem': {error}")))?,
            certificate: pem("certificate.pem", read("certificate.pem")?)?,
            authority: pem("ca.pem", read("ca.pem")?)?,
        }))
    }

    /// Writes an identity below `data_dir`, all or nothing, and reads it back.
    pub(crate) fn store(data_dir: &Path, texts: &Texts<'_>) -> Result<Identity, AgentError> {
        let (directory, unfinished) = (data_dir.join(DIRECTORY), data_dir.join("identity.new"));
        private_directory(data_dir)?;
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(AgentError::file("remove", &unfinished)(error));
            }
            _ => drop(private_directory(&unfinished)?),
        }
        let host = texts.host.to_string();
        let files = [
            ("host", &*host),
            ("key.pem", texts.key_pem),
            ("certificate.pem", texts.certificate_pem),
            ("ca.pem", texts.ca_pem),
        ];
        for (name, text) in files {
            let path = unfinished.join(name);
            private_file(&path, text).map_err(AgentError::file("write", &path))?;
        }
        let finish = |path: &Path| File::open(path).and_then(|directory| directory.sync_all());
        finish(&unfinished)
            .and_then(|()| fs::rename(&unfinished, &directory))
            .and_then(|()| finish(data_dir))
            .map_err(AgentError::file("write", &directory))?;
        Self::load(data_dir)?
            .ok_or_else(|| AgentError::Identity { path: directory, reason: "it went while it was written".into() })
    }
}

/// Makes a directory that only its owner can enter, unless it is there.
pub(crate) fn private_directory(path: &Path) -> Result<PathBuf, AgentError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(AgentError::file("make directory", path))?;
    Ok(path.to_path_buf())
}

fn private_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
