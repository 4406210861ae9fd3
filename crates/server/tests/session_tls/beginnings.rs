//! What a server makes when it starts: what accounts begin with in regions that are new to them.

use std::path::Path;

use ipnet::Ipv6Net;
use pintle_core::command::{CreateAccessKey, CreateVpc};
use pintle_core::model::{AccessKeyId, AccountId, Owner, Subnet, Vpc};
use pintle_core::{Command, Reply, query, record};
use pintle_server::{Config, Region, Running, Server};

use crate::config;

fn with_regions(data: &Path, regions: &[(&str, &str)]) -> Config {
    let regions =
        regions.iter().map(|(name, zone)| Region { name: (*name).to_owned(), zones: vec![(*zone).to_owned()] });
    Config { regions: regions.collect(), ..config(data) }
}

/// The ranges of the default subnets that the first account has in a region.
async fn defaults(running: &Running, region: &str) -> Vec<String> {
    let owner = Owner::new(AccountId::FIRST, region);
    let read = running.engine.read(|snapshot| {
        let Some(vpc) = query::default_vpc(snapshot, &owner)? else { return Ok(Vec::new()) };
        let subnets = query::index(snapshot, &record::subnets_of_vpc(vpc))?.into_iter();
        subnets.map(|id| Ok(query::get::<Subnet>(snapshot, id)?.0.cidr.to_string())).collect()
    });
    read.await.expect("read")
}

#[tokio::test]
async fn an_account_with_an_access_key_begins_in_each_new_region() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = Server::start(with_regions(dir.path(), &[("here", "here-1")])).await.expect("the server starts");
    assert!(defaults(&running, "here").await.is_empty(), "nobody has an access key");
    let (id, account) = (AccessKeyId::from_random([1; 10]), AccountId::FIRST);
    let create = CreateAccessKey { id, account, sealed: Vec::new() };
    running.engine.execute(Command::CreateAccessKey(create)).await.expect("created");
    assert_eq!(defaults(&running, "here").await, ["172.31.0.0/20"]);
    running.shutdown().await;
    let regions = [("here", "here-1"), ("there", "there-1")];
    let running = Server::start(with_regions(dir.path(), &regions)).await.expect("the server starts again");
    for region in ["here", "there"] {
        assert_eq!(defaults(&running, region).await, ["172.31.0.0/20"], "{region}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn b08_ipv6_blocks_come_from_the_range_that_is_configured() {
    let dir = tempfile::tempdir().expect("a directory");
    let range: Ipv6Net = "2001:db8::/40".parse().expect("a range");
    let running = Server::start(Config { ipv6_range: Some(range), ..config(dir.path()) }).await.expect("started");
    let create = Command::CreateVpc(CreateVpc { provided_ipv6: true, ..CreateVpc::default() });
    let Ok(Reply::Vpc(Vpc { ipv6_cidrs, .. })) = running.engine.execute(create).await else { panic!("no VPC") };
    assert!(range.contains(&ipv6_cidrs[0].net), "{ipv6_cidrs:?}");
    running.shutdown().await;
    let wrong = Config { ipv6_range: Some("fe80::/10".parse().expect("a range")), ..config(dir.path()) };
    let Err(error) = Server::start(wrong).await else { panic!("it must not start") };
    assert!(error.to_string().contains("IPv6 range"), "{error}");
}
