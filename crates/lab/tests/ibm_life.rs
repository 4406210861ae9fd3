//! The whole life of an interface by IBM's own SDK, unmodified, with nothing but an endpoint and who asks; each step is checked
//! by packets, between two hosts and from outside, and every answer is read by the SDK's own classes.

use std::net::IpAddr;

use anyhow::{Context, ensure};
use pintle_lab::cloud::{Cloud, converse, repository};
use pintle_lab::policy::wait_kept_out;
use pintle_lab::{ip, nfs};
use pintle_probe::{Namespace, VlanDevice};
use serde_json::Value;

const NFS: u16 = 2049;

/// What an interface's life on instances goes through, in this order.
const ON_INSTANCES: &[&str] = &[
    "apart",
    "answers 10.0.1.6",
    // Created apart and attached; made with its attachment, and gone with it.
    "answers 10.0.1.50",
    "answers 10.0.1.60",
    "silent 10.0.1.60",
    // Two more addresses, and a client for each.
    "answers 10.0.1.51",
    "answers 10.0.1.52",
    "passes 10.0.1.50",
    "blocked 10.0.1.50",
    "blocked 10.0.1.50",
    "blocked 10.0.1.51",
    "passes 10.0.1.51",
    "blocked 10.0.1.51",
    "blocked 10.0.1.52",
    "blocked 10.0.1.52",
    "passes 10.0.1.52",
    // A public address; a rule added and removed.
    "answers public address",
    "blocked 10.0.1.50",
    "passes 10.0.1.50",
    "translated to 10.0.1.50",
    "blocked 10.0.1.50",
    "cannot forge 10.0.1.99",
    "forges 10.0.1.99",
    "cannot forge 10.0.1.99",
    // Detached, and attached to an instance on another host.
    "silent 10.0.1.50",
    "silent public address",
    "answers 10.0.1.50",
    "answers 10.0.1.51",
    "answers public address",
    // That one deleted, and a new one made with the interface.
    "silent 10.0.1.50",
    "answers 10.0.1.50",
    "answers 10.0.1.51",
    "answers 10.0.1.52",
    "answers public address",
    // And once more, with auto_delete.
    "silent 10.0.1.50",
    "silent public address",
];

/// What the lives of a card's and a VLAN's interfaces on bare metal servers go through.
const ON_BARE_METAL: &[&str] = &[
    "apart",
    "answers 10.0.1.50",
    // A VLAN of the card, and that VLAN on another server.
    "has vlan",
    "answers 10.0.2.70",
    "answers 10.0.1.50",
    "silent 10.0.2.70",
    "has vlan",
    "answers 10.0.2.70",
    // Two public addresses, passed through.
    "has address",
    "answers public address",
    "has address",
    "answers public address",
    // The servers deleted; the interface of the one goes on, on an instance.
    "silent 10.0.1.50",
    "answers 10.0.1.50",
    "silent 10.0.2.70",
];

/// What the life of an interface as a share's mount target goes through.
const ON_A_SHARE: &[&str] = &[
    "apart",
    "cannot mount",
    // A rule added: written from the one host, read from the other; and the rule removed.
    "writes one",
    "reads one",
    "cannot mount",
    "reads one",
    // The mount target gone: its interface goes on, on an instance.
    "cannot mount",
    "answers 10.0.1.50",
    "silent 10.0.1.50",
    // And back: the files are there.
    "reads one",
    "writes two",
    // Another one, made with its interface, and gone with it.
    "cannot mount",
    "reads two",
    "cannot mount",
];

/// What the systems of servers do by themselves: bare metal ones with VLANs and addresses, all with shares.
#[derive(Default)]
struct Systems {
    vlans: Vec<(String, VlanDevice)>,
}

impl Systems {
    fn judge(&mut self, cloud: &Cloud, check: &Value) -> anyhow::Result<String> {
        let text = |name: &str| check[name].as_str().with_context(|| format!("the check has no '{name}': {check}"));
        let kind = text("check")?;
        match kind {
            "has vlan" => {
                let id = check["vlan"].as_u64().and_then(|id| u16::try_from(id).ok()).context("no VLAN")?;
                let (server, device) = (text("at")?.to_owned(), format!("eth0.{id}"));
                self.vlans.retain(|(other, _)| *other != server);
                let vlan = VlanDevice::start(&Namespace::named(&server), "eth0", &device, id)?;
                ip(&format!("-n {server} link set {device} up address {} mtu 1450", text("mac")?))?;
                ip(&format!("-n {server} addr add {}/24 dev {device}", text("address")?))?;
                self.vlans.push((server, vlan));
            }
            "has address" => {
                ip(&format!("-n {} addr add {}/32 dev {}", text("at")?, text("address")?, text("device")?))?;
            }
            "writes" => {
                nfs::write(text("from")?, text("path")?, text("file")?, text("text")?)?;
                return Ok(format!("{kind} {}", text("file")?));
            }
            "reads" => {
                let (read, expected) = (nfs::read(text("from")?, text("path")?, text("file")?)?, text("text")?);
                ensure!(read == expected, "'{read}' is read, not '{expected}'");
                return Ok(format!("{kind} {}", text("file")?));
            }
            "cannot mount" => {
                let (address, _) = text("path")?.split_once(':').context("a mount path has an address and a share")?;
                wait_kept_out(text("from")?, (address.parse::<IpAddr>()?, NFS).into())?;
            }
            _ => return cloud.packets().judge(check),
        }
        Ok(kind.to_owned())
    }
}

/// Lets a script live an interface's life; what it told.
fn live(name: &str, checks: &[&str]) -> Vec<String> {
    let cloud = Cloud::start().unwrap();
    let mut script = cloud.ibm_client().unwrap();
    script.args([repository().join("crates/lab/tests/ibm").join(name)]);
    let mut systems = Systems::default();
    let dialogue = converse(&mut script, |check| systems.judge(&cloud, check)).unwrap();
    assert_eq!(dialogue.checks, checks);
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
    dialogue.told
}

#[test]
fn a03_a04_a06_b05_c01_c02_c03_d09_f12_ibms_sdk_lives_an_interfaces_life_on_instances() {
    println!("{}", live("life.py", ON_INSTANCES).join("\n"));
}

#[test]
fn every_operation_of_the_area_is_called_by_ibms_sdk_and_its_answer_read_by_its_classes() {
    println!("{}", live("operations.py", &[]).join("\n"));
}

#[test]
fn a10_c04_c05_f08_ibms_sdk_lives_the_lives_of_interfaces_on_bare_metal_servers() {
    println!("{}", live("bare_metal.py", ON_BARE_METAL).join("\n"));
}

#[test]
fn a10_f01_f14_ibms_sdk_lives_an_interfaces_life_as_a_shares_mount_target() {
    println!("{}", live("share.py", ON_A_SHARE).join("\n"));
}
