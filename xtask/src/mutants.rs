//! `cargo xtask mutants`: hand-made faults in the C programs, each of which a test must catch. A test that no fault can
//! fail shows nothing; this shows that they can.
//!
//! Each fault is patched into a copy of the tree under `target/mutants`, so that neither the sources nor the usual build
//! output are touched. Needs root, as the tests do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// One fault.
struct Mutant {
    /// The header that it is in.
    file: &'static str,
    /// What is replaced; it occurs there once.
    from: &'static str,
    /// What it becomes.
    to: &'static str,
    /// The test program for the matter, which is run beside the differential test.
    test: &'static str,
}

const MUTANTS: [Mutant; 10] = [
    Mutant {
        file: "antispoof.h",
        from: "return is_at(endpoint, ifindex) || addr_equal(addr, &port->primary);",
        to: "return 1;",
        test: "from_port",
    },
    Mutant {
        file: "receive.h",
        from: "!location->vtep || (location->vtep != remote && location->alt_vtep != remote)",
        to: "!location->vtep",
        test: "overlay",
    },
    Mutant {
        file: "acl.h",
        from: "struct acl_walk walk = { .denied = 1 };",
        to: "struct acl_walk walk = { .denied = 0 };",
        test: "policy",
    },
    Mutant {
        file: "judge.h",
        from: "old_slot != slot || flow->judged != judgement(flow->slot)",
        to: "old_slot != slot",
        test: "policy",
    },
    Mutant {
        file: "forward.h",
        from: "stamp_of(d->src_cell, d->dst_cell, flow->slot) != d->stamp || src",
        to: "src",
        test: "flows",
    },
    Mutant {
        file: "tcp.h",
        from: "if (before(o->end, pkt->ack))",
        to: "if (before(o->end + 70000, pkt->ack))",
        test: "tcp_state",
    },
    Mutant {
        file: "parse.h",
        from: "if (offset < FIRST_SAFE_OFFSET)",
        to: "if (offset < FIRST_SAFE_OFFSET - 8)",
        test: "fragments",
    },
    Mutant { file: "deliver.h", from: "(__u16)(sum + (sum >= 0xffff))", to: "(__u16)sum", test: "from_port" },
    Mutant {
        file: "related.h",
        from: "read_quote(skb, pkt, quote) || !addr_equal(&quote->saddr, &pkt->daddr)",
        to: "read_quote(skb, pkt, quote)",
        test: "tcp_state",
    },
    Mutant { file: "nat.h", from: "if ((nat->side ? ip.saddr : ip.daddr) != nat->from)", to: "if (0)", test: "nat" },
];

/// Runs every fault, prints a table in Markdown, and says whether all were caught.
///
/// # Errors
/// A fault that no longer fits the source, or that is none: it does not compile, or the kernel refuses the program.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let base = root.join("target/mutants");
    let tree = copy_tree(root, &base.join("tree"))?;
    println!("| file | line | becomes | caught by |\n|---|---|---|---|");
    let mut all_caught = true;
    for mutant in &MUTANTS {
        let path = tree.join("crates/datapath/src/bpf").join(mutant.file);
        let source = fs::read_to_string(&path)?;
        if source.matches(mutant.from).count() != 1 {
            bail!("{}: `{}` should occur once", mutant.file, mutant.from);
        }
        fs::write(&path, source.replace(mutant.from, mutant.to))?;
        let caught = failures(&tree, &base.join("target"), mutant)?;
        fs::write(&path, source)?;
        all_caught &= !caught.is_empty();
        let names = if caught.is_empty() { String::from("nothing") } else { caught.join("<br>") };
        let cell = |text: &str| text.replace('|', "\\|");
        println!("| {} | `{}` | `{}` | {names} |", mutant.file, cell(mutant.from), cell(mutant.to));
    }
    Ok(all_caught)
}

/// What the data plane's tests need of the workspace. Files that have not changed keep their times, so that a second run
/// builds little.
fn copy_tree(root: &Path, tree: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(tree)?;
    let mut command = Command::new("cp");
    let parts = ["Cargo.toml", "Cargo.lock", "crates", "xtask"].map(|part| root.join(part));
    if !command.args(["-a", "-t"]).arg(tree).args(parts).status()?.success() {
        bail!("{}: the tree can't be copied", tree.display());
    }
    Ok(tree.to_owned())
}

/// The tests that fail with the fault in place, as `program: test`.
fn failures(tree: &Path, target: &Path, mutant: &Mutant) -> anyhow::Result<Vec<String>> {
    let mut caught = Vec::new();
    for test in ["differential", mutant.test] {
        let mut command = Command::new("cargo");
        command.args(["test", "-p", "pintle-datapath", "--test", test]);
        command.current_dir(tree).env("CARGO_TARGET_DIR", target);
        let output = command.output().context("cargo runs")?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !said.contains("test result:") || said.contains("the data plane opens") {
            bail!("{}: `{}` is no fault but no program:\n{said}", mutant.file, mutant.to);
        }
        let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
        caught.extend(failed.map(|name| format!("{test}: {name}")));
    }
    Ok(caught)
}
