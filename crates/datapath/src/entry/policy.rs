//! The rows of the policy tables, one type for each map. What they mean together is in `crate::policy`.

use ipnet::IpNet;

use super::Entry;
use super::addr::{net_from_raw, raw_net};
use super::route::{LPM_HEAD, lpm_len};
use crate::error::Result;
use crate::flags::{GateFlags, SpanFlags};
use crate::maps::MapName;
use crate::skel::types;

/// Protocol number of rows for protocols that have no row of their own, and of ACL rules for all.
pub(crate) const ANY_PROTO: u32 = 256;

/// One direction of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gate {
    pub(crate) id: u32,
    pub(crate) flags: GateFlags,
    pub(crate) any4: u32,
    pub(crate) any6: u32,
}

/// Both directions of a policy, by the policy's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Policy {
    pub(crate) ingress: Gate,
    pub(crate) egress: Gate,
}

/// A network as seen by a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GateNet {
    pub(crate) gate: u32,
    pub(crate) net: IpNet,
}

/// A gate for some of the interface's own addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Local(pub(crate) Gate);

/// The class of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) u32);

/// The class of an identity; the key is the gate and the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(pub(crate) u32);

/// The spans of a class for a protocol; the key is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// A range of ports and the rule that permits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) lo: u16,
    pub(crate) hi: u16,
    pub(crate) rule: u32,
    pub(crate) flags: SpanFlags,
}

/// The id of the rule with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleBits(pub(crate) u64);

/// A network ACL: two runs of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Acl {
    pub(crate) ingress_first: u32,
    pub(crate) ingress_count: u32,
    pub(crate) egress_first: u32,
    pub(crate) egress_count: u32,
}

/// One rule of a network ACL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AclRow {
    pub(crate) src: IpNet,
    pub(crate) dst: IpNet,
    pub(crate) allow: bool,
    pub(crate) proto: u32,
    pub(crate) sport: (u16, u16),
    pub(crate) dport: (u16, u16),
    pub(crate) rule: u32,
}

/// What a number of this host stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameKey {
    pub(crate) kind: u32,
    pub(crate) number: u32,
}

/// The most ids that a name has: as many groups as an interface can be in.
pub(crate) const MAX_IDS: usize = 16;

/// The ids that a number stands for, sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(pub(crate) Vec<u64>);

fn raw_gate(gate: &Gate) -> types::gate {
    types::gate { id: gate.id, flags: gate.flags.0, any4_class: gate.any4, any6_class: gate.any6 }
}

fn gate(raw: &types::gate) -> Gate {
    Gate { id: raw.id, flags: GateFlags(raw.flags), any4: raw.any4_class, any6: raw.any6_class }
}

/// Implements [`Entry`] for rows that have nothing to check: what writes them made them.
macro_rules! rows {
    ($($ty:ident in $map:ident by $key:ty {
        key $raw_key:ty: $key_in:ident -> $key_out:expr, $key_back:ident -> $key_again:expr;
        value $raw_value:ty: $value_in:ident -> $value_out:expr, $value_back:ident -> $value_again:expr;
    })*) => {$(
        impl Entry for $ty {
            type Key = $key;
            type RawKey = $raw_key;
            type RawValue = $raw_value;
            const MAP: MapName = MapName::$map;

            fn raw_key($key_in: &$key) -> $raw_key {
                $key_out
            }
            fn key_from_raw($key_back: &$raw_key) -> $key {
                $key_again
            }
            fn raw_value(&self) -> $raw_value {
                let $value_in = self;
                $value_out
            }
            fn from_raw($value_back: &$raw_value) -> $ty {
                $value_again
            }
            fn check(&self, _: &$key) -> Result<()> {
                Ok(())
            }
        }
    )*};
}

