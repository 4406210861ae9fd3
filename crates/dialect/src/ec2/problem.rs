//! What can go wrong, in EC2's codes and words: the only place that maps the core's refusals.

use pintle_core::refusal::{Holder, Limited, Noun};
use pintle_core::{DecideError, Refusal};

use super::error::{Ec2Error, short};
use crate::problem::Problem;

impl From<Problem> for Ec2Error {
    fn from(problem: Problem) -> Self {
        let message = problem.to_string();
        match problem {
            Problem::Refused(refusal) => refused(&refusal),
            Problem::Malformed { .. } => Ec2Error::new("MalformedQueryString", message),
            Problem::Field { .. } | Problem::Parameter { .. } => Ec2Error::new("InvalidParameterValue", message),
            Problem::Unauthenticated(_) => Ec2Error::with_status(401, "AuthFailure", message),
            Problem::Ambiguous { .. } => Ec2Error::new("InvalidParameterValue", message),
            Problem::UnknownPath { .. } => Ec2Error::new("InvalidAction", message),
            Problem::WrongMethod { .. } => Ec2Error::new("InvalidAction", message),
            Problem::WrongContentType { .. } => Ec2Error::new("MalformedQueryString", message),
            Problem::TooLarge { .. } => Ec2Error::new("RequestEntityTooLarge", message),
            Problem::Changed { .. } => Ec2Error::new("IncorrectState", message),
            Problem::Throttled => Ec2Error::with_status(503, "RequestLimitExceeded", "Request limit exceeded."),
            Problem::Busy | Problem::Stopping | Problem::HostAway { .. } | Problem::HostSlow { .. } => {
                Ec2Error::with_status(503, "Unavailable", message)
            }
            Problem::HostFailed { .. } | Problem::Timeout { .. } => {
                Ec2Error::with_status(503, "ServiceUnavailable", message)
            }
            Problem::Internal { .. } => Ec2Error::with_status(
                500,
                "InternalError",
                "An internal error has occurred; the server's log has the reason under the request id",
            ),
        }
    }
}

impl From<Refusal> for Ec2Error {
    fn from(refusal: Refusal) -> Self {
        refused(&refusal)
    }
}

impl From<DecideError> for Ec2Error {
    fn from(error: DecideError) -> Self {
        Problem::from(error).into()
    }
}

/// Nothing of this kind has this id.
pub fn not_found(noun: Noun, id: &str) -> Ec2Error {
    let id = short(id);
    let (code, message) = match noun {
        Noun::Vpc => ("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist")),
        Noun::Subnet => ("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist")),
        Noun::Vni => ("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist")),
        Noun::Instance | Noun::BareMetalServer => {
            ("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
        }
        Noun::Attachment => ("InvalidAttachmentID.NotFound", format!("The attachment ID '{id}' does not exist")),
        Noun::SecurityGroup => ("InvalidGroup.NotFound", format!("The security group '{id}' does not exist")),
        Noun::SecurityGroupRule => {
            ("InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{id}' does not exist"))
        }
        Noun::NetworkAcl => ("InvalidNetworkAclID.NotFound", format!("The networkAcl ID '{id}' does not exist")),
        Noun::NetworkAclRule => {
            ("InvalidNetworkAclEntry.NotFound", format!("The network acl entry '{id}' does not exist"))
        }
        Noun::PrefixList => ("InvalidPrefixListID.NotFound", format!("The prefix list ID '{id}' does not exist")),
        Noun::FlowLog => ("InvalidFlowLogId.NotFound", format!("The flow log ID '{id}' does not exist")),
        Noun::FloatingIp => ("InvalidAllocationID.NotFound", format!("The allocation ID '{id}' does not exist")),
        Noun::Association => ("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist")),
        Noun::VniPermission => (
            "InvalidNetworkInterfacePermissionId.NotFound",
            format!("The networkInterfacePermission ID '{id}' does not exist"),
        ),
        Noun::PublicGateway => ("NatGatewayNotFound", format!("NatGateway {id} was not found")),
        Noun::InternetGateway => {
            ("InvalidInternetGatewayID.NotFound", format!("The internetGateway ID '{id}' does not exist"))
        }
        Noun::RouteTable => ("InvalidRouteTableID.NotFound", format!("The routeTable ID '{id}' does not exist")),
        Noun::Route => ("InvalidRoute.NotFound", format!("There is no route to '{id}'")),
        Noun::RouteAssociation => {
            ("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
        }
        Noun::VpcRange => (
            "InvalidVpcCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{id}' does not exist"),
        ),
        Noun::SubnetRange => (
            "InvalidSubnetCidrBlockAssociationID.NotFound",
            format!("The subnet CIDR block association ID '{id}' does not exist"),
        ),
        Noun::SubnetReservation => {
            ("InvalidSubnetCidrReservationID.NotFound", format!("The subnet CIDR reservation ID '{id}' does not exist"))
        }
        Noun::DhcpOptionSet => ("InvalidDhcpOptionID.NotFound", format!("The dhcpOption ID '{id}' does not exist")),
        Noun::ReservedIp => ("InvalidParameterValue", format!("The address '{id}' is not assigned")),
        Noun::Prefix => ("InvalidParameterValue", format!("The prefix '{id}' is not assigned")),
        Noun::Resource => ("InvalidID", format!("The ID '{id}' is not valid")),
        Noun::SshKey => ("InvalidKeyPair.NotFound", format!("The key pair '{id}' does not exist")),
        Noun::Zone | Noun::Profile | Noun::Image | Noun::AddressPrefix | Noun::FlowLogTarget => {
            ("InvalidParameterValue", format!("'{id}' was not found"))
        }
        Noun::AccessKey
        | Noun::ApiKey
        | Noun::Policy
        | Noun::Account
        | Noun::Region
        | Noun::Host
        | Noun::ResourceGroup
        | Noun::PublicPool
        | Noun::Share
        | Noun::MountTarget => ("InvalidParameterValue", format!("The {} '{id}' does not exist", noun.words())),
    };
    Ec2Error::new(code, message)
}

