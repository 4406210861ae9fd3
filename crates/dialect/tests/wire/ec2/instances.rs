//! Instances: golden requests and answers, and what wrong requests get.

use super::{check, respond};
use crate::world::{World, world};
use pintle_core::Command;
use pintle_dialect::ec2::Service;

#[test]
fn a13_instances_are_golden() {
    let (mut world, _) = world();
    check(&mut world, "run_instances", "RunInstances");
    check(&mut world, "run_instances_interfaces", "RunInstances");
    check(&mut world, "describe_instances", "DescribeInstances");
    check(&mut world, "describe_instances_filtered", "DescribeInstances");
    check(&mut world, "describe_instance_status", "DescribeInstanceStatus");
    check(&mut world, "describe_instance_attribute", "DescribeInstanceAttribute");
    check(&mut world, "modify_instance_attribute", "ModifyInstanceAttribute");
    check(&mut world, "modify_instance_attribute_named", "ModifyInstanceAttribute");
    check(&mut world, "monitor_instances", "MonitorInstances");
    check(&mut world, "unmonitor_instances", "UnmonitorInstances");
    check(&mut world, "modify_instance_metadata_options", "ModifyInstanceMetadataOptions");
    check(&mut world, "modify_instance_maintenance_options", "ModifyInstanceMaintenanceOptions");
    check(&mut world, "modify_instance_credit_specification", "ModifyInstanceCreditSpecification");
    check(&mut world, "describe_instance_credit_specifications", "DescribeInstanceCreditSpecifications");
    check(&mut world, "get_console_output", "GetConsoleOutput");
    check(&mut world, "get_password_data", "GetPasswordData");
    check(&mut world, "reboot_instances", "RebootInstances");
    check(&mut world, "stop_instances", "StopInstances");
    check(&mut world, "start_instances", "StartInstances");
    check(&mut world, "terminate_instances", "TerminateInstances");
}

#[test]
fn a13_what_is_asked_around_instances_is_golden() {
    let (mut world, _) = world();
    check(&mut world, "describe_instance_types", "DescribeInstanceTypes");
    check(&mut world, "describe_instance_type_offerings", "DescribeInstanceTypeOfferings");
    check(&mut world, "describe_images", "DescribeImages");
    check(&mut world, "describe_key_pairs", "DescribeKeyPairs");
    check(&mut world, "describe_volumes", "DescribeVolumes");
    check(&mut world, "describe_iam_instance_profile_associations", "DescribeIamInstanceProfileAssociations");
    check(&mut world, "describe_placement_groups", "DescribePlacementGroups");
}

fn sent(world: &mut World, action: &str, form: &str) -> String {
    respond(world, Service::Ec2, action, form).unwrap_or_else(|error| panic!("{action} {form}: {error}")).0
}

fn all(answer: &str, tag: &str) -> Vec<String> {
    let tag = format!("<{tag}>");
    let values = answer.lines().filter_map(|line| line.strip_prefix(&tag)?.split('<').next());
    values.map(ToOwned::to_owned).collect()
}

#[test]
fn a_terminated_instance_is_shown_for_a_while_and_its_end_is_its_hosts_word() {
    let (mut world, ids) = world();
    let form = format!("ImageId=ami-1&InstanceType=t3.micro&MinCount=1&MaxCount=1&SubnetId={}", ids.subnet);
    let launched = sent(&mut world, "RunInstances", &form);
    let id = all(&launched, "instanceId").remove(0);
    let named = format!("InstanceId.1={id}");
    let states = |world: &mut World| {
        let shown = sent(world, "DescribeInstances", &format!("InstanceId.1={id}"));
        all(&shown, "name").first().cloned().unwrap()
    };
    assert_eq!(states(&mut world), "pending");
    let instance = id.parse().unwrap();
    world.run(Command::InstanceRealised(instance));
    assert_eq!(states(&mut world), "pending", "its interface is not there yet");
    let attachment: pintle_core::id::AttachmentId = all(&launched, "attachmentId")[0].parse().unwrap();
    world.run(Command::AttachmentRealised(attachment, 1));
    assert_eq!(states(&mut world), "running");
    sent(&mut world, "StopInstances", &named);
    assert_eq!(states(&mut world), "stopping");
    world.run(Command::InstanceStopped(instance));
    assert_eq!(states(&mut world), "stopped");
    sent(&mut world, "TerminateInstances", &named);
    assert_eq!(states(&mut world), "shutting-down");
    world.run(Command::AttachmentGone(attachment));
    world.run(Command::InstanceGone(instance));
    assert_eq!(states(&mut world), "terminated");
    let again = sent(&mut world, "TerminateInstances", &named);
    assert_eq!(all(&again, "name"), ["terminated", "terminated"]);
    let listed = sent(&mut world, "DescribeInstances", "Filter.1.Name=instance-state-name&Filter.1.Value.1=terminated");
    assert_eq!(all(&listed, "instanceId"), [id]);
}

