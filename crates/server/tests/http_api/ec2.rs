//! EC2's API at the level of requests: signatures of every kind of wrongness, throttling, and whatever bytes may come.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use pintle_core::Command;
use pintle_core::command::CreateAccessKey;
use pintle_core::model::AccountId;
use pintle_server::http::{Rate, Rates};
use pintle_server::vault::Vault;
use proptest::prelude::*;
use ring::hmac;
use serde_json::json;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::client::{Api, text};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// A client that signs as AWS documents it, independently of the server's library.
struct Signer {
    secret: &'static str,
    scope: [&'static str; 2],
    /// Seconds that its clock is off.
    skew: i64,
}

impl Signer {
    const GOOD: Signer = Signer { secret: SECRET, scope: ["local", "ec2"], skew: 0 };

    fn sign(&self, form: &str) -> Request<Body> {
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
        let header =
            format!("AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={signed}, Signature={signature}");
        let request = Request::builder().method(Method::POST).uri("/").header("host", "pintle.test");
        let request = request.header("x-amz-date", moment).header("authorization", header);
        request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(form.to_owned())).unwrap()
    }
}

async fn with_key(rates: Rates) -> Api {
    let api = Api::with_rates(rates);
    let id = KEY.parse().unwrap();
    let sealed = Vault::new(&[7; 32]).seal(id, SECRET);
    let create = CreateAccessKey { id, account: AccountId::FIRST, sealed };
    api.engine.execute(Command::CreateAccessKey(create)).await.unwrap();
    api
}

async fn send(api: &Api, request: Request<Body>) -> (u16, String) {
    let response = api.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
}

#[track_caller]
fn refused((status, body): (u16, String), expected: u16, code: &str) {
    assert_eq!(status, expected, "{body}");
    assert!(body.contains(&format!("<Code>{code}</Code>")), "{code}: {body}");
}

