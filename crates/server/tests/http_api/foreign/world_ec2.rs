//! One of everything that EC2's API shows, made through it.

use axum::body::to_bytes;
use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_server::vault::Vault;
use serde_json::json;
use tower::ServiceExt;

use super::world::{Names, ZONE};
use crate::client::Api;
use crate::ec2::{SECRET, Signer, all, first};

/// An access key and the server that it is for.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) api: Api,
    key: &'static str,
}

/// An answer: status, headers but for those of the one request, the document, and the request's id.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(super) headers: String,
    pub(crate) body: String,
    pub(super) request: String,
}

impl Tenant {
    /// A key of an account: with a role, or with all of them.
    pub(super) async fn new(api: &Api, account: &str, key: &'static str, role: Option<&str>) -> Tenant {
        let id = key.parse().unwrap();
        let sealed = Vault::new(&[7; 32]).seal(id, SECRET);
        let create = CreateAccessKey { id, account: account.parse().unwrap(), sealed };
        api.engine.execute(Command::CreateAccessKey(create)).await.unwrap();
        if let Some(role) = role {
            api.post("/native/v1/policies", json!({ "key": key, "role": role })).await.expect(201);
        }
        Tenant { api: api.clone(), key }
    }

    /// A key that there is already.
    pub(super) fn again(api: &Api, key: &'static str) -> Tenant {
        Tenant { api: api.clone(), key }
    }

    pub(crate) async fn ask(&self, form: &str) -> Told {
        self.ask_in("local", form).await
    }

    pub(super) async fn ask_in(&self, region: &'static str, form: &str) -> Told {
        let request = Signer { key: self.key, scope: [region, "ec2"], ..Signer::GOOD }.sign(&format!("Action={form}"));
        let response = self.api.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let passing = |name: &str| matches!(name, "x-request-id" | "x-amzn-requestid" | "date");
        let headers = response.headers().iter().filter(|(name, _)| !passing(name.as_str()));
        let headers = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let ids = [all(&body, "requestId"), all(&body, "RequestID"), all(&body, "RequestId")].concat();
        let request = ids.first().cloned().unwrap_or_default();
        assert!(!request.is_empty(), "{form}: {body}");
        Told { status, headers, body: body.replace(&request, "(request)"), request }
    }

    async fn good(&self, form: &str) -> String {
        let told = self.ask(form).await;
        assert_eq!(told.status, 200, "{form}: {}", told.body);
        told.body
    }

    async fn made(&self, names: &mut Names, key: &str, element: &str, form: &str) -> String {
        let document = self.good(&super::fill::filled(form, names)).await;
        names.insert(key.to_owned(), first(&document, element));
        document
    }
}

