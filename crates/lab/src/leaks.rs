//! What a host has in the kernel, counted by the system's own tools: equal before and after, or something leaked.

use crate::guests::Network;
use crate::host::LabHost;
use crate::shell::{ip, sh};

/// Counts of what a host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// Network devices in the host's namespace.
    pub devices: usize,
    /// Network namespaces that belong to instances of the network, now or formerly.
    pub namespaces: usize,
    /// Files below the host's folder on bpffs, by name.
    pub pins: Vec<String>,
    /// Entries of its pinned maps that grow with what is attached, by map.
    pub entries: Vec<(String, usize)>,
}

impl Footprint {
    /// Counts.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn of(host: &LabHost, host_id: &str, network: &Network<'_>) -> anyhow::Result<Footprint> {
        let devices = ip(&format!("-n {} -o link show", host.namespace))?.lines().count();
        let exists = |instance: &String| std::path::Path::new("/run/netns").join(instance).exists();
        let namespaces = network.instances_ever().iter().filter(|instance| exists(instance)).count();
        let root = format!("/sys/fs/bpf/pintle/{host_id}");
        let mut pins: Vec<String> = sh("find", &[&root, "-type", "f"])?.lines().map(str::to_owned).collect();
        pins.sort();
        let mut entries = Vec::new();
        for pin in &pins {
            if ["ports", "endpoints", "locations", "drops"].iter().any(|map| pin.contains(&format!("/{map}"))) {
                let dump = sh("bpftool", &["-j", "map", "dump", "pinned", pin]).unwrap_or_else(|_| "[]".to_owned());
                let count = serde_json::from_str::<serde_json::Value>(&dump)?.as_array().map_or(0, Vec::len);
                if !pin.contains("/drops") {
                    entries.push((pin.clone(), count));
                }
            }
        }
        Ok(Footprint { devices, namespaces, pins, entries })
    }
}
