//! Prefix lists through EC2's API: entries, versions, what refers to them.

use super::{Ec2, all, first};

const CREATE: &str = "Action=CreateManagedPrefixList&AddressFamily=IPv4&MaxEntries=3&PrefixListName=";

async fn list(ec2: &Ec2, name: &str, nets: &[&str]) -> String {
    let entries: String = nets.iter().enumerate().map(|(n, net)| format!("&Entry.{}.Cidr={net}", n + 1)).collect();
    first(&ec2.good(&format!("{CREATE}{name}{entries}")).await, "prefixListId")
}

#[tokio::test]
async fn d06_a_lists_versions_are_kept_and_come_back() {
    let ec2 = Ec2::new().await;
    let id = list(&ec2, "Offices", &["10.1.2.3/8", "192.0.2.0/24"]).await;
    let entries = |more: &str| format!("Action=GetManagedPrefixListEntries&PrefixListId={id}{more}");
    assert_eq!(all(&ec2.good(&entries("")).await, "cidr"), ["10.0.0.0/8", "192.0.2.0/24"]);
    let modify = format!("Action=ModifyManagedPrefixList&PrefixListId={id}");
    let changed = format!("{modify}&CurrentVersion=1&AddEntry.1.Cidr=203.0.113.0/24&RemoveEntry.1.Cidr=10.0.0.0/8");
    let answer = ec2.good(&changed).await;
    assert_eq!((first(&answer, "version"), first(&answer, "state")), ("2".to_owned(), "modify-complete".to_owned()));
    ec2.refused(&changed, "PrefixListVersionMismatch").await;
    assert_eq!(all(&ec2.good(&entries("")).await, "cidr"), ["192.0.2.0/24", "203.0.113.0/24"]);
    assert_eq!(all(&ec2.good(&entries("&TargetVersion=1")).await, "cidr"), ["10.0.0.0/8", "192.0.2.0/24"]);
    ec2.refused(&entries("&TargetVersion=3"), "InvalidParameterValue").await;
    let page = ec2.good(&entries("&TargetVersion=1&MaxResults=1")).await;
    let next = first(&page, "nextToken");
    let rest = ec2.good(&entries(&format!("&TargetVersion=1&MaxResults=1&NextToken={next}"))).await;
    assert_eq!((all(&rest, "cidr"), all(&rest, "nextToken").len()), (vec!["192.0.2.0/24".to_owned()], 0));
    ec2.refused(&entries(&format!("&TargetVersion=2&MaxResults=1&NextToken={next}")), "InvalidNextToken").await;

    let restore = |version: u32, current: u32| {
        format!(
            "Action=RestoreManagedPrefixListVersion&PrefixListId={id}&PreviousVersion={version}&CurrentVersion={current}"
        )
    };
    ec2.refused(&restore(1, 1), "PrefixListVersionMismatch").await;
    ec2.refused(&restore(7, 2), "InvalidParameterValue").await;
    assert_eq!(first(&ec2.good(&restore(1, 2)).await, "state"), "restore-complete");
    assert_eq!(all(&ec2.good(&entries("")).await, "cidr"), ["10.0.0.0/8", "192.0.2.0/24"]);

    // Its size and its entries don't change together; its name changes no version.
    ec2.refused(&format!("{modify}&MaxEntries=1"), "PrefixListMaxEntriesExceeded").await;
    let together = format!("{modify}&CurrentVersion=3&MaxEntries=9&AddEntry.1.Cidr=198.51.100.0/24");
    ec2.refused(&together, "InvalidParameterCombination").await;
    let renamed = ec2.good(&format!("{modify}&PrefixListName=All+offices")).await;
    assert_eq!(
        (first(&renamed, "version"), first(&renamed, "prefixListName")),
        ("3".to_owned(), "All offices".to_owned())
    );
}

#[tokio::test]
async fn d06_lists_are_described_and_stay_while_a_rule_refers_to_them() {
    let ec2 = Ec2::new().await;
    let (vpc, _) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let (one, two) = (list(&ec2, "one", &["10.0.0.0/8"]).await, list(&ec2, "two", &[]).await);
    let by_name = "Action=DescribeManagedPrefixLists&Filter.1.Name=prefix-list-name&Filter.1.Value.1=o*";
    assert_eq!(all(&ec2.good(by_name).await, "prefixListId"), [&*one]);
    let services = ec2.good(&format!("Action=DescribePrefixLists&PrefixListId.1={one}")).await;
    assert!(services.contains("<cidrSet><item>10.0.0.0/8</item></cidrSet>"), "{services}");
    let default = format!("Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let group = first(&ec2.good(&default).await, "groupId");
    let rule =
        format!("GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.PrefixListIds.1.PrefixListId={one}");
    ec2.good(&format!("Action=AuthorizeSecurityGroupEgress&{rule}")).await;
    let uses = |id: &str| format!("Action=GetManagedPrefixListAssociations&PrefixListId={id}");
    assert_eq!(all(&ec2.good(&uses(&one)).await, "resourceId"), [group]);
    assert!(all(&ec2.good(&uses(&two)).await, "resourceId").is_empty());
    let delete = |id: &str| format!("Action=DeleteManagedPrefixList&PrefixListId={id}");
    ec2.refused(&delete(&one), "DependencyViolation").await;
    ec2.good(&format!("Action=RevokeSecurityGroupEgress&{rule}")).await;
    assert_eq!(first(&ec2.good(&delete(&one)).await, "state"), "delete-complete");
    ec2.refused(&delete(&one), "InvalidPrefixListID.NotFound").await;
}

#[tokio::test]
async fn d06_lists_that_are_wrong_are_refused() {
    let ec2 = Ec2::new().await;
    for (form, code) in [
        (CREATE.to_owned(), "MissingParameter"),
        (format!("{CREATE}com.amazonaws.x"), "InvalidParameterValue"),
        (format!("{CREATE}x&Entry.1.Cidr=2001:db8::/32"), "InvalidParameterValue"),
        (format!("{CREATE}x&Entry.1.Cidr=10.0.0.0"), "InvalidParameterValue"),
        (format!("{CREATE}x&Entry.1.Description=x"), "MissingParameter"),
        (
            "Action=CreateManagedPrefixList&AddressFamily=IPv4&MaxEntries=0&PrefixListName=x".to_owned(),
            "InvalidParameterValue",
        ),
        ("Action=CreateManagedPrefixList&AddressFamily=IPv4&PrefixListName=x".to_owned(), "MissingParameter"),
        ("Action=DescribeManagedPrefixLists&PrefixListId.1=pl-1".to_owned(), "InvalidPrefixListID.Malformed"),
    ] {
        ec2.refused(&form, code).await;
    }
    let token = "&ClientToken=once";
    let once = first(&ec2.good(&format!("{CREATE}x{token}")).await, "prefixListId");
    assert_eq!(first(&ec2.good(&format!("{CREATE}x{token}")).await, "prefixListId"), once);
    ec2.refused(&format!("{CREATE}y{token}"), "IdempotentParameterMismatch").await;
}
