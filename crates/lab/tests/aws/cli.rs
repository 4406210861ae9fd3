//! The life by the AWS CLI: one process a command, as a person would type it.

use std::time::{Duration, Instant};

use pintle_lab::cloud::{Cloud, Packets, ZONE};
use serde_json::{Value, json};

const WEB: &str = "10.0.1.50";
const SECOND_ADDRESS: &str = "10.0.1.51";

struct Shell<'a> {
    cloud: &'a Cloud,
    packets: Packets<'a>,
    checks: Vec<String>,
}

impl Shell<'_> {
    /// Runs `aws ec2` with the words of a line; what it printed.
    #[track_caller]
    fn aws(&self, line: &str) -> String {
        let mut client = self.cloud.client("aws");
        client.args(["ec2"]).args(line.split_whitespace());
        client.run().unwrap().trim().to_owned()
    }

    /// As [`Shell::aws`], for the one value that `query` finds in the answer.
    #[track_caller]
    fn value(&self, line: &str, query: &str) -> String {
        self.aws(&format!("{line} --query {query} --output text"))
    }

    /// The command must fail with this code.
    #[track_caller]
    fn refused(&self, code: &str, line: &str) {
        let output = self.cloud.client("aws").args(["ec2"]).args(line.split_whitespace()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(&format!("({code})")), "{line}: {error}");
    }

    #[track_caller]
    fn until(&self, line: &str, query: &str, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.value(line, query);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{line}: {query} is {found}, not {wanted}");
        }
    }

    #[track_caller]
    fn check(&mut self, check: &Value) {
        self.checks.push(self.packets.judge(check).unwrap());
    }

    fn answers(&mut self, from: &str, to: &str) {
        self.check(&json!({ "check": "answers", "from": from, "to": to }));
    }

    fn silent(&mut self, from: &str, to: &str) {
        self.check(&json!({ "check": "silent", "from": from, "to": to }));
    }

    fn launch(&self, subnet: &str) -> String {
        let line =
            format!("run-instances --image-id ami-00000000000000001 --instance-type t3.small --subnet-id {subnet}");
        self.value(&line, "Instances[0].InstanceId")
    }

    fn wait(&self, instance: &str, state: &str) {
        let line = format!("describe-instances --instance-ids {instance}");
        self.until(&line, "Reservations[].Instances[].State.Name", state);
    }

    fn end(&self, instance: &str) {
        self.aws(&format!("terminate-instances --instance-ids {instance}"));
        self.wait(instance, "terminated");
    }

    fn attach(&self, interface: &str, instance: &str) -> String {
        let ids = format!("--network-interface-id {interface} --instance-id {instance}");
        self.value(&format!("attach-network-interface {ids} --device-index 1"), "AttachmentId")
    }

    fn interface(&self, interface: &str, query: &str, wanted: &str) {
        let line = format!("describe-network-interfaces --network-interface-ids {interface}");
        self.until(&line, &format!("NetworkInterfaces[0].{query}"), wanted);
    }

    fn delete_on_termination(&self, interface: &str, attachment: &str, yes: bool) {
        let change = format!("AttachmentId={attachment},DeleteOnTermination={yes}");
        let line = "modify-network-interface-attribute --network-interface-id";
        self.aws(&format!("{line} {interface} --attachment {change}"));
    }
}

