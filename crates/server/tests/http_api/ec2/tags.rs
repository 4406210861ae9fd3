//! Tags as requests make, change and show them, and requests that say who they are.

use super::{Ec2, all, first};

const CREATE: &str = "Action=CreateNetworkInterface&SubnetId=";

async fn place() -> (Ec2, String) {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    (ec2, subnet)
}

fn spec(number: usize, kind: &str, tags: &[(&str, &str)]) -> String {
    let mut text = format!("&TagSpecification.{number}.ResourceType={kind}");
    for (at, (key, value)) in tags.iter().enumerate() {
        let tag = format!("TagSpecification.{number}.Tag.{}", at + 1);
        text.push_str(&format!("&{tag}.Key={key}&{tag}.Value={value}"));
    }
    text
}

#[tokio::test]
async fn f07_tags_are_made_with_a_thing_shown_filtered_changed_and_gone() {
    let (ec2, subnet) = place().await;
    let made =
        ec2.good(&format!("{CREATE}{subnet}{}", spec(1, "network-interface", &[("Name", "web"), ("empty", "")]))).await;
    let id = first(&made, "networkInterfaceId");
    assert_eq!((all(&made, "key"), all(&made, "value")), (vec!["Name".into(), "empty".into()], vec!["web".into()]));
    ec2.good(&format!("{CREATE}{subnet}")).await;
    for filter in ["tag:Name&Filter.1.Value.1=w*", "tag-key&Filter.1.Value.1=empty", "tag-value&Filter.1.Value.1=web"] {
        let found = ec2.good(&format!("Action=DescribeNetworkInterfaces&Filter.1.Name={filter}")).await;
        assert_eq!(all(&found, "networkInterfaceId"), std::slice::from_ref(&id), "{filter}");
    }
    ec2.good(&format!("Action=CreateTags&ResourceId.1={id}&ResourceId.2={subnet}&Tag.1.Key=env&Tag.1.Value=prod"))
        .await;
    let found = ec2.good("Action=DescribeTags&Filter.1.Name=key&Filter.1.Value.1=env").await;
    assert_eq!(all(&found, "resourceId"), [id.clone(), subnet.clone()]);
    assert_eq!(all(&found, "resourceType"), ["network-interface", "subnet"]);
    let kinds = "Action=DescribeTags&Filter.1.Name=resource-type&Filter.1.Value.1=network-interface";
    assert_eq!(all(&ec2.good(kinds).await, "key"), ["Name", "empty", "env"]);
    // A value that does not fit leaves the tag where it is.
    ec2.good(&format!("Action=DeleteTags&ResourceId.1={id}&Tag.1.Key=env&Tag.1.Value=test&Tag.2.Key=Name")).await;
    assert_eq!(all(&ec2.good(kinds).await, "key"), ["empty", "env"]);
    ec2.good(&format!("Action=DeleteTags&ResourceId.1={id}")).await;
    assert!(all(&ec2.good(kinds).await, "key").is_empty());
    ec2.good(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=env&Tag.1.Value=prod")).await;
    ec2.good(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={id}")).await;
    assert_eq!(all(&ec2.good("Action=DescribeTags").await, "resourceId"), [subnet]);
}

#[tokio::test]
async fn f07_tags_that_are_wrong_are_refused_and_nothing_is_made() {
    let (ec2, subnet) = place().await;
    let many: String = (1..=51).map(|n| format!("&Tag.{n}.Key=k{n}")).collect();
    for (form, code) in [
        (format!("Action=CreateTags&ResourceId.1={subnet}"), "MissingParameter"),
        (format!("Action=CreateTags&ResourceId.1={subnet}&Tag.1.Key=aws:x"), "InvalidParameterValue"),
        (format!("Action=CreateTags&ResourceId.1={subnet}{many}"), "TagLimitExceeded"),
        ("Action=CreateTags&Tag.1.Key=x".to_owned(), "MissingParameter"),
        (
            "Action=CreateTags&ResourceId.1=eni-0ffffffffffffffff&Tag.1.Key=x".to_owned(),
            "InvalidNetworkInterfaceID.NotFound",
        ),
        ("Action=CreateTags&ResourceId.1=car-1&Tag.1.Key=x".to_owned(), "InvalidID"),
        (format!("{CREATE}{subnet}{}", spec(1, "car", &[("a", "b")])), "InvalidParameterValue"),
        (
            format!("{CREATE}{subnet}{}", spec(1, "network-interface", &[("a", "1"), ("a", "2")])),
            "InvalidParameterValue",
        ),
        ("Action=DescribeTags&NextToken=nonsense!".to_owned(), "InvalidNextToken"),
    ] {
        ec2.refused(&form, code).await;
    }
    assert!(all(&ec2.good("Action=DescribeNetworkInterfaces").await, "networkInterfaceId").is_empty());
}

#[tokio::test]
async fn f07_pages_of_tags_join_to_the_whole() {
    let (ec2, subnet) = place().await;
    let mut ids = Vec::new();
    for n in 0..9 {
        let tags = format!(
            "{CREATE}{subnet}{}",
            spec(1, "network-interface", &[("a", &n.to_string()), ("b", "x"), ("c", "y")])
        );
        ids.push(first(&ec2.good(&tags).await, "networkInterfaceId"));
    }
    let whole = ec2.good("Action=DescribeTags").await;
    let (mut joined, mut token) = (Vec::new(), String::new());
    loop {
        let page = ec2.good(&format!("Action=DescribeTags&MaxResults=5&NextToken={token}")).await;
        assert!(all(&page, "resourceId").len() <= 5);
        joined.extend(all(&page, "item"));
        match all(&page, "nextToken").pop() {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!((joined.len(), joined), (27, all(&whole, "item")));
}

#[tokio::test]
async fn v05_a_client_token_makes_one_interface_however_often_it_comes() {
    let (ec2, subnet) = place().await;
    let form = format!("{CREATE}{subnet}&ClientToken=token-1&Description=x");
    let made = ec2.good(&form).await;
    assert_eq!(first(&made, "clientToken"), "token-1");
    let again = ec2.good(&form).await;
    assert_eq!(first(&again, "networkInterfaceId"), first(&made, "networkInterfaceId"));
    ec2.refused(&form.replace("Description=x", "Description=y"), "IdempotentParameterMismatch").await;
    ec2.refused(&format!("{CREATE}{subnet}&ClientToken={}", "x".repeat(65)), "InvalidParameterValue").await;
    assert_eq!(all(&ec2.good("Action=DescribeNetworkInterfaces").await, "networkInterfaceId").len(), 1);
}
