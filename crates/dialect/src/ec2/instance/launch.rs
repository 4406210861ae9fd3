//! Where the interfaces of a launch come from: `NetworkInterface.N`, or one that is described at the top of the request.

use std::net::{Ipv4Addr, Ipv6Addr};

use pintle_core::command::{CreateVni, IpChoice, NewAttachment, Seat, VniChoice};
use pintle_core::id::{SecurityGroupId, SubnetId, VniId};
use pintle_core::model::IpFamily;

use crate::ec2::error::Ec2Error;
use crate::ec2::params::Params;
use crate::ec2::vni::create;

/// The highest device index that a request may have.
const MOST: u8 = pintle_core::model::MAX_INDEX;

/// The interfaces of a launch, as the request says them.
#[derive(Debug, Clone)]
pub(super) struct Interfaces {
    /// The one at device index 0 of network card 0.
    pub(super) primary: Interface,
    /// The others.
    pub(super) others: Vec<Interface>,
    /// Names of groups of the one that is described at the top.
    pub(super) group_names: Vec<String>,
}

/// An interface of a launch.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    seat: Seat,
    choice: Choice,
    public: Option<bool>,
}

#[derive(Debug, Clone)]
enum Choice {
    Existing(VniId),
    New(Box<CreateVni>),
}

impl Interfaces {
    /// Reads them.
    ///
    /// # Errors
    /// What EC2 says of parameters that don't go together.
    pub(super) fn read(params: &mut Params) -> Result<Self, Ec2Error> {
        let listed = params.list("NetworkInterface", Interface::read)?;
        let top = Top::read(params)?;
        if listed.is_empty() {
            return Ok(top.interfaces());
        }
        if let Some(what) = top.first() {
            let message =
                format!("Network interfaces and an instance-level {what} may not be specified on the same request");
            return Err(Ec2Error::combination(message));
        }
        let with_public = listed.iter().any(|one| one.public == Some(true));
        if with_public && listed.len() > 1 {
            return Err(Ec2Error::combination(
                "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.",
            ));
        }
        let (mut primaries, others): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|one| one.seat.card == 0 && one.seat.index == Some(0));
        match (primaries.pop(), primaries.is_empty()) {
            (Some(primary), true) => Ok(Interfaces { primary, others, group_names: Vec::new() }),
            (None, _) => {
                Err(Ec2Error::combination("When specifying network interfaces, you must include a device at index 0."))
            }
            (Some(_), false) => Err(Ec2Error::value("NetworkInterface.N.DeviceIndex", "0", "It is given twice.")),
        }
    }

    /// All of them, the primary one first.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Interface> {
        std::iter::once(&mut self.primary).chain(&mut self.others)
    }

    /// What only one instance can have, in words, if there is any of it.
    pub(super) fn only_once(&self) -> Option<&'static str> {
        std::iter::once(&self.primary).chain(&self.others).find_map(Interface::only_once)
    }
}

impl Interface {
    fn read(item: &mut Params) -> Result<Self, Ec2Error> {
        let index: u8 =
            item.number("DeviceIndex", 0..=MOST)?.ok_or_else(|| Ec2Error::missing("NetworkInterface.N.DeviceIndex"))?;
        let card = item.number("NetworkCardIndex", 0..=u8::MAX)?.unwrap_or(0);
        let public = item.flag("AssociatePublicIpAddress")?;
        let delete = item.flag("DeleteOnTermination")?;
        let existing: Option<VniId> = item.id("NetworkInterfaceId")?;
        let seat = Seat { card, index: Some(index) };
        if public == Some(true) && (index != 0 || card != 0) {
            return Err(Ec2Error::combination(
                "The associatePublicIPAddress parameter can only be specified for the network interface with DeviceIndex 0.",
            ));
        }
        if let Some(id) = existing {
            if public == Some(true) {
                return Err(Ec2Error::combination(
                    "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.",
                ));
            }
            if delete == Some(true) {
                let message = "A network interface with an ID may not be deleted on termination at launch";
                return Err(Ec2Error::combination(message));
            }
            return Ok(Interface { seat, choice: Choice::Existing(id), public });
        }
        let new = described(item, delete)?;
        Ok(Interface { seat, choice: Choice::New(Box::new(new)), public })
    }

    /// The subnet that it is in, if the request says so.
    pub(super) fn subnet(&self) -> Option<SubnetId> {
        match &self.choice {
            Choice::New(new) => new.subnet,
            Choice::Existing(_) => None,
        }
    }

