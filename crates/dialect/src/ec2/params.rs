//! Request parameters: `Name`, `Name.N`, `Name.N.Field`, read one by one; what nobody read is refused.
//!
//! A reader takes what it reads out of the request, so [`Params::finish`] knows what the operation does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use pintle_core::model::Tags;
use pintle_core::refusal::Noun;
use sha2::{Digest, Sha256};

use super::error::{Ec2Error, short};
use super::ids::{Ec2Id, parse_id};
use super::xml::carried;

/// The parameter that holds a request's token.
const TOKEN: &str = "ClientToken";
/// The most parameters that one request may have.
const MOST: usize = 20_000;
/// The most things that one list of a request may name (EC2's limit for tags): each is looked up.
const MOST_NAMED: usize = 1000;

/// The parameters of a request, or those below one item of a list.
#[derive(Debug, Clone, Default)]
pub struct Params {
    pairs: BTreeMap<String, String>,
    /// What all names begin with just now: empty, or such as `Filter.1`.
    path: String,
    /// What the request says beside its command, as far as it has been read.
    beside: Beside,
    /// What has been named so far.
    named: Named,
    /// What the whole request says but for its token, if it has one.
    fingerprint: String,
    /// What was asked for, where somebody wants to know.
    asked: Option<BTreeMap<String, Asked>>,
}

/// As what an operation asks for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// A text, whatever becomes of it.
    Text,
    /// An id of what has ids that begin so.
    Id(&'static str),
    /// A list or a structure: what is in it is asked for where the request has one.
    Inner,
}

/// What a request says beside its command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The tags of what it makes.
    pub tags: Vec<(Noun, Tags)>,
    /// By what it is known when it comes again: `ClientToken`, and what else it says.
    pub token: Option<(String, String)>,
}

/// What a request names, as the operation reads it: no other value is a name of anything, whatever it looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// What is called by its id.
    pub ids: Vec<String>,
    /// Whether anything is called otherwise.
    pub otherwise: bool,
}

