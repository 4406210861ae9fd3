//! Many clients at once: nothing twice, nothing too many, nothing lost.

use std::collections::BTreeSet;

use pintle_core::Command;
use pintle_core::model::AccountId;

use super::{Ec2, all, first};

/// Sends all of these at once.
async fn at_once(ec2: &Ec2, forms: Vec<String>) -> Vec<(u16, String)> {
    let tasks: Vec<_> = forms
        .into_iter()
        .map(|form| {
            let ec2 = ec2.clone();
            tokio::spawn(async move { ec2.send(&form).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

fn create(subnet: &str) -> String {
    format!("Action=CreateNetworkInterface&SubnetId={subnet}")
}

#[tokio::test(flavor = "multi_thread")]
async fn b17_sixteen_clients_fill_a_24_with_exactly_251_interfaces() {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (ec2, form) = (ec2.clone(), create(&subnet));
            tokio::spawn(async move {
                let (mut made, mut refused) = (Vec::new(), 0);
                for _ in 0..20 {
                    let (status, body) = ec2.send(&form).await;
                    if status == 200 {
                        made.push(first(&body, "privateIpAddress"));
                    } else {
                        assert!(body.contains("<Code>InsufficientFreeAddressesInSubnet</Code>"), "{body}");
                        refused += 1;
                    }
                }
                (made, refused)
            })
        })
        .collect();
    let (mut addresses, mut refusals) = (Vec::new(), 0);
    for client in clients {
        let (made, refused) = client.await.unwrap();
        addresses.extend(made);
        refusals += refused;
    }
    assert_eq!((addresses.len(), refusals), (251, 16 * 20 - 251));
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 251, "an address twice");
    let mut shown = BTreeSet::new();
    let mut token = String::new();
    loop {
        let page = ec2.good(&format!("Action=DescribeNetworkInterfaces&MaxResults=100&NextToken={token}")).await;
        shown.extend(all(&page, "networkInterfaceId"));
        match all(&page, "nextToken").pop() {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!(shown.len(), 251);
}

#[tokio::test(flavor = "multi_thread")]
async fn k16_of_a_hundred_creates_at_one_below_the_limit_exactly_one_wins() {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/22", "zone-1").await;
    let quota = "network-interfaces".to_owned();
    let set = Command::SetQuota { account: AccountId::FIRST, quota, limit: Some(30) };
    ec2.api.engine.execute(set).await.unwrap();
    for _ in 0..29 {
        ec2.good(&create(&subnet)).await;
    }
    let answers = at_once(&ec2, vec![create(&subnet); 100]).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 200);
    assert_eq!((won.len(), lost.len()), (1, 99));
    for (_, body) in lost {
        assert!(body.contains("<Code>NetworkInterfaceLimitExceeded</Code>"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v05_one_token_at_once_from_everywhere_makes_one_interface() {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let form = format!("{}&ClientToken=the-same", create(&subnet));
    let answers = at_once(&ec2, vec![form; 64]).await;
    let ids: BTreeSet<String> = answers
        .iter()
        .map(|(status, body)| {
            assert_eq!(*status, 200, "{body}");
            first(body, "networkInterfaceId")
        })
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(all(&ec2.good("Action=DescribeNetworkInterfaces").await, "networkInterfaceId").len(), 1);
}
