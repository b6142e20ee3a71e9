//! The recorder's ear: copies of what tapped legs send, as it was accepted and out of its cover.
//!
//! Nobody listens yet. Whoever does must neither wait nor allocate here: this is the media thread.

use streams::media::Tap;

/// Where copies go.
#[derive(Debug, Default)]
pub(crate) struct Taps {}

impl Taps {
    /// An accepted RTP packet of a tapped leg, plain, and when it came (on the legs' time line).
    pub(crate) fn hear(&mut self, _tap: Tap, _now_micros: u64, _packet: &[u8]) {}
}
