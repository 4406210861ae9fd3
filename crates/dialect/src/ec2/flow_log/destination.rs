//! Where a flow log's records go, and how EC2's parameters say it.

use pintle_core::model::{DestinationKind, FlowDestination};

use crate::ec2::error::{Ec2Error, short};
use crate::ec2::params::Params;

/// EC2's name of a kind of destination.
pub(super) fn kind_name(kind: DestinationKind) -> &'static str {
    match kind {
        DestinationKind::LogGroup => "cloud-watch-logs",
        DestinationKind::Bucket => "s3",
        DestinationKind::Stream => "kinesis-data-firehose",
    }
}

/// Reads where records are to go.
///
/// # Errors
/// `InvalidParameter` for parameters that don't go together, `InvalidParameterValue` for a name that is none.
pub(super) fn read(params: &mut Params) -> Result<FlowDestination, Ec2Error> {
    let kinds = [DestinationKind::LogGroup, DestinationKind::Bucket, DestinationKind::Stream];
    let kind = match params.text("LogDestinationType") {
        None => DestinationKind::LogGroup,
        Some(text) => kinds.into_iter().find(|kind| kind_name(*kind) == text).ok_or_else(|| {
            let rule = "It must be cloud-watch-logs, s3 or kinesis-data-firehose.";
            Ec2Error::value("LogDestinationType", &text, rule)
        })?,
    };
    let mut given = |name: &str| params.text(name).filter(|text| !text.is_empty());
    let (group, destination) = (given("LogGroupName"), given("LogDestination"));
    let (role, cross_account_role) = (given("DeliverLogsPermissionArn"), given("DeliverCrossAccountRole"));
    let name = match kind {
        DestinationKind::LogGroup => log_group(group, destination, role.as_deref())?,
        DestinationKind::Bucket | DestinationKind::Stream => {
            if group.is_some() {
                return Err(invalid("LogDestination type must be cloud-watch-logs if LogGroupName is provided."));
            }
            let name =
                destination.ok_or_else(|| invalid("LogDestination can't be empty if LogGroupName is not provided."))?;
            check_arn(kind, &name)?;
            name
        }
    };
    Ok(FlowDestination { kind, name, role, cross_account_role })
}

fn log_group(group: Option<String>, destination: Option<String>, role: Option<&str>) -> Result<String, Ec2Error> {
    if role.is_none() {
        return Err(invalid("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."));
    }
    match (group, destination) {
        (Some(_), Some(_)) => Err(invalid("Please only provide LogGroupName or only provide LogDestination.")),
        (Some(group), None) => Ok(group),
        (None, Some(arn)) => check_arn(DestinationKind::LogGroup, &arn).map(|()| arn),
        (None, None) => Err(invalid("LogDestination can't be empty if LogGroupName is not provided.")),
    }
}

fn invalid(message: &str) -> Ec2Error {
    Ec2Error::new("InvalidParameter", message)
}

/// That a name has the shape that names of its kind have. Whether there is such a place, only delivery would show.
fn check_arn(kind: DestinationKind, arn: &str) -> Result<(), Ec2Error> {
    let (service, what) = match kind {
        DestinationKind::LogGroup => ("logs", "log-group:"),
        DestinationKind::Bucket => ("s3", ""),
        DestinationKind::Stream => ("firehose", "deliverystream/"),
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let fits = |resource: &str| {
        // Firehose's documentation writes a colon, its names have a slash.
        let name = resource.strip_prefix(what).or_else(|| resource.strip_prefix(&what.replace('/', ":")));
        name.is_some_and(|name| !name.is_empty())
    };
    match parts[..] {
        ["arn", _, found, _, _, resource] if found == service && fits(resource) => Ok(()),
        _ => {
            let message = format!("LogDestination: {} is not the ARN of a destination of this type", short(arn));
            Err(Ec2Error::new("InvalidParameterValue", message))
        }
    }
}

/// The name of a log group, from its ARN if it was called by that.
pub(super) fn group_name(name: &str) -> &str {
    match name.split_once(":log-group:") {
        Some((_, rest)) => rest.strip_suffix(":*").unwrap_or(rest),
        None => name,
    }
}
