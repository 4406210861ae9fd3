//! What clients ask around instances, of things that there are none of here: the truth is short.

use std::collections::BTreeMap;

use pintle_core::command::UpdateInstance;
use pintle_core::id::InstanceId;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::describe::find;
use super::notes::{self, or};
use super::show::InstanceView;
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;

pub(in crate::ec2) const KEY_PAIRS: Operation =
    Operation::read("DescribeKeyPairs", "there are none: key names are kept with instances only", |params, _| {
        params.leave("IncludePublicKey");
        nothing(
            params,
            &[
                ("KeyName", "InvalidKeyPair.NotFound", "key pair"),
                ("KeyPairId", "InvalidKeyPair.NotFound", "key pair ID"),
            ],
            "keySet",
        )
    });

pub(in crate::ec2) const VOLUMES: Operation = Operation::read("DescribeVolumes", "there are none", |params, _| {
    params.leave("IncludeManagedResources");
    nothing(params, &[("VolumeId", "InvalidVolume.NotFound", "volume")], "volumeSet")
});

pub(in crate::ec2) const PROFILE_ASSOCIATIONS: Operation = Operation::read(
    "DescribeIamInstanceProfileAssociations",
    "there are none: profiles are kept with instances only",
    |params, _| {
        nothing(
            params,
            &[("AssociationId", "InvalidAssociationID.NotFound", "association ID")],
            "iamInstanceProfileAssociationSet",
        )
    },
);

pub(in crate::ec2) const PLACEMENT_GROUPS: Operation =
    Operation::read("DescribePlacementGroups", "there are none", |params, _| {
        nothing(
            params,
            &[
                ("GroupName", "InvalidPlacementGroup.Unknown", "Placement Group"),
                ("GroupId", "InvalidPlacementGroupId.NotFound", "placement group ID"),
            ],
            "placementGroupSet",
        )
    });

