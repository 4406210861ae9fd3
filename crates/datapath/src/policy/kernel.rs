//! The policy maps of the kernel: read as a whole, written one kind at a time.

use std::collections::BTreeMap;

use pintle_core::id::RuleId;

use super::image::{Image, Write};
use super::state::Room;
use crate::datapath::Datapath;
use crate::entry::Entry;
use crate::entry::policy::{Identity, Local, Name, Policy, Prefix, Row, RuleBits, Span};
use crate::error::Result;
use crate::table::Table;

/// Room in the maps that are open.
pub(crate) fn room(datapath: &Datapath) -> Room {
    Room::from_maps(|map| datapath.map(map).max_entries())
}

/// Reads everything that the policy maps hold.
pub(crate) fn read(datapath: &Datapath) -> Result<Image> {
    fn each<E: Entry>(
        datapath: &Datapath,
        image: &mut Image,
        write: impl Fn(E::Key, E) -> Option<Write>,
    ) -> Result<()> {
        for (key, entry) in datapath.table::<E>().entries()? {
            if let Some(write) = write(key, entry) {
                image.apply(&write);
            }
        }
        Ok(())
    }
    let mut image = Image::default();
    let i = &mut image;
    each::<Name>(datapath, i, |key, name| (key.kind != super::acl::NAME_KIND).then_some(Write::Name(key, Some(name))))?;
    each::<Policy>(datapath, i, |key, policy| (policy != Policy::default()).then_some(Write::Policy(key, policy)))?;
    each::<Local>(datapath, i, |key, local| Some(Write::Local(key, Some(local.0))))?;
    each::<Prefix>(datapath, i, |key, prefix| Some(Write::Prefix(key, Some(prefix.0))))?;
    each::<Identity>(datapath, i, |key, identity| Some(Write::Identity(key, Some(identity.0))))?;
    each::<Row>(datapath, i, |key, row| Some(Write::Row(key, Some(row))))?;
    each::<Span>(datapath, i, |key, span| (span.rule != 0).then_some(Write::Span(key, span)))?;
    let first_acl_rule = room(datapath).spans;
    each::<RuleBits>(datapath, i, |key, bits| {
        (bits.0 != 0 && key < first_acl_rule).then_some(Write::Rule(key, RuleId::from_bits(bits.0)))
    })?;
    Ok(image)
}

/// Does the writes in their order, neighbours of one kind with one system call.
pub(crate) fn write(datapath: &Datapath, writes: &[Write]) -> Result<()> {
    fn put<E: Entry>(
        datapath: &Datapath,
        writes: &[Write],
        entry: impl Fn(&Write) -> Option<(E::Key, Option<E>)>,
    ) -> Result<()> {
        let table: Table<'_, E> = datapath.table();
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        for (key, value) in writes.iter().filter_map(entry) {
            match value {
                Some(value) => puts.push((key, value)),
                None => deletes.push(key),
            }
        }
        table.put_many(&puts)?;
        table.delete_many(&deletes)
    }
    for same in writes.chunk_by(|left, right| left.kind() == right.kind()) {
        let Some(first) = same.first() else { continue };
        match first {
            Write::Name(..) => put::<Name>(datapath, same, |write| match write {
                Write::Name(key, name) => Some((*key, name.clone())),
                _ => None,
            }),
            Write::Rule(..) => put::<RuleBits>(datapath, same, |write| match write {
                Write::Rule(number, id) => Some((*number, Some(RuleBits(id.bits())))),
                _ => None,
            }),
            Write::Span(..) => put::<Span>(datapath, same, |write| match write {
                Write::Span(number, span) => Some((*number, Some(*span))),
                _ => None,
            }),
            Write::Row(..) => put::<Row>(datapath, same, |write| match write {
                Write::Row(key, row) => Some((*key, *row)),
                _ => None,
            }),
            Write::Prefix(..) => put::<Prefix>(datapath, same, |write| match write {
                Write::Prefix(key, class) => Some((*key, class.map(Prefix))),
                _ => None,
            }),
            Write::Identity(..) => put::<Identity>(datapath, same, |write| match write {
                Write::Identity(key, class) => Some((*key, class.map(Identity))),
                _ => None,
            }),
            Write::Local(..) => put::<Local>(datapath, same, |write| match write {
                Write::Local(key, gate) => Some((*key, gate.map(Local))),
                _ => None,
            }),
            Write::Policy(..) => put::<Policy>(datapath, same, |write| match write {
                Write::Policy(number, policy) => Some((*number, Some(*policy))),
                _ => None,
            }),
        }?;
    }
    Ok(())
}

/// How many writes of each map there are, for logs.
pub(crate) fn summary(writes: &[Write]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for write in writes {
        *counts.entry(write.kind().0.text()).or_default() += 1;
    }
    counts
}
