//! AssociateSecurityGroupVpc, DisassociateSecurityGroupVpc and DescribeSecurityGroupVpcAssociations.
//!
//! A group belongs to one VPC: hosts know it by the VPC whose interfaces are its members. So it can't be lent to another,
//! nothing is lent, and requests are refused as EC2 refuses what a resource does not do.

use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::{ResourceType, SecurityGroup, Vpc};
use pintle_core::query;

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::slice::Slice;

pub(in crate::ec2) const ASSOCIATE: Operation =
    Operation::change("AssociateSecurityGroupVpc", "refused: a group is of one VPC", |params, caller| {
        refuse(params, caller, |group, vpc| {
            if group.vpc == vpc {
                let message = format!("Security group {} was created in VPC {vpc} and can be used there", group.id);
                return Ec2Error::new("InvalidParameterValue", message);
            }
            let message = format!("Security group {} can only be used in its own VPC {}", group.id, group.vpc);
            Ec2Error::new("UnsupportedOperation", message)
        })
    });

pub(in crate::ec2) const DISASSOCIATE: Operation =
    Operation::change("DisassociateSecurityGroupVpc", "refused: there are no associations", |params, caller| {
        refuse(params, caller, |group, vpc| {
            let message = format!("Security group {} is not associated with VPC {vpc}", group.id);
            Ec2Error::new("InvalidParameterValue", message)
        })
    });

fn refuse(params: &mut Params, caller: &Caller, why: fn(&SecurityGroup, VpcId) -> Ec2Error) -> Result<Work, Ec2Error> {
    let (group, vpc): (SecurityGroupId, VpcId) = (params.required_id("GroupId")?, params.required_id("VpcId")?);
    let by = caller.actor();
    Ok(Work::planned(
        &[ResourceType::SecurityGroup, ResourceType::Vpc],
        move |snapshot| {
            let (group, _) = query::get_for::<SecurityGroup>(snapshot, &by, group)?;
            query::get_for::<Vpc>(snapshot, &by, vpc)?;
            Err(why(&group, vpc))
        },
        |_, _, _| Ok(()),
    ))
}

const SET: &str = "securityGroupVpcAssociationSet";

/// The filters that there are, of associations of which there are none.
const FILTERS: &[FilterDef<()>] = &[
    FilterDef { name: "group-id", values: |(), _| Vec::new() },
    FilterDef { name: "group-owner-id", values: |(), _| Vec::new() },
    FilterDef { name: "state", values: |(), _| Vec::new() },
    FilterDef { name: "vpc-id", values: |(), _| Vec::new() },
    FilterDef { name: "vpc-owner-id", values: |(), _| Vec::new() },
];

pub(in crate::ec2) const DESCRIBE: Operation =
    Operation::read("DescribeSecurityGroupVpcAssociations", "whole; there are no associations", |params, caller| {
        let slice = Slice::read(params, caller, SET, 5..=1000)?;
        Filters::read(params, FILTERS)?;
        Ok(Work::read(move |_, xml| {
            slice.write(xml, SET, &[(); 0], |_, ()| {});
            Ok(())
        }))
    });
