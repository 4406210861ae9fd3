//! GetSecurityGroupsForVpc: the groups that interfaces of a VPC may have, which are those of the VPC.

use pintle_core::id::VpcId;
use pintle_core::model::{SecurityGroup, Vpc};
use pintle_core::{query, record};

use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::slice::Slice;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("GetSecurityGroupsForVpc", "whole: filters, pages", decode);

type Def = FilterDef<SecurityGroup>;

const SET: &str = "securityGroupForVpcSet";
const FILTERS: &[Def] = &[
    Def { name: "description", values: |group, _| vec![group.description.clone()] },
    Def { name: "group-id", values: |group, _| vec![group.id.to_string()] },
    Def { name: "group-name", values: |group, _| vec![group.name.clone()] },
    Def { name: "owner-id", values: |group, _| vec![group.owner.account.to_string()] },
    Def { name: "primary-vpc-id", values: |group, _| vec![group.vpc.to_string()] },
];

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let slice = Slice::read(params, caller, SET, 5..=1000)?;
    let vpc: VpcId = params.required_id("VpcId")?;
    let filters = Filters::read(params, FILTERS)?;
    let caller = caller.clone();
    Ok(Work::read(move |snapshot, xml| {
        query::get_for::<Vpc>(snapshot, &caller.actor(), vpc)?;
        let mut found = Vec::new();
        for id in query::index(snapshot, &record::groups_of_vpc(vpc))? {
            let (group, _) = query::get::<SecurityGroup>(snapshot, id)?;
            let tags = query::tags(snapshot, &group)?;
            if filters.pass(&group, FILTERS) && filters.pass_tags(&tags) {
                found.push((group, tags));
            }
        }
        slice.write(xml, SET, &found, |xml, (group, tags)| {
            xml.text("groupId", group.id);
            xml.text("groupName", &group.name);
            xml.text("description", &group.description);
            xml.text("ownerId", group.owner.account);
            xml.text("primaryVpcId", group.vpc);
            xml.tags(tags);
        });
        Ok(())
    }))
}
