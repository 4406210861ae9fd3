//! Shares and mount targets as clients of all dialects see them.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::client::{Api, text};
use crate::ec2::{Ec2, all, first};

const SHARES: &str = "/v1/shares";

fn prototype() -> Value {
    json!({ "size": 100, "profile": { "name": "dp2" }, "zone": { "name": "zone-1" } })
}

fn with(mut value: Value, field: &str, to: Value) -> Value {
    value[field] = to;
    value
}

/// A host, and a subnet; its id.
async fn place(api: &Api) -> String {
    api.host(1, "zone-1").await;
    api.network("10.1.2.0/24", "zone-1").await.1
}

async fn share(api: &Api) -> String {
    text(&api.post(SHARES, prototype()).await.expect(201), "id")
}

fn mount(vni: Value) -> Value {
    json!({ "access_protocol": "nfs4", "transit_encryption": "none", "virtual_network_interface": vni })
}

#[tokio::test]
async fn f01_a_share_is_made_changed_by_who_has_seen_it_and_deleted() {
    let api = Api::new();
    place(&api).await;
    let answer = api.post(SHARES, with(prototype(), "name", json!("data"))).await;
    let etag = answer.etag();
    let made = answer.expect(201);
    let path = format!("{SHARES}/{}", text(&made, "id"));
    assert_eq!(
        (&made["lifecycle_state"], &made["iops"], &made["bandwidth"]),
        (&json!("pending"), &json!(100), &json!(209))
    );
    assert_eq!(made["crn"], format!("crn:v1:pintle:public:is:zone-1:a/123456789012::share:{}", text(&made, "id")));
    api.hosts_obey().await;
    let got = api.get(&path).await;
    assert_ne!(got.etag(), etag);
    let etag = got.etag();
    assert_eq!(got.expect(200)["lifecycle_state"], "stable");

    let patch = async |tag: Option<&str>, body: Value| {
        let mut request =
            Api::request(Method::PATCH, &path).header(header::CONTENT_TYPE, "application/merge-patch+json");
        if let Some(tag) = tag {
            request = request.header(header::IF_MATCH, tag);
        }
        api.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    assert_eq!(patch(None, json!({ "size": 200 })).await.expect(200)["size"], 200);
    patch(Some(&etag), json!({ "size": 300 })).await.refused(412, "precondition_failed");
    let error = patch(None, json!({ "user_tags": ["a"] })).await.refused(400, "bad_field");
    assert!(text(&error, "message").contains("If-Match"), "{error}");
    let now = api.get(&path).await.etag();
    let tags = json!({ "user_tags": ["b", "a"], "allowed_transit_encryption_modes": ["none", "stunnel"] });
    let tagged = patch(Some(&now), tags).await.expect(200);
    assert_eq!(tagged["user_tags"], json!(["a", "b"]));
    let error = patch(None, json!({ "bandwidth": 100 })).await.refused(400, "bad_field");
    assert_eq!(error["target"]["name"], "bandwidth");
    patch(None, json!({ "access_control_mode": "vpc" })).await.refused(400, "bad_field");
    let error = patch(None, json!({ "size": 100 })).await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "size");

    let listed = api.get(&format!("{SHARES}?name=data")).await.expect(200);
    assert_eq!((&listed["total_count"], &listed["shares"][0]["id"]), (&json!(1), &made["id"]));
    for nothing in ["name=other", "replication_role=replica", "resource_group.id=other"] {
        assert_eq!(api.get(&format!("{SHARES}?{nothing}")).await.expect(200)["shares"], json!([]), "{nothing}");
    }
    assert_eq!(api.get(&format!("{SHARES}?replication_role=none")).await.expect(200)["total_count"], 1);
    assert_eq!(api.delete(&path).await.expect(202)["lifecycle_state"], "deleting");
    api.hosts_obey().await;
    api.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn f01_what_a_share_can_not_be_is_refused_with_the_field() {
    let api = Api::new();
    place(&api).await;
    for (field, value, code) in [
        ("size", json!(9), "invalid_value"),
        ("iops", json!(7_000), "invalid_value"),
        ("profile", json!({ "name": "tier-3iops" }), "invalid_value"),
        ("bandwidth", json!(100), "bad_field"),
        ("access_control_mode", json!("vpc"), "bad_field"),
        ("allowed_access_protocols", json!([]), "bad_field"),
        ("allowed_transit_encryption_modes", json!([]), "invalid_value"),
        ("user_tags", json!(["a", "a"]), "bad_field"),
        ("zone", Value::Null, "bad_field"),
    ] {
        let error = api.post(SHARES, with(prototype(), field, value)).await.refused(400, code);
        assert!(text(&error["target"], "name").starts_with(field), "{error}");
    }
    let elsewhere = with(prototype(), "zone", json!({ "name": "zone-2" }));
    api.post(SHARES, elsewhere).await.refused(409, "insufficient_capacity");
    let profiles = api.get("/v1/share/profiles").await.expect(200);
    assert_eq!((&profiles["profiles"][0]["name"], &profiles["total_count"]), (&json!("dp2"), &json!(1)));
    let href = text(&profiles["profiles"][0], "href");
    assert_eq!(api.get(&href).await.expect(200), profiles["profiles"][0]);
    api.post(SHARES, with(prototype(), "profile", json!({ "href": href }))).await.expect(201);
    api.get("/v1/share/profiles/none").await.refused(404, "not_found");
    api.get("/v1/share/profiles?start=none").await.refused(400, "invalid_value");
}

#[tokio::test]
async fn a10_a_mount_target_with_an_interface_that_is_there_or_made_with_it() {
    let api = Api::new();
    let subnet = place(&api).await;
    let id = share(&api).await;
    let path = format!("{SHARES}/{id}/mount_targets");
    let vni = text(&api.vni(json!({ "subnet": { "id": subnet } })).await, "id");
    let made = api.post(&path, with(mount(json!({ "id": vni })), "name", json!("web"))).await.expect(201);
    let own = text(&made, "href");
    assert_eq!((&made["lifecycle_state"], &made["name"]), (&json!("pending"), &json!("web")));
    assert!(made.get("mount_path").is_none(), "{made}");
    let bound = api.get(&format!("/v1/virtual_network_interfaces/{vni}")).await.expect(200);
    let target = &bound["target"];
    assert_eq!((&target["resource_type"], &target["id"]), (&json!("share_mount_target"), &made["id"]));
    assert_eq!((&target["href"], &target["name"]), (&made["href"], &json!("web")));
    api.hosts_obey().await;
    let serving = api.get(&own).await.expect(200);
    let address = text(&serving["primary_ip"], "address");
    assert_eq!(
        (&serving["lifecycle_state"], &serving["mount_path"]),
        (&json!("stable"), &json!(format!("{address}:/{id}")))
    );
    let shown = api.get(&format!("{SHARES}/{id}")).await.expect(200);
    assert_eq!((&shown["mount_targets"][0]["id"], &shown["mount_targets"][0]["href"]), (&made["id"], &made["href"]));
    api.delete(&format!("{SHARES}/{id}")).await.refused(409, "resource_in_use");
    let again = api.post(&path, mount(json!({ "subnet": { "id": subnet } }))).await.refused(400, "invalid_value");
    assert!(text(&again, "message").contains("one in each VPC"), "{again}");

    let other = api.network("10.9.0.0/24", "zone-1").await.1;
    let second = api.post(&path, mount(json!({ "subnet": { "id": other } }))).await.expect(201);
    let page = api.get(&format!("{path}?limit=1")).await.expect(200);
    assert_eq!((&page["total_count"], &page["mount_targets"][0]["id"]), (&json!(2), &second["id"]));
    let next = api.get(&text(&page["next"], "href")).await.expect(200);
    assert_eq!(next["mount_targets"][0]["id"], made["id"]);
    assert_eq!(api.get(&format!("{path}?name=web")).await.expect(200)["mount_targets"][0]["id"], made["id"]);
    let renamed = api.patch(&own, json!({ "name": "files" })).await.expect(200);
    assert_eq!(renamed["name"], "files");

    assert_eq!(api.delete(&own).await.expect(202)["lifecycle_state"], "deleting");
    api.delete(&text(&second, "href")).await.expect(202);
    api.hosts_obey().await;
    api.get(&own).await.refused(404, "not_found");
    let left = api.get("/v1/virtual_network_interfaces").await.expect(200);
    assert_eq!((&left["total_count"], &left["virtual_network_interfaces"][0]["id"]), (&json!(1), &json!(vni)));
    assert!(left["virtual_network_interfaces"][0].get("target").is_none());
    // It goes on as an instance's, with its address.
    api.instance("zone-1", json!({ "id": vni })).await;
    api.hosts_obey().await;
    let moved = api.get(&format!("/v1/virtual_network_interfaces/{vni}")).await.expect(200);
    assert_eq!(moved["primary_ip"]["address"], json!(address));
    api.delete(&format!("{SHARES}/{id}")).await.expect(202);
}

#[tokio::test]
async fn a10_a_share_with_its_mount_targets_in_one_request() {
    let api = Api::new();
    let subnet = place(&api).await;
    let targets = json!([mount(json!({ "subnet": { "id": subnet }, "primary_ip": { "address": "10.1.2.9" } }))]);
    let made = api.post(SHARES, with(prototype(), "mount_targets", targets)).await.expect(201);
    let target = api.get(&text(&made["mount_targets"][0], "href")).await.expect(200);
    assert_eq!(target["primary_ip"]["address"], "10.1.2.9");
    // Nothing is left of one that can't be.
    let bad = json!([mount(json!({ "subnet": { "id": "subnet-00000000000000001" } }))]);
    api.post(SHARES, with(prototype(), "mount_targets", bad)).await.refused(404, "not_found");
    assert_eq!(api.get(SHARES).await.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn encryption_by_ipsec_is_called_as_the_clients_version_has_it() {
    let api = Api::new();
    place(&api).await;
    let ask = async |version: &str, method: Method, path: &str, body: Value| {
        let uri = format!("{path}?version={version}&generation=2");
        let request = axum::http::Request::builder().method(method).uri(uri);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", crate::client::TOKEN));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        api.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let modes = |mode: &str| with(prototype(), "allowed_transit_encryption_modes", json!(["none", mode]));
    let made = ask("2025-09-15", Method::POST, SHARES, modes("user_managed")).await.expect(201);
    assert_eq!(made["allowed_transit_encryption_modes"], json!(["none", "user_managed"]));
    let path = format!("{SHARES}/{}", text(&made, "id"));
    let now = ask("2025-09-16", Method::GET, &path, Value::Null).await.expect(200);
    assert_eq!(now["allowed_transit_encryption_modes"], json!(["none", "ipsec"]));
    ask("2025-09-16", Method::POST, SHARES, modes("user_managed")).await.refused(400, "bad_field");
    ask("2025-09-15", Method::POST, SHARES, modes("ipsec")).await.refused(400, "bad_field");
}

#[tokio::test]
async fn f01_what_serves_a_share_is_an_instance_in_no_api() {
    let ec2 = Ec2::new().await;
    let api = &ec2.api;
    let subnet = place(api).await;
    let id = share(api).await;
    let made = api.post(&format!("{SHARES}/{id}/mount_targets"), mount(json!({ "subnet": { "id": subnet } }))).await;
    let made = made.expect(201);
    api.hosts_obey().await;
    assert_eq!(api.get("/v1/instances").await.expect(200)["total_count"], 0);
    let vpc = text(&made["vpc"], "id");
    assert_eq!(api.get(&format!("/v1/instances?vpc.id={vpc}")).await.expect(200)["instances"], json!([]));
    assert_eq!(api.get("/native/v1/instances").await.expect(200)["total"], 0);
    assert_eq!(api.get("/native/v1/status").await.expect(200)["counts"]["instances"], 0);
    assert!(all(&ec2.good("Action=DescribeInstances").await, "instanceId").is_empty());

    let vni = text(&made["virtual_network_interface"], "id");
    let shown = ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={vni}")).await;
    assert_eq!(first(&shown, "interfaceType"), "efs");
    assert_eq!((first(&shown, "requesterManaged"), first(&shown, "status")), ("true".to_owned(), "in-use".to_owned()));
    let target = text(&made, "id");
    assert_eq!(first(&shown, "description"), format!("EFS mount target for {id} ({target})"));
    assert_eq!(first(&shown, "attachmentId"), target);
    assert!(all(&shown, "instanceId").is_empty(), "{shown}");
    let managed =
        ec2.good("Action=DescribeNetworkInterfaces&Filter.1.Name=requester-managed&Filter.1.Value.1=true").await;
    assert_eq!(first(&managed, "networkInterfaceId"), vni);
    for force in ["", "&Force=true"] {
        let detach = format!("Action=DetachNetworkInterface&AttachmentId={target}{force}");
        ec2.refused(&detach, "OperationNotPermitted").await;
    }
    ec2.refused(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={vni}"), "InvalidNetworkInterface.InUse")
        .await;

    let hidden = api.get(&format!("/native/v1/virtual_network_interfaces/{vni}")).await.expect(200);
    assert_eq!(hidden["instance"], Value::Null);
    let instance = text(&hidden["attachment"], "instance");
    api.get(&format!("/v1/instances/{instance}")).await.refused(404, "not_found");
    api.delete(&format!("/v1/instances/{instance}")).await.refused(404, "not_found");
    api.get(&format!("/v1/instances/{instance}/network_attachments")).await.refused(404, "not_found");
    for action in ["Terminate", "Stop", "Start", "Reboot"] {
        ec2.refused(&format!("Action={action}Instances&InstanceId.1={instance}"), "InvalidInstanceID.NotFound").await;
    }
    ec2.refused(&format!("Action=DescribeInstances&InstanceId.1={instance}"), "InvalidInstanceID.NotFound").await;
}

#[tokio::test]
async fn f01_the_operators_own_api_makes_mounts_and_ends_shares() {
    let api = Api::new();
    let subnet = place(&api).await;
    let path = "/native/v1/shares";
    let body = json!({ "name": "data", "host": "host-1", "size_gb": 10, "uid": 1000, "gid": 1000 });
    let made = api.post(path, body).await.expect(201);
    assert_eq!(
        (&made["zone"], &made["host"]["name"], &made["iops"]),
        (&json!("zone-1"), &json!("host-1"), &json!(100))
    );
    api.post(path, json!({ "size_gb": 10 })).await.expect(400);
    let new = json!({ "name": "web", "new": { "subnet": subnet, "address": "10.1.2.20" } });
    let target = api.post(&format!("{path}/data/mount_targets"), new).await.expect(201);
    assert_eq!((&target["address"], &target["mount_path"]), (&json!("10.1.2.20"), &Value::Null));
    api.hosts_obey().await;
    let shown = api.get(&format!("{path}/data")).await.expect(200);
    assert_eq!(shown["mount_targets"][0]["mount_path"], json!(format!("10.1.2.20:/{}", text(&made, "id"))));
    assert_eq!(api.get(path).await.expect(200)["items"][0]["id"], made["id"]);
    api.delete(&format!("{path}/data")).await.expect(409);
    api.delete(&format!("{path}/data/mount_targets/other")).await.expect(404);
    let gone = api.delete(&format!("{path}/data/mount_targets/web")).await.expect(202);
    assert_eq!(gone["lifecycle"], "deleting");
    api.hosts_obey().await;
    assert_eq!(api.delete(&format!("{path}/data")).await.expect(202)["lifecycle"], "deleting");
    api.hosts_obey().await;
    api.get(&format!("{path}/data")).await.expect(404);
}
