//! Commands as they might come: mostly sensible, sometimes not.

use std::net::Ipv4Addr;

use pintle_core::Command;
use pintle_core::command::{
    CreateInstance, CreateNetworkAcl, CreateReservedIp, CreateSecurityGroup, CreateSubnet, CreateVni, CreateVpc,
    GroupsChange, IpChoice, Ipv6Range, NewAclRule, NewAttachment, NewRule, PrefixChoice, RulesChange, UpdateSubnet,
    UpdateVni, VniChoice,
};
use pintle_core::id::{SubnetId, VpcId};
use pintle_core::model::{Attachment, Instance, IpFamily, Namespace, ReservedIp, Subnet, Vni, Vpc};
use pintle_core::model::{NetworkAcl, SecurityGroup};
use pintle_core::policy::{Direction, Remote};

use super::{Plane, Seeded};

/// The next command; what it is about is picked from what is stored.
pub fn random_command(plane: &Plane, random: &mut Seeded) -> Command {
    random_if_possible(plane, random).unwrap_or_else(|| Command::CreateVpc(CreateVpc::default()))
}

fn random_if_possible(plane: &Plane, random: &mut Seeded) -> Option<Command> {
    let vpcs: Vec<Vpc> = plane.all();
    if vpcs.len() < 2 {
        let ipv6_cidrs = vec!["2001:db8::/56".parse().expect("a range")];
        return Some(Command::CreateVpc(CreateVpc { ipv6_cidrs, ..CreateVpc::default() }));
    }
    let vpc = random.pick(&vpcs)?.id;
    let subnets: Vec<Subnet> = plane.all();
    let instances: Vec<Instance> = plane.all();
    let attachments: Vec<Attachment> = plane.all();
    let vnis: Vec<Vni> = plane.all();
    let subnet = random.pick(&subnets).map(|subnet| subnet.id);
    let instance = random.pick(&instances).map(|instance| instance.id);
    let vni = random.pick(&vnis);
    Some(match random.below(30) {
        0 => {
            let cidr = format!("10.{}.0.0/26", random.below(4)).parse().expect("a range");
            Command::CreateSubnet(CreateSubnet {
                vpc,
                name: None,
                zone: "z1".into(),
                cidr,
                ipv6: Some(Ipv6Range::Auto),
                acl: None,
                public_gateway: None,
            })
        }
        1..=3 => Command::CreateVni(new_vni(subnet?, random)),
        4 | 5 => Command::CreateInstance(CreateInstance {
            name: None,
            vpc,
            host: Some(*random.pick(&plane.host_ids())?),
            zone: None,
            namespace: Namespace::Made,
            bandwidth_kbps: None,
            ips_per_interface: None,
            launch: None,
            primary: (random.below(3) == 0)
                .then(|| subnet.map(|subnet| new_attachment(new_vni(subnet, random))))
                .flatten(),
            attachments: Vec::new(),
            ..CreateInstance::of(vpc)
        }),
        6..=9 => Command::Attach(instance?, NewAttachment::of(VniChoice::Existing(vni?.id))),
        10 => Command::Attach(instance?, new_attachment(new_vni(subnet?, random))),
        11..=13 => Command::MoveVni { vni: vni?.id, to: instance?, nic: None },
        14 if random.below(2) == 0 => Command::DeleteAttachment(random.pick(&attachments)?.id),
        14 | 15 => Command::Detach { attachment: random.pick(&attachments)?.id, force: random.below(4) == 0 },
        16 => Command::DeleteVni(vni?.id),
        17 => Command::AddVniIp(vni?.id, ip_choice(random)),
        18 => Command::RemoveVniIp(vni?.id, *random.pick(&vni?.ips)?),
        19 => match random.below(3) {
            0 => Command::StopInstance(instance?),
            1 => Command::StartInstance(instance?),
            _ => Command::DeleteInstance(instance?),
        },
        20 => reservation(plane, subnet?, vni, random)?,
        22..=29 => policy(plane, vpc, subnet, vni?, random)?,
        _ => {
            let (spoofing, delete) = (random.below(2) == 0, random.below(2) == 0);
            let update =
                UpdateVni { allow_ip_spoofing: Some(spoofing), auto_delete: Some(delete), ..UpdateVni::default() };
            Command::UpdateVni(vni?.id, update)
        }
    })
}

fn new_vni(subnet: SubnetId, random: &mut Seeded) -> CreateVni {
    let ips = (0..random.below(3)).map(|_| ip_choice(random)).collect();
    CreateVni { subnet: Some(subnet), primary_ip: ip_choice(random), ips, ..CreateVni::default() }
}

fn new_attachment(vni: CreateVni) -> NewAttachment {
    NewAttachment::of(VniChoice::New(Box::new(vni)))
}

fn ip_choice(random: &mut Seeded) -> IpChoice {
    let auto_delete = random.below(2) == 0;
    match random.below(4) {
        0 => {
            let address = Ipv4Addr::new(10, random.below(4) as u8, 0, random.below(64) as u8).into();
            IpChoice::Address { address, name: None, auto_delete }
        }
        1 => IpChoice::Auto { family: IpFamily::V6, name: None, auto_delete },
        _ => IpChoice::Auto { family: IpFamily::V4, name: None, auto_delete },
    }
}

fn reservation(
    plane: &Plane,
    subnet: pintle_core::id::SubnetId,
    vni: Option<&Vni>,
    random: &mut Seeded,
) -> Option<Command> {
    if random.below(2) == 0 {
        let ips: Vec<ReservedIp> = plane.all();
        return Some(Command::DeleteReservedIp(random.pick(&ips)?.id));
    }
    let target = vni.filter(|_| random.below(2) == 0).map(|vni| vni.id);
    Some(Command::CreateReservedIp(CreateReservedIp { subnet, address: None, name: None, auto_delete: false, target }))
}

/// Something about what may pass, or about IPv6.
fn policy(plane: &Plane, vpc: VpcId, subnet: Option<SubnetId>, vni: &Vni, random: &mut Seeded) -> Option<Command> {
    let groups: Vec<SecurityGroup> = plane.all();
    let acls: Vec<NetworkAcl> = plane.all();
    let group = random.pick(&groups)?.id;
    Some(match random.below(9) {
        0 => {
            let (name, description, rules) = (None, String::new(), None);
            Command::CreateSecurityGroup(CreateSecurityGroup { vpc, name, description, rules })
        }
        1 => {
            let remote = Remote::Group(random.pick(&groups)?.id);
            let rule = NewRule { direction: Direction::Ingress, remote, ..NewRule::ALL_OUT };
            Command::ChangeRules(group, RulesChange::add(vec![rule]))
        }
        2 => Command::ChangeRules(group, RulesChange::Set(vec![NewRule::ALL_OUT])),
        3 => Command::ChangeVniGroups(vni.id, GroupsChange::Set(vec![group])),
        4 => match random.below(3) {
            0 => Command::QuarantineVni(vni.id, Vec::new()),
            1 => Command::ReleaseVni(vni.id),
            _ => Command::FlushVni(vni.id),
        },
        5 => Command::DeleteSecurityGroup(group),
        6 => {
            let rules = vec![NewAclRule::allow_all(Direction::Egress, IpFamily::V4)];
            Command::CreateNetworkAcl(CreateNetworkAcl { vpc, name: None, rules })
        }
        7 => {
            let acl = Some(random.pick(&acls)?.id);
            Command::UpdateSubnet(subnet?, UpdateSubnet { acl, ..UpdateSubnet::default() })
        }
        _ => Command::AddVniPrefix(vni.id, PrefixChoice::Auto(IpFamily::V6)),
    })
}