#[tokio::test]
async fn k16_signatures_that_are_wrong_in_any_way_are_refused() {
    let api = with_key(Rates::default()).await;
    let form = "Action=DescribeRegions&Version=2016-11-15";
    let (status, body) = send(&api, Signer::GOOD.sign(form)).await;
    assert_eq!(status, 200, "{body}");
    let minutes = |skew: i64| Signer { skew: skew * 60, ..Signer::GOOD };
    assert_eq!(send(&api, minutes(-14).sign(form)).await.0, 200);
    assert_eq!(send(&api, minutes(14).sign(form)).await.0, 200);
    refused(send(&api, minutes(-16).sign(form)).await, 400, "RequestExpired");
    refused(send(&api, minutes(16).sign(form)).await, 400, "RequestExpired");
    let wrong = Signer { secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEX", ..Signer::GOOD };
    refused(send(&api, wrong.sign(form)).await, 401, "AuthFailure");
    let elsewhere = Signer { scope: ["mars", "ec2"], ..Signer::GOOD };
    refused(send(&api, elsewhere.sign(form)).await, 401, "AuthFailure");
    let of_sts = Signer { scope: ["local", "sts"], ..Signer::GOOD };
    refused(send(&api, of_sts.sign(form)).await, 400, "NoSuchVersion");
    refused(send(&api, of_sts.sign("Action=DescribeRegions")).await, 400, "InvalidAction");
    let (status, body) = send(&api, of_sts.sign("Action=GetCallerIdentity&Version=2011-06-15")).await;
    assert!(status == 200 && body.contains("<Account>123456789012</Account>"), "{body}");

    // What was signed is what must come.
    let mut other = Signer::GOOD.sign(form);
    *other.body_mut() = Body::from(form.replace("Regions", "Vpcs"));
    refused(send(&api, other).await, 401, "AuthFailure");
    let mut borrowed = Signer::GOOD.sign(form);
    borrowed.headers_mut().insert("x-amz-security-token", "token".parse().unwrap());
    refused(send(&api, borrowed).await, 401, "AuthFailure");
    let mut unsigned = Signer::GOOD.sign(form);
    unsigned.headers_mut().remove("authorization");
    refused(send(&api, unsigned).await, 403, "MissingAuthenticationToken");
    let mut bearer = Signer::GOOD.sign(form);
    bearer.headers_mut().insert("authorization", format!("Bearer {}", crate::client::TOKEN).parse().unwrap());
    refused(send(&api, bearer).await, 403, "MissingAuthenticationToken");

    // A key that is gone opens nothing, whatever was derived from it.
    api.delete(&format!("/native/v1/access_keys/{KEY}")).await.expect(204);
    refused(send(&api, Signer::GOOD.sign(form)).await, 401, "AuthFailure");
}

#[tokio::test]
async fn k16_a_secret_is_shown_once_and_keys_are_the_operators() {
    let api = Api::new();
    let made = api.post("/native/v1/access_keys", json!({})).await.expect(201);
    assert_eq!((text(&made, "id").len(), text(&made, "secret").len()), (20, 40));
    assert_eq!(text(&made, "account"), "123456789012");
    let listed = api.get("/native/v1/access_keys").await.expect(200);
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert!(!listed.to_string().contains("secret"), "{listed}");
    let twice = api.post("/native/v1/access_keys", json!({ "id": made["id"] })).await.expect(409);
    assert_eq!(twice["error"]["code"], "name_taken");
    api.post("/native/v1/access_keys", json!({ "secret": "short" })).await.expect(400);
    api.post("/native/v1/access_keys", json!({ "account": "999999999999" })).await.expect(404);
    api.delete("/native/v1/access_keys/AKIAZZZZZZZZZZZZZZZZ").await.expect(404);
}

#[tokio::test]
async fn v07_an_account_that_asks_too_much_is_told_so_class_by_class() {
    let few = Rate { burst: 3.0, per_second: 0.001 };
    let api = with_key(Rates { read: few, ..Rates::default() }).await;
    for _ in 0..3 {
        assert_eq!(send(&api, Signer::GOOD.sign("Action=DescribeRegions")).await.0, 200);
    }
    refused(send(&api, Signer::GOOD.sign("Action=DescribeRegions")).await, 503, "RequestLimitExceeded");
    let delete = Signer::GOOD.sign("Action=DeleteNetworkInterface&NetworkInterfaceId=eni-0ffffffffffffffff");
    refused(send(&api, delete).await, 400, "InvalidNetworkInterfaceID.NotFound");
}

#[tokio::test]
async fn a13_a_walk_past_many_records_finds_the_few() {
    let api = with_key(Rates::default()).await;
    let (_, subnet) = api.network("10.0.0.0/22", "zone-1").await;
    for n in 0..150 {
        let form = format!("Action=CreateNetworkInterface&SubnetId={subnet}&Description=number-{n}");
        let (status, body) = send(&api, Signer::GOOD.sign(&form)).await;
        assert_eq!(status, 200, "{body}");
    }
    let form = "Action=DescribeNetworkInterfaces&Filter.1.Name=description&Filter.1.Value.1=number-1";
    let (status, body) = send(&api, Signer::GOOD.sign(form)).await;
    assert_eq!((status, body.matches("<networkInterfaceId>").count()), (200, 1), "{body}");
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("true".to_owned()),
        Just("10.0.0.5".to_owned()),
        Just("eni-00000000000000001".to_owned()),
        Just("subnet-00000000000000001".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "SubnetId",
        "NetworkInterfaceId",
        "NetworkInterfaceId.1",
        "Filter.1.Name",
        "Filter.1.Value.1",
        "MaxResults",
        "NextToken",
        "PrivateIpAddress",
        "PrivateIpAddresses.1.PrivateIpAddress",
        "PrivateIpAddresses.1.Primary",
        "SecurityGroupId.1",
        "Ipv6AddressCount",
        "Ipv4Prefix.1.Ipv4Prefix",
        "DryRun",
        "ClientToken",
        "Description",
        "RegionName.1",
        "ZoneId.1",
        "AttributeName.1",
        "Version",
        "Action",
    ];
    prop_oneof![proptest::sample::select(KNOWN).prop_map(str::to_owned), "[A-Za-z.0-9]{1,12}", "\\PC{0,4}"]
}

/// Requests that are made up are answered, and never by a failure of ours.
#[test]
fn v05_whatever_comes_is_the_clients_to_mend() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let api = runtime.block_on(with_key(Rates::default()));
    let actions: Vec<&str> = pintle_dialect::ec2::OPERATIONS.iter().map(|operation| operation.name).collect();
    let strategy = (
        proptest::sample::select(actions),
        proptest::collection::vec((name(), value()), 0..6),
        proptest::option::of((0usize..400, any::<u8>())),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2000));
    let run = runner.run(&strategy, |(action, pairs, damage)| {
        let mut form = form_urlencoded::Serializer::new(format!("Action={action}"));
        let form = form.extend_pairs(&pairs).finish();
        let mut request = Signer::GOOD.sign(&form);
        let mut bad = false;
        if let Some((at, byte)) = damage {
            let header = request.headers()["authorization"].as_bytes().to_vec();
            let mut damaged = header.clone();
            if let Some(place) = damaged.get_mut(at) {
                *place = b' ' + byte % 94;
            }
            bad = damaged != header;
            request.headers_mut().insert("authorization", axum::http::HeaderValue::from_bytes(&damaged).unwrap());
        }
        let (status, body) = runtime.block_on(send(&api, request));
        prop_assert!(status < 500, "{form}: {body}");
        // Blanks around the header's parts may change without changing what it says.
        prop_assert!(!bad || status != 200 || damage.is_some_and(|(_, byte)| byte % 94 == 0), "accepted: {form}");
        Ok(())
    });
    run.unwrap();
}