#[test]
fn pages_of_instances_join_to_the_whole() {
    let (mut world, ids) = world();
    let form = format!("ImageId=ami-1&InstanceType=m5.large&MinCount=12&MaxCount=12&SubnetId={}", ids.subnet);
    sent(&mut world, "RunInstances", &form);
    let instances = |answer: &str| -> Vec<String> { all(answer, "instanceId") };
    let mut whole = instances(&sent(&mut world, "DescribeInstances", ""));
    whole.dedup();
    let (mut joined, mut token) = (Vec::new(), String::new());
    loop {
        let page = sent(&mut world, "DescribeInstances", &format!("MaxResults=5{token}"));
        joined.extend(instances(&page));
        match all(&page, "nextToken").pop() {
            Some(next) => token = format!("&NextToken={next}"),
            None => break,
        }
    }
    whole.sort();
    joined.sort();
    joined.dedup();
    assert_eq!(whole, joined);
    assert!(whole.len() >= 12);
}

#[test]
fn a_page_of_what_an_index_finds_is_no_longer_than_asked_and_what_is_named_twice_is_shown_once() {
    let (mut world, ids) = world();
    let form = format!("ImageId=ami-1&InstanceType=m5.large&MinCount=12&MaxCount=12&SubnetId={}", ids.subnet);
    let launched = all(&sent(&mut world, "RunInstances", &form), "instanceId");
    let of_subnet = format!("Filter.1.Name=subnet-id&Filter.1.Value.1={}", ids.subnet);
    for (action, form) in [
        ("DescribeInstances", of_subnet.clone()),
        ("DescribeInstanceStatus", format!("IncludeAllInstances=true&{of_subnet}")),
    ] {
        let whole = all(&sent(&mut world, action, &form), "instanceId");
        assert!(launched.iter().all(|id| whole.contains(id)), "{whole:?}");
        let (mut joined, mut token) = (Vec::new(), String::new());
        loop {
            let page = sent(&mut world, action, &format!("MaxResults=5&{form}{token}"));
            let shown = all(&page, "instanceId");
            assert!((1..=5).contains(&shown.len()), "{page}");
            joined.extend(shown);
            match all(&page, "nextToken").pop() {
                Some(next) => token = format!("&NextToken={next}"),
                None => break,
            }
        }
        joined.sort();
        let mut whole = whole;
        whole.sort();
        assert_eq!(joined, whole, "{action}");
    }
    let twice = format!("InstanceId.1={0}&InstanceId.2={0}", launched[0]);
    assert_eq!(all(&sent(&mut world, "DescribeInstances", &twice), "instanceId"), [&*launched[0]]);
}

