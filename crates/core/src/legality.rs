//! What an interface may be like on each kind of target: the one statement of it.
//!
//! Decisions refuse by [`TABLE`], both APIs and the CLI show what it says, and `docs/targets.md` is made from it. The rules
//! are IBM VPC's; where its documents contradict each other, several floating IPs need infrastructure NAT to be off, and IP
//! spoofing has nothing to do with it.

use std::fmt;

use crate::model::{ProtocolStateFiltering, TargetKind, Vni};

/// What of an interface a kind of target can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// Whether it may send from addresses that are not its own.
    IpSpoofing,
    /// Whether floating IPs are translated to its addresses.
    InfrastructureNat,
    /// Its addresses beside the primary one of each IP version, and networks delegated to it.
    SecondaryAddresses,
    /// Its protocol state filtering mode.
    StateFiltering,
    /// The floating IPs that lead to it.
    FloatingIps,
    /// The flow logs of its own.
    FlowLogs,
}

impl Property {
    /// All of them, in the order of [`TABLE`].
    pub const ALL: [Property; 6] = [
        Property::IpSpoofing,
        Property::InfrastructureNat,
        Property::SecondaryAddresses,
        Property::StateFiltering,
        Property::FloatingIps,
        Property::FlowLogs,
    ];

    /// Its name, as fields are called.
    pub fn name(self) -> &'static str {
        match self {
            Property::IpSpoofing => "allow_ip_spoofing",
            Property::InfrastructureNat => "enable_infrastructure_nat",
            Property::SecondaryAddresses => "ips",
            Property::StateFiltering => "protocol_state_filtering_mode",
            Property::FloatingIps => "floating_ips",
            Property::FlowLogs => "flow_log_collectors",
        }
    }
}

/// What may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Anything.
    Any,
    /// Only yes.
    True,
    /// Only no.
    False,
    /// Not one of them.
    None,
    /// A mode of protocol state filtering other than `disabled`.
    NotDisabled,
    /// One while infrastructure NAT is enabled, any number otherwise. It binds those who ask in IBM VPC's way only: in EC2's,
    /// each private address can have one.
    OneIfTranslated,
}

impl Limit {
    /// The rule as a sentence about "it", for messages and tables.
    pub fn words(self) -> &'static str {
        match self {
            Limit::Any => "anything goes",
            Limit::True => "it must be true",
            Limit::False => "it must be false",
            Limit::None => "there must be none",
            Limit::NotDisabled => "it must be 'auto' or 'enabled'",
            Limit::OneIfTranslated => "there must be one at most while enable_infrastructure_nat is true",
        }
    }
}

/// One property and its limits.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The property.
    pub property: Property,
    /// While the interface is attached to nothing.
    pub unattached: Limit,
    /// On an instance.
    pub instance: Limit,
    /// On a bare metal server.
    pub bare_metal: Limit,
    /// On a share mount target.
    pub share_mount: Limit,
}

impl Row {
    /// The limit on a kind of target; `None`: while attached to nothing.
    pub fn limit(&self, on: Option<TargetKind>) -> Limit {
        match on {
            None => self.unattached,
            Some(TargetKind::Instance) => self.instance,
            Some(TargetKind::BareMetal) => self.bare_metal,
            Some(TargetKind::ShareMount) => self.share_mount,
        }
    }
}

/// The rules.
#[rustfmt::skip]
pub const TABLE: [Row; 6] = {
    use Limit::{Any, False, None, NotDisabled, OneIfTranslated, True};
    use Property::{FloatingIps, FlowLogs, InfrastructureNat, IpSpoofing, SecondaryAddresses, StateFiltering};
    [
        Row { property: IpSpoofing,         unattached: Any,             instance: Any,             bare_metal: Any,             share_mount: False },
        Row { property: InfrastructureNat,  unattached: Any,             instance: True,            bare_metal: Any,             share_mount: True },
        Row { property: SecondaryAddresses, unattached: Any,             instance: Any,             bare_metal: Any,             share_mount: None },
        Row { property: StateFiltering,     unattached: Any,             instance: Any,             bare_metal: Any,             share_mount: NotDisabled },
        Row { property: FloatingIps,        unattached: OneIfTranslated, instance: OneIfTranslated, bare_metal: OneIfTranslated, share_mount: None },
        Row { property: FlowLogs,           unattached: Any,             instance: Any,             bare_metal: None,            share_mount: None },
    ]
};

/// The limit of a property on a kind of target; `None`: while attached to nothing.
pub fn limit(property: Property, on: Option<TargetKind>) -> Limit {
    let row = TABLE.iter().find(|row| row.property == property);
    row.map_or(Limit::Any, |row| row.limit(on))
}

/// What of an interface the rules ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Whether it may send from addresses that are not its own.
    pub ip_spoofing: bool,
    /// Whether floating IPs are translated to its addresses.
    pub infrastructure_nat: bool,
    /// How many addresses it has beside the primary one of each IP version, delegated networks included.
    pub secondary_addresses: usize,
    /// Its protocol state filtering mode.
    pub state_filtering: ProtocolStateFiltering,
    /// How many floating IPs lead to it.
    pub floating_ips: usize,
    /// How many flow logs it has of its own, not counting those of its subnet and its VPC.
    pub flow_logs: usize,
}

