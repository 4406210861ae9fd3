//! DescribeImages: whatever image a client names, there is.

use crate::ec2::caller::Caller;
use crate::ec2::error::{Ec2Error, short};
use crate::ec2::filter::{FilterDef, Filters};
use crate::ec2::operation::{Operation, Work};
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

/// What images call their root device, and instances after them.
pub(super) const ROOT_DEVICE: &str = "/dev/xvda";

pub(in crate::ec2) const OPERATION: Operation = Operation::read(
    "DescribeImages",
    "an image for each id that is named, by ids or the filter `image-id`; no others",
    decode,
);

struct Image(String);

const FILTERS: &[FilterDef<Image>] = &[
    FilterDef { name: "architecture", values: |_, _| vec!["x86_64".to_owned()] },
    FilterDef { name: "image-id", values: |image, _| vec![image.0.clone()] },
    FilterDef { name: "image-type", values: |_, _| vec!["machine".to_owned()] },
    FilterDef { name: "is-public", values: |_, _| vec!["true".to_owned()] },
    FilterDef { name: "name", values: |image, _| vec![image.0.clone()] },
    FilterDef { name: "owner-alias", values: |_, _| Vec::new() },
    FilterDef { name: "owner-id", values: |_, _| Vec::new() },
    FilterDef { name: "root-device-type", values: |_, _| vec!["ebs".to_owned()] },
    FilterDef { name: "state", values: |_, _| vec!["available".to_owned()] },
    FilterDef { name: "virtualization-type", values: |_, _| vec!["hvm".to_owned()] },
];

fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error> {
    for name in ["ExecutableBy", "Owner", "IncludeDeprecated", "IncludeDisabled", "MaxResults", "NextToken"] {
        params.leave(name);
    }
    let mut ids = params.texts("ImageId")?;
    let filters = Filters::read(params, FILTERS)?;
    for id in &ids {
        if !id.starts_with("ami-") {
            let message = format!("Invalid id: \"{}\" (expecting \"ami-...\")", short(id));
            return Err(Ec2Error::new("InvalidAMIID.Malformed", message));
        }
    }
    if ids.is_empty() {
        ids.extend(filters.exact("image-id").into_iter().flatten().map(ToOwned::to_owned));
    }
    let images: Vec<Image> = ids.into_iter().map(Image).filter(|image| filters.pass_untagged(image, FILTERS)).collect();
    let account = caller.account;
    Ok(Work::read(move |_, xml| {
        xml.set("imagesSet", &images, |xml, image| write(xml, &image.0, account));
        Ok(())
    }))
}

fn write(xml: &mut Xml, id: &str, account: pintle_core::model::AccountId) {
    xml.text("imageId", id);
    xml.text("imageLocation", id);
    xml.text("imageState", "available");
    xml.text("imageOwnerId", account);
    xml.text("isPublic", true);
    xml.text("architecture", "x86_64");
    xml.text("imageType", "machine");
    xml.text("name", id);
    xml.text("rootDeviceType", "ebs");
    xml.text("rootDeviceName", ROOT_DEVICE);
    xml.set("blockDeviceMapping", [ROOT_DEVICE], |xml, device| {
        xml.text("deviceName", device);
        xml.nest("ebs", |xml| xml.text("deleteOnTermination", true));
    });
    xml.text("virtualizationType", "hvm");
    xml.empty("tagSet");
    xml.text("hypervisor", "xen");
    xml.text("enaSupport", true);
}
