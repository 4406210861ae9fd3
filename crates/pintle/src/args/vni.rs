//! Interfaces.

use std::net::{IpAddr, Ipv4Addr};

use clap::{ArgGroup, Subcommand, ValueEnum, value_parser};
use ipnet::IpNet;

use super::reference::{network, reference};

/// `pintle vni …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VniCommand {
    /// Create an interface.
    #[command(
        after_help = "Example:\n  pintle vni create --subnet apps --name web --address 10.0.1.10 --secondary 10.0.1.11"
    )]
    Create {
        /// The subnet's id or name.
        #[arg(long, value_parser = reference)]
        subnet: String,
        /// Its name [default: made up].
        #[arg(long)]
        name: Option<String>,
        /// Its primary address [default: any free one].
        #[arg(long)]
        address: Option<Ipv4Addr>,
        /// A secondary address; may be given several times.
        #[arg(long, value_name = "ADDRESS")]
        secondary: Vec<IpAddr>,
        /// Give it an IPv6 address, any free one.
        #[arg(long)]
        ipv6: bool,
        /// A security group, by id or name; may be given several times [default: the VPC's default group].
        #[arg(long = "group", value_name = "GROUP", value_parser = reference)]
        groups: Vec<String>,
        /// Let it send from addresses that are not its own.
        #[arg(long)]
        allow_ip_spoofing: bool,
    },
    /// List interfaces, with where they are.
    List,
    /// Show an interface.
    Get {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Delete an interface that is not attached.
    Delete {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Attach an interface to an instance, and wait until it works.
    #[command(after_help = "Example:\n  pintle vni attach web --instance web-1")]
    Attach {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// The instance's or bare metal server's id or name.
        #[arg(long, value_parser = reference)]
        instance: String,
        /// On a bare metal server: this VLAN of the card that allows it [default: a card of its own].
        #[arg(long)]
        vlan: Option<u16>,
        /// The interface follows its traffic to other bare metal servers that allow the VLAN.
        #[arg(long, requires = "vlan")]
        float: bool,
    },
    /// Detach an interface from whatever it is attached to, and wait until it is.
    #[command(after_help = "Examples:
  pintle vni detach web
  pintle vni detach web --force    when its host is gone")]
    Detach {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// Do not wait for its host, which may be gone; all other hosts refuse it from then on.
        #[arg(long)]
        force: bool,
    },
    /// Move an interface to another instance, on the same or another host, with its addresses and MAC.
    #[command(after_help = "Example:\n  pintle vni move web --to web-2")]
    Move {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// The instance's or bare metal server's id or name.
        #[arg(long, value_name = "INSTANCE", value_parser = reference)]
        to: String,
        /// On a bare metal server: its VLAN there [default: the one that it has].
        #[arg(long)]
        vlan: Option<u16>,
        /// The interface follows its traffic to other bare metal servers that allow the VLAN.
        #[arg(long, requires = "vlan")]
        float: bool,
    },
    /// Show which kinds of target an interface could be attached to as it is, and what keeps it from the others.
    Targets {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Change what an interface may do; takes effect at once.
    #[command(after_help = "Examples:
  pintle vni set router --source-dest-check off
  pintle vni set web --state-filtering disabled --tcp-timeout 3600")]
    Set {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// Its new name.
        #[arg(long)]
        name: Option<String>,
        /// Whether it may send from addresses that are not its own.
        #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
        allow_ip_spoofing: Option<Switch>,
        /// Whether it only gets what is for its own addresses; off for routers and firewalls.
        #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
        source_dest_check: Option<Switch>,
        /// Whether packets must fit the state of their connection: auto, enabled or disabled.
        #[arg(long, value_name = "MODE", value_parser = ["auto", "enabled", "disabled"], hide_possible_values = true)]
        state_filtering: Option<String>,
        /// Seconds until an idle established TCP connection is forgotten, 60 to 432000.
        #[arg(long, value_name = "SECONDS")]
        tcp_timeout: Option<u32>,
    },
    /// An interface's security groups.
    #[command(subcommand)]
    Groups(VniGroupsCommand),
    /// An interface's addresses and the networks delegated to it.
    #[command(subcommand)]
    Ip(VniIpCommand),
    /// Limit how fast an interface may be; what is not given is not limited.
    #[command(after_help = "Examples:
  pintle vni limit web --egress 100M --ingress 1G
  pintle vni limit web                            no limits")]
    Limit {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// From the guest, in bits per second: a number with k, M or G.
        #[arg(long, value_name = "RATE", value_parser = rate)]
        egress: Option<u32>,
        /// To the guest, in bits per second: a number with k, M or G.
        #[arg(long, value_name = "RATE", value_parser = rate)]
        ingress: Option<u32>,
        /// Who goes first when a link is full: 0 (first) to 7 (last).
        #[arg(long, default_value_t = 0, value_parser = value_parser!(u8).range(0..=7))]
        priority: u8,
    },
    /// Cut an interface off at once, connections that exist too, but for what these groups permit.
    #[command(after_help = "Examples:
  pintle vni quarantine web
  pintle vni quarantine web --group forensics")]
    Quarantine {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// A group that may still pass, by id or name; may be given several times [default: nothing passes].
        #[arg(long = "group", value_name = "GROUP", value_parser = reference)]
        groups: Vec<String>,
    },
    /// End an interface's quarantine.
    Release {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// End the connections of an interface that its policy no longer permits.
    Flush {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
    },
    /// Try groups out beside the real ones: what they would say is counted ('pintle drops') and has no effect.
    #[command(group(ArgGroup::new("what").required(true).args(["groups", "off"])), after_help = "Examples:
  pintle vni shadow web --group web-strict
  pintle vni shadow web --off")]
    Shadow {
        /// Its id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// A group to try out, by id or name; may be given several times.
        #[arg(long = "group", value_name = "GROUP", value_parser = reference)]
        groups: Vec<String>,
        /// End it.
        #[arg(long)]
        off: bool,
    },
}

/// On or off.
// Not doc comments on the variants: clap would then spread every help text over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// `pintle vni groups …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VniGroupsCommand {
    /// Give an interface these security groups and no others.
    #[command(after_help = "Example:\n  pintle vni groups set web frontend monitoring")]
    Set {
        /// The interface's id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// Groups by id or name.
        #[arg(required = true, value_name = "GROUP", value_parser = reference)]
        groups: Vec<String>,
    },
}

/// `pintle vni ip …`.
#[derive(Debug, Subcommand)]
pub(crate) enum VniIpCommand {
    /// Give an interface an address or a network; without one, any free address.
    #[command(after_help = "Examples:
  pintle vni ip add web 10.0.1.12
  pintle vni ip add web 10.0.1.12 --reassign    take it over from another interface
  pintle vni ip add web --ipv6
  pintle vni ip add web 10.0.1.32/28            a network: all its addresses are the interface's
  pintle vni ip add web --prefix")]
    Add {
        /// The interface's id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// An address, or a network: /28 of IPv4, /80 of IPv6.
        #[arg(value_parser = network)]
        address: Option<IpNet>,
        /// Choose an IPv6 one.
        #[arg(long, conflicts_with = "address")]
        ipv6: bool,
        /// Choose a network, not an address.
        #[arg(long, conflicts_with = "address")]
        prefix: bool,
        /// Take the address over if another interface of the subnet has it as a secondary one.
        #[arg(long, requires = "address")]
        reassign: bool,
    },
    /// Take a secondary address or a network away.
    #[command(after_help = "Example:\n  pintle vni ip remove web 10.0.1.12")]
    Remove {
        /// The interface's id or name.
        #[arg(value_parser = reference)]
        vni: String,
        /// The address or network.
        #[arg(value_parser = network)]
        address: IpNet,
    },
}

/// A rate in kilobits per second, written as bits per second with a unit.
fn rate(text: &str) -> Result<u32, String> {
    let wrong = || "not a rate such as 500k, 100M or 1G (bits per second)".to_owned();
    let (digits, factor) = match text.char_indices().last().ok_or_else(wrong)? {
        (at, 'k' | 'K') => (&text[..at], 1),
        (at, 'M' | 'm') => (&text[..at], 1_000),
        (at, 'G' | 'g') => (&text[..at], 1_000_000),
        _ => return Err(wrong()),
    };
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|rate| *rate > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit_and_are_kilobits() {
        assert_eq!((rate("500k"), rate("100M"), rate("1G")), (Ok(500), Ok(100_000), Ok(1_000_000)));
        for bad in ["", "100", "M", "-1M", "1.5G", "0k", "9999G", "1T", "é"] {
            assert!(rate(bad).unwrap_err().contains("such as"), "{bad}");
        }
    }
}
