//! Which host an instance runs on.
//!
//! A zone's hosts are looked at a few at a time, from a random place on: with a thousand hosts
//! it costs what it costs with ten, and creations at the same time look at different ones and never wait for each other. The
//! one with the fewest ports of these few is taken, which keeps hosts about equally full (the power of a few choices). Only
//! when none of them has room are the others looked at.

use crate::command::CreateInstance;
use crate::draft::Draft;
use crate::id::HostId;
use crate::model::{Host, Vpc};
use crate::record;
use crate::refusal::{DecideError, Refusal};

/// How many hosts are looked at before one is taken.
const AT_ONCE: usize = 4;
/// How many are looked at together once those had no room.
const IN_NEED: usize = 64;

/// The host that is named, or one of the zone.
pub(super) fn choose(draft: &mut Draft<'_>, vpc: &Vpc, create: &CreateInstance) -> Result<Host, DecideError> {
    if let Some(id) = create.host {
        let host = draft.named_host(id)?;
        draft.check_zone(&vpc.owner, &host.zone)?;
        if let Some(zone) = &create.zone {
            check_in(&host, zone)?;
        }
        return Ok(host);
    }
    let Some(zone) = &create.zone else {
        return Err(Refusal::invalid("zone", "", "it is needed when no host is named").into());
    };
    draft.check_zone(&vpc.owner, zone)?;
    let wanted = usize::from(create.primary.is_some()) + create.attachments.len();
    in_place(draft, None, zone, wanted as u64)
}

fn check_in(host: &Host, zone: &str) -> Result<(), Refusal> {
    if host.zone == zone {
        return Ok(());
    }
    let rule = format!("host {} is in zone '{}'", host.id, host.zone);
    Err(Refusal::invalid("zone", zone, rule))
}

/// The host that is named, which must be in this zone, or one of the zone with room for so many ports.
pub(super) fn in_place(
    draft: &mut Draft<'_>,
    host: Option<HostId>,
    zone: &str,
    wanted: u64,
) -> Result<Host, DecideError> {
    if let Some(id) = host {
        let host = draft.named_host(id)?;
        check_in(&host, zone)?;
        return Ok(host);
    }
    with_room(draft, zone, wanted)?.ok_or_else(|| Refusal::NoHost { zone: zone.to_owned() }.into())
}

/// A host of a zone with room for so many ports, from a random place on: hosts' ids are in no order.
fn with_room(draft: &mut Draft<'_>, zone: &str, wanted: u64) -> Result<Option<Host>, DecideError> {
    let prefix = record::hosts_of_zone(zone);
    let begin = format!("{prefix}{}", HostId::from_bits(draft.ids.bits()));
    let mut few = draft.keys_hint(&prefix, &begin, AT_ONCE)?;
    let missing = AT_ONCE - few.len();
    few.extend(draft.keys_hint(&prefix, "", missing)?.into_iter().filter(|key| *key < begin));
    if let Some(host) = emptiest(draft, &few, prefix.len(), wanted)? {
        return Ok(Some(host));
    }
    let mut from = String::new();
    loop {
        let more = draft.keys_hint(&prefix, &from, IN_NEED)?;
        let Some(last) = more.last() else { return Ok(None) };
        from = format!("{last}\0");
        if let Some(host) = emptiest(draft, &more, prefix.len(), wanted)? {
            return Ok(Some(host));
        }
    }
}

/// The one of these hosts that has the fewest instances, of those that have room.
fn emptiest(draft: &mut Draft<'_>, keys: &[String], prefix: usize, wanted: u64) -> Result<Option<Host>, DecideError> {
    let mut best: Option<(u64, HostId)> = None;
    for id in keys.iter().filter_map(|key| key[prefix..].parse::<HostId>().ok()) {
        let Some(room) = draft.hint_of::<Host>(id)?.map(|host| u64::from(host.max_ports)) else { continue };
        let ports = draft.count_hint(&record::attachments_of_host(id))?;
        if ports + wanted > room {
            continue;
        }
        let load = draft.count_hint(&record::instances_of_host(id))?;
        if best.is_none_or(|(least, _)| load < least) {
            best = Some((load, id));
        }
    }
    // Only the one that is taken is relied upon: if it goes meanwhile, another is looked for.
    best.map(|(_, id)| draft.get(id)).transpose()
}
