//! Pages of lists that are at hand whole: what lies within one record, or belongs to one.

use super::caller::Caller;
use super::describe::{bad_token, fingerprint, open_token, seal_token};
use super::error::Ec2Error;
use super::params::Params;
use super::xml::Xml;

/// Which page of a list a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// The most items that the page shows.
    limit: usize,
    /// How many come before it.
    skip: usize,
    query: [u8; 8],
}

impl Slice {
    /// Reads `MaxResults` and `NextToken`. It comes before all else that is read: a token fits the very same request only.
    ///
    /// # Errors
    /// `InvalidParameterValue`, `InvalidNextToken`.
    pub(super) fn read(
        params: &mut Params,
        caller: &Caller,
        set: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<Self, Ec2Error> {
        let token = params.text("NextToken").filter(|token| !token.is_empty());
        let most = *range.end();
        let limit = params.number("MaxResults", range)?.unwrap_or(most);
        let query = fingerprint(params, set, caller);
        let position = token.map(|token| open_token(&token, &query)).transpose()?;
        let skip = position.map_or(Ok(0), |position| position.parse().map_err(|_| bad_token()))?;
        Ok(Slice { limit, skip, query })
    }

    /// Writes the page, and the token of the next one.
    pub(super) fn write<T>(self, xml: &mut Xml, set: &str, items: &[T], mut item: impl FnMut(&mut Xml, &T)) {
        let end = items.len().min(self.skip.saturating_add(self.limit));
        xml.set(set, items.get(self.skip..end).unwrap_or_default(), |xml, one| item(xml, one));
        xml.option("nextToken", (end < items.len()).then(|| seal_token(&end.to_string(), &self.query)));
    }
}
