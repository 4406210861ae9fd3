//! Flow logs through EC2's API: what is done, and what is left out beside.

use super::{Ec2, all, first};

const S3: &str = "&TrafficType=ALL&LogDestinationType=s3&LogDestination=arn:aws:s3:::logs/flows/";

async fn place() -> (Ec2, String, String, String) {
    let ec2 = Ec2::new().await;
    let (vpc, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
    let vni = ec2.good(&format!("Action=CreateNetworkInterface&SubnetId={subnet}")).await;
    (ec2, vpc, subnet, first(&vni, "networkInterfaceId"))
}

fn create(kind: &str, ids: &[&str], more: &str) -> String {
    let ids: String = ids.iter().enumerate().map(|(n, id)| format!("&ResourceId.{}={id}", n + 1)).collect();
    format!("Action=CreateFlowLogs&ResourceType={kind}{ids}{more}")
}

fn made(document: &str) -> Vec<String> {
    all(&first(document, "flowLogIdSet"), "item")
}

#[tokio::test]
async fn k16_flow_logs_are_made_shown_and_deleted() {
    let (ec2, vpc, subnet, vni) = place().await;
    let spec = "&TagSpecification.1.ResourceType=vpc-flow-log&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=net";
    let id = made(&ec2.good(&create("VPC", &[&vpc], &format!("{S3}{spec}"))).await).pop().unwrap();
    let shown = ec2.good(&format!("Action=DescribeFlowLogs&FlowLogId.1={id}")).await;
    assert_eq!((first(&shown, "resourceId"), first(&shown, "flowLogStatus")), (vpc.clone(), "ACTIVE".to_owned()));
    assert_eq!((first(&shown, "maxAggregationInterval"), first(&shown, "key")), ("600".to_owned(), "team".to_owned()));
    assert!(first(&shown, "logFormat").starts_with("${version} ${account-id} ${interface-id} ${srcaddr}"));
    // Nothing is delivered, and it says so.
    assert_eq!(first(&shown, "deliverLogsStatus"), "FAILED");
    let group = "&TrafficType=REJECT&LogGroupName=flows&DeliverLogsPermissionArn=arn:aws:iam::1:role/x&MaxAggregationInterval=60";
    ec2.good(&create("Subnet", &[&subnet], group)).await;
    ec2.good(&create("NetworkInterface", &[&vni], group)).await;
    for (filter, count) in [
        ("log-group-name&Filter.1.Value.1=flows".to_owned(), 2),
        ("log-destination-type&Filter.1.Value.1=s3".to_owned(), 1),
        ("traffic-type&Filter.1.Value.1=REJECT".to_owned(), 2),
        (format!("resource-id&Filter.1.Value.1={vni}"), 1),
        ("deliver-log-status&Filter.1.Value.1=SUCCESS".to_owned(), 0),
        ("tag:team&Filter.1.Value.1=net".to_owned(), 1),
    ] {
        let found = ec2.good(&format!("Action=DescribeFlowLogs&Filter.1.Name={filter}")).await;
        assert_eq!(all(&found, "flowLogId").len(), count, "{filter}");
    }
    // They go with what they watch.
    ec2.good(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={vni}")).await;
    let left = ec2.good("Action=DescribeFlowLogs").await;
    assert_eq!(all(&left, "flowLogId").len(), 2);
    let gone = ec2.good(&format!("Action=DeleteFlowLogs&FlowLogId.1={id}&FlowLogId.2=fl-0ffffffffffffffff")).await;
    assert_eq!(all(&gone, "code"), ["InvalidFlowLogId.NotFound"]);
    assert_eq!(all(&gone, "resourceId"), ["fl-0ffffffffffffffff"]);
    ec2.refused(&format!("Action=DeleteFlowLogs&FlowLogId.1={id}"), "InvalidFlowLogId.NotFound").await;
}

#[tokio::test]
async fn k16_what_can_not_be_done_for_one_is_said_beside_what_is_done_for_others() {
    let (ec2, vpc, _, vni) = place().await;
    let second = first(
        &ec2.good(&format!("Action=CreateNetworkInterface&SubnetId={}", {
            let shown = ec2.good(&format!("Action=DescribeNetworkInterfaces&NetworkInterfaceId.1={vni}")).await;
            first(&shown, "subnetId")
        }))
        .await,
        "networkInterfaceId",
    );
    ec2.good(&create("NetworkInterface", &[&vni], S3)).await;
    ec2.refused(&create("NetworkInterface", &[&vni], S3), "FlowLogAlreadyExists").await;
    let gone = "eni-0ffffffffffffffff";
    let some = ec2.good(&create("NetworkInterface", &[&vni, &second, gone], S3)).await;
    assert_eq!(made(&some).len(), 1);
    let failed = first(&some, "unsuccessful");
    assert_eq!(all(&failed, "code"), ["FlowLogAlreadyExists", "InvalidNetworkInterfaceID.NotFound"]);
    assert_eq!(all(&failed, "resourceId"), [vni.clone(), gone.to_owned()]);
    ec2.refused(&create("NetworkInterface", &[gone], S3), "InvalidNetworkInterfaceID.NotFound").await;
    // The same request again is answered again.
    ec2.good(&format!("Action=DeleteFlowLogs&FlowLogId.1={}", made(&some)[0])).await;
    let once = create("NetworkInterface", &[&second, gone], &format!("{S3}&ClientToken=once"));
    let answers = [ec2.good(&once).await, ec2.good(&once).await];
    assert_eq!(made(&answers[0]), made(&answers[1]));
    assert!(answers.iter().all(|answer| all(answer, "resourceId") == [gone]), "{answers:?}");
    let taken = create("NetworkInterface", &[&second], &format!("{S3}&ClientToken=other"));
    ec2.refused(&taken, "FlowLogAlreadyExists").await;
    // Two of a thing, and no more.
    ec2.good(&create("VPC", &[&vpc], S3)).await;
    ec2.good(&create("VPC", &[&vpc], &S3.replace("ALL", "ACCEPT"))).await;
    ec2.refused(&create("VPC", &[&vpc], &S3.replace("ALL", "REJECT")), "FlowLogsLimitExceeded").await;
}

#[tokio::test]
async fn k16_flow_logs_that_are_wrong_are_refused() {
    let (ec2, vpc, ..) = place().await;
    let all_traffic = "&TrafficType=ALL";
    for (more, code) in [
        ("&LogGroupName=x&DeliverLogsPermissionArn=r".to_owned(), "MissingParameter"),
        (format!("{all_traffic}&DeliverLogsPermissionArn=r"), "InvalidParameter"),
        (format!("{all_traffic}&LogGroupName=x"), "InvalidParameter"),
        (format!("{all_traffic}&LogDestinationType=s3"), "InvalidParameter"),
        (format!("{all_traffic}&LogDestinationType=s3&LogGroupName=x"), "InvalidParameter"),
        (format!("{all_traffic}&LogDestinationType=disk&LogDestination=x"), "InvalidParameterValue"),
        (format!("{S3}&MaxAggregationInterval=61"), "InvalidParameter"),
        (format!("{S3}&LogFormat=%24%7Bversion%7D+%24%7Bcolour%7D"), "InvalidParameter"),
        (format!("{S3}&LogFormat=version"), "InvalidParameter"),
        (format!("{S3}&LogFormat=%24%7Bversion%7D+%24%7Bversion%7D"), "InvalidParameterValue"),
        (format!("{S3}&DestinationOptions.FileFormat=csv"), "InvalidParameterValue"),
        (
            format!("{S3}&TagFieldSpecification.1.ResourceType=instance&TagFieldSpecification.1.TagKey.1=x"),
            "UnsupportedOperation",
        ),
        (S3.replace("ALL", "SOME"), "InvalidParameterValue"),
    ] {
        ec2.refused(&create("VPC", &[&vpc], &more), code).await;
    }
    ec2.refused(&create("TransitGateway", &[&vpc], S3), "InvalidParameterValue").await;
    ec2.refused(&create("Subnet", &[&vpc], S3), "InvalidSubnetID.Malformed").await;
    ec2.refused(&create("VPC", &[], S3), "MissingParameter").await;
}
