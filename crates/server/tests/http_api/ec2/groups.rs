//! Security groups through EC2's API: lives, rules in all their spellings, quotas, pages.

use super::{Ec2, all, first};

async fn place() -> (Ec2, String) {
    let ec2 = Ec2::new().await;
    let (vpc, _) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    (ec2, vpc)
}

async fn group(ec2: &Ec2, vpc: &str, name: &str) -> String {
    let form = format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=test&VpcId={vpc}");
    first(&ec2.good(&form).await, "groupId")
}

/// A permission in the place `n` of a request: protocol, ports, and what it is open to.
fn permission(n: usize, protocol: &str, ports: Option<(i32, i32)>, peer: &str) -> String {
    let at = format!("&IpPermissions.{n}");
    let ports = ports.map(|(from, to)| format!("{at}.FromPort={from}{at}.ToPort={to}")).unwrap_or_default();
    format!("{at}.IpProtocol={protocol}{ports}{at}.{peer}")
}

#[tokio::test]
async fn d01_a_group_lives_from_its_creation_to_its_end() {
    let (ec2, vpc) = place().await;
    let id = group(&ec2, &vpc, "Web+Servers%2F1+").await;
    let shown = ec2.good(&format!("Action=DescribeSecurityGroups&GroupId.1={id}")).await;
    assert_eq!(all(&shown, "groupName"), ["Web Servers/1"], "without the space at its end");
    assert_eq!(all(&shown, "cidrIp"), ["0.0.0.0/0"], "out to IPv4, the VPC's only version");
    let arn = format!("arn:aws:ec2:local:123456789012:security-group/{id}");
    assert_eq!(all(&shown, "securityGroupArn"), [arn]);
    let again = format!("Action=CreateSecurityGroup&GroupName=WEB+servers%2F1&GroupDescription=x&VpcId={vpc}");
    ec2.refused(&again, "InvalidGroup.Duplicate").await;

    // The default group is there, is named so, and stays.
    let default = format!(
        "Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=default\
                           &Filter.2.Name=vpc-id&Filter.2.Value.1={vpc}"
    );
    let default = first(&ec2.good(&default).await, "groupId");
    ec2.refused(&format!("Action=DeleteSecurityGroup&GroupId={default}"), "CannotDelete").await;

    // What needs it keeps it.
    let other = group(&ec2, &vpc, "other").await;
    let members = permission(1, "-1", None, &format!("Groups.1.GroupId={id}"));
    ec2.good(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={other}{members}")).await;
    ec2.refused(&format!("Action=DeleteSecurityGroup&GroupId={id}"), "DependencyViolation").await;
    ec2.good(&format!("Action=RevokeSecurityGroupIngress&GroupId={other}{members}")).await;
    let dry = ec2.send(&format!("Action=DeleteSecurityGroup&GroupId={id}&DryRun=true")).await;
    assert!(dry.0 == 412 && dry.1.contains("DryRunOperation"), "{dry:?}");
    let gone = ec2.good(&format!("Action=DeleteSecurityGroup&GroupId={id}")).await;
    assert_eq!((first(&gone, "return"), first(&gone, "groupId")), ("true".to_owned(), id.clone()));
    ec2.refused(&format!("Action=DescribeSecurityGroups&GroupId.1={id}"), "InvalidGroup.NotFound").await;
}

#[tokio::test]
async fn d03_rules_are_authorized_shown_changed_and_revoked() {
    let (ec2, vpc) = place().await;
    let id = group(&ec2, &vpc, "web").await;
    let ssh = permission(1, "tcp", Some((22, 22)), "IpRanges.1.CidrIp=192.0.2.9/24");
    let text = "&IpPermissions.1.IpRanges.1.Description=from+the+office";
    let tags = "&TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=team\
                &TagSpecification.1.Tag.1.Value=net";
    let form = format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{ssh}");
    let made = ec2.good(&format!("{form}{text}{tags}")).await;
    let rule = first(&made, "securityGroupRuleId");
    assert_eq!(first(&made, "cidrIpv4"), "192.0.2.0/24", "without the bits behind its prefix");
    assert_eq!((first(&made, "description"), first(&made, "key")), ("from the office".to_owned(), "team".to_owned()));
    let twice = ec2.refused(&form, "InvalidPermission.Duplicate").await;
    assert!(
        twice.contains("peer: 192.0.2.0/24, TCP, from port: 22, to port: 22, ALLOW")
            && twice.contains("already exists")
    );
    let same = permission(2, "6", Some((23, 23)), "IpRanges.1.CidrIp=10.0.0.0/8");
    let both = format!("{}{same}", permission(1, "tcp", Some((23, 23)), "IpRanges.1.CidrIp=10.9.9.9/8"));
    ec2.refused(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{both}"), "InvalidParameterValue").await;

    let of_tag = "Action=DescribeSecurityGroupRules&Filter.1.Name=tag:team&Filter.1.Value.1=n*";
    assert_eq!(all(&ec2.good(of_tag).await, "securityGroupRuleId"), [&*rule]);
    ec2.good(&format!("Action=CreateTags&ResourceId.1={rule}&Tag.1.Key=more&Tag.1.Value=x")).await;
    let shown = ec2.good(&format!("Action=DescribeSecurityGroupRules&SecurityGroupRuleId.1={rule}")).await;
    assert_eq!(all(&shown, "key"), ["more", "team"]);

    let at = "&SecurityGroupRule.1.SecurityGroupRule";
    let change = format!(
        "Action=ModifySecurityGroupRules&GroupId={id}&SecurityGroupRule.1.SecurityGroupRuleId={rule}\
                          {at}.IpProtocol=icmp{at}.FromPort=8{at}.ToPort=-1{at}.CidrIpv4=10.0.0.0/8"
    );
    ec2.good(&change).await;
    let shown = ec2.good(&format!("Action=DescribeSecurityGroupRules&SecurityGroupRuleId.1={rule}")).await;
    assert_eq!((first(&shown, "ipProtocol"), first(&shown, "fromPort")), ("icmp".to_owned(), "8".to_owned()));
    assert!(all(&shown, "description").is_empty(), "a description that is not said goes: {shown}");
    let describe = format!("Action=UpdateSecurityGroupRuleDescriptionsIngress&GroupId={id}");
    let by_id = format!(
        "&SecurityGroupRuleDescription.1.SecurityGroupRuleId={rule}&SecurityGroupRuleDescription.1.Description=ping"
    );
    ec2.good(&format!("{describe}{by_id}")).await;
    let groups = ec2.good(&format!("Action=DescribeSecurityGroups&GroupId.1={id}")).await;
    assert_eq!(all(&groups, "description"), ["ping"]);
    let other = permission(1, "icmp", Some((8, 0)), "IpRanges.1.CidrIp=10.0.0.0/8");
    ec2.refused(&format!("{describe}{other}"), "InvalidPermission.NotFound").await;

    let revoke = format!("Action=RevokeSecurityGroupIngress&GroupId={id}&SecurityGroupRuleId.1={rule}");
    let gone = ec2.good(&revoke).await;
    assert_eq!(all(&gone, "securityGroupRuleId"), [&*rule]);
    ec2.refused(&revoke, "InvalidSecurityGroupRuleId.NotFound").await;
    assert!(all(&ec2.good(of_tag).await, "securityGroupRuleId").is_empty(), "its tags went with it");
}

#[tokio::test]
async fn d03_what_is_for_any_address_can_lose_one_ip_version() {
    let (ec2, vpc) = place().await;
    let filter = format!("Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let default = first(&ec2.good(&filter).await, "groupId");
    let out =
        |peer: &str| format!("Action=RevokeSecurityGroupEgress&GroupId={default}{}", permission(1, "-1", None, peer));
    let gone = ec2.good(&out("IpRanges.1.CidrIp=0.0.0.0/0")).await;
    assert_eq!((all(&gone, "cidrIpv4"), all(&gone, "cidrIpv6").len()), (vec!["0.0.0.0/0".to_owned()], 0));
    let shown = ec2.good(&filter).await;
    assert_eq!((all(&shown, "cidrIp").len(), all(&shown, "cidrIpv6")), (0, vec!["::/0".to_owned()]));
    ec2.refused(&out("IpRanges.1.CidrIp=0.0.0.0/0"), "InvalidPermission.NotFound").await;
    ec2.good(&out("Ipv6Ranges.1.CidrIpv6=::/0")).await;
    assert!(all(&ec2.good(&filter).await, "cidrIpv6").is_empty());
}

#[tokio::test]
async fn d02_the_default_group_of_ec2s_vpcs_lets_out_each_ip_version_by_a_rule_of_its_own() {
    let ec2 = Ec2::new().await;
    for (v6, more) in [(0, ""), (1, "&AmazonProvidedIpv6CidrBlock=true")] {
        let vpc = first(&ec2.good(&format!("Action=CreateVpc&CidrBlock=10.0.0.0/16{more}")).await, "vpcId");
        let filter = format!("Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
        let shown = ec2.good(&filter).await;
        assert_eq!((all(&shown, "cidrIp"), all(&shown, "cidrIpv6").len()), (vec!["0.0.0.0/0".to_owned()], v6));
        let out = permission(1, "-1", None, "IpRanges.1.CidrIp=0.0.0.0/0");
        let default = first(&shown, "groupId");
        ec2.good(&format!("Action=RevokeSecurityGroupEgress&GroupId={default}{out}")).await;
        let shown = ec2.good(&filter).await;
        assert_eq!((all(&shown, "cidrIp").len(), all(&shown, "cidrIpv6").len()), (0, v6), "{shown}");
    }
}

#[tokio::test]
async fn d05_the_parameters_of_old_clients_are_read() {
    let (ec2, vpc) = place().await;
    let (id, source) = (group(&ec2, &vpc, "web").await, group(&ec2, &vpc, "source").await);
    let old = "&IpProtocol=tcp&FromPort=80&ToPort=90&CidrIp=0.0.0.0/0";
    ec2.good(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{old}")).await;
    let members = format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}&SourceSecurityGroupName=SOURCE");
    let made = ec2.good(&members).await;
    assert_eq!(all(&made, "ipProtocol"), ["tcp", "udp", "icmp"]);
    assert!(made.contains(&format!("<groupId>{source}</groupId>")), "{made}");
    ec2.good(&format!("Action=RevokeSecurityGroupIngress&GroupId={id}{old}")).await;
    for (form, code) in [
        ("&IpProtocol=tcp&FromPort=80&ToPort=90", "MissingParameter"),
        ("&CidrIp=0.0.0.0/0", "MissingParameter"),
        ("&IpProtocol=tcp&FromPort=90&ToPort=80&CidrIp=0.0.0.0/0", "InvalidParameterValue"),
        ("&IpProtocol=tcp&FromPort=70000&ToPort=80&CidrIp=0.0.0.0/0", "InvalidParameterValue"),
        ("&IpProtocol=tcp&CidrIp=0.0.0.0/0&SourceSecurityGroupName=source", "InvalidParameterCombination"),
        ("&SourceSecurityGroupName=source&SourceSecurityGroupOwnerId=999999999999", "InvalidGroup.NotFound"),
    ] {
        ec2.refused(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{form}"), code).await;
    }
}

#[tokio::test]
async fn v02_a_group_has_60_rules_a_direction_and_a_prefix_list_counts_as_what_it_may_hold() {
    let (ec2, vpc) = place().await;
    let id = group(&ec2, &vpc, "web").await;
    let many: String =
        (1..=60).map(|n| permission(n, "tcp", Some((n as i32, n as i32)), "IpRanges.1.CidrIp=10.0.0.0/8")).collect();
    ec2.good(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{many}")).await;
    let more = |peer: &str| {
        format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{}", permission(1, "udp", Some((1, 1)), peer))
    };
    ec2.refused(&more("IpRanges.1.CidrIp=10.0.0.0/8"), "RulesPerSecurityGroupLimitExceeded").await;
    ec2.good(&more("Ipv6Ranges.1.CidrIpv6=2001:db8::/32")).await;
    let list = "Action=CreateManagedPrefixList&PrefixListName=big&AddressFamily=IPv6&MaxEntries=60";
    let list = first(&ec2.good(list).await, "prefixListId");
    let with_list = more(&format!("PrefixListIds.1.PrefixListId={list}"));
    ec2.refused(&with_list, "RulesPerSecurityGroupLimitExceeded").await;
}

#[tokio::test]
async fn a13_pages_of_rules_join_to_the_whole() {
    let (ec2, vpc) = place().await;
    let mut groups = Vec::new();
    for n in 0..5 {
        let id = group(&ec2, &vpc, &format!("g{n}")).await;
        let some: String = (1..=5 + n)
            .map(|n| permission(n, "tcp", Some((n as i32, n as i32)), "IpRanges.1.CidrIp=10.0.0.0/8"))
            .collect();
        ec2.good(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{some}")).await;
        groups.push(id);
    }
    let two = format!("&Filter.1.Name=group-id&Filter.1.Value.1={}&Filter.1.Value.2={}", groups[0], groups[3]);
    for filter in ["", &two, "&Filter.1.Name=security-group-rule-id&Filter.1.Value.1=sgr-*"] {
        let form = format!("Action=DescribeSecurityGroupRules{filter}");
        let mut whole = all(&ec2.good(&form).await, "securityGroupRuleId");
        let (mut joined, mut token) = (Vec::new(), String::new());
        loop {
            let page = ec2.good(&format!("{form}&MaxResults=5{token}")).await;
            let rules = all(&page, "securityGroupRuleId");
            assert!(rules.len() <= 5, "{page}");
            joined.extend(rules);
            let Some(next) = all(&page, "nextToken").pop() else { break };
            ec2.refused(
                &format!("Action=DescribeSecurityGroupRules&MaxResults=5&NextToken={next}x"),
                "InvalidNextToken",
            )
            .await;
            token = format!("&NextToken={next}");
        }
        assert!(whole.len() > 10);
        whole.sort();
        joined.sort();
        assert_eq!(whole, joined, "{filter}");
    }
    let small = ec2.good(&format!("Action=GetSecurityGroupsForVpc&VpcId={vpc}&MaxResults=5")).await;
    let next = first(&small, "nextToken");
    let rest = ec2.good(&format!("Action=GetSecurityGroupsForVpc&VpcId={vpc}&MaxResults=5&NextToken={next}")).await;
    assert!(all(&small, "groupId").len() == 5 && all(&rest, "nextToken").is_empty(), "{rest}");
}

#[tokio::test]
async fn d01_a_group_is_of_one_vpc() {
    let (ec2, vpc) = place().await;
    let (other, _) = ec2.api.network("10.1.0.0/24", "zone-1").await;
    let id = group(&ec2, &vpc, "web").await;
    let lend = |vpc: &str| format!("Action=AssociateSecurityGroupVpc&GroupId={id}&VpcId={vpc}");
    ec2.refused(&lend(&other), "UnsupportedOperation").await;
    ec2.refused(&lend(&vpc), "InvalidParameterValue").await;
    ec2.refused(&lend("vpc-0ffffffffffffffff"), "InvalidVpcID.NotFound").await;
    let back = format!("Action=DisassociateSecurityGroupVpc&GroupId={id}&VpcId={other}");
    ec2.refused(&back, "InvalidParameterValue").await;
    let theirs = group(&ec2, &other, "theirs").await;
    let rule = permission(1, "-1", None, &format!("Groups.1.GroupId={theirs}"));
    ec2.refused(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={id}{rule}"), "InvalidGroup.NotFound").await;
    for action in ["DescribeSecurityGroupVpcAssociations", "DescribeStaleSecurityGroups&VpcId="] {
        let form = format!("Action={action}{}", if action.ends_with('=') { vpc.as_str() } else { "" });
        ec2.good(&form).await;
    }
    ec2.good(&format!("Action=DescribeSecurityGroupReferences&GroupId.1={id}")).await;
    let gone = "Action=DescribeSecurityGroupReferences&GroupId.1=sg-0ffffffffffffffff";
    ec2.refused(gone, "InvalidGroup.NotFound").await;
}
