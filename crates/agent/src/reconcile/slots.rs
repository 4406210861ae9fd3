//! The slots of the data plane's counters: numbers that ports have while they exist.

/// Which slots are in use. Slot 0 is the host's own.
#[derive(Debug)]
pub(crate) struct Slots {
    used: Vec<bool>,
    /// No slot below this one is free.
    lowest: usize,
}

impl Slots {
    /// All free; `count` is the number of slots, slot 0 included.
    pub(crate) fn new(count: u32) -> Self {
        let mut used = vec![false; count as usize];
        used.iter_mut().take(1).for_each(|host| *host = true);
        Slots { used, lowest: 1 }
    }

    /// Takes the lowest free slot; `None` if there is none.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let slot = (self.lowest..self.used.len()).find(|slot| !self.used[*slot])?;
        self.used[slot] = true;
        self.lowest = slot + 1;
        u32::try_from(slot).ok()
    }

    /// Marks a slot as in use.
    pub(crate) fn occupy(&mut self, slot: u32) {
        if let Some(used) = self.used.get_mut(slot as usize) {
            *used = true;
        }
    }

    /// Gives a slot back, whose counters have been cleared.
    pub(crate) fn release(&mut self, slot: u32) {
        if slot > 0
            && let Some(used) = self.used.get_mut(slot as usize)
        {
            *used = false;
            self.lowest = self.lowest.min(slot as usize);
        }
    }

    /// How many ports there can be.
    pub(crate) fn capacity(&self) -> usize {
        self.used.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_slot_is_taken_and_never_the_hosts() {
        let mut slots = Slots::new(4);
        slots.occupy(2);
        assert_eq!((slots.take(), slots.take(), slots.take()), (Some(1), Some(3), None));
        slots.release(0);
        slots.release(1);
        slots.release(9);
        assert_eq!((slots.take(), slots.take()), (Some(1), None));
    }
}
