//! What holds for every sequence and every interleaving of commands.

mod children;
mod cost;
mod instance_ops;
mod isolation;
mod network_ops;
mod ops;
mod policy_ops;
mod races;
mod sequences;
mod share_ops;

use proptest::test_runner::{Config, RngSeed};

/// The same cases on every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others and for more.
fn config(cases: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0x5043_0001);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config
}
