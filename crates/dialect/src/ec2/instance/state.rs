//! The state of an instance, in EC2's names and numbers: what its host has done, never what was only asked for.

use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Instance, InstanceState};

use crate::ec2::xml::Xml;

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ec2) enum State {
    /// No host has realised it yet, or it is being started again.
    Pending,
    /// Its host has realised it.
    Running,
    /// Its host has not let go of it yet.
    ShuttingDown,
    /// Its host has let go of it.
    Terminated,
    /// It is to stop, and its host has not done so yet.
    Stopping,
    /// Its host has nothing of it.
    Stopped,
}

impl State {
    /// The state of an instance; `departed`: it has gone.
    pub(super) fn of(instance: &Instance, departed: bool) -> State {
        match (instance.lifecycle, instance.state) {
            _ if departed => State::Terminated,
            (Lifecycle::Deleting, _) => State::ShuttingDown,
            (Lifecycle::Waiting, InstanceState::Stopped) => State::Stopped,
            (_, InstanceState::Stopped) => State::Stopping,
            (Lifecycle::Stable | Lifecycle::Suspended, InstanceState::Running) => State::Running,
            (_, InstanceState::Running) => State::Pending,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Running => "running",
            State::ShuttingDown => "shutting-down",
            State::Terminated => "terminated",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
        }
    }

    pub(super) fn code(self) -> u16 {
        match self {
            State::Pending => 0,
            State::Running => 16,
            State::ShuttingDown => 32,
            State::Terminated => 48,
            State::Stopping => 64,
            State::Stopped => 80,
        }
    }

    /// Whether it is no longer meant to run.
    pub(super) fn ends(self) -> bool {
        !matches!(self, State::Pending | State::Running)
    }

    pub(super) fn write(self, xml: &mut Xml, name: &str) {
        xml.nest(name, |xml| {
            xml.text("code", self.code());
            xml.text("name", self.name());
        });
    }
}
