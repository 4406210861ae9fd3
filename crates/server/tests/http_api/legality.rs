//! What an interface may be like on each kind of target, all 432 cells as a client of the IBM dialect sees them: the interface
//! is made as described, then attached.

use axum::http::StatusCode;
use pintle_core::Command;
use pintle_core::command::CreatePublicPool;
use pintle_core::legality::{self, Conflict, Manner, Traits};
use pintle_core::model::TargetKind;
use serde_json::{Value, json};

use crate::client::{Answer, Api, text};

/// One server for all cells: a VPC, a subnet, a host, public addresses, and a target of each kind that interfaces are attached
/// to one by one.
struct Scene {
    api: Api,
    subnet: String,
    instance: String,
    server: String,
    share: String,
}

impl Scene {
    async fn new() -> Scene {
        let api = Api::new();
        let (_, subnet) = api.network("10.1.0.0/16", "zone-1").await;
        api.host(1, "zone-1").await;
        let (zone, cidrs) = ("zone-1".to_owned(), vec!["203.0.113.0/28".parse().unwrap()]);
        let pool = CreatePublicPool { name: None, zone, cidrs };
        api.engine.execute(Command::CreatePublicPool(pool)).await.unwrap();
        let instance = text(&api.instance("zone-1", json!({ "subnet": { "id": subnet } })).await, "id");
        let primary = json!({
            "interface_type": "pci",
            "allowed_vlans": [10],
            "virtual_network_interface": { "subnet": { "id": subnet } },
        });
        let body = json!({
            "zone": { "name": "zone-1" },
            "profile": { "name": "metal" },
            "primary_network_attachment": primary,
        });
        let server = text(&api.post("/v1/bare_metal_servers", body).await.expect(201), "id");
        let body = json!({ "zone": { "name": "zone-1" }, "profile": { "name": "dp2" }, "size": 50 });
        let share = text(&api.post("/v1/shares", body).await.expect(201), "id");
        api.hosts_obey().await;
        Scene { api, subnet, instance, server, share }
    }

    /// Makes an interface like this: its URL, or the answer to the request that was refused.
    async fn made(&self, traits: &Traits) -> (String, Option<Answer>) {
        let ips: Vec<Value> = (0..traits.secondary_addresses).map(|_| json!({ "auto_delete": true })).collect();
        let vni = self
            .api
            .vni(json!({
                "subnet": { "id": self.subnet },
                "ips": ips,
                "allow_ip_spoofing": traits.ip_spoofing,
                "enable_infrastructure_nat": traits.infrastructure_nat,
                "protocol_state_filtering_mode": traits.state_filtering.name(),
            }))
            .await;
        let href = text(&vni, "href");
        for _ in 0..traits.flow_logs {
            self.flow_log(&vni).await;
        }
        for _ in 0..traits.floating_ips {
            let floating = self.api.post("/v1/floating_ips", json!({ "zone": { "name": "zone-1" } })).await.expect(201);
            let answer = self.api.put(&format!("{href}/floating_ips/{}", text(&floating, "id"))).await;
            if answer.status != StatusCode::CREATED {
                self.api.delete(&text(&floating, "href")).await.expect(204);
                return (href, Some(answer));
            }
        }
        (href, None)
    }

    async fn flow_log(&self, vni: &Value) {
        let body = json!({ "target": { "id": vni["id"] }, "storage_bucket": { "name": "logs" }, "active": true });
        self.api.post("/v1/flow_log_collectors", body).await.expect(201);
    }

    /// Attaches an interface to a target of a kind: what was answered.
    async fn attach(&self, kind: TargetKind, vni: &str) -> Result<Value, Value> {
        let (path, body) = match kind {
            TargetKind::Instance => {
                let body = json!({ "virtual_network_interface": { "href": vni } });
                (format!("/v1/instances/{}/network_attachments", self.instance), body)
            }
            TargetKind::BareMetal => {
                let vni = json!({ "href": vni });
                let body = json!({ "interface_type": "vlan", "vlan": 10, "virtual_network_interface": vni });
                (format!("/v1/bare_metal_servers/{}/network_attachments", self.server), body)
            }
            TargetKind::ShareMount => {
                let vni = json!({ "href": vni });
                (format!("/v1/shares/{}/mount_targets", self.share), json!({ "virtual_network_interface": vni }))
            }
        };
        let answer = self.api.post(&path, body).await;
        if answer.status == StatusCode::CREATED { Ok(answer.body) } else { Err(answer.refused(400, "invalid_value")) }
    }

