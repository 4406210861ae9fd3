//! Instances placed on a host of choice: in a namespace that Pintle makes or one that is there already, or as a virtual
//! machine behind taps.

use pintle_core::command::{Command, CreateInstance};
use pintle_core::model::{Host, InstanceState, Namespace, Role, Vpc};
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
    #[serde(default)]
    bare_metal: bool,
    vpc: Option<String>,
    host: Option<String>,
    zone: Option<String>,
    namespace: Option<NamespaceFields>,
    bandwidth_kbps: Option<u32>,
    ips_per_interface: Option<u16>,
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
    tap: Option<TapFields>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TapFields {
    owner: Option<u32>,
}

impl NamespaceFields {
    fn namespace(self) -> Result<Namespace, Problem> {
        match (self.made, self.path, self.pid, self.tap) {
            (Some(true), None, None, None) => Ok(Namespace::Made),
            (None | Some(false), Some(path), None, None) => Ok(Namespace::Path(path)),
            (None | Some(false), None, Some(pid), None) => Ok(Namespace::Pid(pid)),
            (None | Some(false), None, None, Some(TapFields { owner })) => Ok(Namespace::Tap { owner }),
            _ => Err(Problem::field("namespace", "it needs exactly one of 'made': true, 'path', 'pid' and 'tap'")),
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
            role: if self.bare_metal { Role::BareMetal } else { Role::Server },
            vpc,
            host,
            zone: self.zone,
            namespace,
            bandwidth_kbps: self.bandwidth_kbps,
            ips_per_interface: self.ips_per_interface,
            launch: None,
            primary,
            attachments,
            ..CreateInstance::of(vpc)
        }))
    }
}

#[derive(Serialize)]
struct Shape {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bare_metal: bool,
    vpc: Named,
    host: Named,
    zone: String,
    namespace: NamespaceShape,
    bandwidth_kbps: Option<u32>,
    ips_per_interface: u16,
    state: &'static str,
    lifecycle: &'static str,
    failure: Option<String>,
    created_at: String,
    interfaces: Vec<Interface>,
}

#[derive(Serialize)]
struct NamespaceShape {
    kind: &'static str,
    /// None for a virtual machine.
    path: Option<String>,
    /// The user who may open a virtual machine's taps.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<u32>,
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
    let (kind, path, owner) = match &instance.namespace {
        Namespace::Made => ("made", Some(format!("/run/netns/{}", instance.id)), None),
        Namespace::Path(path) => ("path", Some(path.clone()), None),
        Namespace::Pid(pid) => ("pid", Some(format!("/proc/{pid}/ns/net")), None),
        Namespace::Tap { owner } => ("tap", None, Some(owner.unwrap_or(0))),
    };
    json!(Shape {
        id: instance.id.to_string(),
        name: instance.name.clone(),
        bare_metal: instance.role == Role::BareMetal,
        vpc: Named::new(&view.vpc, &view.vpc.name),
        host: Named::new(&view.host, &view.host.name),
        zone: instance.zone.clone(),
        namespace: NamespaceShape { kind, path, owner },
        bandwidth_kbps: instance.bandwidth_kbps,
        ips_per_interface: instance.ips_per_interface,
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
