//! A machine's lease: DISCOVER, OFFER, REQUEST, ACK (RFC 2131).

use std::net::Ipv4Addr;

use super::{Machine, PATIENCE, TRIES, TYPE_IPV4, kind};
use crate::error::{ProbeError, Result};
use crate::inject::BROADCAST;
use crate::inject::build::{ethernet, udp};

const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const TRANSACTION: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
/// Where a message begins in a frame without IP options, and its options in the message.
const MESSAGE_AT: usize = 14 + 20 + 8;
const OPTIONS_AT: usize = 240;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;

/// What a machine was told by DHCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its address.
    pub address: Ipv4Addr,
    /// The options, in order: code and value.
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Lease {
    /// The value of an option.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(known, _)| *known == code).map(|(_, value)| value.as_slice())
    }

    /// The largest IP packet (option 26), in bytes.
    pub fn mtu(&self) -> Option<u16> {
        self.option(26).and_then(|value| Some(u16::from_be_bytes(value.try_into().ok()?)))
    }

    /// The default gateway (option 3).
    pub fn router(&self) -> Option<Ipv4Addr> {
        self.option(3).and_then(|value| Some(Ipv4Addr::from(<[u8; 4]>::try_from(value.get(..4)?).ok()?)))
    }
}

impl Machine {
    /// Takes a lease, and the address in it for its own.
    ///
    /// # Errors
    /// [`ProbeError::NoAnswer`] if nobody offers one, or who offered it does not acknowledge it.
    pub fn lease(&mut self) -> Result<Lease> {
        let offer = self.dhcp(DISCOVER, &[], OFFER, "a DHCP DISCOVER")?;
        let server = offer.option(54).unwrap_or_default().to_vec();
        let wanted = [&[50, 4], &offer.address.octets()[..], &[54, server.len() as u8], &server].concat();
        let lease = self.dhcp(REQUEST, &wanted, ACK, "a DHCP REQUEST")?;
        self.own.ip = lease.address;
        Ok(lease)
    }

    fn dhcp(&mut self, message: u8, options: &[u8], answer: u8, what: &str) -> Result<Lease> {
        let mut bytes = vec![1, 1, 6, 0];
        bytes.extend(TRANSACTION);
        bytes.extend([0; 20]);
        bytes.extend(self.own.mac);
        bytes.extend([0; 10 + 192]);
        bytes.extend(COOKIE);
        bytes.extend([53, 1, message]);
        bytes.extend([55, 4, 1, 3, 6, 26]);
        bytes.extend(options);
        bytes.push(255);
        let packet = udp((Ipv4Addr::UNSPECIFIED, 68), (Ipv4Addr::BROADCAST, 67), &bytes);
        let question = ethernet(self.own.mac, BROADCAST, TYPE_IPV4, &packet);
        let is_it = |frame: &[u8]| read(frame).is_some_and(|lease| lease.option(53) == Some(&[answer]));
        let frame = self.ask(&question, is_it)?;
        let lease = frame.and_then(|frame| read(&frame));
        lease.ok_or_else(|| ProbeError::NoAnswer { what: what.to_owned(), waited: PATIENCE * TRIES })
    }
}

/// An answer to our transaction.
fn read(frame: &[u8]) -> Option<Lease> {
    let message = frame.get(MESSAGE_AT..)?;
    let ours = kind(frame) == TYPE_IPV4 && frame.get(34..38)? == [0, 67, 0, 68] && message.get(4..8)? == TRANSACTION;
    if !ours || message.get(OPTIONS_AT - 4..OPTIONS_AT)? != COOKIE {
        return None;
    }
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(message.get(16..20)?).ok()?);
    let (mut options, mut rest) = (Vec::new(), message.get(OPTIONS_AT..)?);
    loop {
        rest = match rest {
            [255, ..] => return Some(Lease { address, options }),
            [0, rest @ ..] => rest,
            [code, length, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                options.push((*code, value.to_vec()));
                rest
            }
            _ => return None,
        };
    }
}
