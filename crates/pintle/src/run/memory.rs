//! The process holds what it uses.
//!
//! Huge pages would make it twice as large: each is held whole for a few small things in it, as long as one of them lives. What is
//! freed goes back to the system at once. The allocator would wait a second, and look only when it is called for more: an idle
//! process would go on holding the most that it has ever needed, which for a server is its start.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// mimalloc's `mi_option_purge_delay`, in milliseconds: the binding has no name for it.
const PURGE_DELAY: mi_option_t = 15;

/// To be called before anything else: memory that has been touched stays in huge pages. The allocator asks for none by itself
/// (its feature `no_thp`); this is for systems that give them to everyone.
pub(crate) fn without_huge_pages() {
    // A kernel without them has nothing to turn off.
    let _ = nix::sys::prctl::set_thp_disable(true);
}

pub(super) fn give_back_at_once() {
    // SAFETY: an option that there is, which may be set at any time.
    unsafe { mi_option_set(PURGE_DELAY, 0) };
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: an option that there is.
        let get = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(get(), 1000, "no other option has this default");
        give_back_at_once();
        assert_eq!(get(), 0);
    }
}
