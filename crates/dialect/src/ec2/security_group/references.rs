//! DescribeSecurityGroupReferences and DescribeStaleSecurityGroups: what other VPCs' groups have to do with a group.
//!
//! A rule names groups of its own VPC only, and a group that a rule names can't be deleted: no other VPC refers to a group, and
//! no rule is stale. The answers are empty for what exists, and say what does not.

use pintle_core::id::{SecurityGroupId, VpcId};
use pintle_core::model::{SecurityGroup, Vpc};
use pintle_core::query;

use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::slice::Slice;

pub(in crate::ec2) const DESCRIBE: Operation = Operation::read(
    "DescribeSecurityGroupReferences",
    "whole; groups of other VPCs can't refer to one",
    |params, caller| {
        let ids: Vec<SecurityGroupId> = params.ids("GroupId")?;
        if ids.is_empty() {
            return Err(Ec2Error::missing("GroupId"));
        }
        let by = caller.actor();
        Ok(Work::read(move |snapshot, xml| {
            for id in &ids {
                query::get_for::<SecurityGroup>(snapshot, &by, *id)?;
            }
            xml.empty("securityGroupReferenceSet");
            Ok(())
        }))
    },
);

pub(in crate::ec2) const STALE: Operation =
    Operation::read("DescribeStaleSecurityGroups", "whole; no rule can be stale", |params, caller| {
        let set = "staleSecurityGroupSet";
        let slice = Slice::read(params, caller, set, 5..=255)?;
        let (vpc, by): (VpcId, _) = (params.required_id("VpcId")?, caller.actor());
        Ok(Work::read(move |snapshot, xml| {
            query::get_for::<Vpc>(snapshot, &by, vpc)?;
            slice.write(xml, set, &[(); 0], |_, ()| {});
            Ok(())
        }))
    });
