//! Network interfaces as clients that know nothing of attachments see them.

use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Vni};
use pintle_core::query;
use pintle_core::record::Record;
use pintle_core::txn::{Txn, Write};
use pintle_store::Store;
use serde_json::{Value, json};

use crate::client::{Api, text};

/// An instance with a primary attachment and a second one, whose interface has two addresses; the two network interfaces.
async fn instance(api: &Api) -> (Value, Value, Value) {
    let (_, subnet) = api.network("10.1.2.0/24", "zone-1").await;
    api.host(1, "zone-1").await;
    let instance = api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await;
    let vni = api.vni(json!({ "subnet": { "id": subnet }, "ips": [{ "address": "10.1.2.77" }] })).await;
    api.attach(&text(&instance, "id"), &text(&vni, "id")).await.expect(201);
    let path = format!("/v1/instances/{}/network_interfaces", text(&instance, "id"));
    let all = api.get(&path).await.expect(200);
    let instance = api.get(&text(&instance, "href")).await.expect(200);
    (instance, all["network_interfaces"][0].clone(), all["network_interfaces"][1].clone())
}

#[tokio::test]
async fn g04_g05_g29_an_instance_shows_each_attachment_as_a_network_interface_too() {
    let api = Api::new();
    let (instance, primary, second) = instance(&api).await;
    for (interface, attachment) in
        [&primary, &second].into_iter().zip(instance["network_attachments"].as_array().unwrap())
    {
        assert_eq!(interface["id"], attachment["id"]);
        let url = text(attachment, "href").replace("/network_attachments/", "/network_interfaces/");
        assert_eq!(interface["href"], url);
        assert_eq!(api.get(&url).await.expect(200), *interface);
    }
    assert_eq!((&primary["type"], &second["type"]), (&json!("primary"), &json!("secondary")));
    let ids: Vec<&Value> = instance["network_interfaces"].as_array().unwrap().iter().map(|nic| &nic["id"]).collect();
    assert_eq!(ids, [&primary["id"], &second["id"]]);
    assert_eq!(instance["primary_network_interface"]["id"], primary["id"]);
    assert_eq!(instance["primary_network_attachment"]["id"], primary["id"]);
}

