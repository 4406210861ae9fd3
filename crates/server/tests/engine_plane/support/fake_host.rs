//! A host that does what it is told at once, unless the test wants it otherwise.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard};

use pintle_core::host_protocol::{
    AgentMessage, Applied, Failure, Hello, MAX_FRAME, PROTOCOL_VERSION, Resume, ServerMessage,
};
use pintle_core::host_spec::{EndpointSpec, EntryKey::Location};
use pintle_core::host_spec::{Entry, EntryKey, LocationSpec, PortMode, PortSpec, VniEndpoint};
use pintle_core::id::{AttachmentId, HostId};
use pintle_core::telemetry::{Answer, Flows};
use pintle_server::Sessions;
use pintle_server::sessions::{Bye, Link};
use tokio::task::JoinHandle;

#[derive(Default)]
pub struct State {
    pub entries: BTreeMap<EntryKey, Entry>,
    /// Parts of a snapshot that is not yet whole.
    parts: BTreeMap<EntryKey, Entry>,
    pub epoch: String,
    pub revision: u64,
    /// Applies, but says nothing.
    pub silent: bool,
    /// Entries that it can't apply, and why.
    pub failing: BTreeMap<EntryKey, String>,
    /// All ports fail for this reason.
    pub all_ports_fail: Option<String>,
    pub messages: usize,
    /// Bytes of the largest message, as it goes over the wire.
    pub largest: usize,
    pub snapshots: usize,
    pub bye: Option<Bye>,
}

pub struct FakeHost {
    pub id: HostId,
    state: Arc<Mutex<State>>,
    link: Arc<Mutex<Option<Link>>>,
    task: JoinHandle<()>,
}

impl FakeHost {
    pub fn id_of(n: u8) -> HostId {
        format!("host-{n:017x}").parse().expect("an id")
    }

    pub fn vtep(n: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, n)
    }

    pub fn hello(n: u8, resume: Option<Resume>) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            host: Self::id_of(n),
            name: format!("h{n}"),
            zone: "z1".into(),
            vtep: Self::vtep(n),
            underlay_mtu: 1500,
            uplink: None,
            max_ports: 4096,
            resume,
        }
    }

    /// Opens a session; with what another session left, goes on from there if the server lets it.
    pub fn connect(sessions: &Arc<Sessions>, n: u8, left: Option<State>) -> FakeHost {
        let mut state = left.unwrap_or_default();
        let resume = (state.revision > 0).then(|| Resume { epoch: state.epoch.clone(), revision: state.revision });
        let (link, mut outbox, welcome) = sessions.open(&Self::hello(n, resume));
        let ServerMessage::Welcome { epoch, .. } = welcome else { panic!("{welcome:?}") };
        state.epoch = epoch;
        let ended = link.ended();
        let (state, link) = (Arc::new(Mutex::new(state)), Arc::new(Mutex::new(Some(link))));
        let (shared, speaker) = (state.clone(), link.clone());
        let receive = async move {
            loop {
                let message = outbox.next().await;
                if let ServerMessage::Ask { id, .. } = message {
                    answer(&speaker, id);
                    continue;
                }
                let whole = lock(&shared).take(message);
                if whole {
                    report(&shared, &speaker);
                }
            }
        };
        let (shared, speaker) = (state.clone(), link.clone());
        let task = tokio::spawn(async move {
            tokio::select! {
                () = receive => {}
                bye = ended.wait() => {
                    lock(&shared).bye = Some(bye);
                    speaker.lock().expect("not poisoned").take();
                }
            }
        });
        FakeHost { id: Self::id_of(n), state, link, task }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn messages(&self) -> usize {
        self.state().messages
    }

    pub fn largest(&self) -> usize {
        self.state().largest
    }

    pub fn snapshots(&self) -> usize {
        self.state().snapshots
    }

    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    pub fn entries(&self) -> BTreeMap<EntryKey, Entry> {
        self.state().entries.clone()
    }

    pub fn port(&self, id: AttachmentId) -> Option<PortSpec> {
        match self.state().entries.get(&EntryKey::Port(id)) {
            Some(Entry::Port(port)) => Some((**port).clone()),
            _ => None,
        }
    }

    pub fn mode(&self, id: AttachmentId) -> Option<PortMode> {
        self.port(id).map(|port| port.mode)
    }

    /// The way to the only interface that has this address.
    pub fn endpoint(&self, address: IpAddr) -> Option<VniEndpoint> {
        self.state().entries.iter().find_map(|(key, entry)| match (key, entry) {
            (EntryKey::Endpoint(_, at), Entry::Endpoint(EndpointSpec::Vni(vni))) if *at == address => Some(vni.clone()),
            _ => None,
        })
    }

    pub fn location(&self, mac: pintle_core::net::Mac) -> Option<LocationSpec> {
        self.state().entries.iter().find_map(|(key, entry)| match (key, entry) {
            (Location(_, at), Entry::Location(location)) if *at == mac => Some(*location),
            _ => None,
        })
    }

    /// Says what it has applied, also when it is silent otherwise.
    pub fn report(&self) {
        let silent = std::mem::replace(&mut self.state().silent, false);
        report(&self.state, &self.link);
        self.state().silent = silent;
    }

    pub fn silent(&self, silent: bool) {
        self.state().silent = silent;
    }

    /// Says something else.
    pub fn say(&self, message: AgentMessage) -> Result<Option<pintle_core::Command>, Bye> {
        self.link.lock().expect("not poisoned").as_mut().expect("connected").take(message)
    }

    /// The connection breaks; what the host had stays.
    pub async fn disconnect(self) -> State {
        self.link.lock().expect("not poisoned").take();
        self.task.abort();
        let _ = self.task.await;
        std::mem::take(&mut *lock(&self.state))
    }
}

