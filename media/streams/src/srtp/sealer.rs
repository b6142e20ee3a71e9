//! What a far end is sent: encrypted and authenticated in place (RFC 3711 §3.3, RFC 7714).
//!
//! RTP keeps the SSRC and sequence number that the other side of the call has given it. With one key no two packets may
//! have the same (RFC 3711 §9.1, RFC 7714 §8.4), and the other side may not be trusted with that: whoever sent another
//! packet under an old number would show the old one's words to a listener. So every source is remembered as long as
//! the key is used, nothing is sealed twice, and when there is no room for one source more it is not sealed at all.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    MasterKey, Suite,
    cipher::{Place, RTCP_HEAD_BYTES},
    derive::SessionKeys,
    opener::ENCRYPTED,
    window::Window,
};
use crate::rtp::Header;

/// Sources (SSRC) that one key is used for.
pub const SEALED_STREAMS_MAX: usize = 64;
/// SRTCP indexes that are left out where it is not known which were used: more packets than one leg sends in the time
/// that its image may be old.
const RTCP_SKIPPED: u32 = 1 << 16;

/// Why a packet was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// No RTP or RTCP packet.
    Malformed,
    /// No room for the tag.
    TooLong,
    /// A packet with its number has been sealed, or is too old to tell.
    Repeated,
    /// Its number, and the one before it, is so far behind the highest one that its source has begun anew, or has gone on for too long
    /// unseen: neither the sealer nor who opens can tell which, and with it nothing more of that source is sealed for a while.
    Behind,
    /// The key has been used for as much as it may be.
    Exhausted,
}

/// A source that is not the one sent now, with the highest index it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Former {
    ssrc: u32,
    highest: u64,
}

/// Our key towards one far end, and what has been sealed with it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sealer {
    keys: SessionKeys,
    source: Option<(u32, Window)>,
    /// The number that would follow one far behind: two in a row are no straggler (RFC 3550 A.1).
    #[serde(skip)]
    anew: Option<(u32, u16)>,
    /// Never grows beyond the room that it has from the beginning.
    #[serde(deserialize_with = "formers")]
    formers: Vec<Former>,
    /// Of the next SRTCP packet, whatever its source.
    rtcp_index: u32,
}

fn formers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Former>, D::Error> {
    let mut formers = Vec::<Former>::deserialize(deserializer)?;
    formers.truncate(SEALED_STREAMS_MAX);
    formers.reserve_exact(SEALED_STREAMS_MAX - formers.len());
    Ok(formers)
}

impl Sealer {
    /// `None` only if a library refuses a key of the right length.
    pub fn new(suite: Suite, master: &MasterKey) -> Option<Self> {
        let keys = SessionKeys::derive(suite, master)?;
        Some(Self {
            keys,
            source: None,
            anew: None,
            formers: Vec::with_capacity(SEALED_STREAMS_MAX),
            rtcp_index: 0,
        })
    }

    /// Whether it has this key.
    pub fn is_of(&self, suite: Suite, master: &MasterKey) -> bool {
        self.keys.is_of(suite, master)
    }

    /// Seals the RTP packet `room[..len]` in place: its new length, for which there must be room.
    pub fn seal_rtp(&mut self, room: &mut [u8], len: usize) -> Result<usize, SealError> {
        let packet = room.get(..len).ok_or(SealError::TooLong)?;
        let (header, payload) = Header::read_sealed(packet).map_err(|_| SealError::Malformed)?;
        let ssrc = header.ssrc;
        let window = self.window_of(ssrc)?;
        let index = match window {
            None => u64::from(header.sequence),
            Some(window) if window.is_far_behind(header.sequence) => {
                let is_second = self.anew == Some((ssrc, header.sequence));
                self.anew = Some((ssrc, header.sequence.wrapping_add(1)));
                return Err(if is_second { SealError::Behind } else { SealError::Repeated });
            }
            Some(window) => window.guess(header.sequence).ok_or(SealError::Repeated)?,
        };
        if window.is_some_and(|window| window.has_seen(index)) {
            return Err(SealError::Repeated);
        }
        let sealed = self.keys.rtp.seal_rtp(Place { ssrc, index }, room, payload, len);
        let len = sealed.ok_or(SealError::TooLong)?;
        self.anew = None;
        match &mut self.source {
            Some((current, window)) if *current == ssrc => window.note(index),
            _ => self.change_source(ssrc, window, index),
        }
        Ok(len)
    }

    /// What has been sealed of a source; `None` for a new one, for which there is room.
    fn window_of(&self, ssrc: u32) -> Result<Option<Window>, SealError> {
        if let Some((current, window)) = &self.source
            && *current == ssrc
        {
            return Ok(Some(*window));
        }
        let former = self.formers.iter().find(|former| former.ssrc == ssrc);
        match former {
            Some(former) => Ok(Some(Window::after(former.highest))),
            None if self.formers.len() + usize::from(self.source.is_some()) >= SEALED_STREAMS_MAX => {
                Err(SealError::Exhausted)
            }
            None => Ok(None),
        }
    }

    fn change_source(&mut self, ssrc: u32, window: Option<Window>, index: u64) {
        self.formers.retain(|former| former.ssrc != ssrc);
        if let Some((ssrc, window)) = self.source {
            self.formers.push(Former { ssrc, highest: window.highest() });
        }
        let window = match window {
            None => Window::starting_at(index),
            Some(mut window) => {
                window.note(index);
                window
            }
        };
        self.source = Some((ssrc, window));
    }

    /// Seals the RTCP packet `room[..len]` in place: its new length, for which there must be room.
    pub fn seal_rtcp(&mut self, room: &mut [u8], len: usize) -> Result<usize, SealError> {
        let head = room.get(..len).ok_or(SealError::TooLong)?.first_chunk::<RTCP_HEAD_BYTES>();
        let [_, _, _, _, a, b, c, d] = *head.ok_or(SealError::Malformed)?;
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SealError::Exhausted);
        }
        let place = Place { ssrc: u32::from_be_bytes([a, b, c, d]), index: u64::from(index) };
        let word = (index | ENCRYPTED).to_be_bytes();
        let len = self.keys.rtcp.seal_rtcp(place, word, room, len).ok_or(SealError::TooLong)?;
        self.rtcp_index = index + 1;
        Ok(len)
    }

    /// Packets may have been sealed that this state has not seen: their indexes are not used again. Those of RTP are
    /// their senders' to choose, who go on from where they are.
    pub fn skip_unseen(&mut self) {
        self.rtcp_index = self.rtcp_index.saturating_add(RTCP_SKIPPED);
        if let Some((_, window)) = &mut self.source {
            *window = Window::after(window.highest());
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("source", &self.source).finish_non_exhaustive()
    }
}
