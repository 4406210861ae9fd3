//! Signatures of every kind of wrongness, throttling, secrets.

use axum::body::Body;
use pintle_server::http::{Rate, Rates};
use serde_json::json;

use super::{KEY, Signer, refused, send, with_key};
use crate::client::{Api, text};

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

    // Of two fields with one name none is believed: what was signed with the key of a day would be good for ever.
    for name in ["Credential", "SignedHeaders", "Signature"] {
        let mut twice = Signer::GOOD.sign(form);
        let header = twice.headers()["authorization"].to_str().unwrap().to_owned();
        let field = header.split([' ', ',']).find(|field| field.starts_with(name)).unwrap();
        twice.headers_mut().insert("authorization", format!("{header}, {field}").parse().unwrap());
        refused(send(&api, twice).await, 403, "IncompleteSignature");
    }

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
