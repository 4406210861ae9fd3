//! A virtual machine as a host sees it: somebody who has a tap open, sends whole frames into it and gets whole frames out.
//!
//! An emulator with a kernel inside would show the same, a thousand times more slowly. What is not in a machine's own hands is
//! real: the tap, its virtio header, and everything behind it. It has just enough of a stack to be met: it asks for
//! neighbours, takes a lease by DHCP, and answers ARP and echo requests while it waits for anything.
//!
//! The same machine can sit at a device of a namespace instead, beside the stack that is there: so that one test can be asked
//! of both kinds of guest.

mod lease;

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

pub use lease::Lease;

use crate::clock::Moment;
use crate::error::{ProbeError, Result};
use crate::inject::build::{arp, ethernet, icmp, ipv4};
use crate::inject::{BROADCAST, Endpoint, Injector, Mac};
use crate::namespace::Namespace;
use crate::{sys, tap};

/// `struct virtio_net_hdr` of a frame that needs nothing done to it.
const HEADER: [u8; 10] = [0; 10];
/// Room for the largest IP packet in a frame.
const LARGEST: usize = HEADER.len() + 14 + 65535;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a question is asked. The kernel delivers nothing through a tap until it has noticed that somebody opened it, some
/// milliseconds later, so the first answer of all may be lost.
const TRIES: u32 = 5;

const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const ICMP: u8 = 1;

/// A machine behind a tap. Dropping it is pulling its plug: the tap stays if it is a persistent one.
pub struct Machine {
    cable: Cable,
    /// What it takes itself for; a machine that lies is made by changing this.
    pub own: Endpoint,
    /// The gateway's MAC address, once it was asked for.
    gateway: Option<Mac>,
}

/// What its frames come and go through.
enum Cable {
    /// A tap, and room for a frame with its header.
    Tap(File, Vec<u8>),
    /// A device of a namespace.
    Device(Injector),
}

impl Machine {
    /// A machine with this MAC address behind the tap of that name, still without an address.
    ///
    /// # Errors
    /// [`ProbeError::System`] if there is no such tap or somebody has it open.
    pub fn behind(host: &Namespace, tap: &str, mac: Mac) -> Result<Machine> {
        let file = host.run(|| tap::open(tap))?.map_err(ProbeError::system(format!("open tap '{tap}'")))?;
        Ok(Machine::new(Cable::Tap(file, vec![0; LARGEST]), mac))
    }

    /// A machine with this MAC address at a device of a namespace, still without an address.
    ///
    /// # Errors
    /// As [`Injector::open`].
    pub fn at(namespace: &Namespace, device: &str, mac: Mac) -> Result<Machine> {
        Ok(Machine::new(Cable::Device(Injector::open(namespace, device)?), mac))
    }

