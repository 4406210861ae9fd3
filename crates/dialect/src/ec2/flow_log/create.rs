//! CreateFlowLogs: the same flow log for some things. What can't be done for one of them is said beside what was done for the
//! others; if it can't be done for any, the request is refused.

use pintle_core::command::CreateFlowLog;
use pintle_core::id::IdSource;
use pintle_core::model::{
    FileFormat, FlowDestination, FlowField, FlowLog, FlowLogTarget, ResourceType, Timestamp, TrafficType,
};
use pintle_core::refusal::Noun;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, DecideError, Refusal, Reply, Request, decide};

use super::show::traffic_name;
use super::{destination, format};
use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::found::Found;
use crate::ec2::ids::parse_id;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateFlowLogs", "whole for VPCs, subnets and interfaces; nothing is delivered yet", decode);

/// The most things that one request may name (EC2).
const MOST: usize = 300;

/// What is asked for each of the things.
#[derive(Debug, Clone)]
struct Asked {
    traffic: TrafficType,
    destination: FlowDestination,
    fields: Vec<FlowField>,
    interval: u16,
    files: FileFormat,
}

impl Asked {
    fn of(self, target: FlowLogTarget) -> CreateFlowLog {
        let Asked { traffic, destination, fields, interval, files } = self;
        CreateFlowLog { target, traffic, destination, fields, interval, files, collector: None }
    }
}

/// Things for which nothing was done, and why.
pub(super) type Unsuccessful = Vec<(String, Ec2Error)>;

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let caller = caller.clone();
    let targets = targets(params)?;
    let asked = Asked {
        traffic: traffic(params)?,
        destination: destination::read(params)?,
        fields: params
            .text("LogFormat")
            .map_or_else(|| Ok(FlowField::default_format()), |text| format::parse(&text))?,
        interval: interval(params)?,
        files: files(params)?,
    };
    tag_fields(params)?;
    params.tagged("vpc-flow-log", Noun::FlowLog)?;
    let token = params.client_token()?;
    let again = token.is_some();
    let failed = Found::new();
    let seen = failed.clone();
    Ok(Work::planned(
        &[ResourceType::FlowLogCollector],
        move |snapshot| {
            let (mut commands, mut every, mut unsuccessful) = (Vec::new(), Vec::new(), Unsuccessful::new());
            for target in &targets {
                let command = Command::CreateFlowLog(asked.clone().of(*target));
                every.push(command.clone());
                match judge(snapshot, &caller, &command)? {
                    Ok(()) => commands.push(command),
                    Err(refusal) => unsuccessful.push((target.to_string(), refusal.into())),
                }
            }
            if commands.is_empty() {
                match unsuccessful.first() {
                    // Perhaps this request has come before and made them: the core knows, and refuses otherwise.
                    _ if again => commands = every,
                    Some((_, first)) => return Err(first.clone()),
                    None => {}
                }
            }
            seen.keep(unsuccessful);
            Ok(Command::Batch(commands))
        },
        move |_, reply, xml| {
            let made = made(reply)?;
            let watched = |id: &str| made.iter().any(|log| log.target.to_string() == id);
            let failed = failed.take().unwrap_or_default();
            let failed = failed.iter().filter(|(id, _)| !watched(id));
            xml.option("clientToken", token);
            xml.values("flowLogIdSet", made.iter().map(|log| log.id));
            write_unsuccessful(xml, failed);
            Ok(())
        },
    ))
}

fn made(reply: Reply) -> Result<Vec<FlowLog>, Ec2Error> {
    let Reply::Batch(replies) = reply else { return Err(other_reply(&reply)) };
    let log = |reply| if let Reply::FlowLog(log) = reply { Ok(log) } else { Err(other_reply(&reply)) };
    replies.into_iter().map(log).collect()
}

