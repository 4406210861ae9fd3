//! Regions, zones, profiles, images and keys: what an instance's prototype names.

use serde_json::{Value, json};

use crate::client::{Api, text};

fn names(body: &Value, key: &str) -> Vec<String> {
    body[key].as_array().unwrap().iter().map(|item| text(item, "name")).collect()
}

#[tokio::test]
async fn a10_regions_have_the_zones_of_their_hosts() {
    let api = Api::new();
    api.host(1, "zone-1").await;
    api.host(2, "zone-1").await;
    api.host(3, "zone-10").await;
    let regions = api.get("/v1/regions").await.expect(200);
    assert_eq!(names(&regions, "regions"), ["local"]);
    assert_eq!(api.get("/v1/regions/local").await.expect(200), regions["regions"][0]);
    let zones = api.get("/v1/regions/local/zones").await.expect(200);
    assert_eq!(names(&zones, "zones"), ["zone-1", "zone-10"]);
    let zone = api.get("/v1/regions/local/zones/zone-10").await.expect(200);
    assert_eq!((&zone["status"], &zone["region"]["name"]), (&json!("available"), &json!("local")));
    assert_eq!(text(&zone, "href"), "http://pintle.test/v1/regions/local/zones/zone-10");
    for path in ["/v1/regions/other", "/v1/regions/other/zones", "/v1/regions/local/zones/zone-2"] {
        api.get(path).await.refused(404, "not_found");
    }
    api.get("/v1/regions?colour=red").await.refused(400, "invalid_value");
}

#[tokio::test]
async fn f13_an_instance_has_as_many_interfaces_as_its_profile_says() {
    let api = Api::new();
    api.host(1, "zone-1").await;
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let listed = api.get("/v1/instance/profiles?limit=100").await.expect(200);
    assert!(names(&listed, "profiles").contains(&"cx2-16x32".to_owned()));
    let profile = api.get("/v1/instance/profiles/cx2-16x32").await.expect(200);
    assert_eq!(profile["network_attachment_count"], json!({ "type": "range", "min": 1, "max": 5 }));
    api.get("/v1/instance/profiles/nonsense").await.refused(404, "not_found");
    let attachment = || json!({ "virtual_network_interface": { "subnet": { "id": subnet } } });
    let prototype = |count: usize| {
        let more: Vec<Value> = (1..count).map(|_| attachment()).collect();
        json!({
            "zone": { "name": "zone-1" },
            "profile": { "name": "cx2-16x32" },
            "primary_network_attachment": attachment(),
            "network_attachments": more,
        })
    };
    let made = api.post("/v1/instances", prototype(5)).await.expect(201);
    assert_eq!((&made["profile"]["name"], &made["vcpu"]["count"]), (&json!("cx2-16x32"), &json!(16)));
    assert_eq!((&made["bandwidth"], &made["memory"]), (&json!(24_000), &json!(32)));
    assert_eq!(made["network_interfaces"].as_array().unwrap().len(), 5);
    api.post("/v1/instances", prototype(6)).await.refused(400, "over_quota");
    let path = format!("/v1/instances/{}/network_attachments", text(&made, "id"));
    api.post(&path, attachment()).await.refused(400, "over_quota");
}

#[tokio::test]
async fn a10_the_image_is_of_the_same_moment_whenever_it_is_asked_for() {
    let api = Api::new();
    let shown = async || api.get("/v1/images").await.expect(200)["images"][0]["created_at"].clone();
    let first = shown().await;
    // The clock of the tests stands all but still: a moment reckoned back from it would move.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(shown().await, first);
}

#[tokio::test]
async fn a10_an_instance_is_made_from_the_image_with_keys() {
    let api = Api::new();
    api.host(1, "zone-1").await;
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    let images = api.get("/v1/images").await.expect(200);
    let image = &images["images"][0];
    assert_eq!(images["total_count"], 1);
    assert_eq!(&api.get(&format!("/v1/images/{}", text(image, "id"))).await.expect(200), image);
    for (query, count) in [
        ("name=nonsense", 0),
        ("visibility=private", 0),
        ("visibility=public", 1),
        ("status=available,pending", 1),
        ("remote.account.id=1", 0),
        ("resource_group.id=other", 0),
    ] {
        assert_eq!(api.get(&format!("/v1/images?{query}")).await.expect(200)["total_count"], count, "{query}");
    }
    api.get("/v1/images/img-0").await.refused(404, "not_found");
    let public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDq1QVKlYnkaJJoQHVHdPaf5LqbuMg2ePEvVhoshIm3B";
    let body = || json!({ "name": "mine", "type": "ed25519", "public_key": public_key });
    let key = api.post("/v1/keys", body()).await.expect(201);
    assert_eq!((&key["length"], &key["type"]), (&json!(256), &json!("ed25519")));
    let again = json!({ "name": "again", "type": "ed25519", "public_key": public_key });
    api.post("/v1/keys", again).await.refused(409, "already_exists");
    api.post("/v1/keys", json!({ "public_key": public_key })).await.refused(400, "bad_field");
    let path = format!("/v1/keys/{}", text(&key, "id"));
    assert_eq!(api.patch(&path, json!({ "name": "yours" })).await.expect(200)["name"], "yours");
    assert_eq!(api.get("/v1/keys").await.expect(200)["keys"][0]["name"], "yours");
    let prototype = |image: Value, key: Value| {
        json!({
            "zone": { "name": "zone-1" },
            "image": image,
            "keys": [key],
            "primary_network_attachment": { "virtual_network_interface": { "subnet": { "id": subnet } } },
        })
    };
    for named in
        [json!({ "id": key["id"] }), json!({ "crn": key["crn"] }), json!({ "fingerprint": key["fingerprint"] })]
    {
        let made = api.post("/v1/instances", prototype(json!({ "crn": image["crn"] }), named)).await.expect(201);
        assert_eq!(made["image"]["id"], image["id"]);
        assert_eq!(made["boot_volume_attachment"]["id"], "none", "marked as deleted: there are no volumes");
    }
    let none = json!({ "id": "key-00000000000000001" });
    api.post("/v1/instances", prototype(json!({ "id": image["id"] }), none)).await.refused(404, "not_found");
    let other = json!({ "id": "r006-other" });
    api.post("/v1/instances", prototype(other, json!({ "id": key["id"] }))).await.refused(404, "not_found");
    api.delete(&path).await.expect(204);
    api.get(&path).await.refused(404, "not_found");
}
