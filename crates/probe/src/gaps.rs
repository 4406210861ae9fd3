//! What a paced stream of packets and their answers say about the network: loss, gaps, and who answered when.
//!
//! Pure: [`analyse`] turns two lists into a [`GapReport`], so that its definitions can be tested without a network. They are:
//!
//! * A *gap* is a run of packets, consecutive in sending, none of which was answered. Its **length** is the longest time in
//!   which no packet that was sent got an answer: from the sending of its first packet to the sending of its last, plus one
//!   pacing interval (or what passed until the next packet, if that is less). On a sender that is never late this is the
//!   difference of the send times of the answered packets around the gap, less the interval. It counts only what was
//!   tried: time in which the sender slept too long, with nothing on the way, is nobody's gap.
//! * A gap's **bound** is the time between the sendings of the answered packets around it. The true outage lies between
//!   length less one interval, and bound. Where the two differ by much, the sender was late; see
//!   [`GapReport::max_lateness`].
//! * The **arrival gap** is the longest time between the arrivals of two answers with none in between, by the kernel's stamps.
//!   It contains everything: the interval itself, the network, and lateness of the sender and of the responder.
//! * The **punctual gap** is the same between a sender and a responder that are never late: less the time by which each packet
//!   sent since the first of the two was sent after more than the interval, and with each answer taken to arrive earlier by
//!   the time for which the responder held it. It still contains the interval and all of the network.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;

/// A packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it was given to the kernel.
    pub at: Moment,
    /// How long that was after its time in the schedule.
    pub late: Duration,
}

/// An answer that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The number of the packet that it answers.
    pub seq: u64,
    /// When the kernel took the answer from the device.
    pub at: Moment,
    /// How long the responder held the packet: from when its kernel took that from the device until it gave the answer to it.
    pub held: Duration,
    /// Who answered.
    pub responder: Arc<str>,
}

/// A run of consecutively sent packets without answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The number of the first packet of the run.
    pub first_seq: u64,
    /// How many packets it has.
    pub lost: u64,
    /// When the first was sent.
    pub began: Moment,
    /// How long no packet that was sent got an answer; see the module's text.
    pub length: Duration,
    /// The most that the outage can have lasted. `None` if the gap touches an end of the report, so that an answered packet is
    /// missing on one side.
    pub bound: Option<Duration>,
}

/// A run of packets, consecutive in sending as far as they were answered, that the same responder answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who answered.
    pub responder: Arc<str>,
    /// The number of the first packet of the run.
    pub first_seq: u64,
    /// The number of the last.
    pub last_seq: u64,
    /// How many were answered.
    pub answered: u64,
}

/// What [`analyse`] finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GapReport {
    /// Packets sent.
    pub sent: u64,
    /// Packets that got at least one answer.
    pub answered: u64,
    /// Packets that got none.
    pub lost: u64,
    /// Answers beyond the first to the same packet.
    pub duplicates: u64,
    /// Packets whose first answer arrived after that to a packet sent later.
    pub reordered: u64,
    /// The longest gap's length; zero if nothing was lost.
    pub max_gap: Duration,
    /// The longest time between the arrivals of two consecutive answers; zero if there are fewer than two.
    pub max_arrival_gap: Duration,
    /// The longest punctual gap; zero if there are fewer than two answers.
    pub max_punctual_gap: Duration,
    /// All gaps, in order of sending.
    pub gaps: Vec<Gap>,
    /// Who answered, in order of sending.
    pub responders: Vec<Turn>,
    /// The longest that the sender was behind its schedule: how far this measurement can be trusted to resolve.
    pub max_lateness: Duration,
}

/// Judges the packets numbered from `first_seq` on, and all answers to them, in order of arrival.
///
/// Answers to other packets are passed over. `interval` is the sender's pacing.
pub fn analyse(first_seq: u64, sent: &[Sent], answers: &[Answered], interval: Duration) -> GapReport {
    let mut report = GapReport { sent: sent.len() as u64, ..GapReport::default() };
    let firsts = first_answers(first_seq, sent.len(), answers, &mut report);
    report.max_punctual_gap = punctual_gap(sent, &firsts, interval);
    report.answered = firsts.iter().flatten().count() as u64;
    report.lost = report.sent - report.answered;
    report.gaps = gaps(first_seq, sent, &firsts, interval);
    report.max_gap = report.gaps.iter().map(|gap| gap.length).max().unwrap_or_default();
    report.responders = turns(first_seq, &firsts);
    report.max_lateness = sent.iter().map(|packet| packet.late).max().unwrap_or_default();
    report
}

