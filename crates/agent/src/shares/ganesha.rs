//! NFS by `ganesha.nfsd` (NFS-Ganesha), a server outside the kernel: the kernel's own has one set of exports for all
//! namespaces of a machine that share files, and is not on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pintle_core::model::export_path;

use super::server::{Job, ShareServer};

/// The program.
const PROGRAM: &str = "ganesha.nfsd";
/// Where programs are looked for beside those of `PATH`: services often have a short one.
const FOLDERS: [&str; 5] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin"];
/// Where its ways to read files are, below one of these or below one of their children.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
/// The one for files of a file system.
const FILES: &str = "ganesha/libfsalvfs.so";

/// Serves by NFS 4 over TCP, without encryption, to whom the interface's security groups let through.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ganesha;

impl ShareServer for Ganesha {
    fn prepare(&self, job: &Job) -> Result<Command, String> {
        let program = find_program().ok_or_else(|| missing(&format!("there is no '{PROGRAM}'")))?;
        if !has_files_library() {
            return Err(missing(&format!("'{PROGRAM}' has no '{FILES}'")));
        }
        let written = config(job).and_then(|text| fs::write(job.config(), text).map_err(|error| error.to_string()));
        written.map_err(|error| format!("the NFS server's configuration can't be written: {error}"))?;
        let mut command = Command::new(program);
        command.arg("-F").arg("-f").arg(job.config()).arg("-L").arg(job.log()).arg("-p").arg(job.pid_file());
        // It would register itself with the machine's bus, which knows one of it.
        command.env_clear().env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent");
        Ok(command)
    }

    fn port(&self) -> u16 {
        2049
    }
}

fn missing(what: &str) -> String {
    format!("no NFS server is installed on this host ({what}): install the packages nfs-ganesha and nfs-ganesha-vfs")
}

fn find_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

fn has_files_library() -> bool {
    let here = |folder: &Path| folder.join(FILES).exists();
    LIBRARIES.map(Path::new).into_iter().any(|folder| {
        let children = || fs::read_dir(folder).into_iter().flatten().flatten();
        here(folder) || children().any(|child| here(&child.path()))
    })
}

/// What it is told by: one export, and a moment after a restart in which clients take up what they had.
fn config(job: &Job) -> Result<String, String> {
    let text = |path: &Path| match path.to_str() {
        Some(text) if !text.contains(['"', '\n']) => Ok(format!("\"{text}\"")),
        _ => Err(format!("'{}' can't be written in it", path.display())),
    };
    let (files, memory, export) = (text(&job.files)?, text(&job.memory())?, export_path(job.share));
    Ok(format!(
        "NFS_CORE_PARAM {{ NFS_Port = 2049; Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}
NFS_KRB5 {{ Active_krb5 = false; }}
NFSV4 {{ Minor_Versions = 0, 1, 2; Lease_Lifetime = 20; Grace_Period = 20; Only_Numeric_Owners = true;
  RecoveryBackend = fs; RecoveryRoot = {memory}; }}
LOG {{ Default_Log_Level = WARN; }}
EXPORT {{ Export_Id = 1; Path = {files}; Pseudo = \"{export}\"; Access_Type = RW; Squash = no_root_squash; Protocols = 4;
  Transports = TCP; SecType = sys; FSAL {{ Name = VFS; }} }}
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pintle_core::id::{InstanceId, ShareId};

    fn job(files: &str) -> Job {
        let (instance, share) = (InstanceId::from_bits(1), ShareId::from_bits(2));
        Job { instance, share, files: files.into(), folder: "/var/lib/pintle/x".into() }
    }

    #[test]
    fn the_share_is_exported_under_its_id() {
        let text = config(&job("/var/lib/pintle/shares/two words")).unwrap();
        assert!(text.contains("Path = \"/var/lib/pintle/shares/two words\""), "{text}");
        assert!(text.contains("Pseudo = \"/fs-00000000000000002\""), "{text}");
        assert!(text.contains("RecoveryRoot = \"/var/lib/pintle/x/memory\""), "{text}");
    }

    #[test]
    fn a_path_that_would_end_its_text_is_refused() {
        assert!(config(&job("/a\"; Squash = x")).unwrap_err().contains("can't be written"));
    }
}
