//! Names that people give: one rule for nearly every kind, and a default where none is given.
//!
//! The rule of most kinds is IBM VPC's (1 to 63 of lower-case letters, digits and hyphens, a letter first), which every EC2 `Name` tag
//! that fits it satisfies too. Default names are hyphenated words, as IBM makes them, or
//! ids ([`Unnamed`](crate::request::Unnamed)).

use crate::id::IdSource;
use crate::refusal::{Noun, Refusal};

/// The longest name of a security group or a prefix list, in characters (EC2).
pub const LONG_NAME: usize = 255;
/// What a security group's name may have beside letters, digits and spaces (EC2).
const GROUP_MARKS: &str = "._-:/()#,@[]+=&;{}!$*";

const WORDS: [&str; 64] = [
    "acorn", "amber", "anchor", "apple", "arrow", "aspen", "autumn", "badge", "barley", "basin", "beacon", "birch",
    "bridge", "brook", "candle", "canyon", "cedar", "cliff", "clover", "cobalt", "comet", "copper", "coral", "crane",
    "delta", "ember", "falcon", "fern", "field", "flint", "forest", "garnet", "glacier", "grove", "harbor", "hazel",
    "heron", "island", "ivory", "juniper", "lagoon", "lantern", "laurel", "linen", "maple", "marble", "meadow", "mesa",
    "mistral", "nickel", "oak", "olive", "orchard", "otter", "pebble", "pine", "quartz", "raven", "reef", "river",
    "saddle", "slate", "spruce", "willow",
];

/// Checks a name that a user gives to a thing of this kind. Security groups and prefix lists are what EC2's clients name
/// themselves (all else has a `Name` tag there), so their rule is the wider one that EC2 has.
///
/// # Errors
/// [`Refusal::Invalid`] with the rule that it breaks.
pub fn check(noun: Noun, name: &str) -> Result<(), Refusal> {
    let (fits, rule) = match noun {
        Noun::SecurityGroup => (
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ' || GROUP_MARKS.contains(c)),
            "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*",
        ),
        Noun::PrefixList | Noun::ApiKey => {
            (!name.chars().any(char::is_control), "characters, none of them a control character")
        }
        _ => return validate(name),
    };
    if !fits || name.is_empty() || name.chars().count() > LONG_NAME || name.trim() != name {
        let rule = format!("it has 1 to {LONG_NAME} {rule}, and neither begins nor ends with a space");
        return Err(Refusal::invalid("name", name, rule));
    }
    Ok(())
}

/// Checks a name that a user gives to most kinds of things.
///
/// # Errors
/// [`Refusal::Invalid`] with the rule that it breaks.
pub fn validate(name: &str) -> Result<(), Refusal> {
    let shape = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.as_bytes()[0].is_ascii_lowercase()
        && !name.ends_with('-');
    if !shape {
        return Err(Refusal::invalid(
            "name",
            name,
            "a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen",
        ));
    }
    if name.starts_with("ibm-") {
        return Err(Refusal::invalid("name", name, "names that begin with 'ibm-' are kept for the provider"));
    }
    Ok(())
}

/// Checks the name of a zone: the same shape as any name.
///
/// # Errors
/// [`Refusal::Invalid`] with the rule that it breaks.
pub fn validate_zone(zone: &str) -> Result<(), Refusal> {
    validate(zone).map_err(|_| {
        Refusal::invalid(
            "zone",
            zone,
            "a zone's name has 1 to 63 lower-case letters, digits and hyphens, a letter first",
        )
    })
}

/// What a domain name must be, in words.
pub const DOMAIN_RULE: &str =
    "a domain name is labels of letters, digits and hyphens with dots between, at most 253 characters";

/// Whether a text is a domain name, without a dot at the end.
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A default name: four words, 16.7 million combinations; the caller retries with fresh bits should it be taken.
pub fn default_name(ids: &mut dyn IdSource) -> String {
    let bits = ids.bits();
    let word = |shift: u32| WORDS[(bits >> shift) as usize % WORDS.len()];
    format!("{}-{}-{}-{}", word(0), word(6), word(12), word(18))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_rule_and_the_error_says_it() {
        for good in ["a", "web-1", "z9", &"a".repeat(63)] {
            assert_eq!(validate(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "9a", "A", "a_b", "a b", "é", &"a".repeat(64), "ibm-x"] {
            let text = validate(bad).unwrap_err().to_string();
            assert!(text.contains("field 'name'") && text.contains("name"), "{text}");
        }
    }

    #[test]
    fn groups_and_prefix_lists_have_the_wider_rule_of_ec2() {
        let longest = "a".repeat(LONG_NAME);
        for good in ["Web Servers", "a/b:c", "launch-wizard-1", "{x}!$*", &longest] {
            assert_eq!(check(Noun::SecurityGroup, good), Ok(()), "{good}");
            assert_eq!(check(Noun::PrefixList, good), Ok(()), "{good}");
            assert_eq!(check(Noun::Vni, good).is_ok(), validate(good).is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a\u{7}", &format!("{longest}a")] {
            assert!(check(Noun::SecurityGroup, bad).is_err() && check(Noun::PrefixList, bad).is_err(), "{bad}");
        }
        assert!(check(Noun::SecurityGroup, "Büro").is_err() && check(Noun::PrefixList, "Büro").is_ok());
    }

    #[test]
    fn default_names_are_valid() {
        struct Bits(u64);
        impl IdSource for Bits {
            fn bits(&mut self) -> u64 {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                self.0
            }
        }
        let mut bits = Bits(1);
        for _ in 0..1000 {
            validate(&default_name(&mut bits)).unwrap();
        }
    }
}
