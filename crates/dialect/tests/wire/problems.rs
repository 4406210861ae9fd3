//! Problems become errors, in each dialect's envelope.

use std::net::IpAddr;

use pintle_core::Refusal;
use pintle_core::id::IdSource;
use pintle_core::id::{AttachmentId, InstanceId, ReservedIpId, SubnetId, VniId, VpcId};
use pintle_core::id::{FloatingIpId, SecurityGroupId};
use pintle_core::legality::{Conflict, Limit, Property};
use pintle_core::model::{InterfaceStyle, TargetKind};
use pintle_core::refusal::{Holder, Limited, Noun};
use pintle_dialect::{Problem, ec2, ibm, native};
use serde_json::{Value, json};

use crate::golden;

struct One;
impl IdSource for One {
    fn bits(&mut self) -> u64 {
        1
    }
}

fn refusals() -> Vec<Refusal> {
    let (vpc, subnet, ip) = (VpcId::new(&mut One), SubnetId::new(&mut One), ReservedIpId::new(&mut One));
    let (vni, instance, attachment) = (VniId::new(&mut One), InstanceId::new(&mut One), AttachmentId::new(&mut One));
    let (address, cidr) = (IpAddr::from([10, 1, 2, 9]), "10.1.2.0/24".parse().unwrap());
    let (group, floating_ip) = (SecurityGroupId::new(&mut One), FloatingIpId::new(&mut One));
    let holder = Holder::Vni(vni);
    vec![
        Refusal::NotFound { noun: Noun::Vni, id: vni.to_string() },
        Refusal::NotPermitted { action: "changing hosts" },
        Refusal::NotAuthorized { action: "is.vpc.vpc.delete".to_owned(), id: Some("vpc-00000000000000001".to_owned()) },
        Refusal::NotAuthorized { action: "is.vpc.vpc.create".to_owned(), id: None },
        Refusal::invalid("cidr", "10.1.2.3/24", "it has host bits set; the network is 10.1.2.0/24"),
        Refusal::invalid("start", "x", "it must come from the 'next' of the page before"),
        Refusal::NameTaken {
            noun: Noun::Vpc,
            name: "blue".to_owned(),
            holder: vpc.to_string(),
            scope: "this server".to_owned(),
        },
        Refusal::AddressTaken { address, holder: holder.clone() },
        Refusal::ReservedIpBound { id: ip, address, holder: holder.clone() },
        Refusal::SubnetFull { subnet, cidr },
        Refusal::CidrOverlap { cidr, other: cidr, holder: Holder::Subnet(subnet) },
        Refusal::InUse { noun: Noun::Subnet, id: subnet.to_string(), holder, remedy: "delete its interfaces first" },
        Refusal::WrongZone { vni, vni_zone: "a".to_owned(), instance, instance_zone: "b".to_owned() },
        Refusal::WrongVpc { vni, vni_vpc: vpc, instance, instance_vpc: vpc },
        Refusal::InterfaceStyle {
            instance,
            style: InterfaceStyle::Attachments,
            rule: "add a network attachment to it instead",
        },
        Refusal::PrimaryAttachment { attachment, instance },
        Refusal::AlreadyAttached { vni, attachment, instance },
        Refusal::NotAttached { vni },
        Refusal::Moving { vni, from: attachment, to: attachment },
        Refusal::WrongState {
            noun: Noun::Instance,
            id: instance.to_string(),
            state: "deleting".to_owned(),
            rule: "it takes no change".to_owned(),
        },
        Refusal::Limit { of: Limited::AddressesOfVni, what: "addresses".to_owned(), limit: 8 },
        Refusal::NoHost { zone: "zone-1".to_owned() },
        Refusal::NoPrefixLeft { subnet, cidr, length: 28 },
        Refusal::OtherVpc { noun: Noun::SecurityGroup, id: group.to_string(), vpc, needed: vpc },
        Refusal::HasDefault { noun: Noun::Vpc, id: vpc.to_string(), place: "this account".to_owned() },
        Refusal::NoDefaultVpc { place: "this account".to_owned() },
        Refusal::IsDefault { noun: Noun::SecurityGroup, id: group.to_string(), vpc, rule: "it can't be deleted" },
        Refusal::DuplicateRule { holder: Holder::SecurityGroup(group), rule: "sgr-00000000000000001".to_owned() },
        Refusal::AlreadyExists { noun: Noun::FlowLog, id: "fl-1".to_owned() },
        Refusal::WrongVersion { noun: Noun::PrefixList, id: "pl-1".to_owned(), given: 1, current: 2 },
        Refusal::FloatingIpBound { id: floating_ip, address, holder: Holder::Vni(vni) },
        Refusal::AddressHasFloatingIp { vni, address, floating_ip },
        Refusal::NotOnTarget {
            vni,
            conflict: Box::new(Conflict {
                property: Property::StateFiltering,
                value: "disabled".to_owned(),
                limit: Limit::NotDisabled,
                on: Some(TargetKind::ShareMount),
            }),
        },
        Refusal::NoPublicAddress { zone: "zone-1".to_owned() },
        Refusal::NoUplink { zone: "zone-1".to_owned() },
    ]
}

