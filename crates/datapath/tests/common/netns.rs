//! Throw-away network namespaces, each used by the threads that entered it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{sh, unique};

/// Runs `body` on a thread of its own, because entering a namespace is for the thread's whole life.
pub fn on_own_thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    match thread::spawn(body).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A named namespace; removed at the end of the test with every device in it.
pub struct Netns {
    pub name: String,
}

impl Netns {
    pub fn new() -> Netns {
        let name = unique();
        sh(&format!("ip netns add {name} && ip -n {name} link set lo up"));
        Netns { name }
    }

    /// Moves the calling thread into it.
    pub fn enter(&self) {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("the namespace exists");
        setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter it");
    }

    pub fn enter_new() -> Netns {
        let netns = Netns::new();
        netns.enter();
        netns
    }

    /// Runs a command in it.
    pub fn sh(&self, line: &str) -> String {
        sh(&format!("ip netns exec {} sh -c '{line}'", self.name))
    }

    /// Runs `body` in it, on a thread of its own.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter();
                body()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        sh(&format!("ip netns del {}", self.name));
    }
}

/// Adds a veth pair `name` and `name`g to the current namespace, up, and returns the index of the first.
pub fn add_veth(name: &str) -> u32 {
    sh(&format!("ip link add {name} type veth peer name {name}g && ip link set {name} up && ip link set {name}g up"));
    ifindex(name)
}

/// Sends a raw frame out of a device of the current namespace. A drop at the device's egress comes back as ENOBUFS.
pub fn inject(device: &str, frame: &[u8]) -> io::Result<()> {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).expect("root may open it");
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: 0,
        sll_ifindex: ifindex(device) as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    // SAFETY: the address and the frame are valid for the lengths given.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            frame.as_ptr().cast(),
            frame.len(),
            0,
            std::ptr::from_ref(&address).cast(),
            size_of_val(&address) as u32,
        )
    };
    if sent == frame.len() as isize { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The index of a device of the current namespace.
pub fn ifindex(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).expect("the device exists")
}
