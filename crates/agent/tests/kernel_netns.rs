//! Namespaces are made, adopted, entered and deleted as `ip netns` does it, and every refusal says why.

mod kernel_support;

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use kernel_support::{Scratch, ip, pair, unique};
use nix::sys::stat::Mode;
use pintle_agent::kernel::netns::run_in;
use pintle_agent::kernel::{KernelError, NetNs, Netlink, link, process, sysctl};

#[test]
fn a_created_namespace_is_seen_by_ip_and_has_loopback_up() {
    let scratch = Scratch::new("ns");
    assert!(ip("netns list").lines().any(|line| line.split(' ').next() == Some(&scratch.name)));
    let loopback = link::get(&mut scratch.netlink(), 1).unwrap().unwrap();
    assert!(loopback.up && loopback.loopback && loopback.name == "lo", "{loopback:?}");
    assert!(scratch.ip("-br addr show lo").contains("127.0.0.1/8"));

    let by_name = NetNs::open_named(&scratch.name).unwrap();
    let by_path = NetNs::open_path(format!("/run/netns/{}", scratch.name)).unwrap();
    assert!(scratch.namespace.is_same_as(&by_name) && by_name.is_same_as(&by_path.try_clone().unwrap()));
    assert!(!by_name.is_same_as(&NetNs::current().unwrap()));
    assert!(matches!(NetNs::create(&scratch.name), Err(KernelError::NamespaceExists { .. })));
    assert_eq!(NetNs::list(&scratch.name).unwrap(), [scratch.name.as_str()]);
}

#[test]
fn deleting_twice_is_no_error_and_the_handle_keeps_the_namespace() {
    let scratch = Scratch::new("del");
    assert!(NetNs::delete(&scratch.name).unwrap());
    assert!(!NetNs::delete(&scratch.name).unwrap());
    assert!(NetNs::list(&scratch.name).unwrap().is_empty());
    assert!(matches!(NetNs::open_named(&scratch.name), Err(KernelError::NamespaceMissing { .. })));
    assert_eq!(link::list(&mut scratch.netlink()).unwrap().len(), 1, "the handle still works");
}

#[test]
fn a_namespace_of_ip_netns_is_adopted_and_deleted() {
    let name = unique("adopt");
    ip(&format!("netns add {name}"));
    let adopted = NetNs::open_named(&name).unwrap();
    assert_eq!(link::list(&mut Netlink::open(&adopted).unwrap()).unwrap().len(), 1);
    assert!(NetNs::delete(&name).unwrap());
    assert!(!fs::exists(format!("/run/netns/{name}")).unwrap());
}

#[test]
fn a_stale_file_blocks_the_name_until_it_is_deleted() {
    let name = unique("stale");
    File::create_new(format!("/run/netns/{name}"))
        .or_else(|_| {
            // The directory is made with the first namespace.
            drop(Scratch::new("first"));
            File::create_new(format!("/run/netns/{name}"))
        })
        .unwrap();
    assert!(matches!(NetNs::create(&name), Err(KernelError::NamespaceExists { .. })));
    assert!(matches!(NetNs::open_named(&name), Err(KernelError::NotANamespace { .. })));
    assert_eq!(NetNs::list(&name).unwrap(), [name.as_str()]);
    assert!(NetNs::delete(&name).unwrap());
}

#[test]
fn running_inside_leaves_the_caller_where_it_was_even_after_a_panic() {
    let scratch = Scratch::new("run");
    let before = NetNs::current().unwrap();
    let inside = run_in(&scratch.namespace, || NetNs::current().unwrap()).unwrap();
    assert!(inside.is_same_as(&scratch.namespace));
    let panicked = catch_unwind(AssertUnwindSafe(|| scratch.namespace.run(|| panic!("inside"))));
    assert_eq!(*panicked.unwrap_err().downcast_ref::<&str>().unwrap(), "inside");
    assert!(NetNs::current().unwrap().is_same_as(&before));
}

#[test]
fn what_is_no_namespace_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    File::create(&file).unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRUSR).unwrap();
    for path in [&file, &fifo, directory.path(), "/proc/self/ns/mnt".as_ref(), "/dev/null".as_ref()] {
        let error = NetNs::open_path(path).unwrap_err();
        assert!(matches!(error, KernelError::NotANamespace { .. }), "{}: {error}", path.display());
    }
    let missing = NetNs::open_path(directory.path().join("missing")).unwrap_err();
    assert!(missing.is_gone() && missing.to_string().contains("does not exist"), "{missing}");
    assert!(matches!(NetNs::create("../evil"), Err(KernelError::Invalid { .. })));
}

#[test]
fn without_privilege_the_error_says_what_is_needed() {
    let scratch = Scratch::new("priv");
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: the bare system call changes this thread alone, which ends with the test, and takes no pointers.
            let answer = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
            assert_eq!(answer, 0);
            let error = scratch.namespace.run(|| ()).unwrap_err();
            assert!(matches!(error, KernelError::Privilege { .. }), "{error}");
            assert!(error.to_string().contains("CAP_SYS_ADMIN"), "{error}");
        });
    });
}

#[test]
fn a_process_is_followed_from_life_to_its_end() {
    let scratch = Scratch::new("pid");
    let mut child =
        scratch.namespace.run(|| Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap()).unwrap();
    let pid = child.id();
    let alive = process::inspect(pid).unwrap().unwrap();
    assert!(alive.namespace.is_same_as(&scratch.namespace) && process::is_alive(pid).unwrap());

    child.kill().unwrap();
    // Dead but not waited for: a zombie, which has no namespace any more.
    for _ in 0..500 {
        if !process::is_alive(pid).unwrap() {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    assert!(process::inspect(pid).unwrap().is_none(), "a zombie has ended");
    assert!(matches!(NetNs::open_pid(pid), Err(KernelError::ProcessGone { .. })));
    child.wait().unwrap();
    assert!(process::inspect(pid).unwrap().is_none());
}

#[test]
fn a_setting_is_of_one_namespace_and_written_only_if_it_differs() {
    let (one, other) = (Scratch::new("sysctl"), Scratch::new("sysctl"));
    let set = || sysctl::set(&one.namespace, &[("ipv4/ip_forward", "1"), ("ipv6/conf/lo/disable_ipv6", "1")]).unwrap();
    assert_eq!((set(), set()), (2, 0));
    assert_eq!(sysctl::get(&one.namespace, "ipv4/ip_forward").unwrap(), "1");
    assert_eq!(sysctl::get(&other.namespace, "ipv4/ip_forward").unwrap(), "0");
    assert!(sysctl::get(&one.namespace, "ipv4/no_such_setting").unwrap_err().is_gone());
    assert!(sysctl::set(&one.namespace, &[("ipv4/no_such_setting", "1")]).unwrap_err().is_gone());
}

#[test]
fn eight_threads_make_and_delete_namespaces_and_pairs_at_once() {
    let host = Scratch::new("host");
    thread::scope(|scope| {
        for worker in 0..8 {
            let host = &host;
            scope.spawn(move || {
                let mut netlink = host.netlink();
                for round in 0..6 {
                    let guest = Scratch::new("many");
                    let name = format!("h{worker}-{round}");
                    let made = link::create_veth(&mut netlink, &pair(&name, "eth1", &guest.namespace)).unwrap();
                    let end = link::get(&mut guest.netlink(), made.guest).unwrap().unwrap();
                    assert_eq!((end.name.as_str(), end.peer), ("eth1", Some(made.host)));
                    assert!(netlink.change(&link::delete(made.host).unwrap()).unwrap());
                }
            });
        }
    });
    assert!(host.devices().is_empty());
}
