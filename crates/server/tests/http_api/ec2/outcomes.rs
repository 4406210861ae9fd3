//! Which actions the tests have seen answered, and with which error codes: `cargo xtask ec2-outcomes` makes a table of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

static LIST: LazyLock<Mutex<File>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&folder).unwrap();
    Mutex::new(File::create(folder.join("ec2-outcomes.tsv")).unwrap())
});

/// Notes what a request came to.
pub(super) fn note(form: &str, status: u16, body: &str) {
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("(none)");
    let code =
        body.split_once("<Code>").and_then(|(_, rest)| rest.split_once('<')).map_or("answered", |(code, _)| code);
    let outcome = if status == 200 { "answered" } else { code };
    writeln!(LIST.lock().unwrap(), "{action}\t{outcome}").unwrap();
}