/// The first answer to each packet. Also counts what only the order of arrival shows.
fn first_answers<'a>(
    first_seq: u64,
    count: usize,
    answers: &'a [Answered],
    report: &mut GapReport,
) -> Vec<Option<&'a Answered>> {
    let mut firsts = vec![None; count];
    let mut newest: Option<&Answered> = None;
    let mut latest: Option<Moment> = None;
    for answer in answers {
        let place = answer.seq.checked_sub(first_seq).and_then(|index| firsts.get_mut(index as usize));
        let Some(place) = place else { continue };
        if place.is_some() {
            report.duplicates += 1;
            continue;
        }
        *place = Some(answer);
        if newest.is_some_and(|newest| newest.seq > answer.seq) {
            report.reordered += 1;
        } else {
            newest = Some(answer);
        }
        let since = latest.map_or(Duration::ZERO, |latest| answer.at.since(latest));
        report.max_arrival_gap = report.max_arrival_gap.max(since);
        latest = Some(latest.map_or(answer.at, |latest| latest.max(answer.at)));
    }
    firsts
}

/// The longest punctual gap between packets that were answered and sent one after the other.
fn punctual_gap(sent: &[Sent], firsts: &[Option<&Answered>], interval: Duration) -> Duration {
    let (mut longest, mut late, mut last) = (Duration::ZERO, Duration::ZERO, None);
    for (index, answer) in firsts.iter().enumerate() {
        let before = index.checked_sub(1).map_or(sent[index].at, |before| sent[before].at);
        late += sent[index].at.since(before).saturating_sub(interval);
        let Some(answer) = answer else { continue };
        let prompt = answer.at - answer.held;
        let gap = last.map_or(Duration::ZERO, |last| prompt.since(last));
        longest = longest.max(gap.saturating_sub(late));
        (last, late) = (Some(prompt), Duration::ZERO);
    }
    longest
}

fn gaps(first_seq: u64, sent: &[Sent], firsts: &[Option<&Answered>], interval: Duration) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut index = 0;
    while index < sent.len() {
        if firsts[index].is_some() {
            index += 1;
            continue;
        }
        let run = firsts[index..].iter().take_while(|answer| answer.is_none()).count();
        let (began, last, next) = (sent[index].at, sent[index + run - 1].at, sent.get(index + run));
        let after = next.map_or(interval, |next| next.at.since(last).min(interval));
        let before = index.checked_sub(1).map(|before| sent[before].at);
        gaps.push(Gap {
            first_seq: first_seq + index as u64,
            lost: run as u64,
            began,
            length: last.since(began) + after,
            bound: before.zip(next).map(|(before, next)| next.at.since(before)),
        });
        index += run;
    }
    gaps
}

