//! The recorder's ear: copies of what tapped legs send, as it was accepted and out of its cover.
//!
//! One ring of octets, which is the recorder's to empty. This is the media thread: it copies, and neither waits nor
//! allocates; what finds no room is counted, and missing in the recording only.

use rtrb::Producer;
use streams::{
    media::{Tap, Voice},
    rtp::Header,
    tap::{Content, HEAD_BYTES, Heard},
};

use crate::counters::Tally;

/// Octets of the ring that a recorder should bring: the packets of a hundred calls in two seconds, by which time its disk
/// hangs.
pub const TAP_RING_BYTES: usize = 4 << 20;

/// Where copies go.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    ring: Option<Producer<u8>>,
}

impl Taps {
    /// To the recorder that empties this ring; nowhere without one.
    pub(crate) fn new(ring: Option<Producer<u8>>) -> Self {
        Self { ring }
    }

    /// An accepted RTP packet of a tapped leg, plain, and when it came (on the legs' time line).
    pub(crate) fn hear(
        &mut self,
        tap: Tap,
        voice: Option<&Voice>,
        now_micros: u64,
        packet: &[u8],
        tally: &mut Tally,
    ) {
        let (Some(ring), Ok(header)) = (&mut self.ring, Header::read(packet)) else { return };
        let content = Content::of(voice, header.payload_type);
        let Some(heard) = Heard::new(tap, now_micros, content, packet) else { return };
        // Both or neither: behind a head alone the next one would be read as its packet.
        let has_room = ring.slots() >= HEAD_BYTES + packet.len();
        if has_room && ring.push_entire_slice(&heard.head()).is_ok() && ring.push_entire_slice(packet).is_ok()
        {
            tally.tapped += 1;
        } else {
            tally.tap_full += 1;
        }
    }
}
