//! Ansible's amazon.aws modules, unmodified: what a playbook describes is made once, is left alone when the playbook runs
//! again, and goes without a trace.

use std::net::Ipv4Addr;

use pintle_lab::cloud::{Cloud, OUTSIDE, repository};

#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// VPC, subnet, group, interface.
    Network,
    /// And an instance, the way out, and a public address.
    Whole,
}

/// What became of a play: how many tasks have changed something, and what it printed.
struct Outcome {
    changed: usize,
    text: String,
}

/// Runs a playbook, or only the part that has to do with the network.
fn play(cloud: &Cloud, book: &str, part: Part) -> Outcome {
    let mut ansible = cloud.client("ansible-playbook");
    ansible.args([repository().join("crates/lab/tests/aws/ansible").join(book)]);
    if part == Part::Network {
        ansible.args(["--skip-tags", "public"]);
    }
    ansible.env("ANSIBLE_COLLECTIONS_PATH", repository().join("target/aws"));
    ansible.env("ANSIBLE_PYTHON_INTERPRETER", repository().join("target/aws/bin/python"));
    ansible.env("ANSIBLE_LOCALHOST_WARNING", "false").env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "false");
    ansible.env("ANSIBLE_NOCOLOR", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    let text = ansible.run().unwrap();
    // The last line is such as "localhost : ok=8 changed=7 unreachable=0 failed=0 …".
    let counts = text.lines().rev().find(|line| line.starts_with("localhost ")).unwrap_or_default();
    let changed = counts.split_whitespace().find_map(|word| word.strip_prefix("changed=")?.parse().ok());
    Outcome { changed: changed.unwrap_or_else(|| panic!("no count of changes: {text}")), text }
}

/// What the play that makes things says that it has come to: ids, and the public address last.
fn made(outcome: &Outcome) -> Vec<String> {
    let line = outcome.text.lines().find_map(|line| Some(line.split_once("\"made ")?.1.trim_end_matches('"')));
    let line = line.unwrap_or_else(|| panic!("the play does not say what it has made: {}", outcome.text));
    line.split(' ').map(str::to_owned).collect()
}

/// Twice made, twice removed; `between` looks at what there is.
fn come_and_go(cloud: &Cloud, part: Part, changes: usize, between: impl Fn(&[String])) {
    let first = play(cloud, "present.yml", part);
    assert_eq!(first.changed, changes, "{}", first.text);
    let things = made(&first);
    between(&things);
    let second = play(cloud, "present.yml", part);
    assert_eq!(second.changed, 0, "{}", second.text);
    assert_eq!(made(&second), things);
    between(&things);

    let removed = play(cloud, "absent.yml", part);
    // An interface is attached by a task of its own, and goes at once.
    let removals = changes - usize::from(part == Part::Whole);
    assert_eq!(removed.changed, removals, "{}", removed.text);
    assert_eq!(cloud.leftovers().unwrap(), Vec::<String>::new());
    let again = play(cloud, "absent.yml", part);
    assert_eq!(again.changed, 0, "{}", again.text);
}

#[test]
fn a13_ansible_makes_a_network_once_changes_nothing_again_and_removes_it_without_a_trace() {
    let cloud = Cloud::start().unwrap();
    come_and_go(&cloud, Part::Network, 4, |_| assert!(!cloud.leftovers().unwrap().is_empty()));
}

#[test]
fn a13_ansible_makes_an_instance_that_answers_from_outside_and_removes_it_without_a_trace() {
    let cloud = Cloud::start().unwrap();
    let public = |things: &[String]| things.last().unwrap().parse::<Ipv4Addr>().unwrap();
    let address = std::cell::Cell::new(None);
    come_and_go(&cloud, Part::Whole, 9, |things| {
        address.set(Some(public(things)));
        cloud.packets().answers(OUTSIDE, public(things)).unwrap();
    });
    cloud.packets().silent(OUTSIDE, address.get().unwrap()).unwrap();
}
