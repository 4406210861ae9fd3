//! Reading what is stored as a whole, at start: attachments, instances, shares and public gateways, never the interfaces that wait
//! unattached.

use std::collections::BTreeSet;

use pintle_core::compile::{self, Carriers, Subject, subjects_of_vpc};
use pintle_core::id::VpcId;
use pintle_core::model::{Attachment, Instance, PublicGateway, Share};
use pintle_core::record::Record;
use pintle_core::refusal::DecideError;
use pintle_core::txn::Snapshot;

use super::Compiled;

/// How many records are in memory at once.
const PAGE: usize = 500;

/// Calls `each` for every record of a kind, a page at a time.
///
/// # Errors
/// When the store can't be read or holds something else there.
pub(crate) fn for_each<R: Record>(
    snapshot: &dyn Snapshot,
    mut each: impl FnMut(R, pintle_core::txn::Revision) -> Result<(), DecideError>,
) -> Result<(), DecideError> {
    let prefix = format!("{}/", R::KIND);
    let mut start = String::new();
    loop {
        let page = snapshot.list(&prefix, &start, PAGE)?;
        for stored in &page {
            let record = serde_json::from_slice(&stored.value)
                .map_err(|error| DecideError::Corrupt { key: stored.key.clone(), detail: error.to_string() })?;
            each(record, stored.modified)?;
        }
        match page.last() {
            // The smallest key after the last one.
            Some(last) if page.len() == PAGE => start = format!("{}\0", last.key),
            _ => return Ok(()),
        }
    }
}

/// Which hosts carry which VPCs, and every subject that may have entries.
///
/// # Errors
/// When the store can't be read.
pub fn attached(snapshot: &dyn Snapshot) -> Result<(Carriers, BTreeSet<Subject>), DecideError> {
    let mut carriers = Carriers::default();
    let mut vpcs: BTreeSet<VpcId> = BTreeSet::new();
    let mut subjects = BTreeSet::new();
    for_each::<Attachment>(snapshot, |attachment, _| {
        if carriers.update(attachment.id, Some(&attachment)) {
            vpcs.insert(attachment.vpc);
        }
        subjects.insert(Subject::Vni(attachment.vni));
        Ok(())
    })?;
    for_each::<PublicGateway>(snapshot, |gateway, _| {
        if carriers.update_gateway(gateway.id, Some(&gateway)) {
            vpcs.insert(gateway.vpc);
        }
        Ok(())
    })?;
    for vpc in vpcs {
        subjects.extend(subjects_of_vpc(snapshot, vpc)?);
    }
    for_each::<Instance>(snapshot, |instance, _| {
        subjects.insert(Subject::Instance(instance.id));
        Ok(())
    })?;
    for_each::<Share>(snapshot, |share, _| {
        subjects.insert(Subject::Share(share.id));
        Ok(())
    })?;
    Ok((carriers, subjects))
}

/// The entries of some subjects.
///
/// # Errors
/// When the store can't be read.
pub fn compile(
    snapshot: &dyn Snapshot,
    carriers: &Carriers,
    subjects: impl IntoIterator<Item = Subject>,
) -> Result<Compiled, DecideError> {
    subjects.into_iter().map(|subject| Ok((subject, compile::subject(snapshot, carriers, subject)?))).collect()
}

/// The entries of everything that is stored, from scratch.
///
/// # Errors
/// When the store can't be read.
pub fn compile_all(snapshot: &dyn Snapshot) -> Result<Compiled, DecideError> {
    let (carriers, subjects) = attached(snapshot)?;
    compile(snapshot, &carriers, subjects)
}
