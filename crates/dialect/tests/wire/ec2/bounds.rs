//! What one request may cost, however much it names.

use std::cell::RefCell;

use pintle_core::Command;
use pintle_core::id::{InstanceId, RuleId};
use pintle_core::model::SecurityGroup;
use pintle_core::query;
use pintle_core::txn::{ReadError, Revision, Snapshot, Stored};
use pintle_dialect::ec2::{self, Params, Scan, Service, Work, Xml};

use super::{caller, fails_in, respond};
use crate::world::{World, world};

/// A world, and the keys that were read of it one by one.
struct Read<'a>(&'a World, RefCell<Vec<String>>);

impl Snapshot for Read<'_> {
    fn revision(&self) -> Revision {
        self.0.revision()
    }
    fn get(&self, key: &str) -> Result<Option<Stored>, ReadError> {
        self.1.borrow_mut().push(key.to_owned());
        self.0.get(key)
    }
    fn list(&self, prefix: &str, start: &str, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.0.list(prefix, start, limit)
    }
    fn count(&self, prefix: &str) -> Result<u64, ReadError> {
        self.0.count(prefix)
    }
}

fn scan(action: &str, form: &str) -> Box<dyn Scan> {
    let mut params = Params::parse(form.as_bytes()).unwrap();
    match (ec2::find(Service::Ec2, action).unwrap().decode)(&mut params, &caller()).unwrap() {
        Work::Scan(scan) => scan,
        Work::Read(_) | Work::Change(..) => panic!("{action} is no scan"),
    }
}

#[test]
fn rules_by_their_ids_are_looked_up_a_few_at_a_time_and_their_group_once_for_each_time() {
    let (mut world, ids) = world();
    let cidrs: String = (1..=5).map(|n| format!("&IpPermissions.1.IpRanges.{n}.CidrIp=10.{n}.0.0/16")).collect();
    let form = format!("GroupId={}&IpPermissions.1.IpProtocol=-1{cidrs}", ids.group);
    respond(&mut world, Service::Ec2, "AuthorizeSecurityGroupIngress", &form).unwrap();
    let rules = query::get::<SecurityGroup>(&world, ids.group).unwrap().0.rules;
    let rules: Vec<RuleId> = rules[rules.len() - 5..].iter().map(|rule| rule.id).collect();
    let named: String = (0..20).map(|n| format!("SecurityGroupRuleId.{}={}&", n + 1, rules[n % 5])).collect();
    let mut scan = scan("DescribeSecurityGroupRules", &named);
    for (done, shown) in [(false, 2), (false, 2), (true, 1)] {
        let read = Read(&world, RefCell::default());
        assert_eq!(scan.step(&read, 2).unwrap(), done);
        let keys = read.1.into_inner();
        let group = ids.group.to_string();
        assert_eq!(keys.iter().filter(|key| key.ends_with(&group)).count(), 1, "{keys:?}");
        assert_eq!(keys.len(), 1 + 2 * shown, "the group, and of each rule its group's id and its tags: {keys:?}");
    }
    let mut xml = Xml::piece();
    scan.write(&mut xml);
    let shown = String::from_utf8(xml.into_bytes()).unwrap();
    assert!(rules.iter().all(|rule| shown.matches(&format!("<securityGroupRuleId>{rule}<")).count() == 1), "{shown}");
}

#[test]
fn more_rules_than_a_group_can_have_are_refused_before_they_are_compared() {
    let (mut world, ids) = world();
    let rules: String = (1..=251).map(|n| format!("&IpPermissions.1.IpRanges.{n}.CidrIp=10.0.0.0/8")).collect();
    let form = format!("GroupId={}&IpPermissions.1.IpProtocol=-1{rules}", ids.group);
    for action in ["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"] {
        assert_eq!(fails_in(&mut world, action, &form).code, "RulesPerSecurityGroupLimitExceeded");
    }
}

#[test]
fn what_is_named_often_is_looked_up_once() {
    let (mut world, ids) = world();
    let twice = format!("InstanceId.1={0}&InstanceId.2={0}", ids.instance);
    for action in ["MonitorInstances", "UnmonitorInstances", "RebootInstances", "StopInstances"] {
        match respond(&mut world, Service::Ec2, action, &twice).unwrap().1 {
            Some(Command::Batch(commands)) => assert_eq!(commands.len(), 1, "{action}"),
            Some(Command::ChangeInstances(named, _)) => assert_eq!(named, [ids.instance], "{action}"),
            None => {}
            other => panic!("{action}: {other:?}"),
        }
    }
    let credits = |n, credits| {
        let item = format!("InstanceCreditSpecification.{n}");
        format!("{item}.InstanceId={}&{item}.CpuCredits={credits}&", ids.instance)
    };
    let form = credits(1, "standard") + &credits(2, "unlimited");
    let (_, command) = respond(&mut world, Service::Ec2, "ModifyInstanceCreditSpecification", &form).unwrap();
    let Some(Command::Batch(commands)) = command else { panic!("{command:?}") };
    assert!(commands.len() == 1 && format!("{commands:?}").contains("unlimited"), "{commands:?}");
}

#[test]
fn a_request_names_no_more_than_a_thousand_things() {
    let (mut world, ids) = world();
    let many = |item: &dyn Fn(u64) -> String| (1..=1001).map(item).collect::<String>();
    let instances = many(&|n| format!("InstanceId.{n}={}&", InstanceId::from_bits(n)));
    let credits = many(&|n| {
        let item = format!("InstanceCreditSpecification.{n}");
        format!("{item}.InstanceId={}&{item}.CpuCredits=standard&", InstanceId::from_bits(n))
    });
    let resources = many(&|n| format!("ResourceId.{n}={}&", InstanceId::from_bits(n)));
    let tags = format!("ResourceId.1={}{}", ids.vni, many(&|n| format!("&Tag.{n}.Key=k{n}")));
    for (action, form) in [
        ("DescribeInstances", &instances),
        ("DescribeInstanceCreditSpecifications", &instances),
        ("RebootInstances", &instances),
        ("MonitorInstances", &instances),
        ("TerminateInstances", &instances),
        ("ModifyInstanceCreditSpecification", &credits),
        ("DeleteTags", &resources),
        ("DeleteTags", &tags),
    ] {
        let error = fails_in(&mut world, action, form);
        assert_eq!((error.status, &*error.code), (400, "InvalidParameterValue"), "{action}: {error}");
        assert!(error.message.contains("1000"), "{action}: {error}");
    }
}
