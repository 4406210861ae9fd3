//! Where the keys of a prefix end.

/// The least string above every string that begins with `prefix`; `None` when there is none, so that the range is open.
///
/// UTF-8 keeps the order of code points in the order of bytes, so the successor is found on characters: the last one
/// is raised by one, and one that cannot be raised is dropped.
pub(crate) fn prefix_end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = successor(last) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// The next Unicode scalar value, across the gap of the surrogates.
fn successor(c: char) -> Option<char> {
    match c {
        '\u{D7FF}' => Some('\u{E000}'),
        char::MAX => None,
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_character_is_raised() {
        assert_eq!(prefix_end("a/"), Some("a0".to_owned()));
        assert_eq!(prefix_end("a\u{7f}"), Some("a\u{80}".to_owned()));
        assert_eq!(prefix_end("a\u{D7FF}"), Some("a\u{E000}".to_owned()));
        assert_eq!(prefix_end("a\u{10FFFF}\u{10FFFF}"), Some("b".to_owned()));
        assert_eq!(prefix_end("\u{10FFFF}"), None);
        assert_eq!(prefix_end(""), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]
        #[test]
        fn a_key_is_in_the_range_exactly_when_it_has_the_prefix(prefix in "[a-c\u{7f}-\u{82}\u{10FFFE}\u{10FFFF}]{0,3}", key in "[a-c\u{7f}-\u{82}\u{10FFFE}\u{10FFFF}]{0,5}") {
            let below_end = prefix_end(&prefix).is_none_or(|end| key < end);
            prop_assert_eq!(key >= prefix && below_end, key.starts_with(&prefix));
        }
    }
}