/// How things are made, in order: what they are called, which element tells their id, and the request.
const MADE: &[(&str, &str, &str)] = &[
    ("default_vpc", "vpcId", "DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=true"),
    ("default_group", "groupId", "CreateSecurityGroup&GroupName={default_group.name}&GroupDescription=x"),
    ("vpc", "vpcId", "CreateVpc&CidrBlock={net}.0.0/16&AmazonProvidedIpv6CidrBlock=true"),
    ("other_vpc", "vpcId", "CreateVpc&CidrBlock={net}.0.0/16"),
    ("vpc_range", "associationId", "AssociateVpcCidrBlock&VpcId={vpc}&CidrBlock={more_net}.0.0/16"),
    ("subnet", "subnetId", "CreateSubnet&VpcId={vpc}&CidrBlock={net}.0.0/24&AvailabilityZone=zone-1"),
    ("bare_subnet", "subnetId", "CreateSubnet&VpcId={vpc}&CidrBlock={net}.1.0/24&AvailabilityZone=zone-1"),
    ("v6", "ipv6CidrBlock", "DescribeVpcs&VpcId.1={vpc}"),
    ("subnet_range", "associationId", "AssociateSubnetCidrBlock&SubnetId={subnet}&Ipv6CidrBlock={v6.subnet}"),
    (
        "reservation",
        "subnetCidrReservationId",
        "CreateSubnetCidrReservation&SubnetId={subnet}&Cidr={net}.0.64/28&ReservationType=explicit",
    ),
    ("group", "groupId", "CreateSecurityGroup&GroupName={group.name}&GroupDescription=x&VpcId={vpc}"),
    (
        "list",
        "prefixListId",
        "CreateManagedPrefixList&PrefixListName={list.name}&AddressFamily=IPv4&MaxEntries=5\
         &Entry.1.Cidr={net}.0.0/24",
    ),
    (
        "rule",
        "securityGroupRuleId",
        "AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22\
         &IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp={net}.0.0/16",
    ),
    (
        "group_rule",
        "securityGroupRuleId",
        "AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=-1\
         &IpPermissions.1.Groups.1.GroupId={group}",
    ),
    (
        "group_rule_out",
        "securityGroupRuleId",
        "AuthorizeSecurityGroupEgress&GroupId={group}&IpPermissions.1.IpProtocol=6&IpPermissions.1.FromPort=1\
         &IpPermissions.1.ToPort=9&IpPermissions.1.Groups.1.GroupId={group}",
    ),
    (
        "list_rule_in",
        "securityGroupRuleId",
        "AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=-1\
         &IpPermissions.1.PrefixListIds.1.PrefixListId={list}",
    ),
    (
        "list_rule",
        "securityGroupRuleId",
        "AuthorizeSecurityGroupEgress&GroupId={group}&IpPermissions.1.IpProtocol=-1\
         &IpPermissions.1.PrefixListIds.1.PrefixListId={list}",
    ),
    (
        "vni",
        "networkInterfaceId",
        "CreateNetworkInterface&SubnetId={subnet}&SecurityGroupId.1={group}&Ipv6AddressCount=1",
    ),
    (
        "instance",
        "instanceId",
        "RunInstances&ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={bare_subnet}",
    ),
    (
        "single_instance",
        "instanceId",
        "RunInstances&ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={bare_subnet}",
    ),
    ("attached_vni", "networkInterfaceId", "CreateNetworkInterface&SubnetId={bare_subnet}&SecurityGroupId.1={group}"),
    (
        "attachment",
        "attachmentId",
        "AttachNetworkInterface&NetworkInterfaceId={attached_vni}&InstanceId={instance}&DeviceIndex=1",
    ),
    ("acl", "networkAclId", "CreateNetworkAcl&VpcId={vpc}"),
    (
        "acl_entry",
        "return",
        "CreateNetworkAclEntry&NetworkAclId={acl}&RuleNumber=100&Protocol=-1&RuleAction=allow&Egress=false\
         &CidrBlock={net}.0.0/16",
    ),
    (
        "default_acl_association",
        "networkAclAssociationId",
        "DescribeNetworkAcls&Filter.1.Name=association.subnet-id&Filter.1.Value.1={subnet}",
    ),
    (
        "acl_association",
        "newAssociationId",
        "ReplaceNetworkAclAssociation&AssociationId={default_acl_association}&NetworkAclId={acl}",
    ),
    ("gateway", "internetGatewayId", "CreateInternetGateway"),
    ("gateway_on", "return", "AttachInternetGateway&InternetGatewayId={gateway}&VpcId={vpc}"),
    ("table", "routeTableId", "CreateRouteTable&VpcId={vpc}"),
    ("route", "return", "CreateRoute&RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&GatewayId={gateway}"),
    (
        "instance_route",
        "return",
        "CreateRoute&RouteTableId={table}&DestinationCidrBlock=192.168.0.0/16&NetworkInterfaceId={attached_vni}",
    ),
    ("table_association", "associationId", "AssociateRouteTable&RouteTableId={table}&SubnetId={subnet}"),
    ("allocation", "allocationId", "AllocateAddress"),
    ("bound_allocation", "allocationId", "AllocateAddress"),
    ("nat_allocation", "allocationId", "AllocateAddress"),
    (
        "address_association",
        "associationId",
        "AssociateAddress&AllocationId={bound_allocation}&NetworkInterfaceId={attached_vni}",
    ),
    ("nat", "natGatewayId", "CreateNatGateway&SubnetId={subnet}&AllocationId={nat_allocation}"),
    ("nat_route", "return", "CreateRoute&RouteTableId={table}&DestinationCidrBlock=172.16.0.0/12&NatGatewayId={nat}"),
    (
        "options",
        "dhcpOptionsId",
        "CreateDhcpOptions&DhcpConfiguration.1.Key=domain-name&DhcpConfiguration.1.Value.1={options.name}",
    ),
    ("options_on", "return", "AssociateDhcpOptions&DhcpOptionsId={options}&VpcId={vpc}"),
    (
        "flow_log",
        "item",
        "CreateFlowLogs&ResourceType=NetworkInterface&ResourceId.1={vni}&TrafficType=ALL&LogDestinationType=s3\
         &LogDestination=arn:aws:s3:::{flow_log.name}/",
    ),
    (
        "permission",
        "networkInterfacePermissionId",
        "CreateNetworkInterfacePermission&NetworkInterfaceId={vni}&AwsAccountId=123456789012\
         &Permission=INSTANCE-ATTACH",
    ),
    ("tags", "return", "CreateTags&ResourceId.1={vni}&ResourceId.2={vpc}&Tag.1.Key={tag.name}&Tag.1.Value={tag.name}"),
];

/// Makes them all. `whose` begins the names, `number` is the tenant's own: no two have the same addresses.
pub(super) async fn world(tenant: &Tenant, account: &str, whose: &str, number: u8) -> Names {
    let mut names = Names::new();
    for key in ["group", "default_group", "list", "options", "flow_log", "tag", "token"] {
        names.insert(format!("{key}.name"), format!("{whose}-{}", key.replace('_', "-")));
    }
    names.insert("account".to_owned(), account.to_owned());
    names.insert("net".to_owned(), format!("10.{number}"));
    names.insert("more_net".to_owned(), format!("10.{}", number + 50));
    for (key, element, form) in MADE {
        let document = tenant.made(&mut names, key, element, form).await;
        tenant.api.hosts_obey().await;
        if *element == "allocationId" {
            names.insert(format!("{key}.address"), first(&document, "publicIp"));
        }
        if *key == "v6" {
            let subnet = names["v6"].replace("/56", "/64");
            names.insert("v6.subnet".to_owned(), subnet);
        }
        if key.ends_with("vni") {
            names.insert(format!("{key}.mac"), first(&document, "macAddress"));
            names.insert(format!("{key}.private"), first(&document, "privateIpAddress"));
        }
    }
    // What is no name of anything was for the making only.
    names.retain(|key, name| {
        !matches!(key.as_str(), "v6.subnet" | "net" | "more_net" | "v6" | "default_acl_association") && name != "true"
    });
    assert_eq!(ZONE, "zone-1");
    names
}
