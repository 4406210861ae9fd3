//! Reading netlink messages: headers, attributes, acknowledgements.
//!
//! A dump shows other people's objects too, of kinds that may be newer than this code. So only the attributes that are
//! used are decoded, and one that was never heard of cannot make a listing fail. No function here panics on any bytes.

use netlink_packet_core::{NLA_TYPE_MASK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR};
use nix::errno::Errno;

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// `NLMSGERR_ATTR_MSG`: the explanation in an extended acknowledgement.
const ACK_TEXT: u16 = 1;

/// One netlink message of a received datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// `nlmsg_flags`.
    pub(crate) flags: u16,
    /// The sequence number of the request it answers; 0 in notifications.
    pub(crate) sequence: u32,
    /// The socket the answer is for; 0 in notifications that the kernel caused itself.
    pub(crate) port: u32,
    /// What follows the header.
    pub(crate) payload: &'a [u8],
}

/// The outcome that an `NLMSG_ERROR` or `NLMSG_DONE` message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `None` is success.
    pub(crate) errno: Option<Errno>,
    /// The kernel's explanation, where it gave one.
    pub(crate) detail: Option<String>,
}

impl<'a> Frame<'a> {
    /// Whether the kernel says that the list changed while it was being read.
    pub(crate) fn interrupted(&self) -> bool {
        self.flags & NLM_F_DUMP_INTR != 0
    }

    /// The verdict, if this message is one.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        if self.kind != NLMSG_ERROR && self.kind != NLMSG_DONE {
            return None;
        }
        // The kernel may leave out the number at the end of a dump that went well.
        let code = self.payload.get(..4).and_then(i32_of).unwrap_or(0);
        let errno = (code != 0).then(|| Errno::from_raw(code.wrapping_neg()));
        Some(Verdict { errno, detail: self.ack_attributes().and_then(ack_text) })
    }

    /// Where the extended acknowledgement's attributes begin: after the error number and the echoed request.
    fn ack_attributes(&self) -> Option<&'a [u8]> {
        if self.flags & NLM_F_ACK_TLVS == 0 {
            return None;
        }
        let skip = match self.kind {
            NLMSG_DONE => 4,
            _ if self.flags & NLM_F_CAPPED != 0 => 4 + HEADER,
            _ => 4usize.checked_add(align(self.payload.get(4..8).and_then(u32_of)? as usize))?,
        };
        self.payload.get(skip..)
    }
}

fn ack_text(attributes: &[u8]) -> Option<String> {
    self::attributes(attributes).find(|(kind, _)| *kind == ACK_TEXT).and_then(|(_, value)| string_of(value))
}

/// The messages of a datagram. Ends at the first one that does not fit.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let length = u32_of(bytes.get(..4)?)? as usize;
        let payload = bytes.get(HEADER..length)?;
        let frame = Frame {
            kind: u16_of(&bytes[4..6])?,
            flags: u16_of(&bytes[6..8])?,
            sequence: u32_of(&bytes[8..12])?,
            port: u32_of(&bytes[12..16])?,
            payload,
        };
        bytes = bytes.get(align(length)..).unwrap_or_default();
        Some(frame)
    })
}

/// The attributes of a message, or those nested in one, as kind and value. Ends at the first one that does not fit.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_of(bytes.get(..2)?)?);
        let kind = u16_of(bytes.get(2..4)?)? & NLA_TYPE_MASK;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// A `u16` in host order, if the value has that size.
pub(crate) fn u16_of(value: &[u8]) -> Option<u16> {
    value.try_into().ok().map(u16::from_ne_bytes)
}

/// A `u32` in host order, if the value has that size.
pub(crate) fn u32_of(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

/// An `i32` in host order, if the value has that size.
pub(crate) fn i32_of(value: &[u8]) -> Option<i32> {
    value.try_into().ok().map(i32::from_ne_bytes)
}

/// An IPv4 address, if the value has that size.
pub(crate) fn ipv4_of(value: &[u8]) -> Option<std::net::Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Into::into)
}

/// An address of this family (`AF_INET` or `AF_INET6`), if the value has its size.
pub(crate) fn ip_of(family: i32, value: &[u8]) -> Option<std::net::IpAddr> {
    match family {
        libc::AF_INET => ipv4_of(value).map(Into::into),
        libc::AF_INET6 => <[u8; 16]>::try_from(value).ok().map(Into::into),
        _ => None,
    }
}

/// A string with or without its terminating zero; `None` if empty.
pub(crate) fn string_of(value: &[u8]) -> Option<String> {
    let text = value.split(|b| *b == 0).next().unwrap_or_default();
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(HEADER + payload.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(9u32.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(align(bytes.len()), 0);
        bytes
    }

    #[test]
    fn a_capped_refusal_gives_number_and_text() {
        let mut payload = (-22i32).to_ne_bytes().to_vec();
        payload.extend([0u8; HEADER]);
        payload.extend(8u16.to_ne_bytes());
        payload.extend(ACK_TEXT.to_ne_bytes());
        payload.extend(b"no!\0");
        let bytes = frame(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, &payload);
        let verdict = frames(&bytes).next().unwrap().verdict().unwrap();
        assert_eq!(verdict, Verdict { errno: Some(Errno::EINVAL), detail: Some("no!".into()) });
    }

    #[test]
    fn an_acknowledgement_and_an_empty_end_are_success() {
        let success = Some(Verdict { errno: None, detail: None });
        assert_eq!(frames(&frame(NLMSG_ERROR, NLM_F_CAPPED, &[0; 20])).next().unwrap().verdict(), success);
        assert_eq!(frames(&frame(NLMSG_DONE, 0, &[])).next().unwrap().verdict(), success);
    }

    #[test]
    fn messages_follow_each_other_at_four_byte_steps() {
        let mut bytes = frame(16, 0, &[1, 2, 3]);
        bytes.extend(frame(17, 0, &[4]));
        let seen: Vec<_> = frames(&bytes).map(|f| (f.kind, f.payload.to_vec(), f.sequence, f.port)).collect();
        assert_eq!(seen, [(16, vec![1, 2, 3], 7, 9), (17, vec![4], 7, 9)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic_or_run_on(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(attributes(&bytes).count() <= bytes.len() / 4);
            prop_assert!(frames(&bytes).count() <= bytes.len() / HEADER);
            for frame in frames(&bytes) {
                let _ = frame.verdict();
            }
        }
    }
}
