//! The table of requirement rows shown by tests, made from the tests' names alone.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files;

struct Row {
    id: String,
    priority: String,
    statement: String,
}

/// The whole table in Markdown: each row with the tests that show it.
pub(crate) fn table(root: &Path) -> anyhow::Result<String> {
    let shown = tests_by_row(root)?;
    let mut text = String::from("| row | P | statement | shown by |\n|---|---|---|---|\n");
    for row in rows(root)? {
        let tests = shown.get(&row.id).map(|tests| tests.join("<br>")).unwrap_or_default();
        text.push_str(&format!("| {} | {} | {} | {tests} |\n", row.id, row.priority, row.statement));
    }
    text.push_str(&format!("\n{}\n", summary(root)?));
    Ok(text)
}

/// One line: how many rows are shown, by priority.
pub(crate) fn summary(root: &Path) -> anyhow::Result<String> {
    let shown = tests_by_row(root)?;
    let rows = rows(root)?;
    let count = |priority: &str| {
        let of = rows.iter().filter(|row| row.priority == priority);
        let (all, with) =
            of.fold((0, 0), |(all, with), row| (all + 1, with + usize::from(shown.contains_key(&row.id))));
        format!("P{priority}: {with} of {all}")
    };
    let all = rows.iter().filter(|row| shown.contains_key(&row.id)).count();
    Ok(format!(
        "requirement rows shown by tests: {all} of {} ({}, {}, {})",
        rows.len(),
        count("0"),
        count("1"),
        count("2")
    ))
}

fn rows(root: &Path) -> anyhow::Result<Vec<Row>> {
    let text = std::fs::read_to_string(root.join("docs/requirements.md"))?;
    Ok(text.lines().filter_map(row).collect())
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.strip_prefix("| ")?.splitn(3, " | ");
    let (id, priority, statement) = (cells.next()?, cells.next()?, cells.next()?);
    let mut letters = id.chars();
    let shape = id.len() == 3 && letters.next()?.is_ascii_uppercase() && letters.all(|c| c.is_ascii_digit());
    shape.then(|| Row {
        id: id.to_owned(),
        priority: priority.to_owned(),
        statement: statement.trim_end_matches(" |").to_owned(),
    })
}

/// Test functions whose name begins with one or more row ids: `d08_…`, `a02_a03_…`.
fn tests_by_row(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files::below(&root.join("crates"), &[".rs"])? {
        let text = std::fs::read_to_string(&path)?;
        let krate =
            path.strip_prefix(root.join("crates"))?.iter().next().unwrap_or_default().to_string_lossy().into_owned();
        for name in test_names(&text) {
            for id in row_ids(name) {
                found.entry(id).or_default().push(format!("{krate}::{name}"));
            }
        }
    }
    Ok(found)
}

fn test_names(text: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let names: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            let name = line.trim_start_matches("async ").strip_prefix("fn ")?.split(['(', '<']).next()?;
            let above = lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
            above.into_iter().any(|line| line.contains("test")).then_some(name)
        })
        .collect();
    names.into_iter()
}

fn row_ids(name: &str) -> Vec<String> {
    name.split('_')
        .take_while(|part| {
            let bytes = part.as_bytes();
            bytes.len() == 3 && bytes[0].is_ascii_lowercase() && bytes[1..].iter().all(u8::is_ascii_digit)
        })
        .map(str::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_names_of_tests_only() {
        let text = "#[test]\nfn d08_a09_x() {}\nfn d10_helper() {}\n#[tokio::test]\nasync fn r01_y() {}\n";
        let names: Vec<&str> = test_names(text).collect();
        assert_eq!(names, ["d08_a09_x", "r01_y"]);
        assert_eq!(row_ids("d08_a09_x"), ["D08", "A09"]);
        assert!(row_ids("plain_name").is_empty());
    }

    #[test]
    fn every_requirement_row_is_read() {
        assert_eq!(rows(&files::workspace_root()).unwrap().len(), 322);
    }
}
