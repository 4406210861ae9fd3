//! Instances: launched, stopped and started, changed, terminated, and everything that is asked about them.

use super::{Ec2, all, first};

const RUN: &str = "Action=RunInstances&ImageId=ami-1&InstanceType=t3.small";

struct Place {
    ec2: Ec2,
    subnet: String,
}

impl Place {
    async fn new() -> Place {
        let ec2 = Ec2::new().await;
        let (_, subnet) = ec2.api.network("10.0.0.0/24", "zone-1").await;
        ec2.api.host(1, "zone-1").await;
        Place { ec2, subnet }
    }

    async fn run(&self, more: &str) -> Vec<String> {
        let made = self.ec2.good(&format!("{RUN}&SubnetId={}{more}", self.subnet)).await;
        self.ec2.api.hosts_obey().await;
        all(&made, "instanceId")
    }

    /// Asks for something to become of an instance, and lets its host obey; the state before and after, as the answer says them.
    async fn tell(&self, action: &str, instance: &str) -> (String, String) {
        let told = self.ec2.good(&format!("Action={action}&InstanceId.1={instance}")).await;
        self.ec2.api.hosts_obey().await;
        let states = all(&told, "name");
        (states[1].clone(), states[0].clone())
    }

    async fn state(&self, instance: &str) -> String {
        let shown = self.ec2.good(&format!("Action=DescribeInstances&InstanceId.1={instance}")).await;
        let (_, state) = shown.split_once("<instanceState>").expect("a state");
        first(state, "name")
    }
}

fn pair(before: &str, after: &str) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[tokio::test]
async fn a13_an_instance_is_launched_stopped_started_and_terminated() {
    let p = Place::new().await;
    let ids = p.run("&MinCount=1&MaxCount=2&ClientToken=once").await;
    assert_eq!(ids.len(), 2);
    assert_eq!(p.run("&MinCount=1&MaxCount=2&ClientToken=once").await, ids, "the same token, the same instances");
    let [one, two] = [&ids[0], &ids[1]];
    assert_eq!(p.state(one).await, "running");
    p.ec2.good(&format!("Action=RebootInstances&InstanceId.1={one}")).await;
    assert_eq!(p.tell("StopInstances", one).await, pair("running", "stopping"));
    assert_eq!(p.state(one).await, "stopped");
    let running = "Action=DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running";
    assert_eq!(all(&p.ec2.good(running).await, "instanceId"), std::slice::from_ref(two));
    let shut = "Action=DescribeInstances&Filter.1.Name=state-reason-code&Filter.1.Value.1=Client.UserInitiatedShutdown";
    assert_eq!(all(&p.ec2.good(shut).await, "instanceId"), std::slice::from_ref(one));
    assert_eq!(p.tell("StartInstances", one).await, pair("stopped", "pending"));
    assert_eq!(p.state(one).await, "running");
    assert_eq!(p.tell("TerminateInstances", two).await, pair("running", "shutting-down"));
    assert_eq!(p.state(two).await, "terminated");
    p.ec2.refused(&format!("Action=StartInstances&InstanceId.1={two}"), "IncorrectInstanceState").await;
    let left = "Action=DescribeNetworkInterfaces";
    assert_eq!(all(&p.ec2.good(left).await, "networkInterfaceId").len(), 1, "its interface went with it");
}

#[tokio::test]
async fn b14_what_a_launch_asks_wrongly_gets_ec2s_codes() {
    let p = Place::new().await;
    let subnet = &p.subnet;
    let of = |more: &str| format!("{RUN}&SubnetId={subnet}&MinCount=1&MaxCount=1{more}");
    let full = format!("&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId={subnet}");
    let on = |index: u8| {
        let places = (0..=index).map(|at| {
            format!("&NetworkInterface.{}.DeviceIndex={at}&NetworkInterface.{}.SubnetId={subnet}", at + 1, at + 1)
        });
        format!("{RUN}&MinCount=1&MaxCount=1{}", places.collect::<String>())
    };
    for (form, code) in [
        (format!("{RUN}&SubnetId=subnet-0123456789abcdef0&MinCount=1&MaxCount=1"), "InvalidSubnetID.NotFound"),
        (of("&SecurityGroupId.1=sg-0123456789abcdef0"), "InvalidGroup.NotFound"),
        (of("&SecurityGroupId.1=nonsense"), "InvalidGroupId.Malformed"),
        (of("&PrivateIpAddress=10.9.0.1"), "InvalidParameterValue"),
        (of("&PrivateIpAddress=10.0.0.1"), "InvalidIPAddress.InUse"),
        (of(&full), "InvalidParameterCombination"),
        (format!("{RUN}&SubnetId={subnet}&MinCount=2&MaxCount=1"), "InvalidParameterCombination"),
        (format!("{RUN}&SubnetId={subnet}&MinCount=1&MaxCount=1000"), "InvalidParameterValue"),
        (
            format!(
                "Action=RunInstances&ImageId=ami-1&InstanceType=t3.colossal&SubnetId={subnet}&MinCount=1&MaxCount=1"
            ),
            "InvalidParameterValue",
        ),
        (format!("{RUN}&SubnetId={subnet}&MinCount=300&MaxCount=300"), "InsufficientFreeAddressesInSubnet"),
        // A t3.small has three.
        (on(3), "AttachmentLimitExceeded"),
    ] {
        p.ec2.refused(&form, code).await;
    }
    let shown = p.ec2.good("Action=DescribeInstances").await;
    assert!(all(&shown, "instanceId").is_empty(), "{shown}");
}

#[tokio::test]
async fn a13_an_instances_attributes_are_changed_and_shown() {
    let p = Place::new().await;
    let one = p.run("&MinCount=1&MaxCount=1").await.remove(0);
    let modify = |what: &str| format!("Action=ModifyInstanceAttribute&InstanceId={one}&{what}");
    let shows = async |name: &str| {
        let form = format!("Action=DescribeInstanceAttribute&InstanceId={one}&Attribute={name}");
        p.ec2.good(&form).await
    };
    p.ec2.refused(&modify("InstanceType.Value=m5.large"), "IncorrectInstanceState").await;
    p.ec2.good(&modify("DisableApiTermination.Value=true")).await;
    assert!(shows("disableApiTermination").await.contains("<value>true</value>"));
    p.ec2.refused(&format!("Action=TerminateInstances&InstanceId.1={one}"), "OperationNotPermitted").await;
    p.ec2.good(&modify("DisableApiTermination.Value=false")).await;
    p.ec2.good(&modify("SourceDestCheck.Value=false")).await;
    assert!(shows("sourceDestCheck").await.contains("<value>false</value>"));
    p.tell("StopInstances", &one).await;
    p.ec2.good(&modify("InstanceType.Value=m5.large")).await;
    assert!(shows("instanceType").await.contains("<value>m5.large</value>"));
    let status = format!("Action=DescribeInstanceStatus&InstanceId.1={one}&IncludeAllInstances=true");
    assert_eq!(first(&p.ec2.good(&status).await, "name"), "stopped");
    p.ec2.refused(&modify("InstanceType.Value=t3.colossal"), "InvalidParameterValue").await;
}
