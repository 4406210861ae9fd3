//! ModifyInstanceAttribute: one attribute at a time.

use std::collections::BTreeMap;

use pintle_core::Command;
use pintle_core::command::{GroupsChange, UpdateInstance, UpdateVni};
use pintle_core::id::{InstanceId, SecurityGroupId, VniId};
use pintle_core::model::ResourceType;
use pintle_core::txn::Snapshot;

use super::notes;
use super::show::InstanceView;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::view::instance_for;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "ModifyInstanceAttribute",
    "type, protection, groups, source/destination check; user data and such are kept; no volumes",
    decode,
);

/// What is asked.
enum Ask {
    /// A change of the instance itself.
    Instance(UpdateInstance),
    /// A change of its only interface.
    SourceDestCheck(bool),
    /// Another set of groups for its only interface.
    Groups(Vec<SecurityGroupId>),
}

fn note(name: &str, text: impl Into<String>) -> Ask {
    let notes = BTreeMap::from([(name.to_owned(), Some(text.into()))]);
    Ask::Instance(UpdateInstance { notes, ..UpdateInstance::default() })
}

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let id: InstanceId = params.required_id("InstanceId")?;
    let mut asks = named(params)?.into_iter().collect::<Vec<_>>();
    let groups = params.ids::<SecurityGroupId>("GroupId")?;
    if !groups.is_empty() {
        asks.push(Ask::Groups(groups));
    }
    for name in NAMES {
        if let Some(text) = params.text(&format!("{}.Value", capital(name))) {
            asks.extend(ask(name, &text)?);
        }
    }
    let ask = match (asks.pop(), asks.is_empty()) {
        (Some(ask), true) => ask,
        (None, _) => return Err(Ec2Error::combination("No attributes specified.")),
        (Some(_), false) => return Err(Ec2Error::combination("Fields for multiple attribute types specified")),
    };
    let caller = caller.clone();
    Ok(Work::planned(
        &[ResourceType::Instance],
        move |snapshot| match &ask {
            Ask::Instance(update) => Ok(Command::UpdateInstance(id, update.clone())),
            Ask::SourceDestCheck(on) => {
                let update = UpdateVni { source_dest_check: Some(*on), ..UpdateVni::default() };
                Ok(Command::UpdateVni(only_interface(snapshot, &caller, id)?, update))
            }
            Ask::Groups(groups) => {
                Ok(Command::ChangeVniGroups(only_interface(snapshot, &caller, id)?, GroupsChange::Set(groups.clone())))
            }
        },
        |_, _, xml| {
            xml.done();
            Ok(())
        },
    ))
}

/// The attributes that have a value of their own.
const NAMES: &[&str] = &[
    "instanceType",
    "disableApiTermination",
    "disableApiStop",
    "sourceDestCheck",
    "userData",
    "instanceInitiatedShutdownBehavior",
    "ebsOptimized",
    "enaSupport",
    "sriovNetSupport",
    "kernel",
    "ramdisk",
];

fn capital(name: &str) -> String {
    name.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }).collect()
}

/// `Attribute` and `Value`, the older way to say it.
fn named(params: &mut Params) -> Result<Option<Ask>, Ec2Error> {
    let Some(name) = params.text("Attribute").filter(|name| !name.is_empty()) else { return Ok(None) };
    let Some(text) = params.text("Value") else { return Ok(None) };
    let found = ask(&name, &text)?;
    found.map(Some).ok_or_else(|| Ec2Error::value("Attribute", &name, "It can't be changed so."))
}

fn ask(name: &str, text: &str) -> Result<Option<Ask>, Ec2Error> {
    let flag = || match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Ec2Error::value(name, text, "It must be true or false.")),
    };
    let update = UpdateInstance::default();
    Ok(Some(match name {
        "instanceType" => Ask::Instance(UpdateInstance { kind: Some(text.to_owned()), ..update }),
        "disableApiTermination" => Ask::Instance(UpdateInstance { delete_protected: Some(flag()?), ..update }),
        "disableApiStop" => Ask::Instance(UpdateInstance { stop_protected: Some(flag()?), ..update }),
        "sourceDestCheck" => Ask::SourceDestCheck(flag()?),
        "userData" => note("user-data", notes::user_data(text.to_owned())?),
        "instanceInitiatedShutdownBehavior" => match text {
            "stop" | "terminate" => note("shutdown-behavior", text),
            _ => return Err(Ec2Error::value(name, text, "It must be stop or terminate.")),
        },
        "ebsOptimized" => note("ebs-optimized", flag()?.to_string()),
        "enaSupport" | "sriovNetSupport" | "kernel" | "ramdisk" => Ask::Instance(update),
        _ => return Ok(None),
    }))
}

/// The interface of an instance that has one only.
fn only_interface(snapshot: &dyn Snapshot, caller: &Caller, id: InstanceId) -> Result<VniId, Ec2Error> {
    let (instance, revision) = instance_for(snapshot, &caller.actor(), id)?;
    let view = InstanceView::of(snapshot, instance, revision)?;
    match &view.interfaces[..] {
        [only] => Ok(only.view.vni.id),
        [] => Err(Ec2Error::new("IncorrectState", format!("No interfaces are attached to instance '{id}'"))),
        _ => {
            let message = format!(
                "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
            );
            Err(Ec2Error::new("InvalidInstanceID", message))
        }
    }
}
