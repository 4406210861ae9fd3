//! EC2's security groups, prefix lists, network ACLs and flow logs: requests as clients send them and what comes of them.

use pintle_core::id::AclAssociationId;
use pintle_core::model::{NetworkAcl, Vpc};
use pintle_core::query;

use crate::ec2::{check, check_with, fails_in, first};
use crate::world::world;

#[test]
fn a13_security_groups_are_golden() {
    let (mut world, _) = world();
    let world = &mut world;
    check(world, "describe_security_groups", "DescribeSecurityGroups");
    check(world, "describe_security_groups_filtered", "DescribeSecurityGroups");
    let made = check(world, "create_security_group", "CreateSecurityGroup");
    check(world, "authorize_security_group_ingress", "AuthorizeSecurityGroupIngress");
    check(world, "authorize_security_group_ingress_old", "AuthorizeSecurityGroupIngress");
    check(world, "authorize_security_group_ingress_group", "AuthorizeSecurityGroupIngress");
    check(world, "authorize_security_group_egress", "AuthorizeSecurityGroupEgress");
    check(world, "describe_security_group_rules_tagged", "DescribeSecurityGroupRules");
    check(world, "modify_security_group_rules", "ModifySecurityGroupRules");
    let descriptions = "update_security_group_rule_descriptions";
    check(world, &format!("{descriptions}_ingress"), "UpdateSecurityGroupRuleDescriptionsIngress");
    check(world, &format!("{descriptions}_egress"), "UpdateSecurityGroupRuleDescriptionsEgress");
    check(world, "revoke_security_group_ingress", "RevokeSecurityGroupIngress");
    check(world, "revoke_security_group_ingress_by_id", "RevokeSecurityGroupIngress");
    check(world, "revoke_security_group_egress", "RevokeSecurityGroupEgress");
    check(world, "describe_security_group_rules", "DescribeSecurityGroupRules");
    check(world, "get_security_groups_for_vpc", "GetSecurityGroupsForVpc");
    check(world, "describe_security_group_references", "DescribeSecurityGroupReferences");
    check(world, "describe_stale_security_groups", "DescribeStaleSecurityGroups");
    check(world, "describe_security_group_vpc_associations", "DescribeSecurityGroupVpcAssociations");
    check_with(world, "delete_security_group", "DeleteSecurityGroup", &[("CREATED", first(&made, "groupId"))]);
}

#[test]
fn a13_prefix_lists_are_golden() {
    let (mut world, _) = world();
    let world = &mut world;
    let made = check(world, "create_managed_prefix_list", "CreateManagedPrefixList");
    check(world, "modify_managed_prefix_list", "ModifyManagedPrefixList");
    check(world, "get_managed_prefix_list_entries", "GetManagedPrefixListEntries");
    check(world, "get_managed_prefix_list_entries_former", "GetManagedPrefixListEntries");
    check(world, "get_managed_prefix_list_associations", "GetManagedPrefixListAssociations");
    check(world, "restore_managed_prefix_list_version", "RestoreManagedPrefixListVersion");
    check(world, "describe_managed_prefix_lists", "DescribeManagedPrefixLists");
    check(world, "describe_prefix_lists", "DescribePrefixLists");
    let created = [("CREATED", first(&made, "prefixListId"))];
    check_with(world, "delete_managed_prefix_list", "DeleteManagedPrefixList", &created);
}

#[test]
fn a13_network_acls_are_golden() {
    let (mut world, ids) = world();
    let world = &mut world;
    check(world, "describe_network_acls", "DescribeNetworkAcls");
    check(world, "describe_network_acls_filtered", "DescribeNetworkAcls");
    let made = check(world, "create_network_acl", "CreateNetworkAcl");
    check(world, "create_network_acl_entry", "CreateNetworkAclEntry");
    check(world, "replace_network_acl_entry", "ReplaceNetworkAclEntry");
    check(world, "delete_network_acl_entry", "DeleteNetworkAclEntry");
    let acl = query::get::<Vpc>(world, ids.vpc).unwrap().0.default_acl;
    let bond = [("BOND", AclAssociationId::of(ids.subnet, acl).to_string())];
    check_with(world, "replace_network_acl_association", "ReplaceNetworkAclAssociation", &bond);
    let created = [("CREATED", first(&made, "networkAclId"))];
    check_with(world, "delete_network_acl", "DeleteNetworkAcl", &created);
    // What was only said in passing: the number that a rule without one was shown with is its own now.
    let (edge, _) = query::get::<NetworkAcl>(world, ids.acl).unwrap();
    assert!(edge.rules.iter().all(|rule| rule.number.is_some()), "{edge:?}");
}

