//! From rules to what a gate holds: classes for networks, identities and local addresses. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pintle_core::id::{PrefixListId, SecurityGroupId};
use pintle_core::policy::{Direction, Remote, Rule};

use super::class::{Class, OpenProtocols, Version};

/// The networks of each prefix list that is known.
pub(crate) type PrefixLists = BTreeMap<PrefixListId, Arc<[IpNet]>>;
/// The sets of groups that remotes can be in, with their numbers.
pub(crate) type Identities = BTreeMap<Vec<SecurityGroupId>, u32>;

/// One direction of a policy, compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CompiledGate {
    /// What permits remotes by their address.
    pub(crate) remotes: Remotes,
    /// What permits remotes by their groups; no class is empty.
    pub(crate) identities: BTreeMap<u32, Arc<Class>>,
    /// Gates that stand in for this one at some of the interface's addresses. They have no locals themselves.
    pub(crate) locals: BTreeMap<IpNet, CompiledGate>,
}

/// The classes of remote addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remotes {
    /// One for each IP version: no rule tells networks apart.
    Any { v4: Arc<Class>, v6: Arc<Class> },
    /// By longest prefix. Each class has all that its network's larger networks permit. Both versions are apart: there is
    /// a node for all of IPv4, since a larger IPv6 network would match IPv4-mapped addresses.
    ByNet(BTreeMap<IpNet, Arc<Class>>),
}

impl Default for Remotes {
    fn default() -> Self {
        Remotes::Any { v4: Arc::default(), v6: Arc::default() }
    }
}

impl CompiledGate {
    /// Whether nothing passes it.
    pub(crate) fn is_empty(&self) -> bool {
        let no_remotes = matches!(&self.remotes, Remotes::Any { v4, v6 } if v4.is_empty() && v6.is_empty());
        no_remotes && self.identities.is_empty() && self.locals.is_empty()
    }
}

/// Compiles a policy: ingress, egress. `rules` stand in the order of (group id, place in the group).
pub(crate) fn compile(rules: &[&Rule], lists: &PrefixLists, identities: &Identities) -> [CompiledGate; 2] {
    let of = |direction| rules.iter().copied().filter(|rule| rule.direction == direction).collect::<Vec<_>>();
    let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
    [(&ingress, &egress), (&egress, &ingress)].map(|(rules, other)| compile_gate(rules, other, lists, identities))
}

fn compile_gate(rules: &[&Rule], other: &[&Rule], lists: &PrefixLists, identities: &Identities) -> CompiledGate {
    /// The rules that hold at all of these addresses of the interface.
    fn at<'a>(rules: &[&'a Rule], net: Option<IpNet>) -> Vec<&'a Rule> {
        let holds = |local: IpNet| net.is_some_and(|net| local.trunc().contains(&net));
        rules.iter().copied().filter(|rule| rule.local.is_none_or(holds)).collect()
    }
    let mut compiler = Compiler { lists, identities, classes: HashMap::new(), other: OpenProtocols::default() };
    let mut gate = |net| {
        compiler.other = OpenProtocols::of(&at(other, net));
        compiler.gate(&at(rules, net))
    };
    let mut main = gate(None);
    let nets: BTreeSet<IpNet> = rules.iter().filter_map(|rule| rule.local).map(|net| net.trunc()).collect();
    for net in nets.into_iter().filter(|net| !within_mapped(*net)) {
        main.locals.insert(net, gate(Some(net)));
    }
    // An IPv6 network that holds the IPv4-mapped addresses must not catch IPv4: all of IPv4 has a gate of its own then.
    let all = everything(Version::V4);
    if main.locals.keys().any(|net| net.addr().is_ipv6() && net.contains(&IpNet::V6(mapped())))
        && !main.locals.contains_key(&all)
    {
        main.locals.insert(all, gate(None));
    }
    main
}

/// The IPv6 network that holds what IPv4 addresses look like in the maps.
fn mapped() -> Ipv6Net {
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96)
}

/// All addresses of a version.
pub(crate) fn everything(version: Version) -> IpNet {
    match version {
        Version::V4 => IpNet::V4(Ipv4Net::default()),
        Version::V6 => IpNet::V6(Ipv6Net::default()),
    }
}

/// Whether a network has none but IPv4-mapped addresses, which no packet has.
fn within_mapped(net: IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.prefix_len() >= 96 && net.network().to_ipv4_mapped().is_some())
}

fn version(net: IpNet) -> Version {
    if net.addr().is_ipv4() { Version::V4 } else { Version::V6 }
}

struct Compiler<'a> {
    lists: &'a PrefixLists,
    identities: &'a Identities,
    /// Equal classes are one.
    classes: HashMap<Class, Arc<Class>>,
    /// What is open in the other direction, at the addresses that are being compiled for.
    other: OpenProtocols,
}