#[tokio::test]
async fn g08_g29_an_old_client_sees_the_primary_address_only() {
    let api = Api::new();
    let (_, _, second) = instance(&api).await;
    assert!(second.get("ips").is_none());
    let ips = format!("{}/ips", text(&second, "href"));
    let page = api.get(&ips).await.expect(200);
    assert_eq!((&page["total_count"], page["ips"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(page["ips"][0]["address"], second["primary_ip"]["address"]);
    let one = api.get(&format!("{ips}/{}", text(&second["primary_ip"], "id"))).await.expect(200);
    assert_eq!((&one, &one["lifecycle_state"]), (&page["ips"][0], &json!("stable")));
    let subnet = text(&second["subnet"], "id");
    let all = api.get(&format!("/v1/subnets/{subnet}/reserved_ips")).await.expect(200);
    let secondary = all["reserved_ips"].as_array().unwrap().iter().find(|ip| ip["address"] == "10.1.2.77").unwrap();
    api.get(&format!("{ips}/{}", text(secondary, "id"))).await.refused(404, "not_found");
}

#[tokio::test]
async fn g03_floating_ips_are_whole_below_the_network_interface() {
    let api = Api::new();
    let (_, primary, second) = instance(&api).await;
    let pool = json!({ "name": "outside", "zone": "zone-1", "cidrs": ["203.0.113.0/29"] });
    api.post("/native/v1/public_pools", pool).await.expect(201);
    let attachment = text(&second, "href").replace("/network_interfaces/", "/network_attachments/");
    let vni = text(&api.get(&attachment).await.expect(200)["virtual_network_interface"], "id");
    let floating = api.post("/v1/floating_ips", json!({ "target": { "id": vni } })).await.expect(201);
    let shown = api.get(&text(&second, "href")).await.expect(200);
    assert_eq!(shown["floating_ips"][0]["id"], floating["id"]);
    let list = format!("{}/floating_ips", text(&second, "href"));
    assert_eq!(api.get(&list).await.expect(200), json!({ "floating_ips": [floating] }));
    let one = format!("{list}/{}", text(&floating, "id"));
    assert_eq!(api.get(&one).await.expect(200), floating);
    let elsewhere = format!("{}/floating_ips/{}", text(&primary, "href"), text(&floating, "id"));
    api.get(&elsewhere).await.refused(404, "not_found");
    for answer in [api.put(&one).await, api.delete(&one).await] {
        let error = answer.refused(409, "interface_style_conflict");
        assert!(text(&error, "message").contains("virtual network interface instead"), "{error}");
    }
    assert_eq!(api.get(&one).await.expect(200), floating);
}

#[tokio::test]
async fn g27_what_stands_for_an_attachment_can_be_read_and_nothing_else() {
    let api = Api::new();
    let (instance, _, second) = instance(&api).await;
    let before = api.store.snapshot().unwrap().revision();
    let (one, all) = (text(&second, "href"), format!("{}/network_interfaces", text(&instance, "href")));
    let prototype = json!({ "subnet": { "id": second["subnet"]["id"] } });
    for (answer, instead) in [
        (api.patch(&one, json!({ "name": "other" })).await, "change it or its virtual network interface instead"),
        (api.patch(&one, json!({ "allow_ip_spoofing": true })).await, "to be read only"),
        (api.delete(&one).await, "delete the network attachment instead"),
        (api.post(&all, prototype).await, "add a network attachment"),
    ] {
        let error = answer.refused(409, "interface_style_conflict");
        let message = text(&error, "message");
        assert!(message.contains("has network attachments") && message.contains(instead), "{message}");
        assert_eq!(error["target"]["value"], instance["id"]);
    }
    assert_eq!(api.store.snapshot().unwrap().revision(), before, "nothing was written");
    assert_eq!(api.get(&one).await.expect(200), second);
    // What isn't there is not found, whatever is asked of it.
    let nobody = format!("{all}/eni-attach-00000000000000001");
    api.patch(&nobody, json!({ "name": "other" })).await.refused(404, "not_found");
    api.delete(&nobody).await.refused(404, "not_found");
}

#[tokio::test]
async fn g28_reading_it_leaves_no_audit_event() {
    let api = Api::new();
    let (instance, _, second) = instance(&api).await;
    let events = async || api.get("/native/v1/audit").await.expect(200)["items"].as_array().unwrap().len();
    let before = events().await;
    let one = text(&second, "href");
    for path in [format!("{}/network_interfaces", text(&instance, "href")), one.clone(), format!("{one}/ips")] {
        api.get(&path).await.expect(200);
    }
    api.get(&format!("{one}/floating_ips")).await.expect(200);
    assert_eq!(events().await, before);
}

/// What IBM's table gives for a pair of states, written out: rows are the attachment's states, columns the interface's, both
/// in the order of `Lifecycle::ALL` (pending, stable, updating, waiting, suspended, failed, deleting).
const TABLE: [&str; 7] = ["pppppfd", "papppfd", "pppppfd", "pppppfd", "pppppfd", "ffffffd", "ddddddd"];

#[tokio::test]
async fn g20_each_of_the_49_pairs_of_states_has_its_status() {
    let api = Api::new();
    let (_, _, second) = instance(&api).await;
    let id = text(&second, "id").parse().unwrap();
    let read = |snapshot: &dyn pintle_core::txn::Snapshot| {
        let (attachment, _) = query::get::<Attachment>(snapshot, id)?;
        let (vni, _) = query::get::<Vni>(snapshot, attachment.vni)?;
        Ok((attachment, vni))
    };
    let (mut attachment, mut vni) = api.engine.read(read).await.unwrap();
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for (row, states) in Lifecycle::ALL.into_iter().zip(TABLE) {
        for (column, expected) in Lifecycle::ALL.into_iter().zip(states.chars()) {
            // No command leads to every pair at once: the records are written as they would be found.
            (attachment.lifecycle, vni.lifecycle) = (row, column);
            let put = |key: String, value: Vec<u8>| Write::Put { key, value };
            let writes = vec![
                put(Attachment::key_of(id), serde_json::to_vec(&attachment).unwrap()),
                put(Vni::key_of(vni.id), serde_json::to_vec(&vni).unwrap()),
            ];
            api.store.commit(Txn { compares: Vec::new(), writes }).await.unwrap();
            let status = text(&api.get(&text(&second, "href")).await.expect(200), "status");
            assert_eq!(status.chars().next(), Some(expected), "{row:?}, {column:?}: {status}");
            *counts.entry(status).or_default() += 1;
        }
    }
    let expected = [("available", 1), ("deleting", 13), ("failed", 11), ("pending", 24)];
    assert_eq!(counts, expected.into_iter().map(|(status, count)| (status.to_owned(), count)).collect());
}

#[tokio::test]
async fn network_interfaces_are_found_below_their_own_instance_only() {
    let api = Api::new();
    let (_, _, second) = instance(&api).await;
    let other = api.instance("zone-1", json!({ "subnet": { "id": second["subnet"]["id"] } })).await;
    let foreign = format!("{}/network_interfaces/{}", text(&other, "href"), text(&second, "id"));
    api.get(&foreign).await.refused(404, "not_found");
    api.delete(&foreign).await.refused(404, "not_found");
    api.get("/v1/instances/i-00000000000000001/network_interfaces").await.refused(404, "not_found");
}