    /// The interface that it is, if it is there already.
    pub(super) fn existing(&self) -> Option<VniId> {
        match &self.choice {
            Choice::New(_) => None,
            Choice::Existing(id) => Some(*id),
        }
    }

    /// Puts it into a subnet unless it says that it is in another.
    pub(super) fn settle(&mut self, subnet: SubnetId) {
        if let Choice::New(new) = &mut self.choice {
            new.subnet.get_or_insert(subnet);
        }
    }

    /// Gives it more groups.
    pub(super) fn add_groups(&mut self, groups: Vec<SecurityGroupId>) {
        if let Choice::New(new) = &mut self.choice {
            new.security_groups.extend(groups);
        }
    }

    fn only_once(&self) -> Option<&'static str> {
        let exact = |choice: &IpChoice| !matches!(choice, IpChoice::Auto { .. });
        match &self.choice {
            Choice::Existing(_) => Some("network interface ID"),
            Choice::New(new) if exact(&new.primary_ip) || new.ips.iter().any(exact) => Some("private IP address"),
            Choice::New(_) => None,
        }
    }

    /// What is asked of the core.
    pub(super) fn attachment(self) -> NewAttachment {
        let vni = match self.choice {
            Choice::Existing(id) => VniChoice::Existing(id),
            Choice::New(new) => VniChoice::New(new),
        };
        NewAttachment { seat: self.seat, own_public_address: self.public, ..NewAttachment::of(vni) }
    }
}

/// An interface that is to be made, below `NetworkInterface.N`.
fn described(item: &mut Params, delete: Option<bool>) -> Result<CreateVni, Ec2Error> {
    let subnet = item.id("SubnetId")?;
    let description = item.text("Description").unwrap_or_default();
    let security_groups = item.ids("SecurityGroupId")?;
    let keep = item.flag("PrimaryIpv6")?.unwrap_or(false);
    let mut new = create::described(item)?;
    new.keep_primary_ipv6 = Some(keep || new.keep_primary_ipv6 == Some(true));
    Ok(CreateVni { subnet, description, security_groups, auto_delete: Some(delete.unwrap_or(true)), ..new })
}

/// What a request says of its only interface at its top.
struct Top {
    subnet: Option<SubnetId>,
    groups: Vec<SecurityGroupId>,
    group_names: Vec<String>,
    address: Option<Ipv4Addr>,
    ipv6: Vec<IpChoice>,
}

impl Top {
    fn read(params: &mut Params) -> Result<Self, Ec2Error> {
        let given = params.list("Ipv6Address", |item| {
            item.flag("IsPrimaryIpv6")?;
            let address: Option<Ipv6Addr> = item.parsed("Ipv6Address", "an IPv6 address")?;
            Ok(create::exactly(address.ok_or_else(|| Ec2Error::missing("Ipv6Address.N.Ipv6Address"))?))
        })?;
        let count = params.number("Ipv6AddressCount", 0..=64u16)?.unwrap_or(0);
        if count > 0 && !given.is_empty() {
            return Err(Ec2Error::combination("The parameter Ipv6AddressCount cannot be used with Ipv6Address"));
        }
        let found = (0..count).map(|_| IpChoice::auto(IpFamily::V6));
        let group_names = params.texts("SecurityGroup")?;
        if !group_names.is_empty() {
            params.names_otherwise();
        }
        Ok(Top {
            subnet: params.id("SubnetId")?,
            groups: params.ids("SecurityGroupId")?,
            group_names,
            address: params.parsed("PrivateIpAddress", "an IPv4 address")?,
            ipv6: given.into_iter().chain(found).collect(),
        })
    }

    /// What it says first, in words.
    fn first(&self) -> Option<&'static str> {
        match self {
            Top { subnet: Some(_), .. } => Some("subnet ID"),
            Top { address: Some(_), .. } => Some("private IP address"),
            top if !top.groups.is_empty() || !top.group_names.is_empty() => Some("security groups"),
            top if !top.ipv6.is_empty() => Some("IPv6 address"),
            _ => None,
        }
    }

    fn interfaces(self) -> Interfaces {
        let new = CreateVni {
            subnet: self.subnet,
            primary_ip: self.address.map_or_else(IpChoice::default, create::exactly),
            ips: self.ipv6,
            security_groups: self.groups,
            auto_delete: Some(true),
            ..CreateVni::default()
        };
        let seat = Seat { card: 0, index: Some(0) };
        let primary = Interface { seat, choice: Choice::New(Box::new(new)), public: None };
        Interfaces { primary, others: Vec::new(), group_names: self.group_names }
    }
}
