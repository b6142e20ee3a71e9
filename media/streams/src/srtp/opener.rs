//! What a far end sends us: authenticated, taken once, and decrypted in place (RFC 3711 §3.3, RFC 7714).
//!
//! Nothing is remembered of a packet that does not authenticate.

use serde::{Deserialize, Serialize};

use super::{
    MasterKey, Suite,
    cipher::{Place, RTCP_HEAD_BYTES},
    derive::SessionKeys,
    window::Window,
};
use crate::rtp::Header;

/// Sources (SSRC) whose indexes are kept under one key; the one not heard of for longest makes room.
pub const OPEN_STREAMS_MAX: usize = 4;

/// The bit of an SRTCP index word that says "encrypted" (RFC 3711 §3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// No RTP or RTCP packet, or not encrypted.
    Malformed,
    /// Its index was seen before, or is too old to tell.
    Replayed,
    /// It is not from whoever has the key, or not as they sent it.
    Unauthentic,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Source {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

/// One far end's key and what has been heard under it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Opener {
    keys: SessionKeys,
    /// The one heard last is first.
    sources: [Option<Source>; OPEN_STREAMS_MAX],
}

/// Which of a source's two windows.
#[derive(Clone, Copy)]
enum Kind {
    Rtp,
    Rtcp,
}

impl Opener {
    /// `None` only if a library refuses a key of the right length.
    pub fn new(suite: Suite, master: &MasterKey) -> Option<Self> {
        let keys = SessionKeys::derive(suite, master)?;
        Some(Self { keys, sources: Default::default() })
    }

    /// Whether it has this key.
    pub fn is_of(&self, suite: Suite, master: &MasterKey) -> bool {
        self.keys.is_of(suite, master)
    }

    /// Opens an SRTP packet in place: the length of the RTP packet that stands at its beginning now. A packet that does
    /// not pass may be overwritten.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let (header, payload) = Header::read_sealed(packet).map_err(|_| OpenError::Malformed)?;
        let index = match self.window(header.ssrc, Kind::Rtp) {
            None => u64::from(header.sequence),
            Some(window) => {
                let index = window.guess(header.sequence).ok_or(OpenError::Replayed)?;
                if window.has_seen(index) {
                    return Err(OpenError::Replayed);
                }
                index
            }
        };
        let place = Place { ssrc: header.ssrc, index };
        let len = self.keys.rtp.open_rtp(place, packet, payload).map_err(|_| OpenError::Unauthentic)?;
        self.note(place, Kind::Rtp);
        Ok(len)
    }

    /// Opens an SRTCP packet in place: the length of the RTCP packet that stands at its beginning now.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let word = self.keys.rtcp.rtcp_word(packet).ok_or(OpenError::Malformed)?;
        let ssrc = packet.get(..RTCP_HEAD_BYTES).and_then(<[u8]>::last_chunk::<4>);
        let ssrc = u32::from_be_bytes(*ssrc.ok_or(OpenError::Malformed)?);
        let index = u32::from_be_bytes(word);
        if index & ENCRYPTED == 0 {
            return Err(OpenError::Malformed);
        }
        let place = Place { ssrc, index: u64::from(index & !ENCRYPTED) };
        if self.window(ssrc, Kind::Rtcp).is_some_and(|window| window.has_seen(place.index)) {
            return Err(OpenError::Replayed);
        }
        let len = self.keys.rtcp.open_rtcp(place, word, packet).map_err(|_| OpenError::Unauthentic)?;
        self.note(place, Kind::Rtcp);
        Ok(len)
    }

    fn window(&self, ssrc: u32, kind: Kind) -> Option<Window> {
        let source = self.sources.iter().flatten().find(|source| source.ssrc == ssrc)?;
        match kind {
            Kind::Rtp => source.rtp,
            Kind::Rtcp => source.rtcp,
        }
    }

    /// An authentic packet: its source is the one heard last.
    fn note(&mut self, Place { ssrc, index }: Place, kind: Kind) {
        let of = |source: &Option<Source>| source.as_ref().is_some_and(|source| source.ssrc == ssrc);
        let known = self.sources.iter().position(of);
        let at = known.unwrap_or(OPEN_STREAMS_MAX - 1);
        if let Some(up_to) = self.sources.get_mut(..=at) {
            up_to.rotate_right(1);
        }
        let Some(first) = self.sources.first_mut() else { return };
        if known.is_none() {
            *first = None;
        }
        let source = first.get_or_insert(Source { ssrc, rtp: None, rtcp: None });
        let window = match kind {
            Kind::Rtp => &mut source.rtp,
            Kind::Rtcp => &mut source.rtcp,
        };
        match window {
            Some(window) => window.note(index),
            None => *window = Some(Window::starting_at(index)),
        }
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("sources", &self.sources).finish_non_exhaustive()
    }
}
