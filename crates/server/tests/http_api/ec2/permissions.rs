//! Permissions: what one account lets another do with its interface.

use pintle_core::command::{CreateAccessKey, CreateAccount, CreateInstance, CreatePublicPool, CreateVpc};
use pintle_core::model::{AccessRole, Namespace, Owner, ResourceType};
use pintle_core::{Command, Reply, Request};
use pintle_server::vault::Vault;
use serde_json::{Value, json};

use super::{Ec2, SECRET, Signer, all, first, send};
use crate::authorisation::access_key;
use crate::client::text;

const THEIR_KEY: &str = "AKIAZZZZZZZZZZZZZZZZ";
const THEIRS: &str = "000000000007";

/// Our network and interface; an instance of another account, whose requests are signed with a key of its own.
struct Place {
    ec2: Ec2,
    interface: String,
    instance: String,
}

async fn place() -> Place {
    let ec2 = Ec2::new().await;
    let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let host = ec2.api.host(1, "zone-1").await;
    let engine = &ec2.api.engine;
    let account = THEIRS.parse().unwrap();
    engine.execute(Command::CreateAccount(CreateAccount { id: Some(account), name: None })).await.unwrap();
    let id = THEIR_KEY.parse().unwrap();
    let sealed = Vault::new(&[7; 32]).seal(id, SECRET);
    engine.execute(Command::CreateAccessKey(CreateAccessKey { id, account, sealed })).await.unwrap();
    let cidrs = vec!["203.0.113.8/29".parse().unwrap()];
    let pool = CreatePublicPool { name: None, zone: "zone-1".to_owned(), cidrs };
    engine.execute(Command::CreatePublicPool(pool)).await.unwrap();
    let vpc = Request::tenant(Owner::new(account, "local"), Command::CreateVpc(CreateVpc::default()));
    let Reply::Vpc(vpc) = engine.execute(vpc).await.unwrap() else { panic!("a VPC") };
    let create = CreateInstance {
        name: None,
        vpc: vpc.id,
        host: Some(host),
        zone: None,
        namespace: Namespace::Made,
        bandwidth_kbps: None,
        ips_per_interface: None,
        launch: None,
        primary: None,
        attachments: Vec::new(),
        ..CreateInstance::of(vpc.id)
    };
    let Reply::Instance(home) = engine.execute(Command::CreateInstance(create)).await.unwrap() else {
        panic!("an instance")
    };
    let form = format!("Action=CreateNetworkInterface&SubnetId={subnet}");
    let interface = first(&ec2.good(&form).await, "networkInterfaceId");
    Place { ec2, interface, instance: home.id.to_string() }
}

impl Place {
    /// Sends a request of theirs.
    async fn theirs(&self, form: &str) -> (u16, String) {
        send(&self.ec2.api, Signer { key: THEIR_KEY, ..Signer::GOOD }.sign(form)).await
    }

    async fn permit(&self, permission: &str) -> String {
        let form = format!(
            "Action=CreateNetworkInterfacePermission&NetworkInterfaceId={}&AwsAccountId={THEIRS}&Permission={permission}",
            self.interface
        );
        let made = self.ec2.good(&form).await;
        assert_eq!((first(&made, "state"), first(&made, "permission")), ("granted".into(), permission.into()));
        first(&made, "networkInterfacePermissionId")
    }
}

#[tokio::test]
async fn p01_an_interface_is_attached_by_another_account_while_it_is_permitted() {
    let p = place().await;
    let attach = format!(
        "Action=AttachNetworkInterface&NetworkInterfaceId={}&InstanceId={}&DeviceIndex=0",
        p.interface, p.instance
    );
    super::refused(p.theirs(&attach).await, 400, "InvalidNetworkInterfaceID.NotFound");
    let permission = p.permit("INSTANCE-ATTACH").await;
    let (status, made) = p.theirs(&attach).await;
    assert_eq!(status, 200, "{made}");
    p.ec2.api.hosts_obey().await;
    let shown = p.ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={}", p.interface)).await;
    assert_eq!((first(&shown, "ownerId"), first(&shown, "instanceOwnerId")), ("123456789012".into(), THEIRS.into()));
    let delete = "Action=ModifyNetworkInterfaceAttribute&Attachment.DeleteOnTermination=true";
    let delete = format!("{delete}&NetworkInterfaceId={}&Attachment.AttachmentId=", p.interface);
    p.ec2.good(&format!("{delete}{}", first(&made, "attachmentId"))).await;
    p.ec2.refused(&format!("{delete}eni-attach-0ffffffffffffffff"), "InvalidAttachmentID.NotFound").await;
    // The instance's owner sees what is attached to it through the other APIs too.
    let (tenant, _) = p.ec2.api.with_key(Some(THEIRS), None).await;
    for below in ["network_attachments", "network_interfaces"] {
        let path = format!("/v1/instances/{}/{below}", p.instance);
        let listed = tenant.get(&path).await.expect(200);
        assert_eq!(listed[below].as_array().map(Vec::len), Some(1), "{listed}");
    }
    let revoke = format!("Action=DeleteNetworkInterfacePermission&NetworkInterfacePermissionId={permission}");
    p.ec2.refused(&revoke, "DependencyViolation").await;
    p.ec2.good(&format!("{revoke}&Force=true")).await;
    p.ec2.refused(&revoke, "InvalidNetworkInterfacePermissionId.NotFound").await;
    let described = "Action=DescribeNetworkInterfacePermissions";
    assert_eq!(all(&p.ec2.good(described).await, "state"), ["revoked"]);
    assert!(all(&p.theirs(described).await.1, "state").is_empty(), "they are their owner's");
    let (status, body) =
        p.theirs(&format!("Action=DetachNetworkInterface&AttachmentId={}", first(&made, "attachmentId"))).await;
    assert_eq!(status, 200, "{body}");
    p.ec2.api.hosts_obey().await;
    super::refused(p.theirs(&attach).await, 400, "InvalidNetworkInterfaceID.NotFound");
}

