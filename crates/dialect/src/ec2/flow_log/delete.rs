//! DeleteFlowLogs: those that there are; the others are named beside. If there is none of them, the request is refused.

use pintle_core::id::FlowLogId;
use pintle_core::model::{FlowLog, ResourceType};
use pintle_core::{Command, DecideError, query};

use super::create::{Unsuccessful, write_unsuccessful};
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::found::Found;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change("DeleteFlowLogs", "whole", decode);

/// The most that one request may name (EC2).
const MOST: usize = 1000;

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let mut ids: Vec<FlowLogId> = params.ids("FlowLogId")?;
    if ids.is_empty() {
        return Err(Ec2Error::missing("FlowLogId"));
    }
    if ids.len() > MOST {
        return Err(Ec2Error::new("InvalidParameterValue", format!("A request may name at most {MOST} flow logs")));
    }
    ids.sort_unstable();
    ids.dedup();
    let by = caller.actor();
    let failed = Found::new();
    let seen = failed.clone();
    Ok(Work::planned(
        &[ResourceType::FlowLogCollector],
        move |snapshot| {
            let (mut commands, mut absent) = (Vec::new(), Vec::new());
            for id in &ids {
                match query::get_for::<FlowLog>(snapshot, &by, *id) {
                    Ok(_) => commands.push(Command::DeleteFlowLog(*id)),
                    Err(DecideError::Refused(_)) => absent.push(id.to_string()),
                    Err(error) => return Err(error.into()),
                }
            }
            if commands.is_empty() {
                return Err(not_found(&absent));
            }
            let unsuccessful: Unsuccessful = absent.into_iter().map(|id| (id.clone(), not_found(&[id]))).collect();
            seen.keep(unsuccessful);
            Ok(Command::Batch(commands))
        },
        move |_, _, xml| {
            write_unsuccessful(xml, &failed.take().unwrap_or_default());
            Ok(())
        },
    ))
}

fn not_found(ids: &[String]) -> Ec2Error {
    let message =
        format!("These flow log ids in the input list are not found: [TotalCount: {}] {}", ids.len(), ids.join(", "));
    Ec2Error::new("InvalidFlowLogId.NotFound", message)
}