/// Lives the life; the checks that held.
pub(crate) fn live(cloud: &Cloud) -> Vec<String> {
    let mut sh = Shell { cloud, packets: cloud.packets(), checks: Vec::new() };

    // A network with a way out.
    let vpc = sh.value("create-vpc --cidr-block 10.0.0.0/16", "Vpc.VpcId");
    let line = format!("create-subnet --vpc-id {vpc} --cidr-block 10.0.1.0/24 --availability-zone {ZONE}");
    let subnet = sh.value(&line, "Subnet.SubnetId");
    let gateway = sh.value("create-internet-gateway", "InternetGateway.InternetGatewayId");
    sh.aws(&format!("attach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc}"));
    let line = format!("describe-route-tables --filters Name=vpc-id,Values={vpc}");
    let table = sh.value(&line, "RouteTables[0].RouteTableId");
    let line = format!("create-route --route-table-id {table} --destination-cidr-block 0.0.0.0/0");
    sh.aws(&format!("{line} --gateway-id {gateway}"));
    let line = format!("create-security-group --group-name web --description web --vpc-id {vpc}");
    let group = sh.value(&line, "GroupId");
    let rule = format!("--group-id {group} --protocol icmp --port -1 --cidr 0.0.0.0/0");
    sh.aws(&format!("authorize-security-group-ingress {rule}"));

    // Three instances; the first two are on different hosts.
    let [first, second, peer] = [(); 3].map(|()| sh.launch(&subnet));
    [&first, &second, &peer].into_iter().for_each(|instance| sh.wait(instance, "running"));
    sh.check(&json!({ "check": "apart", "these": [first, second] }));

    // Created and attached, it answers.
    let line = format!("create-network-interface --subnet-id {subnet} --private-ip-address {WEB} --groups {group}");
    let tags = "--tag-specifications ResourceType=network-interface,Tags=[{Key=Name,Value=web}]";
    let interface = sh.value(&format!("{line} {tags}"), "NetworkInterface.NetworkInterfaceId");
    sh.interface(&interface, "TagSet[0].Value", "web");
    let attachment = sh.attach(&interface, &first);
    sh.interface(&interface, "Attachment.Status", "attached");
    sh.interface(&interface, "Status", "in-use");
    sh.answers(&peer, WEB);
    let line = format!("delete-network-interface --network-interface-id {interface}");
    sh.refused("InvalidNetworkInterface.InUse", &line);

    // A second address, and a public one.
    let addresses = format!("--network-interface-id {interface} --private-ip-addresses {SECOND_ADDRESS}");
    sh.aws(&format!("assign-private-ip-addresses {addresses}"));
    sh.answers(&peer, SECOND_ADDRESS);
    let allocation = sh.value("allocate-address --domain vpc", "AllocationId");
    let line = format!("describe-addresses --allocation-ids {allocation}");
    let public = sh.value(&line, "Addresses[0].PublicIp");
    sh.aws(&format!("associate-address --allocation-id {allocation} --network-interface-id {interface}"));
    sh.interface(&interface, "Association.PublicIp", &public);
    sh.answers("outside", &public);

    // A rule of its group, seen in traffic.
    let knock = |check: &str| json!({ "check": check, "from": peer, "to": WEB, "at": first, "port": 8080 });
    let rule = format!("--group-id {group} --protocol tcp --port 8080 --cidr 10.0.0.0/16");
    sh.check(&knock("blocked"));
    sh.aws(&format!("authorize-security-group-ingress {rule}"));
    sh.check(&knock("passes"));
    sh.aws(&format!("revoke-security-group-ingress {rule}"));
    sh.check(&knock("blocked"));

    // Off, and on to an instance on another host, with everything it has.
    sh.aws(&format!("detach-network-interface --attachment-id {attachment}"));
    sh.interface(&interface, "Status", "available");
    sh.silent(&peer, WEB);
    sh.silent("outside", &public);
    let attachment = sh.attach(&interface, &second);
    sh.answers(&peer, WEB);
    sh.answers(&peer, SECOND_ADDRESS);
    sh.answers("outside", &public);

    // Its instance ends: without DeleteOnTermination it stays, with it it goes along.
    sh.delete_on_termination(&interface, &attachment, false);
    sh.end(&second);
    sh.interface(&interface, "Status", "available");
    sh.silent(&peer, WEB);
    let attachment = sh.attach(&interface, &first);
    sh.answers(&peer, WEB);
    sh.answers("outside", &public);
    sh.interface(&interface, "Attachment.Status", "attached");
    sh.delete_on_termination(&interface, &attachment, true);
    sh.end(&first);
    let line = format!("describe-network-interfaces --network-interface-ids {interface}");
    sh.refused("InvalidNetworkInterfaceID.NotFound", &line);
    sh.silent(&peer, WEB);
    sh.silent("outside", &public);

    // Nothing is left.
    sh.aws(&format!("release-address --allocation-id {allocation}"));
    sh.end(&peer);
    sh.aws(&format!("delete-security-group --group-id {group}"));
    sh.aws(&format!("delete-subnet --subnet-id {subnet}"));
    sh.aws(&format!("detach-internet-gateway --internet-gateway-id {gateway} --vpc-id {vpc}"));
    sh.aws(&format!("delete-internet-gateway --internet-gateway-id {gateway}"));
    sh.aws(&format!("delete-vpc --vpc-id {vpc}"));
    sh.checks
}
