//! Shares reached over NFS, from the API to packets.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pintle_lab::policy::{is_kept_out, reach, tcp_rule, wait_kept_out};
use pintle_lab::{Lab, LabOptions, Network, nfs, sh};
use serde_json::{Value, json};

const NFS: u16 = 2049;
/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}")).to_owned()
}

/// A lab whose hosts keep the share of a test, and the share's id.
fn share(lab: &Lab) -> String {
    let made = lab.api.post("/native/v1/shares", json!({ "name": "data", "host": "h1", "size_gb": 10 })).unwrap();
    let id = text(&made, "/id");
    lab.api.wait(PATIENCE, &format!("/v1/shares/{id}"), |share| share["lifecycle_state"] == "stable").unwrap();
    id
}

/// A mount target that serves; what the API shows of it.
fn mount(lab: &Lab, share: &str, vni: Value) -> Value {
    let body = json!({ "access_protocol": "nfs4", "transit_encryption": "none", "virtual_network_interface": vni });
    let made = lab.api.post(&format!("/v1/shares/{share}/mount_targets"), body).unwrap();
    serving(lab, share, &text(&made, "/id"))
}

fn serving(lab: &Lab, share: &str, target: &str) -> Value {
    let path = format!("/v1/shares/{share}/mount_targets/{target}");
    let found = lab.api.wait(PATIENCE, &path, |target| target["lifecycle_state"] == "stable");
    found.unwrap_or_else(|error| panic!("{error}: {}", lab.api.get(&format!("/native/v1/shares/{share}")).unwrap()))
}

