//! A client of a server in memory, and what hosts would report said in their place.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use pintle_core::Command;
use pintle_core::command::RegisterHost;
use pintle_core::id::{AttachmentId, HostId, IdSource, InstanceId, ShareId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Share, Timestamp};
use pintle_core::txn::Snapshot;
use pintle_core::{query, record};
use pintle_server::audit::Audit;
use pintle_server::http::{Rates, State, router};
use pintle_server::tokens::Tokens;
use pintle_server::vault::Vault;
use pintle_server::{Clock, Engine, Sessions};
use pintle_store::MemoryStore;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::described;

pub(crate) const TOKEN: &str = "00112233445566778899aabbccddeeff";

/// A clock that is a millisecond later each time it is asked.
struct Ticks(AtomicU64);
impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Ids that look random and are the same in every run.
struct Ids(u64);
impl IdSource for Ids {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The first error, if the status is this one, in IBM's envelope.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert!(body["trace"].as_str().is_some_and(|trace| !trace.is_empty()), "{body}");
        assert_eq!(body["errors"][0]["code"], code, "{body}");
        body["errors"][0].clone()
    }

    pub(crate) fn etag(&self) -> String {
        self.headers[header::ETAG].to_str().unwrap().to_owned()
    }
}

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) audit: Arc<Audit>,
    /// What its requests carry.
    pub(crate) bearer: String,
    _folder: Arc<TempDir>,
}

impl Api {
    pub(crate) fn new() -> Api {
        Api::prepared(|_| ())
    }

    /// One whose data directory something was done to before it was started.
    pub(crate) fn prepared(prepare: impl FnOnce(&Path)) -> Api {
        Api::made(prepare, Rates::default())
    }

    /// One with other rates than the default ones.
    pub(crate) fn with_rates(rates: Rates) -> Api {
        Api::made(|_| (), rates)
    }

    fn made(prepare: impl FnOnce(&Path), rates: Rates) -> Api {
        let clock = Arc::new(Ticks(AtomicU64::new(1_790_000_000_000)));
        let store = Arc::new(MemoryStore::default());
        let engine = Engine::new(store.clone(), clock.clone(), Box::new(Ids(1)));
        let sessions = Sessions::new(clock.clone());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        prepare(folder.path());
        let audit = Arc::new(Audit::open(folder.path(), clock).unwrap());
        let router = router(State {
            engine: engine.clone(),
            sessions: sessions.clone(),
            audit: audit.clone(),
            token: TOKEN.into(),
            vault: Arc::new(Vault::new(&[7; 32])),
            audit_reads: true,
            tokens: Arc::new(Tokens::new(&[9; 64])),
            rates,
            region: "local".to_owned(),
            base_url: "http://pintle.test".to_owned(),
        });
        Api { router, store, engine, sessions, audit, bearer: TOKEN.to_owned(), _folder: folder }
    }

    /// The same server, for whoever has this token.
    pub(crate) fn with_bearer(&self, token: &str) -> Api {
        Api { bearer: token.to_owned(), ..self.clone() }
    }

    /// The same server, for a new API key with these policies; also the key as its creation shows it.
    pub(crate) async fn with_key(&self, account: Option<&str>, policies: Option<Value>) -> (Api, Value) {
        let mut body = json!({ "name": "a key" });
        for (field, value) in [("account", account.map(Value::from)), ("policies", policies)] {
            if let Some(value) = value {
                body[field] = value;
            }
        }
        let key = self.post("/native/v1/api_keys", body).await.expect(201);
        let token = self.exchange(&text(&key, "secret")).await.expect(200);
        (self.with_bearer(&text(&token, "access_token")), key)
    }

