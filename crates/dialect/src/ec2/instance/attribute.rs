//! DescribeInstanceAttribute.

use pintle_core::id::InstanceId;

use super::describe::find;
use super::notes::{is_on, or};
use super::show::InstanceView;
use crate::ec2::caller::Caller;
use crate::ec2::error::Ec2Error;
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::problem::not_found;
use crate::ec2::xml::Xml;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::read("DescribeInstanceAttribute", "whole; kernels and product codes are never there", decode);

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    let id: InstanceId = params.required_id("InstanceId")?;
    let name = params.required_text("Attribute")?;
    let write = writer(&name)?;
    let caller = caller.clone();
    Ok(Work::read(move |snapshot, xml| {
        let missing = || not_found(pintle_core::refusal::Noun::Instance, &id.to_string());
        let view = find(snapshot, &caller, id)?.ok_or_else(missing)?;
        xml.text("instanceId", id);
        write(xml, &view);
        Ok(())
    }))
}

fn value(xml: &mut Xml, name: &str, value: impl ToString) {
    xml.nest(name, |xml| xml.text("value", value));
}

fn writer(name: &str) -> Result<fn(&mut Xml, &InstanceView), Ec2Error> {
    Ok(match name {
        "instanceType" => |xml, view| value(xml, "instanceType", view.instance.kind.clone().unwrap_or_default()),
        "kernel" => |xml, _| xml.empty("kernel"),
        "ramdisk" => |xml, _| xml.empty("ramdisk"),
        "userData" => |xml, view| match view.notes.get("user-data") {
            Some(data) => value(xml, "userData", data),
            None => xml.empty("userData"),
        },
        "disableApiTermination" => |xml, view| value(xml, "disableApiTermination", view.instance.delete_protected),
        "disableApiStop" => |xml, view| value(xml, "disableApiStop", view.instance.stop_protected),
        "instanceInitiatedShutdownBehavior" => |xml, view| {
            value(xml, "instanceInitiatedShutdownBehavior", or(&view.notes, "shutdown-behavior", "stop"));
        },
        "rootDeviceName" => |xml, _| value(xml, "rootDeviceName", super::image::ROOT_DEVICE),
        "blockDeviceMapping" => |xml, _| xml.empty("blockDeviceMapping"),
        "productCodes" => |xml, _| xml.empty("productCodes"),
        "sourceDestCheck" => |xml, view| {
            if let Some(primary) = view.primary() {
                value(xml, "sourceDestCheck", primary.view.vni.source_dest_check);
            }
        },
        "groupSet" => |xml, view| {
            let groups = view.primary().map(|primary| &primary.view.security_groups[..]).unwrap_or_default();
            xml.set("groupSet", groups, |xml, group| {
                xml.text("groupId", group.id);
                xml.text("groupName", &group.name);
            });
        },
        "ebsOptimized" => |xml, view| value(xml, "ebsOptimized", is_on(&view.notes, "ebs-optimized")),
        "sriovNetSupport" => |xml, _| value(xml, "sriovNetSupport", "simple"),
        "enaSupport" => |xml, _| value(xml, "enaSupport", true),
        "enclaveOptions" => |xml, view| {
            xml.nest("enclaveOptions", |xml| xml.text("enabled", is_on(&view.notes, "enclave")));
        },
        other => return Err(Ec2Error::value("Attribute", other, "It is no attribute of an instance.")),
    })
}
