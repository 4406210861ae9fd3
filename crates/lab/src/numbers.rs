//! How much a long test does, from the environment.

/// The number that an environment variable asks for, if it is there.
///
/// # Panics
/// If it is there and is no whole number: a long run with the wrong size would be noticed too late.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}='{text}' is not a whole number")))
}
