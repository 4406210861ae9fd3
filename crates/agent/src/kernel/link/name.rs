//! What the kernel takes as a device's name and alias, checked before it is asked.
//!
//! Its own refusal is a bare "invalid argument", and one thing it does not refuse at all: a `%` makes it choose another
//! name than the one given.

use crate::kernel::{KernelError, Result};

/// Longest name in bytes (`IFNAMSIZ` less the terminating zero).
pub const NAME_MAX: usize = 15;

/// Longest alias in bytes (`IFALIASZ` less one).
pub const ALIAS_MAX: usize = 255;

/// Whether a device can have this name.
pub(crate) fn check(name: &str) -> Result<()> {
    let rule =
        "a device name has 1 to 15 bytes, is not '.' or '..', and has no '/', ':', '%', blank or control character";
    let forbidden = |c: char| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > NAME_MAX || matches!(name, "." | "..") || name.contains(forbidden) {
        return Err(KernelError::Invalid { field: "device name", value: name.escape_debug().to_string(), rule });
    }
    Ok(())
}

/// Whether a device can have this alias. An empty one takes the alias away.
pub(super) fn check_alias(alias: &str) -> Result<()> {
    let rule = "an alias has at most 255 bytes, none of them zero";
    if alias.len() > ALIAS_MAX || alias.contains('\0') {
        return Err(KernelError::Invalid { field: "device alias", value: alias.escape_debug().to_string(), rule });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_kernel_would_change_or_refuse_are_refused() {
        for name in ["", ".", "..", "sixteen-bytes-xx", "a b", "a/b", "a:b", "veth%d", "a\tb", "a\u{a0}b", "a\0"] {
            assert!(matches!(check(name), Err(KernelError::Invalid { .. })), "{name:?} was taken");
        }
        for name in ["lo", "eth0.12", "fifteen-bytes-x", "å"] {
            check(name).unwrap();
        }
    }

    #[test]
    fn aliases_have_a_length() {
        check_alias(&"a".repeat(ALIAS_MAX)).unwrap();
        assert!(check_alias(&"a".repeat(ALIAS_MAX + 1)).is_err());
    }
}
