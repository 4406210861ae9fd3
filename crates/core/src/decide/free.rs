//! The search for a free IPv4 address: keys of taken ones sort by address, so a gap between keys is a free address.
//!
//! Which free address is tried first is only a hint that moves on with each allocation, so an address that was just given
//! back rests before it is given out again.

use std::net::Ipv4Addr;

use crate::draft::Draft;
use crate::refusal::DecideError;

/// How many address keys are looked at in one read while searching for a gap: one at first, because what follows the hint is
/// nearly always free, and ever more where it is not.
const STRIDES: [usize; 3] = [1, 16, 256];

/// Where to look for an address that is free.
pub(super) struct Search<'a> {
    /// What the keys of taken addresses begin with; 8 hexadecimal digits follow.
    pub(super) taken: &'a str,
    /// The first address of the range.
    pub(super) first: Ipv4Addr,
    /// The last address of the range.
    pub(super) last: Ipv4Addr,
    /// The key of the address that was given out last.
    pub(super) hint: &'a str,
}

impl Search<'_> {
    /// The next address without a key, from the hint on and around. `skip` says of an address up to where nothing is free
    /// although it has no key.
    pub(super) fn next(
        &self,
        draft: &Draft<'_>,
        skip: impl Fn(Ipv4Addr) -> Result<Option<Ipv4Addr>, DecideError>,
    ) -> Result<Option<Ipv4Addr>, DecideError> {
        let (first, last) = (u32::from(self.first), u32::from(self.last));
        let hint = draft
            .hint(self.hint)?
            .and_then(|value| String::from_utf8(value).ok())
            .and_then(|text| text.parse::<Ipv4Addr>().ok())
            .map_or(first, u32::from)
            .clamp(first, last);
        for (mut from, to) in [(hint.saturating_add(1), last), (first, hint)] {
            while let Some(address) = self.gap(draft, from, to)? {
                let Some(until) = skip(address)? else { return Ok(Some(address)) };
                match u32::from(until).checked_add(1) {
                    Some(next) => from = next,
                    None => break,
                }
            }
        }
        Ok(None)
    }

    /// The lowest address from `from` to `to` that has no key.
    fn gap(&self, draft: &Draft<'_>, from: u32, to: u32) -> Result<Option<Ipv4Addr>, DecideError> {
        let mut candidate = from;
        let mut strides = STRIDES.iter();
        let mut stride = 0;
        while candidate <= to {
            stride = strides.next().copied().unwrap_or(stride);
            let start = format!("{}{candidate:08x}", self.taken);
            let keys = draft.keys_hint(self.taken, &start, stride)?;
            for key in &keys {
                let held = u32::from_str_radix(&key[self.taken.len()..], 16).unwrap_or(u32::MAX);
                if held != candidate {
                    return Ok((candidate <= to).then(|| candidate.into()));
                }
                match candidate.checked_add(1) {
                    Some(next) => candidate = next,
                    None => return Ok(None),
                }
            }
            if keys.len() < stride {
                return Ok((candidate <= to).then(|| candidate.into()));
            }
        }
        Ok(None)
    }
}
