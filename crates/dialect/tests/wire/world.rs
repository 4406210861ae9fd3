//! A small world with fixed ids and a fixed clock, made by the core's own decisions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pintle_core::command::{
    CreateFloatingIp, CreateNetworkAcl, CreatePrefixList, CreatePublicGateway, CreatePublicPool, CreateSecurityGroup,
    FloatingIpChoice, GroupsChange, NewAclRule, NewRule,
};
use pintle_core::command::{
    CreateInstance, CreateSubnet, CreateVni, CreateVpc, IpChoice, Ipv6Range, NewAttachment, RegisterHost, VniChoice,
};
use pintle_core::id::{AttachmentId, HostId, IdSource, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use pintle_core::id::{FloatingIpId, NetworkAclId, PrefixListId, PublicGatewayId, PublicPoolId, SecurityGroupId};
use pintle_core::legality::Manner;
use pintle_core::model::{IpFamily, Namespace, PrefixListEntry, Timestamp};
use pintle_core::policy::{AclAction, Direction, IcmpMatch, PortRange, ProtocolMatch, Remote};
use pintle_core::txn::{ReadError, Revision, Snapshot, Stored, Write};
use pintle_core::{Command, Reply, Request, decide};

/// Keys and values with the revision of their last write.
#[derive(Default)]
pub(crate) struct World {
    keys: BTreeMap<String, (Vec<u8>, Revision)>,
    revision: Revision,
    bits: u64,
    ids: Option<Ids>,
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
    /// What it holds, for a world that [`world`] has made.
    pub(crate) fn ids(&self) -> &Ids {
        self.ids.as_ref().expect("made by world()")
    }

    /// What would come of a command.
    pub(crate) fn judge(&self, command: impl Into<Request>) -> Result<Reply, pintle_core::DecideError> {
        let mut bits = self.bits;
        decide(self, Timestamp(1_790_000_000_000), &mut Counter(&mut bits), command).map(|(_, reply)| reply)
    }

    /// Carries out a command a second after the one before.
    pub(crate) fn run(&mut self, command: impl Into<Request>) -> Reply {
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
#[derive(Clone)]
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
    pub(crate) group: SecurityGroupId,
    pub(crate) acl: NetworkAclId,
    pub(crate) prefix_list: PrefixListId,
    pub(crate) pool: PublicPoolId,
    pub(crate) floating_ip: FloatingIpId,
    pub(crate) gateway: PublicGatewayId,
}

fn host(world: &mut World, number: u8) -> HostId {
    let id = HostId::new(&mut Counter(&mut (0x1000 + u64::from(number))));
    world.run(Command::RegisterHost(RegisterHost {
        id,
        name: format!("host-{number}"),
        zone: "zone-1".to_owned(),
        vtep: [192, 0, 2, number].into(),
        underlay_mtu: 1500,
        uplink: Some("uplink0".to_owned()),
        max_ports: 4096,
    }));
    id
}

fn instance(world: &mut World, vpc: VpcId, host: HostId, name: &str, primary: Option<SubnetId>) -> InstanceId {
    let primary = primary.map(|subnet| NewAttachment {
        name: Some("main".to_owned()),
        ..NewAttachment::of(VniChoice::New(Box::new(CreateVni {
            subnet: Some(subnet),
            name: Some(format!("{name}-main")),
            primary_ip: IpChoice::Auto { family: IpFamily::V4, name: Some(format!("{name}-ip")), auto_delete: true },
            ..CreateVni::default()
        })))
    });
    let create = CreateInstance {
        name: Some(name.to_owned()),
        vpc,
        host: Some(host),
        zone: None,
        namespace: Namespace::Made,
        bandwidth_kbps: None,
        ips_per_interface: None,
        launch: None,
        primary,
        attachments: Vec::new(),
        ..CreateInstance::of(vpc)
    };
    match world.run(Command::CreateInstance(create)) {
        Reply::Instance(instance) => instance.id,
        other => panic!("{other:?}"),
    }
}

type Policy = (SecurityGroupId, NetworkAclId, PrefixListId, PublicPoolId, FloatingIpId, PublicGatewayId);

/// A group with rules of every kind on the interface, an ACL, a prefix list, and what leads in from and out to the public.
fn policy(world: &mut World, vpc: VpcId, vni: VniId) -> Policy {
    let entry = |net: &str, what: &str| PrefixListEntry { net: net.parse().unwrap(), description: what.to_owned() };
    let Reply::PrefixList(list) = world.run(Command::CreatePrefixList(CreatePrefixList {
        name: Some("offices".to_owned()),
        family: IpFamily::V4,
        max_entries: 10,
        entries: vec![entry("198.51.100.0/24", "north"), entry("203.0.113.7/32", "")],
    })) else {
        panic!()
    };
    let group = |world: &mut World, name: &str, rules: Vec<NewRule>| {
        let (name, description) = (Some(name.to_owned()), "what it is for".to_owned());
        match world.run(Command::CreateSecurityGroup(CreateSecurityGroup {
            vpc,
            name,
            description,
            rules: Some(rules),
        })) {
            Reply::SecurityGroup(group) => group.id,
            other => panic!("{other:?}"),
        }
    };
    let clients = group(world, "clients", vec![NewRule::ALL_OUT]);
    let rule = |protocol, remote| NewRule { direction: Direction::Ingress, protocol, remote, ..NewRule::ALL_OUT };
    let net = |text: &str| Remote::Net(text.parse().unwrap());
    let port = |port| PortRange { first: port, last: port };
    let web = group(
        world,
        "web",
        vec![
            rule(ProtocolMatch::Tcp(port(443)), Remote::Any),
            rule(ProtocolMatch::Tcp(PortRange { first: 8000, last: 8100 }), Remote::Group(clients)),
            rule(ProtocolMatch::Udp(port(53)), net("10.0.0.0/8")),
            rule(ProtocolMatch::Icmp(IcmpMatch::Code(8, 0)), net("10.1.2.7/32")),
            rule(ProtocolMatch::Icmpv6(IcmpMatch::Type(128)), net("2001:db8::/32")),
            rule(ProtocolMatch::IcmpTcpUdp, Remote::PrefixList(list.id)),
            NewRule {
                local: Some("10.1.2.10/32".parse().unwrap()),
                ..rule(ProtocolMatch::Number(50), net("10.2.0.0/16"))
            },
            NewRule::ALL_OUT,
        ],
    );
    world.run(Command::ChangeVniGroups(vni, GroupsChange::Set(vec![web, clients])));
    let acl_rule = |name: &str, direction, action, protocol| NewAclRule {
        name: Some(name.to_owned()),
        action,
        protocol,
        ..NewAclRule::allow_all(direction, IpFamily::V4)
    };
    let from = "10.9.0.0/16".parse().unwrap();
    let rules = vec![
        NewAclRule {
            source: from,
            source_ports: PortRange { first: 1024, last: 65535 },
            ..acl_rule("no-telnet", Direction::Ingress, AclAction::Deny, ProtocolMatch::Tcp(port(23)))
        },
        acl_rule("ping", Direction::Ingress, AclAction::Allow, ProtocolMatch::Icmp(IcmpMatch::Type(8))),
        acl_rule("all-out", Direction::Egress, AclAction::Allow, ProtocolMatch::Any),
    ];
    let create = CreateNetworkAcl { vpc, name: Some("edge".to_owned()), rules };
    let Reply::NetworkAcl(acl) = world.run(Command::CreateNetworkAcl(create)) else { panic!() };
    let Reply::PublicPool(pool) = world.run(Command::CreatePublicPool(CreatePublicPool {
        name: Some("outside".to_owned()),
        zone: "zone-1".to_owned(),
        cidrs: vec!["203.0.113.0/28".parse().unwrap()],
    })) else {
        panic!()
    };
    let Reply::FloatingIp(floating_ip) = world.run(Command::CreateFloatingIp(CreateFloatingIp {
        name: Some("front".to_owned()),
        zone: None,
        address: None,
        target: Some(FloatingIpChoice::primary(vni, Manner::PerAddress)),
    })) else {
        panic!()
    };
    let Reply::PublicGateway(gateway) = world.run(Command::CreatePublicGateway(CreatePublicGateway {
        name: Some("way-out".to_owned()),
        vpc,
        zone: "zone-1".to_owned(),
        floating_ip: None,
        host: None,
    })) else {
        panic!()
    };
    (web, acl.id, list.id, pool.id, floating_ip.id, gateway.id)
}

/// One VPC with a subnet, two hosts, an interface with a secondary address attached to an instance, and a spare instance.
pub(crate) fn world() -> (World, Ids) {
    let mut world = World::default();
    let Reply::Vpc(vpc) = world.run(Command::CreateVpc(CreateVpc {
        name: Some("blue".to_owned()),
        ipv6_cidrs: vec!["2001:db8:1::/48".parse().unwrap()],
        ..CreateVpc::default()
    })) else {
        panic!()
    };
    let create = CreateSubnet {
        vpc: vpc.id,
        name: Some("blue-1".to_owned()),
        zone: "zone-1".to_owned(),
        cidr: "10.1.2.0/24".parse().unwrap(),
        ipv6: Some(Ipv6Range::Auto),
        acl: None,
        public_gateway: None,
    };
    let Reply::Subnet(subnet) = world.run(Command::CreateSubnet(create)) else { panic!() };
    let (first, second) = (host(&mut world, 1), host(&mut world, 2));
    let address = |last: u8, name: &str| IpChoice::Address {
        address: IpAddr::from([10, 1, 2, last]),
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
    let attach = NewAttachment { name: Some("extra".to_owned()), ..NewAttachment::of(VniChoice::Existing(vni.id)) };
    let Reply::Attachment(attachment) = world.run(Command::Attach(web, attach)) else { panic!() };
    let policy = policy(&mut world, vpc.id, vni.id);
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
        group: policy.0,
        acl: policy.1,
        prefix_list: policy.2,
        pool: policy.3,
        floating_ip: policy.4,
        gateway: policy.5,
    };
    world.ids = Some(ids.clone());
    (world, ids)
}
