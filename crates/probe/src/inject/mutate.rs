//! Damage: what turns a valid frame into one that a parser may trip over.

use super::fuzz::{MAX_FRAME, MIN_FRAME};
use crate::random::Random;

/// Values at which lengths, counters and flags go wrong.
const EDGES: [u8; 9] = [0x00, 0x01, 0x04, 0x0f, 0x45, 0x7f, 0x80, 0xfe, 0xff];

/// Where the fields of the outer headers begin that say how to read the rest: EtherType, version and header length, lengths,
/// fragment offset, protocol, and the same of IPv6 and of what follows a header of 20 or 40 bytes.
const FIELDS: [usize; 14] = [12, 13, 14, 16, 17, 18, 19, 20, 21, 23, 34, 38, 46, 54];

/// Damages a frame in one to three ways. Its length stays within what a device takes.
pub(super) fn damage(frame: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        match random.below(8) {
            0 | 1 => flip_bits(frame, random),
            2 => {
                let at = random.below(frame.len());
                set(frame, at, random);
            }
            3 | 4 => {
                let at = random.pick(&FIELDS);
                set(frame, at, random);
            }
            5 => frame.truncate(MIN_FRAME + random.below(frame.len() - MIN_FRAME + 1)),
            6 => extend(frame, random),
            _ => copy_within(frame, random),
        }
    }
}

fn flip_bits(frame: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(frame.len());
        frame[at] ^= 1 << random.below(8);
    }
}

fn set(frame: &mut [u8], at: usize, random: &mut Random) {
    if let Some(byte) = frame.get_mut(at) {
        *byte = random.pick(&EDGES);
    }
}

fn extend(frame: &mut Vec<u8>, random: &mut Random) {
    let mut more = vec![0; random.below(64).min(MAX_FRAME - frame.len())];
    random.fill(&mut more);
    frame.extend(more);
}

fn copy_within(frame: &mut [u8], random: &mut Random) {
    let (from, to) = (random.below(frame.len()), random.below(frame.len()));
    let len = random.below(frame.len() - from.max(to)) + 1;
    frame.copy_within(from..from + len, to);
}
