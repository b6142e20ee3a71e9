//! One payload type of an m-line: which encoding it stands for and what its author says about it (RFC 8866 §6.6, §6.15).
//!
//! Reads only. Which formats are offered or answered is settled in `negotiation`; what carries sound is in `codec`.

use std::{collections::BTreeMap, fmt};

use sdp_types::Media;

use super::{CLOCK_RATE_DEFAULT_HZ, CLOCK_RATE_MAX_HZ, stream::is_token};
use crate::codec::Codec;

/// One payload type of an m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name as written, or the static one of RFC 3551 for the payload types that phones use.
    pub encoding: Option<String>,
    /// RTP clock in Hz.
    pub clock_rate_hz: u32,
    /// Channels of its rtpmap; 1 where it does not say.
    pub channels: u8,
    /// What its `a=fmtp` says after the payload type.
    pub parameters: Option<String>,
}

impl Format {
    /// Events (RFC 4733), comfort noise (RFC 3389) and repetitions (RFC 2198) ride along with speech, they are none.
    pub fn is_speech(&self) -> bool {
        !self.is_named("telephone-event") && !self.is_named("CN") && !self.is_named("red")
    }

    /// Events (RFC 4733).
    pub fn is_events(&self) -> bool {
        self.is_named("telephone-event")
    }

    /// Comfort noise (RFC 3389) that can be made here.
    pub fn is_noise(&self) -> bool {
        self.is_named("CN") && self.clock_rate_hz == CLOCK_RATE_DEFAULT_HZ
    }

    /// The codec, if it can be decoded. Names it alone: `FORMAT/8000/2` of a codec with one channel is none.
    pub fn codec(&self) -> Option<Codec> {
        let codec = Codec::named(self.encoding.as_deref()?, self.clock_rate_hz)?;
        // RFC 7587 §7 has it always 2; what leaves it out means the same.
        (codec == Codec::Opus || self.channels == 1).then_some(codec)
    }

    /// Whether both stand for the same encoding, whatever their numbers.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.encoding, &other.encoding) {
            (Some(one), Some(two)) => {
                let is_same_codec = self.codec().is_some() && self.codec() == other.codec();
                let is_alike = (self.clock_rate_hz, self.channels) == (other.clock_rate_hz, other.channels);
                is_same_codec || (is_alike && one.eq_ignore_ascii_case(two))
            }
            (None, None) => self.payload_type == other.payload_type,
            _ => false,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.encoding.as_deref().is_some_and(|encoding| encoding.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Format {
    /// As in `a=rtpmap`: `PCMU/8000`; the payload type where it has no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.encoding {
            Some(encoding) => write!(f, "{encoding}/{}", self.clock_rate_hz),
            None => write!(f, "{}", self.payload_type),
        }
    }
}

/// The formats of an m-line in order of preference; those that are no RTP payload type are left out.
pub(super) fn formats(media: &Media) -> Vec<Format> {
    let mut mapped = BTreeMap::new();
    let mut said = BTreeMap::new();
    for attribute in &media.attributes {
        let Some(value) = attribute.value.as_deref() else { continue };
        if attribute.attribute.eq_ignore_ascii_case("rtpmap") {
            if let Some((payload_type, stated)) = rtpmap(value) {
                mapped.entry(payload_type).or_insert(stated);
            }
        } else if attribute.attribute.eq_ignore_ascii_case("fmtp")
            && let Some((payload_type, parameters)) = numbered(value)
        {
            said.entry(payload_type).or_insert(parameters);
        }
    }
    let types = media.fmt.split_ascii_whitespace().filter_map(|word| word.parse::<u8>().ok());
    types
        .filter(|pt| *pt < 128)
        .map(|payload_type| {
            let stated = mapped.get(&payload_type).copied().or_else(|| static_format(payload_type));
            let (encoding, clock_rate_hz, channels) = match stated {
                Some((name, rate, channels)) => (Some(name.to_owned()), rate, channels),
                None => (None, CLOCK_RATE_DEFAULT_HZ, 1),
            };
            let parameters = said.get(&payload_type).map(|text| text.trim().to_owned());
            Format { payload_type, encoding, clock_rate_hz, channels, parameters }
        })
        .collect()
}

/// `<payload type> <rest>`, as in `a=rtpmap`, `a=fmtp` and `a=rtcp-fb`.
pub(super) fn numbered(value: &str) -> Option<(u8, &str)> {
    let (payload_type, rest) = value.trim_start().split_once(' ')?;
    Some((payload_type.parse().ok()?, rest))
}

/// RFC 8866 §6.6: `<payload type> <encoding>/<clock rate>[/<channels>]`.
fn rtpmap(value: &str) -> Option<(u8, (&str, u32, u8))> {
    let (payload_type, rest) = numbered(value)?;
    let mut parts = rest.trim().split('/');
    let name = parts.next().filter(|n| is_token(n))?;
    let rate = parts.next()?.parse::<u32>().ok().filter(|r| (1..=CLOCK_RATE_MAX_HZ).contains(r))?;
    let channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    Some((payload_type, (name, rate, channels)))
}

/// The static payload types of RFC 3551 Tables 4 and 5 that phones still use without an rtpmap.
fn static_format(payload_type: u8) -> Option<(&'static str, u32, u8)> {
    let (name, clock_rate_hz) = match payload_type {
        0 => ("PCMU", 8_000),
        3 => ("GSM", 8_000),
        4 => ("G723", 8_000),
        8 => ("PCMA", 8_000),
        9 => ("G722", 8_000),
        13 => ("CN", 8_000),
        15 => ("G728", 8_000),
        18 => ("G729", 8_000),
        26 => ("JPEG", 90_000),
        31 => ("H261", 90_000),
        34 => ("H263", 90_000),
        _ => return None,
    };
    Some((name, clock_rate_hz, 1))
}
