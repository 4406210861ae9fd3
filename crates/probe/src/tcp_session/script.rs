//! What is said in a session. Both ends know every byte in advance, so each can compare the whole stream: a sequence error, a
//! byte lost, doubled or changed by a bad restore shows at its very place, which a checksum per message could not tell.

use crate::random::Random;

/// The longest payload of a message.
const MAX_PAYLOAD: usize = 600;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Answer,
}

/// Message number `seq` of a side: the number, then 0 to [`MAX_PAYLOAD`] bytes; length and bytes follow from side and number.
pub(super) fn message(side: Side, seq: u64) -> Vec<u8> {
    let mut random = Random::new(seq.rotate_left(8) ^ side as u64);
    let mut bytes = seq.to_be_bytes().to_vec();
    let payload = random.below(MAX_PAYLOAD + 1);
    bytes.resize(8 + payload, 0);
    random.fill(&mut bytes[8..]);
    bytes
}

/// Compares one side's stream with what it must be, as its bytes come.
#[derive(Debug)]
pub(super) struct Listener {
    side: Side,
    seq: u64,
    expected: Vec<u8>,
    matched: usize,
}

impl Listener {
    /// From the beginning of the stream.
    pub(super) fn new(side: Side) -> Self {
        Listener { side, seq: 0, expected: message(side, 0), matched: 0 }
    }

    /// Takes the next bytes; gives how many messages they completed, or what is wrong with them.
    pub(super) fn hear(&mut self, mut bytes: &[u8]) -> Result<u64, String> {
        let mut completed = 0;
        while !bytes.is_empty() {
            let open = &self.expected[self.matched..];
            let len = open.len().min(bytes.len());
            if let Some(at) = open.iter().zip(bytes).position(|(expected, heard)| expected != heard) {
                return Err(format!(
                    "byte {} of {:?} {} is {:#04x} and must be {:#04x}",
                    self.matched + at,
                    self.side,
                    self.seq,
                    bytes[at],
                    open[at]
                ));
            }
            bytes = &bytes[len..];
            self.matched += len;
            if self.matched == self.expected.len() {
                completed += 1;
                self.seq += 1;
                self.expected = message(self.side, self.seq);
                self.matched = 0;
            }
        }
        Ok(completed)
    }

    /// The number of the message that is under way: how many are complete.
    pub(super) fn heard(&self) -> u64 {
        self.seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_of_the_stream_is_heard_alike() {
        let stream: Vec<u8> = (0..20).flat_map(|seq| message(Side::Request, seq)).collect();
        for split in [1, 7, 100, 1000, stream.len()] {
            let mut listener = Listener::new(Side::Request);
            let completed: u64 = stream.chunks(split).map(|part| listener.hear(part).unwrap()).sum();
            assert_eq!((completed, listener.heard()), (20, 20), "split by {split}");
        }
    }

    #[test]
    fn a_change_a_loss_and_a_repetition_are_told() {
        let stream: Vec<u8> = (0..3).flat_map(|seq| message(Side::Answer, seq)).collect();
        let mut changed = stream.clone();
        changed[9] ^= 0x10;
        let doubled = [&stream[..40], &stream[30..]].concat();
        let lost = [&stream[..30], &stream[31..]].concat();
        for wrong in [changed, doubled, lost] {
            let error = Listener::new(Side::Answer).hear(&wrong).unwrap_err();
            assert!(error.contains("Answer 0"), "{error}");
        }
        assert!(Listener::new(Side::Request).hear(&stream).is_err(), "the sides differ");
    }
}
