//! `pintle subnet`.

use serde_json::{Value, json};

use crate::args::{Format, SubnetCommand, Switch};
use crate::client::Client;
use crate::output::{self, Column, text};

const COLUMNS: &[Column] = &[
    ("NAME", |s| text(s, "/name")),
    ("ID", |s| text(s, "/id")),
    ("CIDR", |s| text(s, "/cidr")),
    ("IPV6", |s| text(s, "/ipv6_cidr")),
    ("ZONE", |s| text(s, "/zone")),
    ("VPC", |s| text(s, "/vpc/name")),
    ("FREE", |s| text(s, "/free_addresses")),
    ("ACL", |s| text(s, "/network_acl/name")),
    ("PUBLIC GATEWAY", |s| text(s, "/public_gateway/name")),
];

const COLLECTION: &str = "/native/v1/subnets";

pub(super) async fn run(api: &Client, format: Format, command: SubnetCommand) -> anyhow::Result<()> {
    match command {
        SubnetCommand::Create { vpc, zone, cidr, name, ipv6, acl } => {
            let mut body = json!({ "vpc": vpc, "zone": zone, "cidr": cidr, "name": name, "network_acl": acl });
            if let Some(ipv6) = ipv6 {
                body["ipv6_cidr"] = Value::String(ipv6);
            }
            output::one(format, &api.post(COLLECTION, &body).await?, COLUMNS);
        }
        SubnetCommand::Set { subnet, name, ipv6, ipv6_assignment, auto_assign_ipv6, acl, public_gateway } => {
            let mut body = json!({});
            let switch = auto_assign_ipv6.map(|switch| json!(switch == Switch::On));
            let texts = [("name", name), ("ipv6_assignment", ipv6_assignment), ("network_acl", acl)];
            let plain = texts.map(|(field, value)| (field, value.map(Value::String)));
            let or_none = |text: String| if text == "none" { Value::Null } else { Value::String(text) };
            let removable = [("ipv6_cidr", ipv6), ("public_gateway", public_gateway)];
            let removable = removable.map(|(field, value)| (field, value.map(or_none)));
            for (field, value) in plain.into_iter().chain(removable).chain([("auto_assign_ipv6", switch)]) {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            output::one(format, &api.patch(&format!("{COLLECTION}/{subnet}"), &body).await?, COLUMNS);
        }
        SubnetCommand::List => output::list(format, api.native_list(COLLECTION).await?, COLUMNS),
        SubnetCommand::Get { subnet } => {
            output::one(format, &api.get(&format!("{COLLECTION}/{subnet}")).await?, COLUMNS);
        }
        SubnetCommand::Delete { subnet } => {
            let id = text(&api.get(&format!("{COLLECTION}/{subnet}")).await?, "/id");
            api.delete(&format!("{COLLECTION}/{id}")).await?;
            output::deleted(format, &id);
        }
    }
    Ok(())
}
