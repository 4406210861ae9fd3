//! What a guest leaves to its device and what it does itself makes no difference to a byte that arrives.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use pintle_lab::policy::{listen, reach};
use pintle_lab::{Lab, Network};
use pintle_probe::Namespace;
use pintle_probe::offload::{self, Offload};
use serde_json::json;

const PORT: u16 = 9000;
/// Many segments, and an odd last one.
const BYTES: usize = 300_001;
/// Datagrams of these sizes: the smallest, an odd one, what just fits (IPv6 in an MTU of 1450), and one that is cut into fragments.
const DATAGRAMS: [usize; 4] = [1, 777, 1402, 4001];
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes in which nothing repeats soon, so that a segment in another's place shows.
fn pattern(seed: u32, bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|at| ((at ^ seed).wrapping_mul(2_654_435_761) >> 21) as u8).collect()
}

/// Bytes there, other bytes back, over one connection; compared whole.
fn talk(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
    }
    let (there, back) = (pattern(1, BYTES), pattern(2, BYTES));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| client.write_all(&there).and_then(|()| client.shutdown(Shutdown::Write)));
        let mut got = Vec::new();
        server.read_to_end(&mut got)?;
        assert!(got == there, "{} of {BYTES} bytes there, or other ones", got.len());
        sending.join().expect("the sender does not panic")
    })?;
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| server.write_all(&back).and_then(|()| server.shutdown(Shutdown::Write)));
        let mut got = Vec::new();
        client.read_to_end(&mut got)?;
        assert!(got == back, "{} of {BYTES} bytes back, or other ones", got.len());
        sending.join().expect("the sender does not panic")
    })
}

/// Datagrams there and back. Nothing is lost between two sockets that take turns.
fn datagrams(client: &UdpSocket, server: &UdpSocket) -> std::io::Result<()> {
    let mut buffer = [0; 8192];
    for (round, size) in DATAGRAMS.into_iter().enumerate() {
        let sent = pattern(round as u32, size);
        client.send_to(&sent, server.local_addr()?)?;
        let (length, from) = server.recv_from(&mut buffer)?;
        assert!(buffer[..length] == sent, "a datagram of {size} bytes arrives as one of {length}, or with other bytes");
        server.send_to(&buffer[..length], from)?;
        let (length, _) = client.recv_from(&mut buffer)?;
        assert!(buffer[..length] == sent, "a datagram of {size} bytes comes back as one of {length}");
    }
    Ok(())
}

#[test]
fn i10_the_same_bytes_arrive_with_every_combination_of_offloads() {
    let lab = Lab::start().unwrap();
    let network = Network::new(&lab.api).unwrap();
    let subnet = network.dual_subnet("10.1.0.0/24", "2001:db8:7::/56", "2001:db8:7:1::/64").unwrap();
    let open = network.group_of(&["any from any", "any to any"]).unwrap();
    let guest = |host, last: u8| {
        let (four, six) = (format!("10.1.0.{last}"), format!("2001:db8:7:1::{last}"));
        let body = json!({ "subnet": subnet, "address": four, "addresses": [six], "security_groups": [open] });
        (network.guest_as(host, body).unwrap().0, [four, six])
    };
    let (client, own) = guest("h1", 10);
    let servers = [guest("h1", 20), guest("h2", 30)];
    let bound = |guest: &str, address: &str| {
        let address = SocketAddr::new(address.parse().unwrap(), PORT);
        let socket = Namespace::named(guest).run(|| UdpSocket::bind(address)).unwrap().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    };
    let client_sockets = [0, 1].map(|version| bound(&client, &own[version]));
    for (server, addresses) in &servers {
        let sockets = [0, 1].map(|version| bound(server, &addresses[version]));
        let at = |version: usize| SocketAddr::new(addresses[version].parse().unwrap(), PORT);
        let listeners = [0, 1].map(|version| listen(server, at(version)).unwrap());
        for combination in 0..1_u32 << Offload::ALL.len() {
            // Checksums come last in the list, and segmentation needs them: so they are switched first.
            for (bit, offload) in Offload::ALL.into_iter().enumerate().rev() {
                for guest in [&client, server] {
                    offload::set(&Namespace::named(guest), "eth0", offload, combination >> bit & 1 == 1).unwrap();
                }
            }
            let on = |offload| offload::is_on(&Namespace::named(&client), "eth0", offload).unwrap();
            let state = Offload::ALL.map(|offload| (offload, on(offload)));
            let checksums = combination >> 3 & 1 == 1;
            for (bit, (offload, on)) in state.into_iter().enumerate() {
                // Without checksums the kernel lets a device do no TCP segmentation, whatever was asked for.
                let wanted = combination >> bit & 1 == 1 && (checksums || offload != Offload::TcpSegmentation);
                let left = checksums || !matches!(offload, Offload::TcpSegmentation | Offload::GenericSegmentation);
                assert!(on == wanted || !left, "{offload:?} is not as it was set: {state:?}");
            }
            for version in [0, 1] {
                let stream = reach(&client, at(version)).unwrap_or_else(|error| panic!("{state:?}: {error:#}"));
                let accepted = listeners[version].accept().unwrap().0;
                talk(stream, accepted).unwrap_or_else(|error| panic!("{state:?} to {}: {error}", at(version)));
                datagrams(&client_sockets[version], &sockets[version])
                    .unwrap_or_else(|error| panic!("{state:?} to {}: {error}", at(version)));
            }
        }
    }
}
