//! Short ways to the things that tests need, and to the reports that hosts would make.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use pintle_core::command::{
    Command, CreateInstance, CreateReservedIp, CreateSecurityGroup, CreateSubnet, CreateVni, CreateVpc, IpChoice,
    Ipv6Range, NewAttachment, NewRule, RegisterHost, UpdateSubnet, UpdateVpc, VniChoice,
};
use pintle_core::id::{AttachmentId, HostId, InstanceId, ReservedIpId, SecurityGroupId, SubnetId, VniId, VpcId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::SecurityGroup;
use pintle_core::model::{Attachment, Host, Instance, MoveStep, Namespace, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::policy::{Direction, PortRange, ProtocolMatch, Remote};

use super::World;

/// A VPC with one subnet in `zone-1`, and two hosts there.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) vpc: VpcId,
    pub(crate) subnet: SubnetId,
    pub(crate) hosts: [HostId; 2],
}

pub(crate) fn scene() -> Scene {
    let mut world = World::new();
    let vpc = world.vpc(&[]).id;
    let subnet = world.subnet(vpc, "10.0.0.0/24").id;
    let hosts = [world.host(1, "zone-1").id, world.host(2, "zone-1").id];
    Scene { world, vpc, subnet, hosts }
}

impl World {
    pub(crate) fn vpc(&mut self, cidrs: &[&str]) -> Vpc {
        self.run({
            let cidrs = cidrs.iter().map(|text| net(text)).collect();
            Command::CreateVpc(CreateVpc { cidrs, ..CreateVpc::default() })
        })
    }

    pub(crate) fn subnet(&mut self, vpc: VpcId, cidr: &str) -> Subnet {
        self.run(subnet(vpc, "zone-1", cidr))
    }

    pub(crate) fn host(&mut self, number: u8, zone: &str) -> Host {
        let id = HostId::new(&mut self.ids);
        self.run(Command::RegisterHost(host(id, number, zone)))
    }

    pub(crate) fn vni(&mut self, subnet: SubnetId) -> Vni {
        self.run(Command::CreateVni(vni(subnet)))
    }

    /// An interface with this primary address.
    pub(crate) fn vni_at(&mut self, subnet: SubnetId, primary: &str) -> Vni {
        self.run(Command::CreateVni(CreateVni { primary_ip: at(primary), ..vni(subnet) }))
    }

    /// An instance with no attachment.
    pub(crate) fn instance(&mut self, vpc: VpcId, host: HostId) -> Instance {
        self.run(Command::CreateInstance(instance(vpc, host)))
    }

    /// An instance with this interface as its primary one.
    pub(crate) fn instance_with(&mut self, vpc: VpcId, host: HostId, vni: VniId) -> Instance {
        let primary = Some(existing(vni));
        self.run(Command::CreateInstance(CreateInstance { primary, ..instance(vpc, host) }))
    }

    pub(crate) fn attach(&mut self, instance: InstanceId, vni: VniId) -> Attachment {
        self.run(Command::Attach(instance, existing(vni)))
    }

    /// Attaches, and the host says that it is done.
    pub(crate) fn attach_now(&mut self, instance: InstanceId, vni: VniId) -> Attachment {
        let attachment = self.attach(instance, vni);
        self.realise(attachment.id);
        self.get(attachment.id)
    }

    pub(crate) fn detach(&mut self, attachment: AttachmentId) -> Attachment {
        self.run(Command::Detach { attachment, force: false })
    }

    /// An unbound reservation at this address.
    pub(crate) fn reserve(&mut self, subnet: SubnetId, address: &str) -> ReservedIp {
        self.run(Command::CreateReservedIp(reservation(subnet, Some(address))))
    }

    pub(crate) fn address(&self, ip: ReservedIpId) -> IpAddr {
        self.get::<ReservedIp>(ip).address
    }

    /// The host says that it has realised the attachment.
    pub(crate) fn realise(&mut self, attachment: AttachmentId) {
        let generation = self.get::<Attachment>(attachment).generation;
        self.done(Command::AttachmentRealised(attachment, generation));
    }

    /// The host could not realise the attachment.
    pub(crate) fn fail(&mut self, attachment: AttachmentId, why: &str) {
        let generation = self.get::<Attachment>(attachment).generation;
        self.done(Command::AttachmentFailed(attachment, generation, why.to_owned()));
    }

    /// Takes a move from its present step to its end, as if every host had done its part.
    pub(crate) fn finish_move(&mut self, vni: VniId) {
        use MoveStep::{Drain, Open, Prepare, Settle};
        for step in [Prepare, Open, Drain, Settle] {
            self.done(Command::AdvanceMove(vni, step));
        }
    }

    /// Hosts say of everything on its way out that it is gone.
    pub(crate) fn hosts_let_go(&mut self) {
        for attachment in self.all::<Attachment>() {
            if attachment.lifecycle == Lifecycle::Deleting {
                self.done(Command::AttachmentGone(attachment.id));
            }
        }
        for instance in self.all::<Instance>() {
            if instance.lifecycle == Lifecycle::Deleting {
                self.done(Command::InstanceGone(instance.id));
            }
        }
    }

    /// Deletes an instance, and its host lets go of it.
    pub(crate) fn delete_instance(&mut self, instance: InstanceId) {
        self.run::<Instance>(Command::DeleteInstance(instance));
        self.hosts_let_go();
        assert_eq!(self.find::<Instance>(instance), None);
    }
}

pub(crate) fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub(crate) fn ip4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn subnet(vpc: VpcId, zone: &str, cidr: &str) -> Command {
    Command::CreateSubnet(create_subnet(vpc, zone, cidr))
}

pub(crate) fn create_subnet(vpc: VpcId, zone: &str, cidr: &str) -> CreateSubnet {
    let (zone, cidr) = (zone.to_owned(), net(cidr));
    CreateSubnet { vpc, name: None, zone, cidr, ipv6: None, acl: None, public_gateway: None }
}

/// Host `number` is `host-<number>` at `192.0.2.<number>`, with an underlay MTU of 1500.
pub(crate) fn host(id: HostId, number: u8, zone: &str) -> RegisterHost {
    let vtep = Ipv4Addr::new(192, 0, 2, number);
    let (name, zone) = (format!("host-{number}"), zone.to_owned());
    RegisterHost { id, name, zone, vtep, underlay_mtu: 1500, uplink: None, max_ports: 4096 }
}

pub(crate) fn vni(subnet: SubnetId) -> CreateVni {
    CreateVni { subnet: Some(subnet), ..CreateVni::default() }
}

/// This address, with a reservation that goes with the interface.
pub(crate) fn at(address: &str) -> IpChoice {
    IpChoice::Address { address: ip(address), name: None, auto_delete: true }
}

/// Any address, with a reservation that goes with the interface.
pub(crate) fn auto() -> IpChoice {
    IpChoice::default()
}

pub(crate) fn reservation(subnet: SubnetId, address: Option<&str>) -> CreateReservedIp {
    CreateReservedIp { subnet, address: address.map(ip), name: None, auto_delete: false, target: None }
}

pub(crate) fn instance(vpc: VpcId, host: HostId) -> CreateInstance {
    CreateInstance {
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
    }
}

pub(crate) fn existing(vni: VniId) -> NewAttachment {
    NewAttachment::of(VniChoice::Existing(vni))
}

pub(crate) fn new(create: CreateVni) -> NewAttachment {
    NewAttachment::of(VniChoice::New(Box::new(create)))
}

/// A security group with these rules.
pub(crate) fn group(world: &mut World, vpc: VpcId, rules: Vec<NewRule>) -> SecurityGroupId {
    let create = CreateSecurityGroup { vpc, name: None, description: String::new(), rules: Some(rules) };
    world.run::<SecurityGroup>(Command::CreateSecurityGroup(create)).id
}

/// TCP to a port, from somewhere.
pub(crate) fn tcp_in(port: u16, remote: Remote) -> NewRule {
    let protocol = ProtocolMatch::Tcp(PortRange::one(port));
    NewRule { direction: Direction::Ingress, protocol, remote, ..NewRule::ALL_OUT }
}

/// Gives a VPC a /56 and a subnet of it a /64: `2001:db8::/64`.
pub(crate) fn with_ipv6(world: &mut World, vpc: VpcId, subnet: SubnetId) {
    let ipv6_cidrs = Some(vec!["2001:db8::/56".parse().unwrap()]);
    world.run::<Vpc>(Command::UpdateVpc(vpc, UpdateVpc { ipv6_cidrs, ..UpdateVpc::default() }));
    let ipv6 = Some(Some(Ipv6Range::Auto));
    world.run::<Subnet>(Command::UpdateSubnet(subnet, UpdateSubnet { ipv6, ..UpdateSubnet::default() }));
}