/// An empty set, and an error for whoever names one of what there is none of.
fn nothing(params: &mut Params, ids: &[(&str, &'static str, &str)], set: &'static str) -> Result<Work, Ec2Error> {
    for name in ["Filter", "MaxResults", "NextToken"] {
        params.leave(name);
    }
    for (parameter, code, what) in ids {
        if let Some(name) = params.texts(parameter)?.first() {
            return Err(Ec2Error::new(*code, format!("The {what} '{}' does not exist", short(name))));
        }
    }
    Ok(Work::read(move |_, xml| {
        xml.empty(set);
        Ok(())
    }))
}

pub(in crate::ec2) const CREDITS: Operation = Operation::read(
    "DescribeInstanceCreditSpecifications",
    "what was said at launch; processors are not metered",
    credits,
);

fn credits(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    for name in ["Filter", "MaxResults", "NextToken"] {
        params.leave(name);
    }
    let (ids, caller) = (params.ids::<InstanceId>("InstanceId")?, caller.clone());
    Ok(Work::read(move |snapshot, xml| {
        let mut shown = Vec::with_capacity(ids.len());
        for id in &ids {
            let view = find(snapshot, &caller, *id)?.ok_or_else(|| not_found(Noun::Instance, &id.to_string()))?;
            if !view.instance.instance_type().is_some_and(|kind| kind.burstable) {
                let message = format!("The instance '{id}' is not of a burstable performance type");
                return Err(Ec2Error::new("InstanceCreditSpecification.NotSupported", message));
            }
            let unlimited = view.instance.kind.as_deref().is_some_and(|kind| !kind.starts_with("t2."));
            let default = if unlimited { "unlimited" } else { "standard" };
            shown.push((*id, or(&view.notes, "cpu-credits", default).to_owned()));
        }
        xml.set("instanceCreditSpecificationSet", shown, |xml, (id, credits)| {
            xml.text("instanceId", id);
            xml.text("cpuCredits", credits);
        });
        Ok(())
    }))
}

pub(in crate::ec2) const MONITOR: Operation =
    Operation::change("MonitorInstances", "kept and shown", |params, _| monitor(params, true));

pub(in crate::ec2) const UNMONITOR: Operation =
    Operation::change("UnmonitorInstances", "kept and shown", |params, _| monitor(params, false));

fn noted(id: InstanceId, notes: impl IntoIterator<Item = (String, String)>) -> Command {
    let notes: BTreeMap<_, _> = notes.into_iter().map(|(name, text)| (name, Some(text))).collect();
    Command::UpdateInstance(id, UpdateInstance { notes, ..UpdateInstance::default() })
}

fn monitor(params: &mut Params, on: bool) -> Result<Work, Ec2Error> {
    params.leave("MetricCategoryId");
    let ids = params.ids::<InstanceId>("InstanceId")?;
    if ids.is_empty() {
        return Err(Ec2Error::missing("InstanceId"));
    }
    let command =
        Command::Batch(ids.iter().map(|id| noted(*id, [("monitoring".to_owned(), on.to_string())])).collect());
    Ok(Work::change(command, move |_, _, xml| {
        xml.set("instancesSet", ids, |xml, id| {
            xml.text("instanceId", id);
            xml.nest("monitoring", |xml| xml.text("state", if on { "enabled" } else { "disabled" }));
        });
        Ok(())
    }))
}

pub(in crate::ec2) const METADATA_OPTIONS: Operation =
    Operation::change("ModifyInstanceMetadataOptions", "kept and shown; there is no metadata service", |params, _| {
        let id: InstanceId = params.required_id("InstanceId")?;
        let command = noted(id, notes::of_metadata(params)?);
        Ok(Work::change(command, move |snapshot, reply, xml| {
            let Reply::Instance(instance) = reply else { return Err(other_reply(&reply)) };
            let notes = query::instance_notes(snapshot, instance.id)?;
            xml.text("instanceId", id);
            notes::write_metadata(xml, "instanceMetadataOptions", &notes);
            Ok(())
        }))
    });

pub(in crate::ec2) const MAINTENANCE_OPTIONS: Operation =
    Operation::change("ModifyInstanceMaintenanceOptions", "kept and shown", |params, _| {
        let id: InstanceId = params.required_id("InstanceId")?;
        params.leave("RebootMigration");
        let recovery = params.text("AutoRecovery").unwrap_or_else(|| "default".to_owned());
        if !matches!(recovery.as_str(), "default" | "disabled") {
            return Err(Ec2Error::value("AutoRecovery", &recovery, "It must be default or disabled."));
        }
        let command = noted(id, [("auto-recovery".to_owned(), recovery.clone())]);
        Ok(Work::change(command, move |_, _, xml| {
            xml.text("instanceId", id);
            xml.text("autoRecovery", recovery);
            Ok(())
        }))
    });

pub(in crate::ec2) const CREDIT_SPECIFICATION: Operation =
    Operation::change("ModifyInstanceCreditSpecification", "kept and shown", |params, _| {
        params.client_token()?;
        let wanted = params.few("InstanceCreditSpecification", |item| {
            let id: InstanceId = item.required_id("InstanceId")?;
            let credits = item.required_text("CpuCredits")?;
            if !matches!(credits.as_str(), "standard" | "unlimited") {
                return Err(Ec2Error::value("CpuCredits", &credits, "It must be standard or unlimited."));
            }
            Ok((id, credits))
        })?;
        // Of one that is named twice, what is said last.
        let wanted: BTreeMap<InstanceId, String> = wanted.into_iter().collect();
        let ids: Vec<InstanceId> = wanted.keys().copied().collect();
        let commands = wanted.into_iter().map(|(id, credits)| noted(id, [("cpu-credits".to_owned(), credits)]));
        Ok(Work::change(Command::Batch(commands.collect()), move |_, _, xml| {
            xml.set("successfulInstanceCreditSpecificationSet", ids, |xml, id| xml.text("instanceId", id));
            xml.empty("unsuccessfulInstanceCreditSpecificationSet");
            Ok(())
        }))
    });

pub(in crate::ec2) const CONSOLE: Operation =
    Operation::read("GetConsoleOutput", "instances have no console", |params, caller| {
        params.leave("Latest");
        empty_of(params, caller, |_| &["output"])
    });

pub(in crate::ec2) const PASSWORD: Operation =
    Operation::read("GetPasswordData", "instances have no password", |params, caller| {
        empty_of(params, caller, |_| &["passwordData"])
    });

fn empty_of(
    params: &mut Params,
    caller: &Caller,
    names: fn(&InstanceView) -> &'static [&'static str],
) -> Result<Work, Ec2Error> {
    let (id, caller): (InstanceId, _) = (params.required_id("InstanceId")?, caller.clone());
    Ok(Work::read(move |snapshot, xml| {
        let view = find(snapshot, &caller, id)?.ok_or_else(|| not_found(Noun::Instance, &id.to_string()))?;
        xml.text("instanceId", id);
        xml.time("timestamp", caller.now);
        names(&view).iter().for_each(|name| xml.empty(name));
        Ok(())
    }))
}
