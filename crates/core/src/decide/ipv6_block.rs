//! Blocks of IPv6 that the server chooses for VPCs: each is one VPC's only.

use ipnet::Ipv6Net;

use super::ranges;
use crate::draft::{Draft, encode};
use crate::id::VpcId;
use crate::record;
use crate::refusal::{DecideError, Limited, Refusal};

/// The size of a block, as a prefix length (EC2's).
const LENGTH: u8 = 56;
/// Up to so many blocks are looked through one by one; where there are more, nearly all of them are free.
const FEW: u64 = 1 << 16;

/// Makes this the range that blocks come from; blocks that VPCs have stay theirs.
pub(super) fn configure(draft: &mut Draft<'_>, range: Option<Ipv6Net>) -> Result<(), DecideError> {
    if let Some(range) = range {
        ranges::check_ipv6("ipv6_range", range, 8..=LENGTH)?;
    }
    let value = range.map(|range| encode(&range));
    if draft.raw(record::IPV6_RANGE)? != value {
        match value {
            Some(value) => draft.put_raw(record::IPV6_RANGE.to_owned(), value),
            None => draft.delete_raw(record::IPV6_RANGE.to_owned()),
        }
    }
    Ok(())
}

/// Takes a block for a VPC.
pub(super) fn take(draft: &mut Draft<'_>, vpc: VpcId) -> Result<Ipv6Net, DecideError> {
    let range = range(draft)?;
    let count = 1u64 << (LENGTH - range.prefix_len());
    // Drawn at random: consecutive ones would tell a tenant how many others there are, and RFC 4193 (3.2.2) wants it.
    let first = draft.ids.bits() % count;
    for step in 0..count.min(FEW) {
        let number = if count <= FEW || step == 0 { (first + step) % count } else { draft.ids.bits() % count };
        let net = nth(range, number);
        if draft.hint(&record::provided_range_key(net))?.is_none()
            && draft.claim(record::provided_range_key(net), &vpc.to_string())?.is_ok()
        {
            return Ok(net);
        }
    }
    let what = format!("every /{LENGTH} of the server's IPv6 range {range} is a VPC's");
    Err(Refusal::Limit { of: Limited::Ranges, what, limit: count }.into())
}

/// Gives a block back.
pub(super) fn release(draft: &mut Draft<'_>, net: Ipv6Net) {
    draft.delete_raw(record::provided_range_key(net));
}

/// The range as configured, or all unique local addresses that are assigned locally (RFC 4193, 3.1).
fn range(draft: &mut Draft<'_>) -> Result<Ipv6Net, DecideError> {
    match draft.raw(record::IPV6_RANGE)? {
        Some(value) => crate::draft::decode_as(record::IPV6_RANGE, &value),
        None => Ok("fd00::/8".parse().expect("a literal range")),
    }
}

fn nth(range: Ipv6Net, number: u64) -> Ipv6Net {
    let bits = u128::from(range.network()) | u128::from(number) << (128 - LENGTH);
    Ipv6Net::new(bits.into(), LENGTH).expect("56 is a prefix length of IPv6")
}
