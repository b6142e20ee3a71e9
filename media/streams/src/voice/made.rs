//! Packets of our own making, on their way to the socket: a fixed number of buffers that are filled, sent and used again.

use crate::srtp::OVERHEAD_BYTES_MAX;

/// Bytes of an RTP header without contributors and extension.
pub(super) const HEADER_BYTES: usize = 12;
/// Packets that wait at the same time.
pub const MADE_PACKETS_MAX: usize = 64;
/// Longest packet, before it is sealed.
pub const MADE_BYTES_MAX: usize = 2_048;

#[derive(Clone, Debug)]
struct Packet {
    room: [u8; MADE_BYTES_MAX + OVERHEAD_BYTES_MAX],
    length: usize,
}

/// Packets for one leg.
#[derive(Debug)]
pub struct Made {
    packets: Box<[Packet]>,
    count: usize,
    /// How many of them have been sealed.
    sealed: usize,
}

impl Made {
    /// With room for [`MADE_PACKETS_MAX`].
    pub fn new() -> Self {
        let empty = Packet { room: [0; MADE_BYTES_MAX + OVERHEAD_BYTES_MAX], length: 0 };
        Self { packets: vec![empty; MADE_PACKETS_MAX].into(), count: 0, sealed: 0 }
    }

    /// Without room, for where nothing is made.
    pub fn none() -> Self {
        Self { packets: Box::default(), count: 0, sealed: 0 }
    }

    /// Lets `write` fill a buffer and say how many bytes it holds; 0 is no packet. Says whether there is one more.
    pub(super) fn packet(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> bool {
        let Some(packet) = self.packets.get_mut(self.count) else { return false };
        let room = packet.room.get_mut(..MADE_BYTES_MAX).unwrap_or_default();
        packet.length = write(room).min(MADE_BYTES_MAX);
        let is_one = packet.length > 0;
        self.count += usize::from(is_one);
        is_one
    }

    /// Seals those that are not yet. Returns how many could not be, which are left out.
    pub(crate) fn seal<E>(&mut self, mut seal: impl FnMut(&mut [u8], usize) -> Result<usize, E>) -> usize {
        let (mut kept, mut refused) = (self.sealed, 0);
        for at in self.sealed..self.count {
            let Some(packet) = self.packets.get_mut(at) else { break };
            match seal(&mut packet.room, packet.length) {
                Ok(length) => {
                    packet.length = length;
                    if kept != at {
                        self.packets.swap(kept, at);
                    }
                    kept += 1;
                }
                Err(_) => refused += 1,
            }
        }
        (self.count, self.sealed) = (kept, kept);
        refused
    }

    /// Packets that wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// None waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The packets that wait, in order.
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let waiting = self.packets.get(..self.count).unwrap_or_default();
        waiting.iter().map(|packet| packet.room.get(..packet.length).unwrap_or_default())
    }

    /// All are sent, or given up.
    pub fn clear(&mut self) {
        (self.count, self.sealed) = (0, 0);
    }
}

impl Default for Made {
    fn default() -> Self {
        Self::new()
    }
}
