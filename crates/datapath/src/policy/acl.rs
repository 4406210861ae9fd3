//! Network ACLs: lists of rules of which the first that matches decides.
//!
//! A list that changes is written anew in a free place; then the ACL's entry is switched, one write of 16 bytes that a
//! packet sees as a whole or not at all, direction by direction. The old place rests until the change after.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use pintle_core::id::{AclRuleId, NetworkAclId};
use pintle_core::policy::{AclAction, AclRule, Direction, PortRange, ProtocolMatch};

use super::class::{ICMP, ICMPV6, TCP, UDP, messages};
use super::numbers::{Numbers, Runs};
use super::plan::no_room;
use super::tables::Applied;
use crate::datapath::Datapath;
use crate::entry::policy::{ANY_PROTO, Acl, AclRow, Name, NameKey, RuleBits};
use crate::error::Result;
use crate::maps::MapName;

/// Kind of the names of ACLs.
pub(crate) const NAME_KIND: u32 = 3;

/// The network ACLs of this host and their numbers, which are stable over restarts.
///
/// As with policies, one that is no longer wanted stays until [`retire`](Self::retire).
#[derive(Debug)]
pub struct AclTables {
    acls: Arc<BTreeMap<NetworkAclId, Written>>,
    rules: HashMap<AclRuleId, u32>,
    acl_numbers: Numbers,
    rule_numbers: Numbers,
    places: Runs,
    room: Room,
    unsure: bool,
}

/// Room in the maps, and where the numbers of ACL rules begin in `rules`.
#[derive(Debug, Clone, Copy)]
struct Room {
    acls: u32,
    rows: u32,
    first_rule: u32,
}

#[derive(Debug, Clone)]
struct Written {
    number: u32,
    acl: Acl,
    rows: Vec<AclRow>,
    /// The list that the rows were made from, if this process made them.
    from: Option<Arc<[AclRule]>>,
}

/// What the maps of ACLs should hold at one moment, to be compared with what they do hold.
#[derive(Debug, Clone)]
pub struct AclSnapshot {
    acls: Arc<BTreeMap<NetworkAclId, Written>>,
    /// The rules that they name.
    rules: Vec<(AclRuleId, u32)>,
}

impl AclSnapshot {
    /// Reads the maps and says whether they hold just that. Means something only if the tables
    /// [are still there](AclTables::is_at) afterwards.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn is_held(&self, datapath: &Datapath) -> Result<bool> {
        let there = AclTables::open(datapath)?;
        let same = |(id, written): (&NetworkAclId, &Written)| {
            let other = there.acls.get(id);
            other.is_some_and(|other| {
                (other.number, &other.acl, &other.rows) == (written.number, &written.acl, &written.rows)
            })
        };
        let named = |(id, number): &(AclRuleId, u32)| there.rules.get(id) == Some(number);
        Ok(self.acls.len() == there.acls.len() && self.acls.iter().all(same) && self.rules.iter().all(named))
    }
}

impl AclTables {
    /// What the maps should hold now.
    pub fn snapshot(&self) -> AclSnapshot {
        let used: BTreeSet<u32> = self.acls.values().flat_map(|acl| &acl.rows).map(|row| row.rule).collect();
        let rules = self.rules.iter().filter(|(_, number)| used.contains(number));
        AclSnapshot { acls: Arc::clone(&self.acls), rules: rules.map(|(id, number)| (*id, *number)).collect() }
    }

    /// Whether nothing was written since a snapshot.
    pub fn is_at(&self, snapshot: &AclSnapshot) -> bool {
        Arc::ptr_eq(&self.acls, &snapshot.acls) && !self.unsure
    }

