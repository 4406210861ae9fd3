//! Requests of EC2's API, with places for the names of things: for every action each parameter that names something.

/// By action. An action that names nothing has none.
pub(super) const FORMS: &[(&str, &[&str])] = &[
    ("AssignIpv6Addresses", &["NetworkInterfaceId={vni}&Ipv6AddressCount=1"]),
    ("AssignPrivateIpAddresses", &["NetworkInterfaceId={vni}&SecondaryPrivateIpAddressCount=1"]),
    (
        "AssociateAddress",
        &[
            "AllocationId={allocation}&NetworkInterfaceId={vni}",
            "AllocationId={allocation}&InstanceId={single_instance}",
            "PublicIp={allocation.address}&NetworkInterfaceId={vni}",
            "AllocationId={bound_allocation}&NetworkInterfaceId={vni}&PrivateIpAddress={vni.private}",
        ],
    ),
    ("AssociateDhcpOptions", &["DhcpOptionsId={options}&VpcId={vpc}", "DhcpOptionsId=default&VpcId={vpc}"]),
    ("AssociateRouteTable", &["RouteTableId={table}&SubnetId={subnet}"]),
    ("AssociateSecurityGroupVpc", &["GroupId={group}&VpcId={other_vpc}"]),
    ("AssociateSubnetCidrBlock", &["SubnetId={subnet}&Ipv6CidrBlock=2001:db8::/64"]),
    ("AssociateVpcCidrBlock", &["VpcId={vpc}&CidrBlock=10.99.0.0/16"]),
    ("AttachInternetGateway", &["InternetGatewayId={gateway}&VpcId={vpc}"]),
    ("AttachNetworkInterface", &["NetworkInterfaceId={vni}&InstanceId={instance}&DeviceIndex=2"]),
    (
        "AuthorizeSecurityGroupEgress",
        &["GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1\
         &IpPermissions.1.Groups.1.GroupId={group}"],
    ),
    (
        "AuthorizeSecurityGroupIngress",
        &["GroupName={default_group.name}&SourceSecurityGroupName={default_group.name}\
         &SourceSecurityGroupOwnerId={account}"],
    ),
    (
        "CreateFlowLogs",
        &[
            "ResourceType=VPC&ResourceId.1={vpc}&TrafficType=ALL&LogDestinationType=s3&LogDestination=arn:aws:s3:::x/",
            "ResourceType=Subnet&ResourceId.1={subnet}&TrafficType=ALL&LogDestinationType=s3&LogDestination=arn:aws:s3:::x/",
            "ResourceType=NetworkInterface&ResourceId.1={vni}&TrafficType=ALL&LogDestinationType=s3\
         &LogDestination=arn:aws:s3:::x/",
        ],
    ),
    (
        "CreateNatGateway",
        &["SubnetId={subnet}&AllocationId={allocation}", "SubnetId={subnet}&AllocationId={nat_allocation}"],
    ),
    ("CreateNetworkAcl", &["VpcId={vpc}"]),
    (
        "CreateNetworkAclEntry",
        &[
            "NetworkAclId={acl}&RuleNumber=7&Protocol=-1&RuleAction=allow&Egress=false&CidrBlock=10.0.0.0/8",
            "NetworkAclId={acl}&RuleNumber=100&Protocol=-1&RuleAction=allow&Egress=false&CidrBlock=10.0.0.0/8",
        ],
    ),
    ("CreateNetworkInterface", &["SubnetId={subnet}", "SubnetId={subnet}&SecurityGroupId.1={group}"]),
    (
        "CreateNetworkInterfacePermission",
        &["NetworkInterfaceId={vni}&AwsAccountId=123456789012&Permission=EIP-ASSOCIATE"],
    ),
    (
        "CreateRoute",
        &[
            "RouteTableId={table}&DestinationCidrBlock=10.9.0.0/16&GatewayId={gateway}",
            "RouteTableId={table}&DestinationCidrBlock=10.9.0.0/16&NatGatewayId={nat}",
            "RouteTableId={table}&DestinationCidrBlock=10.9.0.0/16&NetworkInterfaceId={vni}",
            "RouteTableId={table}&DestinationCidrBlock=10.9.0.0/16&InstanceId={instance}",
        ],
    ),
    ("CreateRouteTable", &["VpcId={vpc}"]),
    ("CreateSecurityGroup", &["GroupName=another&GroupDescription=x&VpcId={vpc}"]),
    (
        "CreateSubnet",
        &["VpcId={vpc}&CidrBlock=10.1.7.0/24", "VpcId={vpc}&CidrBlock=10.1.7.0/24&AvailabilityZone=zone-1"],
    ),
    ("CreateSubnetCidrReservation", &["SubnetId={subnet}&Cidr=10.1.0.96/28&ReservationType=explicit"]),
    (
        "CreateTags",
        &[
            "ResourceId.1={vni}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={vpc}&ResourceId.2={subnet}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={rule}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={instance}&ResourceId.2={allocation}&ResourceId.3={nat}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={gateway}&ResourceId.2={table}&ResourceId.3={options}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={list}&ResourceId.2={flow_log}&ResourceId.3={reservation}&Tag.1.Key=a&Tag.1.Value=b",
            "ResourceId.1={group}&ResourceId.2={acl}&Tag.1.Key=a&Tag.1.Value=b",
        ],
    ),
    ("DeleteDhcpOptions", &["DhcpOptionsId={options}"]),
    ("DeleteFlowLogs", &["FlowLogId.1={flow_log}"]),
    ("DeleteInternetGateway", &["InternetGatewayId={gateway}"]),
    ("DeleteManagedPrefixList", &["PrefixListId={list}"]),
    ("DeleteNatGateway", &["NatGatewayId={nat}"]),
    ("DeleteNetworkAcl", &["NetworkAclId={acl}"]),
    (
        "DeleteNetworkAclEntry",
        &["NetworkAclId={acl}&RuleNumber=100&Egress=false", "NetworkAclId={acl}&RuleNumber=7&Egress=false"],
    ),
    ("DeleteNetworkInterface", &["NetworkInterfaceId={vni}", "NetworkInterfaceId={attached_vni}"]),
    (
        "DeleteNetworkInterfacePermission",
        &["NetworkInterfacePermissionId={permission}", "NetworkInterfacePermissionId={permission}&Force=true"],
    ),
    (
        "DeleteRoute",
        &[
            "RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0",
            "RouteTableId={table}&DestinationCidrBlock=10.9.0.0/16",
        ],
    ),
    ("DeleteRouteTable", &["RouteTableId={table}"]),
    ("DeleteSecurityGroup", &["GroupId={group}", "GroupName={default_group.name}"]),
    ("DeleteSubnet", &["SubnetId={subnet}"]),
    ("DeleteSubnetCidrReservation", &["SubnetCidrReservationId={reservation}"]),
    ("DeleteTags", &["ResourceId.1={vni}", "ResourceId.1={vpc}&ResourceId.2={rule}&Tag.1.Key=a"]),
    ("DeleteVpc", &["VpcId={vpc}"]),
    ("DescribeAddresses", &["AllocationId.1={allocation}", "PublicIp.1={allocation.address}"]),
    ("DescribeAddressesAttribute", &["AllocationId.1={allocation}&Attribute=domain-name"]),
    ("DescribeDhcpOptions", &["DhcpOptionsId.1={options}"]),
    ("DescribeFlowLogs", &["FlowLogId.1={flow_log}"]),
    ("DescribeIamInstanceProfileAssociations", &["AssociationId.1={address_association}"]),
    (
        "DescribeInstanceAttribute",
        &[
            "InstanceId={instance}&Attribute=instanceType",
            "InstanceId={instance}&Attribute=groupSet",
            "InstanceId={instance}&Attribute=userData",
        ],
    ),
    ("DescribeInstanceCreditSpecifications", &["InstanceId.1={instance}"]),
    ("DescribeInstanceStatus", &["InstanceId.1={instance}", "InstanceId.1={instance}&IncludeAllInstances=true"]),
    ("DescribeInstances", &["InstanceId.1={instance}"]),
    ("DescribeInternetGateways", &["InternetGatewayId.1={gateway}"]),
    ("DescribeManagedPrefixLists", &["PrefixListId.1={list}"]),
    ("DescribeNatGateways", &["NatGatewayId.1={nat}"]),
    ("DescribeNetworkAcls", &["NetworkAclId.1={acl}"]),
    (
        "DescribeNetworkInterfaceAttribute",
        &["NetworkInterfaceId={vni}&Attribute=description", "NetworkInterfaceId={attached_vni}&Attribute=attachment"],
    ),
    ("DescribeNetworkInterfacePermissions", &["NetworkInterfacePermissionId.1={permission}"]),
    (
        "DescribeNetworkInterfaces",
        &["NetworkInterfaceId.1={vni}", "NetworkInterfaceId.1={vni}&NetworkInterfaceId.2={attached_vni}"],
    ),
    ("DescribePrefixLists", &["PrefixListId.1={list}"]),
    ("DescribeRouteTables", &["RouteTableId.1={table}"]),
    ("DescribeSecurityGroupReferences", &["GroupId.1={group}"]),
    ("DescribeSecurityGroupRules", &["SecurityGroupRuleId.1={rule}"]),
    ("DescribeSecurityGroups", &["GroupId.1={group}", "GroupName.1={default_group.name}"]),
    ("DescribeStaleSecurityGroups", &["VpcId={vpc}"]),
    ("DescribeSubnets", &["SubnetId.1={subnet}"]),
    ("DescribeVpcAttribute", &["VpcId={vpc}&Attribute=enableDnsSupport", "VpcId={vpc}&Attribute=enableDnsHostnames"]),
    ("DescribeVpcs", &["VpcId.1={vpc}"]),
    ("DetachInternetGateway", &["InternetGatewayId={gateway}&VpcId={vpc}"]),
    ("DetachNetworkInterface", &["AttachmentId={attachment}", "AttachmentId={attachment}&Force=true"]),
    ("DisassociateAddress", &["AssociationId={address_association}", "PublicIp={bound_allocation.address}"]),
    ("DisassociateRouteTable", &["AssociationId={table_association}"]),
    ("DisassociateSecurityGroupVpc", &["GroupId={group}&VpcId={other_vpc}"]),
    ("DisassociateSubnetCidrBlock", &["AssociationId={subnet_range}"]),
    ("DisassociateVpcCidrBlock", &["AssociationId={vpc_range}"]),
    ("GetConsoleOutput", &["InstanceId={instance}"]),
    ("GetManagedPrefixListAssociations", &["PrefixListId={list}"]),
    ("GetManagedPrefixListEntries", &["PrefixListId={list}", "PrefixListId={list}&TargetVersion=1"]),
    ("GetPasswordData", &["InstanceId={instance}"]),
    ("GetSecurityGroupsForVpc", &["VpcId={vpc}"]),
    ("GetSubnetCidrReservations", &["SubnetId={subnet}"]),
    ("ModifyAddressAttribute", &["AllocationId={allocation}&DomainName=a.example"]),
    (
        "ModifyInstanceAttribute",
        &[
            "InstanceId={single_instance}&SourceDestCheck.Value=false",
            "InstanceId={instance}&DisableApiTermination.Value=true",
            "InstanceId={single_instance}&GroupId.1={group}",
            "InstanceId={instance}&Attribute=instanceType&Value=t3.large",
        ],
    ),
    (
        "ModifyInstanceCreditSpecification",
        &["InstanceCreditSpecification.1.InstanceId={instance}&InstanceCreditSpecification.1.CpuCredits=standard"],
    ),
    ("ModifyInstanceMaintenanceOptions", &["InstanceId={instance}&AutoRecovery=disabled"]),
    ("ModifyInstanceMetadataOptions", &["InstanceId={instance}&HttpTokens=required"]),
    (
        "ModifyManagedPrefixList",
        &[
            "PrefixListId={list}&CurrentVersion=1&AddEntry.1.Cidr=10.0.0.0/8",
            "PrefixListId={list}&PrefixListName=another",
            "PrefixListId={list}&CurrentVersion=1&RemoveEntry.1.Cidr=10.0.0.0/8",
        ],
    ),
    (
        "ModifyNetworkInterfaceAttribute",
        &[
            "NetworkInterfaceId={vni}&Description.Value=x",
            "NetworkInterfaceId={vni}&SourceDestCheck.Value=false",
            "NetworkInterfaceId={vni}&SecurityGroupId.1={group}",
            "NetworkInterfaceId={attached_vni}&Attachment.AttachmentId={attachment}&Attachment.DeleteOnTermination=true",
            "NetworkInterfaceId={vni}&Attachment.AttachmentId={attachment}&Attachment.DeleteOnTermination=true",
            "NetworkInterfaceId={vni}&ConnectionTrackingSpecification.UdpTimeout=40",
            "NetworkInterfaceId={vni}&EnablePrimaryIpv6=true",
        ],
    ),
    (
        "ModifySecurityGroupRules",
        &[
            "GroupId={group}&SecurityGroupRule.1.SecurityGroupRuleId={rule}\
         &SecurityGroupRule.1.SecurityGroupRule.IpProtocol=tcp&SecurityGroupRule.1.SecurityGroupRule.FromPort=5\
         &SecurityGroupRule.1.SecurityGroupRule.ToPort=5&SecurityGroupRule.1.SecurityGroupRule.ReferencedGroupId={group}",
            "GroupId={group}&SecurityGroupRule.1.SecurityGroupRuleId={rule}\
         &SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.PrefixListId={list}",
            "GroupId={group}&SecurityGroupRule.1.SecurityGroupRuleId={rule}\
         &SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=10.0.0.0/8",
        ],
    ),
    ("ModifySubnetAttribute", &["SubnetId={subnet}&MapPublicIpOnLaunch.Value=true"]),
    ("ModifyVpcAttribute", &["VpcId={vpc}&EnableDnsHostnames.Value=true"]),
    ("MonitorInstances", &["InstanceId.1={instance}"]),
    ("MoveAddressToVpc", &["PublicIp={allocation.address}"]),
    ("RebootInstances", &["InstanceId.1={instance}"]),
    (
        "ReleaseAddress",
        &["AllocationId={allocation}", "AllocationId={bound_allocation}", "PublicIp={allocation.address}"],
    ),
    ("ReplaceNetworkAclAssociation", &["AssociationId={acl_association}&NetworkAclId={acl}"]),
    (
        "ReplaceNetworkAclEntry",
        &["NetworkAclId={acl}&RuleNumber=100&Protocol=-1&RuleAction=deny&Egress=false&CidrBlock=10.0.0.0/8"],
    ),
    (
        "ReplaceRoute",
        &[
            "RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&GatewayId={gateway}",
            "RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&NatGatewayId={nat}",
            "RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&NetworkInterfaceId={vni}",
            "RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&InstanceId={instance}",
        ],
    ),
    ("ReplaceRouteTableAssociation", &["AssociationId={table_association}&RouteTableId={table}"]),
    ("ResetAddressAttribute", &["AllocationId={allocation}&Attribute=domain-name"]),
    ("ResetNetworkInterfaceAttribute", &["NetworkInterfaceId={vni}&SourceDestCheck=x"]),
    ("RestoreManagedPrefixListVersion", &["PrefixListId={list}&PreviousVersion=1&CurrentVersion=1"]),
    ("RevokeSecurityGroupEgress", &["GroupId={group}&SecurityGroupRuleId.1={list_rule}"]),
    (
        "RevokeSecurityGroupIngress",
        &[
            "GroupId={group}&SecurityGroupRuleId.1={rule}",
            "GroupId={group}&SecurityGroupRuleId.1={rule}&SecurityGroupRuleId.2={group_rule}",
        ],
    ),
    (
        "RunInstances",
        &[
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={subnet}",
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={subnet}&SecurityGroupId.1={group}",
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SecurityGroup.1={default_group.name}",
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0\
         &NetworkInterface.1.NetworkInterfaceId={vni}",
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0\
         &NetworkInterface.1.SubnetId={subnet}&NetworkInterface.1.SecurityGroupId.1={group}",
            "ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&NetworkInterface.1.DeviceIndex=0\
         &NetworkInterface.1.SubnetId={subnet}&NetworkInterface.2.DeviceIndex=1\
         &NetworkInterface.2.NetworkInterfaceId={vni}",
        ],
    ),
    ("StartInstances", &["InstanceId.1={instance}"]),
    ("StopInstances", &["InstanceId.1={instance}"]),
    ("TerminateInstances", &["InstanceId.1={instance}"]),
    ("UnassignIpv6Addresses", &["NetworkInterfaceId={vni}&Ipv6Addresses.1=2001:db8::7"]),
    ("UnassignPrivateIpAddresses", &["NetworkInterfaceId={vni}&PrivateIpAddress.1=10.1.0.200"]),
    ("UnmonitorInstances", &["InstanceId.1={instance}"]),
    (
        "UpdateSecurityGroupRuleDescriptionsEgress",
        &["GroupId={group}&SecurityGroupRuleDescription.1.SecurityGroupRuleId={list_rule}\
         &SecurityGroupRuleDescription.1.Description=x"],
    ),
    (
        "UpdateSecurityGroupRuleDescriptionsIngress",
        &["GroupId={group}&SecurityGroupRuleDescription.1.SecurityGroupRuleId={rule}\
         &SecurityGroupRuleDescription.1.Description=x"],
    ),
];

