//! `make bench`: every figure beside its baseline, in interleaved rounds, as a table and as JSON in `target/bench`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use pintle_lab::bench::suites;

const USAGE: &str = "usage: pintle-bench [path|attach|creates|ec2|memory|policy|moves|all] [--rounds N] [--seconds S]";

fn main() -> anyhow::Result<()> {
    pintle_lab::interrupt::catch_signals();
    let mut suite = "all".to_owned();
    let (mut rounds, mut seconds) = (5usize, 2.0f64);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().unwrap_or_default().parse()?,
            "--seconds" => seconds = words.next().unwrap_or_default().parse()?,
            "all" => suite = word,
            name if suites::ALL.iter().any(|(known, _)| *known == name) => suite = word,
            _ => bail!("{USAGE}"),
        }
    }
    for (name, run) in suites::ALL {
        if suite == "all" || suite == *name {
            println!("== {name}: {rounds} rounds");
            let figures = run(rounds, Duration::from_secs_f64(seconds))?;
            print!("{}", figures.table());
            figures.write(&PathBuf::from(format!("target/bench/{name}.json")))?;
        }
    }
    Ok(())
}
