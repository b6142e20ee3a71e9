//! Port numbers that processes side by side do not fight over: one for a private server, blocks for tests. All are below
//! those that the kernel gives to clients (`ip_local_port_range` of Linux, from 32,768), because a port that somebody comes
//! back to later must not meanwhile be the local end of anybody's connection.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::secret;

const FIRST_BLOCK: u16 = 10_000;
const BLOCK: u16 = 400;
const BLOCKS: u16 = 45;

/// What [`free_port`] chooses from, above all blocks.
const SINGLE: Range<u16> = FIRST_BLOCK + BLOCKS * BLOCK..32_768;
/// Of nearly five thousand so many can hardly all be taken.
const TRIES_MAX: usize = 64;

/// Where a port of 127.0.0.1 is claimed: listening there keeps nobody from listening here.
const CLAIMS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What this process has claimed, until it ends: a server that is started again comes back to its port.
static CLAIMED: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());

/// A TCP port of 127.0.0.1 that nobody listens on and that nobody else is given before this process ends. A server takes
/// seconds until it listens: of hundreds that start side by side, two would else come to the same now and then.
pub fn free_port() -> io::Result<u16> {
    for _ in 0..TRIES_MAX {
        let random = u16::from_le_bytes(secret::bytes::<2>()?);
        let port = SINGLE.start + random % (SINGLE.end - SINGLE.start);
        if claim(port) {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Claims that TCP port of 127.0.0.1 as [`free_port`] does; false if somebody listens on it or has claimed it.
pub fn claim(port: u16) -> bool {
    let Ok(claim) = TcpListener::bind((CLAIMS, port)) else { return false };
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    if is_free {
        CLAIMED.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
    }
    is_free
}

/// A block of ports for one test, claimed by listening on its first one; free again when dropped. Phones must have ended
/// before: one that takes its registration back would ask the switch of whoever claims the block next, with passwords that
/// are wrong there, and have the host locked out.
#[derive(Debug)]
pub struct Ports {
    claim: TcpListener,
    first: u16,
    taken: u16,
}

impl Ports {
    /// Claims a block that nobody else has.
    pub fn claim() -> io::Result<Self> {
        // Processes start looking at different blocks, so that they seldom meet.
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or(0);
        (0..BLOCKS)
            .map(|n| FIRST_BLOCK + (start + n) % BLOCKS * BLOCK)
            .find_map(|first| {
                Some(Self { claim: TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok()?, first, taken: 2 })
            })
            .ok_or_else(|| io::Error::other("no block of ports is free"))
    }

    /// The next `count` numbers, starting with an even one.
    pub fn take(&mut self, count: u16) -> u16 {
        let first = self.first + self.taken;
        self.taken += count + count % 2;
        assert!(self.taken <= BLOCK, "a block has {BLOCK} ports");
        first
    }

    /// A port somebody listens on as long as this lives: the claim itself.
    pub fn busy(&self) -> u16 {
        self.claim.local_addr().map_or(self.first, |address| address.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that had not begun to listen lost its port to another one.
    #[test]
    fn a_port_is_given_once_before_anybody_listens_on_it() {
        let given: Vec<u16> = (0..300).map(|_| free_port().unwrap()).collect();
        let different: std::collections::BTreeSet<_> = given.iter().collect();
        assert_eq!(different.len(), given.len());
        assert!(
            given.iter().all(|port| !claim(*port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        );
    }
}
