//! Port numbers that tests running side by side do not fight over.
//!
//! Each [`Ports`] is a block of numbers below the kernel's ephemeral range, claimed by listening on its first one.

use std::net::TcpListener;

use anyhow::{Context, Result};

const FIRST_BLOCK: u16 = 10_000;
const BLOCK: u16 = 400;
const BLOCKS: u16 = 55;

/// A claimed block; free again when dropped. Phones must have ended before: one that takes its registration back would ask the
/// switch of whoever claims the block next, with passwords that are wrong there, and have the host locked out.
#[derive(Debug)]
pub struct Ports {
    claim: TcpListener,
    first: u16,
    taken: u16,
}

impl Ports {
    /// Claims a block that nobody else has.
    pub fn claim() -> Result<Self> {
        // Processes start looking at different blocks, so that they seldom meet.
        let start = u16::try_from(std::process::id() % u32::from(BLOCKS))?;
        (0..BLOCKS)
            .map(|n| FIRST_BLOCK + (start + n) % BLOCKS * BLOCK)
            .find_map(|first| {
                Some(Self { claim: TcpListener::bind(("127.0.0.1", first)).ok()?, first, taken: 2 })
            })
            .context("no block of ports is free")
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
