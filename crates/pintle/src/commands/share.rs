//! `pintle share`.

use serde_json::{Value, json};

use super::group::count;
use crate::args::{Format, ShareCommand};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |s| text(s, "/name")),
    ("ID", |s| text(s, "/id")),
    ("ZONE", |s| text(s, "/zone")),
    ("HOST", |s| text(s, "/host/name")),
    ("GB", |s| text(s, "/size_gb")),
    ("IOPS", |s| text(s, "/iops")),
    ("MOUNT TARGETS", |s| count(s, "mount_targets")),
    ("STATE", |s| text(s, "/lifecycle")),
];

const TARGETS: &[Column] = &[
    ("MOUNT TARGET", |t| text(t, "/name")),
    ("ID", |t| text(t, "/id")),
    ("VPC", |t| text(t, "/vpc/name")),
    ("INTERFACE", |t| text(t, "/virtual_network_interface/name")),
    ("PATH", |t| text(t, "/mount_path")),
    ("STATE", |t| text(t, "/lifecycle")),
    ("REASON", |t| text(t, "/failure")),
];

const COLLECTION: &str = "/native/v1/shares";
/// The zone that hosts and subnets are in unless told otherwise.
const DEFAULT_ZONE: &str = "local-1";

pub(super) async fn run(api: &Client, format: Format, command: ShareCommand) -> anyhow::Result<()> {
    match command {
        ShareCommand::Create { size, name, zone, host, iops, owner: (uid, gid) } => {
            let zone = zone.or_else(|| host.is_none().then(|| DEFAULT_ZONE.to_owned()));
            let mut body = json!({ "name": name, "zone": zone, "host": host, "size_gb": size, "iops": iops });
            (body["uid"], body["gid"]) = (json!(uid), json!(gid));
            output::one(format, &api.post(COLLECTION, &body).await?, COLUMNS);
        }
        ShareCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        ShareCommand::Get { share } => show(format, &api.get(&format!("{COLLECTION}/{share}")).await?),
        ShareCommand::Delete { share } => {
            let id = text(&api.get(&format!("{COLLECTION}/{share}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
        ShareCommand::Mount { share, vni, subnet, address, name } => {
            let mut body = json!({ "name": name });
            match subnet {
                Some(subnet) => body["new"] = json!({ "subnet": subnet, "address": address }),
                None => body["vni"] = json!(vni),
            }
            let made = api.post(&format!("{COLLECTION}/{share}/mount_targets"), &body).await?;
            output::one(format, &made, TARGETS);
        }
        ShareCommand::Unmount { share, target } => {
            api.delete(&format!("{COLLECTION}/{share}/mount_targets/{target}")).await?;
            output::deleted(format, &target);
        }
    }
    Ok(())
}

fn show(format: Format, share: &Value) {
    output::one(format, share, COLUMNS);
    output::children(format, share, "mount_targets", TARGETS);
}
