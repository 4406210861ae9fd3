//! EC2's API at the level of requests, one file for each family of operations.

mod addresses;
mod children;
mod concurrency;
mod defaults;
mod dhcp;
mod flow_logs;
mod fuzz;
mod groups;
mod instances;
mod interfaces;
mod network_acls;
mod outcomes;
mod permissions;
mod prefix_lists;
mod routing;
mod signatures;
mod subnets;
mod tags;
mod usual_errors;
mod vpcs;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_core::model::{AccountId, Region};
use pintle_server::http::{Rate, Rates};
use pintle_server::vault::Vault;
use ring::hmac;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::client::Api;

pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(super) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// A client that signs as AWS documents it, independently of the server's library.
pub(super) struct Signer {
    pub(super) key: &'static str,
    pub(super) secret: &'static str,
    pub(super) scope: [&'static str; 2],
    /// Seconds that its clock is off.
    pub(super) skew: i64,
}

impl Signer {
    pub(super) const GOOD: Signer = Signer { key: KEY, secret: SECRET, scope: ["local", "ec2"], skew: 0 };

    pub(super) fn sign(&self, form: &str) -> Request<Body> {
        let now = chrono::Utc::now() + chrono::TimeDelta::seconds(self.skew);
        let (date, moment) = (now.format("%Y%m%d").to_string(), now.format("%Y%m%dT%H%M%SZ").to_string());
        let [region, service] = self.scope;
        let headers =
            format!("content-type:application/x-www-form-urlencoded\nhost:pintle.test\nx-amz-date:{moment}\n");
        let signed = "content-type;host;x-amz-date";
        let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{}", hex(&Sha256::digest(form)));
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = mac(format!("AWS4{}", self.secret).as_bytes(), &date);
        let key = [region, service, "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &to_sign));
        let key = self.key;
        let header =
            format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}");
        let request = Request::builder().method(Method::POST).uri("/").header("host", "pintle.test");
        let request = request.header("x-amz-date", moment).header("authorization", header);
        request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form.to_owned())).unwrap()
    }
}

pub(super) async fn with_key(rates: Rates) -> Api {
    let api = Api::with_rates(rates);
    make_key(&api).await;
    api
}

async fn make_key(api: &Api) {
    let id = KEY.parse().unwrap();
    let sealed = Vault::new(&[7; 32]).seal(id, SECRET);
    let create = CreateAccessKey { id, account: AccountId::FIRST, sealed };
    api.engine.execute(Command::CreateAccessKey(create)).await.unwrap();
}

/// Not throttled.
pub(crate) fn free() -> Rates {
    let free = Rate { burst: 1e9, per_second: 1e9 };
    Rates { read: free, change: free, instance: free }
}

pub(super) async fn send(api: &Api, request: Request<Body>) -> (u16, String) {
    let response = api.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
}

#[track_caller]
pub(super) fn refused((status, body): (u16, String), expected: u16, code: &str) {
    assert_eq!(status, expected, "{body}");
    assert!(body.contains(&format!("<Code>{code}</Code>")), "{code}: {body}");
}

/// A client with a key of the first account, in the default region.
#[derive(Clone)]
pub(crate) struct Ec2 {
    pub(crate) api: Api,
}

impl Ec2 {
    /// One that is not throttled.
    pub(crate) async fn new() -> Ec2 {
        Ec2 { api: with_key(free()).await }
    }

    /// As [`Ec2::new`], in a region with these zones.
    pub(super) async fn with_zones(zones: &[&str]) -> Ec2 {
        let api = Api::with_rates(free());
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        let region = Region { name: "local".to_owned(), zones };
        api.engine.execute(Command::ConfigureRegions(vec![region])).await.unwrap();
        make_key(&api).await;
        Ec2 { api }
    }

    /// Sends `Action=…&…`; status and document.
    pub(super) async fn send(&self, form: &str) -> (u16, String) {
        let (status, body) = send(&self.api, Signer::GOOD.sign(form)).await;
        outcomes::note(form, status, &body);
        (status, body)
    }

    /// The document of a request that must be answered.
    pub(crate) async fn good(&self, form: &str) -> String {
        let (status, body) = self.send(form).await;
        assert_eq!(status, 200, "{form}: {body}");
        body
    }

    /// A request that must be refused with this code; the document.
    pub(crate) async fn refused(&self, form: &str, code: &str) -> String {
        let (status, body) = self.send(form).await;
        assert!(status >= 400 && body.contains(&format!("<Code>{code}</Code>")), "{form}: {code}: {status} {body}");
        body
    }
}

/// The text of the first element with this name.
#[track_caller]
pub(crate) fn first(document: &str, element: &str) -> String {
    all(document, element).into_iter().next().unwrap_or_else(|| panic!("no {element} in {document}"))
}

/// The texts of all elements with this name, in their order; of elements that hold elements, what is in them.
pub(crate) fn all(document: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    document.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}
