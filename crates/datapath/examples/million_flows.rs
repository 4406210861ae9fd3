//! Prints what a million flows cost: `cargo run --release --example million_flows`.
//!
//! Fills the flow table with UDP flows, one packet each, then goes on with established ones: how much memory the kernel
//! says the table has, whether any flow was lost, what a packet costs with the table full, and how long a sweep takes.
//! Needs root; uses a namespace and a pin root of its own.

mod support;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use nix::sched::{CloneFlags, unshare};
use pintle_core::id::{RuleId, SecurityGroupId};
use pintle_core::policy::{Direction, ProtocolMatch, Remote, Rule};
use pintle_datapath::{
    Datapath, Iface, IfaceFlags, PolicyTables, ProgramName, Settings, Verdict, Wanted, cell_of_slot, remove_all,
};
use support::{Failure, Guest, OPEN, add_veth, expect, fill, iface, print_figure, udp};

const FLOWS: u32 = 1_000_000;
const PORTS: u32 = 50_000;
const GROUP: SecurityGroupId = SecurityGroupId::from_bits(1);

fn main() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let root = PathBuf::from(format!("/sys/fs/bpf/plt-{}-flows", std::process::id()));
    let result = measure(&root);
    remove_all(&root)?;
    result
}

fn measure(root: &std::path::Path) -> Result<(), Failure> {
    let settings = Settings { max_flows: FLOWS, ..Settings::default() };
    let datapath = Datapath::open(root, &settings)?;
    let (from, to) = (Guest { slot: 1, ifindex: add_veth("port1")? }, Guest { slot: 2, ifindex: add_veth("port2")? });
    fill(&datapath, [from, to])?;
    let rules = [Direction::Ingress, Direction::Egress].map(|direction| Rule {
        id: RuleId::from_bits(direction as u64 + 1),
        direction,
        protocol: ProtocolMatch::Any,
        remote: Remote::Any,
        local: None,
    });
    let wanted = Wanted {
        policies: [vec![GROUP]].into(),
        groups: [(GROUP, Arc::from(rules.to_vec()))].into(),
        ..Wanted::default()
    };
    let mut tables = PolicyTables::open(&datapath)?;
    tables.apply(&datapath, &wanted)?;
    let policy = tables.policy(&[GROUP]).ok_or("the policy was applied")?;
    for guest in [from, to] {
        // Without the source check, one guest can stand for many.
        let open = Iface { flags: IfaceFlags::STATE_FILTERING, quota: FLOWS, ..iface(guest, policy) };
        datapath.ifaces().put(&guest.slot.into(), &open)?;
        datapath.epochs().raise(cell_of_slot(guest.slot.into()));
    }
    let frame = |n: u32| {
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 200, 0, 1)) + n / PORTS);
        udp(source.into(), to.v4().into(), from, to, (n % PORTS + 1024) as u16, OPEN)
    };
    let ours = datapath.runner(ProgramName::FromPort);
    let begin = Instant::now();
    for n in 0..FLOWS {
        expect(from.run(ours, &frame(n)?, 1)?.0, Verdict::Redirect, "a new flow")?;
    }
    println!("{FLOWS} flows made in {:?}; in the table: {}", begin.elapsed(), datapath.flows().count()?);
    println!("the kernel's memory of the table: {} MiB", memory_of_flows()? >> 20);
    expect(from.run(ours, &frame(FLOWS)?, 1)?.0, Verdict::Drop, "one flow too many")?;
    let (mut lost, mut each) = (0, Vec::new());
    for n in (0..FLOWS).step_by(100) {
        let (verdict, ns) = from.run(ours, &frame(n)?, 100)?;
        lost += u32::from(verdict != Verdict::Redirect);
        each.push(ns);
    }
    println!("established flows that were lost, of {} asked: {lost}", each.len());
    print_figure("established UDP, table full", &mut each);
    let begin = Instant::now();
    let swept = datapath.sweep()?;
    println!("a sweep of the table: {:?}, {swept:?}", begin.elapsed());
    Ok(())
}

/// What the kernel accounts to the map, from the descriptor that this process holds of it.
fn memory_of_flows() -> Result<u64, Failure> {
    let mut largest = 0;
    for entry in std::fs::read_dir("/proc/self/fdinfo")? {
        let text = std::fs::read_to_string(entry?.path()).unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim_start_matches(':').trim().parse::<u64>().ok())
        };
        if field("max_entries") == Some(FLOWS.into()) && field("map_type") == Some(1) {
            largest = largest.max(field("memlock").unwrap_or(0));
        }
    }
    Ok(largest)
}
