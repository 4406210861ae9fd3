//! What a floating IP's connections look like at both ends.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use pintle_probe::Namespace;

/// A floating IP and the interface that it leads to.
pub(super) struct Way<'a> {
    /// Namespace of who connects.
    pub(super) from: &'a str,
    /// Its own address.
    pub(super) client: Ipv4Addr,
    /// The floating IP.
    pub(super) public: Ipv4Addr,
    /// Namespace of the interface.
    pub(super) guest: &'a str,
    /// Where both ends meet.
    pub(super) port: u16,
}

impl Way<'_> {
    /// Waits until a connection to the public address has come to this private one: the guest sees the private address, the
    /// client the public one, and both see each other.
    pub(super) fn leads_to(&self, private: Ipv4Addr, deadline: Instant) -> anyhow::Result<()> {
        let listener = self.listen(private)?;
        loop {
            match self.connect()? {
                Ok(client) => {
                    let (server, peer) = listener.accept()?;
                    let seen = (server.local_addr()?.ip(), peer.ip(), client.peer_addr()?.ip());
                    ensure!(seen == (private.into(), self.client.into(), self.public.into()), "seen: {seen:?}");
                    return Ok(());
                }
                Err(error) => ensure!(Instant::now() < deadline, "{} does not lead to {private}: {error}", self.public),
            }
        }
    }

    /// Nothing comes to this one.
    pub(super) fn leads_elsewhere(&self, other: Ipv4Addr) -> anyhow::Result<()> {
        let _listener = self.listen(other)?;
        match self.connect()? {
            Ok(_) => bail!("{} leads to {other}", self.public),
            Err(_) => Ok(()),
        }
    }

    fn listen(&self, address: Ipv4Addr) -> anyhow::Result<TcpListener> {
        let address = SocketAddr::from((address, self.port));
        Ok(Namespace::named(self.guest).run(|| TcpListener::bind(address))??)
    }

    fn connect(&self) -> anyhow::Result<std::io::Result<TcpStream>> {
        let target = SocketAddr::from((self.public, self.port));
        let connect = || TcpStream::connect_timeout(&target, Duration::from_millis(500));
        Ok(Namespace::named(self.from).run(connect)?)
    }
}
