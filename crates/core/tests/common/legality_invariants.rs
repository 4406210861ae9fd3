//! What must hold of an interface wherever it is attached, counted from the records and not as decisions count it.

use std::collections::BTreeSet;

use pintle_core::legality::{self, Manner, Traits};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget, FlowLog, FlowLogTarget, Instance, Nic, Role, Vni};
use pintle_core::record::Record;

use super::Store;

/// Checks what an interface is like against the kind of target that this instance is.
#[track_caller]
pub(super) fn check(store: &Store, vni: &Vni, instance: &Instance) {
    let leads_here = |floating: &FloatingIp| match floating.target {
        Some(FloatingIpTarget::Vni { vni: target, .. }) => target == vni.id && !floating.lent,
        _ => false,
    };
    let floating_ips = store.records::<FloatingIp>().iter().filter(|floating| leads_here(floating)).count();
    let logs = store.records::<FlowLog>();
    let flow_logs = logs.iter().filter(|log| log.target == FlowLogTarget::Vni(vni.id)).count();
    let traits = Traits::of(vni, floating_ips, flow_logs);
    let broken = legality::conflicts(Some(instance.role.target_kind()), &traits, Manner::PerAddress);
    assert!(broken.is_empty(), "{} on {}: {broken:?}", Vni::key_of(vni.id), instance.id);
}

/// A private address that floating IPs are translated to has one of them at most.
#[track_caller]
pub(super) fn check_floating_ips(store: &Store, vni: &Vni) {
    if !vni.enable_infrastructure_nat {
        return;
    }
    let all = store.records::<FloatingIp>();
    for ip in &vni.ips {
        let target = Some(FloatingIpTarget::Vni { vni: vni.id, ip: *ip });
        let here: Vec<&FloatingIp> = all.iter().filter(|floating| floating.target == target).collect();
        assert!(here.len() <= 1, "{here:?}");
    }
}

/// Whatever uses a VLAN has a card of its server that allows it, and nobody else uses it there; no two cards of a server allow
/// the same, and no server has too many.
#[track_caller]
pub(super) fn check_cards(instance: &Instance, attachments: &[&Attachment]) {
    let mut allowed = BTreeSet::new();
    let mut cards = 0;
    for attachment in attachments {
        let Nic::Pci { allowed_vlans } = &attachment.nic else { continue };
        cards += 1;
        assert!(instance.role == Role::BareMetal || allowed_vlans.is_empty(), "{attachment:?}");
        for vlan in allowed_vlans {
            let there = attachment.lifecycle != Lifecycle::Deleting;
            assert!((1..=4094).contains(vlan) && (!there || allowed.insert(*vlan)), "{attachments:?}");
        }
    }
    assert!(instance.role != Role::BareMetal || cards <= 8, "{attachments:?}");
    let mut used = BTreeSet::new();
    for attachment in attachments {
        let Nic::Vlan { id, .. } = &attachment.nic else { continue };
        assert!(instance.role == Role::BareMetal && !attachment.primary && attachment.index >= 8, "{attachment:?}");
        assert!(used.insert(*id), "{attachments:?}");
        let leaving = attachment.lifecycle == Lifecycle::Deleting;
        assert!(leaving || allowed.contains(id), "{attachment:?} has no card");
    }
}
