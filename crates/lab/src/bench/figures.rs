//! Figures of interleaved rounds: kept as they come, shown as median, minimum and maximum, beside their baseline.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

/// What a figure is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    test: String,
    subject: String,
    unit: String,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Figures {
    series: BTreeMap<Series, Vec<f64>>,
    order: Vec<Series>,
}

/// Median, minimum and maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (middle, even) = (sorted.len() / 2, sorted.len().is_multiple_of(2));
        let median = if even { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] };
        Spread { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }
}

impl Figures {
    /// Keeps a figure.
    pub fn add(&mut self, test: &str, subject: &str, unit: &str, value: f64) {
        let series = Series { test: test.to_owned(), subject: subject.to_owned(), unit: unit.to_owned() };
        let values = self.series.entry(series.clone()).or_default();
        if values.is_empty() {
            self.order.push(series);
        }
        values.push(value);
    }

    /// A table; each subject's ratio is to the first subject of its test, round by round.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<34} {:<22} {:>10} {:>10} {:>10} {:<8} {:>7}\n",
            "test", "subject", "median", "min", "max", "unit", "ratio"
        );
        for series in &self.order {
            let spread = Spread::of(&self.series[series]);
            let ratio = self.ratio(series).map_or(String::new(), |ratio| format!("{ratio:.2}"));
            text.push_str(&format!(
                "{:<34} {:<22} {:>10.2} {:>10.2} {:>10.2} {:<8} {:>7}\n",
                series.test, series.subject, spread.median, spread.min, spread.max, series.unit, ratio
            ));
        }
        text
    }

    fn ratio(&self, series: &Series) -> Option<f64> {
        let base = self.order.iter().find(|other| other.test == series.test)?;
        if base == series {
            return None;
        }
        let (own, base) = (&self.series[series], &self.series[base]);
        let ratios: Vec<f64> = own.iter().zip(base).map(|(own, base)| own / base).collect();
        (own.len() == base.len()).then(|| Spread::of(&ratios).median).filter(|ratio| ratio.is_finite())
    }

    /// Everything as JSON.
    pub fn json(&self) -> Value {
        let rows = self.order.iter().map(|series| {
            let values = &self.series[series];
            let spread = Spread::of(values);
            json!({
                "test": series.test, "subject": series.subject, "unit": series.unit, "values": values,
                "median": spread.median, "min": spread.min, "max": spread.max, "ratio": self.ratio(series),
            })
        });
        Value::Array(rows.collect())
    }

    /// Writes the JSON to a file and says where.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&self.json())?)?;
        println!("written: {}", path.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios_are_by_round() {
        let mut figures = Figures::default();
        for (base, own) in [(10.0, 12.0), (20.0, 22.0), (10.0, 15.0)] {
            figures.add("t", "base", "ns", base);
            figures.add("t", "own", "ns", own);
        }
        let rows = figures.json();
        assert_eq!(rows[0]["median"], 10.0);
        assert_eq!(rows[1]["ratio"], 1.2);
        assert_eq!(Spread::of(&[4.0, 1.0, 3.0, 2.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
    }
}
