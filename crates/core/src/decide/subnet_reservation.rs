//! Rules of reserved parts of subnets: apart from each other; what is chosen automatically keeps out of them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ranges::overlap;
use super::{address, security_group};
use crate::command::CreateSubnetReservation;
use crate::draft::Draft;
use crate::id::SubnetReservationId;
use crate::limits::RESERVATIONS_PER_SUBNET;
use crate::model::{IpFamily, ReservationKind, Subnet, SubnetReservation};
use crate::refusal::{DecideError, Holder, Limited, Noun, Refusal};

pub(super) fn create(draft: &mut Draft<'_>, create: CreateSubnetReservation) -> Result<SubnetReservation, DecideError> {
    let CreateSubnetReservation { subnet, cidr, kind, description } = create;
    let mut subnet: Subnet = draft.get(subnet)?;
    security_group::check_description(&description)?;
    let range = address::range(&subnet, cidr.into(), "reserved_cidr", cidr)?;
    if cidr != cidr.trunc() {
        let rule = format!("it has host bits set; the network is {}", cidr.trunc());
        return Err(Refusal::invalid("reserved_cidr", cidr, rule).into());
    }
    if !range.contains(&cidr) {
        let rule = format!("it must be in subnet {} ({range})", subnet.id);
        return Err(Refusal::invalid("reserved_cidr", cidr, rule).into());
    }
    let others = Reserved::of(draft, &subnet)?;
    if let Some(other) = others.0.iter().find(|other| overlap(other.cidr, cidr)) {
        let holder = Holder::SubnetReservation(other.id);
        return Err(Refusal::CidrOverlap { cidr, other: other.cidr, holder }.into());
    }
    if subnet.reservations.len() >= RESERVATIONS_PER_SUBNET {
        let what = format!("subnet {} has as many reservations as it may have", subnet.id);
        return Err(Refusal::Limit {
            of: Limited::Things(Noun::SubnetReservation),
            what,
            limit: RESERVATIONS_PER_SUBNET as u64,
        }
        .into());
    }
    let reservation = SubnetReservation {
        id: SubnetReservationId::new(draft.ids),
        owner: subnet.owner.clone(),
        subnet: subnet.id,
        vpc: subnet.vpc,
        cidr,
        kind,
        description,
        created_at: draft.now,
    };
    draft.insert(&reservation);
    subnet.reservations.push(reservation.id);
    draft.put(&subnet);
    Ok(reservation)
}

pub(super) fn delete(draft: &mut Draft<'_>, id: SubnetReservationId) -> Result<SubnetReservation, DecideError> {
    let reservation: SubnetReservation = draft.get(id)?;
    let mut subnet: Subnet = draft.get(reservation.subnet)?;
    subnet.reservations.retain(|other| *other != id);
    draft.remove(&reservation);
    draft.put(&subnet);
    Ok(reservation)
}

/// The reservations of a subnet, for whoever chooses something of it.
pub(super) struct Reserved(Vec<SubnetReservation>);

impl Reserved {
    pub(super) fn of(draft: &mut Draft<'_>, subnet: &Subnet) -> Result<Reserved, DecideError> {
        Ok(Reserved(subnet.reservations.iter().map(|id| draft.get(*id)).collect::<Result<_, _>>()?))
    }

    /// The first reservation of an IP version.
    pub(super) fn first(&self, family: IpFamily) -> Option<SubnetReservationId> {
        self.0.iter().find(|one| IpFamily::from(one.cidr) == family).map(|one| one.id)
    }

    /// The last address of the reservation that an address is in, if it is in one.
    pub(super) fn until(&self, address: impl Into<IpAddr>) -> Option<IpAddr> {
        let address = address.into();
        self.0.iter().find(|one| one.cidr.contains(&address)).map(|one| one.cidr.broadcast())
    }

    /// Whether a network can be chosen to be delegated: of what is reserved for that, where anything is.
    pub(super) fn admit(&self, net: IpNet) -> bool {
        let family = IpFamily::from(net);
        let mut prefixes = self.of_kind(ReservationKind::Prefix, family).peekable();
        if prefixes.peek().is_some() {
            return prefixes.any(|one| one.cidr.contains(&net));
        }
        self.of_kind(ReservationKind::Explicit, family).all(|one| !overlap(one.cidr, net))
    }

    fn of_kind(&self, kind: ReservationKind, family: IpFamily) -> impl Iterator<Item = &SubnetReservation> {
        self.0.iter().filter(move |one| one.kind == kind && IpFamily::from(one.cidr) == family)
    }
}