rows! {
    Policy in Policies by u32 {
        key u32: key -> *key, raw -> *raw;
        value types::policy: v -> types::policy { ingress: raw_gate(&v.ingress), egress: raw_gate(&v.egress) },
            raw -> Policy { ingress: gate(&raw.ingress), egress: gate(&raw.egress) };
    }
    Local in Locals by GateNet {
        key types::local_key: key -> {
            let (addr, len) = raw_net(key.net);
            types::local_key { prefixlen: LPM_HEAD + u32::from(len), gate: key.gate, addr }
        }, raw -> GateNet { gate: raw.gate, net: net_from_raw(&raw.addr, lpm_len(raw.prefixlen)) };
        value types::gate: v -> raw_gate(&v.0), raw -> Local(gate(raw));
    }
    Prefix in Prefixes by GateNet {
        key types::prefix_key: key -> {
            let (addr, len) = raw_net(key.net);
            types::prefix_key { prefixlen: LPM_HEAD + u32::from(len), gate: key.gate, addr }
        }, raw -> GateNet { gate: raw.gate, net: net_from_raw(&raw.addr, lpm_len(raw.prefixlen)) };
        value types::prefix: v -> types::prefix { class: v.0 }, raw -> Prefix(raw.class);
    }
    Identity in Identities by (u32, u32) {
        key types::identity_key: key -> types::identity_key { gate: key.0, identity: key.1 },
            raw -> (raw.gate, raw.identity);
        value types::prefix: v -> types::prefix { class: v.0 }, raw -> Identity(raw.class);
    }
    Row in Rows by (u32, u32) {
        key types::row_key: key -> types::row_key { class: key.0, proto: key.1 }, raw -> (raw.class, raw.proto);
        value types::row: v -> types::row { first: v.first, count: v.count },
            raw -> Row { first: raw.first, count: raw.count };
    }
    Span in Spans by u32 {
        key u32: key -> *key, raw -> *raw;
        value types::span: v -> types::span { lo: v.lo, hi: v.hi, rule: v.rule, flags: v.flags.0 },
            raw -> Span { lo: raw.lo, hi: raw.hi, rule: raw.rule, flags: SpanFlags(raw.flags) };
    }
    RuleBits in Rules by u32 {
        key u32: key -> *key, raw -> *raw;
        value u64: v -> v.0, raw -> RuleBits(*raw);
    }
    Acl in Acls by u32 {
        key u32: key -> *key, raw -> *raw;
        value types::acl: v -> types::acl {
            ingress_first: v.ingress_first,
            ingress_count: v.ingress_count,
            egress_first: v.egress_first,
            egress_count: v.egress_count,
        }, raw -> Acl {
            ingress_first: raw.ingress_first,
            ingress_count: raw.ingress_count,
            egress_first: raw.egress_first,
            egress_count: raw.egress_count,
        };
    }
    AclRow in AclRules by u32 {
        key u32: key -> *key, raw -> *raw;
        value types::acl_rule: v -> {
            let ((src, src_len), (dst, dst_len)) = (raw_net(v.src), raw_net(v.dst));
            types::acl_rule {
                src,
                dst,
                src_len,
                dst_len,
                allow: u8::from(v.allow),
                pad: 0,
                proto: v.proto,
                sport_lo: v.sport.0,
                sport_hi: v.sport.1,
                dport_lo: v.dport.0,
                dport_hi: v.dport.1,
                rule: v.rule,
            }
        }, raw -> AclRow {
            src: net_from_raw(&raw.src, raw.src_len),
            dst: net_from_raw(&raw.dst, raw.dst_len),
            allow: raw.allow != 0,
            proto: raw.proto,
            sport: (raw.sport_lo, raw.sport_hi),
            dport: (raw.dport_lo, raw.dport_hi),
            rule: raw.rule,
        };
    }
    Name in Names by NameKey {
        key types::name_key: key -> types::name_key { kind: key.kind, number: key.number },
            raw -> NameKey { kind: raw.kind, number: raw.number };
        value types::name: v -> {
            let mut ids = [0; MAX_IDS];
            let count = v.0.len().min(MAX_IDS);
            ids[..count].copy_from_slice(&v.0[..count]);
            types::name { count: count as u32, pad: 0, ids }
        }, raw -> Name(raw.ids.iter().take(raw.count as usize).copied().collect());
    }
}
