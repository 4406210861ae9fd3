//! The status of a network interface that stands for an attachment and its interface, by IBM's table.

use pintle_core::lifecycle::Lifecycle;

/// The status of a network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Ready.
    Available,
    /// On its way out.
    Deleting,
    /// Not realised, and not going to be without help.
    Failed,
    /// On its way in, or waiting.
    Pending,
}

impl Status {
    /// The status of what stands for an attachment in this state and an interface in that one: whichever of the two is worst
    /// off decides.
    pub fn of(attachment: Lifecycle, vni: Lifecycle) -> Status {
        use Lifecycle::{Deleting, Failed, Pending, Stable, Suspended, Updating, Waiting};
        match (attachment, vni) {
            (Deleting, _) | (_, Deleting) => Status::Deleting,
            (Failed, _) | (_, Failed) => Status::Failed,
            (Pending | Suspended | Updating | Waiting, _) | (_, Pending | Suspended | Updating | Waiting) => {
                Status::Pending
            }
            (Stable, Stable) => Status::Available,
        }
    }

    /// As the wire spells it.
    pub fn label(self) -> &'static str {
        match self {
            Status::Available => "available",
            Status::Deleting => "deleting",
            Status::Failed => "failed",
            Status::Pending => "pending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state as the rows of IBM's table name it, apart from how [`Status::of`] is written.
    fn among(state: Lifecycle, names: &[&str]) -> bool {
        names.contains(&state.label())
    }

    /// A pair of states with what the table's rows (`G13` to `G19`) that speak of it say.
    struct Pair {
        attachment: Lifecycle,
        vni: Lifecycle,
        said: Vec<(&'static str, Status)>,
    }

    fn pairs() -> Vec<Pair> {
        const BUSY: &[&str] = &["pending", "suspended", "updating", "waiting"];
        let mut pairs = Vec::new();
        for attachment in Lifecycle::ALL {
            for vni in Lifecycle::ALL {
                let rows = [
                    ("g13", among(attachment, &["deleting"]), Status::Deleting),
                    ("g14", among(vni, &["deleting"]), Status::Deleting),
                    ("g15", among(attachment, &["failed"]) && !among(vni, &["deleting"]), Status::Failed),
                    ("g16", !among(attachment, &["deleting"]) && among(vni, &["failed"]), Status::Failed),
                    ("g17", among(attachment, BUSY) && !among(vni, &["deleting", "failed"]), Status::Pending),
                    ("g18", !among(attachment, &["deleting", "failed"]) && among(vni, BUSY), Status::Pending),
                    ("g19", among(attachment, &["stable"]) && among(vni, &["stable"]), Status::Available),
                ];
                let speak = rows.into_iter().filter(|(_, speaks, _)| *speaks).map(|(row, _, status)| (row, status));
                pairs.push(Pair { attachment, vni, said: speak.collect() });
            }
        }
        pairs
    }

    #[test]
    fn g13_g14_g15_g16_g17_g18_g19_each_row_of_the_table_holds() {
        for Pair { attachment, vni, said } in pairs() {
            for (row, status) in said {
                assert_eq!(Status::of(attachment, vni), status, "{row}: {attachment:?}, {vni:?}");
            }
        }
    }

    #[test]
    fn g20_every_pair_has_exactly_one_outcome_13_deleting_11_failed_24_pending_1_available() {
        let pairs = pairs();
        assert_eq!(pairs.len(), 49);
        for Pair { attachment, vni, said } in &pairs {
            assert!(!said.is_empty(), "no row speaks of {attachment:?}, {vni:?}");
            assert!(said.iter().all(|(_, status)| *status == said[0].1), "rows contradict: {said:?}");
        }
        let count = |status| pairs.iter().filter(|pair| Status::of(pair.attachment, pair.vni) == status).count();
        let counts = [Status::Deleting, Status::Failed, Status::Pending, Status::Available].map(count);
        assert_eq!(counts, [13, 11, 24, 1]);
    }
}
