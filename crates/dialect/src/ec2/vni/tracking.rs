//! How long idle flows are remembered: `ConnectionTrackingSpecification`.

use pintle_core::policy::FlowTimeouts;

use crate::ec2::error::Ec2Error;
use crate::ec2::params::Params;

/// Timeouts that a request names, in seconds; the others stay as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracking {
    tcp_established: Option<u32>,
    udp_stream: Option<u32>,
    udp: Option<u32>,
}

impl Tracking {
    /// All timeouts, with these for the ones that are named.
    pub(super) fn onto(self, before: FlowTimeouts) -> FlowTimeouts {
        FlowTimeouts {
            tcp_established: self.tcp_established.unwrap_or(before.tcp_established),
            udp_stream: self.udp_stream.unwrap_or(before.udp_stream),
            udp: self.udp.unwrap_or(before.udp),
        }
    }
}

/// Reads the timeouts of a request, if it has any.
///
/// # Errors
/// `InvalidParameterValue` outside of EC2's ranges.
pub(super) fn read(params: &mut Params) -> Result<Option<Tracking>, Ec2Error> {
    params.structure("ConnectionTrackingSpecification", |inner| {
        Ok(Tracking {
            tcp_established: inner.number("TcpEstablishedTimeout", 60..=432_000)?,
            udp_stream: inner.number("UdpStreamTimeout", 60..=180)?,
            udp: inner.number("UdpTimeout", 30..=60)?,
        })
    })
}