impl Params {
    /// From the text of a form or a query string.
    ///
    /// # Errors
    /// `MalformedQueryString` when it is not UTF-8, `InvalidQueryParameter` when a parameter comes twice,
    /// `InvalidCharacter` when a value could never be shown again.
    pub fn parse(form: &[u8]) -> Result<Self, Ec2Error> {
        let mut pairs = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(form) {
            if pairs.len() >= MOST {
                return Err(Ec2Error::new("InvalidQueryParameter", format!("A request has at most {MOST} parameters")));
            }
            if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(Ec2Error::new("MalformedQueryString", "The query string is not UTF-8"));
            }
            if !value.chars().all(carried) {
                let message = format!("The value of {} has a character that is not allowed", short(&name));
                return Err(Ec2Error::new("InvalidCharacter", message));
            }
            if pairs.contains_key(&*name) {
                let message = format!("The parameter {} is given more than once", short(&name));
                return Err(Ec2Error::new("InvalidQueryParameter", message));
            }
            pairs.insert(name.into_owned(), value.into_owned());
        }
        let fingerprint = if pairs.contains_key(TOKEN) { fingerprint(&pairs) } else { String::new() };
        Ok(Params {
            pairs,
            path: String::new(),
            beside: Beside::default(),
            named: Named::default(),
            fingerprint,
            asked: None,
        })
    }

    /// As [`Params::parse`]; beside, [`Params::asked`] will tell what an operation has asked for: a test can know an operation's
    /// parameters without a list of its own.
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub fn watched(form: &[u8]) -> Result<Self, Ec2Error> {
        Ok(Params { asked: Some(BTreeMap::new()), ..Params::parse(form)? })
    }

    /// What has been asked for, by its full name with `N` for the numbers of items; nothing where nobody watches.
    pub fn asked(&self) -> impl Iterator<Item = (&str, Asked)> {
        self.asked.iter().flatten().map(|(name, kind)| (name.as_str(), *kind))
    }

    fn note(&mut self, name: &str, kind: Asked) {
        let full = self.full(name);
        let Some(asked) = &mut self.asked else { return };
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = full.split('.').map(|part| if number(part) { "N" } else { part }).collect();
        let known = asked.entry(parts.join(".")).or_insert(kind);
        *known = (*known).max(kind);
    }

    /// The name as it stands in the request.
    fn full(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// The token by which the request is known when it comes again: `ClientToken`. The request is carried out once.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it is longer than 64 characters or not ASCII.
    pub fn client_token(&mut self) -> Result<Option<String>, Ec2Error> {
        let Some(token) = self.text(TOKEN).filter(|token| !token.is_empty()) else { return Ok(None) };
        if token.len() > 64 || !token.is_ascii() {
            return Err(Ec2Error::value(TOKEN, &token, "It must have 64 ASCII characters at most."));
        }
        self.beside.token = Some((token.clone(), self.fingerprint.clone()));
        Ok(Some(token))
    }

    /// The tags of what the request makes: `TagSpecification.N`, of one type of resource.
    ///
    /// # Errors
    /// As [`Params::tagged_any`].
    pub fn tagged(&mut self, kind: &str, noun: Noun) -> Result<(), Ec2Error> {
        self.tagged_any(&[(kind, noun)])
    }

    /// The tags of what the request makes: `TagSpecification.N`, of any of these types of resources.
    ///
    /// # Errors
    /// `InvalidParameterValue` for another type or a tag that is not allowed, `TagLimitExceeded`.
    pub fn tagged_any(&mut self, kinds: &[(&str, Noun)]) -> Result<(), Ec2Error> {
        let given = self.list("TagSpecification", |item| {
            let kind = item.required_text("ResourceType")?;
            let Some((_, noun)) = kinds.iter().find(|(known, _)| *known == kind) else {
                let known: Vec<&str> = kinds.iter().map(|(known, _)| *known).collect();
                let rule = format!("This request makes: {}.", known.join(", "));
                return Err(Ec2Error::value(&item.full("ResourceType"), &kind, rule));
            };
            Ok((*noun, item.tags("Tag")?))
        })?;
        self.beside.tags.extend(given);
        Ok(())
    }

    /// A list of tags: `Name.N.Key`, `Name.N.Value`.
    ///
    /// # Errors
    /// `InvalidParameterValue` for one that is not allowed, `TagLimitExceeded`.
    pub fn tags(&mut self, name: &str) -> Result<Tags, Ec2Error> {
        let pairs = self.list(name, |tag| Ok((tag.required_text("Key")?, tag.text("Value").unwrap_or_default())))?;
        Tags::new(pairs).map_err(Ec2Error::from)
    }

    /// What has been read beside the command.
    pub fn take_beside(&mut self) -> Beside {
        std::mem::take(&mut self.beside)
    }

    /// What has been named.
    pub fn take_named(&mut self) -> Named {
        std::mem::take(&mut self.named)
    }

    /// Says that what was just read calls something that is there by its name, its address, or an id of what is only a part.
    pub fn names_otherwise(&mut self) {
        self.named.otherwise = true;
    }

    fn named<I: Ec2Id>(&mut self, text: String) -> Result<I, Ec2Error> {
        let id = parse_id(&text)?;
        self.named.ids.push(text);
        Ok(id)
    }

    /// Takes a parameter, and all that stands below its name, which the operation has and which means nothing here.
    pub fn leave(&mut self, name: &str) {
        let full = self.full(name);
        let below = format!("{full}.");
        self.pairs.retain(|key, _| *key != full && !key.starts_with(&below));
    }

    /// A text that may be absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.note(name, Asked::Text);
        self.pairs.remove(&self.full(name))
    }

    /// A text that must be there and not be empty.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn required_text(&mut self, name: &str) -> Result<String, Ec2Error> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| Ec2Error::missing(&self.full(name)))
    }

    /// The value of a list's item itself: of `Name.N`.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn itself(&mut self) -> Result<String, Ec2Error> {
        self.required_text("")
    }

    /// A value with a text form, such as an address or a range; `what` says what it must be.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>, Ec2Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Ec2Error::value(&self.full(name), &text, format!("It must be {what}.")))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Ec2Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.as_str() {
            _ if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            _ if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(Ec2Error::value(&self.full(name), &text, "It must be true or false.")),
        }
    }

    /// A whole number within a range.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub fn number<T>(&mut self, name: &str, range: std::ops::RangeInclusive<T>) -> Result<Option<T>, Ec2Error>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let rule = || format!("It must be a whole number from {} to {}.", range.start(), range.end());
        number.map(Some).ok_or_else(|| Ec2Error::value(&self.full(name), &text, rule()))
    }

    /// An id that may be absent.
    ///
    /// # Errors
    /// The kind's `Malformed` or `NotFound` code.
    pub fn id<I: Ec2Id>(&mut self, name: &str) -> Result<Option<I>, Ec2Error> {
        self.note(name, Asked::Id(I::PREFIX));
        self.text(name).filter(|text| !text.is_empty()).map(|text| self.named(text)).transpose()
    }

    /// An id that must be there.
    ///
    /// # Errors
    /// `MissingParameter`, or as [`Params::id`].
    pub fn required_id<I: Ec2Id>(&mut self, name: &str) -> Result<I, Ec2Error> {
        self.note(name, Asked::Id(I::PREFIX));
        let text = self.required_text(name)?;
        self.named(text)
    }

    /// A list of ids: `Name.N`; each comes once, where it was named first.
    ///
    /// # Errors
    /// As [`Params::id`] and [`Params::few`].
    pub fn ids<I: Ec2Id + Copy + Ord>(&mut self, name: &str) -> Result<Vec<I>, Ec2Error> {
        self.note(&format!("{name}.N"), Asked::Id(I::PREFIX));
        let mut ids: Vec<I> = self.few(name, |item| {
            let text = item.itself()?;
            item.named(text)
        })?;
        let mut named = BTreeSet::new();
        ids.retain(|id| named.insert(*id));
        Ok(ids)
    }

    /// A list of texts: `Name.N`.
    ///
    /// # Errors
    /// `MissingParameter` for an empty one, or as [`Params::few`].
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Ec2Error> {
        self.few(name, Params::itself)
    }

    /// A list of what is worked on one by one: as [`Params::list`], and no longer than such a list may be.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it is longer, or what `each` returns.
    pub fn few<T>(
        &mut self,
        name: &str,
        each: impl FnMut(&mut Params) -> Result<T, Ec2Error>,
    ) -> Result<Vec<T>, Ec2Error> {
        let items = self.list(name, each)?;
        if items.len() > MOST_NAMED {
            let message = format!("The list {} can have {MOST_NAMED} items at most", self.full(name));
            return Err(Ec2Error::new("InvalidParameterValue", message));
        }
        Ok(items)
    }

    /// A list: `each` reads one item by the names below it. Numbers may leave gaps; items come in their order.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn list<T>(
        &mut self,
        name: &str,
        mut each: impl FnMut(&mut Params) -> Result<T, Ec2Error>,
    ) -> Result<Vec<T>, Ec2Error> {
        self.note(name, Asked::Inner);
        let list = self.full(name);
        let numbers = self.numbers(&list);
        let mut items = Vec::with_capacity(numbers.len());
        for number in numbers {
            let outer = std::mem::replace(&mut self.path, format!("{list}.{number}"));
            let item = each(self);
            self.path = outer;
            items.push(item?);
        }
        Ok(items)
    }

    /// A structure: `inner` reads its members by the names below `name`; `None` when there are none.
    ///
    /// # Errors
    /// What `inner` returns.
    pub fn structure<T>(
        &mut self,
        name: &str,
        inner: impl FnOnce(&mut Params) -> Result<T, Ec2Error>,
    ) -> Result<Option<T>, Ec2Error> {
        self.note(name, Asked::Inner);
        let path = self.full(name);
        let prefix = format!("{path}.");
        if !self.pairs.range(prefix.clone()..).next().is_some_and(|(name, _)| name.starts_with(&prefix)) {
            return Ok(None);
        }
        let outer = std::mem::replace(&mut self.path, path);
        let read = inner(self);
        self.path = outer;
        read.map(Some)
    }

    fn numbers(&self, list: &str) -> Vec<u32> {
        let prefix = format!("{list}.");
        let below = self.pairs.range(prefix.clone()..).map(|(name, _)| name);
        let mut numbers: Vec<u32> = below
            .take_while(|name| name.starts_with(&prefix))
            .filter_map(|name| {
                let digits = name[prefix.len()..].split('.').next()?;
                // Only the plain form of a number: what else there is stays unread and is refused.
                digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// All that is there, for whoever binds something to the whole request: name and value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `UnknownParameter` for what nobody has read.
    pub fn finish(self) -> Result<(), Ec2Error> {
        match self.pairs.keys().next() {
            None => Ok(()),
            Some(name) => Err(Ec2Error::unknown_parameter(name)),
        }
    }
}

fn fingerprint(pairs: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in pairs.iter().filter(|(name, _)| !matches!(name.as_str(), TOKEN | "DryRun")) {
        for text in [name, value] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pintle_core::id::VniId;

    fn params(text: &str) -> Params {
        Params::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn lists_may_have_gaps_and_are_sorted_by_number() {
        let mut params = params("A.10=ten&A.2=two&A.1=one&B.3.C=x&B.3.D.1=y");
        assert_eq!(params.texts("A").unwrap(), ["one", "two", "ten"]);
        let pairs = params.list("B", |item| Ok((item.text("C"), item.texts("D")?))).unwrap();
        assert_eq!(pairs, [(Some("x".to_owned()), vec!["y".to_owned()])]);
        params.finish().unwrap();
    }

    #[test]
    fn what_is_worked_on_one_by_one_is_no_more_than_a_thousand_and_each_id_comes_once() {
        let many =
            |count: u64| (1..=count).map(|n| format!("A.{n}={}&", VniId::from_bits(n % 1000))).collect::<String>();
        assert_eq!(params(&many(1000)).ids::<VniId>("A").unwrap().len(), 1000);
        assert_eq!(params(&many(1001)).ids::<VniId>("A").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(params(&many(1001)).texts("A").unwrap_err().message, "The list A can have 1000 items at most");
        let [a, b] = [7, 3].map(VniId::from_bits);
        assert_eq!(params(&format!("A.1={a}&A.2={b}&A.3={a}")).ids::<VniId>("A").unwrap(), [a, b]);
    }

    #[test]
    fn only_what_is_read_as_an_id_names_something() {
        let [a, b, c] = [1, 2, 3].map(|bits| VniId::from_bits(bits).to_string());
        let mut params = params(&format!("A={a}&B.1={b}&Text={c}&Name=web"));
        params.id::<VniId>("A").unwrap();
        params.ids::<VniId>("B").unwrap();
        assert!(params.text("Text").is_some() && params.text("Name").is_some());
        assert_eq!(params.clone().take_named(), Named { ids: vec![a, b], otherwise: false });
        params.names_otherwise();
        assert!(params.take_named().otherwise);
    }

    #[test]
    fn what_nobody_read_is_refused() {
        for left in ["A=1", "A.01=x", "A.1.B=x", "A.x=1", "A.=1", "A.99999999999999999999=1"] {
            let mut params = params(left);
            let _ = params.texts("A");
            let error = params.finish().unwrap_err();
            assert_eq!(error.code, "UnknownParameter", "{left}");
        }
    }

    #[test]
    fn values_are_checked_with_their_full_name() {
        let read = |text: &str| params(text).list("F", |item| item.number("N", 5..=1000)).unwrap_err();
        assert_eq!(
            read("F.1.N=4").message,
            "Value (4) for parameter F.1.N is invalid. It must be a whole number from 5 to 1000."
        );
        assert_eq!(params("D=maybe").flag("D").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(params("D=True").flag("D").unwrap(), Some(true));
        assert_eq!(params("").required_text("X").unwrap_err().message, "The request must contain the parameter X");
        assert_eq!(params("E=nonsense").id::<VniId>("E").unwrap_err().code, "InvalidNetworkInterfaceId.Malformed");
        let gone = params("E=eni-1234567890abcdef0").id::<VniId>("E").unwrap_err();
        assert_eq!(gone.code, "InvalidNetworkInterfaceID.NotFound");
    }

    #[test]
    fn twice_not_text_and_control_characters_are_refused() {
        for (form, code) in
            [("A=1&A=2", "InvalidQueryParameter"), ("A=%ff", "MalformedQueryString"), ("A=%01", "InvalidCharacter")]
        {
            assert_eq!(Params::parse(form.as_bytes()).unwrap_err().code, code, "{form}");
        }
    }
}
