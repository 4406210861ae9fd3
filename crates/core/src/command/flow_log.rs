//! What is asked of flow logs.

use crate::model::{FileFormat, FlowDestination, FlowField, FlowLog, FlowLogTarget, TrafficType};

/// Creates a flow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateFlowLog {
    /// What it watches.
    pub target: FlowLogTarget,
    /// Which traffic.
    pub traffic: TrafficType,
    /// Where its records go.
    pub destination: FlowDestination,
    /// What is in a record, in this order; never empty.
    pub fields: Vec<FlowField>,
    /// The longest time that one record covers, in seconds: 60 or 600.
    pub interval: u16,
    /// How its files are made, where its destination takes files.
    pub files: FileFormat,
    /// What IBM's API says beside that; `None`: EC2's asks.
    pub collector: Option<NewCollector>,
}

/// What is said of a flow log that is to be the only one of what it watches (IBM's collectors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCollector {
    /// Its name; made up when absent.
    pub name: Option<String>,
    /// Whether it records.
    pub active: bool,
}

/// Changes a flow log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateFlowLog {
    /// A new name.
    pub name: Option<String>,
    /// Whether it records from now on.
    pub active: Option<bool>,
}

impl CreateFlowLog {
    /// Whether a flow log already does just this, in whatever portions.
    pub fn is(&self, log: &FlowLog) -> bool {
        self.target == log.target
            && self.traffic == log.traffic
            && self.destination == log.destination
            && self.fields == log.fields
    }
}
