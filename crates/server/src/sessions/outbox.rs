//! What an agent is to be sent next, worked out when it can be sent and not before.
//!
//! There is no queue of changes: the outbox remembers the revision it has got to, and takes from desired state what has
//! changed since. A slow agent therefore costs nothing, and finds many changes of one entry as one.

use std::collections::VecDeque;
use std::sync::Arc;

use pintle_core::host_protocol::ServerMessage;
use pintle_core::host_spec::{Entry, EntryKey};
use pintle_core::id::HostId;
use pintle_core::txn::Revision;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::Sessions;

/// The most entries in one frame.
pub const FRAME_ENTRIES: usize = 2000;
/// The most bytes of them as they are sent, unless it is one entry: far below [`pintle_core::host_protocol::MAX_FRAME`], whose
/// excess would end the session, and the next one with the same frame. A security group with all its rules has some 40,000.
pub(super) const FRAME_BYTES: usize = 1 << 20;

/// What a look at desired state brought.
enum Taken {
    /// Frames to send.
    Frames,
    /// Nothing: the agent has been sent everything.
    Nothing,
    /// Nothing, because not all that has happened since the last message is still known: it takes a snapshot.
    TooOld,
}

/// The messages to one agent in one session.
pub struct Outbox {
    sessions: Arc<Sessions>,
    host: HostId,
    number: u64,
    wake: Arc<Notify>,
    /// Up to here the agent has been sent everything; `None` until it has a snapshot.
    sent: Option<Revision>,
    /// The last revision in a whole message.
    told: Revision,
    /// Frames that belong together, the next one first.
    ready: VecDeque<ServerMessage>,
    /// Held while a snapshot is in `ready`.
    permit: Option<OwnedSemaphorePermit>,
}

impl Outbox {
    pub(super) fn new(
        sessions: Arc<Sessions>,
        host: HostId,
        number: u64,
        sent: Option<Revision>,
        wake: Arc<Notify>,
    ) -> Self {
        let told = sent.unwrap_or(0);
        Outbox { sessions, host, number, wake, sent, told, ready: VecDeque::new(), permit: None }
    }

    /// The next message; waits until there is one. Cancel-safe.
    pub async fn next(&mut self) -> ServerMessage {
        let mut known = self.sessions.known.subscribe();
        loop {
            if let Some(question) = self.take_question() {
                return question;
            }
            if !*known.borrow_and_update() {
                tokio::select! {
                    changed = known.changed() => changed.expect("the table holds the sender"),
                    () = self.wake.notified() => {}
                }
                continue;
            }
            if let Some(message) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    self.permit = None;
                }
                self.note_told(&message);
                return message;
            }
            match self.take_delta() {
                Taken::Frames => {}
                // A change since the look left a permit in `wake`, so it is not missed.
                Taken::Nothing => self.wake.notified().await,
                Taken::TooOld => {
                    let permit = self.sessions.snapshots.clone().acquire_owned().await;
                    self.permit = Some(permit.expect("the semaphore is never closed"));
                    self.take_snapshot();
                }
            }
        }
    }

    /// A question of this session that is still to be sent. Whoever asks also wakes.
    fn take_question(&self) -> Option<ServerMessage> {
        let mut hosts = self.sessions.hosts();
        hosts.get_mut(&self.host)?.session.as_mut().filter(|session| session.number == self.number)?.questions.next()
    }

    fn take_snapshot(&mut self) {
        let (revision, entries) = {
            let desired = self.sessions.desired();
            let entries = desired.host(self.host).entries();
            (desired.revision(), entries.map(|(key, slot)| (*key, slot.entry.clone())).collect::<Vec<_>>())
        };
        let mut parts = chunks(entries);
        let last = parts.pop_back().unwrap_or_default();
        let part = |entries, last| ServerMessage::Snapshot { revision, entries, last };
        self.ready = parts.into_iter().map(|entries| part(entries, false)).collect();
        self.ready.push_back(part(last, true));
        self.sent = Some(revision);
    }

    /// Takes what has changed since the last message.
    fn take_delta(&mut self) -> Taken {
        let (mut put, mut removed) = (Vec::new(), Vec::new());
        let revision = {
            let desired = self.sessions.desired();
            let host = desired.host(self.host);
            // In one look with the changes: between two, removals that are still to be sent could be forgotten.
            let Some(sent) = self.sent.filter(|sent| host.reaches_back_to(*sent)) else { return Taken::TooOld };
            for (key, slot) in host.changed_since(sent) {
                match slot {
                    Some(slot) => put.push((key, slot.entry.clone())),
                    None => removed.push(key),
                }
            }
            desired.revision()
        };
        self.sent = Some(revision);
        if put.is_empty() && removed.is_empty() {
            return Taken::Nothing;
        }
        // In the order of keys, what is needed first comes first when it takes several frames.
        put.sort_unstable_by_key(|(key, _)| *key);
        let mut parts = chunks(put);
        let last = parts.pop_back().unwrap_or_default();
        // Only the last frame leads to the new revision: until then the agent is where it was.
        let told = self.told;
        let part = |put| ServerMessage::Delta { revision: told, put, removed: Vec::new() };
        self.ready = parts.into_iter().map(part).collect();
        self.ready.push_back(ServerMessage::Delta { revision, put: last, removed });
        Taken::Frames
    }

    /// The table learns what the agent may report as applied before the agent can.
    fn note_told(&mut self, message: &ServerMessage) {
        let revision = match message {
            ServerMessage::Snapshot { revision, last: true, .. } | ServerMessage::Delta { revision, .. } => *revision,
            _ => return,
        };
        self.told = revision;
        let mut hosts = self.sessions.hosts();
        let seat = hosts.get_mut(&self.host).filter(|seat| seat.is_current(self.number));
        if let Some(seat) = seat {
            seat.told(revision);
        }
    }
}

fn chunks(entries: Vec<(EntryKey, Entry)>) -> VecDeque<Vec<(EntryKey, Entry)>> {
    let mut parts = VecDeque::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let size = sent_size(&entry);
        if !part.is_empty() && (part.len() == FRAME_ENTRIES || bytes + size > FRAME_BYTES) {
            parts.push_back(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(entry);
    }
    if !part.is_empty() {
        parts.push_back(part);
    }
    parts
}

/// How many bytes an entry is in a frame.
fn sent_size(entry: &(EntryKey, Entry)) -> usize {
    let mut size = Size(0);
    serde_json::to_writer(&mut size, entry).expect("entries are written whenever they are sent");
    size.0
}

/// Counts what is written to it.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
