//! Numbers for the tables that people read: order statistics of durations, and durations as text.

use std::fmt;
use std::time::Duration;

/// The order statistics of a set of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// The smallest.
    pub min: Duration,
    /// The 50th percentile.
    pub median: Duration,
    /// The 99th percentile; the maximum where there are fewer than 100.
    pub p99: Duration,
    /// The largest.
    pub max: Duration,
}

impl Summary {
    /// Summarises the values, in any order; `None` if there are none.
    pub fn of(values: &[Duration]) -> Option<Summary> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let at = |percent| percentile(&sorted, percent);
        Some(Summary { count: sorted.len(), min, median: at(50.0)?, p99: at(99.0)?, max })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, median, p99, max] = [self.min, self.median, self.p99, self.max].map(format_duration);
        write!(f, "min {min}, median {median}, p99 {p99}, max {max} (n = {})", self.count)
    }
}

/// The smallest value that at least `percent` % (0 to 100) of the values do not exceed: the nearest-rank percentile, so
/// always one that was measured. `None` if there are no values. They must be sorted.
pub fn percentile(sorted: &[Duration], percent: f64) -> Option<Duration> {
    debug_assert!(sorted.is_sorted(), "percentiles are of sorted values");
    let rank = (percent.clamp(0.0, 100.0) / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// A duration with three significant digits and the unit that suits it: `870 ns`, `12.3 µs`, `1.25 ms`, `2.10 s`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos < 1000 {
        return format!("{nanos} ns");
    }
    // A value that would round up to 1000 of its unit is written in the next.
    let units = [(1e3, "µs"), (1e6, "ms"), (1e9, "s")];
    let fits = |&&(unit, name): &&(f64, &str)| name == "s" || nanos as f64 / unit < 999.5;
    let &(unit, name) = units.iter().find(fits).expect("seconds take every value");
    let value = nanos as f64 / unit;
    let digits = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[u64]) -> Vec<Duration> {
        values.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_measured_values() {
        let hundred = millis(&(1..=100).collect::<Vec<_>>());
        for (percent, expected) in [(0.0, 1), (1.0, 1), (50.0, 50), (99.0, 99), (99.1, 100), (100.0, 100), (250.0, 100)]
        {
            assert_eq!(percentile(&hundred, percent), Some(Duration::from_millis(expected)), "p{percent}");
        }
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn a_summary_needs_no_order() {
        let summary = Summary::of(&millis(&[9, 1, 5])).unwrap();
        assert_eq!((summary.count, summary.min, summary.max), (3, Duration::from_millis(1), Duration::from_millis(9)));
        assert_eq!((summary.median, summary.p99), (Duration::from_millis(5), Duration::from_millis(9)));
        assert_eq!(summary.to_string(), "min 1.00 ms, median 5.00 ms, p99 9.00 ms, max 9.00 ms (n = 3)");
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (12_340, "12.3 µs"),
            (999_499, "999 µs"),
            (999_600, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (123_456_789, "123 ms"),
            (2_100_000_000, "2.10 s"),
            (4_000_000_000_000, "4000 s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
        }
    }
}