    /// Reads what the maps hold.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn open(datapath: &Datapath) -> Result<AclTables> {
        let entries = |map| datapath.map(map).max_entries();
        let room = Room {
            acls: entries(MapName::Acls),
            rows: entries(MapName::AclRules),
            first_rule: entries(MapName::Spans),
        };
        let mut tables = AclTables {
            acls: Arc::default(),
            rules: HashMap::new(),
            acl_numbers: Numbers::new(room.acls - 2),
            rule_numbers: Numbers::new(entries(MapName::Rules) - room.first_rule - 1),
            places: Runs::new(room.rows),
            room,
            unsure: false,
        };
        let mut known = BTreeMap::new();
        let rows: BTreeMap<u32, AclRow> = datapath.table::<AclRow>().entries()?.into_iter().collect();
        let acls: BTreeMap<u32, Acl> = datapath.table::<Acl>().entries()?.into_iter().collect();
        for (key, name) in datapath.table::<Name>().entries()? {
            let (true, [id]) = (key.kind == NAME_KIND, name.0.as_slice()) else { continue };
            let acl = acls.get(&key.number).copied().unwrap_or_default();
            let numbers = runs(&acl).into_iter().flat_map(|(first, count)| first..first.saturating_add(count));
            let written = numbers.filter_map(|number| rows.get(&number).copied()).collect();
            runs(&acl).into_iter().for_each(|(first, count)| tables.places.mark(first, count));
            tables.acl_numbers.mark(key.number);
            let written = Written { number: key.number, acl, rows: written, from: None };
            known.insert(NetworkAclId::from_bits(*id), written);
        }
        tables.acls = Arc::new(known);
        for (number, bits) in datapath.table::<RuleBits>().entries()? {
            if bits.0 != 0 && number > room.first_rule {
                tables.rules.insert(AclRuleId::from_bits(bits.0), number);
            }
        }
        for row in tables.acls.values().flat_map(|acl| &acl.rows) {
            tables.rule_numbers.mark(row.rule.saturating_sub(room.first_rule));
        }
        Ok(tables)
    }

    /// Reads the maps again: the next [`apply`](Self::apply) repairs what somebody else has changed.
    ///
    /// # Errors
    /// When the kernel cannot read the maps.
    pub fn reread(&mut self, datapath: &Datapath) -> Result<()> {
        *self = AclTables::open(datapath)?;
        Ok(())
    }

    /// The number of an ACL, for [`Iface::acl`](crate::Iface::acl). `None`: it is not here.
    pub fn acl(&self, id: NetworkAclId) -> Option<u32> {
        self.acls.get(&id).map(|written| written.number)
    }

    /// The number of an ACL that denies everything: what an interface gets whose ACL this host does not know.
    pub fn closed(&self) -> u32 {
        self.room.acls - 1
    }

    /// The rule with the number that refusals carry.
    pub fn rule(&self, number: u32) -> Option<AclRuleId> {
        self.rules.iter().find(|(_, known)| **known == number).map(|(id, _)| *id)
    }

    /// Makes the tables hold these ACLs, and those that are not retired. Writes the difference only.
    ///
    /// # Errors
    /// [`DatapathError::NoRoom`](crate::DatapathError::NoRoom): then nothing was written. Or the kernel refuses.
    pub fn apply(&mut self, datapath: &Datapath, wanted: &BTreeMap<NetworkAclId, Arc<[AclRule]>>) -> Result<Applied> {
        if self.unsure {
            self.reread(datapath)?;
        }
        let mut draft = Draft {
            numbers: self.acl_numbers.clone(),
            rule_numbers: self.rule_numbers.clone(),
            places: self.places.clone(),
            rules: self.rules.clone(),
            new_rules: Vec::new(),
            rows: Vec::new(),
            acls: Vec::new(),
        };
        draft.places.wake();
        for (id, list) in wanted {
            let known = self.acls.get(id);
            if known
                .is_some_and(|known| known.from.as_ref().is_some_and(|from| Arc::ptr_eq(from, list) || from == list))
            {
                continue;
            }
            draft.add(*id, list, known, self.room)?;
        }
        let changed: Vec<_> = draft.acls.iter().filter(|(.., changed)| *changed).collect();
        let names: Vec<(NameKey, Name)> = changed
            .iter()
            .filter(|(id, ..)| !self.acls.contains_key(id))
            .map(|(id, written, _)| (NameKey { kind: NAME_KIND, number: written.number }, Name(vec![id.bits()])))
            .collect();
        let entries: Vec<(u32, Acl)> = changed.iter().map(|(_, written, _)| (written.number, written.acl)).collect();
        let result = Applied {
            writes: draft.new_rules.len() + draft.rows.len() + names.len() + entries.len(),
            compiled: draft.acls.len(),
        };
        let write = || {
            datapath.table::<RuleBits>().put_many(&draft.new_rules)?;
            datapath.table::<AclRow>().put_many(&draft.rows)?;
            datapath.table::<Name>().put_many(&names)?;
            datapath.table::<Acl>().put_many(&entries)
        };
        let written = write();
        self.unsure |= written.is_err();
        written?;
        (self.acl_numbers, self.rule_numbers) = (draft.numbers, draft.rule_numbers);
        (self.places, self.rules) = (draft.places, draft.rules);
        for (id, written, changed) in draft.acls {
            let before = Arc::make_mut(&mut self.acls).insert(id, written);
            if let Some(before) = before.filter(|_| changed) {
                self.give_up(&before);
            }
        }
        Ok(result)
    }

    /// Removes the ACLs that are not wanted. Call it once no interface names them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn retire(&mut self, datapath: &Datapath, wanted: &BTreeMap<NetworkAclId, Arc<[AclRule]>>) -> Result<Applied> {
        let gone: Vec<NetworkAclId> = self.acls.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
        let numbers: Vec<u32> = gone.iter().filter_map(|id| self.acl(*id)).collect();
        if gone.is_empty() {
            return Ok(Applied::default());
        }
        let closed: Vec<(u32, Acl)> = numbers.iter().map(|number| (*number, Acl::default())).collect();
        datapath.table::<Acl>().put_many(&closed)?;
        let names: Vec<NameKey> = numbers.iter().map(|number| NameKey { kind: NAME_KIND, number: *number }).collect();
        datapath.table::<Name>().delete_many(&names)?;
        for id in gone {
            if let Some(written) = Arc::make_mut(&mut self.acls).remove(&id) {
                self.give_up(&written);
                self.acl_numbers.free(written.number);
            }
        }
        Ok(Applied { writes: numbers.len() * 2, compiled: 0 })
    }

    /// Lets the places of a list rest, and frees the numbers of rules that no list has any more.
    fn give_up(&mut self, written: &Written) {
        runs(&written.acl).into_iter().for_each(|(first, count)| self.places.free(first, count));
        for row in &written.rows {
            let used = |acl: &Written| acl.rows.iter().any(|other| other.rule == row.rule);
            if !self.acls.values().any(used) {
                self.rule_numbers.free(row.rule - self.room.first_rule);
            }
        }
    }
}

