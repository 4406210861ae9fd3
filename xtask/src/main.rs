//! Chores of the workspace that cargo itself has no command for: `cargo xtask tidy`, `cargo xtask coverage`,
//! `cargo xtask ec2-outcomes`, `cargo xtask mutants`.

mod coverage;
mod files;
mod mutants;
mod outcomes;
mod tidy;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = files::workspace_root();
    match arguments.as_slice() {
        ["tidy"] => {
            let findings = tidy::check(&root)?;
            for finding in &findings {
                println!("{finding}");
            }
            Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["coverage"] => {
            print!("{}", coverage::table(&root)?);
            Ok(ExitCode::SUCCESS)
        }
        ["coverage", "--summary"] => {
            println!("{}", coverage::summary(&root)?);
            Ok(ExitCode::SUCCESS)
        }
        ["ec2-outcomes"] => {
            print!("{}", outcomes::table(&root)?);
            Ok(ExitCode::SUCCESS)
        }
        ["mutants"] => Ok(if mutants::run(&root)? { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        _ => {
            eprintln!("usage: cargo xtask tidy | coverage [--summary] | ec2-outcomes | mutants");
            Ok(ExitCode::from(2))
        }
    }
}
