//! Filters: `Filter.N.Name`, `Filter.N.Value.M`, wildcards, tags; and the table in which a resource names its own.

use super::describe::in_order;
use super::error::{Ec2Error, short};
use super::params::Params;
use pintle_core::model::Tags;

/// The most values that the filters of one request may have together (EC2's limit).
const MOST_VALUES: usize = 200;

/// One filter that a resource has, beside those of its tags, which all have.
pub struct FilterDef<V> {
    /// Its name, such as `subnet-id`; one that ends in a colon stands for all names that begin so.
    pub name: &'static str,
    /// The values that a record has for it; it matches if one of them does. `key` is what follows the colon.
    pub values: fn(record: &V, key: &str) -> Vec<String>,
}

/// What of a resource a filter asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// What stands at this place in the resource's table.
    Record(usize),
    /// The value of the tag with the filter's key.
    Tag,
    /// The keys of its tags.
    TagKeys,
    /// The values of its tags.
    TagValues,
}

/// The filters of one request: all must match.
#[derive(Debug, Clone, Default)]
pub struct Filters(Vec<Filter>);

#[derive(Debug, Clone)]
struct Filter {
    asks: Asks,
    name: String,
    /// What follows the colon.
    key: String,
    patterns: Vec<Pattern>,
}

impl Filters {
    /// Reads the filters of a request.
    ///
    /// # Errors
    /// `InvalidParameterValue` for one that the resource does not have, `FilterLimitExceeded` for too many values.
    pub fn read<V>(params: &mut Params, table: &[FilterDef<V>]) -> Result<Self, Ec2Error> {
        let mut values = 0;
        let filters = params.list("Filter", |item| {
            let name = item.required_text("Name")?;
            let patterns: Vec<Pattern> =
                item.list("Value", |value| Ok(Pattern::new(&value.text("").unwrap_or_default())))?;
            values += patterns.len();
            if values > MOST_VALUES {
                let message =
                    format!("The maximum number of filter values specified on a single call is {MOST_VALUES}");
                return Err(Ec2Error::new("FilterLimitExceeded", message));
            }
            let (asks, key) = find(&name, table).ok_or_else(|| {
                Ec2Error::new("InvalidParameterValue", format!("The filter '{}' is invalid", short(&name)))
            })?;
            if patterns.is_empty() {
                return Err(Ec2Error::new("InvalidParameterValue", format!("The filter '{name}' has no value")));
            }
            Ok(Filter { asks, key: key.to_owned(), patterns, name })
        })?;
        Ok(Filters(filters))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a record passes all of them.
    pub fn pass<V>(&self, record: &V, table: &[FilterDef<V>]) -> bool {
        self.0.iter().all(|filter| match filter.asks {
            Asks::Record(place) => (table[place].values)(record, &filter.key).iter().any(|value| filter.matches(value)),
            Asks::Tag | Asks::TagKeys | Asks::TagValues => true,
        })
    }

    /// Whether a record passes that can have no tags: whoever asks for tags finds none.
    pub fn pass_untagged<V>(&self, record: &V, table: &[FilterDef<V>]) -> bool {
        self.pass(record, table) && self.pass_tags(&Tags::default())
    }

    /// Whether a thing's tags pass those that ask for tags.
    pub fn pass_tags(&self, tags: &Tags) -> bool {
        self.0.iter().all(|filter| match filter.asks {
            Asks::Record(_) => true,
            Asks::Tag => tags.get(&filter.key).is_some_and(|value| filter.matches(value)),
            Asks::TagKeys => tags.iter().any(|(key, _)| filter.matches(key)),
            Asks::TagValues => tags.iter().any(|(_, value)| filter.matches(value)),
        })
    }

    /// The values of a filter in their order, each once, if it is there and all of them are plain: then nothing else can match,
    /// and an index may be asked instead of all records.
    pub fn exact(&self, name: &str) -> Option<Vec<&str>> {
        let filter = self.0.iter().find(|filter| filter.name == name)?;
        let plain: Option<Vec<&str>> = filter.patterns.iter().map(|pattern| pattern.plain.as_deref()).collect();
        plain.map(in_order)
    }
}

impl Filter {
    fn matches(&self, value: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(value))
    }
}

fn find<'a, V>(name: &'a str, table: &[FilterDef<V>]) -> Option<(Asks, &'a str)> {
    let whole = table.iter().position(|def| def.name == name && !def.name.ends_with(':'));
    let beginning = || table.iter().enumerate().filter(|(_, def)| def.name.ends_with(':'));
    let of_record = whole
        .map(|place| (Asks::Record(place), ""))
        .or_else(|| beginning().find_map(|(place, def)| Some((Asks::Record(place), name.strip_prefix(def.name)?))));
    of_record.or_else(|| match name {
        "tag-key" => Some((Asks::TagKeys, "")),
        "tag-value" => Some((Asks::TagValues, "")),
        _ => Some((Asks::Tag, name.strip_prefix("tag:")?)),
    })
}

