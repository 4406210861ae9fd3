//! Security groups, network ACLs and prefix lists.

use clap::Subcommand;
use ipnet::IpNet;

use super::reference::{network, reference};

/// `pintle group …`.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Create a security group; without rules it lets everything out and nothing in.
    #[command(after_help = "Examples:
  pintle group create --vpc prod --name web --rule 'tcp/443 from any' --rule 'any to any'
  pintle group create --vpc prod --name db --rule 'tcp/5432 from web' --rule 'icmp/8 from 10.0.0.0/8'

A rule is PROTOCOL from|to REMOTE: what may come from the remote, or go to it.
  PROTOCOL  any, icmp_tcp_udp, tcp or udp (/PORT, /FIRST-LAST), icmp or icmpv6 (/TYPE, /TYPE/CODE),
            protocol/NUMBER
  REMOTE    any, an address, a range, a group's name or id, list:NAME, a prefix list's id;
            behind it, 'at ADDRESS' if the rule is for one address of the interface only")]
    Create {
        /// The VPC's id or name.
        #[arg(long, value_parser = reference)]
        vpc: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// A rule; may be given several times [default: 'any to any'].
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
    },
    /// List security groups.
    List {
        /// Only those of this VPC, by id or name.
        #[arg(long, value_parser = reference)]
        vpc: Option<String>,
    },
    /// Show a security group with its rules.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        group: String,
    },
    /// Delete a security group that no interface and no other group's rule needs.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        group: String,
    },
    /// Add rules, all of them or none.
    #[command(after_help = "Example:\n  pintle group add-rule web 'tcp/22 from 10.0.0.0/8' 'icmp/8 from any'")]
    AddRule {
        /// The group's id or name.
        #[arg(value_parser = reference)]
        group: String,
        /// Rules, as 'pintle group create --help' says.
        #[arg(required = true, value_name = "RULE")]
        rules: Vec<String>,
    },
    /// Remove rules, all of them or none. Connections that they let in go on: see 'pintle vni flush'.
    #[command(after_help = "Examples:
  pintle group remove-rule web 'tcp/22 from 10.0.0.0/8'
  pintle group remove-rule web sgr-0a1b2c3d4e5f60718")]
    RemoveRule {
        /// The group's id or name.
        #[arg(value_parser = reference)]
        group: String,
        /// Rules by id, or as they are written.
        #[arg(required = true, value_name = "RULE")]
        rules: Vec<String>,
    },
}

/// `pintle acl …`.
#[derive(Debug, Subcommand)]
pub(crate) enum AclCommand {
    /// Create a network ACL; what no rule allows is denied. 'pintle subnet set --acl' puts it to use.
    #[command(after_help = "Example:
  pintle acl create --vpc prod --name edge --rule 'deny ingress tcp/23 from any to any' \\
    --rule 'allow ingress any from any to any' --rule 'allow egress any from any to any'

A rule is allow|deny ingress|egress PROTOCOL from SOURCE [port PORTS] to DESTINATION; of a direction, the first
that matches decides. Protocols are those of 'pintle group create --help'; SOURCE and DESTINATION are any, an
address or a range.")]
    Create {
        /// The VPC's id or name.
        #[arg(long, value_parser = reference)]
        vpc: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// A rule; may be given several times, in order.
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
    },
    /// List network ACLs.
    List {
        /// Only those of this VPC, by id or name.
        #[arg(long, value_parser = reference)]
        vpc: Option<String>,
    },
    /// Show a network ACL with its rules, in order.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        acl: String,
    },
    /// Delete a network ACL that no subnet has.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        acl: String,
    },
    /// Add a rule.
    #[command(after_help = "Example:
  pintle acl add-rule edge 'allow ingress tcp/443 from any to any' --before acl-rule-0a1b2c3d4e5f60718")]
    AddRule {
        /// The ACL's id or name.
        #[arg(value_parser = reference)]
        acl: String,
        /// The rule, as 'pintle acl create --help' says.
        rule: String,
        /// The id of the rule that it comes before [default: it comes last].
        #[arg(long, value_name = "RULE", conflicts_with = "number", value_parser = reference)]
        before: Option<String>,
        /// Its number, 1 to 32766: rules with numbers are in their order.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=32766))]
        number: Option<u16>,
    },
    /// Remove rules, all of them or none.
    #[command(after_help = "Example:\n  pintle acl remove-rule edge 'deny ingress tcp/23 from any to any'")]
    RemoveRule {
        /// The ACL's id or name.
        #[arg(value_parser = reference)]
        acl: String,
        /// Rules by id, by name, or as they are written.
        #[arg(required = true, value_name = "RULE")]
        rules: Vec<String>,
    },
}

/// `pintle prefix-list …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PrefixListCommand {
    /// Create a prefix list: networks that rules call by one name.
    #[command(after_help = "Example:
  pintle prefix-list create --name offices --max-entries 10 --network 198.51.100.0/24 --network 203.0.113.7
  pintle group add-rule web 'tcp/22 from list:offices'")]
    Create {
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// The most networks that it may have; a rule that refers to it counts as so many rules.
        #[arg(long, value_name = "COUNT")]
        max_entries: u32,
        /// A network or address; may be given several times.
        #[arg(long = "network", value_parser = network)]
        networks: Vec<IpNet>,
        /// Its networks are of IPv6, when none is given yet.
        #[arg(long)]
        ipv6: bool,
    },
    /// List prefix lists.
    List,
    /// Show a prefix list with its networks.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        list: String,
    },
    /// Add and remove networks; takes effect in every rule that refers to it.
    #[command(after_help = "Example:\n  pintle prefix-list modify offices --add 192.0.2.0/24 --remove 203.0.113.7")]
    Modify {
        /// Its id or name.
        #[arg(value_parser = reference)]
        list: String,
        /// A network to add; may be given several times.
        #[arg(long, value_name = "NETWORK", value_parser = network)]
        add: Vec<IpNet>,
        /// A network to remove; may be given several times.
        #[arg(long, value_name = "NETWORK", value_parser = network)]
        remove: Vec<IpNet>,
        /// The most networks that it may have from now on.
        #[arg(long, value_name = "COUNT")]
        max_entries: Option<u32>,
    },
    /// Delete a prefix list that no rule refers to.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        list: String,
    },
}