/// The runs of an ACL that are not empty.
fn runs(acl: &Acl) -> Vec<(u32, u32)> {
    let both = [(acl.ingress_first, acl.ingress_count), (acl.egress_first, acl.egress_count)];
    both.into_iter().filter(|(_, count)| *count > 0).collect()
}

struct Draft {
    numbers: Numbers,
    rule_numbers: Numbers,
    places: Runs,
    rules: HashMap<AclRuleId, u32>,
    new_rules: Vec<(u32, RuleBits)>,
    rows: Vec<(u32, AclRow)>,
    /// What is wanted of each ACL, and whether it differs from what is written.
    acls: Vec<(NetworkAclId, Written, bool)>,
}

impl Draft {
    fn add(&mut self, id: NetworkAclId, list: &Arc<[AclRule]>, known: Option<&Written>, room: Room) -> Result<()> {
        let needed = list.iter().map(|rule| rows_of(rule).len()).sum();
        if needed > room.rows as usize {
            return Err(no_room(MapName::AclRules, room.rows, needed));
        }
        let mut rows = Vec::new();
        let mut counts = [0_u32; 2];
        for (n, direction) in [Direction::Ingress, Direction::Egress].into_iter().enumerate() {
            for rule in list.iter().filter(|rule| rule.direction == direction) {
                for row in rows_of(rule) {
                    rows.push(AclRow { rule: self.rule(rule.id, room)?, ..row });
                    counts[n] += 1;
                }
            }
        }
        let from = Some(Arc::clone(list));
        if let Some(known) = known
            && known.rows == rows
            && [known.acl.ingress_count, known.acl.egress_count] == counts
        {
            self.acls.push((id, Written { from, ..known.clone() }, false));
            return Ok(());
        }
        let total = counts[0] + counts[1];
        let used = self.places.used(room.rows);
        let first = if total == 0 { Some(0) } else { self.places.take(total) };
        let first = first.ok_or_else(|| no_room(MapName::AclRules, room.rows, (used + total) as usize))?;
        let number = match known {
            Some(known) => known.number,
            // The last one is the closed one's.
            None => self
                .numbers
                .take()
                .filter(|number| *number < room.acls - 1)
                .ok_or_else(|| no_room(MapName::Acls, room.acls, room.acls as usize + 1))?,
        };
        self.rows.extend((first..).zip(rows.iter().copied()));
        let acl = Acl {
            ingress_first: first,
            ingress_count: counts[0],
            egress_first: first + counts[0],
            egress_count: counts[1],
        };
        self.acls.push((id, Written { number, acl, rows, from }, true));
        Ok(())
    }