    fn new(cable: Cable, mac: Mac) -> Machine {
        Machine { cable, own: Endpoint::new(mac, Ipv4Addr::UNSPECIFIED), gateway: None }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`ProbeError::System`], for example while the device is down.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        match &mut self.cable {
            Cable::Tap(tap, _) => {
                let whole = [&HEADER[..], frame].concat();
                tap.write_all(&whole).map_err(ProbeError::system("send a frame into the tap"))
            }
            Cable::Device(device) => device.send(frame),
        }
    }

    /// Sends an IPv4 packet by the gateway.
    ///
    /// # Errors
    /// [`ProbeError::NoAnswer`] if the gateway is not there; as [`send`](Self::send).
    pub fn send_packet(&mut self, gateway: Ipv4Addr, packet: &[u8]) -> Result<()> {
        let mac = self.gateway_mac(gateway)?;
        self.send(&ethernet(self.own.mac, mac, TYPE_IPV4, packet))
    }

    /// The first frame that `wanted` says yes to; `None` if none came within `patience`. Answers meanwhile.
    ///
    /// # Errors
    /// [`ProbeError::System`] if the tap is gone.
    pub fn receive(&mut self, patience: Duration, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>> {
        let until = Moment::now() + patience;
        while let Some(frame) = self.next(until)? {
            if wanted(&frame) {
                return Ok(Some(frame));
            }
            if let Some(answer) = self.answer(&frame) {
                self.send(&answer)?;
            }
        }
        Ok(None)
    }

    /// Answers whoever asks, for this long.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn serve(&mut self, period: Duration) -> Result<()> {
        self.receive(period, |_| false).map(drop)
    }

    /// Who answers for an address by ARP; `None`: nobody.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn resolve(&mut self, address: Ipv4Addr) -> Result<Option<Mac>> {
        let question = arp(1, (self.own.mac, self.own.ip), ([0; 6], address));
        let question = ethernet(self.own.mac, BROADCAST, TYPE_ARP, &question);
        let wanted = |frame: &[u8]| {
            kind(frame) == TYPE_ARP
                && frame.get(20..22) == Some(&[0, 2])
                && frame.get(28..32) == Some(&address.octets())
        };
        let answer = self.ask(&question, wanted)?;
        Ok(answer.and_then(|frame| frame.get(22..28)?.try_into().ok()))
    }

    /// Whether an address answers an echo request with `size` bytes, sent to its own MAC address, as within a subnet.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn ping(&mut self, address: Ipv4Addr, size: usize) -> Result<bool> {
        let Some(mac) = self.resolve(address)? else { return Ok(false) };
        let packet = self.echo(address, size);
        let request = ethernet(self.own.mac, mac, TYPE_IPV4, &packet);
        let answer = self.ask(&request, |frame| is_icmp(frame, 0) && frame[26..30] == address.octets())?;
        Ok(answer.is_some())
    }

    /// An echo request to an address as an IPv4 packet that may not be fragmented.
    pub fn echo(&self, address: Ipv4Addr, size: usize) -> Vec<u8> {
        const DONT_FRAGMENT: u16 = 0x4000;
        ipv4(self.own.ip, address, ICMP, DONT_FRAGMENT, &[], &icmp(8, 0, [0x70, 1, 0, 1], &vec![7; size]))
    }

    /// The answer to a question, which is asked again if there is none.
    fn ask(&mut self, question: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>> {
        for _ in 0..TRIES {
            self.send(question)?;
            if let Some(answer) = self.receive(PATIENCE, &wanted)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn gateway_mac(&mut self, gateway: Ipv4Addr) -> Result<Mac> {
        let mac = match self.gateway {
            Some(mac) => mac,
            None => self.resolve(gateway)?.ok_or_else(|| ProbeError::NoAnswer {
                what: format!("ARP for gateway {gateway}"),
                waited: PATIENCE * TRIES,
            })?,
        };
        self.gateway = Some(mac);
        Ok(mac)
    }

    fn next(&mut self, until: Moment) -> Result<Option<Vec<u8>>> {
        let failed = || ProbeError::system("receive a frame from the tap");
        let (tap, buffer) = match &mut self.cable {
            Cable::Tap(tap, buffer) => (tap, buffer),
            Cable::Device(device) => return device.recv(until.remaining(), |_| true),
        };
        loop {
            match tap.read(buffer) {
                Ok(length) => return Ok(buffer.get(HEADER.len()..length).map(<[u8]>::to_vec)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !sys::wait_readable(tap, until).map_err(failed())? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(failed()(error)),
            }
        }
    }

    /// What its stack says to a frame.
    fn answer(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let asks: Mac = frame.get(6..12)?.try_into().ok()?;
        let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(frame.get(at..at + 4)?).ok()?));
        if kind(frame) == TYPE_ARP && frame.get(20..22)? == [0, 1] && address(38)? == self.own.ip {
            let answer = arp(2, (self.own.mac, self.own.ip), (asks, address(28)?));
            return Some(ethernet(self.own.mac, asks, TYPE_ARP, &answer));
        }
        if is_icmp(frame, 8) && frame[..6] == self.own.mac && address(30)? == self.own.ip {
            let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
            let message = frame.get(34..14 + total)?;
            let (word, payload) = (message.get(4..8)?.try_into().ok()?, message.get(8..)?);
            let packet = ipv4(self.own.ip, address(26)?, ICMP, 0, &[], &icmp(0, 0, word, payload));
            return Some(ethernet(self.own.mac, asks, TYPE_IPV4, &packet));
        }
        None
    }
}

/// The EtherType of a frame; 0 if it has none.
fn kind(frame: &[u8]) -> u16 {
    frame.get(12..14).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Whether a frame holds an ICMP message of this type behind an IPv4 header without options.
pub fn is_icmp(frame: &[u8], message: u8) -> bool {
    let header = kind(frame) == TYPE_IPV4 && frame.get(14) == Some(&0x45) && frame.get(23) == Some(&ICMP);
    header && frame.get(34) == Some(&message) && frame.len() >= 42
}
