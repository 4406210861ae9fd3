//! Who has which number: single numbers (policies, gates, classes, rules, identities) and runs of them (spans, ACL rules).
//!
//! What was given up is not handed out again at once, since a packet may be on its way from one table to the next with it:
//! single numbers are handed out in a circle, and runs rest until the change after the next begins.

use std::collections::BTreeMap;

/// Single numbers from 1 to a last one.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    used: Vec<bool>,
    next: usize,
}

impl Numbers {
    /// `room` numbers, from 1.
    pub(crate) fn new(room: u32) -> Numbers {
        Numbers { used: vec![false; room as usize + 1], next: 1 }
    }

    /// A number that is not used, if there is one.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let room = self.used.len();
        let found = (self.next..room).chain(1..self.next).find(|number| !self.used[*number])?;
        self.used[found] = true;
        self.next = if found + 1 < room { found + 1 } else { 1 };
        Some(found as u32)
    }

    /// Says that a number is used. One out of range is nobody's and never handed out.
    pub(crate) fn mark(&mut self, number: u32) {
        if let Some(used) = self.used.get_mut(number as usize) {
            *used = true;
            if self.next == number as usize && number as usize + 1 < self.used.len() {
                self.next += 1;
            }
        }
    }

    pub(crate) fn free(&mut self, number: u32) {
        if let Some(used) = self.used.get_mut(number as usize) {
            *used = false;
        }
    }
}

/// Runs of neighbouring numbers from 0.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    /// First number and length of what is free.
    free: BTreeMap<u32, u32>,
    resting: Vec<(u32, u32)>,
}

impl Runs {
    pub(crate) fn new(room: u32) -> Runs {
        Runs { free: BTreeMap::from([(0, room)]), resting: Vec::new() }
    }

    /// A run of this length, if there is one.
    pub(crate) fn take(&mut self, len: u32) -> Option<u32> {
        let (first, room) = self.free.iter().map(|(first, room)| (*first, *room)).find(|(_, room)| *room >= len)?;
        self.cut(first, room, first, len);
        Some(first)
    }

    /// Says that a run is used. What is not free already stays as it is.
    pub(crate) fn mark(&mut self, first: u32, len: u32) {
        let end = first.saturating_add(len);
        let met: Vec<(u32, u32)> = self.free.range(..end).map(|(at, room)| (*at, *room)).collect();
        for (at, room) in met.into_iter().filter(|(at, room)| at + room > first) {
            let from = first.max(at);
            self.cut(at, room, from, end.min(at + room) - from);
        }
    }

    /// Gives a run up; it rests until [`wake`](Self::wake).
    pub(crate) fn free(&mut self, first: u32, len: u32) {
        self.resting.push((first, len));
    }

    /// Lets runs be used again that were given up before.
    pub(crate) fn wake(&mut self) {
        for (mut first, mut len) in std::mem::take(&mut self.resting) {
            if let Some((before, room)) = self.free.range(..first).next_back().map(|(at, room)| (*at, *room))
                && before + room == first
            {
                self.free.remove(&before);
                (first, len) = (before, room + len);
            }
            if let Some(room) = self.free.remove(&(first + len)) {
                len += room;
            }
            self.free.insert(first, len);
        }
    }

    /// How many numbers are used or rest.
    pub(crate) fn used(&self, room: u32) -> u32 {
        room - self.free.values().sum::<u32>()
    }

    /// Takes `len` numbers at `from` out of the free run `first`.
    fn cut(&mut self, first: u32, room: u32, from: u32, len: u32) {
        self.free.remove(&first);
        if from > first {
            self.free.insert(first, from - first);
        }
        if first + room > from + len {
            self.free.insert(from + len, first + room - from - len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round() {
        let mut numbers = Numbers::new(3);
        assert_eq!([numbers.take(), numbers.take()], [Some(1), Some(2)]);
        numbers.free(1);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [Some(3), Some(1), None]);
        numbers.free(2);
        numbers.mark(2);
        assert_eq!(numbers.take(), None);
    }

    #[test]
    fn runs_rest_before_they_are_used_again() {
        let mut runs = Runs::new(10);
        assert_eq!([runs.take(4), runs.take(4), runs.take(4)], [Some(0), Some(4), None]);
        runs.free(0, 4);
        assert_eq!((runs.take(4), runs.used(10)), (None, 8));
        runs.free(4, 4);
        runs.wake();
        assert_eq!(runs.take(10), Some(0), "neighbours have become one");
        runs.free(0, 10);
        runs.wake();
        runs.mark(2, 3);
        runs.mark(4, 2);
        assert_eq!((runs.used(10), runs.take(3), runs.take(2)), (4, Some(6), Some(0)));
    }
}
