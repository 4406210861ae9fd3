//! What a refusal speaks of.

/// The noun that a refusal speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// An access key.
    AccessKey,
    /// An API key.
    ApiKey,
    /// A role that a key has on something.
    Policy,
    /// An account.
    Account,
    /// A region.
    Region,
    /// A VPC.
    Vpc,
    /// A subnet.
    Subnet,
    /// A reserved IP.
    ReservedIp,
    /// A virtual network interface.
    Vni,
    /// A permission to use a virtual network interface.
    VniPermission,
    /// An instance.
    Instance,
    /// A bare metal server.
    BareMetalServer,
    /// A network attachment.
    Attachment,
    /// A host.
    Host,
    /// A resource group.
    ResourceGroup,
    /// A security group.
    SecurityGroup,
    /// A rule of a security group.
    SecurityGroupRule,
    /// A network ACL.
    NetworkAcl,
    /// A rule of a network ACL.
    NetworkAclRule,
    /// A prefix list.
    PrefixList,
    /// A flow log.
    FlowLog,
    /// What a flow log watches.
    FlowLogTarget,
    /// A delegated network.
    Prefix,
    /// A pool of public addresses.
    PublicPool,
    /// A floating IP.
    FloatingIp,
    /// What joins a floating IP to what it leads to.
    Association,
    /// A public gateway.
    PublicGateway,
    /// A thing of a kind that nobody knows.
    Resource,
    /// An internet gateway.
    InternetGateway,
    /// A route table.
    RouteTable,
    /// A route of a table.
    Route,
    /// That a subnet uses a route table.
    RouteAssociation,
    /// A range of a VPC.
    VpcRange,
    /// An IPv6 range of a subnet.
    SubnetRange,
    /// A reserved part of a subnet.
    SubnetReservation,
    /// A set of DHCP options.
    DhcpOptionSet,
    /// An SSH key.
    SshKey,
    /// An address prefix of a VPC.
    AddressPrefix,
    /// A zone.
    Zone,
    /// An instance profile.
    Profile,
    /// An image.
    Image,
    /// A file share.
    Share,
    /// A mount target of a file share.
    MountTarget,
}

impl Noun {
    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Noun::AccessKey => "access key",
            Noun::ApiKey => "API key",
            Noun::Policy => "access policy",
            Noun::Account => "account",
            Noun::Region => "region",
            Noun::Vpc => "VPC",
            Noun::Subnet => "subnet",
            Noun::ReservedIp => "reserved IP",
            Noun::Vni => "virtual network interface",
            Noun::VniPermission => "permission to use a virtual network interface",
            Noun::Instance => "instance",
            Noun::BareMetalServer => "bare metal server",
            Noun::Attachment => "network attachment",
            Noun::Host => "host",
            Noun::ResourceGroup => "resource group",
            Noun::SecurityGroup => "security group",
            Noun::SecurityGroupRule => "security group rule",
            Noun::NetworkAcl => "network ACL",
            Noun::NetworkAclRule => "network ACL rule",
            Noun::PrefixList => "prefix list",
            Noun::FlowLog => "flow log",
            Noun::FlowLogTarget => "target",
            Noun::Prefix => "delegated prefix",
            Noun::PublicPool => "public pool",
            Noun::FloatingIp => "floating IP",
            Noun::Association => "association of a floating IP",
            Noun::PublicGateway => "public gateway",
            Noun::Resource => "resource",
            Noun::InternetGateway => "internet gateway",
            Noun::RouteTable => "route table",
            Noun::Route => "route",
            Noun::RouteAssociation => "route table association",
            Noun::VpcRange => "range",
            Noun::SubnetRange => "IPv6 range",
            Noun::SubnetReservation => "subnet reservation",
            Noun::DhcpOptionSet => "DHCP option set",
            Noun::SshKey => "SSH key",
            Noun::AddressPrefix => "address prefix",
            Noun::Zone => "zone",
            Noun::Profile => "profile",
            Noun::Image => "image",
            Noun::Share => "share",
            Noun::MountTarget => "mount target",
        }
    }
}
