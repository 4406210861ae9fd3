//! Showing answers: columns for a person, or the API's own JSON.

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::args::Format;

/// One column: its title, and how its text is had from an item.
pub(crate) type Column = (&'static str, fn(&Value) -> String);

/// Shows several items.
pub(crate) fn many(format: Format, items: &[Value], columns: &[Column]) {
    match format {
        Format::Json => println!("{}", pretty(&Value::Array(items.to_vec()))),
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING);
            table.set_header(columns.iter().map(|(title, _)| *title));
            for item in items {
                table.add_row(columns.iter().map(|(_, text)| text(item)));
            }
            for line in table.lines() {
                println!("{}", line.trim_end());
            }
        }
    }
}

/// Shows one item: the same columns, one a line.
pub(crate) fn one(format: Format, item: &Value, columns: &[Column]) {
    match format {
        Format::Json => println!("{}", pretty(item)),
        Format::Table => {
            let width = columns.iter().map(|(title, _)| title.len()).max().unwrap_or_default();
            for (title, text) in columns {
                println!("{title:width$}  {}", text(item));
            }
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// Text at a path of an item, `-` where there is none.
pub(crate) fn text(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
