//! Answers in XML: elements, sets of items, moments, as EC2 writes them.

use std::borrow::Cow;

use pintle_core::model::{Tags, Timestamp};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::wire;

/// A document, or a piece of one, that is being written.
pub struct Xml(Writer<Vec<u8>>);

impl std::fmt::Debug for Xml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0.get_ref()))
    }
}

impl Xml {
    /// A whole document with this root element.
    pub fn document(root: &str, namespace: Option<&str>, body: impl FnOnce(&mut Xml)) -> Vec<u8> {
        let mut xml = Xml::piece();
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let mut start = BytesStart::new(root);
        if let Some(namespace) = namespace {
            start.push_attribute(("xmlns", namespace));
        }
        xml.event(Event::Start(start));
        body(&mut xml);
        xml.event(Event::End(BytesEnd::new(root)));
        xml.into_bytes()
    }

    /// The beginning of a piece of a document.
    pub fn piece() -> Xml {
        Xml(Writer::new(Vec::with_capacity(1024)))
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }

    fn event(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("writing to memory");
    }

    /// `<name>value</name>`, or `<name/>` for an empty value.
    pub fn text(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        if value.is_empty() {
            return self.empty(name);
        }
        self.event(Event::Start(BytesStart::new(name)));
        self.event(Event::Text(BytesText::new(&writable(&value))));
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// The text of the element that is being written.
    pub fn itself(&mut self, value: &str) {
        self.event(Event::Text(BytesText::new(&writable(value))));
    }

    /// As [`Xml::text`], and nothing at all where there is no value.
    pub fn option(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A moment: ISO 8601 in UTC, in whole seconds written with milliseconds, as EC2 does.
    pub fn time(&mut self, name: &str, moment: Timestamp) {
        self.text(name, self::moment(moment));
    }

    /// `<name/>`.
    pub fn empty(&mut self, name: &str) {
        self.event(Event::Empty(BytesStart::new(name)));
    }

    /// An element with elements in it.
    pub fn nest(&mut self, name: &str, body: impl FnOnce(&mut Xml)) {
        self.event(Event::Start(BytesStart::new(name)));
        body(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// `<name><item>…</item>…</name>`, or `<name/>` for no items.
    pub fn set<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Xml, T)) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return self.empty(name);
        }
        self.nest(name, |xml| items.for_each(|one| xml.nest("item", |xml| item(xml, one))));
    }

    /// `<name><item>value</item>…</name>`, or `<name/>` for no values.
    pub fn values(&mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return self.empty(name);
        }
        self.nest(name, |xml| values.for_each(|value| xml.text("item", value)));
    }

    /// A set whose items (with their `<item>` around them) were written as a piece.
    pub fn set_of_pieces(&mut self, name: &str, items: &[u8]) {
        if items.is_empty() {
            return self.empty(name);
        }
        self.event(Event::Start(BytesStart::new(name)));
        self.0.get_mut().extend_from_slice(items);
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// A piece that was written apart.
    pub fn piece_of(&mut self, piece: &[u8]) {
        self.0.get_mut().extend_from_slice(piece);
    }

    /// `<tagSet>`, also when there are none.
    pub fn tags(&mut self, tags: &Tags) {
        self.set("tagSet", tags.iter(), |xml, (key, value)| {
            xml.text("key", key);
            xml.text("value", value);
        });
    }

    /// `<return>true</return>`: what an operation answers that has nothing to show.
    pub fn done(&mut self) {
        self.text("return", true);
    }
}

/// A moment as answers and filters write it: in whole seconds, with milliseconds.
pub(super) fn moment(moment: Timestamp) -> String {
    wire::timestamp(Timestamp(moment.0 / 1000 * 1000))
}

/// A text without the characters that XML 1.0 can't carry, which records may have from other front ends.
fn writable(text: &str) -> Cow<'_, str> {
    if text.chars().all(carried) {
        return text.into();
    }
    text.chars().map(|c| if carried(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether XML 1.0 can carry this character.
pub(super) fn carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: impl FnOnce(&mut Xml)) -> String {
        let mut xml = Xml::piece();
        body(&mut xml);
        String::from_utf8(xml.into_bytes()).unwrap()
    }

    #[test]
    fn empty_absent_and_escaped() {
        assert_eq!(written(|xml| xml.text("a", "")), "<a/>");
        assert_eq!(written(|xml| xml.option("a", None::<&str>)), "");
        assert_eq!(written(|xml| xml.text("a", "<&>")), "<a>&lt;&amp;&gt;</a>");
        assert_eq!(written(|xml| xml.text("a", "x\u{1}y")), "<a>x\u{fffd}y</a>");
        assert_eq!(
            written(|xml| xml.set("s", [1, 2], |xml, n| xml.text("n", n))),
            "<s><item><n>1</n></item><item><n>2</n></item></s>"
        );
        assert_eq!(written(|xml| xml.set("s", [0; 0], |xml, n| xml.text("n", n))), "<s/>");
        assert_eq!(written(|xml| xml.values("s", [1, 2])), "<s><item>1</item><item>2</item></s>");
        assert_eq!(written(|xml| xml.values("s", [0; 0])), "<s/>");
        assert_eq!(written(|xml| xml.time("t", Timestamp(1_790_000_000_123))), "<t>2026-09-21T14:13:20.000Z</t>");
    }
}
