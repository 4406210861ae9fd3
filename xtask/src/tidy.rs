//! What a reviewer should never have to say: who may import whom, how long a file may be, that every file says why it is.

use std::path::Path;

use crate::files;

/// Lines of a source file, tests of its own included.
const LONGEST_FILE: usize = 500;

/// Each crate of ours and which of ours it may depend on; what is not named here may depend on none.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("probe", &[]),
    ("authz", &["core"]),
    ("dialect", &["core"]),
    ("store", &["core"]),
    ("datapath", &["core"]),
    ("server", &["authz", "core", "dialect", "store"]),
    ("agent", &["core", "datapath", "dialect"]),
    ("pintle", &["core", "dialect", "store", "server", "datapath", "agent", "probe"]),
    ("lab", &["core", "dialect", "store", "server", "datapath", "agent", "probe"]),
];

/// Words that mark something unfinished; split so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("for ", "now,")];

/// All findings, each with its place; empty when the tree is tidy.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = imports(root)?;
    for folder in ["crates", "xtask"] {
        for path in files::below(&root.join(folder), &[".rs", ".c", ".h"])? {
            let text = std::fs::read_to_string(&path)?;
            let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            findings.extend(file(&place, &text));
        }
    }
    Ok(findings)
}

fn file(place: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        findings.push(format!("{place}: {lines} lines; one idea per file, at most {LONGEST_FILE}"));
    }
    let head = text.lines().find(|line| !line.starts_with("#!") && !line.starts_with("// SPDX")).unwrap_or_default();
    let says_why =
        if place.ends_with(".rs") { head.starts_with("//!") } else { head.starts_with("/*") || head.starts_with("//") };
    if !says_why {
        findings.push(format!("{place}: the file's head must say why it exists"));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
            findings.push(format!("{place}:{}: '{word}' marks something unfinished", number + 1));
        }
        if line.ends_with(' ') || line.ends_with('\t') {
            findings.push(format!("{place}:{}: white space at the end of the line", number + 1));
        }
    }
    findings
}

fn imports(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for manifest in files::below(&root.join("crates"), &["Cargo.toml"])? {
        let krate = manifest.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == krate).map_or(&[] as &[&str], |(_, allowed)| allowed);
        let text = std::fs::read_to_string(&manifest)?;
        let production = text.lines().scan(true, |counts, line| {
            if line.starts_with('[') {
                *counts = line == "[dependencies]";
            }
            Some(counts.then_some(line))
        });
        for line in production.flatten() {
            if let Some(name) = line.strip_prefix("pintle-").and_then(|rest| rest.split(['.', ' ', '=']).next())
                && !allowed.contains(&name)
            {
                findings.push(format!("crates/{krate}/Cargo.toml: {krate} may not depend on {name}"));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = check(&files::workspace_root()).unwrap();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }

    #[test]
    fn findings_name_the_place() {
        let bad = format!("fn a() {{}} \n// {}: later\n", UNFINISHED[0]);
        let findings = file("crates/x/src/a.rs", &bad);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.starts_with("crates/x/src/a.rs")));
    }
}
