//! The files of shares: a directory each, made for their first owner and removed as a whole.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;

use pintle_core::model::FileOwner;

/// Makes the directory of a share's files, if it is not there.
pub(super) fn keep(files: &Path, owner: FileOwner) -> Result<(), String> {
    let failed = |error: io::Error| format!("the share's directory '{}' can't be made: {error}", files.display());
    if let Some(parent) = files.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
    }
    if files.is_dir() {
        return Ok(());
    }
    // It has its owner before it has its name: who made it half is known by that.
    let making = files.with_extension("making");
    remove(&making).map_err(failed)?;
    DirBuilder::new().mode(0o755).create(&making).map_err(failed)?;
    chown(&making, Some(owner.uid), Some(owner.gid)).map_err(failed)?;
    fs::rename(&making, files).map_err(failed)
}

/// Removes a share's files.
pub(super) fn erase(files: &Path) -> Result<(), String> {
    remove(files).map_err(|error| format!("the share's files in '{}' can't be removed: {error}", files.display()))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn files_are_kept_and_removed_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("shares/fs-1");
        // Who is not root can only give what is its own.
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        keep(&files, FileOwner { uid, gid }).unwrap();
        assert_eq!((files.metadata().unwrap().uid(), files.metadata().unwrap().gid()), (uid, gid));
        fs::write(files.join("a"), "text").unwrap();
        keep(&files, FileOwner { uid, gid }).unwrap();
        assert_eq!(fs::read_to_string(files.join("a")).unwrap(), "text");
        erase(&files).unwrap();
        erase(&files).unwrap();
        assert!(!files.exists());
    }
}
