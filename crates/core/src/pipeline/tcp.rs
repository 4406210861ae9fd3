//! TCP state filtering: rules 1 to 8 of docs/data-plane.md (RFC 9293, RFC 5961, RFC 7323), one function a rule.

use super::packet::Segment;
use crate::drop_reason::DropReason;

/// Flags of a segment.
pub const FIN: u8 = 1;
/// Synchronise sequence numbers.
pub const SYN: u8 = 2;
/// Reset.
pub const RST: u8 = 4;
/// Acknowledgement number is valid.
pub const ACK: u8 = 16;
/// Urgent pointer is valid.
const URG: u8 = 32;

/// The smallest window that a peer is taken to have offered, for what is old (RFC 9293: without scaling, the largest).
const MIN_WINDOW: u32 = 65_535;
/// The same for old acknowledgements, as Linux has it.
const MIN_ACK_WINDOW: u32 = 66_000;

/// What is known of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// A segment of it was seen.
    pub seen: bool,
    /// Its SYN was seen.
    pub syn: bool,
    /// Its FIN was seen.
    pub fin: bool,
    /// It has acknowledged the other end's FIN.
    pub acked_fin: bool,
    /// Highest sequence number sent, plus one.
    pub end: u32,
    /// What its SYN took of the sequence space: 1, and data that came with it (RFC 7413).
    pub syn_len: u32,
    /// Highest sequence number acknowledged.
    pub ack: Option<u32>,
    /// How far the other end may send.
    pub limit: Option<u32>,
    /// Largest window offered, in bytes.
    pub window: u32,
    /// The window scale of its SYN.
    pub scale: Option<u8>,
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// The handshake is under way.
    Opening,
    /// Open.
    Established,
    /// One end has sent its FIN.
    Closing,
    /// Both FINs are acknowledged.
    TimeWait,
    /// Ended by RST.
    Closed,
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Both directions, by the end that sends.
    pub numbers: [Numbers; 2],
    /// Its state.
    pub state: TcpState,
    /// Its beginning was not seen: rules 4 to 7 do not apply.
    pub loose: bool,
    /// The end that opened it.
    pub opener: usize,
}

/// What a segment that passes does to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Its direction begins anew with this SYN.
    Begin,
    /// The numbers go on.
    Advance,
    /// It ends.
    Close,
}

/// `a` < `b` modulo 2^32.
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn later(a: u32, b: u32) -> u32 {
    if before(a, b) { b } else { a }
}

impl Segment {
    /// Whether all of these flags are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// What it takes of the sequence space.
    fn len(&self) -> u32 {
        self.payload + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// SYN without ACK.
    pub fn opens(&self) -> bool {
        self.has(SYN) && !self.has(ACK)
    }

    /// ACK with neither SYN nor RST: a segment of a connection that has begun.
    pub fn goes_on(&self) -> bool {
        self.has(ACK) && self.flags & (SYN | RST) == 0
    }
}

/// Rule 1: combinations of flags that a TCP sends.
///
/// # Errors
/// `tcp_bad_flags`.
pub fn check_flags(segment: &Segment) -> Result<(), DropReason> {
    let main = segment.flags & (FIN | SYN | RST | ACK);
    let possible = [SYN, SYN | ACK, RST, RST | ACK, FIN | ACK, ACK].contains(&main);
    let urgent = segment.flags & URG != 0 && segment.flags & (ACK | SYN) == 0;
    // PSH, ECE, CWR say nothing about state.
    if possible && !urgent { Ok(()) } else { Err(DropReason::TcpBadFlags) }
}

impl Connection {
    /// A connection of which nothing was seen yet.
    pub fn new(opener: usize, loose: bool) -> Self {
        Connection { numbers: [Numbers::default(); 2], state: TcpState::Opening, loose, opener }
    }

    /// Rule 3: whether a SYN may take this connection's place.
    pub fn is_over(&self) -> bool {
        matches!(self.state, TcpState::Closed | TcpState::TimeWait)
    }

    /// Rules 4 to 7: whether a segment fits. `d` is the end that sent it.
    ///
    /// # Errors
    /// The reason why it does not.
    pub fn judge(&self, d: usize, segment: &Segment) -> Result<Effect, DropReason> {
        if self.loose {
            return Ok(match segment {
                _ if segment.has(RST) => Effect::Close,
                _ if segment.opens() => Effect::Begin,
                _ => Effect::Advance,
            });
        }
        if segment.has(RST) {
            self.judge_rst(d, segment)
        } else if segment.has(SYN | ACK) {
            self.judge_syn_ack(d, segment)
        } else if segment.has(SYN) {
            self.judge_syn(d, segment)
        } else {
            self.judge_other(d, segment)
        }
    }

    /// Rule 4.
    fn judge_syn(&self, d: usize, segment: &Segment) -> Result<Effect, DropReason> {
        let own = &self.numbers[d];
        if self.state == TcpState::Opening {
            // Repeated, or a simultaneous open.
            return Ok(Effect::Begin);
        }
        if own.seen && segment.seq.wrapping_add(1) == own.end {
            return Ok(Effect::Nothing);
        }
        Err(DropReason::TcpSynInConnection)
    }

    /// Whether the segment acknowledges the SYN of end `o`, and no more than what it has sent.
    fn acknowledges_syn(&self, o: usize, segment: &Segment) -> bool {
        let other = &self.numbers[o];
        // Once it has acknowledged something itself, it has no data in its SYN that could still be refused.
        let open_to = if other.ack.is_some() { 1 } else { other.syn_len };
        other.syn && before(other.end.wrapping_sub(open_to), segment.ack) && !before(other.end, segment.ack)
    }

