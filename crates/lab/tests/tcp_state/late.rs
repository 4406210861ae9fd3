//! Which segments a wire has let arrive so late that their receiver, too, would refuse them, told from the order in which the
//! wire sends: the judge of whether a refusal was right, which knows the standards and nothing of the data plane.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use etherparse::{NetSlice, SlicedPacket, TcpHeaderSlice, TcpOptionElement, TransportSlice};
use pintle_probe::impair::Watch;

/// The least that a sender is taken to have been offered, where the wire has not seen that (RFC 9293: 65,535).
const WINDOW: u32 = 65_535;

/// Late segments, by why they are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Late {
    /// A SYN after what came behind it: never let in, but answered with an ACK (RFC 5961, 4).
    pub(crate) syn: u64,
    /// A SYN-ACK, likewise.
    pub(crate) syn_ack: u64,
    /// An ACK of less than the newest one by more than the largest window (RFC 5961, 5.2).
    pub(crate) ack: u64,
    /// Data that ends further back than the newest ACK of it by more than the largest window that was offered.
    pub(crate) data: u64,
}

impl Late {
    /// How many may be refused for this reason.
    pub(crate) fn allowed(&self, reason: &str) -> u64 {
        match reason {
            "tcp_syn_in_connection" => self.syn,
            "tcp_bad_ack" => self.syn_ack,
            "tcp_old_ack" => self.ack,
            "tcp_old_data" => self.data,
            _ => 0,
        }
    }
}

type Ends = (IpAddr, IpAddr, u16, u16);

/// One direction of a connection, as its segments were sent on.
#[derive(Debug)]
struct Direction {
    first: u32,
    /// Whether anything came behind its SYN.
    went_on: bool,
    ack: Option<u32>,
    scale: u8,
    window: u32,
}

#[derive(Debug, Default)]
struct Seen {
    directions: HashMap<Ends, Direction>,
    late: Late,
}

/// What wires hand to interfaces, each by its own watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order(Arc<Mutex<Seen>>);

impl Order {
    /// What is to look at each frame.
    pub(crate) fn watch(&self) -> Watch {
        let seen = self.0.clone();
        Box::new(move |frame| seen.lock().unwrap().look(frame))
    }

    /// What was late so far.
    pub(crate) fn late(&self) -> Late {
        self.0.lock().unwrap().late
    }
}

/// Whether `a` comes before `b` in the sequence space.
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl Seen {
    fn look(&mut self, frame: &[u8]) {
        let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return };
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return };
        let (source, destination) = match &packet.net {
            Some(NetSlice::Ipv4(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
            Some(NetSlice::Ipv6(ip)) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
            _ => return,
        };
        let payload = tcp.payload().len() as u32;
        let Ok(header) = TcpHeaderSlice::from_slice(tcp.slice()) else { return };
        let ends = (source, destination, header.source_port(), header.destination_port());
        if header.rst() {
            return;
        }
        if header.syn() {
            return self.syn(ends, &header);
        }
        let end = header.sequence_number().wrapping_add(payload + u32::from(header.fin()));
        let peer = self.directions.get(&(destination, source, ends.3, ends.2));
        let oldest = peer.and_then(|peer| peer.ack.map(|ack| ack.wrapping_sub(peer.window.max(WINDOW))));
        self.late.data += u64::from(oldest.is_some_and(|oldest| before(end, oldest)));
        let Some(direction) = self.directions.get_mut(&ends) else { return };
        direction.went_on = true;
        direction.window = direction.window.max(u32::from(header.window_size()) << direction.scale);
        let (ack, newest) = (header.acknowledgment_number(), direction.ack);
        let oldest = newest.map(|newest| newest.wrapping_sub(direction.window.max(WINDOW)));
        self.late.ack += u64::from(oldest.is_some_and(|oldest| before(ack, oldest)));
        if newest.is_none_or(|newest| before(newest, ack)) {
            direction.ack = Some(ack);
        }
    }

    fn syn(&mut self, ends: Ends, header: &TcpHeaderSlice) {
        let first = header.sequence_number();
        if let Some(known) = self.directions.get(&ends).filter(|known| known.first == first) {
            let late = if header.ack() { &mut self.late.syn_ack } else { &mut self.late.syn };
            *late += u64::from(known.went_on);
            return;
        }
        let scale = header.options_iterator().flatten().find_map(|option| match option {
            TcpOptionElement::WindowScale(scale) => Some(scale),
            _ => None,
        });
        let window = u32::from(header.window_size());
        let ack = header.ack().then(|| header.acknowledgment_number());
        let direction = Direction { first, went_on: false, ack, scale: scale.unwrap_or(0), window };
        self.directions.insert(ends, direction);
    }
}
