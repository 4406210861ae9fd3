//! Traffic per slot and drops per slot and reason, summed over the CPUs.

use std::collections::BTreeMap;

use pintle_core::DropReason;

use crate::error::{DatapathError, Result};
use crate::maps::Map;
use crate::skel::{Plain, types};

/// Traffic of one port since its counters were cleared. Frames as on a wire: a GSO packet counts as its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Frames from the guest that were forwarded or answered.
    pub tx_packets: u64,
    /// Their bytes, Ethernet header included.
    pub tx_bytes: u64,
    /// Frames handed to the guest's device.
    pub rx_packets: u64,
    /// Their bytes, Ethernet header included.
    pub rx_bytes: u64,
}

/// Packets that one port dropped for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drops {
    /// The port's slot; 0 for the host itself (the overlay, unknown devices).
    pub slot: u32,
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub packets: u64,
    /// Their bytes, Ethernet header included.
    pub bytes: u64,
}

/// The counters of the data plane.
#[derive(Debug, Clone, Copy)]
pub struct Counters<'a> {
    pub(crate) counters: &'a Map,
    pub(crate) drops: &'a Map,
    pub(crate) lost: &'a Map,
    pub(crate) limits: &'a Map,
}

impl Counters<'_> {
    /// Traffic of the port with this slot.
    ///
    /// # Errors
    /// When there is no such slot, or the kernel cannot read the map.
    pub fn traffic(&self, slot: u32) -> Result<Traffic> {
        self.check(slot)?;
        let values = self.counters.lookup(&slot.to_ne_bytes())?.unwrap_or_default();
        let mut sum = Traffic::default();
        for raw in values.chunks(size_of::<types::traffic>()).filter_map(types::traffic::from_bytes) {
            sum.tx_packets += raw.tx_packets;
            sum.tx_bytes += raw.tx_bytes;
            sum.rx_packets += raw.rx_packets;
            sum.rx_bytes += raw.rx_bytes;
        }
        Ok(sum)
    }

    /// Sets everything counted for a slot to zero, so that its next port starts afresh: traffic, drops, rate limit.
    ///
    /// # Errors
    /// When there is no such slot, or the kernel refuses.
    pub fn clear(&self, slot: u32) -> Result<()> {
        self.check(slot)?;
        let key = slot.to_ne_bytes();
        self.counters.update(&key, &vec![0; self.counters.stride()?])?;
        self.limits.update(&key, types::limit::default().bytes())?;
        for reason in DropReason::ALL {
            let key = types::drop_key { slot, reason: *reason as u32 };
            if self.drops.lookup(key.bytes())?.is_some() {
                self.drops.delete(key.bytes())?;
            }
        }
        Ok(())
    }

    /// Drops of every slot, in the order of slot and reason. What was never dropped is not listed.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn drops(&self) -> Result<Vec<Drops>> {
        let mut sums: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
        self.drops.for_each(|key, values| {
            if let Some(key) = types::drop_key::from_bytes(key) {
                // Assigned, not added to: a key that a concurrent insert made the kernel show twice counts once.
                sums.insert((key.slot, key.reason), sum_drops(values));
            }
        })?;
        let known = sums.into_iter().filter_map(|((slot, reason), (packets, bytes))| {
            let reason = u8::try_from(reason).ok().and_then(DropReason::from_number)?;
            Some(Drops { slot, reason, packets, bytes })
        });
        Ok(known.collect())
    }

    /// Packets dropped for this slot and reason.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn dropped(&self, slot: u32, reason: DropReason) -> Result<u64> {
        let key = types::drop_key { slot, reason: reason as u32 };
        let values = self.drops.lookup(key.bytes())?.unwrap_or_default();
        Ok(sum_drops(&values).0)
    }

    /// Packets that were dropped and could not be counted by reason, because the kernel had no memory for the entry.
    ///
    /// # Errors
    /// When the kernel cannot read the map.
    pub fn lost(&self) -> Result<u64> {
        let values = self.lost.lookup(&0_u32.to_ne_bytes())?.unwrap_or_default();
        Ok(sum_drops(&values).0)
    }

    fn check(&self, slot: u32) -> Result<()> {
        let last = self.counters.max_entries() - 1;
        if slot > last { Err(DatapathError::BadSlot { slot, last }) } else { Ok(()) }
    }
}

/// Adds up the values of all CPUs. Both counted types are multiples of 8 bytes, so nothing stands between the values.
fn sum_drops(values: &[u8]) -> (u64, u64) {
    let counts = values.chunks(size_of::<types::drop_count>()).filter_map(types::drop_count::from_bytes);
    counts.fold((0, 0), |(packets, bytes), count| (packets + count.packets, bytes + count.bytes))
}
