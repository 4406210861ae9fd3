//! How the CLI finds the token of a server on this machine: a note in /run that lasts as long as the server.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FOLDER: &str = "/run/pintle";

/// The note of a running server; taken away when dropped.
pub(crate) struct Presence {
    note: PathBuf,
}

impl Presence {
    /// Notes where the token of the server at `api` is. A machine without /run only costs the convenience.
    pub(crate) fn announce(api: SocketAddr, token: &Path) -> Presence {
        let note = note(api.port());
        let token = fs::canonicalize(token).unwrap_or_else(|_| token.to_owned());
        let written = fs::DirBuilder::new().mode(0o700).recursive(true).create(FOLDER).and_then(|()| {
            let _ = fs::remove_file(&note);
            let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&note)?;
            std::io::Write::write_all(&mut file, token.as_os_str().as_encoded_bytes())
        });
        if let Err(error) = written {
            tracing::warn!(%error, note = %note.display(), "clients must be told the token's file with --token-file");
        }
        Presence { note }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.note);
    }
}

/// The token's file of the server that listens at a port of this machine, if one has left its note.
pub(crate) fn token_file_of(port: u16) -> Option<PathBuf> {
    let path = PathBuf::from(fs::read_to_string(note(port)).ok()?);
    path.exists().then_some(path)
}

fn note(port: u16) -> PathBuf {
    Path::new(FOLDER).join(format!("api-{port}"))
}