/// What all actions on the rules of groups can be asked by: names of groups, and accounts that groups are of.
const OF_RULES: &[&str] = &[
    "GroupName={default_group.name}&IpProtocol=tcp&FromPort=1&ToPort=1&CidrIp=10.0.0.0/8",
    "GroupId={group}&SourceSecurityGroupName={group.name}&SourceSecurityGroupOwnerId={account}",
    "GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupId={group}\
     &IpPermissions.1.Groups.1.UserId={account}",
    "GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupName={group.name}\
     &IpPermissions.1.Groups.1.UserId={account}",
    "GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.PrefixListIds.1.PrefixListId={list}",
    "GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8\
     &IpPermissions.1.Ipv6Ranges.1.CidrIpv6=2001:db8::/32",
];

/// The forms of an action.
pub(crate) fn forms(action: &str) -> Vec<&'static str> {
    let own = FORMS.iter().find(|(name, _)| *name == action).map_or(&[] as &[_], |(_, forms)| *forms);
    let on_rules = ["AuthorizeSecurityGroup", "RevokeSecurityGroup", "UpdateSecurityGroupRuleDescriptions"];
    let shared = if on_rules.iter().any(|beginning| action.starts_with(beginning)) { OF_RULES } else { &[] };
    [own, shared].concat()
}
