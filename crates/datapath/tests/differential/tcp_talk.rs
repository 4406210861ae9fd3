//! Two TCP stacks that talk, mostly as they should.

use pintle_core::pipeline::craft::tcp;
use pintle_core::pipeline::packet::Segment;
use pintle_core::pipeline::tcp::{ACK, FIN, RST, SYN};

use super::random::Random;

/// A connection as its ends see it.
#[derive(Debug, Clone)]
pub struct TcpTalk {
    /// The next sequence number of each end.
    next: [u32; 2],
    /// What each end has of the other.
    got: [u32; 2],
    scale: [Option<u8>; 2],
    step: usize,
    finished: [bool; 2],
}

impl TcpTalk {
    pub fn new(random: &mut Random) -> TcpTalk {
        let start = |random: &mut Random| match random.below(4) {
            0 => u32::MAX - random.below(2000) as u32,
            _ => random.bits() as u32,
        };
        let scale = |random: &mut Random| random.chance(60).then(|| random.pick(&[0, 2, 7, 14, 200]));
        TcpTalk {
            next: [start(random), start(random)],
            got: [0, 0],
            scale: [scale(random), scale(random)],
            step: 0,
            finished: [false; 2],
        }
    }

    /// The next segment, and which end sends it.
    pub fn next(&mut self, random: &mut Random, ports: [u16; 2]) -> (usize, Vec<u8>) {
        let (end, flags, payload) = self.plan(random);
        let mut segment = Segment {
            source: ports[end],
            destination: ports[1 - end],
            seq: self.next[end],
            ack: if flags & ACK != 0 { self.got[end] } else { 0 },
            flags,
            window: random.pick(&[0, 1, 500, 8192, 29_200, 65_535, 65_535]),
            payload,
            scale: if flags & SYN != 0 { self.scale[end] } else { None },
        };
        self.advance(random, end, &segment);
        if random.chance(20) {
            bend(random, &mut segment);
        }
        (end, tcp(&segment))
    }

    fn plan(&mut self, random: &mut Random) -> (usize, u8, u32) {
        let step = self.step;
        if random.chance(85) {
            self.step += 1;
        }
        match step {
            0 => (0, SYN, if random.chance(10) { 50 } else { 0 }),
            1 if random.chance(10) => (1, SYN, 0),
            1 if random.chance(5) => (1, RST | ACK, 0),
            1 => (1, SYN | ACK, 0),
            2 => (0, ACK, 0),
            _ => {
                let end = random.below(2);
                let flags = match random.below(30) {
                    0 => RST,
                    1 => RST | ACK,
                    2..=4 => FIN | ACK,
                    5 => {
                        self.step = 0;
                        SYN
                    }
                    _ => ACK,
                };
                let payload = random.pick(&[0, 0, 1, 100, 1000]);
                (end, flags, if flags & (RST | SYN) != 0 || self.finished[end] { 0 } else { payload })
            }
        }
    }

    /// Takes note of a segment that is sent; some are lost, and repeated later.
    fn advance(&mut self, random: &mut Random, end: usize, segment: &Segment) {
        if segment.has(RST) {
            if random.chance(50) {
                self.step = 0;
            }
            return;
        }
        let length = segment.payload + u32::from(segment.has(SYN)) + u32::from(segment.has(FIN) && !self.finished[end]);
        let after = segment.seq.wrapping_add(length);
        if random.chance(92) {
            self.got[1 - end] = after;
        }
        if random.chance(92) {
            self.next[end] = after;
            self.finished[end] |= segment.has(FIN);
        }
        if segment.opens() {
            self.finished = [false; 2];
        }
    }
}

/// Makes something else of a segment.
fn bend(random: &mut Random, segment: &mut Segment) {
    let far = [1, 2, 10, 1000, 65_535, 66_000, 70_000, 1_000_000, 0x7fff_ffff, 0x8000_0000];
    let shift = |random: &mut Random, number: u32| {
        let by = random.pick(&far);
        if random.chance(50) { number.wrapping_add(by) } else { number.wrapping_sub(by) }
    };
    match random.below(6) {
        0 => segment.flags = random.bits() as u8,
        1 => segment.flags = random.pick(&[SYN, SYN | ACK, RST, RST | ACK, ACK, FIN | ACK]),
        2 => segment.seq = shift(random, segment.seq),
        3 => segment.ack = shift(random, segment.ack),
        4 => segment.payload = random.pick(&[0, 1, 1390]),
        _ => segment.window = random.bits() as u16,
    }
}