/// A value of a filter: `*` stands for any text, `?` for any one character, `\` takes the meaning of what follows away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    parts: Vec<Part>,
    /// The text, if it has no wildcard.
    plain: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Char(char),
    One,
    Any,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let mut parts = Vec::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                // A lone one at the end means itself.
                '\\' => Part::Char(chars.next().unwrap_or('\\')),
                c => Part::Char(c),
            });
        }
        parts.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
        let plain = parts.iter().map(|part| if let Part::Char(c) = part { Some(*c) } else { None }).collect();
        Pattern { parts, plain }
    }

    /// Takes at most the product of both lengths in steps: the last `*` is the only one that is ever widened.
    fn matches(&self, text: &str) -> bool {
        if let Some(plain) = &self.plain {
            return plain == text;
        }
        let text: Vec<char> = text.chars().collect();
        let (mut part, mut at, mut widened) = (0, 0, None);
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    widened = Some((part, at));
                    part += 1;
                }
                Some(Part::One) => (part, at) = (part + 1, at + 1),
                Some(Part::Char(c)) if *c == text[at] => (part, at) = (part + 1, at + 1),
                _ => {
                    let Some((any, from)) = widened else { return false };
                    widened = Some((any, from + 1));
                    (part, at) = (any + 1, from + 1);
                }
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, text) in [
            ("", ""),
            ("abc", "abc"),
            ("a*", "a"),
            ("a*c", "abbc"),
            ("*", ""),
            ("**", "x"),
            ("?", "é"),
            ("a?c", "abc"),
            ("*b*d", "abcd"),
            ("*ab", "aab"),
            (r"\*", "*"),
            (r"a\?b", "a?b"),
            (r"\\", r"\"),
            (r"x\", r"x\"),
            ("*a*a*", "aa"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("abc", "ABC"),
            ("a*", "ba"),
            ("?", ""),
            ("?", "ab"),
            (r"\*", "x"),
            (r"a\?b", "axb"),
            ("*a*a*", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_long_time() {
        let (pattern, text) = ("*a".repeat(2000) + "b", "a".repeat(4000));
        assert!(!matches(&pattern, &text));
    }

    struct Pair(&'static str, &'static str);
    const TABLE: &[FilterDef<Pair>] = &[
        FilterDef { name: "first", values: |pair, _| vec![pair.0.to_owned()] },
        FilterDef {
            name: "tag:",
            values: |pair, key| if key == pair.0 { vec![pair.1.to_owned()] } else { Vec::new() },
        },
    ];

    fn read(form: &str) -> Result<Filters, Ec2Error> {
        let mut params = Params::parse(form.as_bytes()).unwrap();
        let filters = Filters::read(&mut params, TABLE)?;
        params.finish()?;
        Ok(filters)
    }

    #[test]
    fn all_filters_and_one_of_each_ones_values_must_match() {
        let filters =
            read("Filter.1.Name=first&Filter.1.Value.1=x&Filter.1.Value.2=k*&Filter.2.Name=tag:key&Filter.2.Value.1=v")
                .unwrap();
        assert!(filters.pass(&Pair("key", "v"), TABLE));
        assert!(!filters.pass(&Pair("key", "w"), TABLE) && !filters.pass(&Pair("x", "v"), TABLE));
        assert_eq!(filters.exact("first"), None);
        assert_eq!(filters.exact("tag:key"), Some(vec!["v"]));
    }

    #[test]
    fn a_value_that_is_named_often_is_looked_up_once() {
        let many: String = (1..=200).map(|n| format!("&Filter.1.Value.{n}={}", ["b", r"\a", "a"][n % 3])).collect();
        let filters = read(&format!("Filter.1.Name=first{many}")).unwrap();
        assert_eq!(filters.exact("first"), Some(vec!["a", "b"]));
    }

    #[test]
    fn unknown_filters_are_refused_by_name() {
        for name in ["second", "First", "tag", "tag:"] {
            let outcome = read(&format!("Filter.1.Name={name}&Filter.1.Value.1=x"));
            match name {
                "tag:" => assert!(outcome.is_ok()),
                _ => assert_eq!(outcome.unwrap_err().message, format!("The filter '{name}' is invalid")),
            }
        }
        let many: String = (1..=201).map(|n| format!("&Filter.1.Value.{n}=x")).collect();
        assert_eq!(read(&format!("Filter.1.Name=first{many}")).unwrap_err().code, "FilterLimitExceeded");
    }
}
