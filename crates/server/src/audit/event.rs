//! What IBM's activity tracking calls what was asked, and what of it is worth an alert.
//!
//! One record an action: an interface that is attached to a target is one event, named after the kind of target.

use pintle_core::command::{CreateVni, VniChoice};
use pintle_core::model::{Attachment, Instance, ProtocolStateFiltering, TargetKind};
use pintle_core::txn::Snapshot;
use pintle_core::{Command, DecideError, query};
use serde::Serialize;

/// What somebody should be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// Whether an interface may send from foreign addresses was set.
    IpSpoofing,
}

/// What is worth knowing of a command beside its outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// What somebody should be told of.
    pub alert: Option<Alert>,
    /// The protocol state filtering mode that it sets, as a number: 0 auto, 1 enabled, 2 disabled.
    pub filtering_mode: Option<u8>,
}

impl Marks {
    /// Those of a command.
    pub(super) fn of(command: &Command) -> Marks {
        match command {
            Command::Batch(commands) => commands.iter().map(Marks::of).fold(Marks::default(), Marks::and),
            Command::CreateVni(create) => Marks::of_new(create),
            Command::UpdateVni(_, update) => {
                let spoofing = update.allow_ip_spoofing.is_some() || update.source_dest_check.is_some();
                Marks::new(spoofing, update.protocol_state_filtering)
            }
            Command::UpdateChild(_, update) => Marks::new(update.allow_ip_spoofing.is_some(), None),
            Command::Attach(_, new) => Marks::of_choice(&new.vni),
            Command::CreateMountTarget(_, target) => Marks::of_choice(&target.vni),
            Command::CreateShare(create) => {
                let all = create.mount_targets.iter();
                all.map(|target| Marks::of_choice(&target.vni)).fold(Marks::default(), Marks::and)
            }
            Command::CreateInstance(create) => {
                let all = create.primary.iter().chain(&create.attachments);
                all.map(|new| Marks::of_choice(&new.vni)).fold(Marks::default(), Marks::and)
            }
            Command::CreateInstances(create) => {
                let all = create.each.primary.iter().chain(&create.each.attachments);
                all.map(|new| Marks::of_choice(&new.vni)).fold(Marks::default(), Marks::and)
            }
            _ => Marks::default(),
        }
    }

    fn new(spoofing: bool, mode: Option<ProtocolStateFiltering>) -> Marks {
        let filtering_mode = mode.map(|mode| match mode {
            ProtocolStateFiltering::Auto => 0,
            ProtocolStateFiltering::Enabled => 1,
            ProtocolStateFiltering::Disabled => 2,
        });
        Marks { alert: spoofing.then_some(Alert::IpSpoofing), filtering_mode }
    }

    fn of_new(create: &CreateVni) -> Marks {
        // A new one has a mode in any case; that it may not spoof is what everybody expects.
        let mode = create.protocol_state_filtering.unwrap_or(ProtocolStateFiltering::Auto);
        let spoofing = create.allow_ip_spoofing == Some(true) || create.source_dest_check == Some(false);
        Marks::new(spoofing, Some(mode))
    }

    fn of_choice(choice: &VniChoice) -> Marks {
        match choice {
            VniChoice::Existing(_) => Marks::default(),
            VniChoice::New(create) | VniChoice::Child(create) => Marks::of_new(create),
        }
    }

    fn and(self, other: Marks) -> Marks {
        Marks { alert: self.alert.or(other.alert), filtering_mode: self.filtering_mode.or(other.filtering_mode) }
    }
}

/// To which kind of target a command attaches something, or from which it detaches it; `None`: it does neither, or there is
/// no such target.
///
/// # Errors
/// When the store can't be read.
pub fn target_kind(snapshot: &dyn Snapshot, command: &Command) -> Result<Option<TargetKind>, DecideError> {
    let attached = |id| Ok::<_, DecideError>(query::find::<Attachment>(snapshot, id)?.map(|(found, _)| found.instance));
    let instance = match command {
        Command::Attach(instance, _) => Some(*instance),
        Command::MoveVni { to, .. } => Some(*to),
        Command::Detach { attachment, .. } => attached(*attachment)?,
        Command::DeleteAttachment(id) | Command::DeleteChild(id) => attached(*id)?,
        _ => None,
    };
    let found = instance.map(|id| query::find::<Instance>(snapshot, id)).transpose()?.flatten();
    Ok(found.map(|(found, _)| found.role.target_kind()))
}