/// Both dialect words for a thing in use: addresses and interfaces have codes of their own.
fn in_use(noun: Noun, holder: &Holder, message: String) -> Ec2Error {
    let code = match (noun, holder) {
        // As AWS says it of what it manages itself.
        (Noun::Vni, Holder::MountTarget(_)) => "OperationNotPermitted",
        (Noun::Vni, _) => "InvalidNetworkInterface.InUse",
        // An address of an interface that is to stay, such as its primary one.
        (Noun::ReservedIp, Holder::Vni(_)) => "InvalidParameterValue",
        (Noun::FloatingIp | Noun::ReservedIp, _) => "InvalidIPAddress.InUse",
        (Noun::VpcRange, _) => "InvalidCidrBlock.InUse",
        _ => "DependencyViolation",
    };
    Ec2Error::new(code, message)
}

fn refused(refusal: &Refusal) -> Ec2Error {
    let words = refusal.to_string();
    match refusal {
        Refusal::NotFound { noun, id } => not_found(*noun, id),
        Refusal::NotPermitted { .. } | Refusal::NotAuthorized { .. } => {
            Ec2Error::with_status(403, "UnauthorizedOperation", words)
        }
        Refusal::Invalid { field, value, rule } => invalid(field, value, rule),
        Refusal::NameTaken { noun: Noun::SecurityGroup, name, scope, .. } => {
            let message = format!("The security group '{name}' already exists for {scope}");
            Ec2Error::new("InvalidGroup.Duplicate", message)
        }
        Refusal::NameTaken { .. } => Ec2Error::new("InvalidParameterValue", words),
        Refusal::AddressTaken { address, .. } => {
            Ec2Error::new("InvalidIPAddress.InUse", format!("Address {address} is in use."))
        }
        Refusal::ReservedIpBound { address, .. } => {
            Ec2Error::new("InvalidIPAddress.InUse", format!("Address {address} is in use."))
        }
        Refusal::SubnetFull { .. } => Ec2Error::new(
            "InsufficientFreeAddressesInSubnet",
            "The specified subnet does not have enough free addresses to satisfy the request.",
        ),
        Refusal::NoPrefixLeft { .. } => Ec2Error::new(
            "InsufficientCidrBlocks",
            "The specified subnet does not have enough free cidr blocks to satisfy the request.",
        ),
        Refusal::CidrOverlap { cidr, holder: Holder::Subnet(_), .. } => {
            Ec2Error::new("InvalidSubnet.Conflict", format!("The CIDR '{cidr}' conflicts with another subnet"))
        }
        // A network that is to be delegated, where somebody has an address or another such network.
        Refusal::CidrOverlap { holder: Holder::Vni(_) | Holder::ReservedIp(_), .. }
        | Refusal::CidrOverlap { holder: Holder::SubnetReservation(_), .. } => {
            Ec2Error::new("InvalidParameterValue", words)
        }
        Refusal::CidrOverlap { .. } => Ec2Error::new("InvalidVpc.Range", words),
        Refusal::InUse { noun, holder, .. } => in_use(*noun, holder, words),
        Refusal::NotOnTarget { .. } => Ec2Error::new("UnsupportedOperation", words),
        Refusal::WrongZone { .. } => Ec2Error::new("InvalidParameterValue", words),
        Refusal::WrongVpc { .. } => Ec2Error::new("InvalidParameterCombination", words),
        Refusal::OtherVpc { noun: Noun::SecurityGroup, .. } => Ec2Error::new("InvalidGroup.NotFound", words),
        Refusal::OtherVpc { .. } => Ec2Error::new("InvalidParameterCombination", words),
        Refusal::IsDefault { noun: Noun::SecurityGroup, .. } => Ec2Error::new("CannotDelete", words),
        Refusal::IsDefault { .. } => Ec2Error::new("InvalidParameterValue", words),
        Refusal::HasDefault { noun: Noun::Subnet, .. } => {
            Ec2Error::new("DefaultSubnetAlreadyExistsInAvailabilityZone", words)
        }
        Refusal::HasDefault { .. } => Ec2Error::new("DefaultVpcAlreadyExists", words),
        Refusal::NoDefaultVpc { .. } => Ec2Error::new("DefaultVpcDoesNotExist", words),
        Refusal::DuplicateRule { holder: Holder::NetworkAcl(_), .. } => {
            Ec2Error::new("NetworkAclEntryAlreadyExists", words)
        }
        Refusal::DuplicateRule { .. } => {
            let message = format!("the specified rule already exists: {words}");
            Ec2Error::new("InvalidPermission.Duplicate", message)
        }
        Refusal::AlreadyExists { noun: Noun::FlowLog, .. } => Ec2Error::new(
            "FlowLogAlreadyExists",
            "Error. There is an existing Flow Log with the same configuration and log destination.",
        ),
        Refusal::AlreadyExists { .. } => Ec2Error::new("InvalidParameterValue", words),
        Refusal::WrongVersion { noun: Noun::PrefixList, .. } => Ec2Error::new("PrefixListVersionMismatch", words),
        Refusal::WrongVersion { .. } => Ec2Error::new("IncorrectState", words),
        Refusal::FloatingIpBound { .. } | Refusal::AddressHasFloatingIp { .. } => {
            Ec2Error::new("Resource.AlreadyAssociated", words)
        }
        Refusal::NoPublicAddress { .. } => Ec2Error::new("InsufficientAddressCapacity", words),
        Refusal::NoInternetGateway { vpc } => {
            Ec2Error::new("Gateway.NotAttached", format!("Network {vpc} is not attached to any internet gateway"))
        }
        Refusal::GatewayNotAttached { gateway, vpc } => {
            Ec2Error::new("Gateway.NotAttached", format!("resource {gateway} is not attached to network {vpc}"))
        }
        Refusal::GatewayAttached { gateway, vpc } => {
            let message = format!("resource {gateway} is already attached to network {vpc}");
            Ec2Error::new("Resource.AlreadyAssociated", message)
        }
        Refusal::OtherRouting { .. } => Ec2Error::new("UnsupportedOperation", words),
        Refusal::RouteExists { net, .. } => {
            let message = format!("The route identified by {net} already exists.");
            Ec2Error::new("RouteAlreadyExists", message)
        }
        Refusal::NoSuchRoute { table, net } => {
            let message = format!("no route with destination-cidr-block {net} in route table {table}");
            Ec2Error::new("InvalidRoute.NotFound", message)
        }
        Refusal::NoUplink { .. } => Ec2Error::new("Gateway.NotAttached", words),
        Refusal::ChildInterface { .. } | Refusal::InterfaceStyle { .. } => {
            Ec2Error::new("OperationNotPermitted", words)
        }
        Refusal::PrimaryAttachment { .. } => Ec2Error::new(
            "OperationNotPermitted",
            "The network interface at device index 0 and networkCard index 0 cannot be detached.",
        ),
        Refusal::AlreadyAttached { vni, .. } => {
            Ec2Error::new("InvalidNetworkInterface.InUse", format!("Interface: [{vni}] in use."))
        }
        Refusal::NotAttached { .. } => Ec2Error::new("IncorrectState", words),
        Refusal::Moving { .. } => Ec2Error::new("IncorrectState", words),
        Refusal::WrongState { noun: Noun::VpcRange, .. } => Ec2Error::new("OperationNotPermitted", words),
        Refusal::WrongState { noun: Noun::Instance, .. } => Ec2Error::new("IncorrectInstanceState", words),
        Refusal::WrongState { .. } => Ec2Error::new("IncorrectState", words),
        Refusal::Protected { instance, what } => {
            let (verb, attribute) = if *what == "stopped" {
                ("stopped", "disableApiStop")
            } else {
                ("terminated", "disableApiTermination")
            };
            let message = format!(
                "The instance '{instance}' may not be {verb}. Modify its '{attribute}' instance attribute and try again."
            );
            Ec2Error::new("OperationNotPermitted", message)
        }
        Refusal::Limit { of, .. } => limit(*of, words),
        Refusal::Quota { noun, .. } => Ec2Error::new(things_code(*noun), words),
        Refusal::TooManyTags { .. } => Ec2Error::new("TagLimitExceeded", words),
        Refusal::TokenReused => Ec2Error::new("IdempotentParameterMismatch", words),
        Refusal::NoHost { .. } => Ec2Error::new("InsufficientInstanceCapacity", words),
    }
}

