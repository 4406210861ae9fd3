//! How both APIs word where an attachment is in its life.

use axum::http::Method;
use pintle_core::Command;
use pintle_core::id::AttachmentId;
use pintle_core::model::Attachment;
use pintle_core::query;

use super::Place;
use crate::ec2::all;

struct Life {
    place: Place,
    vni: String,
}

impl Life {
    /// What is so, and what both say of it.
    async fn row(&self, what: &str) -> Vec<String> {
        let shown = self.place.in_ibm(&self.vni).await;
        let attachment = match shown["target"]["id"].as_str() {
            None => "–".to_owned(),
            Some(id) => {
                let path = format!("/v1/instances/{}/network_attachments/{id}", self.place.instance);
                word(self.place.ibm(Method::GET, &path, None).await["lifecycle_state"].as_str().unwrap())
            }
        };
        // The attachment's status comes after the interface's own.
        let ec2 = all(&self.place.in_ec2(&self.vni).await, "status");
        let theirs = ec2.get(1).map_or("–".to_owned(), |status| word(status));
        let vni = word(shown["lifecycle_state"].as_str().unwrap());
        vec![what.to_owned(), vni, attachment, word(&ec2[0]), theirs]
    }

    async fn attach(&self) -> AttachmentId {
        let body = self.place.ec2.api.attach(&self.place.instance, &self.vni).await.expect(201);
        body["id"].as_str().unwrap().parse().unwrap()
    }

    async fn report(&self, report: Command) {
        self.place.ec2.api.engine.execute(report).await.unwrap();
    }

    async fn generation(&self, id: AttachmentId) -> u32 {
        let read = move |snapshot: &dyn pintle_core::txn::Snapshot| query::get::<Attachment>(snapshot, id);
        self.place.ec2.api.engine.read(read).await.unwrap().0.generation
    }

    async fn act(&self, action: &str) {
        self.place.ec2.good(&format!("Action={action}&InstanceId.1={}", self.place.instance)).await;
        self.place.ec2.api.hosts_obey().await;
    }
}

fn word(word: &str) -> String {
    format!("`{word}`")
}

pub(super) async fn table() -> String {
    let place = Place::new().await;
    let vni = place.by_ibm(serde_json::json!({})).await;
    let life = Life { place, vni };
    let mut rows = vec![life.row("attached to nothing").await];
    let id = life.attach().await;
    rows.push(life.row("its host has yet to make it").await);
    let generation = life.generation(id).await;
    life.report(Command::AttachmentFailed(id, generation, "no room".to_owned())).await;
    rows.push(life.row("its host can't make it, and tries again").await);
    life.report(Command::AttachmentRealised(id, generation)).await;
    rows.push(life.row("its host has made it").await);
    life.act("StopInstances").await;
    rows.push(life.row("its instance is stopped").await);
    life.act("StartInstances").await;
    life.place.ec2.good(&format!("Action=DetachNetworkInterface&AttachmentId={id}")).await;
    rows.push(life.row("its host has yet to let go").await);
    life.report(Command::AttachmentGone(id)).await;
    assert_eq!(life.row("attached to nothing").await, rows[0]);
    super::table(&["", "IBM: interface", "IBM: attachment", "EC2: interface", "EC2: attachment"], &rows)
}