    /// Leaves nothing of a cell behind.
    async fn clear(&self, vni: &str, attached: Option<&Value>) {
        for floating in
            self.api.get(&format!("{vni}/floating_ips")).await.expect(200)["floating_ips"].as_array().unwrap()
        {
            self.api.delete(&text(floating, "href")).await.expect(204);
        }
        if let Some(href) = attached.and_then(|attached| attached["href"].as_str()) {
            self.api.delete(href).await.expect(if href.contains("/shares/") { 202 } else { 204 });
            self.api.hosts_obey().await;
            self.api.delete(vni).await.expect(202);
        }
    }
}

/// What breaks a rule for an IBM request, of itself and then on the target.
fn conflicts(kind: TargetKind, traits: &Traits) -> Vec<Conflict> {
    let mut all = legality::conflicts(None, traits, Manner::PerInterface);
    all.extend(legality::conflicts(Some(kind), traits, Manner::PerInterface));
    all
}

#[tokio::test]
async fn f03_c06_c07_f04_all_432_cells() {
    let scene = Scene::new().await;
    let (mut cells, mut accepted) = (0, 0);
    for kind in TargetKind::ALL {
        for traits in legality::combinations() {
            cells += 1;
            let (vni, refused) = scene.made(&traits).await;
            let broken = conflicts(kind, &traits);
            let outcome = match refused {
                Some(answer) => Err(answer.refused(400, "invalid_value")),
                None => scene.attach(kind, &vni).await,
            };
            match &outcome {
                Ok(_) => {
                    assert!(broken.is_empty(), "{kind:?} took {traits:?}, which breaks {broken:?}");
                    accepted += 1;
                }
                Err(error) => {
                    let name = error["target"]["name"].as_str().unwrap();
                    let conflict = broken.iter().find(|conflict| conflict.property.name() == name);
                    let conflict = conflict.unwrap_or_else(|| panic!("{kind:?}, {traits:?}: {error}"));
                    let message = error["message"].as_str().unwrap();
                    assert!(message.contains(conflict.limit.words()), "{message}");
                    assert!(conflict.on.is_none_or(|kind| message.contains(kind.words())), "{message}");
                }
            }
            scene.clear(&vni, outcome.as_ref().ok()).await;
        }
    }
    assert_eq!((cells, accepted), (432, 110));
}

#[tokio::test]
async fn e08_c08_what_is_attached_is_not_made_unfit_for_its_target() {
    let scene = Scene::new().await;
    let plain = legality::combinations()
        .into_iter()
        .find(|traits| traits.infrastructure_nat && traits.floating_ips + traits.flow_logs == 0)
        .unwrap();
    let (vni, _) = scene.made(&plain).await;
    scene.attach(TargetKind::ShareMount, &vni).await.unwrap();
    for (body, field) in [
        (json!({ "protocol_state_filtering_mode": "disabled" }), "protocol_state_filtering_mode"),
        (json!({ "allow_ip_spoofing": true }), "allow_ip_spoofing"),
        (json!({ "enable_infrastructure_nat": false }), "enable_infrastructure_nat"),
    ] {
        let error = scene.api.patch(&vni, body).await.refused(400, "invalid_value");
        assert_eq!(error["target"]["name"], field);
        assert!(text(&error, "message").contains("on a share mount target"), "{error}");
    }
    let floating = scene.api.post("/v1/floating_ips", json!({ "zone": { "name": "zone-1" } })).await.expect(201);
    let path = format!("{vni}/floating_ips/{}", text(&floating, "id"));
    let error = scene.api.put(&path).await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "floating_ips");
    let reserved = format!("/v1/subnets/{}/reserved_ips", scene.subnet);
    let ip = text(&scene.api.post(&reserved, json!({})).await.expect(201), "id");
    let error = scene.api.put(&format!("{vni}/ips/{ip}")).await.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "ips");
    let (metal, _) = scene.made(&plain).await;
    scene.attach(TargetKind::BareMetal, &metal).await.unwrap();
    scene.api.patch(&metal, json!({ "enable_infrastructure_nat": false })).await.expect(200);
    for _ in 0..3 {
        let floating = scene.api.post("/v1/floating_ips", json!({ "zone": { "name": "zone-1" } })).await.expect(201);
        scene.api.put(&format!("{metal}/floating_ips/{}", text(&floating, "id"))).await.expect(201);
    }
    let error = scene.api.patch(&metal, json!({ "enable_infrastructure_nat": true })).await;
    let error = error.refused(400, "invalid_value");
    assert_eq!(error["target"]["name"], "floating_ips");
    assert!(text(&error, "message").contains("eipalloc-"), "{error}");
}
