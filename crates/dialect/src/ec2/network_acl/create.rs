//! CreateNetworkAcl.

use pintle_core::command::CreateNetworkAcl;
use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::show::AclView;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::ec2::params::Params;
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateNetworkAcl", "whole; everything is denied until it has entries", decode);

fn decode(params: &mut Params, _: &Caller) -> Result<Work, Ec2Error> {
    let vpc = params.required_id("VpcId")?;
    params.tagged("network-acl", Noun::NetworkAcl)?;
    let token = params.client_token()?;
    let command = Command::CreateNetworkAcl(CreateNetworkAcl { vpc, name: None, rules: Vec::new() });
    Ok(Work::change(command, move |snapshot, reply, xml| {
        let Reply::NetworkAcl(acl) = reply else { return Err(other_reply(&reply)) };
        let (view, tags) = (AclView::read(snapshot, acl.id)?, query::tags(snapshot, &acl)?);
        xml.nest("networkAcl", |xml| view.write_item(xml, &tags));
        xml.option("clientToken", token);
        Ok(())
    }))
}
