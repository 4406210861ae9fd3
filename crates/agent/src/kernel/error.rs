//! What can go wrong between us and the kernel, in words a user can act on.

use std::io;

use nix::errno::Errno;

/// The result of a driver call.
pub type Result<T> = std::result::Result<T, KernelError>;

/// A driver call that failed. The text names the object, the value and the rule.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The path of a network namespace leads nowhere.
    #[error("network namespace '{path}' does not exist; create it first, or correct the path")]
    NamespaceMissing {
        /// The path as given.
        path: String,
    },
    /// A namespace (or the stale file of one) already has this name.
    #[error("network namespace '{path}' exists already; adopt it by opening it, or delete it first")]
    NamespaceExists {
        /// The path that is taken.
        path: String,
    },
    /// The path exists and is something else.
    #[error("'{path}' is not a network namespace; give a file of /run/netns or a /proc/<pid>/ns/net")]
    NotANamespace {
        /// The path as given.
        path: String,
    },
    /// The process whose namespace was asked for has ended.
    #[error("process {pid} has ended, so its network namespace cannot be opened")]
    ProcessGone {
        /// The process id as given.
        pid: u32,
    },
    /// The kernel said EPERM or EACCES.
    #[error("no privilege to {what}; run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN")]
    Privilege {
        /// The operation, as a verb phrase.
        what: String,
    },
    /// A value that the kernel would refuse or, worse, would take for something else.
    #[error("{field} '{value}' is refused: {rule}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// The value as given.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The kernel answered a netlink request with an error.
    #[error("cannot {what}: {}{}", .errno.desc(), .detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default())]
    Refused {
        /// The operation, as a verb phrase.
        what: String,
        /// The kernel's error number.
        errno: Errno,
        /// The kernel's own explanation (extended acknowledgement), where it gave one.
        detail: Option<String>,
    },
    /// The socket's buffer overflowed: whether the change took place must be read back.
    #[error("the answer to '{what}' was lost to a full socket buffer; read the state back before trying again")]
    AnswerLost {
        /// The operation, as a verb phrase.
        what: String,
    },
    /// A device was made and then was not there.
    #[error("cannot {what}: it was made but is there no more; another program has deleted or renamed it")]
    Vanished {
        /// The operation, as a verb phrase.
        what: String,
    },
    /// A dump was cut through by changes each time it was tried.
    #[error("cannot {what}: the kernel's list kept changing during {tries} readings; try again when it is quieter")]
    Unsteady {
        /// The operation, as a verb phrase.
        what: String,
        /// How many readings were thrown away.
        tries: u32,
    },
    /// A message from the kernel that does not have the documented form.
    #[error("cannot {what}: the kernel's answer is malformed, {reason}")]
    Malformed {
        /// The operation, as a verb phrase.
        what: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A system call failed.
    #[error("cannot {what}: {source}")]
    System {
        /// The operation, as a verb phrase.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

impl KernelError {
    /// Wraps a failed system call, telling missing privilege from everything else.
    pub(crate) fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let (what, source) = (what.into(), source.into());
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => KernelError::Privilege { what },
            _ => KernelError::System { what, source },
        }
    }

    /// Wraps the kernel's refusal of a netlink request.
    pub(crate) fn refused(what: &str, errno: Errno, detail: Option<String>) -> Self {
        match (errno, &detail) {
            // With an explanation, EPERM is a rule about the object rather than about the caller.
            (Errno::EPERM | Errno::EACCES, None) => KernelError::Privilege { what: what.to_owned() },
            _ => KernelError::Refused { what: what.to_owned(), errno, detail },
        }
    }

    /// The kernel's error number, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            KernelError::Refused { errno, .. } => Some(*errno),
            KernelError::System { source, .. } => source.raw_os_error().map(Errno::from_raw),
            _ => None,
        }
    }

    /// Whether the object of the operation is not there (any more).
    pub fn is_gone(&self) -> bool {
        matches!(self, KernelError::NamespaceMissing { .. } | KernelError::ProcessGone { .. })
            || matches!(self.errno(), Some(Errno::ENODEV | Errno::ENXIO | Errno::ESRCH | Errno::ENOENT))
    }

    /// Whether the operation met an object that is there already.
    pub fn is_taken(&self) -> bool {
        matches!(self, KernelError::NamespaceExists { .. }) || self.errno() == Some(Errno::EEXIST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_the_kernels_own_explanation() {
        let plain = KernelError::refused("set the MTU of device 7", Errno::EINVAL, None);
        assert_eq!(plain.to_string(), "cannot set the MTU of device 7: Invalid argument");
        let told = KernelError::refused("set the MTU", Errno::EINVAL, Some("mtu less than device minimum".into()));
        assert_eq!(told.to_string(), "cannot set the MTU: Invalid argument (mtu less than device minimum)");
    }

    #[test]
    fn missing_privilege_is_told_from_a_rule_about_the_object() {
        assert!(matches!(KernelError::refused("x", Errno::EPERM, None), KernelError::Privilege { .. }));
        assert!(matches!(KernelError::refused("x", Errno::EPERM, Some("rule".into())), KernelError::Refused { .. }));
        assert!(matches!(KernelError::system("x", Errno::EPERM), KernelError::Privilege { .. }));
    }
}
