//! A client's script and the test that sends the packets speak with each other by lines of JSON: the script says on its
//! standard output what should hold, and reads from its standard input whether it does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::client::Client;

/// What came of a dialogue.
#[derive(Debug, Default)]
pub struct Dialogue {
    /// The checks that were asked for, in order, each as whoever judges it calls it.
    pub checks: Vec<String>,
    /// What else the script had to tell, line by line.
    pub told: Vec<String>,
}

/// Ends the script if the test is given up.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a script and has the checks judged that it asks for, until it ends.
///
/// # Errors
/// When the script can't be run or fails, with what it wrote to standard error. A check that does not hold fails the script.
pub fn converse(
    client: &mut Client,
    mut judge: impl FnMut(&Value) -> anyhow::Result<String>,
) -> anyhow::Result<Dialogue> {
    let command = client.prepare()?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut script = Running(command.spawn().context("the client can't be run")?);
    let mut answers = script.0.stdin.take().context("no standard input")?;
    let said = BufReader::new(script.0.stdout.take().context("no standard output")?);
    let errors = listen(script.0.stderr.take().context("no standard error")?);
    let mut dialogue = Dialogue::default();
    for line in said.lines() {
        let line = line?;
        let Some(check) = serde_json::from_str(&line).ok().filter(Value::is_object) else {
            dialogue.told.push(line);
            continue;
        };
        let answer = match judge(&check) {
            Ok(name) => {
                dialogue.checks.push(name);
                json!({ "holds": true })
            }
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        // A script that does not listen any more has failed, and says why.
        if writeln!(answers, "{answer}").is_err() {
            break;
        }
    }
    drop(answers);
    let status = script.0.wait()?;
    let errors = errors.join().unwrap_or_default();
    if !status.success() {
        bail!("the script failed ({status}) after {:?}:\n{}\n{errors}", dialogue.checks, dialogue.told.join("\n"));
    }
    Ok(dialogue)
}

fn listen(stream: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || std::io::read_to_string(stream).unwrap_or_default())
}
