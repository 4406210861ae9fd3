//! Golden files: `tests/golden/<dialect>/<operation>.<kind>`.
//!
//! A changed file is a changed wire format, to be seen in review. `PINTLE_BLESS=1` writes what the code gives now.

use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The text of a golden file.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Holds a text to a golden file.
pub(crate) fn check(name: &str, got: &str) {
    let got = format!("{}\n", got.trim_end());
    if std::env::var_os("PINTLE_BLESS").is_some() {
        let path = path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, got).unwrap();
        return;
    }
    let want = read(name);
    assert!(want == got, "{name} differs (PINTLE_BLESS=1 accepts the new text)\n--- golden\n{want}\n--- now\n{got}");
}
