//! Requests with places for names of things, filled with one tenant's names or another's, and answers that are compared.

use axum::http::header;

use super::world::Names;
use crate::client::Answer;

/// Whose things a request names: those of who asks, of another tenant, or nobody's.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    pub(crate) own: Names,
    pub(super) foreign: Names,
    pub(crate) unknown: Names,
}

impl Whose {
    /// The foreign things, and for each a name of the same shape that nothing has.
    pub(super) fn new(own: Names, foreign: Names) -> Whose {
        let unknown: Names = foreign.iter().map(|(key, name)| (key.clone(), unknown(key, name))).collect();
        for (key, name) in &unknown {
            let taken = own.values().chain(foreign.values()).any(|known| known == name);
            assert!(!taken, "{key}: {name} is the name of something");
        }
        Whose { own, foreign, unknown }
    }

    /// A text with names in the places that braces mark: those of `strangers` are `theirs`, all others one's own.
    pub(super) fn fill(&self, template: &str, strangers: &[&str], theirs: &Names) -> String {
        put(template, |key| if strangers.contains(&key) { theirs } else { &self.own })
    }

    /// A text of an answer without the names that were asked for, whether they were the foreign ones or the unknown ones.
    pub(super) fn blank(&self, text: &str, strangers: &[&str]) -> String {
        // A thing that was asked for by its CRN may be answered by its id.
        let keys = strangers.iter().flat_map(|key| [*key, key.split('.').next().unwrap_or_default()]);
        let mut names: Vec<(&String, &str)> = keys
            .flat_map(|key| [&self.foreign, &self.unknown].map(|names| Some((names.get(key)?, key))))
            .flatten()
            .collect();
        // What is a part of another comes after it.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, key)| text.replace(name.as_str(), &format!("<{key}>")))
    }
}

/// A text with names in all of its places.
pub(crate) fn filled(template: &str, names: &Names) -> String {
    put(template, |_| names)
}

fn put<'a>(template: &str, names: impl Fn(&str) -> &'a Names) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, key, after)) = next_place(rest) {
        filled.push_str(before);
        filled.push_str(names(key).get(key).unwrap_or_else(|| panic!("nothing is called {key}")));
        rest = after;
    }
    filled + rest
}

/// The same name with another last sign, or another beginning where a tenant has chosen it.
fn unknown(key: &str, name: &str) -> String {
    if key.ends_with(".name") {
        return format!("nobody{}", name.trim_start_matches("theirs"));
    }
    if let Some((first, last)) = name.rsplit_once('.').filter(|_| key.ends_with(".address")) {
        return format!("{first}.{}", last.parse::<u8>().unwrap() ^ 0x40);
    }
    let mut text = name.to_owned();
    let last = text.pop().expect("no name is empty");
    text.push(match last {
        '0'..='8' | 'a'..='e' => char::from(last as u8 + 1),
        '9' => 'a',
        _ => '0',
    });
    text
}

fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('{')?;
        let key = &text[open + 1..];
        let length = key.bytes().take_while(|byte| byte.is_ascii_lowercase() || b"_.0123456789".contains(byte)).count();
        if length > 0 && key[length..].starts_with('}') {
            return Some((&text[..open], &key[..length], &key[length + 1..]));
        }
        from = open + 1;
    }
}

/// The places of a text, each key once.
pub(crate) fn places(template: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = template;
    while let Some((_, key, after)) = next_place(rest) {
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
        rest = after;
    }
    keys
}

/// Which of these are a stranger's: each alone, and all; of a few, any of them.
pub(super) fn choices(keys: &[String]) -> Vec<Vec<&str>> {
    let all: Vec<&str> = keys.iter().map(String::as_str).collect();
    if all.len() > 3 {
        return all.iter().map(|key| vec![*key]).chain([all.clone()]).collect();
    }
    let chosen = |bits: usize| all.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, key)| *key);
    (1..1 << all.len()).map(|bits| chosen(bits).collect()).collect()
}

/// An answer as it is compared: status, headers and body without what is of the one request, as texts.
pub(super) fn compared(whose: &Whose, answer: &Answer, strangers: &[&str]) -> (u16, String) {
    let mut body = answer.body.clone();
    for object in [Some(&mut body)].into_iter().flatten() {
        if let Some(error) = object.get_mut("error").and_then(|error| error.as_object_mut()) {
            error.remove("trace");
        }
        if let Some(object) = object.as_object_mut() {
            object.remove("trace");
        }
    }
    let passing = |name: &str| name == "x-request-id" || name == header::DATE.as_str();
    let mut text = String::new();
    for (name, value) in answer.headers.iter().filter(|(name, _)| !passing(name.as_str())) {
        // A text of another length would tell by its length, but names are of one length.
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    (answer.status.as_u16(), whose.blank(&format!("{text}{body}"), strangers))
}
