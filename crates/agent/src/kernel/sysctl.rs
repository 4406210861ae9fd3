//! Kernel settings of one namespace, the files below `/proc/sys/net`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{KernelError, NetNs, Result};

/// Reads a setting of a namespace, without the newline. The key is its path, such as `ipv6/conf/eth1/disable_ipv6`.
///
/// # Errors
/// [`KernelError::Invalid`] for a key that leads elsewhere; [`KernelError::System`] with `ENOENT` if there is none.
pub fn get(namespace: &NetNs, key: &str) -> Result<String> {
    let path = path_of(key)?;
    namespace.run(|| read(&path))?.map_err(|e| KernelError::system(format!("read setting net/{key}"), e))
}

/// Writes settings of a namespace in order, each only if it has another value, and gives how many had.
///
/// # Errors
/// As [`get`]; the first error ends it.
pub fn set(namespace: &NetNs, settings: &[(&str, &str)]) -> Result<usize> {
    let paths = settings.iter().map(|(key, _)| path_of(key)).collect::<Result<Vec<_>>>()?;
    namespace.run(|| {
        let mut changed = 0;
        for (path, (key, value)) in paths.iter().zip(settings) {
            let failed = |e: io::Error| KernelError::system(format!("set net/{key} to '{value}'"), e);
            if read(path).map_err(failed)? != *value {
                // Not created: a file here that does not exist is a setting that the kernel does not have.
                let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                file.write_all(value.as_bytes()).map_err(failed)?;
                changed += 1;
            }
        }
        Ok(changed)
    })?
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map(|text| text.trim_end().to_owned())
}

/// The file of a key. The kernel shows there what the reading thread's namespace has.
fn path_of(key: &str) -> Result<PathBuf> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if key.split('/').all(plain) {
        return Ok(Path::new("/proc/sys/net").join(key));
    }
    let rule = "a key is a path below /proc/sys/net, such as 'ipv6/conf/eth1/disable_ipv6', without '.' and '..' parts";
    Err(KernelError::Invalid { field: "setting", value: key.escape_debug().to_string(), rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_lead_elsewhere() {
        for key in ["", "/etc/passwd", "../kernel/panic", "ipv4//x", "ipv4/./x", "ipv4/"] {
            assert!(matches!(path_of(key), Err(KernelError::Invalid { .. })), "{key:?} was taken");
        }
        assert_eq!(path_of("ipv4/ip_forward").unwrap(), Path::new("/proc/sys/net/ipv4/ip_forward"));
    }
}