/// Things for which nothing was done.
pub(super) fn write_unsuccessful<'a>(xml: &mut Xml, failed: impl IntoIterator<Item = &'a (String, Ec2Error)>) {
    xml.set("unsuccessful", failed, |xml, (id, error)| {
        xml.nest("error", |xml| {
            xml.text("code", &error.code);
            xml.text("message", &error.message);
        });
        xml.text("resourceId", id);
    });
}

/// Whether a command would be refused now. It is judged again with the others, all of them or none: this only tells beforehand
/// which are to be left out.
fn judge(snapshot: &dyn Snapshot, caller: &Caller, command: &Command) -> Result<Result<(), Refusal>, Ec2Error> {
    let request = Request::tenant(caller.owner(), command.clone());
    match decide(snapshot, Timestamp(0), &mut NoIds, request) {
        Ok(_) => Ok(Ok(())),
        Err(DecideError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}

/// What is judged and not carried out makes nothing, so it needs no id of its own.
struct NoIds;

impl IdSource for NoIds {
    fn bits(&mut self) -> u64 {
        0
    }
}

/// The things that the request names.
fn targets(params: &mut Params) -> Result<Vec<FlowLogTarget>, Ec2Error> {
    let kind = params.required_text("ResourceType")?;
    let target: fn(&str) -> Result<FlowLogTarget, Ec2Error> = match kind.as_str() {
        "VPC" => |text| parse_id(text).map(FlowLogTarget::Vpc),
        "Subnet" => |text| parse_id(text).map(FlowLogTarget::Subnet),
        "NetworkInterface" => |text| parse_id(text).map(FlowLogTarget::Vni),
        _ => {
            let rule = "Pintle has flow logs of VPC, Subnet and NetworkInterface.";
            return Err(Ec2Error::value("ResourceType", &kind, rule));
        }
    };
    let texts = params.texts("ResourceId")?;
    if texts.is_empty() {
        return Err(Ec2Error::missing("ResourceId"));
    }
    if texts.len() > MOST {
        let message = format!("A request may name at most {MOST} resources");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let mut targets = texts.iter().map(|text| target(text)).collect::<Result<Vec<_>, Ec2Error>>()?;
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

fn traffic(params: &mut Params) -> Result<TrafficType, Ec2Error> {
    let text = params.required_text("TrafficType")?;
    let kinds = [TrafficType::Accept, TrafficType::Reject, TrafficType::All];
    let found = kinds.into_iter().find(|kind| traffic_name(*kind) == text);
    found.ok_or_else(|| Ec2Error::value("TrafficType", &text, "It must be ACCEPT, REJECT or ALL."))
}

fn interval(params: &mut Params) -> Result<u16, Ec2Error> {
    match params.text("MaxAggregationInterval").as_deref() {
        None | Some("600") => Ok(600),
        Some("60") => Ok(60),
        Some(_) => Err(Ec2Error::new("InvalidParameter", "Invalid Flow Log Max Aggregation Interval")),
    }
}

fn files(params: &mut Params) -> Result<FileFormat, Ec2Error> {
    let read = params.structure("DestinationOptions", |options| {
        let parquet = match options.text("FileFormat").as_deref() {
            None | Some("plain-text") => false,
            Some("parquet") => true,
            Some(other) => return Err(Ec2Error::value("FileFormat", other, "It must be plain-text or parquet.")),
        };
        Ok(FileFormat {
            parquet,
            hive_partitions: options.flag("HiveCompatiblePartitions")?.unwrap_or(false),
            hourly: options.flag("PerHourPartition")?.unwrap_or(false),
        })
    })?;
    Ok(read.unwrap_or_default())
}

/// Fields that show tags are not built.
fn tag_fields(params: &mut Params) -> Result<(), Ec2Error> {
    let asked = params.list("TagFieldSpecification", |item| {
        item.texts("TagKey")?;
        Ok(item.text("ResourceType").unwrap_or_default())
    })?;
    match asked.first() {
        None => Ok(()),
        Some(kind) => {
            let message = format!("Tags of {} can't be fields of flow log records", short(kind));
            Err(Ec2Error::new("UnsupportedOperation", message))
        }
    }
}
