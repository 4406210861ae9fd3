//! Network ACLs through EC2's API: entries by their numbers, and subnets' bonds to them.

use super::{Ec2, all, first};

async fn place() -> (Ec2, String, String) {
    let ec2 = Ec2::new().await;
    let (vpc, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    (ec2, vpc, subnet)
}

fn entry(action: &str, acl: &str, number: u32, more: &str) -> String {
    format!("Action={action}NetworkAclEntry&NetworkAclId={acl}&RuleNumber={number}{more}")
}

const WEB: &str = "&Egress=false&RuleAction=allow&Protocol=6&CidrBlock=10.1.2.3/8&PortRange.From=443&PortRange.To=443";

#[tokio::test]
async fn d15_a_default_acl_lets_all_pass_and_a_new_one_nothing() {
    let (ec2, vpc, subnet) = place().await;
    let of_vpc = format!("Action=DescribeNetworkAcls&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let shown = ec2.good(&of_vpc).await;
    assert_eq!(all(&shown, "ruleNumber"), ["100", "32767", "100", "32767"]);
    assert_eq!(all(&shown, "ruleAction"), ["allow", "deny", "allow", "deny"]);
    assert_eq!((all(&shown, "default"), all(&shown, "subnetId")), (vec!["true".to_owned()], vec![subnet]));
    let default = first(&shown, "networkAclId");
    ec2.refused(&format!("Action=DeleteNetworkAcl&NetworkAclId={default}"), "InvalidParameterValue").await;
    let made = ec2.good(&format!("Action=CreateNetworkAcl&VpcId={vpc}")).await;
    assert_eq!(
        (all(&made, "ruleNumber"), all(&made, "ruleAction")),
        (vec!["32767".to_owned(); 2], vec!["deny".to_owned(); 2])
    );
    let id = first(&made, "networkAclId");
    ec2.good(&format!("Action=DeleteNetworkAcl&NetworkAclId={id}")).await;
    ec2.refused(&format!("Action=DescribeNetworkAcls&NetworkAclId.1={id}"), "InvalidNetworkAclID.NotFound").await;
}

#[tokio::test]
async fn d15_entries_are_made_replaced_and_deleted_by_their_numbers() {
    let (ec2, vpc, _) = place().await;
    let acl = first(&ec2.good(&format!("Action=CreateNetworkAcl&VpcId={vpc}")).await, "networkAclId");
    ec2.good(&entry("Create", &acl, 200, WEB)).await;
    ec2.good(&entry("Create", &acl, 100, "&Egress=false&RuleAction=deny&Protocol=-1&CidrBlock=192.0.2.0/24")).await;
    ec2.good(&entry(
        "Create",
        &acl,
        200,
        "&Egress=true&RuleAction=allow&Protocol=1&CidrBlock=0.0.0.0/0&Icmp.Type=8&Icmp.Code=-1",
    ))
    .await;
    ec2.refused(&entry("Create", &acl, 200, WEB), "NetworkAclEntryAlreadyExists").await;
    let describe = format!("Action=DescribeNetworkAcls&NetworkAclId.1={acl}");
    let shown = ec2.good(&describe).await;
    assert_eq!(all(&shown, "ruleNumber"), ["200", "32767", "100", "200", "32767"]);
    assert_eq!(all(&shown, "protocol"), ["1", "-1", "-1", "6", "-1"]);
    assert_eq!(all(&shown, "cidrBlock")[3], "10.0.0.0/8", "without the bits behind its prefix");
    ec2.good(&entry("Replace", &acl, 200, &WEB.replace("allow", "deny"))).await;
    assert_eq!(all(&ec2.good(&describe).await, "ruleAction"), ["allow", "deny", "deny", "deny", "deny"]);
    ec2.refused(&entry("Replace", &acl, 300, WEB), "InvalidNetworkAclEntry.NotFound").await;
    ec2.good(&entry("Delete", &acl, 200, "&Egress=false")).await;
    ec2.refused(&entry("Delete", &acl, 200, "&Egress=false"), "InvalidNetworkAclEntry.NotFound").await;
    for filter in [
        "entry.icmp.type&Filter.1.Value.1=8",
        "entry.protocol&Filter.1.Value.1=icmp",
        "entry.rule-number&Filter.1.Value.1=2??",
    ] {
        let found = ec2.good(&format!("Action=DescribeNetworkAcls&Filter.1.Name={filter}")).await;
        assert_eq!(all(&found, "default"), ["false"], "{filter}");
    }
    for (more, code) in [
        ("&Egress=false&RuleAction=allow&Protocol=6&CidrBlock=10.0.0.0/8", "MissingParameter"),
        ("&Egress=false&RuleAction=allow&Protocol=1&CidrBlock=10.0.0.0/8", "MissingParameter"),
        ("&Egress=false&RuleAction=allow&Protocol=-1", "MissingParameter"),
        ("&RuleAction=allow&Protocol=-1&CidrBlock=10.0.0.0/8", "MissingParameter"),
        ("&Egress=false&RuleAction=maybe&Protocol=-1&CidrBlock=10.0.0.0/8", "InvalidParameterValue"),
        ("&Egress=false&RuleAction=allow&Protocol=999&CidrBlock=10.0.0.0/8", "InvalidParameterValue"),
        (
            "&Egress=false&RuleAction=allow&Protocol=-1&CidrBlock=10.0.0.0/8&Ipv6CidrBlock=::/0",
            "InvalidParameterCombination",
        ),
    ] {
        ec2.refused(&entry("Create", &acl, 7, more), code).await;
    }
    ec2.refused(&entry("Create", &acl, 32_767, WEB), "InvalidParameterValue").await;
}

#[tokio::test]
async fn v02_an_acl_has_20_entries_a_direction() {
    let (ec2, vpc, _) = place().await;
    let acl = first(&ec2.good(&format!("Action=CreateNetworkAcl&VpcId={vpc}")).await, "networkAclId");
    for number in 1..=20 {
        ec2.good(&entry("Create", &acl, number, WEB)).await;
    }
    ec2.refused(&entry("Create", &acl, 21, WEB), "NetworkAclEntryLimitExceeded").await;
    ec2.good(&entry("Create", &acl, 21, &WEB.replace("Egress=false", "Egress=true"))).await;
}

#[tokio::test]
async fn d15_a_subnet_gets_another_acl_and_its_bond_another_id() {
    let (ec2, vpc, subnet) = place().await;
    let bond = format!("Action=DescribeNetworkAcls&Filter.1.Name=association.subnet-id&Filter.1.Value.1={subnet}");
    let before = ec2.good(&bond).await;
    let (default, old) = (first(&before, "networkAclId"), first(&before, "networkAclAssociationId"));
    let acl = first(&ec2.good(&format!("Action=CreateNetworkAcl&VpcId={vpc}")).await, "networkAclId");
    let replace =
        |bond: &str, acl: &str| format!("Action=ReplaceNetworkAclAssociation&AssociationId={bond}&NetworkAclId={acl}");
    let new = first(&ec2.good(&replace(&old, &acl)).await, "newAssociationId");
    assert_ne!(old, new);
    let after = ec2.good(&bond).await;
    assert_eq!((first(&after, "networkAclAssociationId"), first(&after, "networkAclId")), (new.clone(), acl.clone()));
    ec2.refused(&replace(&old, &acl), "InvalidAssociationID.NotFound").await;
    ec2.refused(&format!("Action=DeleteNetworkAcl&NetworkAclId={acl}"), "DependencyViolation").await;
    let (other, _) = ec2.api.network("10.1.0.0/24", "zone-1").await;
    let foreign = first(&ec2.good(&format!("Action=CreateNetworkAcl&VpcId={other}")).await, "networkAclId");
    ec2.refused(&replace(&new, &foreign), "InvalidParameterCombination").await;
    ec2.good(&replace(&new, &default)).await;
    ec2.good(&format!("Action=DeleteNetworkAcl&NetworkAclId={acl}")).await;
}
