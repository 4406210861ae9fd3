//! The slots of the data plane's counters: numbers that ports have while they exist.
//!
//! Flows name the slots of the ports that they count for. So a slot whose port has gone is not given to another one before
//! its flows have gone too, as long as there are others: else a tenant would answer for another's.

use std::collections::BTreeSet;

/// What a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    Used,
    /// Its port has gone, its flows may be there still.
    Leaving,
}

/// Which slots are in use. Slot 0 is the host's own.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    /// No slot below this one is free.
    lowest: usize,
    leaving: BTreeSet<u32>,
}

impl Slots {
    /// All free; `count` is the number of slots, slot 0 included.
    pub(crate) fn new(count: u32) -> Self {
        let mut slots = vec![Slot::Free; count as usize];
        slots.iter_mut().take(1).for_each(|host| *host = Slot::Used);
        Slots { slots, lowest: 1, leaving: BTreeSet::new() }
    }

    /// Takes the lowest free slot; if there is none, one whose flows have not gone yet; `None` if all are used.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let Some(slot) = (self.lowest..self.slots.len()).find(|slot| self.slots[*slot] == Slot::Free) else {
            let slot = self.leaving.pop_first()?;
            self.set(slot, Slot::Used);
            return Some(slot);
        };
        self.slots[slot] = Slot::Used;
        self.lowest = slot + 1;
        u32::try_from(slot).ok()
    }

    /// Takes over which slots are in use. Those that are being left stay so.
    pub(crate) fn replace(&mut self, used: impl IntoIterator<Item = u32>) {
        let mut fresh = Slots::new(self.slots.len() as u32);
        self.leaving.iter().for_each(|slot| fresh.set(*slot, Slot::Leaving));
        used.into_iter().for_each(|slot| fresh.set(slot, Slot::Used));
        fresh.leaving = std::mem::take(&mut self.leaving);
        fresh.leaving.retain(|slot| fresh.slots[*slot as usize] == Slot::Leaving);
        *self = fresh;
    }

    /// Gives a slot back whose port never came to be.
    pub(crate) fn release(&mut self, slot: u32) {
        if slot > 0 {
            self.set(slot, Slot::Free);
            self.lowest = self.lowest.min(slot as usize);
        }
    }

    /// The port in a slot has gone. It can be taken again when its flows have gone too.
    pub(crate) fn leave(&mut self, slot: u32) {
        if slot > 0 && (slot as usize) < self.slots.len() {
            self.set(slot, Slot::Leaving);
            self.leaving.insert(slot);
        }
    }

    /// The slots that are being left.
    pub(crate) fn leaving(&self) -> &BTreeSet<u32> {
        &self.leaving
    }

    /// The flows of a slot that was being left have gone.
    pub(crate) fn left(&mut self, slot: u32) {
        if self.leaving.remove(&slot) {
            self.release(slot);
        }
    }

    /// The slots that ports are in, or were a moment ago.
    pub(crate) fn occupied(&self) -> Vec<u32> {
        let ports = (0..).zip(&self.slots).skip(1);
        ports.filter(|(_, slot)| **slot != Slot::Free).map(|(number, _)| number).collect()
    }

    /// How many ports there can be.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    fn set(&mut self, slot: u32, state: Slot) {
        if let Some(there) = self.slots.get_mut(slot as usize) {
            *there = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_slot_is_taken_and_never_the_hosts() {
        let mut slots = Slots::new(4);
        slots.replace([2]);
        assert_eq!((slots.take(), slots.take(), slots.take()), (Some(1), Some(3), None));
        slots.release(0);
        slots.release(1);
        slots.release(9);
        assert_eq!((slots.take(), slots.take()), (Some(1), None));
    }

    #[test]
    fn a_slot_is_taken_last_while_its_flows_are_there() {
        let mut slots = Slots::new(4);
        assert_eq!((slots.take(), slots.take()), (Some(1), Some(2)));
        slots.leave(1);
        assert_eq!((slots.leaving().len(), slots.occupied()), (1, vec![1, 2]));
        slots.replace([2]);
        assert_eq!(slots.take(), Some(3), "also after a look at the whole host");
        assert_eq!((slots.take(), slots.take()), (Some(1), None));
        slots.leave(2);
        slots.left(2);
        slots.left(3);
        assert_eq!((slots.leaving().len(), slots.take(), slots.take()), (0, Some(2), None));
    }
}