/// IBM's name for an action of the audit log; `None`: IBM has no such thing.
pub fn event(action: &str, kind: Option<TargetKind>) -> Option<String> {
    let (noun, verb) = action.split_once('.')?;
    let target = |verb: &str| {
        let part = match kind.unwrap_or(TargetKind::Instance) {
            TargetKind::Instance => "is.instance.network-attachment",
            TargetKind::BareMetal => "is.bare-metal-server.network-attachment",
            TargetKind::ShareMount => "is.share.mount-target",
        };
        Some(format!("{part}.{verb}"))
    };
    let whole = match noun {
        "vni" => "virtual-network-interface.virtual-network-interface",
        "vpc" => "vpc.vpc",
        "subnet" => "subnet.subnet",
        "reserved-ip" => "subnet.reserved-ip",
        "instance" => "instance.instance",
        "attachment" => "instance.network-attachment",
        "security-group" => "security-group.security-group",
        "network-acl" => "network-acl.network-acl",
        "floating-ip" => "floating-ip.floating-ip",
        "public-gateway" => "public-gateway.public-gateway",
        "flow-log" => "flow-log-collector.flow-log-collector",
        "route-table" => "vpc.routing-table",
        "share" => "share.share",
        "ssh-key" => "key.key",
        _ => return None,
    };
    let verb = match (noun, verb) {
        // Of one target to another: it is attached there.
        ("vni", "attach" | "move") => return target("attach"),
        ("vni", "detach" | "detach-and-delete" | "force-detach") => return target("detach"),
        ("share", "create-mount-target") => return Some("is.share.mount-target.attach".to_owned()),
        ("share", "update-mount-target") => return Some("is.share.mount-target.update".to_owned()),
        ("share", "delete-mount-target") => return Some("is.share.mount-target.detach".to_owned()),
        // To and from an address of its own, rather than a target.
        ("vni", "add-ip" | "move-ip" | "add-prefix") => "attach",
        ("vni", "remove-ip" | "remove-prefix") => "detach",
        (_, "list" | "read" | "create" | "update" | "delete") => verb,
        ("instance", "start" | "stop") => verb,
        _ => "update",
    };
    Some(format!("is.{whole}.{verb}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p04_the_thirteen_names_are_those_of_ibms_activity_tracking() {
        let own = "is.virtual-network-interface.virtual-network-interface";
        for (action, verb) in [
            ("vni.list", "list"),
            ("vni.read", "read"),
            ("vni.create", "create"),
            ("vni.update", "update"),
            ("vni.delete", "delete"),
            ("vni.add-ip", "attach"),
            ("vni.remove-ip", "detach"),
            ("vni.quarantine", "update"),
        ] {
            assert_eq!(event(action, None), Some(format!("{own}.{verb}")), "{action}");
        }
        for (kind, part) in [
            (TargetKind::Instance, "is.instance.network-attachment"),
            (TargetKind::BareMetal, "is.bare-metal-server.network-attachment"),
            (TargetKind::ShareMount, "is.share.mount-target"),
        ] {
            assert_eq!(event("vni.attach", Some(kind)), Some(format!("{part}.attach")));
            assert_eq!(event("vni.detach", Some(kind)), Some(format!("{part}.detach")));
        }
        let mounted = ["create", "delete"].map(|verb| event(&format!("share.{verb}-mount-target"), None).unwrap());
        assert_eq!(mounted, ["is.share.mount-target.attach", "is.share.mount-target.detach"]);
        assert_eq!(event("subnet.add-range", None), Some("is.subnet.subnet.update".to_owned()));
        assert_eq!(event("host.delete", None), None);
    }

    #[test]
    fn e17_p05_the_mode_is_a_number_and_spoofing_an_alert() {
        use pintle_core::command::UpdateVni;
        use pintle_core::id::VniId;
        let of = |update| Marks::of(&Command::UpdateVni(VniId::from_bits(1), update));
        for (mode, number) in [
            (ProtocolStateFiltering::Auto, 0),
            (ProtocolStateFiltering::Enabled, 1),
            (ProtocolStateFiltering::Disabled, 2),
        ] {
            let marks = of(UpdateVni { protocol_state_filtering: Some(mode), ..UpdateVni::default() });
            assert_eq!((marks.filtering_mode, marks.alert), (Some(number), None));
        }
        for spoofing in [true, false] {
            let marks = of(UpdateVni { allow_ip_spoofing: Some(spoofing), ..UpdateVni::default() });
            assert_eq!(marks.alert, Some(Alert::IpSpoofing), "also when it is taken back");
        }
        assert_eq!(of(UpdateVni::default()), Marks::default());
        let new = Marks::of(&Command::CreateVni(CreateVni::default()));
        assert_eq!(new, Marks { alert: None, filtering_mode: Some(0) });
    }
}
