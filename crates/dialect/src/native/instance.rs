//! Instances placed on a host of choice, in a namespace that Pintle makes or one that is there already.

use pintle_core::command::{Command, CreateInstance};
use pintle_core::model::{Host, InstanceState, Namespace, Vpc};
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Named, attachment};
use crate::problem::Problem;
use crate::view::{InstanceView, resolve, vpc_of_interface};
use crate::wire::timestamp;

/// Body of `POST /native/v1/instances`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: Option<String>,
    vpc: Option<String>,
    host: Option<String>,
    zone: Option<String>,
    namespace: Option<NamespaceFields>,
    primary: Option<attachment::Spec>,
    #[serde(default)]
    attachments: Vec<attachment::Spec>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamespaceFields {
    made: Option<bool>,
    path: Option<String>,
    pid: Option<u32>,
}

impl NamespaceFields {
    fn namespace(self) -> Result<Namespace, Problem> {
        match (self.made, self.path, self.pid) {
            (Some(true), None, None) => Ok(Namespace::Made),
            (None | Some(false), Some(path), None) => Ok(Namespace::Path(path)),
            (None | Some(false), None, Some(pid)) => Ok(Namespace::Pid(pid)),
            _ => Err(Problem::field("namespace", "it needs exactly one of 'made': true, 'path' and 'pid'")),
        }
    }
}

impl Create {
    /// What it asks for, with names looked up.
    ///
    /// # Errors
    /// [`Problem`] for a name that nothing has or several have, or for a field that is missing.
    pub fn command(self, snapshot: &dyn Snapshot) -> Result<Command, Problem> {
        let namespace = self.namespace.map_or(Ok(Namespace::Made), NamespaceFields::namespace)?;
        let host = self.host.map(|host| resolve::<Host>(snapshot, &host)).transpose()?;
        let named = self.vpc.map(|vpc| resolve::<Vpc>(snapshot, &vpc)).transpose()?;
        let primary = self.primary.map(|spec| spec.resolve(snapshot, named, "primary")).transpose()?;
        let vpc = match (named, &primary) {
            (Some(vpc), _) => Some(vpc),
            (None, Some(primary)) => vpc_of_interface(snapshot, &primary.vni)?,
            (None, None) => None,
        };
        let vpc = vpc.ok_or_else(|| Problem::field("vpc", "it is needed unless 'primary' tells it"))?;
        let attachments = self
            .attachments
            .into_iter()
            .enumerate()
            .map(|(position, spec)| spec.resolve(snapshot, Some(vpc), &format!("attachments[{position}]")))
            .collect::<Result<_, Problem>>()?;
        Ok(Command::CreateInstance(CreateInstance {
            name: self.name,
            vpc,
            host,
            zone: self.zone,
            namespace,
            primary,
            attachments,
        }))
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    vpc: Named,
    host: Named,
    zone: String,
    namespace: NamespaceShape,
    state: &'static str,
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
    interfaces: Vec<Interface>,
}

#[derive(Serialize)]
struct NamespaceShape {
    kind: &'static str,
    path: String,
}

#[derive(Serialize)]
struct Interface {
    virtual_network_interface: Named,
    mac_address: String,
    address: String,
    attachment: attachment::Shape,
}

/// The instance as replies show it.
pub fn encode(view: &InstanceView) -> Value {
    let instance = &view.instance;
    let (kind, path) = match &instance.namespace {
        Namespace::Made => ("made", format!("/run/netns/{}", instance.id)),
        Namespace::Path(path) => ("path", path.clone()),
        Namespace::Pid(pid) => ("pid", format!("/proc/{pid}/ns/net")),
    };
    json!(Shape {
        id: instance.id.to_string(),
        name: instance.name.clone(),
        vpc: Named::new(&view.vpc, &view.vpc.name),
        host: Named::new(&view.host, &view.host.name),
        zone: instance.zone.clone(),
        namespace: NamespaceShape { kind, path },
        state: match instance.state {
            InstanceState::Running => "running",
            InstanceState::Stopped => "stopped",
        },
        lifecycle: instance.lifecycle.label(),
        failure: instance.failure.clone(),
        created_at: timestamp(instance.created_at),
        interfaces: view
            .attachments
            .iter()
            .map(|view| Interface {
                virtual_network_interface: Named::new(&view.vni, &view.vni.name),
                mac_address: view.vni.mac.to_string(),
                address: view.primary_ip.address.to_string(),
                attachment: (&view.attachment).into(),
            })
            .collect(),
    })
}
