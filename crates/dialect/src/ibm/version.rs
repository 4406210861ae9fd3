//! The two parameters that every request carries: which day's API the client was written for, and the generation.

use crate::problem::Problem;
use crate::wire::{Params, parameter};

/// The day whose API a client was written for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(String);

impl Version {
    /// Whether a mount target's encryption by IPsec is called so; before, it was `user_managed`.
    pub fn names_ipsec(&self) -> bool {
        self.0.as_str() >= "2025-09-16"
    }

    /// Whether rules name the protocols `any`, `icmp_tcp_udp` and single ones by name or number; before, they had `all` for
    /// ICMP, TCP and UDP, and nothing else beside those.
    pub fn names_protocols(&self) -> bool {
        self.0.as_str() >= "2025-12-09"
    }

    /// Whether instance profiles come in pages.
    pub fn pages_profiles(&self) -> bool {
        self.0.as_str() >= "2026-04-07"
    }
}

/// Checks `version` and `generation`, takes them out, and tells the version.
///
/// # Errors
/// [`Problem::Parameter`] when one is missing or is not what it must be.
pub fn check(params: &mut Params) -> Result<Version, Problem> {
    let version = params.take("version")?;
    let version = match version {
        None => return Err(parameter("version", None, "it is required: a date as YYYY-MM-DD, from 2019-01-01 on")),
        Some(text) if is_date(&text) => Version(text),
        other => {
            return Err(parameter("version", other.as_deref(), "it must be a date as YYYY-MM-DD, from 2019-01-01 on"));
        }
    };
    match params.take("generation")?.as_deref() {
        Some("2") => Ok(version),
        None => Err(parameter("generation", None, "it is required and must be 2")),
        other => Err(parameter("generation", other, "it must be 2")),
    }
}

/// Whether a text is a calendar date of the API's life. A date in the future passes: the client's clock may be ahead.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() });
    if !shape {
        return false;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year >= 2019 && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pairs: &[(&str, &str)]) -> Result<(), String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        check(&mut Params::new(pairs)).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn versions_are_dates_in_order() {
        let names_protocols = |date: &str| {
            let pairs =
                [("version", date), ("generation", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            check(&mut Params::new(pairs.to_vec())).unwrap().names_protocols()
        };
        assert!(!names_protocols("2025-12-08") && !names_protocols("2019-12-31"));
        assert!(names_protocols("2025-12-09") && names_protocols("2026-01-01"));
    }

    #[test]
    fn both_parameters_are_required_and_held_to_their_form() {
        assert_eq!(checked(&[("version", "2026-10-06"), ("generation", "2")]), Ok(()));
        assert_eq!(checked(&[("version", "2028-02-29"), ("generation", "2")]), Ok(()));
        assert!(checked(&[("generation", "2")]).unwrap_err().contains("'version': it is required"));
        assert!(checked(&[("version", "2026-10-06")]).unwrap_err().contains("'generation': it is required"));
        assert!(checked(&[("version", "2026-10-06"), ("generation", "1")]).unwrap_err().contains("must be 2"));
        for bad in
            ["", "today", "2026-1-1", "2026-13-01", "2026-02-29", "2026-04-31", "2018-12-31", "2026-00-10", "２026-1-1"]
        {
            assert!(checked(&[("version", bad), ("generation", "2")]).unwrap_err().contains("YYYY-MM-DD"), "{bad}");
        }
    }
}
