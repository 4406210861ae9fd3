//! The eBPF data plane of one host: programs in C, typed access to their maps, attachment to devices, and a packet runner.
//!
//! The data plane lives in the kernel and outlives every process: maps, programs and links are pinned below one directory
//! of a BPF file system. [`Datapath::open`] finds them again, and writes nothing when nothing changed.
//!
//! A guest's packet takes `from_port` (checked, answered or forwarded), then goes straight to the receiver's device, or
//! by VXLAN to another host, where `from_overlay` hands it over. `to_port` refuses what the host's own stack sends to a
//! guest. Layouts of the maps are written once, in `src/bpf/types.h`; the Rust types are made from the compiled object.

mod cells;
mod counters;
mod datapath;
pub mod doctor;
mod entry;
mod error;
#[allow(dead_code, unreachable_pub, reason = "one table for both languages: some of it only C reads")]
mod flags;
pub mod floor;
mod flows;
mod guest_options;
pub mod layout;
mod links;
mod maps;
mod open;
mod pins;
mod policy;
mod programs;
mod records;
mod repeater;
mod runner;
mod settings;
mod skel;
mod sweep;
mod sys;
mod sys_map;
mod table;

pub use cells::{Epochs, cell_of_endpoint, cell_of_mac, cell_of_route, cell_of_slot};
pub use counters::{Counters, Drops, Traffic};
pub use datapath::Datapath;
pub use entry::{
    Endpoint, EndpointKey, Entry, GuestConfig, HostSettings, Iface, Location, LocationKey, MAX_SEGMENT, MIN_MTU, Port,
    PrivateAddress, PublicAddress, Route, RouteKey, RouteTo, Uplink, Vlan, VlanKey, ticks, vlan_port,
};
pub use error::{DatapathError, Result};
pub use flags::{EndpointFlags, FlowFlags, FlowState, IfaceFlags, PortFlags};
pub use flows::{Flow, FlowKey, FlowSide, Flows, KnownFlow, Sweep, Usage};
pub use layout::LAYOUT_VERSION;
pub use links::{Changed, LinkState};
pub use open::Opened;
pub use pins::{BUILD_ID, remove_all};
pub use policy::{AclSnapshot, AclTables, Applied, CLOSED_POLICY, PolicySnapshot, PolicyTables, Wanted};
pub use programs::{ProgramName, ProgramStats};
pub use records::{MtuEvent, Records, Refusal, Shadow};
pub use repeater::Repeater;
pub use runner::{EmptyProgram, PacketRunner, RunInput, RunOutput, Verdict};
pub use settings::Settings;
pub use table::Table;