impl Compiler<'_> {
    fn gate(&mut self, rules: &[&Rule]) -> CompiledGate {
        CompiledGate { remotes: self.remotes(rules), identities: self.identities(rules), locals: BTreeMap::new() }
    }

    fn class(&mut self, class: Class) -> Arc<Class> {
        Arc::clone(self.classes.entry(class.clone()).or_insert_with(|| Arc::new(class)))
    }

    fn identities(&mut self, rules: &[&Rule]) -> BTreeMap<u32, Arc<Class>> {
        let mut by_group: HashMap<SecurityGroupId, Vec<usize>> = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            if let Remote::Group(group) = rule.remote {
                by_group.entry(group).or_default().push(place);
            }
        }
        let mut classes = BTreeMap::new();
        if by_group.is_empty() {
            return classes;
        }
        for (groups, number) in self.identities {
            let places: BTreeSet<usize> =
                groups.iter().filter_map(|group| by_group.get(group)).flatten().copied().collect();
            if !places.is_empty() {
                let matching: Vec<&Rule> = places.into_iter().map(|place| rules[place]).collect();
                classes.insert(*number, self.class(Class::of_identity(&matching)));
            }
        }
        classes
    }

    /// Goes through the networks, larger ones first; each gets the rules of those it lies in, and its own.
    fn remotes(&mut self, rules: &[&Rule]) -> Remotes {
        // Many rules can name one list of many networks: networks lead to remotes, and only these to rules.
        let mut by_remote: BTreeMap<Remote, Vec<usize>> = BTreeMap::new();
        for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| !matches!(rule.remote, Remote::Group(_))) {
            by_remote.entry(rule.remote).or_default().push(place);
        }
        let (remotes, places): (Vec<Remote>, Vec<Vec<usize>>) = by_remote.into_iter().unzip();
        let mut sets = Sets::default();
        let mut classes: HashMap<(u32, Version), Arc<Class>> = HashMap::new();
        let mut above: Vec<(IpNet, u32, Arc<Class>)> = Vec::new();
        let mut by_net = BTreeMap::new();
        for (net, own) in self.nodes(&remotes) {
            while above.last().is_some_and(|(larger, ..)| !larger.contains(&net)) {
                above.pop();
            }
            let (version, larger) = (version(net), above.last());
            let set = sets.union(larger.map(|(_, set, _)| *set), own);
            let class = match classes.get(&(set, version)) {
                Some(class) => Arc::clone(class),
                None => {
                    let matching = sets.list[set as usize].iter().flat_map(|remote| &places[*remote as usize]);
                    let matching: BTreeSet<usize> = matching.copied().collect();
                    let members: Vec<&Rule> = matching.into_iter().map(|place| rules[place]).collect();
                    let class = self.class(Class::of_remotes(&members, version, &self.other));
                    classes.insert((set, version), Arc::clone(&class));
                    class
                }
            };
            // What the larger network gives anyway needs no node.
            if larger.is_none_or(|(.., given)| !Arc::ptr_eq(given, &class)) {
                by_net.insert(net, Arc::clone(&class));
            }
            above.push((net, set, class));
        }
        let roots = [Version::V4, Version::V6].map(everything);
        if by_net.keys().any(|net| !roots.contains(net)) {
            return Remotes::ByNet(by_net);
        }
        let [v4, v6] = roots.map(|root| by_net.remove(&root).unwrap_or_default());
        Remotes::Any { v4, v6 }
    }

    /// Every network that is named, larger ones before those inside them, with the places of the remotes that name it.
    fn nodes(&self, remotes: &[Remote]) -> Vec<(IpNet, Vec<u32>)> {
        let mut pairs: Vec<(IpNet, u32)> = Vec::new();
        for (place, remote) in (0..).zip(remotes) {
            let mut add = |net: IpNet| pairs.push((net.trunc(), place));
            match *remote {
                Remote::Any => [Version::V4, Version::V6].into_iter().for_each(|version| add(everything(version))),
                Remote::Net(net) => add(net),
                Remote::PrefixList(list) => {
                    self.lists.get(&list).into_iter().flat_map(|nets| nets.iter()).for_each(|net| add(*net));
                }
                Remote::Group(_) => {}
            }
        }
        pairs.retain(|(net, _)| !within_mapped(*net));
        pairs.sort_unstable();
        pairs.dedup();
        // All of IPv4 is there in any case: see `Remotes::ByNet`.
        let mut nodes: Vec<(IpNet, Vec<u32>)> = vec![(everything(Version::V4), Vec::new())];
        for (net, place) in pairs {
            match nodes.last_mut() {
                Some((last, places)) if *last == net => places.push(place),
                _ => nodes.push((net, vec![place])),
            }
        }
        nodes
    }
}

/// Sets of remotes by number: many networks have equal ones, and then their class is made once.
#[derive(Default)]
struct Sets {
    list: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, u32>,
    /// The union of a set and a list of places that was asked for before.
    unions: HashMap<(Option<u32>, Vec<u32>), u32>,
}

impl Sets {
    /// The set of what is in either; `own` is sorted.
    fn union(&mut self, above: Option<u32>, own: Vec<u32>) -> u32 {
        if let Some(known) = self.unions.get(&(above, own.clone())) {
            return *known;
        }
        let mut places = above.map_or_else(Vec::new, |above| self.list[above as usize].clone());
        places.extend(&own);
        places.sort_unstable();
        places.dedup();
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(places.clone()).or_insert(next);
        if number == next {
            self.list.push(places);
        }
        self.unions.insert((above, own), number);
        number
    }
}