    fn rule(&mut self, id: AclRuleId, room: Room) -> Result<u32> {
        if let Some(number) = self.rules.get(&id) {
            self.rule_numbers.mark(number - room.first_rule);
            return Ok(*number);
        }
        let number =
            self.rule_numbers.take().ok_or_else(|| no_room(MapName::Rules, room.rows, room.rows as usize + 1))?;
        let number = room.first_rule + number;
        self.rules.retain(|_, known| *known != number);
        self.rules.insert(id, number);
        self.new_rules.push((number, RuleBits(id.bits())));
        Ok(number)
    }
}

/// A rule as the programs read it: a row for each protocol that it names; none if it can match no packet. The number of the
/// rule is not known here.
fn rows_of(rule: &AclRule) -> Vec<AclRow> {
    let (src, dst) = (rule.source.trunc(), rule.destination.trunc());
    let v4 = src.addr().is_ipv4();
    if v4 != dst.addr().is_ipv4() {
        return Vec::new();
    }
    let icmp = if v4 { ICMP } else { ICMPV6 };
    let protocols = match rule.protocol {
        ProtocolMatch::Any => vec![(ANY_PROTO, PortRange::ALL)],
        ProtocolMatch::IcmpTcpUdp => [icmp, TCP, UDP].map(|proto| (proto, PortRange::ALL)).to_vec(),
        ProtocolMatch::Tcp(ports) => vec![(TCP, ports)],
        ProtocolMatch::Udp(ports) => vec![(UDP, ports)],
        ProtocolMatch::Icmp(message) if v4 => vec![(ICMP, messages(message))],
        ProtocolMatch::Icmpv6(message) if !v4 => vec![(ICMPV6, messages(message))],
        ProtocolMatch::Icmp(_) | ProtocolMatch::Icmpv6(_) => Vec::new(),
        ProtocolMatch::Number(number) => vec![(u32::from(number), PortRange::ALL)],
    };
    let ports = matches!(rule.protocol, ProtocolMatch::Tcp(_) | ProtocolMatch::Udp(_));
    let sport = if ports { rule.source_ports } else { PortRange::ALL };
    let row = |(proto, dport): (u32, PortRange)| AclRow {
        src,
        dst,
        allow: rule.action == AclAction::Allow,
        proto,
        sport: (sport.first, sport.last),
        dport: (dport.first, dport.last),
        rule: 0,
    };
    protocols.into_iter().map(row).collect()
}
