//! What may pass an interface and how fast, as requests and replies have it.

use std::str::FromStr;

use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::{ProtocolStateFiltering, SecurityGroup, VniLimits};
use pintle_core::policy::FlowTimeouts;
use pintle_core::txn::Snapshot;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::view::resolve_within;

/// Protocol state filtering as requests and replies write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filtering(pub(super) ProtocolStateFiltering);

impl FromStr for Filtering {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Filtering(ProtocolStateFiltering::Auto)),
            "enabled" => Ok(Filtering(ProtocolStateFiltering::Enabled)),
            "disabled" => Ok(Filtering(ProtocolStateFiltering::Disabled)),
            _ => Err("it must be one of 'auto', 'enabled' and 'disabled'"),
        }
    }
}

impl Filtering {
    pub(super) fn label(self) -> &'static str {
        match self.0 {
            ProtocolStateFiltering::Auto => "auto",
            ProtocolStateFiltering::Enabled => "enabled",
            ProtocolStateFiltering::Disabled => "disabled",
        }
    }
}

/// Idle times of flows, in seconds; what is left out has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    tcp_established: Option<u32>,
    udp_stream: Option<u32>,
    udp: Option<u32>,
}

impl From<Timeouts> for FlowTimeouts {
    fn from(given: Timeouts) -> Self {
        let usual = FlowTimeouts::default();
        FlowTimeouts {
            tcp_established: given.tcp_established.unwrap_or(usual.tcp_established),
            udp_stream: given.udp_stream.unwrap_or(usual.udp_stream),
            udp: given.udp.unwrap_or(usual.udp),
        }
    }
}

impl From<FlowTimeouts> for Timeouts {
    fn from(timeouts: FlowTimeouts) -> Self {
        Timeouts {
            tcp_established: Some(timeouts.tcp_established),
            udp_stream: Some(timeouts.udp_stream),
            udp: Some(timeouts.udp),
        }
    }
}

/// Limits in kilobits per second; what is left out or `null` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    egress_kbps: Option<u32>,
    ingress_kbps: Option<u32>,
    #[serde(default)]
    priority: u8,
}

impl From<Limits> for VniLimits {
    fn from(Limits { egress_kbps, ingress_kbps, priority }: Limits) -> Self {
        VniLimits { egress_kbps, ingress_kbps, priority }
    }
}

impl From<VniLimits> for Limits {
    fn from(VniLimits { egress_kbps, ingress_kbps, priority }: VniLimits) -> Self {
        Limits { egress_kbps, ingress_kbps, priority }
    }
}

/// Groups by id or name, names looked for in one VPC.
pub(super) fn groups(snapshot: &dyn Snapshot, vpc: VpcId, texts: &[String]) -> Result<Vec<SecurityGroupId>, Problem> {
    texts.iter().map(|text| resolve_within::<SecurityGroup>(snapshot, text, Some(vpc))).collect()
}
