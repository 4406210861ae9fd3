//! How replies show a network interface: by IBM's tables of what its properties are taken from.

use pintle_core::id::InstanceId;
use pintle_core::model::{Attachment, Nic, Role};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{RESOURCE_TYPE, Status, href, path};
use crate::ibm::reference::Reference;
use crate::ibm::{Site, collection, floating_ip, network_attachment, reserved_ip};
use crate::view::{AttachmentView, FloatingIpView, NetworkInterfaceView, Page, ReservedIpView};
use crate::wire::timestamp;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NetworkInterface")]
pub(in crate::ibm) struct Shape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    created_at: String,
    status: &'static str,
    r#type: &'static str,
    port_speed: u32,
    allow_ip_spoofing: bool,
    primary_ip: Reference,
    floating_ips: Vec<Reference>,
    security_groups: Vec<Reference>,
    subnet: Reference,
}

/// A bare metal server's interface: it has six properties more.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerNetworkInterface")]
pub(in crate::ibm) struct BareMetalShape {
    #[serde(flatten)]
    shape: Shape,
    enable_infrastructure_nat: bool,
    mac_address: String,
    #[serde(flatten)]
    nic: NicShape,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BareMetalServerNetworkInterfaceCard")]
#[serde(tag = "interface_type", rename_all = "lowercase")]
pub(in crate::ibm) enum NicShape {
    Pci { allowed_vlans: Vec<u16> },
    Vlan { vlan: u16, allow_interface_to_float: bool },
}

/// The network interface as replies show it.
pub fn encode(site: &Site, view: &NetworkInterfaceView) -> Value {
    let shape = shape(site, view);
    match view.role {
        Role::Server | Role::ShareMount(_) => json!(shape),
        Role::BareMetal => json!(BareMetalShape {
            shape,
            enable_infrastructure_nat: view.vni.enable_infrastructure_nat,
            mac_address: view.vni.mac.to_string(),
            nic: nic(&view.attachment),
        }),
    }
}

fn shape(site: &Site, view: &NetworkInterfaceView) -> Shape {
    let NetworkInterfaceView { attachment, vni, .. } = view;
    Shape {
        id: attachment.id.to_string(),
        href: href(site, view.role, attachment),
        name: attachment.name.clone(),
        resource_type: RESOURCE_TYPE,
        created_at: timestamp(attachment.created_at),
        status: Status::of(attachment.lifecycle, vni.lifecycle).label(),
        r#type: network_attachment::r#type(attachment),
        port_speed: network_attachment::port_speed(attachment),
        allow_ip_spoofing: vni.allow_ip_spoofing,
        primary_ip: Reference::reserved_ip(site, &view.primary_ip),
        floating_ips: view.floating_ips.iter().map(|ip| Reference::floating_ip(site, ip)).collect(),
        security_groups: view.security_groups.iter().map(|group| Reference::security_group(site, group)).collect(),
        subnet: Reference::subnet(site, &view.subnet),
    }
}

fn nic(attachment: &Attachment) -> NicShape {
    match &attachment.nic {
        Nic::Pci { allowed_vlans } => NicShape::Pci { allowed_vlans: allowed_vlans.iter().copied().collect() },
        Nic::Vlan { id, float } => NicShape::Vlan { vlan: *id, allow_interface_to_float: *float },
    }
}

/// All network interfaces of an instance: this collection has no pages.
pub fn encode_all(site: &Site, views: &[NetworkInterfaceView]) -> Value {
    json!({ "network_interfaces": views.iter().map(|view| encode(site, view)).collect::<Vec<_>>() })
}

/// A page of a bare metal server's network interfaces.
pub fn encode_page(
    site: &Site,
    server: InstanceId,
    paging: &collection::Paging,
    page: &Page<NetworkInterfaceView>,
) -> Value {
    let path = format!("bare_metal_servers/{server}/network_interfaces");
    collection::encode(site, &path, "network_interfaces", paging, page, |view| encode(site, view))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NetworkInterfaceReference")]
pub(in crate::ibm) struct ReferenceShape {
    id: String,
    href: String,
    name: String,
    resource_type: &'static str,
    primary_ip: Reference,
    subnet: Reference,
}

/// The network interface as its server shows it.
pub fn encode_reference(site: &Site, role: Role, view: &AttachmentView) -> Value {
    json!(ReferenceShape {
        id: view.attachment.id.to_string(),
        href: href(site, role, &view.attachment),
        name: view.attachment.name.clone(),
        resource_type: RESOURCE_TYPE,
        primary_ip: Reference::reserved_ip(site, &view.primary_ip),
        subnet: Reference::subnet(site, &view.subnet),
    })
}

/// All floating IPs of a network interface: this collection has no pages, and whole floating IPs in it.
pub fn encode_floating_ips(site: &Site, views: &[FloatingIpView]) -> Value {
    json!({ "floating_ips": views.iter().map(|view| floating_ip::encode(site, view)).collect::<Vec<_>>() })
}

/// A page of a network interface's addresses, whole reserved IPs.
pub fn encode_ip_page(
    site: &Site,
    view: &NetworkInterfaceView,
    paging: &collection::Paging,
    page: &Page<ReservedIpView>,
) -> Value {
    let path = format!("{}/ips", path(view.role, &view.attachment));
    collection::encode(site, &path, "ips", paging, page, |view| reserved_ip::encode(site, view))
}
