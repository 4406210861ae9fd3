//! A guest whose namespace can't be read for a moment keeps its port. Alone in its binary: it breaks sockets of the process.

mod agent_support;

use std::fs;
use std::os::fd::{AsRawFd, RawFd};

use agent_support::{GATEWAY, Guest, Host, desired};
use pintle_agent::kernel::{NetNs, Netlink, link};
use pintle_agent::reconcile::port_device;

/// This process's sockets that are of a namespace.
fn sockets_in(namespace: &NetNs) -> Vec<RawFd> {
    /// `SIOCGSKNS` of `linux/sockios.h`: the namespace of a socket.
    const NAMESPACE_OF_SOCKET: libc::c_ulong = 0x894c;
    let descriptors: Vec<_> = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap()).collect();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().parse::<RawFd>().unwrap();
    let is_socket =
        |entry: &&fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
    let numbers: Vec<RawFd> = descriptors.iter().filter(is_socket).map(number).collect();
    let of_namespace = |number: &RawFd| {
        // SAFETY: the request takes no argument and writes to no memory of ours.
        let found = unsafe { libc::ioctl(*number, NAMESPACE_OF_SOCKET as _) };
        if found < 0 {
            return false;
        }
        let same = NetNs::open_path(format!("/proc/self/fd/{found}")).unwrap().is_same_as(namespace);
        // SAFETY: the descriptor was made by the request above and is nobody else's.
        unsafe { libc::close(found) };
        same
    };
    numbers.into_iter().filter(of_namespace).collect()
}

#[test]
fn r02_a_guest_that_cant_be_read_for_a_moment_keeps_its_port() {
    let host = Host::new(1);
    let guest = Guest::new(90);
    host.run(|| {
        let mut reconciler = host.reconciler();
        reconciler.replace(desired(1, &[&guest])).unwrap();
        assert!(guest.ping(GATEWAY));
        let index = || {
            let mut netlink = Netlink::open(&host.scratch.namespace).unwrap();
            link::get_named(&mut netlink, &port_device(guest.attachment)).unwrap().map(|link| link.index)
        };
        let (before, sockets) = (index(), sockets_in(&guest.netns()));
        assert!(!sockets.is_empty(), "a socket is kept in the guest");
        let nothing = fs::File::open("/dev/null").unwrap();
        for socket in sockets {
            // SAFETY: both are open; the reconciler finds a file where its socket was, and nothing else has its number.
            assert!(unsafe { libc::dup2(nothing.as_raw_fd(), socket) } >= 0);
        }
        reconciler.sweep().unwrap();
        let failures = reconciler.failures();
        assert!(failures.iter().any(|failure| failure.key == guest.port_key()), "{failures:?}");
        assert_eq!(index(), before, "what can't be read is left as it is");
        assert!(guest.ping(GATEWAY));

        reconciler.sweep().unwrap();
        assert_eq!((reconciler.failures(), index()), (vec![], before), "the next look has a socket of its own");
    });
}
