//! One object, two dialects: what each API shows of what the other has made. `docs/dialects.md` has as tables what is asked and
//! answered here; what it says and what is so can't differ.

mod names;
mod only_ec2;
mod only_ibm;
mod states;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use axum::http::Method;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::client::text;
use crate::ec2::{Ec2, first};

/// Where the section begins and ends in the document; other sections are others'.
const BEGINS: &str = "## What the two APIs show of each other's";
const ENDS: &str = "\n## ";

/// Something that one API can say and the other can't.
struct Case {
    /// What it is.
    what: &'static str,
    /// How the other API shows it.
    shown: &'static str,
}

/// Does all cases, whatever comes of each.
async fn each(cases: Vec<BoxFuture<'_, Case>>) -> Vec<Case> {
    let (mut held, mut failed) = (Vec::new(), 0);
    for case in cases {
        match AssertUnwindSafe(case).catch_unwind().await {
            Ok(case) => held.push(case),
            // What failed has been printed.
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 0, "cases do not hold");
    held
}

/// A VPC with a subnet of both IP versions, and an instance, in a region with one zone and one host.
struct Place {
    ec2: Ec2,
    vpc: String,
    subnet: String,
    instance: String,
}

impl Place {
    async fn new() -> Place {
        let ec2 = Ec2::with_zones(&["zone-1"]).await;
        ec2.api.host(1, "zone-1").await;
        let pool = json!({ "zone": "zone-1", "cidrs": ["192.0.2.0/28"] });
        ec2.api.post("/native/v1/public_pools", pool).await.expect(201);
        let vpc =
            first(&ec2.good("Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true").await, "vpcId");
        let gateway = first(&ec2.good("Action=CreateInternetGateway").await, "internetGatewayId");
        ec2.good(&format!("Action=AttachInternetGateway&InternetGatewayId={gateway}&VpcId={vpc}")).await;
        let shown = ec2.good(&format!("Action=DescribeVpcs&VpcId.1={vpc}")).await;
        let range = first(&shown, "ipv6CidrBlock").replace("/56", "/64");
        let form = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24&Ipv6CidrBlock={range}");
        let subnet = first(&ec2.good(&form).await, "subnetId");
        let form =
            format!("Action=RunInstances&ImageId=ami-1&InstanceType=t3.small&MinCount=1&MaxCount=1&SubnetId={subnet}");
        let instance = first(&ec2.good(&form).await, "instanceId");
        ec2.api.hosts_obey().await;
        Place { ec2, vpc, subnet, instance }
    }

    /// An interface that EC2's API has made.
    async fn by_ec2(&self, more: &str) -> String {
        let form = format!("Action=CreateNetworkInterface&SubnetId={}{more}", self.subnet);
        first(&self.ec2.good(&form).await, "networkInterfaceId")
    }

    /// One that IBM's has made.
    async fn by_ibm(&self, more: Value) -> String {
        let mut body = json!({ "subnet": { "id": self.subnet } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.ec2.api.vni(body).await, "id")
    }

    /// An interface as IBM's API shows it.
    async fn in_ibm(&self, vni: &str) -> Value {
        self.ec2.api.get(&format!("/v1/virtual_network_interfaces/{vni}")).await.expect(200)
    }

    /// An interface as EC2's does.
    async fn in_ec2(&self, vni: &str) -> String {
        self.ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={vni}")).await
    }

    /// What IBM's API answers.
    async fn ibm(&self, verb: Method, path: &str, body: Option<Value>) -> Value {
        let api = &self.ec2.api;
        let answer = match (verb, body) {
            (Method::POST, Some(body)) => api.post(path, body).await,
            (Method::PATCH, Some(body)) => api.patch(path, body).await,
            (Method::PUT, _) => api.put(path).await,
            _ => api.get(path).await,
        };
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.body
    }
}

fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let rule = vec!["---".to_owned(); heads.len()];
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(&heads) + &line(&rule) + &rows
}

fn cases(cases: &[Case]) -> String {
    let rows: Vec<_> = cases.iter().map(|case| vec![case.what.to_owned(), case.shown.to_owned()]).collect();
    table(&["what", "the other shows"], &rows)
}

/// The section as it should be.
async fn section() -> String {
    format!(
        "{BEGINS}\n\nMade from the answers that a test got (`crates/server/tests/http_api/dialects`); the same test holds this \
         section to them.\n\nEverything has one id, the same in both APIs, in the CLI, in logs and on hosts, and one name in IBM's \
         API, which EC2's does not know: its `Name` is a tag.\n\n{}\nWhere an attachment is in its life:\n\n{}\nWhat only EC2's \
         API can say, and what IBM's makes of it:\n\n{}\nWhat only IBM's API can say, and what EC2's makes of it:\n\n{}",
        names::table().await,
        states::table().await,
        cases(&only_ec2::all().await),
        cases(&only_ibm::all().await),
    )
}

#[tokio::test]
async fn p11_what_one_api_cannot_say_the_other_shows_as_docs_dialects_md_has_it() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGINS).expect("the document has the section");
    let (had, after) = rest.split_at(rest.find(ENDS).unwrap_or(rest.len()));
    let (had, wanted) = (format!("{BEGINS}{had}"), section().await);
    if std::env::var_os("PINTLE_BLESS").is_some() {
        std::fs::write(path, format!("{before}{wanted}{after}")).unwrap();
        return;
    }
    assert!(
        had == wanted,
        "docs/dialects.md differs (PINTLE_BLESS=1 accepts it)\n--- had\n{had}\n--- wanted\n{wanted}"
    );
}
