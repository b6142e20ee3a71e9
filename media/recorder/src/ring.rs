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

    /// The next packet, if it is there whole. The writer shows a head before it shows the packet, and it may be looked at
    /// in between: then both are left where they are.
    pub fn next(&mut self) -> Option<(Heard, &[u8])> {
        let heard = Heard::read(&self.head()?);
        let length = usize::from(heard.length);
        if self.octets.slots() < HEAD_BYTES + length {
            return None;
        }
        self.packet.resize(length, 0);
        let mut head = [0; HEAD_BYTES];
        self.octets.pop_entire_slice(&mut head).ok()?;
        self.octets.pop_entire_slice(&mut self.packet).ok()?;
        Some((heard, &self.packet))
    }

    /// The next head, which stays in the ring.
    fn head(&mut self) -> Option<[u8; HEAD_BYTES]> {
        let chunk = self.octets.read_chunk(HEAD_BYTES).ok()?;
        let (first, second) = chunk.as_slices();
        let mut head = [0; HEAD_BYTES];
        head.iter_mut().zip(first.iter().chain(second)).for_each(|(place, octet)| *place = *octet);
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use streams::{
        codec::Codec,
        media::{Side, Tap},
        tap::Content,
    };

    use super::*;

    #[test]
    fn a_packet_whose_head_is_there_before_it_is_read_when_it_is_there_whole() {
        // Neither divides the ring, so that they lie across its end in each possible way.
        let (mut writer, reader) = rtrb::RingBuffer::new(3 * HEAD_BYTES + 1);
        let mut ring = Ring::new(reader);
        for n in 0..200_u8 {
            let packet = vec![n; usize::from(n) % 20];
            let content = Content::Speech(Codec::Pcma);
            let tap = Tap { recording: u32::from(n), side: Side::Right };
            let heard = Heard::new(tap, u64::from(n), content, &packet).unwrap();
            writer.push_entire_slice(&heard.head()).unwrap();
            let is_whole = packet.is_empty();
            assert_eq!(ring.next().is_some(), is_whole, "{n}");
            if is_whole {
                continue;
            }
            writer.push_entire_slice(&packet).unwrap();
            assert_eq!(ring.next(), Some((heard, &packet[..])));
            assert_eq!(ring.next(), None);
        }
    }
}
