//! The few system calls that neither std, socket2 nor nix wraps as needed here.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::time::Duration;

use crate::clock::{Moment, timespec};

/// Sets a socket option whose value is a plain C value.
pub(crate) fn set_option<T: Copy>(socket: &impl AsFd, level: i32, name: i32, value: T) -> io::Result<()> {
    set_option_slice(socket, level, name, &[value])
}

/// Sets a socket option whose value is an array of plain C values.
pub(crate) fn set_option_slice<T: Copy>(socket: &impl AsFd, level: i32, name: i32, values: &[T]) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer and the length describe `values`, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(fd, level, name, values.as_ptr().cast(), mem::size_of_val(values) as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Plain C values of which every bit pattern is one.
///
/// # Safety
/// Zeroes, and any bytes the kernel writes, must be a valid value of the type.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: integers.
unsafe impl Plain for i32 {}
// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::tcp_info {}

/// Reads a socket option. The kernel may fill less than the whole value; the rest is zero.
pub(crate) fn get_option<T: Plain>(socket: &impl AsFd, level: i32, name: i32) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = mem::size_of::<T>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `value` has room for `len` bytes.
    let result = unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut len) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed before the call, and `T: Plain` allows whatever the kernel wrote.
    Ok(unsafe { value.assume_init() })
}

/// Dissolves a socket's association with its peer (connect(2), `AF_UNSPEC`), whoever else holds the socket.
pub(crate) fn disconnect(socket: &impl AsFd) -> io::Result<()> {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the address lives through the call, and the length is its own.
    let result = unsafe { libc::connect(fd, &nobody, mem::size_of_val(&nobody) as libc::socklen_t) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until the socket can be read (or has an error to tell), at most until `until`; `false` if the time was up.
pub(crate) fn wait_readable(socket: &impl AsFd, until: Moment) -> io::Result<bool> {
    wait(socket, libc::POLLIN, until)
}

/// Waits until the socket takes more bytes (or has an error to tell), at most until `until`; `false` if the time was up.
pub(crate) fn wait_writable(socket: &impl AsFd, until: Moment) -> io::Result<bool> {
    wait(socket, libc::POLLOUT, until)
}

fn wait(socket: &impl AsFd, events: libc::c_short, until: Moment) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events, revents: 0 };
    loop {
        let timeout = timespec(until.remaining());
        // SAFETY: one pollfd, a timeout that lives through the call, and no signal mask.
        match unsafe { libc::ppoll(&mut poll, 1, &timeout, ptr::null()) } {
            0 => return Ok(false),
            1.. => return Ok(true),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Makes the calling thread run soon after it becomes ready, as far as privileges go: real-time scheduling, else a higher
/// nice value's worth of time, and in any case timers that are not rounded.
///
/// For threads that sleep nearly always. Failing is fine: lateness is measured and kept apart from the network's.
pub fn be_prompt() {
    // SAFETY: calls without pointers, but for `parameter`, which lives through its call; they change this thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, Duration::from_micros(1).as_nanos() as libc::c_ulong, 0, 0, 0);
        let parameter = libc::sched_param { sched_priority: 5 };
        if libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &parameter) != 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, -10);
        }
    }
}
