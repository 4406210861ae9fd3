//! CreateSubnetCidrReservation, GetSubnetCidrReservations and DeleteSubnetCidrReservation.

use ipnet::IpNet;
use pintle_core::command::CreateSubnetReservation;
use pintle_core::id::SubnetId;
use pintle_core::model::{ReservationKind, Subnet, SubnetReservation, Tags};
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const CREATE: Operation =
    Operation::change("CreateSubnetCidrReservation", "whole: of type `prefix` or `explicit`", create);

pub(in crate::ec2) const GET: Operation =
    Operation::read("GetSubnetCidrReservations", "whole: filters; always all of a subnet's, which are few", get);

pub(in crate::ec2) const DELETE: Operation = Operation::change("DeleteSubnetCidrReservation", "whole", |params, _| {
    let id = params.required_id("SubnetCidrReservationId")?;
    Ok(Work::change(Command::DeleteSubnetReservation(id), |_, reply, xml| {
        let Reply::SubnetReservation(gone) = reply else { return Err(other_reply(&reply)) };
        // Its tags went with it.
        xml.nest("deletedSubnetCidrReservation", |xml| write_item(xml, &gone, &Tags::default()));
        Ok(())
    }))
});

fn create(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let subnet = params.required_id("SubnetId")?;
    let cidr: Option<IpNet> = params.parsed("Cidr", "a network such as 10.0.0.16/28")?;
    let command = Command::CreateSubnetReservation(CreateSubnetReservation {
        subnet,
        cidr: cidr.ok_or_else(|| Ec2Error::missing("Cidr"))?.trunc(),
        kind: match params.required_text("ReservationType")?.as_str() {
            "prefix" => ReservationKind::Prefix,
            "explicit" => ReservationKind::Explicit,
            other => return Err(Ec2Error::value("ReservationType", other, "It must be prefix or explicit.")),
        },
        description: params.text("Description").unwrap_or_default(),
    });
    params.tagged("subnet-cidr-reservation", Noun::SubnetReservation)?;
    Ok(Work::change(command, |snapshot, reply, xml| {
        let Reply::SubnetReservation(made) = reply else { return Err(other_reply(&reply)) };
        let tags = query::tags(snapshot, &made)?;
        xml.nest("subnetCidrReservation", |xml| write_item(xml, &made, &tags));
        Ok(())
    }))
}

type Def = FilterDef<SubnetReservation>;

const FILTERS: &[Def] = &[
    Def { name: "reservation-type", values: |one, _| vec![kind(one).to_owned()] },
    Def { name: "reservationType", values: |one, _| vec![kind(one).to_owned()] },
    Def { name: "subnet-id", values: |one, _| vec![one.subnet.to_string()] },
];

fn get(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let id: SubnetId = params.required_id("SubnetId")?;
    let filters = Filters::read(params, FILTERS)?;
    // A subnet's reservations fit any page, so there is never a next one.
    params.number("MaxResults", 5..=1000)?;
    if params.text("NextToken").is_some_and(|token| !token.is_empty()) {
        return Err(Ec2Error::new("InvalidNextToken", "The specified NextToken is not valid for this request"));
    }
    let actor = caller.actor();
    Ok(Work::read(move |snapshot, xml| {
        let (subnet, _) = query::get_for::<Subnet>(snapshot, &actor, id)?;
        let mut shown: Vec<(SubnetReservation, Tags)> = Vec::new();
        for id in subnet.reservations {
            let (found, _) = query::get::<SubnetReservation>(snapshot, id)?;
            let tags = query::tags(snapshot, &found)?;
            if filters.pass(&found, FILTERS) && filters.pass_tags(&tags) {
                shown.push((found, tags));
            }
        }
        let (v4, v6): (Vec<_>, Vec<_>) = shown.iter().partition(|(one, _)| one.cidr.addr().is_ipv4());
        for (set, items) in [("subnetIpv4CidrReservationSet", v4), ("subnetIpv6CidrReservationSet", v6)] {
            xml.set(set, items, |xml, (one, tags)| write_item(xml, one, tags));
        }
        Ok(())
    }))
}

fn kind(reservation: &SubnetReservation) -> &'static str {
    match reservation.kind {
        ReservationKind::Prefix => "prefix",
        ReservationKind::Explicit => "explicit",
    }
}

fn write_item(xml: &mut Xml, reservation: &SubnetReservation, tags: &Tags) {
    xml.text("subnetCidrReservationId", reservation.id);
    xml.text("subnetId", reservation.subnet);
    xml.text("cidr", reservation.cidr);
    xml.text("reservationType", kind(reservation));
    xml.text("ownerId", reservation.owner.account);
    xml.text("description", &reservation.description);
    xml.tags(tags);
}
