// The whole life of an interface by AWS's SDK for JavaScript, each step checked by packets. What the test and this say to
// each other is in lab.py.
"use strict";
const assert = require("node:assert");
const readline = require("node:readline");
const aws = require("@aws-sdk/client-ec2");

const ec2 = new aws.EC2({ maxAttempts: 1 });
const zone = process.env.PINTLE_ZONE;
const [web, secondAddress, port] = ["10.0.1.50", "10.0.1.51", 8080];
const heard = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(check, details) {
  console.log(JSON.stringify({ check, ...details }));
  const answer = JSON.parse((await heard.next()).value);
  assert.ok(!answer.error, answer.error);
}

async function until(what, holds, seconds = 30) {
  for (const deadline = Date.now() + seconds * 1000; !(await holds()); ) {
    assert.ok(Date.now() < deadline, `not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const wait = (waiter, ids) => waiter({ client: ec2, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, ids);
const refused = (name, call) => assert.rejects(call, (error) => (assert.equal(error.name, name), true));
const shown = async (eni) =>
  (await ec2.describeNetworkInterfaces({ NetworkInterfaceIds: [eni] })).NetworkInterfaces[0];
const attached = (eni) =>
  until("attached", async () => (await shown(eni)).Attachment?.Status === "attached");

async function launch(subnet) {
  const image = { ImageId: "ami-00000000000000001", InstanceType: "t3.small", MinCount: 1, MaxCount: 1 };
  return (await ec2.runInstances({ ...image, SubnetId: subnet })).Instances[0].InstanceId;
}

async function live() {
  // A network with a way out.
  const vpc = (await ec2.createVpc({ CidrBlock: "10.0.0.0/16" })).Vpc.VpcId;
  await wait(aws.waitUntilVpcAvailable, { VpcIds: [vpc] });
  const made = await ec2.createSubnet({ VpcId: vpc, CidrBlock: "10.0.1.0/24", AvailabilityZone: zone });
  const subnet = made.Subnet.SubnetId;
  await wait(aws.waitUntilSubnetAvailable, { SubnetIds: [subnet] });
  const gateway = (await ec2.createInternetGateway({})).InternetGateway.InternetGatewayId;
  await ec2.attachInternetGateway({ InternetGatewayId: gateway, VpcId: vpc });
  const tables = await ec2.describeRouteTables({ Filters: [{ Name: "vpc-id", Values: [vpc] }] });
  const table = tables.RouteTables[0].RouteTableId;
  await ec2.createRoute({ RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  const about = { GroupName: "web", Description: "what the interface lets in" };
  const group = (await ec2.createSecurityGroup({ ...about, VpcId: vpc })).GroupId;
  const ping = [{ IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
  await ec2.authorizeSecurityGroupIngress({ GroupId: group, IpPermissions: ping });

  // Three instances; the first two are on different hosts.
  const [first, second, peer] = [await launch(subnet), await launch(subnet), await launch(subnet)];
  await wait(aws.waitUntilInstanceRunning, { InstanceIds: [first, second, peer] });
  await ask("apart", { these: [first, second] });

  // Created and attached, it answers.
  const tags = [{ ResourceType: "network-interface", Tags: [{ Key: "Name", Value: "web" }] }];
  const wanted = { SubnetId: subnet, Description: "web", PrivateIpAddress: web, Groups: [group] };
  const created = await ec2.createNetworkInterface({ ...wanted, TagSpecifications: tags });
  const eni = created.NetworkInterface.NetworkInterfaceId;
  await wait(aws.waitUntilNetworkInterfaceAvailable, { NetworkInterfaceIds: [eni] });
  assert.deepEqual((await shown(eni)).TagSet, [{ Key: "Name", Value: "web" }]);
  const place = (instance) => ({ NetworkInterfaceId: eni, InstanceId: instance, DeviceIndex: 1 });
  let attachment = (await ec2.attachNetworkInterface(place(first))).AttachmentId;
  await attached(eni);
  assert.equal((await shown(eni)).Status, "in-use");
  await ask("answers", { from: peer, to: web });
  await refused("InvalidNetworkInterface.InUse", ec2.deleteNetworkInterface({ NetworkInterfaceId: eni }));

  // A second address, and a public one.
  const more = { NetworkInterfaceId: eni, PrivateIpAddresses: [secondAddress] };
  const assigned = (await ec2.assignPrivateIpAddresses(more)).AssignedPrivateIpAddresses;
  assert.deepEqual(assigned.map((one) => one.PrivateIpAddress), [secondAddress]);
  await ask("answers", { from: peer, to: secondAddress });
  const { AllocationId: allocation, PublicIp: pub } = await ec2.allocateAddress({ Domain: "vpc" });
  await ec2.associateAddress({ AllocationId: allocation, NetworkInterfaceId: eni, PrivateIpAddress: web });
  assert.equal((await shown(eni)).Association.PublicIp, pub);
  await ask("answers", { from: "outside", to: pub });

  // A rule of its group, seen in traffic.
  const knock = { from: peer, to: web, at: first, port };
  await ask("blocked", knock);
  const http = [{ IpProtocol: "tcp", FromPort: port, ToPort: port, IpRanges: [{ CidrIp: "10.0.0.0/16" }] }];
  await ec2.authorizeSecurityGroupIngress({ GroupId: group, IpPermissions: http });
  await ask("passes", knock);
  await ec2.revokeSecurityGroupIngress({ GroupId: group, IpPermissions: http });
  await ask("blocked", knock);

  // Off, and on to an instance on another host, with everything it has.
  await ec2.detachNetworkInterface({ AttachmentId: attachment });
  await wait(aws.waitUntilNetworkInterfaceAvailable, { NetworkInterfaceIds: [eni] });
  await ask("silent", { from: peer, to: web });
  await ask("silent", { from: "outside", to: pub });
  attachment = (await ec2.attachNetworkInterface(place(second))).AttachmentId;
  await ask("answers", { from: peer, to: web });
  await ask("answers", { from: peer, to: secondAddress });
  await ask("answers", { from: "outside", to: pub });

  // Its instance ends: without DeleteOnTermination it stays, with it it goes along.
  const end = async (instance) => {
    await ec2.terminateInstances({ InstanceIds: [instance] });
    await wait(aws.waitUntilInstanceTerminated, { InstanceIds: [instance] });
  };
  const kept = { AttachmentId: attachment, DeleteOnTermination: false };
  await ec2.modifyNetworkInterfaceAttribute({ NetworkInterfaceId: eni, Attachment: kept });
  await end(second);
  await wait(aws.waitUntilNetworkInterfaceAvailable, { NetworkInterfaceIds: [eni] });
  await ask("silent", { from: peer, to: web });
  attachment = (await ec2.attachNetworkInterface(place(first))).AttachmentId;
  await ask("answers", { from: peer, to: web });
  await ask("answers", { from: "outside", to: pub });
  await attached(eni);
  const goes = { AttachmentId: attachment, DeleteOnTermination: true };
  await ec2.modifyNetworkInterfaceAttribute({ NetworkInterfaceId: eni, Attachment: goes });
  await end(first);
  await refused("InvalidNetworkInterfaceID.NotFound", shown(eni));
  await ask("silent", { from: peer, to: web });
  await ask("silent", { from: "outside", to: pub });
  const address = (await ec2.describeAddresses({ AllocationIds: [allocation] })).Addresses[0];
  assert.equal(address.AssociationId, undefined);

  // Nothing is left.
  await ec2.releaseAddress({ AllocationId: allocation });
  await end(peer);
  await ec2.deleteSecurityGroup({ GroupId: group });
  await ec2.deleteSubnet({ SubnetId: subnet });
  await ec2.detachInternetGateway({ InternetGatewayId: gateway, VpcId: vpc });
  await ec2.deleteInternetGateway({ InternetGatewayId: gateway });
  await ec2.deleteVpc({ VpcId: vpc });
}

live().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