    /// Rule 5.
    fn judge_syn_ack(&self, d: usize, segment: &Segment) -> Result<Effect, DropReason> {
        let own = &self.numbers[d];
        if !own.syn {
            return if self.acknowledges_syn(1 - d, segment) {
                Ok(Effect::Advance)
            } else {
                Err(DropReason::TcpBadAck)
            };
        }
        if !self.numbers[1 - d].syn || self.check_ack(d, segment).is_err() {
            return Err(DropReason::TcpBadAck);
        }
        if before(own.end, segment.seq.wrapping_add(1)) { Err(DropReason::TcpBadSeq) } else { Ok(Effect::Advance) }
    }

    /// Rule 6.
    fn judge_rst(&self, d: usize, segment: &Segment) -> Result<Effect, DropReason> {
        let (own, other) = (&self.numbers[d], &self.numbers[1 - d]);
        if self.state == TcpState::Opening {
            return if segment.has(ACK) && self.acknowledges_syn(1 - d, segment) || own.seen && segment.seq == own.end {
                Ok(Effect::Close)
            } else if !segment.has(ACK) && !own.seen {
                Ok(Effect::Nothing)
            } else {
                Err(DropReason::TcpBadRst)
            };
        }
        if !own.seen {
            return Ok(Effect::Nothing);
        }
        let next = other.ack.unwrap_or(own.end);
        if !before(segment.seq, next) && !before(own.end, segment.seq) {
            Ok(Effect::Close)
        } else if !before(segment.seq, next.wrapping_sub(other.window.max(MIN_WINDOW))) && before(segment.seq, next) {
            Ok(Effect::Nothing)
        } else {
            Err(DropReason::TcpBadRst)
        }
    }

    /// Rule 7.
    fn judge_other(&self, d: usize, segment: &Segment) -> Result<Effect, DropReason> {
        let (own, other) = (&self.numbers[d], &self.numbers[1 - d]);
        if !other.seen {
            return Ok(Effect::Advance);
        }
        let end = segment.seq.wrapping_add(segment.len());
        if let Some(limit) = other.limit
            && (before(limit, segment.seq) || before(limit.wrapping_add(1), end))
        {
            return Err(DropReason::TcpOutOfWindow);
        }
        let newest = other.ack.unwrap_or(own.end);
        let oldest = newest.wrapping_sub(other.window.max(MIN_WINDOW)).wrapping_sub(1);
        if own.seen && before(end, oldest) {
            return Err(DropReason::TcpOldData);
        }
        self.check_ack(d, segment)?;
        Ok(Effect::Advance)
    }

    /// The second half of rule 7.
    fn check_ack(&self, d: usize, segment: &Segment) -> Result<(), DropReason> {
        let (own, other) = (&self.numbers[d], &self.numbers[1 - d]);
        if before(other.end, segment.ack) {
            return Err(DropReason::TcpAckUnsent);
        }
        // What it has acknowledged before, not what was sent: a late segment may lag behind by all that is under way, too.
        let newest = own.ack.unwrap_or(other.end);
        let oldest = newest.wrapping_sub(own.window.max(MIN_ACK_WINDOW)).wrapping_sub(1);
        if before(segment.ack, oldest) { Err(DropReason::TcpOldAck) } else { Ok(()) }
    }

    /// Whether end `o` may have a packet with this sequence number under way, so that an ICMP error can quote it.
    pub fn has_sent(&self, o: usize, seq: u32) -> bool {
        let (sender, receiver) = (&self.numbers[o], &self.numbers[1 - o]);
        let acked = receiver.ack.is_some_and(|ack| before(seq, ack));
        self.loose || sender.seen && !acked && !before(sender.end, seq)
    }

    /// Rule 8: what a segment that passes changes.
    pub fn apply(&mut self, d: usize, segment: &Segment, effect: Effect) {
        match effect {
            Effect::Nothing => return,
            Effect::Close => {
                self.state = TcpState::Closed;
                return;
            }
            Effect::Begin => self.numbers[d] = Numbers::default(),
            Effect::Advance => {}
        }
        let scaled = self.numbers.iter().all(|numbers| numbers.scale.is_some()) && !segment.has(SYN);
        let other = self.numbers[1 - d];
        let own = &mut self.numbers[d];
        let window = u32::from(segment.window) << own.scale.filter(|_| scaled).unwrap_or(0);
        let end = segment.seq.wrapping_add(segment.len());
        own.end = if own.seen { later(own.end, end) } else { end };
        if segment.has(SYN) && !own.syn {
            (own.syn, own.syn_len, own.scale) = (true, segment.len(), segment.scale);
        }
        own.seen = true;
        own.fin |= segment.has(FIN);
        own.window = own.window.max(window);
        if segment.has(ACK) {
            own.ack = Some(own.ack.map_or(segment.ack, |ack| later(ack, segment.ack)));
            let limit = segment.ack.wrapping_add(window);
            own.limit = Some(own.limit.map_or(limit, |old| later(old, limit)));
            own.acked_fin |= other.fin && !before(segment.ack, other.end);
        }
        self.step(d, segment);
    }

    fn step(&mut self, d: usize, segment: &Segment) {
        let both_seen = self.numbers.iter().all(|numbers| numbers.seen);
        if self.state == TcpState::Opening && segment.goes_on() && both_seen && (d == self.opener || self.loose) {
            self.state = TcpState::Established;
        }
        if matches!(self.state, TcpState::Opening | TcpState::Established) && segment.has(FIN) {
            self.state = TcpState::Closing;
        }
        if self.state == TcpState::Closing && self.numbers.iter().all(|numbers| numbers.acked_fin) {
            self.state = TcpState::TimeWait;
        }
    }
}
