//! AttachNetworkInterface.

use pintle_core::command::{NewAttachment, Seat, VniChoice};
use pintle_core::{Command, Reply};

use super::ena;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "AttachNetworkInterface",
    "whole, also of an interface that another account has permitted to attach; ENA's parameters are refused",
    decode,
);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let vni = params.required_id("NetworkInterfaceId")?;
    let instance = params.required_id("InstanceId")?;
    let index = params.number("DeviceIndex", 0..=u8::MAX)?;
    let index = Some(index.ok_or_else(|| Ec2Error::missing("DeviceIndex"))?);
    let card = params.number("NetworkCardIndex", 0..=u8::MAX)?.unwrap_or(0);
    ena::refuse_express(params)?;
    ena::refuse_queues(params)?;
    let new = NewAttachment { seat: Seat { card, index }, ..NewAttachment::of(VniChoice::Existing(vni)) };
    Ok(Work::change(Command::Attach(instance, new), |_, reply, xml| {
        let Reply::Attachment(made) = reply else { return Err(other_reply(&reply)) };
        xml.text("attachmentId", made.id);
        xml.text("networkCardIndex", made.card);
        Ok(())
    }))
}
