//! What an id names, told from its text alone: for tags, which any thing may have, and for answers that are looked up again.

use crate::command::Reply;
use crate::draft::{Draft, parse_id};
use crate::id::SshKeyId;
use crate::id::{AttachmentId, InstanceId, NetworkAclId, PrefixListId, ReservedIpId, SecurityGroupId};
use crate::id::{DhcpOptionSetId, SubnetReservationId};
use crate::id::{FloatingIpId, FlowLogId, PublicGatewayId, RuleId, SubnetId, VniId, VpcId};
use crate::id::{InternetGatewayId, RouteTableId, ShareId};
use crate::model::SshKey;
use crate::model::{Attachment, Instance, Owner, ReservedIp, Subnet, Vni, Vpc};
use crate::model::{DhcpOptionSet, SubnetReservation};
use crate::model::{FloatingIp, FlowLog, NetworkAcl, PrefixList, PublicGateway, SecurityGroup};
use crate::model::{InternetGateway, RouteTable, Share};
use crate::record::{self, Record};
use crate::refusal::{DecideError, Noun, Refusal};

macro_rules! things {
    ($($thing:ident, $id:ident;)*) => {
        /// What the thing with this id is; `None`: no id of anything that has an owner.
        pub fn noun_of(id: &str) -> Option<Noun> {
            $(if id.parse::<$id>().is_ok() { return Some($thing::NOUN); })*
            id.parse::<RuleId>().is_ok().then_some(Noun::SecurityGroupRule)
        }

        /// What the keys of a noun's records begin with; empty for what is no record of its own.
        pub(crate) fn kind_of(noun: Noun) -> &'static str {
            $(if noun == $thing::NOUN { return $thing::KIND; })*
            ""
        }

        /// Whose the thing with this id is, relied upon, if it exists for who asks.
        pub(crate) fn owner_of(draft: &mut Draft<'_>, id: &str) -> Result<Option<Owner>, DecideError> {
            $(if let Ok(id) = id.parse::<$id>() {
                return Ok(draft.find::<$thing>(id)?.and_then(|found| found.owner().cloned()));
            })*
            if let Ok(rule) = id.parse() { owner_of_rule(draft, rule) } else { Ok(None) }
        }

        /// The thing with this id as commands answer with it, relied upon.
        pub(crate) fn reply_of(draft: &mut Draft<'_>, id: &str) -> Result<Reply, DecideError> {
            $(if let Ok(id) = id.parse::<$id>() { return Ok(Reply::$thing(draft.get::<$thing>(id)?)); })*
            Err(Refusal::NotFound { noun: Noun::Resource, id: id.to_owned() }.into())
        }

        impl Reply {
            /// The id of what it carries, if that belongs to somebody.
            pub fn id(&self) -> Option<String> {
                match self {
                    $(Reply::$thing(found) => Some(found.id.to_string()),)*
                    _ => None,
                }
            }
        }
    };
}

things! {
    Vpc, VpcId;
    Subnet, SubnetId;
    ReservedIp, ReservedIpId;
    Vni, VniId;
    Instance, InstanceId;
    Attachment, AttachmentId;
    SecurityGroup, SecurityGroupId;
    NetworkAcl, NetworkAclId;
    PrefixList, PrefixListId;
    FlowLog, FlowLogId;
    FloatingIp, FloatingIpId;
    PublicGateway, PublicGatewayId;
    InternetGateway, InternetGatewayId;
    RouteTable, RouteTableId;
    SubnetReservation, SubnetReservationId;
    DhcpOptionSet, DhcpOptionSetId;
    SshKey, SshKeyId;
    Share, ShareId;
}

/// Whose a rule of a security group is, which is part of its group's record.
fn owner_of_rule(draft: &mut Draft<'_>, rule: RuleId) -> Result<Option<Owner>, DecideError> {
    let key = record::group_of_rule_key(rule);
    let Some(value) = draft.raw(&key)? else { return Ok(None) };
    Ok(draft.find::<SecurityGroup>(parse_id(&key, &value)?)?.map(|group| group.owner))
}
