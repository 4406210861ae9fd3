//! The guest's side of a port.

use nix::errno::Errno;
use pintle_core::host_spec::PortSpec;
use pintle_core::id::AttachmentId;

use super::{Done, text};
use crate::kernel::addr::{self, Address};
use crate::kernel::{KernelError, NetNs, Request, link, route, sysctl};
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
    /// Gives the guest's device its alias, addresses and routes, and brings it up: one exchange with the kernel, two and
    /// some settings with IPv6.
    pub(super) fn configure_guest(&self, port: &GuestPort<'_>, namespace: &NetNs) -> Done {
        let GuestPort { id, spec, index } = *port;
        let mut requests = vec![
            text(link::set_alias(index, &self.marks.port(id, spec.generation)))?,
            // Its addresses of IPv6 come from here too: one that it makes itself would only be refused.
            link::without_ipv6_addresses(index),
        ];
        if want::has_ipv6(spec) {
            self.ask_guest(spec, namespace, &requests)?;
            requests.clear();
            self.set_guest_ipv6(spec, namespace)?;
        }
        // Those of IPv6 come when the device is up: it loses them when it goes down.
        let (first, then): (Vec<Address>, Vec<Address>) =
            want::addresses(spec, index).into_iter().partition(|address| address.ip().is_ipv4());
        requests.extend(first.iter().map(addr::add));
        requests.push(link::up(index));
        requests.extend(then.iter().map(addr::add));
        requests.extend(want::default_routes(spec, index).iter().map(route::add));
        self.ask_guest(spec, namespace, &requests)
    }

    /// Turns IPv6 on for the guest's device, by its name, and router advertisements off.
    pub(super) fn set_guest_ipv6(&self, spec: &PortSpec, namespace: &NetNs) -> Done {
        let key = |setting: &str| format!("ipv6/conf/{}/{setting}", spec.device);
        let (listen, disable) = (key("accept_ra"), key("disable_ipv6"));
        let set = sysctl::set(namespace, &[(&listen, "0"), (&disable, "0")]);
        let changed = text(set).map_err(|why| format!("in the namespace of {}: {why}", spec.instance))?;
        self.writes.add(changed as u64);
        Ok(())
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
