//! StartInstances, StopInstances, RebootInstances, TerminateInstances.

use pintle_core::command::InstancesChange;
use pintle_core::id::InstanceId;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply};

use super::state::State;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Class, Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::view::instance_for;

pub(in crate::ec2) const START: Operation = change("StartInstances", |params, _| {
    params.leave("AdditionalInfo");
    decode(params, InstancesChange::Start)
});

pub(in crate::ec2) const STOP: Operation = change("StopInstances", |params, _| {
    left(params)?;
    decode(params, InstancesChange::Stop)
});

pub(in crate::ec2) const TERMINATE: Operation = change("TerminateInstances", |params, _| {
    left(params)?;
    decode(params, InstancesChange::Delete)
});

pub(in crate::ec2) const REBOOT: Operation = Operation::read(
    "RebootInstances",
    "checks the ids: what runs in an instance is not Pintle's, and its interfaces stay as they are",
    reboot,
);

const fn change(name: &'static str, decode: fn(&mut Params, &Caller) -> Result<Work, Ec2Error>) -> Operation {
    Operation {
        class: Class::Instance,
        ..Operation::change(name, "whole: several at once, all of them or none", decode)
    }
}

/// What concerns the guest's operating system, which is not Pintle's.
fn left(params: &mut Params) -> Result<(), Ec2Error> {
    for name in ["Force", "Hibernate", "SkipOsShutdown"] {
        params.flag(name)?;
    }
    Ok(())
}

fn ids(params: &mut Params) -> Result<Vec<InstanceId>, Ec2Error> {
    let ids = params.ids::<InstanceId>("InstanceId")?;
    if ids.is_empty() { Err(Ec2Error::missing("InstanceId")) } else { Ok(ids) }
}

fn decode(params: &mut Params, change: InstancesChange) -> Result<Work, Ec2Error> {
    let command = Command::ChangeInstances(ids(params)?, change);
    Ok(Work::change(command, |_, reply, xml| {
        let Reply::InstanceChanges(changes) = reply else { return Err(other_reply(&reply)) };
        xml.set("instancesSet", changes, |xml, change| {
            xml.text("instanceId", change.after.id);
            State::of(&change.after, change.departed).write(xml, "currentState");
            State::of(&change.before, change.departed).write(xml, "previousState");
        });
        Ok(())
    }))
}

fn reboot(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let (ids, caller) = (ids(params)?, caller.clone());
    Ok(Work::read(move |snapshot, xml| {
        for id in &ids {
            runs(snapshot, &caller, *id)?;
        }
        xml.done();
        Ok(())
    }))
}

fn runs(snapshot: &dyn Snapshot, caller: &Caller, id: InstanceId) -> Result<(), Ec2Error> {
    let (instance, _) = instance_for(snapshot, &caller.actor(), id)?;
    match State::of(&instance, false) {
        State::Pending | State::Running => Ok(()),
        _ => {
            let message = format!("The instance '{id}' is not in a state from which it can be rebooted.");
            Err(Ec2Error::new("IncorrectInstanceState", message))
        }
    }
}
