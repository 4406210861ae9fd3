//! The rules, noun by noun: what is accepted, what is refused, and what the refusal says.

mod acl_entries;
mod addressing;
mod attachment;
mod beside;
mod delegation;
mod floating_ip;
mod flow_log;
mod host;
mod instance;
mod ipv6;
mod late_reports;
mod launch;
mod life;
mod moving;
mod names;
mod network_acl;
mod prefix_list;
mod reserved_ip;
pub(crate) mod routing;
mod rule_quota;
mod security_group;
mod subnet;
mod tenants;
mod vni;
mod vni_permission;
mod vni_policy;
mod vpc;
