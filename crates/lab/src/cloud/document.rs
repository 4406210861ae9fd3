//! Documents whose commands are run as they stand there.

use std::path::Path;

use anyhow::Context;

use super::repository;
use crate::process::pintle_binary;

/// A document's text.
#[derive(Debug)]
pub struct Document(String);

impl Document {
    /// Reads one, by its path below the repository.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(path: &str) -> anyhow::Result<Document> {
        Ok(Document(std::fs::read_to_string(repository().join(path)).with_context(|| path.to_owned())?))
    }

    /// The blocks in this language, in order.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let (opening, mut blocks) = (format!("```{language}"), Vec::new());
        let mut lines = self.0.lines();
        while lines.by_ref().any(|line| line == opening) {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
        blocks
    }
}

/// Makes a folder of programs, for a shell's path, with `pintle` in it.
///
/// # Errors
/// When it can't be made, or there is no binary.
pub fn with_pintle(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    Ok(std::os::unix::fs::symlink(pintle_binary()?, folder.join("pintle"))?)
}

/// How many packets were lost, in percent, as `ping` has told in what was said.
///
/// # Errors
/// When it has not.
pub fn packet_loss(said: &str) -> anyhow::Result<f64> {
    let lost = said.lines().find_map(|line| line.split(", ").find_map(|part| part.strip_suffix("% packet loss")));
    Ok(lost.with_context(|| format!("ping has said nothing:\n{said}"))?.parse()?)
}