impl Traits {
    /// Those of an interface.
    pub fn of(vni: &Vni, floating_ips: usize, flow_logs: usize) -> Self {
        let primary = 1 + usize::from(vni.primary_ipv6.is_some());
        Traits {
            ip_spoofing: vni.allow_ip_spoofing,
            infrastructure_nat: vni.enable_infrastructure_nat,
            secondary_addresses: vni.ips.len().saturating_sub(primary) + vni.prefixes.len(),
            state_filtering: vni.protocol_state_filtering,
            floating_ips,
            flow_logs,
        }
    }

    /// What a property is, in words.
    fn value(&self, property: Property) -> String {
        match property {
            Property::IpSpoofing => self.ip_spoofing.to_string(),
            Property::InfrastructureNat => self.infrastructure_nat.to_string(),
            Property::SecondaryAddresses => format!("{} secondary", self.secondary_addresses),
            Property::StateFiltering => self.state_filtering.name().to_owned(),
            Property::FloatingIps => self.floating_ips.to_string(),
            Property::FlowLogs => self.flow_logs.to_string(),
        }
    }

    /// Whether a property is within a limit.
    fn keeps(&self, property: Property, limit: Limit) -> bool {
        let yes = match property {
            Property::IpSpoofing => self.ip_spoofing,
            Property::InfrastructureNat => self.infrastructure_nat,
            Property::SecondaryAddresses => self.secondary_addresses > 0,
            Property::StateFiltering => self.state_filtering != ProtocolStateFiltering::Disabled,
            Property::FloatingIps => self.floating_ips > 0,
            Property::FlowLogs => self.flow_logs > 0,
        };
        match limit {
            Limit::Any => true,
            Limit::True | Limit::NotDisabled => yes,
            Limit::False | Limit::None => !yes,
            Limit::OneIfTranslated => !self.infrastructure_nat || self.floating_ips <= 1,
        }
    }
}

/// A property that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Which.
    pub property: Property,
    /// What it is, or would be.
    pub value: String,
    /// The rule that it breaks.
    pub limit: Limit,
    /// On which kind of target; `None`: while attached to nothing.
    pub on: Option<TargetKind>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { property, value, limit, on } = self;
        let place = on.map_or(String::new(), |kind| format!(" on {}", kind.words()));
        write!(f, "field '{}': value '{value}' is not allowed{place}: {}", property.name(), limit.words())
    }
}

/// In whose way a request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    /// EC2's and the native API's: each private address can have a floating IP.
    #[default]
    PerAddress,
    /// IBM VPC's: an interface has one floating IP at most while infrastructure NAT is enabled.
    PerInterface,
}

/// Everything that keeps an interface from being so on a kind of target (`None`: attached to nothing), in the order of
/// [`TABLE`]; empty: it can be so.
pub fn conflicts(on: Option<TargetKind>, traits: &Traits, manner: Manner) -> Vec<Conflict> {
    let binds = |limit: Limit| limit != Limit::OneIfTranslated || manner == Manner::PerInterface;
    let broken = TABLE.iter().filter(|row| binds(row.limit(on)) && !traits.keeps(row.property, row.limit(on)));
    broken
        .map(|row| Conflict { property: row.property, value: traits.value(row.property), limit: row.limit(on), on })
        .collect()
}

/// Every combination of traits that the rules tell apart, 144 of them: none, one and two floating IPs, and of the other
/// countable things none and one.
pub fn combinations() -> Vec<Traits> {
    use ProtocolStateFiltering::{Auto, Disabled, Enabled};
    let mut all = Vec::with_capacity(144);
    for bits in 0..16 {
        for state_filtering in [Auto, Enabled, Disabled] {
            for floating_ips in 0..3 {
                let bit = |place: usize| bits >> place & 1 == 1;
                all.push(Traits {
                    ip_spoofing: bit(0),
                    infrastructure_nat: bit(1),
                    secondary_addresses: usize::from(bit(2)),
                    state_filtering,
                    floating_ips,
                    flow_logs: usize::from(bit(3)),
                });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f03_the_table_has_each_property_once_in_order() {
        assert_eq!(TABLE.map(|row| row.property), Property::ALL);
    }

    #[test]
    fn f04_a_conflict_names_property_value_rule_and_target() {
        let traits = Traits {
            ip_spoofing: true,
            infrastructure_nat: false,
            secondary_addresses: 2,
            state_filtering: ProtocolStateFiltering::Disabled,
            floating_ips: 3,
            flow_logs: 1,
        };
        let told: Vec<String> = conflicts(Some(TargetKind::ShareMount), &traits, Manner::PerAddress)
            .iter()
            .map(ToString::to_string)
            .collect();
        let on = "on a share mount target";
        assert_eq!(
            told,
            [
                format!("field 'allow_ip_spoofing': value 'true' is not allowed {on}: it must be false"),
                format!("field 'enable_infrastructure_nat': value 'false' is not allowed {on}: it must be true"),
                format!("field 'ips': value '2 secondary' is not allowed {on}: there must be none"),
                format!(
                    "field 'protocol_state_filtering_mode': value 'disabled' is not allowed {on}: it must be 'auto' or 'enabled'"
                ),
                format!("field 'floating_ips': value '3' is not allowed {on}: there must be none"),
                format!("field 'flow_log_collectors': value '1' is not allowed {on}: there must be none"),
            ]
        );
    }
}
