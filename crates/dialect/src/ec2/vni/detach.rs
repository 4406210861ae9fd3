//! DetachNetworkInterface.

use pintle_core::Command;

use crate::ec2::operation::{Operation, Work};

pub(in crate::ec2) const OPERATION: Operation = Operation::change(
    "DetachNetworkInterface",
    "whole; Force does not wait for the host, which every other host refuses from then on",
    |params, _| {
        let attachment = params.required_id("AttachmentId")?;
        let force = params.flag("Force")?.unwrap_or(false);
        Ok(Work::done(Command::Detach { attachment, force }))
    },
);
