//! Bare metal servers as a client of the IBM dialect sees them, and what others see of them.

use serde_json::{Value, json};

use crate::client::{Api, text};

struct Scene {
    api: Api,
    vpc: String,
    subnet: String,
}

impl Scene {
    async fn new() -> Scene {
        let api = Api::new();
        let (vpc, subnet) = api.network("10.1.2.0/24", "zone-1").await;
        api.host(1, "zone-1").await;
        Scene { api, vpc, subnet }
    }

    fn prototype(&self, more: Value) -> Value {
        let mut body = json!({
            "zone": { "name": "zone-1" },
            "profile": { "name": "metal" },
            "initialization": { "image": { "id": "r006-image" }, "keys": [] },
            "primary_network_attachment": {
                "name": "first",
                "allowed_vlans": [20, 10],
                "virtual_network_interface": { "subnet": { "id": self.subnet } },
            },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    async fn server(&self, more: Value) -> Value {
        self.api.post("/v1/bare_metal_servers", self.prototype(more)).await.expect(201)
    }

    fn vni(&self) -> Value {
        json!({ "subnet": { "id": self.subnet } })
    }
}

#[tokio::test]
async fn f01_f02_a10_a_bare_metal_server_is_made_with_cards_and_vlans() {
    let s = Scene::new().await;
    let ready = text(&s.api.vni(s.vni()).await, "id");
    let server = s
        .server(json!({
            "name": "iron",
            "bandwidth": 25000,
            "network_attachments": [
                { "interface_type": "vlan", "vlan": 10, "allow_to_float": true, "virtual_network_interface": { "id": ready } },
                { "interface_type": "pci", "virtual_network_interface": s.vni() },
            ],
        }))
        .await;
    let href = text(&server, "href");
    assert_eq!(href, format!("http://pintle.test/v1/bare_metal_servers/{}", text(&server, "id")));
    assert_eq!((&server["resource_type"], &server["bandwidth"]), (&json!("bare_metal_server"), &json!(25000)));
    assert_eq!((&server["status"], &server["vpc"]["id"]), (&json!("pending"), &json!(s.vpc)));
    assert_eq!(server["network_attachments"].as_array().unwrap().len(), 3);
    let interfaces = server["network_interfaces"].as_array().unwrap();
    assert!(text(&interfaces[0], "href").contains("/bare_metal_servers/"), "{interfaces:?}");
    let primary = s.api.get(&text(&server["primary_network_attachment"], "href")).await.expect(200);
    assert_eq!((&primary["type"], &primary["interface_type"]), (&json!("primary"), &json!("pci")));
    assert_eq!(primary["allowed_vlans"], json!([10, 20]));
    let all = s.api.get(&format!("{href}/network_attachments?limit=2")).await.expect(200);
    assert_eq!((&all["total_count"], &all["limit"]), (&json!(3), &json!(2)));
    let rest = s.api.get(&text(&all["next"], "href")).await.expect(200);
    let both = [&all, &rest].map(|page| page["network_attachments"].as_array().unwrap().clone()).concat();
    let vlan = both.iter().find(|one| one["interface_type"] == "vlan").unwrap();
    assert_eq!((&vlan["vlan"], &vlan["allow_to_float"]), (&json!(10), &json!(true)));
    assert!(vlan.get("allowed_vlans").is_none() && primary.get("vlan").is_none());
    let vni = s.api.get(&format!("/v1/virtual_network_interfaces/{ready}")).await.expect(200);
    assert_eq!(vni["target"]["resource_type"], "bare_metal_server_network_attachment");
    assert_eq!(vni["target"]["href"], vlan["href"]);
    s.api.hosts_obey().await;
    assert_eq!(s.api.get(&href).await.expect(200)["status"], "running");
}

#[tokio::test]
async fn f06_f08_cards_wait_for_a_stop_and_vlans_do_not() {
    let s = Scene::new().await;
    let server = s.server(json!({})).await;
    s.api.hosts_obey().await;
    let (href, id) = (text(&server, "href"), text(&server, "id"));
    let attachments = format!("{href}/network_attachments");
    let card = json!({ "interface_type": "pci", "virtual_network_interface": s.vni() });
    let error = s.api.post(&attachments, card.clone()).await.refused(409, "invalid_state");
    assert!(text(&error, "message").contains(&id) && text(&error, "message").contains("stop it first"), "{error}");
    let vlan = json!({ "interface_type": "vlan", "vlan": 20, "virtual_network_interface": s.vni() });
    let live = s.api.post(&attachments, vlan.clone()).await.expect(201);
    assert_eq!((&live["type"], &live["allow_to_float"]), (&json!("secondary"), &json!(false)));
    assert_eq!(s.api.post(&attachments, vlan).await.refused(400, "invalid_value")["target"]["name"], "vlan");
    let primary = text(&server["primary_network_attachment"], "href");
    let error = s.api.patch(&primary, json!({ "allowed_vlans": [10] })).await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "allowed_vlans");
    let changed = s.api.patch(&primary, json!({ "allowed_vlans": [20, 30], "name": "card" })).await.expect(200);
    assert_eq!((&changed["allowed_vlans"], &changed["name"]), (&json!([20, 30]), &json!("card")));
    s.api.post(&format!("{href}/stop"), json!({ "type": "gently" })).await.refused(400, "bad_field");
    s.api.post(&format!("{href}/stop"), json!({ "type": "soft" })).await.expect(204);
    assert_eq!(s.api.get(&href).await.expect(200)["status"], "stopped");
    s.api.post(&format!("{href}/restart"), json!({})).await.refused(409, "invalid_state");
    let made = s.api.post(&attachments, card).await.expect(201);
    assert_eq!((&made["lifecycle_state"], &made["allowed_vlans"]), (&json!("waiting"), &json!([])));
    s.api.post(&format!("{href}/start"), json!({})).await.expect(204);
    s.api.hosts_obey().await;
    s.api.post(&format!("{href}/restart"), json!({})).await.expect(204);
    s.api.delete(&text(&made, "href")).await.refused(409, "invalid_state");
    s.api.delete(&primary).await.refused(409, "primary_attachment");
    s.api.delete(&text(&live, "href")).await.expect(204);
}

#[tokio::test]
async fn what_belongs_to_the_other_kind_of_attachment_is_named() {
    let s = Scene::new().await;
    let server = s.server(json!({})).await;
    let attachments = format!("{}/network_attachments", text(&server, "href"));
    for (body, field) in [
        (json!({}), "interface_type"),
        (json!({ "interface_type": "hipersocket" }), "interface_type"),
        (json!({ "interface_type": "vlan" }), "vlan"),
        (json!({ "interface_type": "vlan", "vlan": 10, "allowed_vlans": [] }), "allowed_vlans"),
        (json!({ "interface_type": "pci", "vlan": 10 }), "vlan"),
        (json!({ "interface_type": "pci", "allow_to_float": true }), "allow_to_float"),
    ] {
        let mut whole = json!({ "virtual_network_interface": s.vni() });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let error = s.api.post(&attachments, whole).await.refused(400, "bad_field");
        assert_eq!(error["target"]["name"], field, "{error}");
    }
    let large = json!({ "interface_type": "vlan", "vlan": 4095, "virtual_network_interface": s.vni() });
    assert_eq!(s.api.post(&attachments, large).await.refused(400, "invalid_value")["target"]["name"], "vlan");
    let other = s.prototype(json!({ "profile": { "name": "bx2-metal-96x384" } }));
    s.api.post("/v1/bare_metal_servers", other).await.refused(400, "bad_field");
}

#[tokio::test]
async fn each_kind_of_server_is_in_its_own_collection() {
    let s = Scene::new().await;
    let server = s.server(json!({ "name": "iron" })).await;
    let instance = s.api.instance("zone-1", s.vni()).await;
    let (iron, soft) = (text(&server, "id"), text(&instance, "id"));
    let ids = |body: &Value, key: &str| -> Vec<String> {
        body[key].as_array().unwrap().iter().map(|one| text(one, "id")).collect()
    };
    for query in ["", &format!("?vpc.id={}", s.vpc)] {
        let servers = s.api.get(&format!("/v1/bare_metal_servers{query}")).await.expect(200);
        assert_eq!((ids(&servers, "bare_metal_servers"), &servers["total_count"]), (vec![iron.clone()], &json!(1)));
        let instances = s.api.get(&format!("/v1/instances{query}")).await.expect(200);
        assert_eq!((ids(&instances, "instances"), &instances["total_count"]), (vec![soft.clone()], &json!(1)));
    }
    let named = s.api.get("/v1/bare_metal_servers?name=iron").await.expect(200);
    assert_eq!(ids(&named, "bare_metal_servers"), std::slice::from_ref(&iron));
    assert!(ids(&s.api.get("/v1/instances?name=iron").await.expect(200), "instances").is_empty());
    for path in [format!("instances/{iron}"), format!("bare_metal_servers/{soft}")] {
        s.api.get(&format!("/v1/{path}")).await.refused(404, "not_found");
        s.api.get(&format!("/v1/{path}/network_attachments")).await.refused(404, "not_found");
        s.api.delete(&format!("/v1/{path}")).await.refused(404, "not_found");
    }
    let primary = text(&server["primary_network_attachment"], "id");
    s.api.get(&format!("/v1/bare_metal_servers/{soft}/network_attachments/{primary}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a02_a04_f12_a_bare_metal_server_goes_and_what_is_kept_is_kept() {
    let s = Scene::new().await;
    let kept = text(&s.api.vni(s.vni()).await, "href");
    let server = s
        .server(json!({
            "network_attachments": [
                { "interface_type": "vlan", "vlan": 10, "virtual_network_interface": { "href": kept } },
            ],
        }))
        .await;
    s.api.hosts_obey().await;
    let primary = text(&server["primary_network_attachment"]["virtual_network_interface"], "href");
    s.api.delete(&text(&server, "href")).await.expect(204);
    s.api.hosts_obey().await;
    s.api.get(&text(&server, "href")).await.refused(404, "not_found");
    s.api.get(&primary).await.refused(404, "not_found");
    let kept = s.api.get(&kept).await.expect(200);
    assert!(kept.get("target").is_none());
    let next = s.api.instance("zone-1", json!({ "id": kept["id"] })).await;
    assert_eq!(next["primary_network_attachment"]["primary_ip"]["address"], kept["primary_ip"]["address"]);
}

#[tokio::test]
async fn f13_the_profile_says_how_many_attachments_there_can_be() {
    let api = Api::new();
    let page = api.get("/v1/bare_metal_server/profiles").await.expect(200);
    let profile = api.get("/v1/bare_metal_server/profiles/metal").await.expect(200);
    assert_eq!(page["profiles"], json!([profile]));
    assert_eq!(profile["network_attachment_count"], json!({ "type": "range", "min": 1, "max": 128 }));
    api.get("/v1/bare_metal_server/profiles/bx2-metal-96x384").await.refused(404, "not_found");
}

#[tokio::test]
async fn g21_to_g27_its_attachments_are_network_interfaces_to_old_clients_to_be_read_only() {
    let s = Scene::new().await;
    let made = s.server(json!({})).await;
    let servers = text(&made, "href");
    let all = s.api.get(&format!("{servers}/network_interfaces")).await.expect(200);
    assert_eq!(all["total_count"], 1);
    let shown = &all["network_interfaces"][0];
    assert_eq!(shown["id"], made["primary_network_interface"]["id"]);
    let one = text(shown, "href");
    assert_eq!(one, format!("{servers}/network_interfaces/{}", text(shown, "id")));
    assert_eq!(s.api.get(&one).await.expect(200), *shown);
    let attachment = s.api.get(&one.replace("/network_interfaces/", "/network_attachments/")).await.expect(200);
    let vni = s.api.get(&text(&attachment["virtual_network_interface"], "href")).await.expect(200);
    for (property, from) in [
        ("enable_infrastructure_nat", &vni),
        ("mac_address", &vni),
        ("interface_type", &attachment),
        ("allowed_vlans", &attachment),
        ("name", &attachment),
        ("primary_ip", &vni),
    ] {
        assert_eq!(shown[property], from[property], "{property}");
    }
    s.api.get(&format!("{one}/floating_ips")).await.expect(200);
    let ips = s.api.get(&format!("{one}/ips")).await.expect(200);
    assert_eq!(ips["ips"][0]["address"], shown["primary_ip"]["address"]);
    for answer in [
        s.api.patch(&one, json!({ "allowed_vlans": [7] })).await,
        s.api.delete(&one).await,
        s.api.post(&format!("{servers}/network_interfaces"), json!({ "interface_type": "pci" })).await,
    ] {
        let error = answer.refused(409, "interface_style_conflict");
        assert!(text(&error, "message").contains("instead"), "{error}");
    }
    // Each kind of server has its own collection.
    let elsewhere = one.replace("/bare_metal_servers/", "/instances/");
    s.api.get(&elsewhere).await.refused(404, "not_found");
}
