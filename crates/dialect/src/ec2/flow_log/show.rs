//! A flow log as EC2 shows it.

use pintle_core::id::FlowLogId;
use pintle_core::model::{DestinationKind, FlowLog, FlowLogTarget, Tags, TrafficType};
use pintle_core::txn::Snapshot;
use pintle_core::{query, record};

use super::destination::{group_name, kind_name};
use super::format;
use crate::ec2::caller::Caller;
use crate::ec2::describe::{Resource, parsed};
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::xml::Xml;
use crate::view::Plain;

/// Hosts do not write records yet, so no flow log has delivered any. EC2 has this word, and a text of its own, for a delivery
/// that does not come about.
const DELIVERY: &str = "FAILED";
const DELIVERY_ERROR: &str = "Unknown error: this server does not deliver flow log records yet";

/// EC2's word for the traffic that is recorded.
pub(super) fn traffic_name(traffic: TrafficType) -> &'static str {
    match traffic {
        TrafficType::Accept => "ACCEPT",
        TrafficType::Reject => "REJECT",
        TrafficType::All => "ALL",
    }
}

fn log_group(log: &FlowLog) -> Option<&str> {
    (log.destination.kind == DestinationKind::LogGroup).then(|| group_name(&log.destination.name))
}

type Def = FilterDef<Plain<FlowLog>>;

impl Resource for Plain<FlowLog> {
    const SET: &'static str = "flowLogSet";
    const IDS: &'static str = "FlowLogId";
    const FILTERS: &'static [Def] = &[
        Def { name: "deliver-log-status", values: |_, _| vec![DELIVERY.to_owned()] },
        Def { name: "flow-log-id", values: |log, _| vec![log.record.id.to_string()] },
        Def { name: "log-destination-type", values: |log, _| vec![kind_name(log.record.destination.kind).to_owned()] },
        Def {
            name: "log-group-name",
            values: |log, _| log_group(&log.record).map(str::to_owned).into_iter().collect(),
        },
        Def { name: "resource-id", values: |log, _| vec![log.record.target.to_string()] },
        Def { name: "traffic-type", values: |log, _| vec![traffic_name(log.record.traffic).to_owned()] },
    ];

    fn candidates(snapshot: &dyn Snapshot, filters: &Filters) -> Result<Option<Vec<FlowLogId>>, Ec2Error> {
        if let Some(ids) = filters.exact("flow-log-id") {
            return Ok(Some(parsed(&ids)));
        }
        let Some(texts) = filters.exact("resource-id") else { return Ok(None) };
        let mut found = Vec::new();
        for target in texts.into_iter().filter_map(target) {
            found.extend(query::index::<FlowLogId>(snapshot, &record::flow_logs_of(target))?);
        }
        Ok(Some(found))
    }

    fn write(&self, xml: &mut Xml, _: &Caller, tags: &Tags) {
        let log = &self.record;
        xml.time("creationTime", log.created_at);
        xml.text("deliverLogsErrorMessage", DELIVERY_ERROR);
        xml.option("deliverLogsPermissionArn", log.destination.role.as_ref());
        xml.option("deliverCrossAccountRole", log.destination.cross_account_role.as_ref());
        xml.text("deliverLogsStatus", DELIVERY);
        xml.text("flowLogId", log.id);
        xml.text("flowLogStatus", "ACTIVE");
        xml.option("logGroupName", log_group(log));
        xml.text("resourceId", log.target);
        xml.text("trafficType", traffic_name(log.traffic));
        xml.text("logDestinationType", kind_name(log.destination.kind));
        let arn = Some(&log.destination.name).filter(|name| name.starts_with("arn:"));
        xml.option("logDestination", arn);
        xml.text("logFormat", format::write(&log.fields));
        xml.tags(tags);
        xml.text("maxAggregationInterval", log.interval);
        xml.nest("destinationOptions", |xml| {
            xml.text("fileFormat", if log.files.parquet { "parquet" } else { "plain-text" });
            xml.text("hiveCompatiblePartitions", log.files.hive_partitions);
            xml.text("perHourPartition", log.files.hourly);
        });
    }
}

/// What an id says that a flow log watches.
fn target(text: &str) -> Option<FlowLogTarget> {
    let vpc = text.parse().map(FlowLogTarget::Vpc).ok();
    vpc.or_else(|| text.parse().map(FlowLogTarget::Subnet).ok()).or_else(|| text.parse().map(FlowLogTarget::Vni).ok())
}
