//! How the CLI finds the token of a server on this machine: a note in /run that lasts as long as the server.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where what lasts as long as a running Pintle is; removed with the last of it.
pub(crate) const FOLDER: &str = "/run/pintle";

/// What the name of every note begins with.
const NOTE: &str = "api-";

/// The note of a running server; taken away when dropped.
pub(crate) struct Presence {
    note: PathBuf,
    token: PathBuf,
}

impl Presence {
    /// Notes where the token of the server at `api` is. A machine without /run only costs the convenience.
    pub(crate) fn announce(api: SocketAddr, token: &Path) -> Presence {
        let token = fs::canonicalize(token).unwrap_or_else(|_| token.to_owned());
        let presence = Presence { note: note(api.port()), token };
        if let Err(error) = presence.write() {
            let note = presence.note.display();
            tracing::warn!(%error, %note, "clients must be told the token's file with --token-file");
        }
        presence
    }

    fn write(&self) -> std::io::Result<()> {
        make_folder()?;
        remove_stale();
        let _ = fs::remove_file(&self.note);
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&self.note)?;
        file.write_all(self.token.as_os_str().as_encoded_bytes())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A server that came to the same port later has left its own.
        if fs::read(&self.note).is_ok_and(|noted| noted == self.token.as_os_str().as_encoded_bytes()) {
            let _ = fs::remove_file(&self.note);
        }
        remove_folder();
    }
}

/// Makes the folder, for root only.
pub(crate) fn make_folder() -> std::io::Result<()> {
    fs::DirBuilder::new().mode(0o700).recursive(true).create(FOLDER)
}

/// Removes the folder if nothing is in it any more.
pub(crate) fn remove_folder() {
    let _ = fs::remove_dir(FOLDER);
}

/// Removes the notes of servers that were killed and whose data is gone too.
fn remove_stale() {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let is_note = entry.file_name().as_encoded_bytes().starts_with(NOTE.as_bytes());
        if is_note
            && fs::read_to_string(entry.path()).is_ok_and(|token| !token.is_empty() && !Path::new(&token).exists())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The token's file of the server that listens at a port of this machine, if one has left its note.
pub(crate) fn token_file_of(port: u16) -> Option<PathBuf> {
    let path = PathBuf::from(fs::read_to_string(note(port)).ok()?);
    path.exists().then_some(path)
}

/// A port is of a network namespace: servers in two of them may have the same.
fn note(port: u16) -> PathBuf {
    let network = fs::metadata("/proc/self/ns/net").map_or(0, |namespace| namespace.ino());
    Path::new(FOLDER).join(format!("{NOTE}{network}-{port}"))
}
