//! What EC2 calls the kinds of things in `ResourceType`, by what their ids begin with.

/// Beginnings of ids and the type of resource; the longer one stands before one that it begins with.
const KINDS: &[(&str, &str)] = &[
    ("vpc-", "vpc"),
    ("subnet-", "subnet"),
    ("eni-", "network-interface"),
    ("i-", "instance"),
    ("sgr-", "security-group-rule"),
    ("sg-", "security-group"),
    ("acl-", "network-acl"),
    ("pl-", "prefix-list"),
    ("eipalloc-", "elastic-ip"),
    ("nat-", "natgateway"),
    ("igw-", "internet-gateway"),
    ("rtb-", "route-table"),
    ("dopt-", "dhcp-options"),
    ("fl-", "vpc-flow-log"),
    ("scr-", "subnet-cidr-reservation"),
];

/// The type of resource of an id; empty for what EC2 has no tags on.
pub(super) fn kind(id: &str) -> &'static str {
    KINDS.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("", |(_, kind)| kind)
}