fn lock(state: &Arc<Mutex<State>>) -> MutexGuard<'_, State> {
    state.lock().expect("not poisoned")
}

/// It has no flows, whatever is asked. Also one that applies nothing and says nothing of it answers questions.
fn answer(link: &Arc<Mutex<Option<Link>>>, id: u64) {
    if let Some(link) = link.lock().expect("not poisoned").as_mut() {
        let _ = link.take(AgentMessage::Answer { id, answer: Answer::Flows(Flows::default()) });
    }
}

fn report(state: &Arc<Mutex<State>>, link: &Arc<Mutex<Option<Link>>>) {
    let applied = {
        let state = lock(state);
        if state.silent {
            return;
        }
        Applied { revision: state.revision, failures: state.failures(), pending: Vec::new() }
    };
    if let Some(link) = link.lock().expect("not poisoned").as_mut() {
        // A session that has been replaced refuses it; the test sees that by other means.
        let _ = link.take(AgentMessage::Applied(applied));
    }
}

impl State {
    /// Takes a message in; whether a revision is whole with it.
    fn take(&mut self, message: ServerMessage) -> bool {
        self.messages += 1;
        let size = serde_json::to_vec(&message).expect("what is sent can be written").len();
        assert!(size <= MAX_FRAME, "it could not be sent: {size} bytes");
        self.largest = self.largest.max(size);
        match message {
            ServerMessage::Snapshot { revision, entries, last } => {
                self.parts.extend(entries);
                if last {
                    self.entries = std::mem::take(&mut self.parts);
                    self.revision = revision;
                    self.snapshots += 1;
                }
                last
            }
            ServerMessage::Delta { revision, put, removed } => {
                self.entries.extend(put);
                for key in removed {
                    self.entries.remove(&key);
                    self.failing.remove(&key);
                }
                self.revision = revision;
                true
            }
            other => panic!("not in a session: {other:?}"),
        }
    }

    fn failures(&self) -> Vec<Failure> {
        let ports = self.entries.keys().filter(|key| matches!(key, EntryKey::Port(_)));
        let by_rule = self.all_ports_fail.iter().flat_map(|why| ports.clone().map(move |key| (*key, why.clone())));
        let failing = self.failing.iter().map(|(key, why)| (*key, why.clone()));
        failing.chain(by_rule).map(|(key, message)| Failure { key, message }).collect()
    }
}
