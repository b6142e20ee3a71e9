//! The recorder's end of the ring that the media thread fills: whole packets, one after the other.

use rtrb::Consumer;
use streams::tap::{HEAD_BYTES, Heard};

/// Packets taken out of the ring.
pub struct Ring {
    octets: Consumer<u8>,
    packet: Vec<u8>,
}

impl Ring {
    /// The consumer of the ring that the relay writes to.
    pub fn new(octets: Consumer<u8>) -> Self {
        Self { octets, packet: Vec::new() }
    }

    /// The next packet, if it is there whole. The writer puts head and packet in before it shows either.
    pub fn next(&mut self) -> Option<(Heard, &[u8])> {
        let mut head = [0; HEAD_BYTES];
        self.octets.pop_entire_slice(&mut head).ok()?;
        let heard = Heard::read(&head);
        self.packet.resize(usize::from(heard.length), 0);
        self.octets.pop_entire_slice(&mut self.packet).ok()?;
        Some((heard, &self.packet))
    }
}