/// A field whose value breaks a rule of the core.
fn invalid(field: &str, value: &str, rule: &str) -> Ec2Error {
    let code = match field {
        "cidr" => super::ranges::SUBNET,
        "cidrs" => super::ranges::VPC,
        _ => "InvalidParameterValue",
    };
    Ec2Error::new(code, format!("Value ({}) for parameter {field} is invalid. {rule}", short(value)))
}

/// A limit that is reached.
fn limit(of: Limited, words: String) -> Ec2Error {
    let code = match of {
        Limited::Things(noun) => things_code(noun),
        Limited::AddressesOfVni => {
            let message = format!("Number of private addresses will exceed limit. {words}");
            return Ec2Error::new("PrivateIpAddressLimitExceeded", message);
        }
        Limited::AttachmentsOfInstance => "AttachmentLimitExceeded",
        Limited::GroupsOfVni => "SecurityGroupsPerInterfaceLimitExceeded",
        Limited::InterfacesOfGroup => "ResourceLimitExceeded",
        Limited::RulesOfGroup => "RulesPerSecurityGroupLimitExceeded",
        Limited::RulesOfAcl => "NetworkAclEntryLimitExceeded",
        Limited::RoutesOfTable | Limited::PrefixLengths => "RouteLimitExceeded",
        Limited::EntriesOfPrefixList => "PrefixListMaxEntriesExceeded",
        Limited::Ranges => "CidrLimitExceeded",
        Limited::DhcpServers | Limited::NotesOfInstance => "InvalidParameterValue",
        Limited::Zones => "ResourceLimitExceeded",
    };
    Ec2Error::new(code, words)
}

/// The code for too many things of a kind: as many as a rule or a quota allows.
fn things_code(noun: Noun) -> &'static str {
    match noun {
        Noun::Vpc => "VpcLimitExceeded",
        Noun::Subnet => "SubnetLimitExceeded",
        Noun::Vni => "NetworkInterfaceLimitExceeded",
        Noun::Instance => "InstanceLimitExceeded",
        Noun::SecurityGroup => "SecurityGroupLimitExceeded",
        Noun::NetworkAcl => "NetworkAclLimitExceeded",
        Noun::FlowLog => "FlowLogsLimitExceeded",
        Noun::FloatingIp => "AddressLimitExceeded",
        Noun::PublicGateway => "NatGatewayLimitExceeded",
        Noun::InternetGateway => "InternetGatewayLimitExceeded",
        Noun::RouteTable => "RouteTableLimitExceeded",
        Noun::VpcRange | Noun::SubnetRange => "CidrLimitExceeded",
        _ => "ResourceLimitExceeded",
    }
}