fn turns(first_seq: u64, firsts: &[Option<&Answered>]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (seq, answer) in (first_seq..).zip(firsts) {
        let Some(answer) = answer else { continue };
        match turns.last_mut().filter(|turn| turn.responder == answer.responder) {
            Some(turn) => {
                turn.last_seq = seq;
                turn.answered += 1;
            }
            None => {
                turns.push(Turn { responder: answer.responder.clone(), first_seq: seq, last_seq: seq, answered: 1 })
            }
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: u64) -> Moment {
        Moment::from_nanos(1_000_000_000) + Duration::from_millis(ms)
    }

    /// Packets sent at these milliseconds.
    fn sent(times: &[u64]) -> Vec<Sent> {
        times.iter().map(|&ms| Sent { at: at(ms), late: Duration::ZERO }).collect()
    }

    /// Answers as (number, arrival in ms, responder).
    fn answers(list: &[(u64, u64, &str)]) -> Vec<Answered> {
        list.iter()
            .map(|&(seq, ms, by)| Answered { seq, at: at(ms), held: Duration::ZERO, responder: by.into() })
            .collect()
    }

    #[test]
    fn nothing_lost_is_no_gap() {
        let report = analyse(0, &sent(&[0, 1, 2]), &answers(&[(0, 0, "a"), (1, 1, "a"), (2, 2, "a")]), MS);
        assert_eq!((report.sent, report.answered, report.lost), (3, 3, 0));
        assert_eq!((report.max_gap, report.max_arrival_gap), (Duration::ZERO, MS));
        assert_eq!(report.gaps, []);
        let turn = Turn { responder: "a".into(), first_seq: 0, last_seq: 2, answered: 3 };
        assert_eq!(report.responders, [turn]);
    }

    #[test]
    fn a_gap_of_a_punctual_sender_is_the_send_time_between_answers_less_the_interval() {
        let report = analyse(10, &sent(&[0, 1, 2, 3, 4]), &answers(&[(10, 0, "a"), (14, 5, "b")]), MS);
        let gap = Gap { first_seq: 11, lost: 3, began: at(1), length: 3 * MS, bound: Some(4 * MS) };
        assert_eq!(report.gaps, [gap]);
        assert_eq!((report.max_gap, report.max_arrival_gap), (3 * MS, 5 * MS));
        assert_eq!(report.max_punctual_gap, 5 * MS, "the sender was never late");
        assert_eq!(report.responders.iter().map(|turn| &*turn.responder).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_sender_that_slept_is_not_a_gap_of_the_network() {
        // The sender is away from 1 to 50; nothing is lost.
        let report = analyse(0, &sent(&[0, 1, 50]), &answers(&[(0, 0, "a"), (1, 1, "a"), (2, 50, "a")]), MS);
        assert_eq!((report.max_gap, report.max_arrival_gap), (Duration::ZERO, 49 * MS));
        assert_eq!(report.max_punctual_gap, MS);
        // An answer that is late, to a packet that was not.
        let report = analyse(0, &sent(&[0, 1, 2]), &answers(&[(0, 0, "a"), (1, 4, "a"), (2, 4, "a")]), MS);
        assert_eq!((report.max_punctual_gap, report.max_arrival_gap), (4 * MS, 4 * MS));
        // It is away before and after one lost packet: only that one was tried. The bound tells what else may have been.
        let report = analyse(0, &sent(&[0, 30, 60]), &answers(&[(0, 0, "a"), (2, 60, "a")]), MS);
        assert_eq!((report.gaps[0].length, report.gaps[0].bound), (MS, Some(60 * MS)));
        // It is away between two lost packets: both were tried and failed, so the network counts as out in between.
        let report = analyse(0, &sent(&[0, 1, 31, 32]), &answers(&[(0, 0, "a"), (3, 32, "a")]), MS);
        assert_eq!(report.max_gap, 31 * MS);
    }

    #[test]
    fn a_responder_that_slept_is_not_a_gap_of_the_network() {
        // The second packet reached the responder at 1 and was answered at 4, when the network took 2 more for the third.
        let mut answers = answers(&[(0, 0, "a"), (1, 4, "a"), (2, 4, "a")]);
        answers[1].held = 3 * MS;
        let report = analyse(0, &sent(&[0, 1, 2]), &answers, MS);
        assert_eq!((report.max_punctual_gap, report.max_arrival_gap), (3 * MS, 4 * MS));
        answers[2].held = 2 * MS;
        assert_eq!(analyse(0, &sent(&[0, 1, 2]), &answers, MS).max_punctual_gap, MS);
    }

    #[test]
    fn gaps_at_the_ends_have_no_bound() {
        let report = analyse(0, &sent(&[0, 1, 2, 3]), &answers(&[(1, 1, "a")]), MS);
        let seen: Vec<_> = report.gaps.iter().map(|gap| (gap.first_seq, gap.lost, gap.length, gap.bound)).collect();
        assert_eq!(seen, [(0, 1, MS, None), (2, 2, 2 * MS, None)]);
        assert_eq!(analyse(0, &[], &[], MS), GapReport::default());
    }

    #[test]
    fn duplicates_and_reordering_are_told_apart() {
        let list = answers(&[(0, 0, "a"), (2, 2, "a"), (1, 3, "a"), (2, 4, "b"), (9, 9, "c")]);
        let report = analyse(0, &sent(&[0, 1, 2]), &list, MS);
        assert_eq!((report.answered, report.lost, report.duplicates, report.reordered), (3, 0, 1, 1));
        assert_eq!(report.responders.len(), 1, "the first answer counts, and packet 9 is not of this report");
    }
}
