//! Child interfaces, which another dialect has made, as EC2 shows them and what it can't do with them.

use super::{Ec2, first};
use crate::child_interfaces::{Old, old_style};
use crate::client::text;

#[tokio::test]
async fn a11_through_ec2_a_child_is_an_interface_that_goes_with_its_instance_and_does_nothing_else() {
    let ec2 = Ec2::new().await;
    let Old { instance, second, subnet, .. } = old_style(&ec2.api).await;
    let describe = "Action=DescribeNetworkInterfaces";
    let attachment = text(&second, "id");
    let filter = format!("Filter.1.Name=attachment.attachment-id&Filter.1.Value.1={attachment}");
    let shown = ec2.good(&format!("{describe}&{filter}")).await;
    assert_eq!(first(&shown, "deleteOnTermination"), "true");
    assert_eq!(first(&shown, "privateIpAddress"), "10.1.2.40");
    let id = first(&shown, "networkInterfaceId");
    let spare = ec2.good(&format!("Action=CreateNetworkInterface&SubnetId={subnet}")).await;
    let other = first(&spare, "networkInterfaceId");
    let keep = format!("&Attachment.AttachmentId={attachment}&Attachment.DeleteOnTermination=false");
    for (form, code) in [
        (format!("Action=DetachNetworkInterface&AttachmentId={attachment}"), "OperationNotPermitted"),
        (format!("Action=DetachNetworkInterface&AttachmentId={attachment}&Force=true"), "OperationNotPermitted"),
        (format!("Action=DeleteNetworkInterface&NetworkInterfaceId={id}"), "OperationNotPermitted"),
        (
            format!("Action=AssignPrivateIpAddresses&NetworkInterfaceId={id}&SecondaryPrivateIpAddressCount=1"),
            "OperationNotPermitted",
        ),
        (
            format!(
                "Action=AttachNetworkInterface&NetworkInterfaceId={other}&InstanceId={}&DeviceIndex=5",
                text(&instance, "id")
            ),
            "OperationNotPermitted",
        ),
        (format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={id}{keep}"), "InvalidParameterValue"),
    ] {
        ec2.refused(&form, code).await;
    }
    // All but the request's id.
    let again = ec2.good(&format!("{describe}&{filter}")).await;
    let set = |document: &str| document.split_once("<networkInterfaceSet>").unwrap().1.to_owned();
    assert_eq!(set(&again), set(&shown), "nothing came of any of them");
}
