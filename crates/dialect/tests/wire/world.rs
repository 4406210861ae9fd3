//! A small world with fixed ids and a fixed clock, made by the core's own decisions.

use std::collections::BTreeMap;

use pintle_core::command::{
    CreateInstance, CreateSubnet, CreateVni, CreateVpc, IpChoice, NewAttachment, RegisterHost, VniChoice,
};
use pintle_core::id::{AttachmentId, HostId, IdSource, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use pintle_core::model::{Namespace, Timestamp};
use pintle_core::txn::{ReadError, Revision, Snapshot, Stored, Write};
use pintle_core::{Command, Reply, decide};

/// Keys and values with the revision of their last write.
#[derive(Default)]
pub(crate) struct World {
    keys: BTreeMap<String, (Vec<u8>, Revision)>,
    revision: Revision,
    bits: u64,
}

impl Snapshot for World {
    fn revision(&self) -> Revision {
        self.revision
    }
    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        Ok(self.keys.get(key).map(|(value, modified)| stored(key, value, *modified)))
    }
    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let from = prefix.max(start).to_owned();
        let range = self.keys.range(from..).take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(range.map(|(key, (value, modified))| stored(key, value, *modified)).collect())
    }
    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        Ok(self.list(prefix, "", usize::MAX)?.len() as u64)
    }
}

fn stored(key: &str, value: &[u8], modified: Revision) -> Stored {
    Stored { key: key.to_owned(), value: value.to_vec(), modified }
}

struct Counter<'a>(&'a mut u64);
impl IdSource for Counter<'_> {
    fn bits(&mut self) -> u64 {
        *self.0 += 1;
        *self.0
    }
}

impl World {
    /// Carries out a command a second after the one before.
    pub(crate) fn run(&mut self, command: Command) -> Reply {
        let now = Timestamp(1_790_000_000_000 + self.revision * 1000);
        let mut bits = self.bits;
        let (txn, reply) = decide(self, now, &mut Counter(&mut bits), command).unwrap();
        self.bits = bits;
        self.revision += 1;
        for write in txn.writes {
            match write {
                Write::Put { key, value } => drop(self.keys.insert(key, (value, self.revision))),
                Write::Delete { key } => drop(self.keys.remove(&key)),
            }
        }
        reply
    }
}

/// What the world holds.
pub(crate) struct Ids {
    pub(crate) vpc: VpcId,
    pub(crate) subnet: SubnetId,
    pub(crate) host: HostId,
    pub(crate) other_host: HostId,
    pub(crate) vni: VniId,
    pub(crate) secondary_ip: ReservedIpId,
    pub(crate) instance: InstanceId,
    pub(crate) spare: InstanceId,
    pub(crate) attachment: AttachmentId,
}

fn host(world: &mut World, number: u8) -> HostId {
    let id = HostId::new(&mut Counter(&mut (0x1000 + u64::from(number))));
    world.run(Command::RegisterHost(RegisterHost {
        id,
        name: format!("host-{number}"),
        zone: "zone-1".to_owned(),
        vtep: [192, 0, 2, number].into(),
        underlay_mtu: 1500,
    }));
    id
}

fn instance(world: &mut World, vpc: VpcId, host: HostId, name: &str, primary: Option<SubnetId>) -> InstanceId {
    let primary = primary.map(|subnet| NewAttachment {
        name: Some("main".to_owned()),
        vni: VniChoice::New(Box::new(CreateVni {
            subnet: Some(subnet),
            name: Some(format!("{name}-main")),
            primary_ip: IpChoice::Auto { name: Some(format!("{name}-ip")), auto_delete: true },
            ..CreateVni::default()
        })),
    });
    let create = CreateInstance {
        name: Some(name.to_owned()),
        vpc,
        host: Some(host),
        zone: None,
        namespace: Namespace::Made,
        primary,
        attachments: Vec::new(),
    };
    match world.run(Command::CreateInstance(create)) {
        Reply::Instance(instance) => instance.id,
        other => panic!("{other:?}"),
    }
}

/// One VPC with a subnet, two hosts, an interface with a secondary address attached to an instance, and a spare instance.
pub(crate) fn world() -> (World, Ids) {
    let mut world = World::default();
    let Reply::Vpc(vpc) = world.run(Command::CreateVpc(CreateVpc { name: Some("blue".to_owned()), cidrs: vec![] }))
    else {
        panic!()
    };
    let create = CreateSubnet {
        vpc: vpc.id,
        name: Some("blue-1".to_owned()),
        zone: "zone-1".to_owned(),
        cidr: "10.1.2.0/24".parse().unwrap(),
    };
    let Reply::Subnet(subnet) = world.run(Command::CreateSubnet(create)) else { panic!() };
    let (first, second) = (host(&mut world, 1), host(&mut world, 2));
    let address = |last: u8, name: &str| IpChoice::Address {
        address: [10, 1, 2, last].into(),
        name: Some(name.to_owned()),
        auto_delete: true,
    };
    let Reply::Vni(vni) = world.run(Command::CreateVni(CreateVni {
        subnet: Some(subnet.id),
        name: Some("data".to_owned()),
        primary_ip: address(10, "data-ip"),
        ips: vec![address(11, "data-ip-2")],
        ..CreateVni::default()
    })) else {
        panic!()
    };
    let web = instance(&mut world, vpc.id, first, "web", Some(subnet.id));
    let spare = instance(&mut world, vpc.id, second, "spare", None);
    let attach = NewAttachment { name: Some("extra".to_owned()), vni: VniChoice::Existing(vni.id) };
    let Reply::Attachment(attachment) = world.run(Command::Attach(web, attach)) else { panic!() };
    let ids = Ids {
        vpc: vpc.id,
        subnet: subnet.id,
        host: first,
        other_host: second,
        vni: vni.id,
        secondary_ip: vni.ips[1],
        instance: web,
        spare,
        attachment: attachment.id,
    };
    (world, ids)
}
