//! What devices are called, and how ours are told from everybody else's.
//!
//! A device's alias says whose it is and what it is for, so nothing needs to be remembered: an agent that starts finds
//! its devices again by reading. Devices without such an alias are never touched, whatever their name.

pub use pintle_core::host_spec::port_device;
use pintle_core::id::{AttachmentId, HostId};

/// What all devices of one host have in common.
#[derive(Debug, Clone)]
pub struct Marks {
    host: HostId,
    prefix: String,
    group: u32,
}

/// What a device's alias says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The host's VXLAN device.
    Overlay,
    /// An end of the cable whose queues hold back limited packets.
    Shaper,
    /// The device of a port, host side or guest side.
    Port {
        /// The port.
        attachment: AttachmentId,
        /// The interface's generation that it realises.
        generation: u32,
    },
    /// Ours, by its beginning, and of no known form.
    Unknown,
}

impl Marks {
    /// The marks of a host.
    pub fn new(host: HostId) -> Self {
        let bits = digits(&host.to_string());
        // Group 0 is everybody's.
        let group = u32::from_str_radix(&bits[bits.len() - 8..], 16).unwrap_or(1).max(1);
        Marks { host, prefix: format!("pintle/{host}/"), group }
    }

    /// The host's id.
    pub fn host(&self) -> HostId {
        self.host
    }

    /// The group of every device of this host: it is there from a device's birth, the alias a moment later.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// The group of devices that are about to be deleted together.
    pub(super) fn doomed_group(&self) -> u32 {
        self.group ^ 0x8000_0000
    }

    /// The alias of a port's devices.
    pub fn port(&self, attachment: AttachmentId, generation: u32) -> String {
        format!("{}{attachment}/{generation}", self.prefix)
    }

    /// The alias of the VXLAN device.
    pub fn overlay(&self) -> String {
        format!("{}vxlan", self.prefix)
    }

    /// The alias of both ends of the shaper's cable.
    pub fn shaper(&self) -> String {
        format!("{}shaper", self.prefix)
    }

    /// The alias of the loopback device of every namespace that was made for an instance of this host.
    pub fn namespace(&self) -> String {
        format!("{}namespace", self.prefix)
    }

    /// Reads an alias; `None` if it is not of this host.
    pub fn read(&self, alias: &str) -> Option<Mark> {
        let rest = alias.strip_prefix(&self.prefix)?;
        match rest {
            "vxlan" => return Some(Mark::Overlay),
            "shaper" => return Some(Mark::Shaper),
            _ => {}
        }
        let port = rest.split_once('/').and_then(|(attachment, generation)| {
            Some(Mark::Port { attachment: attachment.parse().ok()?, generation: generation.parse().ok()? })
        });
        Some(port.unwrap_or(Mark::Unknown))
    }

    /// The VXLAN device's name.
    pub fn overlay_device(&self) -> String {
        format!("pv{}", &digits(&self.host.to_string())[..12])
    }

    /// The names of the ends of the shaper's cable, the first one first.
    pub fn shaper_devices(&self) -> [String; 2] {
        let digits = digits(&self.host.to_string());
        ["0", "1"].map(|end| format!("ptsh{}{end}", &digits[..10]))
    }
}

/// The 17 hexadecimal digits of an id's text.
fn digits(id: &str) -> String {
    id.rsplit('-').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_aliases_are_read_back() {
        let marks = Marks::new("host-0123456789abcdef0".parse().unwrap());
        let attachment: AttachmentId = "eni-attach-0fedcba9876543210".parse().unwrap();
        assert_eq!(port_device(attachment), "ptcba9876543210");
        assert_eq!(marks.overlay_device(), "pv0123456789ab");
        assert_eq!(marks.group(), 0x9abc_def0);
        assert!(port_device(attachment).len() <= 15 && marks.overlay_device().len() <= 15);
        assert_eq!(marks.read(&marks.port(attachment, 7)), Some(Mark::Port { attachment, generation: 7 }));
        assert_eq!(marks.read(&marks.overlay()), Some(Mark::Overlay));
        assert_eq!(marks.read("pintle/host-0123456789abcdef0/x"), Some(Mark::Unknown));
        for foreign in ["", "eth0", "pintle/host-0123456789abcdef1/vxlan", "pintle/"] {
            assert_eq!(marks.read(foreign), None, "{foreign}");
        }
    }
}
