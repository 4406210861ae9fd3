//! Whether a guest can send under a source address that is not its own.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pintle_probe::Namespace;
use pintle_probe::inject::{Injector, Mac, build};
use serde_json::Value;

use crate::shell::ip;

/// How long a packet may take between two guests.
const FLIGHT: Duration = Duration::from_millis(100);
/// How many forged packets in a row must get lost.
const LOST: u32 = 3;

/// One guest's interface, known by an address that it has.
pub(super) struct End<'a> {
    /// The guest's namespace.
    pub(super) guest: &'a str,
    /// The interface's address.
    pub(super) address: Ipv4Addr,
}

impl End<'_> {
    /// The device's name and MAC address.
    fn device(&self) -> anyhow::Result<(String, Mac)> {
        let End { guest, address } = self;
        let links: Value = serde_json::from_str(&ip(&format!("-n {guest} -j -4 addr show to {address}"))?)?;
        let name = links.as_array().into_iter().flatten().find_map(|link| link["ifname"].as_str());
        let name = name.with_context(|| format!("guest {guest} has no device with {address}"))?;
        let link: Value = serde_json::from_str(&ip(&format!("-n {guest} -j link show dev {name}"))?)?;
        let text = link[0]["address"].as_str().context("the device has no address")?;
        let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>()?;
        let mac = bytes.try_into().map_err(|_| anyhow::anyhow!("'{text}' is no MAC address"))?;
        Ok((name.to_owned(), mac))
    }
}

/// Waits until what the sender forges arrives, or gets lost while what it sends as itself arrives.
///
/// # Errors
/// When it is otherwise in the end.
pub(super) fn judge(
    from: &End<'_>,
    source: Ipv4Addr,
    to: &End<'_>,
    wanted: bool,
    deadline: Instant,
) -> anyhow::Result<()> {
    let ((device, own), (theirs, receiver)) = (from.device()?, to.device()?);
    let mut injector = Injector::open(&Namespace::named(from.guest), &device)?;
    let mut capture = Injector::open(&Namespace::named(to.guest), &theirs)?;
    let mut arrives = |source: Ipv4Addr, port: u16| -> anyhow::Result<bool> {
        let packet = build::udp((source, port), (to.address, 7), b"whose");
        injector.send(&build::ethernet(own, receiver, 0x0800, &packet))?;
        Ok(capture.recv(FLIGHT, |frame| frame.get(14..) == Some(&packet))?.is_some())
    };
    let mut lost = 0;
    for port in 1.. {
        ensure!(Instant::now() < deadline, "packets of {source} by {} should arrive: {wanted}", from.guest);
        if !arrives(from.address, port)? {
            continue;
        }
        match (arrives(source, port)?, wanted) {
            (true, true) => return Ok(()),
            (false, false) if lost + 1 == LOST => return Ok(()),
            (false, false) => lost += 1,
            _ => lost = 0,
        }
    }
    Ok(())
}
