//! The table of EC2 actions and what tests have seen come of them, from the list that the last run of `http_api` left.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

/// The whole table in Markdown.
pub(crate) fn table(root: &Path) -> anyhow::Result<String> {
    let list = root.join("target/ec2-outcomes.tsv");
    let text = std::fs::read_to_string(&list)
        .with_context(|| format!("{}: run 'cargo test --workspace --test http_api ec2' first", list.display()))?;
    let mut actions: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (action, outcome) in text.lines().filter_map(|line| line.split_once('\t')) {
        *actions.entry(action).or_default().entry(outcome).or_default() += 1;
    }
    let mut table = String::from("| action | answered | refused |\n|---|---|---|\n");
    for (action, outcomes) in &actions {
        let refused = outcomes.iter().filter(|(outcome, _)| **outcome != "answered");
        let refused: Vec<String> = refused.map(|(code, count)| format!("{code} {count}")).collect();
        let answered = outcomes.get("answered").copied().unwrap_or(0);
        table.push_str(&format!("| {action} | {answered} | {} |\n", refused.join(", ")));
    }
    Ok(table)
}
