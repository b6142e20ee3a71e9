//! What a leg's packets are covered with: nothing, keys that are not there yet, or SRTP with keys of descriptions or of
//! handshakes.
//!
//! New keys come with a new description (RFC 4568 §7.1.3). Packets that were on their way under the old key are still
//! taken for [`REKEY_OVERLAP_MICROS`]; what is sent changes at once.

use serde::{Deserialize, Serialize};

use super::{Channel, DropReason};
use crate::{
    media::Protection,
    srtp::{OpenError, Opener, SealError, Sealer, SrtpKeys},
};

/// How long packets under the key before the present one are taken.
pub const REKEY_OVERLAP_MICROS: u64 = 2_000_000;
/// Longest packet that is tried with two keys.
const TRIED_BYTES_MAX: usize = 2_048;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Cover {
    Plain,
    Unkeyed,
    Srtp(Box<Contexts>),
    /// Keys come from handshakes, of which each port has one.
    Dtls(Box<Shaken>),
}

/// The keys of either port, as far as they are there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Shaken {
    rtp: Option<Contexts>,
    rtcp: Option<Contexts>,
}

impl Shaken {
    fn of(&mut self, channel: Channel) -> &mut Option<Contexts> {
        match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Contexts {
    opener: Opener,
    sealer: Sealer,
    /// Not in an image: after a restart what was on its way is lost in any case.
    #[serde(skip)]
    former: Option<Box<Former>>,
}

/// The key before the present one.
#[derive(Clone, Debug)]
struct Former {
    opener: Opener,
    until_micros: u64,
    /// A packet that the present key does not open may be overwritten by the trial.
    copy: [u8; TRIED_BYTES_MAX],
}

fn open(opener: &mut Opener, channel: Channel, packet: &mut [u8]) -> Result<usize, OpenError> {
    match channel {
        Channel::Rtp => opener.open_rtp(packet),
        Channel::Rtcp => opener.open_rtcp(packet),
    }
}

impl Cover {
    pub(super) fn new(protection: &Protection) -> Self {
        match protection {
            Protection::Plain => Self::Plain,
            Protection::Unkeyed => Self::Unkeyed,
            Protection::Srtp(keys) => {
                Contexts::new(keys).map_or(Self::Unkeyed, |new| Self::Srtp(Box::new(new)))
            }
            Protection::Dtls(_) => Self::Dtls(Box::default()),
        }
    }

    /// The same key goes on where it was.
    pub(super) fn configure(&mut self, now_micros: u64, protection: &Protection) {
        match (&mut *self, protection) {
            (Self::Srtp(contexts), Protection::Srtp(keys)) => {
                if contexts.rekey(now_micros, keys).is_none() {
                    *self = Self::Unkeyed;
                }
            }
            // The keys there are stay good until another handshake has made new ones.
            (Self::Dtls(_), Protection::Dtls(_)) => {}
            _ => *self = Self::new(protection),
        }
    }

    /// A handshake has made keys for a port.
    pub(super) fn key(&mut self, now_micros: u64, channel: Channel, keys: &SrtpKeys) {
        let Self::Dtls(shaken) = self else { return };
        let place = shaken.of(channel);
        match place {
            None => *place = Contexts::new(keys),
            Some(contexts) => {
                if contexts.rekey(now_micros, keys).is_none() {
                    *place = None;
                }
            }
        }
    }

    /// Whether what it opens is proven to come from the far end.
    pub(super) fn is_srtp(&self) -> bool {
        match self {
            Self::Srtp(_) => true,
            Self::Dtls(shaken) => shaken.rtp.is_some(),
            Self::Plain | Self::Unkeyed => false,
        }
    }

    /// Whether its keys come from handshakes, or may: the answer that says so can be later than the first word.
    pub(super) fn may_be_shaken(&self) -> bool {
        matches!(self, Self::Dtls(_) | Self::Unkeyed)
    }

    /// Whether anything can be sent under it from a port.
    pub(super) fn is_ready(&self, channel: Channel) -> bool {
        match self {
            Self::Plain | Self::Srtp(_) => true,
            Self::Unkeyed => false,
            Self::Dtls(shaken) => match channel {
                Channel::Rtp => shaken.rtp.is_some(),
                Channel::Rtcp => shaken.rtcp.is_some(),
            },
        }
    }

    /// Uncovers a packet in place: its length then.
    pub(super) fn open(
        &mut self,
        now: u64,
        channel: Channel,
        packet: &mut [u8],
    ) -> Result<usize, DropReason> {
        let opened = match self {
            Self::Plain => return Ok(packet.len()),
            Self::Unkeyed => return Err(DropReason::Unkeyed),
            Self::Srtp(contexts) => contexts.open(now, channel, packet),
            Self::Dtls(shaken) => match shaken.of(channel) {
                None => return Err(DropReason::Unkeyed),
                Some(contexts) => contexts.open(now, channel, packet),
            },
        };
        opened.map_err(|error| match error {
            OpenError::Malformed => DropReason::Malformed,
            OpenError::Replayed => DropReason::Replayed,
            OpenError::Unauthentic => DropReason::Unauthentic,
        })
    }

    /// Covers the packet `room[..len]` in place: its length then.
    pub(super) fn seal(&mut self, channel: Channel, room: &mut [u8], len: usize) -> Result<usize, SealError> {
        let contexts = match self {
            Self::Plain => return Ok(len),
            Self::Unkeyed => return Err(SealError::Exhausted),
            Self::Srtp(contexts) => contexts.as_mut(),
            Self::Dtls(shaken) => shaken.of(channel).as_mut().ok_or(SealError::Exhausted)?,
        };
        match channel {
            Channel::Rtp => contexts.sealer.seal_rtp(room, len),
            Channel::Rtcp => contexts.sealer.seal_rtcp(room, len),
        }
    }

    /// Packets have come and gone that this state has not seen.
    pub(super) fn skip_unseen(&mut self) {
        match self {
            Self::Plain | Self::Unkeyed => {}
            Self::Srtp(contexts) => contexts.sealer.skip_unseen(),
            Self::Dtls(shaken) => {
                let all = shaken.rtp.iter_mut().chain(&mut shaken.rtcp);
                all.for_each(|contexts| contexts.sealer.skip_unseen());
            }
        }
    }
}

impl Contexts {
    fn new(keys: &SrtpKeys) -> Option<Self> {
        let opener = Opener::new(keys.suite, &keys.receive)?;
        Some(Self { opener, sealer: Sealer::new(keys.suite, &keys.send)?, former: None })
    }

    fn rekey(&mut self, now_micros: u64, keys: &SrtpKeys) -> Option<()> {
        if !self.opener.is_of(keys.suite, &keys.receive) {
            let opener = std::mem::replace(&mut self.opener, Opener::new(keys.suite, &keys.receive)?);
            let until_micros = now_micros.saturating_add(REKEY_OVERLAP_MICROS);
            self.former = Some(Box::new(Former { opener, until_micros, copy: [0; TRIED_BYTES_MAX] }));
        }
        if !self.sealer.is_of(keys.suite, &keys.send) {
            self.sealer = Sealer::new(keys.suite, &keys.send)?;
        }
        Some(())
    }

    fn open(&mut self, now: u64, channel: Channel, packet: &mut [u8]) -> Result<usize, OpenError> {
        self.former.take_if(|former| now >= former.until_micros);
        let Some(former) = &mut self.former else { return open(&mut self.opener, channel, packet) };
        let Some(copy) = former.copy.get_mut(..packet.len()) else {
            return open(&mut self.opener, channel, packet);
        };
        copy.copy_from_slice(packet);
        let opened = open(&mut self.opener, channel, packet);
        if opened != Err(OpenError::Unauthentic) {
            return opened;
        }
        let len = open(&mut former.opener, channel, copy)?;
        packet.copy_from_slice(copy);
        Ok(len)
    }
}
