//! Files of shares, as a client in a guest reads and writes them. The client is libnfs's, which needs nothing of the kernel.

use std::io::Write as _;

use crate::sh;

/// Where a mount target is found, as its API says it (`10.1.0.50:/share-…`), and a file of it as the client wants it.
fn url(mount_path: &str, file: &str) -> String {
    format!("nfs://{}/{file}?version=4", mount_path.replacen(':', "", 1))
}

/// Runs a client in a guest.
fn client(guest: &str, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let head = ["netns", "exec", guest, "timeout", "20", program];
    sh("ip", &[&head, arguments].concat())
}

/// Writes a file, whole.
///
/// # Errors
/// When the client fails, for instance because nobody serves there.
pub fn write(guest: &str, mount_path: &str, file: &str, content: &str) -> anyhow::Result<()> {
    let mut local = tempfile::NamedTempFile::new()?;
    local.write_all(content.as_bytes())?;
    client(guest, "nfs-cp", &[&local.path().display().to_string(), &url(mount_path, file)]).map(drop)
}

/// What a file holds.
///
/// # Errors
/// As [`write()`].
pub fn read(guest: &str, mount_path: &str, file: &str) -> anyhow::Result<String> {
    client(guest, "nfs-cat", &[&url(mount_path, file)])
}

/// The files that are there, as the client shows them.
///
/// # Errors
/// As [`write()`].
pub fn list(guest: &str, mount_path: &str) -> anyhow::Result<String> {
    client(guest, "nfs-ls", &[&url(mount_path, "")])
}