fn problems() -> Vec<Problem> {
    let mut all: Vec<Problem> = refusals().into_iter().map(Problem::Refused).collect();
    all.extend([
        Problem::Malformed { line: 2, column: 13, detail: "expected value".to_owned() },
        Problem::Field { field: "ips[1].address".to_owned(), detail: "'x' is not …".to_owned(), line: 1, column: 9 },
        Problem::Parameter { name: "version".to_owned(), value: None, rule: "it is required".to_owned() },
        Problem::Parameter { name: "limit".to_owned(), value: Some("0".to_owned()), rule: "1 to 100".to_owned() },
        Problem::Unauthenticated("a bearer token is needed"),
        Problem::Ambiguous {
            noun: Noun::Subnet,
            name: "a".to_owned(),
            candidates: vec!["x".to_owned(), "y".to_owned()],
        },
        Problem::UnknownPath { path: "/v1/nothing".to_owned() },
        Problem::WrongMethod { method: "PUT".to_owned(), path: "/v1/vpcs".to_owned() },
        Problem::WrongContentType { given: "text/plain".to_owned(), wanted: "'application/json'" },
        Problem::TooLarge { limit: 1 << 20 },
        Problem::changed("W/\"3\"", 4),
        Problem::Timeout { seconds: 60 },
        Problem::Throttled,
        Problem::Busy,
        Problem::HostAway { detail: "host h is not connected".to_owned() },
        Problem::HostSlow { detail: "host h has not answered within 2 s".to_owned() },
        Problem::HostFailed { detail: "host h can't tell".to_owned() },
        Problem::Stopping,
        Problem::Internal { detail: "/secret/path: disk on fire".to_owned() },
    ]);
    all
}

fn all(encode: impl Fn(&Problem, &str) -> (u16, Value)) -> String {
    let shown: Vec<Value> = problems()
        .iter()
        .map(|problem| {
            let (status, body) = encode(problem, "trace-1");
            assert!((400..=599).contains(&status));
            assert!(!body.to_string().contains("/secret/path"), "a client never sees the inside");
            json!({ "status": status, "body": body })
        })
        .collect();
    serde_json::to_string_pretty(&shown).unwrap()
}

#[test]
fn ibm_errors_are_golden() {
    golden::check("ibm/errors.json", &all(ibm::problem::encode));
}

#[test]
fn native_errors_are_golden() {
    golden::check("native/errors.json", &all(native::problem::encode));
}

/// Clients branch on these: a limit's code follows from what is limited, never from its words.
#[test]
fn each_limit_has_its_code_in_ec2() {
    let code = |of| {
        let refusal = Refusal::Limit { of, what: "some words".to_owned(), limit: 8 };
        ec2::Ec2Error::from(refusal).code.into_owned()
    };
    let expected = [
        (Limited::AddressesOfVni, "PrivateIpAddressLimitExceeded"),
        (Limited::AttachmentsOfInstance, "AttachmentLimitExceeded"),
        (Limited::GroupsOfVni, "SecurityGroupsPerInterfaceLimitExceeded"),
        (Limited::RulesOfGroup, "RulesPerSecurityGroupLimitExceeded"),
        (Limited::RulesOfAcl, "NetworkAclEntryLimitExceeded"),
        (Limited::Ranges, "CidrLimitExceeded"),
        (Limited::EntriesOfPrefixList, "PrefixListMaxEntriesExceeded"),
        (Limited::Things(Noun::Vni), "NetworkInterfaceLimitExceeded"),
        (Limited::Things(Noun::FloatingIp), "AddressLimitExceeded"),
        (Limited::Things(Noun::Vpc), "VpcLimitExceeded"),
        (Limited::Things(Noun::Subnet), "SubnetLimitExceeded"),
        (Limited::Things(Noun::SecurityGroup), "SecurityGroupLimitExceeded"),
    ];
    for (of, expected) in expected {
        assert_eq!(code(of), expected, "{of:?}");
    }
}
