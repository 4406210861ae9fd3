//! Small private files: written whole or not at all, and readable by their owner only.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::PkiError;

/// What a directory of ours has, one of these at least.
const OURS: [&str; 3] = ["pintle.db", "pki", "ca.key.pem"];

/// Makes a directory (and those above it) that only its owner may enter. One that exists is closed to others if it is
/// empty or ours already; any other is left as it is and refused, because somebody else may need it open.
///
/// # Errors
/// [`PkiError::File`] and [`PkiError::Content`], naming the directory.
pub fn make_private_directory(path: &Path) -> Result<(), PkiError> {
    let failed = |action| move |source| PkiError::File { path: path.to_owned(), action, source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("making the directory"))?;
    let mode = fs::metadata(path).map_err(failed("reading the directory"))?.permissions().mode();
    if mode & 0o077 != 0 {
        let empty = fs::read_dir(path).map_err(failed("reading the directory"))?.next().is_none();
        if !empty && !OURS.iter().any(|name| path.join(name).exists()) {
            let problem = format!(
                "others may enter it (mode {:04o}) and it holds files that are not Pintle's: choose a directory of its own, \
                 or close this one with chmod 700",
                mode & 0o7777
            );
            return Err(PkiError::Content { path: path.to_owned(), problem });
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed("closing the directory to others"))?;
    }
    Ok(())
}

/// The text of a file; if there is none, what `make` makes is put there first.
///
/// # Errors
/// [`PkiError::File`], naming the file, and whatever `make` returns.
pub fn read_or_make(path: &Path, make: impl FnOnce() -> Result<String, PkiError>) -> Result<String, PkiError> {
    match fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(PkiError::File { path: path.to_owned(), action: "reading the file", source }),
    }
    let text = make()?;
    write(path, &text).map_err(|source| PkiError::File {
        path: path.to_owned(),
        action: "writing the file",
        source,
    })?;
    Ok(text)
}

/// The content is on the disk under another name before it gets its own: a crash leaves either nothing or all of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The first error is the one to report; the partial file is harmless.
        let _ = fs::remove_file(&partial);
    }
    written?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
