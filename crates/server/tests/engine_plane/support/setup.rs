//! The control plane under test, and short ways to ask it for things.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pintle_core::command::{
    CreateInstance, CreateSubnet, CreateVni, CreateVpc, NewAttachment, RegisterHost, VniChoice,
};
use pintle_core::id::{AttachmentId, HostId, IdSource, InstanceId, SubnetId, VniId, VpcId};
use pintle_core::model::{Attachment, Host, Move, MoveStep, Namespace, Timestamp, Vni};
use pintle_core::record::Record;
use pintle_core::{Command, Reply, query};
use pintle_server::{Clock, Control, Engine, Sessions};
use pintle_store::{MemoryStore, Store};

use super::FakeHost;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone)]
pub struct Seeded(pub u64);

impl Seeded {
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len());
        from.get(at)
    }
}

impl IdSource for Seeded {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A clock that goes one step at every look.
#[derive(Default)]
pub struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Lets everything that can go on go on, without letting time pass: the paused clock moves only when nobody is ready.
pub async fn settle() {
    for _ in 0..400 {
        tokio::task::yield_now().await;
    }
}

/// A running control plane.
pub struct Plane {
    pub store: Arc<dyn Store>,
    pub engine: Arc<Engine>,
    pub sessions: Arc<Sessions>,
    pub control: Option<Control>,
    seed: u64,
}

impl Plane {
    pub fn new(seed: u64) -> Plane {
        Plane::over(Arc::new(MemoryStore::default()), seed)
    }

    /// A new life over what a store holds.
    pub fn over(store: Arc<dyn Store>, seed: u64) -> Plane {
        let clock = Arc::new(Ticks::default());
        let engine = Engine::new(store.clone(), clock.clone(), Box::new(Seeded(seed)));
        let sessions = Sessions::new(clock);
        let control = Some(Control::start(engine.clone(), sessions.clone()).expect("the control plane starts"));
        Plane { store, engine, sessions, control, seed }
    }

    /// The server dies: from now on nothing is done about anything.
    pub async fn kill(&mut self) {
        if let Some(control) = self.control.take() {
            control.stop().await;
        }
    }

    /// The server dies, if it has not yet, and comes back: nothing of this life is left but the store.
    pub async fn restart(mut self) -> Plane {
        self.kill().await;
        Plane::over(self.store.clone(), self.seed.wrapping_mul(31).wrapping_add(7))
    }

    pub fn revision(&self) -> u64 {
        self.store.snapshot().expect("a snapshot").revision()
    }

    pub fn find<R: Record>(&self, id: R::Id) -> Option<R> {
        let snapshot = self.store.snapshot().expect("a snapshot");
        query::find::<R>(&*snapshot, id).expect("readable").map(|(record, _)| record)
    }

    pub fn get<R: Record>(&self, id: R::Id) -> R {
        self.find::<R>(id).unwrap_or_else(|| panic!("{id} is stored"))
    }

    pub fn attachment(&self, id: AttachmentId) -> Attachment {
        self.get(id)
    }

    pub fn step(&self, vni: VniId) -> Option<MoveStep> {
        self.find::<Move>(vni).map(|moving| moving.step)
    }

    pub async fn run(&self, command: Command) -> Reply {
        let text = format!("{command:?}");
        self.engine.execute(command).await.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    pub async fn vpc(&self) -> VpcId {
        match self.run(Command::CreateVpc(CreateVpc::default())).await {
            Reply::Vpc(vpc) => vpc.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn subnet(&self, vpc: VpcId, cidr: &str) -> SubnetId {
        let cidr = cidr.parse().expect("a range");
        match self
            .run(Command::CreateSubnet(CreateSubnet {
                vpc,
                name: None,
                zone: "z1".into(),
                cidr,
                ipv6: None,
                acl: None,
                public_gateway: None,
            }))
            .await
        {
            Reply::Subnet(subnet) => subnet.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn vni(&self, subnet: SubnetId) -> VniId {
        match self.run(Command::CreateVni(CreateVni { subnet: Some(subnet), ..CreateVni::default() })).await {
            Reply::Vni(vni) => vni.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn instance(&self, vpc: VpcId, host: HostId) -> InstanceId {
        let create = CreateInstance {
            name: None,
            vpc,
            host: Some(host),
            zone: None,
            namespace: Namespace::Made,
            bandwidth_kbps: None,
            ips_per_interface: None,
            launch: None,
            primary: None,
            attachments: Vec::new(),
            ..CreateInstance::of(vpc)
        };
        match self.run(Command::CreateInstance(create)).await {
            Reply::Instance(instance) => instance.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn attach(&self, instance: InstanceId, vni: VniId) -> AttachmentId {
        let new = NewAttachment::of(VniChoice::Existing(vni));
        match self.run(Command::Attach(instance, new)).await {
            Reply::Attachment(attachment) => attachment.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn move_to(&self, vni: VniId, to: InstanceId) -> Move {
        match self.run(Command::MoveVni { vni, to, nic: None }).await {
            Reply::Move(moving) => moving,
            other => panic!("{other:?}"),
        }
    }

    /// Registers host number `n` and connects it.
    pub async fn host(&self, n: u8) -> FakeHost {
        self.register(n).await;
        FakeHost::connect(&self.sessions, n, None)
    }

    /// Host number `n` as known to the store only.
    pub async fn register(&self, n: u8) -> HostId {
        let id = FakeHost::id_of(n);
        let register = RegisterHost {
            id,
            name: format!("h{n}"),
            zone: "z1".into(),
            vtep: Ipv4Addr::new(192, 0, 2, n),
            underlay_mtu: 1500,
            uplink: None,
            max_ports: 4096,
        };
        self.run(Command::RegisterHost(register)).await;
        id
    }

    /// Two hosts more than needed are a few lines less in every test.
    pub async fn hosts<const N: usize>(&self) -> [FakeHost; N] {
        let mut hosts = Vec::new();
        for n in 1..=N {
            hosts.push(self.host(n as u8).await);
        }
        hosts.try_into().unwrap_or_else(|_| unreachable!("as many as asked for"))
    }

    pub fn all<R: Record>(&self) -> Vec<R> {
        let snapshot = self.store.snapshot().expect("a snapshot");
        let stored = snapshot.list(&format!("{}/", R::KIND), "", usize::MAX).expect("readable");
        stored.iter().map(|stored| serde_json::from_slice(&stored.value).expect("a record")).collect()
    }

    pub fn host_ids(&self) -> Vec<HostId> {
        self.all::<Host>().iter().map(|host| host.id).collect()
    }

    pub fn vnis(&self) -> Vec<Vni> {
        self.all()
    }
}