#[test]
fn a13_flow_logs_are_golden() {
    let (mut world, _) = world();
    let world = &mut world;
    let made = check(world, "create_flow_logs", "CreateFlowLogs");
    check(world, "create_flow_logs_group", "CreateFlowLogs");
    check(world, "describe_flow_logs", "DescribeFlowLogs");
    let id = first(&made, "flowLogIdSet").replace("\n", "");
    let id = id.trim_start_matches("<item>").trim_end_matches("</item>").to_owned();
    check_with(world, "delete_flow_logs", "DeleteFlowLogs", &[("CREATED", id)]);
}

#[test]
fn a13_wrong_requests_about_policy_get_the_codes_of_ec2() {
    let (mut world, ids) = world();
    let group = format!("GroupId={}", ids.group);
    let rule = |permission: &str| format!("{group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.{permission}");
    let flow = format!("ResourceType=VPC&ResourceId.1={}&TrafficType=ALL", ids.vpc);
    let (list, acl) = (format!("PrefixListId={}", ids.prefix_list), format!("NetworkAclId={}", ids.acl));
    for (action, form, code) in [
        ("CreateSecurityGroup", "GroupName=x".to_owned(), "MissingParameter"),
        ("CreateSecurityGroup", "GroupName=sg-x&GroupDescription=x".to_owned(), "InvalidParameterValue"),
        ("CreateSecurityGroup", "GroupName=DEFAULT&GroupDescription=x".to_owned(), "InvalidGroup.Reserved"),
        ("CreateSecurityGroup", "GroupName=%C3%A9&GroupDescription=x".to_owned(), "InvalidParameterValue"),
        ("CreateSecurityGroup", "GroupName=x&GroupDescription=a%7Cb".to_owned(), "InvalidParameterValue"),
        (
            "CreateSecurityGroup",
            format!("GroupName=WEB&GroupDescription=x&VpcId={}", ids.vpc),
            "InvalidGroup.Duplicate",
        ),
        (
            "CreateSecurityGroup",
            "GroupName=x&GroupDescription=x&VpcId=vpc-12345678".to_owned(),
            "InvalidVpcID.NotFound",
        ),
        ("DeleteSecurityGroup", String::new(), "MissingParameter"),
        ("DeleteSecurityGroup", format!("{group}&GroupName=x"), "InvalidParameterCombination"),
        ("DeleteSecurityGroup", group.clone(), "DependencyViolation"),
        ("DeleteSecurityGroup", "GroupId=sg-00000000000000003".to_owned(), "CannotDelete"),
        ("DeleteSecurityGroup", "GroupId=sg-1".to_owned(), "InvalidGroupId.Malformed"),
        ("DeleteSecurityGroup", "GroupId=sg-0ffffffffffffffff".to_owned(), "InvalidGroup.NotFound"),
        ("AuthorizeSecurityGroupIngress", group.clone(), "MissingParameter"),
        ("AuthorizeSecurityGroupIngress", rule("FromPort=22"), "InvalidParameterValue"),
        ("AuthorizeSecurityGroupIngress", rule("FromPort=22&IpPermissions.1.ToPort=22"), "MissingParameter"),
        (
            "AuthorizeSecurityGroupIngress",
            rule("FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.1"),
            "InvalidParameterValue",
        ),
        (
            "AuthorizeSecurityGroupIngress",
            rule("FromPort=1&IpPermissions.1.ToPort=2&IpPermissions.1.Groups.1.GroupName=nobody"),
            "InvalidGroup.NotFound",
        ),
        (
            "AuthorizeSecurityGroupIngress",
            rule(
                "FromPort=1&IpPermissions.1.ToPort=2&IpPermissions.1.Groups.1.UserId=999999999999&IpPermissions.1.Groups.1.GroupId=sg-00000000000000021",
            ),
            "InvalidGroup.NotFound",
        ),
        // Half of a rule that is there for both IP versions.
        (
            "AuthorizeSecurityGroupIngress",
            rule("FromPort=443&IpPermissions.1.ToPort=443&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=%3A%3A%2F0"),
            "InvalidPermission.Duplicate",
        ),
        (
            "RevokeSecurityGroupIngress",
            rule("FromPort=444&IpPermissions.1.ToPort=444&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"),
            "InvalidPermission.NotFound",
        ),
        (
            "RevokeSecurityGroupEgress",
            format!("{group}&SecurityGroupRuleId.1=sgr-00000000000000024"),
            "InvalidSecurityGroupRuleId.NotFound",
        ),
        ("DescribeSecurityGroupRules", "SecurityGroupRuleId.1=x".to_owned(), "InvalidSecurityGroupRuleId.Malformed"),
        (
            "DescribeSecurityGroupRules",
            "SecurityGroupRuleId.1=sgr-0ffffffffffffffff".to_owned(),
            "InvalidSecurityGroupRuleId.NotFound",
        ),
        ("DescribeSecurityGroups", "GroupName.1=web".to_owned(), "VPCIdNotSpecified"),
        ("AssociateSecurityGroupVpc", format!("{group}&VpcId=vpc-0ffffffffffffffff"), "InvalidVpcID.NotFound"),
        ("DisassociateSecurityGroupVpc", format!("{group}&VpcId={}", ids.vpc), "InvalidParameterValue"),
        (
            "CreateManagedPrefixList",
            "PrefixListName=x&AddressFamily=IPv5&MaxEntries=1".to_owned(),
            "InvalidParameterValue",
        ),
        (
            "CreateManagedPrefixList",
            "PrefixListName=com.amazonaws.x&AddressFamily=IPv4&MaxEntries=1".to_owned(),
            "InvalidParameterValue",
        ),
        ("ModifyManagedPrefixList", format!("{list}&AddEntry.1.Cidr=10.0.0.0/8"), "MissingParameter"),
        (
            "ModifyManagedPrefixList",
            format!("{list}&CurrentVersion=7&AddEntry.1.Cidr=10.0.0.0/8"),
            "PrefixListVersionMismatch",
        ),
        ("ModifyManagedPrefixList", format!("{list}&MaxEntries=1"), "PrefixListMaxEntriesExceeded"),
        (
            "ModifyManagedPrefixList",
            format!("{list}&CurrentVersion=1&MaxEntries=9&AddEntry.1.Cidr=10.0.0.0/8"),
            "InvalidParameterCombination",
        ),
        ("DeleteManagedPrefixList", list.clone(), "DependencyViolation"),
        ("GetManagedPrefixListEntries", format!("{list}&TargetVersion=9"), "InvalidParameterValue"),
        ("GetManagedPrefixListEntries", "PrefixListId=pl-0ffffffffffffffff".to_owned(), "InvalidPrefixListID.NotFound"),
        ("DeleteNetworkAcl", "NetworkAclId=acl-00000000000000006".to_owned(), "InvalidParameterValue"),
        ("DeleteNetworkAcl", "NetworkAclId=acl-0ffffffffffffffff".to_owned(), "InvalidNetworkAclID.NotFound"),
        ("DeleteNetworkAclEntry", format!("{acl}&RuleNumber=7&Egress=true"), "InvalidNetworkAclEntry.NotFound"),
        (
            "CreateNetworkAclEntry",
            format!("{acl}&RuleNumber=100&Egress=true&RuleAction=allow&Protocol=-1&CidrBlock=10.0.0.0/8"),
            "NetworkAclEntryAlreadyExists",
        ),
        (
            "CreateNetworkAclEntry",
            format!("{acl}&RuleNumber=7&Egress=true&RuleAction=allow&Protocol=6&CidrBlock=10.0.0.0/8"),
            "MissingParameter",
        ),
        ("ReplaceNetworkAclAssociation", format!("{acl}&AssociationId=aclassoc-1"), "InvalidAssociationID.NotFound"),
        ("CreateFlowLogs", flow.clone(), "InvalidParameter"),
        ("CreateFlowLogs", format!("{flow}&LogDestinationType=s3&LogDestination=x"), "InvalidParameterValue"),
        (
            "CreateFlowLogs",
            format!("{flow}&LogDestinationType=s3&LogDestination=arn:aws:s3:::x&LogFormat=%24%7Bcolour%7D"),
            "InvalidParameter",
        ),
        ("DeleteFlowLogs", "FlowLogId.1=fl-0ffffffffffffffff".to_owned(), "InvalidFlowLogId.NotFound"),
    ] {
        let error = fails_in(&mut world, action, &form);
        assert_eq!((error.status, &*error.code), (400, code), "{action} {form}: {error}");
    }
}
