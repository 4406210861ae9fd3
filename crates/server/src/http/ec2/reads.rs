//! What EC2's operations need that only read.

use pintle_authz::{Action, Need};
use pintle_core::model::{ResourceType as T, Verb};

/// The types of things that an operation lists; `None`: it is none that reads.
pub(super) fn listed(operation: &str) -> Option<&'static [T]> {
    Some(match operation {
        "DescribeNetworkInterfaces" | "DescribeNetworkInterfaceAttribute" | "DescribeNetworkInterfacePermissions" => {
            &[T::Vni]
        }
        "DescribeInstances"
        | "DescribeInstanceStatus"
        | "DescribeInstanceAttribute"
        | "DescribeInstanceCreditSpecifications"
        | "DescribeIamInstanceProfileAssociations"
        | "DescribeVolumes"
        | "GetConsoleOutput"
        | "GetPasswordData"
        | "RebootInstances" => &[T::Instance],
        "DescribeImages" => &[T::Image],
        "DescribeKeyPairs" => &[T::Key],
        "DescribeVpcs"
        | "DescribeVpcAttribute"
        | "DescribeDhcpOptions"
        | "DescribeInternetGateways"
        | "DescribeRouteTables" => &[T::Vpc],
        "DescribeSubnets" | "GetSubnetCidrReservations" => &[T::Subnet],
        "DescribeSecurityGroups"
        | "DescribeSecurityGroupRules"
        | "DescribeSecurityGroupVpcAssociations"
        | "DescribeSecurityGroupReferences"
        | "DescribeStaleSecurityGroups"
        | "GetSecurityGroupsForVpc"
        | "DescribePrefixLists"
        | "DescribeManagedPrefixLists"
        | "GetManagedPrefixListEntries"
        | "GetManagedPrefixListAssociations" => &[T::SecurityGroup],
        "DescribeNetworkAcls" => &[T::NetworkAcl],
        "DescribeAddresses" | "DescribeAddressesAttribute" | "MoveAddressToVpc" => &[T::FloatingIp],
        "DescribeNatGateways" => &[T::PublicGateway],
        "DescribeFlowLogs" => &[T::FlowLogCollector],
        // The tags of everything.
        "DescribeTags" => T::ALL,
        // What there is to choose from, and who one is.
        "DescribeAccountAttributes"
        | "DescribeAvailabilityZones"
        | "DescribeRegions"
        | "DescribeInstanceTypes"
        | "DescribeInstanceTypeOfferings"
        | "DescribePlacementGroups"
        | "GetCallerIdentity" => &[],
        _ => return None,
    })
}

/// What an operation does to what it lists. Some change nothing here and do elsewhere: whoever may not do it there may not here.
fn verb(operation: &str) -> Verb {
    match operation {
        "RebootInstances" => Verb::Operate,
        "MoveAddressToVpc" => Verb::Update,
        _ => Verb::List,
    }
}

/// What an operation needs that makes no command: to list what it lists. What is not known to read needs everything.
pub(super) fn needs(operation: &str) -> Vec<Need> {
    let (types, verb) = listed(operation).map_or((T::ALL, Verb::Update), |types| (types, verb(operation)));
    types.iter().map(|on| Need { action: Action { on: *on, verb }, of: None }).collect()
}

#[cfg(test)]
mod tests {
    use pintle_dialect::ec2::{Class, OPERATIONS};

    use super::*;

    #[test]
    fn p06_every_operation_that_reads_says_what_it_reads() {
        for operation in OPERATIONS.iter().filter(|operation| operation.class == Class::Read) {
            assert!(listed(operation.name).is_some(), "{}", operation.name);
        }
    }
}
