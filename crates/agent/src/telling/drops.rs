//! What was dropped, and what of it is remembered one by one.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use pintle_core::id::VniId;
use pintle_core::policy::Direction;
use pintle_core::telemetry::{DropTotal, Drops, MtuEvent, RefusedFlow, ShadowCount};
use pintle_datapath::{DatapathError, EndpointKey};

use super::{Interfaces, Teller, ms_since};

impl Teller {
    pub(super) fn read_drops(&self, interfaces: &Interfaces, vni: Option<VniId>) -> Result<Drops, DatapathError> {
        let asked = |slot: u32| vni.is_none_or(|vni| interfaces.get(&slot) == Some(&vni));
        let totals = self.datapath.counters().drops()?.into_iter().filter(|drops| asked(drops.slot));
        let mut totals: Vec<DropTotal> = totals
            .map(|drops| DropTotal {
                vni: interfaces.get(&drops.slot).copied(),
                reason: drops.reason,
                packets: drops.packets,
                bytes: drops.bytes,
            })
            .collect();
        totals.sort_by_key(|total| Reverse(total.packets));
        let too_big = self.too_big(interfaces, vni)?;
        Ok(Drops { totals, refused: self.refused(interfaces, vni)?, too_big, shadow: self.shadow(interfaces, vni)? })
    }

    fn refused(&self, interfaces: &Interfaces, vni: Option<VniId>) -> Result<Vec<RefusedFlow>, DatapathError> {
        let mut refusals = self.datapath.records().refusals()?;
        refusals.retain(|refusal| vni.is_none_or(|vni| interfaces.get(&refusal.slot) == Some(&vni)));
        let numbers: BTreeSet<u32> = refusals.iter().map(|refusal| refusal.rule).collect();
        let rules = self.rules(&numbers);
        let tell = |refusal: pintle_datapath::Refusal| RefusedFlow {
            segment: refusal.segment,
            vni: interfaces.get(&refusal.slot).copied(),
            source: refusal.source,
            destination: refusal.destination,
            protocol: refusal.protocol,
            port: refusal.port,
            reason: refusal.reason,
            rule: rules.get(&refusal.rule).copied(),
            packets: refusal.packets,
            first_ms_ago: ms_since(refusal.first_ns),
            last_ms_ago: ms_since(refusal.last_ns),
            policy_version: refusal.version,
        };
        Ok(refusals.into_iter().map(tell).collect())
    }

    fn too_big(&self, interfaces: &Interfaces, vni: Option<VniId>) -> Result<Vec<MtuEvent>, DatapathError> {
        let mut told = Vec::new();
        for event in self.datapath.records().mtu_events()? {
            let of_asked = |addr: IpAddr| -> Result<bool, DatapathError> {
                let row = self.datapath.endpoints().get(&EndpointKey { segment: event.segment, addr })?;
                Ok(row.is_some_and(|row| vni.is_none_or(|vni| interfaces.get(&row.slot) == Some(&vni))))
            };
            if vni.is_some() && !of_asked(event.source)? && !of_asked(event.destination)? {
                continue;
            }
            told.push(MtuEvent {
                segment: event.segment,
                source: event.source,
                destination: event.destination,
                packets: event.packets,
                largest: event.largest,
                mtu: event.mtu,
                last_ms_ago: ms_since(event.last_ns),
            });
        }
        Ok(told)
    }

    fn shadow(&self, interfaces: &Interfaces, vni: Option<VniId>) -> Result<Vec<ShadowCount>, DatapathError> {
        let tell = |shadow: pintle_datapath::Shadow| {
            Some(ShadowCount {
                vni: *interfaces.get(&shadow.slot)?,
                direction: if shadow.egress { Direction::Egress } else { Direction::Ingress },
                permitted: shadow.permitted,
                would_permit: shadow.would_permit,
                flows: shadow.flows,
            })
        };
        let told = self.datapath.records().shadows()?.into_iter().filter_map(tell);
        Ok(told.filter(|count| vni.is_none_or(|vni| vni == count.vni)).collect())
    }
}