    /// Exchanges a key's secret for a token, as IBM's SDKs do.
    pub(crate) async fn exchange(&self, secret: &str) -> Answer {
        let form = format!(
            "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={secret}&response_type=cloud_iam"
        );
        let request = Request::builder().method(Method::POST).uri("/identity/token");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form)).unwrap()).await
    }

    /// A new account; its id.
    pub(crate) async fn account(&self) -> String {
        text(&self.post("/native/v1/accounts", json!({})).await.expect(201), "id")
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        described::check(method.as_str(), &path, parts.status.as_u16(), &body);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request with the token, and with IBM's two parameters where they belong.
    pub(crate) fn request(method: Method, path: &str) -> axum::http::request::Builder {
        let mut uri = path.strip_prefix("http://pintle.test").unwrap_or(path).to_owned();
        if uri.starts_with("/v1") || uri.starts_with("/regions/") {
            uri.push_str(if uri.contains('?') { "&" } else { "?" });
            uri.push_str("version=2026-10-06&generation=2");
        }
        Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let patch = method == Method::PATCH;
        let mut request = Api::request(method, path);
        if let Some(headers) = request.headers_mut() {
            headers.insert(header::AUTHORIZATION, format!("Bearer {}", self.bearer).parse().unwrap());
        }
        self.send(match body {
            None => request.body(Body::empty()).unwrap(),
            Some(body) => {
                let kind = if patch { "application/merge-patch+json" } else { "application/json" };
                request.header(header::CONTENT_TYPE, kind).body(Body::from(body.to_string())).unwrap()
            }
        })
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }
    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.call(Method::PUT, path, None).await
    }
    pub(crate) async fn put_body(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// A VPC and a subnet of it in this zone; their ids.
    pub(crate) async fn network(&self, cidr: &str, zone: &str) -> (String, String) {
        let vpc =
            text(&self.post("/v1/vpcs", json!({ "address_prefix_management": "manual" })).await.expect(201), "id");
        let subnet = self.subnet(&vpc, cidr, zone).await.expect(201);
        (vpc, text(&subnet, "id"))
    }

    pub(crate) async fn subnet(&self, vpc: &str, cidr: &str, zone: &str) -> Answer {
        let body = json!({ "vpc": { "id": vpc }, "zone": { "name": zone }, "ipv4_cidr_block": cidr });
        self.post("/v1/subnets", body).await
    }

    pub(crate) async fn vni(&self, body: Value) -> Value {
        self.post("/v1/virtual_network_interfaces", body).await.expect(201)
    }

    /// An instance in this zone with a primary attachment, on whichever host has the fewest.
    pub(crate) async fn instance(&self, zone: &str, vni: Value) -> Value {
        let primary = json!({ "virtual_network_interface": vni });
        let body = json!({ "zone": { "name": zone }, "primary_network_attachment": primary });
        self.post("/v1/instances", body).await.expect(201)
    }

    pub(crate) async fn attach(&self, instance: &str, vni: &str) -> Answer {
        let body = json!({ "virtual_network_interface": { "id": vni } });
        self.post(&format!("/v1/instances/{instance}/network_attachments"), body).await
    }

    /// A host joins.
    pub(crate) async fn host(&self, number: u8, zone: &str) -> HostId {
        let id = HostId::new(&mut Ids(u64::from(number) << 32));
        let register = RegisterHost {
            id,
            name: format!("host-{number}"),
            zone: zone.to_owned(),
            vtep: [192, 0, 2, number].into(),
            underlay_mtu: 1500,
            uplink: Some("uplink0".to_owned()),
            max_ports: 4096,
        };
        self.engine.execute(Command::RegisterHost(register)).await.unwrap();
        id
    }

    /// Hosts report that they have done everything that is asked of them.
    pub(crate) async fn hosts_obey(&self) {
        let (attachments, instances) = self
            .engine
            .read(|snapshot| {
                let instances: Vec<InstanceId> = query::index(snapshot, &record::lists_of::<Instance>())?;
                let mut attachments = Vec::new();
                for instance in &instances {
                    let ids: Vec<AttachmentId> = query::index(snapshot, &record::attachments_of_instance(*instance))?;
                    for id in ids {
                        attachments.push(query::get::<Attachment>(snapshot, id)?.0);
                    }
                }
                Ok((attachments, instances))
            })
            .await
            .unwrap();
        for attachment in attachments {
            let (id, generation) = (attachment.id, attachment.generation);
            self.engine
                .execute(match attachment.lifecycle {
                    Lifecycle::Deleting => Command::AttachmentGone(id),
                    Lifecycle::Waiting => continue,
                    _ => Command::AttachmentRealised(id, generation),
                })
                .await
                .unwrap();
        }
        for id in instances {
            self.engine.execute(Command::InstanceRealised(id)).await.unwrap();
            self.engine.execute(Command::InstanceStopped(id)).await.unwrap();
            self.engine.execute(Command::InstanceGone(id)).await.unwrap();
        }
        let shares = |snapshot: &dyn Snapshot| query::index::<ShareId>(snapshot, &record::lists_of::<Share>());
        for id in self.engine.read(shares).await.unwrap() {
            self.engine.execute(Command::ShareRealised(id)).await.unwrap();
            self.engine.execute(Command::ShareGone(id)).await.unwrap();
        }
    }
}

/// A field that is a text.
#[track_caller]
pub(crate) fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("'{field}' is not a text: {body}")).to_owned()
}