fn gone(lab: &Lab, path: &str) {
    let until = Instant::now() + PATIENCE;
    while lab.api.raw("GET", path, None).unwrap().0 != 404 {
        assert!(Instant::now() < until, "{path} is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn write(guest: &str, target: &Value, file: &str, content: &str) {
    nfs::write(guest, &text(target, "/mount_path"), file, content).unwrap();
}

fn try_read(guest: &str, target: &Value, file: &str) -> anyhow::Result<String> {
    nfs::read(guest, &text(target, "/mount_path"), file)
}

fn read(guest: &str, target: &Value, file: &str) -> String {
    try_read(guest, target, file).unwrap()
}

/// Where a host keeps a share's files.
fn files(lab: &Lab, share: &str) -> PathBuf {
    lab.folder().join("h1/shares").join(share)
}

/// The processes that serve on the first host.
fn servers(lab: &Lab) -> Vec<(PathBuf, u32)> {
    let folders = fs::read_dir(lab.folder().join("h1/share-servers")).into_iter().flatten().flatten();
    let pid = |folder: PathBuf| {
        let pid = fs::read_to_string(folder.join("pid")).ok()?.trim().parse().ok()?;
        Some((folder, pid))
    };
    folders.filter_map(|folder| pid(folder.path())).collect()
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[test]
fn f01_f14_a10_a_share_is_read_and_written_at_its_interface_and_goes_with_its_files() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let share = share(&lab);
    let inline = mount(&lab, &share, json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.0.50" } }));
    assert_eq!(text(&inline, "/mount_path"), format!("10.1.0.50:/{share}"));
    for (host, address) in [("h1", "10.1.0.10"), ("h2", "10.1.0.20")] {
        let (guest, _) = network.guest(host, &subnet, address).unwrap();
        write(&guest, &inline, host, &format!("from {host}"));
        assert_eq!(read(&guest, &inline, host), format!("from {host}"));
        assert!(nfs::list(&guest, &text(&inline, "/mount_path")).unwrap().contains(host));
    }
    assert_eq!(fs::read_to_string(files(&lab, &share).join("h1")).unwrap(), "from h1");

    // Another VPC has a mount target of its own, on an interface that was there before.
    let other = Network::new(&lab.api).unwrap();
    let there = other.subnet("10.2.0.0/24").unwrap();
    let vni = other.vni(&there, "10.2.0.50").unwrap();
    let (stranger, _) = other.guest("h2", &there, "10.2.0.10").unwrap();
    let second = mount(&lab, &share, json!({ "id": vni }));
    assert_eq!(read(&stranger, &second, "h2"), "from h2");
    assert_eq!(servers(&lab).len(), 2);

    // The interface that was there stays, the one that was made goes, and the files stay.
    for target in [&inline, &second] {
        lab.api.delete(&format!("/v1/shares/{share}/mount_targets/{}", text(target, "/id"))).unwrap();
    }
    let serving = servers(&lab);
    for target in [&inline, &second] {
        gone(&lab, &format!("/v1/shares/{share}/mount_targets/{}", text(target, "/id")));
    }
    gone(&lab, &format!("/v1/virtual_network_interfaces/{}", text(&inline, "/virtual_network_interface/id")));
    assert!(serving.iter().all(|(folder, pid)| !lives(*pid) && !folder.exists()), "{serving:?}");
    assert!(files(&lab, &share).join("h1").exists());

    // It goes on as an instance's, with its address; and the share can be mounted there again.
    let instance = other.instance("h1").unwrap();
    other.attach(&vni, &instance).unwrap();
    let found = lab.api.get(&format!("/v1/virtual_network_interfaces/{vni}")).unwrap();
    assert_eq!(text(&found, "/primary_ip/address"), "10.2.0.50");
    assert_eq!(text(&found, "/target/resource_type"), "instance_network_attachment");
    let again = mount(&lab, &share, json!({ "subnet": { "id": there } }));
    assert_eq!(read(&stranger, &again, "h1"), "from h1");
    let path = format!("/v1/shares/{share}/mount_targets/{}", text(&again, "/id"));
    lab.api.delete(&path).unwrap();
    gone(&lab, &path);
    lab.api.delete(&format!("/v1/shares/{share}")).unwrap();
    gone(&lab, &format!("/v1/shares/{share}"));
    assert!(!files(&lab, &share).exists());
}

#[test]
fn f14_the_interfaces_groups_decide_who_reaches_a_share() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.subnet("10.1.0.0/24").unwrap();
    let all_out = json!({ "direction": "outbound", "protocol": "any" });
    let group = network.group(json!([all_out])).unwrap();
    let share = share(&lab);
    let target = mount(&lab, &share, json!({ "subnet": { "id": subnet }, "security_groups": [{ "id": group }] }));
    let address = (text(&target, "/primary_ip/address").parse::<std::net::IpAddr>().unwrap(), NFS).into();
    let (guest, _) = network.guest("h2", &subnet, "10.1.0.10").unwrap();
    assert!(is_kept_out(&guest, address).unwrap(), "the group permits nothing");
    let rule = network.add_rule(&group, tcp_rule("inbound", NFS)).unwrap();
    reach(&guest, address).unwrap();
    write(&guest, &target, "file", "text");
    assert_eq!(read(&guest, &target, "file"), "text");
    network.remove_rule(&group, &rule).unwrap();
    wait_kept_out(&guest, address).unwrap();
    try_read(&guest, &target, "file").unwrap_err();
}

#[test]
fn f14_a_server_that_dies_is_started_again_and_outlives_its_agent() {
    let mut lab = Lab::with(&LabOptions { hosts: 1, ..LabOptions::default() }).unwrap();
    let (target, guest) = {
        let network = Network::new(&lab.api).unwrap();
        let subnet = network.subnet("10.1.0.0/24").unwrap();
        let share = share(&lab);
        let target = mount(&lab, &share, json!({ "subnet": { "id": subnet } }));
        let (guest, _) = network.guest("h1", &subnet, "10.1.0.10").unwrap();
        (target, guest)
    };
    write(&guest, &target, "file", "text");
    let before = servers(&lab);
    let (_, pid) = before[0];
    sh("kill", &["-9", &pid.to_string()]).unwrap();
    let until = Instant::now() + PATIENCE;
    while try_read(&guest, &target, "file").is_err() {
        assert!(Instant::now() < until, "{:?}", servers(&lab));
        std::thread::sleep(Duration::from_millis(100));
    }
    let after = servers(&lab);
    assert!(after[0].1 != pid && lives(after[0].1), "{after:?}");

    lab.hosts[0].kill_agent();
    assert_eq!(read(&guest, &target, "file"), "text");
    lab.hosts[0].start_agent().unwrap();
    lab.wait_for_agents().unwrap();
    assert_eq!(servers(&lab), after, "the one that runs is taken over");
    let share = text(&target, "/mount_path").split_once(":/").unwrap().1.to_owned();
    let path = format!("/v1/shares/{share}/mount_targets/{}", text(&target, "/id"));
    lab.api.delete(&path).unwrap();
    gone(&lab, &path);
    assert!(!lives(after[0].1));
}
