//! CreateNetworkInterfacePermission, DeleteNetworkInterfacePermission, DescribeNetworkInterfacePermissions.

use pintle_core::command::CreateVniPermission;
use pintle_core::id::{VniId, VniPermissionId};
use pintle_core::model::{AccountId, Tags, VniPermission, VniUse};
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply, record};

use crate::ec2::caller::Caller;
use crate::ec2::describe::{self, Resource, gathered, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;
use crate::view::Plain;

pub(in crate::ec2) const CREATE: Operation = Operation::change(
    "CreateNetworkInterfacePermission",
    "lets another account of the region attach the interface to its instance, or lead its address to it",
    create,
);

pub(in crate::ec2) const DELETE: Operation = Operation::change(
    "DeleteNetworkInterfacePermission",
    "whole; with Force also while it is made use of, which stays as it is",
    |params, _| {
        let id = params.required_id("NetworkInterfacePermissionId")?;
        let force = params.flag("Force")?.unwrap_or(false);
        Ok(Work::done(Command::RevokeVniPermission { id, force }))
    },
);

pub(in crate::ec2) const DESCRIBE: Operation = Operation::read(
    "DescribeNetworkInterfacePermissions",
    "whole; revoked ones until they are given anew or their interface goes",
    |params, caller| describe::list::<PermissionView>(params, caller, 5),
);

fn create(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let vni = params.required_id("NetworkInterfaceId")?;
    let account: Option<AccountId> = params.parsed("AwsAccountId", "an account's 12 digits")?;
    if params.text("AwsService").is_some() {
        return Err(Ec2Error::unsupported("AwsService", "permissions are for accounts"));
    }
    let account = account.ok_or_else(|| Ec2Error::missing("AwsAccountId"))?;
    let allows = match params.required_text("Permission")?.as_str() {
        "INSTANCE-ATTACH" => VniUse::Attach,
        "EIP-ASSOCIATE" => VniUse::Associate,
        other => return Err(Ec2Error::value("Permission", other, "It must be INSTANCE-ATTACH or EIP-ASSOCIATE.")),
    };
    let command = Command::CreateVniPermission(CreateVniPermission { vni, account, allows });
    Ok(Work::change(command, |_, reply, xml| {
        let Reply::VniPermission(made) = reply else { return Err(other_reply(&reply)) };
        xml.nest("interfacePermission", |xml| write(&made, xml));
        Ok(())
    }))
}

/// EC2's name of a use.
fn name(allows: VniUse) -> &'static str {
    match allows {
        VniUse::Attach => "INSTANCE-ATTACH",
        VniUse::Associate => "EIP-ASSOCIATE",
    }
}

fn write(permission: &VniPermission, xml: &mut Xml) {
    xml.text("networkInterfacePermissionId", permission.id);
    xml.text("networkInterfaceId", permission.vni);
    xml.text("awsAccountId", permission.account);
    xml.text("permission", name(permission.allows));
    let state = if permission.revoked { "revoked" } else { "granted" };
    xml.nest("permissionState", |xml| xml.text("state", state));
}

type PermissionView = Plain<VniPermission>;
type Def = FilterDef<PermissionView>;

const OWN_ID: &str = "network-interface-permission.network-interface-permission-id";
const INTERFACE: &str = "network-interface-permission.network-interface-id";

const FILTERS: &[Def] = &[
    Def { name: OWN_ID, values: |v, _| vec![v.record.id.to_string()] },
    Def { name: INTERFACE, values: |v, _| vec![v.record.vni.to_string()] },
    Def { name: "network-interface-permission.aws-account-id", values: |v, _| vec![v.record.account.to_string()] },
    Def { name: "network-interface-permission.aws-service", values: |_, _| Vec::new() },
    Def { name: "network-interface-permission.permission", values: |v, _| vec![name(v.record.allows).to_owned()] },
];

impl Resource for PermissionView {
    const SET: &'static str = "networkInterfacePermissions";
    const IDS: &'static str = "NetworkInterfacePermissionId";
    const FILTERS: &'static [Def] = FILTERS;
    const PAGE: usize = 255;

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<VniPermissionId>>, Ec2Error> {
        if let Some(ids) = filters.exact(OWN_ID) {
            return Ok(Some(parsed(&ids)));
        }
        if let Some(ids) = filters.exact(INTERFACE) {
            let vnis: Vec<VniId> = parsed(&ids);
            return gathered(snapshot, &vnis, |id| record::permissions_of_vni(*id)).map(Some);
        }
        Ok(None)
    }

    fn write(&self, xml: &mut Xml, _: &Caller, _: &Tags) {
        write(&self.record, xml);
    }
}
