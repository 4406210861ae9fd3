//! The guest's side of a port.

use nix::errno::Errno;
use pintle_core::host_spec::PortSpec;
use pintle_core::id::AttachmentId;

use super::{Done, text};
use crate::kernel::{KernelError, NetNs, Request, addr, link, route};
use crate::reconcile::{Machine, want};

/// The guest's side of a port that was just made.
pub(super) struct GuestPort<'a> {
    /// The port.
    pub(super) id: AttachmentId,
    /// What it should be.
    pub(super) spec: &'a PortSpec,
    /// Index of the device in the guest's namespace.
    pub(super) index: u32,
}

impl Machine {
    /// Gives the guest's device its alias, addresses and route, and brings it up: one exchange with the kernel.
    pub(super) fn configure_guest(&self, port: &GuestPort<'_>, namespace: &NetNs) -> Done {
        let GuestPort { id, spec, index } = *port;
        let mut requests = vec![
            text(link::set_alias(index, &self.marks.port(id, spec.generation)))?,
            // IPv6 is not served, so an address of it would only make the guest wait for answers.
            link::without_ipv6_addresses(index),
        ];
        requests.extend(want::addresses(spec, index).iter().map(addr::add));
        requests.push(link::up(index));
        requests.extend(want::default_route(spec, index).iter().map(route::add));
        self.ask_guest(spec, namespace, &requests)
    }

    /// Sends requests into a guest's namespace; the first refusal is what is told.
    pub(super) fn ask_guest(&self, spec: &PortSpec, namespace: &NetNs, requests: &[Request]) -> Done {
        let outcomes =
            text(self.guests.with(&self.writes, spec.instance, namespace, |netlink| netlink.pipeline(requests)))?;
        let refused = outcomes.into_iter().zip(requests).find_map(|(outcome, request)| Some((outcome.err()?, request)));
        refused.map_or(Ok(()), |(error, request)| Err(explain(spec, &error, request)))
    }
}

fn explain(spec: &PortSpec, error: &KernelError, request: &Request) -> String {
    let of_route = request.what().starts_with("add route");
    match error.errno() {
        Some(Errno::EEXIST) if of_route => format!(
            "the namespace of {} has another default route already: remove it, or attach the interface at another index \
             than 0, where it gets none",
            spec.instance
        ),
        _ => format!("in the namespace of {}: {error}", spec.instance),
    }
}