#[tokio::test]
async fn p03_p06_what_is_lent_needs_roles_on_both_sides_all_the_same() {
    let p = place().await;
    p.permit("INSTANCE-ATTACH").await;
    let api = &p.ec2.api;
    let on = |kinds: &[&str]| {
        let policies = kinds.iter().map(|kind| json!({ "role": "administrator", "resource_type": kind }));
        Some(policies.collect::<Value>())
    };
    let (compute, _) = api.with_key(Some(THEIRS), on(&["instance"])).await;
    compute.attach(&p.instance, &p.interface).await.refused(403, "not_authorized");
    let (both, _) = api.with_key(Some(THEIRS), on(&["instance", "virtual-network-interface"])).await;
    let attachment = text(&both.attach(&p.instance, &p.interface).await.expect(201), "id");
    api.hosts_obey().await;
    let path = format!("/v1/instances/{}/network_attachments/{attachment}", p.instance);
    compute.delete(&path).await.refused(403, "not_authorized");
    // Ours is the interface, and theirs the attachment: it is no less a detachment for that.
    let detach = |dry: bool| format!("Action=DetachNetworkInterface&AttachmentId={attachment}&Force=true&DryRun={dry}");
    let viewer = access_key(api, 300, &[(AccessRole::Viewer, None)]).await;
    for dry in [true, false] {
        super::refused(send(api, viewer.sign(&detach(dry))).await, 403, "UnauthorizedOperation");
    }
    let operator = access_key(api, 301, &[(AccessRole::Operator, Some(ResourceType::Vni))]).await;
    let (status, body) = send(api, operator.sign(&detach(false))).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn p01_an_address_of_another_account_leads_to_an_interface_while_it_is_permitted() {
    let p = place().await;
    let (_, made) = p.theirs("Action=AllocateAddress").await;
    let associate = format!(
        "Action=AssociateAddress&AllocationId={}&NetworkInterfaceId={}",
        first(&made, "allocationId"),
        p.interface
    );
    super::refused(p.theirs(&associate).await, 400, "InvalidNetworkInterfaceID.NotFound");
    p.permit("EIP-ASSOCIATE").await;
    let (status, body) = p.theirs(&associate).await;
    assert_eq!(status, 200, "{body}");
    let shown = p.ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={}", p.interface)).await;
    assert_eq!((first(&shown, "publicIp"), first(&shown, "ipOwnerId")), (first(&made, "publicIp"), THEIRS.into()));
    let (_, described) = p.theirs("Action=DescribeAddresses").await;
    assert_eq!(first(&described, "networkInterfaceOwnerId"), "123456789012");
    // Its owner sees where it leads through the other APIs too.
    let (tenant, _) = p.ec2.api.with_key(Some(THEIRS), None).await;
    let id = first(&made, "allocationId");
    for path in ["/v1/floating_ips", "/native/v1/floating_ips"] {
        let listed = tenant.get(path).await.expect(200).to_string();
        assert!(listed.contains(&id) && listed.contains(&p.interface), "{path}: {listed}");
        tenant.get(&format!("{path}/{id}")).await.expect(200);
    }
    let create = format!("Action=CreateNetworkInterfacePermission&NetworkInterfaceId={}", p.interface);
    for (form, code) in [
        (format!("{create}&AwsAccountId={THEIRS}&Permission=EIP-ASSOCIATE"), "InvalidParameterValue"),
        (format!("{create}&AwsAccountId={THEIRS}&Permission=COLOUR"), "InvalidParameterValue"),
        (format!("{create}&AwsAccountId=7&Permission=EIP-ASSOCIATE"), "InvalidParameterValue"),
        (format!("{create}&Permission=EIP-ASSOCIATE"), "MissingParameter"),
        (format!("{create}&AwsService=x.amazonaws.com&Permission=EIP-ASSOCIATE"), "UnsupportedOperation"),
    ] {
        p.ec2.refused(&form, code).await;
    }
}
