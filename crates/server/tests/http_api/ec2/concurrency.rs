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

/// A group, and the beginning of requests about its incoming rules.
async fn group(ec2: &Ec2) -> (String, String) {
    let (vpc, _) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let create = format!("Action=CreateSecurityGroup&GroupName=web&GroupDescription=web&VpcId={vpc}");
    let group = first(&ec2.good(&create).await, "groupId");
    let ingress = format!("Ingress&GroupId={group}");
    (group, ingress)
}

fn ssh(net: &str) -> String {
    format!("IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp={net}")
}

/// The same rule for another network.
fn modify(group: &str, id: &str, net: &str) -> String {
    let of = |name: &str| format!("SecurityGroupRule.1.SecurityGroupRule.{name}");
    let rule = [("IpProtocol", "tcp"), ("FromPort", "22"), ("ToPort", "22"), ("CidrIpv4", net)]
        .map(|(name, value)| format!("{}={value}", of(name)));
    let id = format!("SecurityGroupRule.1.SecurityGroupRuleId={id}");
    format!("Action=ModifySecurityGroupRules&GroupId={group}&{id}&{}", rule.join("&"))
}

/// A description of a rule, and nothing else of it, is changed while somebody narrows the rule.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_said_of_a_rule_undoes_nothing_that_is_done_to_it_at_once() {
    let ec2 = Ec2::new().await;
    let (group, ingress) = group(&ec2).await;
    let made = ec2.good(&format!("Action=AuthorizeSecurityGroup{ingress}&{}", ssh("203.0.113.0/24"))).await;
    let id = first(&made, "securityGroupRuleId");
    let describe = |text: String| {
        let by_id = format!("SecurityGroupRuleDescription.1.SecurityGroupRuleId={id}");
        let text = format!("SecurityGroupRuleDescription.1.Description={text}");
        format!("Action=UpdateSecurityGroupRuleDescriptions{ingress}&{by_id}&{text}")
    };
    for round in 0..60 {
        let narrow = format!("10.0.{round}.0/24");
        let mut forms: Vec<String> = (0..9).map(|n| describe(format!("round-{round}-{n}"))).collect();
        forms.insert(4, modify(&group, &id, &narrow));
        for (status, body) in at_once(&ec2, forms).await {
            assert_eq!(status, 200, "{body}");
        }
        let rules = ec2.good(&format!("Action=DescribeSecurityGroupRules&SecurityGroupRuleId.1={id}")).await;
        assert_eq!(all(&rules, "cidrIpv4"), [narrow], "what was narrowed stays so");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rule_that_has_become_another_is_not_revoked_as_what_it_was() {
    let ec2 = Ec2::new().await;
    let (group, ingress) = group(&ec2).await;
    for round in 0..60 {
        let (was, becomes) = (format!("10.0.{round}.0/24"), format!("10.1.{round}.0/24"));
        let made = ec2.good(&format!("Action=AuthorizeSecurityGroup{ingress}&{}", ssh(&was))).await;
        let id = first(&made, "securityGroupRuleId");
        let revoke = format!("Action=RevokeSecurityGroup{ingress}&{}", ssh(&was));
        let answers = at_once(&ec2, vec![modify(&group, &id, &becomes), revoke]).await;
        let (lost, code) = match [answers[0].0, answers[1].0] {
            [200, 400] => (&answers[1].1, "InvalidPermission.NotFound"),
            [400, 200] => (&answers[0].1, "InvalidSecurityGroupRuleId.NotFound"),
            _ => panic!("round {round}: one comes first, and the other is refused: {answers:?}"),
        };
        assert!(lost.contains(&format!("<Code>{code}</Code>")), "{lost}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e18_timeouts_of_one_interface_that_are_set_at_once_all_hold() {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let id = first(&ec2.good(&create(&subnet)).await, "networkInterfaceId");
    for round in 0..40 {
        let set = [
            ("tcpEstablishedTimeout", "TcpEstablishedTimeout", 600 + round),
            ("udpStreamTimeout", "UdpStreamTimeout", 60 + round),
            ("udpTimeout", "UdpTimeout", 30 + round % 30),
        ];
        let form = |name: &str, value: u32| {
            let what = format!("ConnectionTrackingSpecification.{name}={value}");
            format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={id}&{what}")
        };
        let forms = set.iter().map(|(_, name, value)| form(name, *value)).collect();
        for (status, body) in at_once(&ec2, forms).await {
            assert_eq!(status, 200, "{body}");
        }
        let now = ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={id}")).await;
        for (shown, _, value) in set {
            assert_eq!(first(&now, shown), value.to_string(), "round {round}: {shown}");
        }
    }
}