#[test]
fn wrong_requests_about_instances_get_the_codes_of_ec2() {
    let (mut world, ids) = world();
    let run = format!("ImageId=ami-1&MinCount=1&MaxCount=1&SubnetId={}", ids.subnet);
    let two = format!("ImageId=ami-1&MinCount=2&MaxCount=2&SubnetId={}", ids.subnet);
    let list = "ImageId=ami-1&InstanceType=m5.large&MinCount=1&MaxCount=1";
    let gone = "i-0ffffffffffffffff";
    let cases: &[(&str, String, &str)] = &[
        ("RunInstances", "MinCount=1&MaxCount=1".into(), "MissingParameter"),
        ("RunInstances", format!("{}&MinCount=1&MaxCount=1", "ImageId=image"), "InvalidAMIID.Malformed"),
        ("RunInstances", "ImageId=ami-1&MinCount=2&MaxCount=1".into(), "InvalidParameterCombination"),
        ("RunInstances", "ImageId=ami-1&MinCount=1&MaxCount=501".into(), "InvalidParameterValue"),
        ("RunInstances", "ImageId=ami-1&MinCount=1&MaxCount=1".into(), "VPCIdNotSpecified"),
        ("RunInstances", format!("{run}&InstanceType=m5.huge"), "InvalidParameterValue"),
        ("RunInstances", format!("{two}&PrivateIpAddress=10.1.2.90"), "InvalidParameterCombination"),
        ("RunInstances", format!("{run}&NetworkInterface.1.DeviceIndex=0"), "InvalidParameterCombination"),
        ("RunInstances", format!("{list}&NetworkInterface.1.DeviceIndex=1"), "InvalidParameterCombination"),
        ("RunInstances", format!("{list}&NetworkInterface.1.SubnetId={}", ids.subnet), "MissingParameter"),
        (
            "RunInstances",
            format!(
                "{list}&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId={0}\
                 &NetworkInterface.1.AssociatePublicIpAddress=true&NetworkInterface.2.DeviceIndex=1\
                 &NetworkInterface.2.SubnetId={0}",
                ids.subnet
            ),
            "InvalidParameterCombination",
        ),
        (
            "RunInstances",
            format!(
                "{list}&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId={0}&NetworkInterface.2.DeviceIndex=1\
                 &NetworkInterface.3.DeviceIndex=2&NetworkInterface.4.DeviceIndex=3",
                ids.subnet
            ),
            "AttachmentLimitExceeded",
        ),
        (
            "RunInstances",
            format!(
                "{list}&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId={}\
                 &NetworkInterface.1.SecondaryPrivateIpAddressCount=10",
                ids.subnet
            ),
            "PrivateIpAddressLimitExceeded",
        ),
        (
            "RunInstances",
            format!("{run}&LaunchTemplate.LaunchTemplateName=x"),
            "InvalidLaunchTemplateName.NotFoundException",
        ),
        ("RunInstances", format!("{run}&InstanceMarketOptions.MarketType=spot"), "UnsupportedOperation"),
        ("RunInstances", format!("{run}&Placement.AvailabilityZone=zone-9"), "InvalidParameterValue"),
        ("RunInstances", format!("{run}&SecurityGroup.1=nobody"), "InvalidGroup.NotFound"),
        ("DescribeInstances", format!("InstanceId.1={gone}"), "InvalidInstanceID.NotFound"),
        ("DescribeInstances", "InstanceId.1=x".into(), "InvalidInstanceID.Malformed"),
        ("DescribeInstances", "NextToken=abc".into(), "InvalidNextToken"),
        ("StopInstances", format!("InstanceId.1={gone}"), "InvalidInstanceID.NotFound"),
        ("TerminateInstances", String::new(), "MissingParameter"),
        ("DescribeInstanceAttribute", format!("InstanceId={}&Attribute=colour", ids.instance), "InvalidParameterValue"),
        ("ModifyInstanceAttribute", format!("InstanceId={}", ids.instance), "InvalidParameterCombination"),
        (
            "ModifyInstanceAttribute",
            format!("InstanceId={}&InstanceType.Value=m5.large", ids.instance),
            "IncorrectInstanceState",
        ),
        ("DescribeInstanceTypes", "InstanceType.1=m5.huge".into(), "InvalidInstanceType"),
        ("DescribeVolumes", "VolumeId.1=vol-1".into(), "InvalidVolume.NotFound"),
        (
            "DescribeInstanceCreditSpecifications",
            format!("InstanceId.1={}", ids.instance),
            "InstanceCreditSpecification.NotSupported",
        ),
    ];
    for (action, form, code) in cases {
        let error = respond(&mut world, Service::Ec2, action, form).unwrap_err();
        assert_eq!((error.status, &*error.code), (400, *code), "{action} {form}: {error}");
    }
    let protected = format!("{run}&DisableApiTermination=true&InstanceType=t3.micro");
    let id = all(&sent(&mut world, "RunInstances", &protected), "instanceId").remove(0);
    let error = respond(&mut world, Service::Ec2, "TerminateInstances", &format!("InstanceId.1={id}")).unwrap_err();
    assert_eq!(&*error.code, "OperationNotPermitted");
    let credits = format!("InstanceId.1={id}");
    assert_eq!(all(&sent(&mut world, "DescribeInstanceCreditSpecifications", &credits), "cpuCredits"), ["unlimited"]);
}
