//! Showing answers: columns for a person, or the API's own JSON.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::args::Format;

/// One column: its title, and how its text is had from an item.
pub(crate) type Column = (&'static str, fn(&Value) -> String);

/// Shows several items.
pub(crate) fn many(format: Format, items: &[Value], columns: &[Column]) {
    match format {
        Format::Json => json(&Value::Array(items.to_vec())),
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            table.set_header(columns.iter().map(|(title, _)| *title));
            for item in items {
                table.add_row(columns.iter().map(|(_, text)| text(item)));
            }
            for column in table.column_iter_mut() {
                column.set_padding((0, 2));
            }
            for line in table.lines() {
                println!("{}", line.trim_end());
            }
        }
    }
}

/// Shows a collection; as columns by name, whatever order the server keeps it in.
pub(crate) fn list(format: Format, mut items: Vec<Value>, columns: &[Column]) {
    if format == Format::Table {
        items.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    }
    many(format, &items, columns);
}

/// Shows one item: the same columns, one a line.
pub(crate) fn one(format: Format, item: &Value, columns: &[Column]) {
    match format {
        Format::Json => json(item),
        Format::Table => {
            let width = columns.iter().map(|(title, _)| title.len()).max().unwrap_or_default();
            for (title, text) in columns {
                println!("{title:width$}  {}", text(item));
            }
        }
    }
}

/// Shows what an item that has just been shown holds, as a table behind an empty line. As JSON the item has it already.
pub(crate) fn children(format: Format, item: &Value, field: &str, columns: &[Column]) {
    let held = item[field].as_array().map(Vec::as_slice).unwrap_or_default();
    if format == Format::Table && !held.is_empty() {
        println!();
        many(format, held, columns);
    }
}

/// The names of what a field lists, `-` where there are none.
pub(crate) fn names(item: &Value, field: &str) -> String {
    let names: Vec<&str> =
        item[field].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

/// Says that an object is no more.
pub(crate) fn deleted(format: Format, named: &str) {
    match format {
        Format::Json => json(&json!({ "deleted": named })),
        Format::Table => println!("deleted {named}"),
    }
}

/// Shows JSON as it is.
pub(crate) fn json(value: &Value) {
    println!("{value:#}");
}

/// Text at a path of an item, `-` where there is none or it is empty.
pub(crate) fn text(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An error with its causes, each said once: some errors tell of their cause themselves.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        _ if said.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

/// Lets a reader that has seen enough (`pintle vni list | head`) end this process, as it ends others. Not for what runs
/// long: that must not die of a closed terminal.
pub(crate) fn end_with_reader() {
    // SAFETY: setting a signal's default disposition runs no code of ours in a handler; no other thread relies on it yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow!("no space").context("writing failed: no space").context("the store can't be opened");
        assert_eq!(chain(&error), "the store can't be opened: writing failed: no space");
    }
}
