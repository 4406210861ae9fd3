//! Flows of an interface that moves here, as its old host has told them: answers that are under way need no rule.

use std::net::{IpAddr, Ipv4Addr};

use pintle_core::id::VniId;
use pintle_core::telemetry::{Answer, Failed, Flow, FlowState, MAX_FLOWS};
use pintle_datapath::{
    DatapathError, Endpoint, EndpointFlags, EndpointKey, FlowKey, FlowState as State, IfaceFlags, KnownFlow, Port,
    RouteKey, RouteTo,
};

use super::{TICK_NS, Teller, answered, because};

const TCP: u8 = 6;
const UDP: u8 = 17;

impl Teller {
    /// Makes flows of an interface known here that are not.
    pub(crate) fn take_over(&self, vni: VniId, flows: &[Flow]) -> Answer {
        answered(self.port_of(vni).and_then(|port| {
            let taken = self.insert(vni, &port, flows).map_err(|error| because(&error))?;
            Ok(Answer::TakenOver(taken))
        }))
    }

    fn port_of(&self, vni: VniId) -> Result<Port, Failed> {
        let rows = self.datapath.ports().entries().map_err(|error| because(&error))?;
        let port = rows.into_iter().map(|(_, row)| row).find(|row| row.vni.parse() == Ok(vni));
        port.ok_or(Failed::NotHere(vni))
    }

    fn insert(&self, vni: VniId, port: &Port, flows: &[Flow]) -> Result<u32, DatapathError> {
        let clock = self.datapath.clock()?;
        let mut taken = 0;
        for flow in flows.iter().take(MAX_FLOWS as usize) {
            if self.may_have(vni, port, flow)?
                && let Some(known) = known(flow, clock)
            {
                taken += u32::from(self.datapath.flows().take_over(&known)?);
            }
        }
        Ok(taken)
    }

    /// Whether a flow can be one that the interface had elsewhere. The old host's word is not taken for what it can't know: an
    /// answer needs no rule, so that a flow it made up between others would be a way past their rules.
    fn may_have(&self, vni: VniId, port: &Port, flow: &Flow) -> Result<bool, DatapathError> {
        let (opener, acceptor) = (&flow.opener, &flow.acceptor);
        let own_and_other = match (opener.vni == Some(vni), acceptor.vni == Some(vni)) {
            (true, false) => (opener, acceptor),
            (false, true) => (acceptor, opener),
            _ => return Ok(false),
        };
        let own = self.receiver(flow.segment, 0, own_and_other.0.address)?;
        // An address that leads to nobody is behind the interface, or out of the VPC. Others' are a router's business.
        let is_own = match &own {
            None => true,
            Some(own) if is_here(own) => {
                own.ifindex.is_some() && own.slot == port.slot || own.alt_ifindex.is_some() && own.alt_slot == port.slot
            }
            Some(_) => self.is_router(port)?,
        };
        let mut is_elsewhere = true;
        // To whom the interface sends, and who is there by the address: whoever has one that is here has gates here.
        for table in [0, port.table] {
            let other = self.receiver(flow.segment, table, own_and_other.1.address)?;
            // What arrives from the same host, that host knows too.
            is_elsewhere &= other.is_none_or(|other| {
                let from = comes_from(&other);
                !is_here(&other) || from.is_some() && own.as_ref().is_some_and(|own| comes_from(own) == from)
            });
        }
        Ok(flow.segment == port.segment && is_own && is_elsewhere)
    }

    /// Whom an address leads to by a route table, or by none (0), as the programs find it.
    fn receiver(&self, segment: u32, table: u8, address: IpAddr) -> Result<Option<Endpoint>, DatapathError> {
        let endpoint = |addr| self.datapath.endpoints().get(&EndpointKey { segment, addr });
        let route = |table| {
            let found = self.datapath.routes().get(&RouteKey { segment, table, net: address.into() });
            found.map(|route| route.filter(|route| !route.v6 || address.is_ipv6()).map(|route| route.to))
        };
        let known = endpoint(address)?;
        if table != 0 && !known.as_ref().is_some_and(|known| known.flags.contains(EndpointFlags::GATEWAY)) {
            match route(table)? {
                Some(RouteTo::Local) => {}
                Some(RouteTo::Via(router)) => return endpoint(router),
                _ => return Ok(None),
            }
        }
        match (known, route(0)?) {
            (None, Some(RouteTo::Via(holder))) => endpoint(holder),
            (known, _) => Ok(known),
        }
    }

    /// Whether the interface may send from, and gets what is for, others' addresses.
    fn is_router(&self, port: &Port) -> Result<bool, DatapathError> {
        let iface = self.datapath.ifaces().get(&port.slot)?;
        Ok(iface.is_some_and(|iface| !iface.flags.contains(IfaceFlags::SOURCE_DEST_CHECK)))
    }
}

fn is_here(endpoint: &Endpoint) -> bool {
    endpoint.ifindex.is_some() || endpoint.alt_ifindex.is_some()
}

/// The host that an endpoint is just moving here from.
fn comes_from(endpoint: &Endpoint) -> Option<Ipv4Addr> {
    match endpoint.alt_ifindex {
        Some(_) => endpoint.vtep,
        None if endpoint.flags.contains(EndpointFlags::INCOMING) => endpoint.alt_vtep,
        None => None,
    }
}

/// What is taken over of a flow. Nothing of one that is judged packet by packet, that a public address stands for, which has
/// a place of its own, or that is over.
fn known(flow: &Flow, clock: u32) -> Option<KnownFlow> {
    if flow.open || flow.translated.is_some() {
        return None;
    }
    let state = match (flow.protocol, flow.state) {
        (_, FlowState::TimeWait | FlowState::Closed) => return None,
        (TCP, FlowState::Opening) => State::OPENING,
        (TCP, FlowState::Established) => State::ESTABLISHED,
        (TCP, FlowState::Closing) => State::CLOSING,
        (UDP, FlowState::Opening) => State::ONE_WAY,
        (UDP, _) => State::BOTH_WAYS,
        (1 | 58, _) => State::MESSAGES,
        _ => State::OTHER,
    };
    let opener = (flow.opener.address, flow.opener.port);
    let key = FlowKey::between(flow.segment, flow.protocol, opener, (flow.acceptor.address, flow.acceptor.port));
    let idle = (flow.idle_ms * 1_000_000 / TICK_NS).min(u64::from(u32::MAX / 2)) as u32;
    Some(KnownFlow { key, opener: usize::from(key.ends[0] != opener), state, seen: clock.wrapping_sub(idle) })
}
