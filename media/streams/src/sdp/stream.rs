//! What one m-line means: kind, transport address, RTCP address, direction, formats.
//!
//! Session-level c= and direction attributes are inherited (RFC 8866 §5.7, §6.7). An address is taken only when
//! it is a unicast IP literal: we do not resolve names that a peer chose.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Connection, Media, Session};

use serde::{Deserialize, Serialize};

use super::{
    CLOCK_RATE_DEFAULT_HZ, Dtls, Format, Ice,
    crypto::{self, Crypto},
    format,
};

/// The media type of an m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// Anything else; never relayed.
    Other,
}

impl Kind {
    /// The m-line's first word; `other` for what is never relayed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Other => "other",
        }
    }
}

/// The transport profile of an m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551)
    Avp,
    /// `RTP/AVPF` (RFC 4585)
    Avpf,
    /// `RTP/SAVP` (RFC 3711): with keys of `a=crypto`.
    Savp,
    /// `RTP/SAVPF` (RFC 5124): likewise.
    Savpf,
    /// `UDP/TLS/RTP/SAVP` (RFC 5764): with keys of a DTLS handshake.
    TlsSavp,
    /// `UDP/TLS/RTP/SAVPF` (RFC 5764): likewise.
    TlsSavpf,
    /// T.38, data channels …; never relayed.
    Other,
}

impl Profile {
    const KNOWN: [Self; 6] = [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf, Self::TlsSavp, Self::TlsSavpf];

    /// SRTP and nothing else.
    pub fn is_secure(self) -> bool {
        !matches!(self, Self::Avp | Self::Avpf | Self::Other)
    }

    /// SRTP with keys of a DTLS handshake.
    pub fn is_dtls(self) -> bool {
        matches!(self, Self::TlsSavp | Self::TlsSavpf)
    }

    /// Early feedback by RTCP.
    pub(super) fn has_feedback(self) -> bool {
        matches!(self, Self::Avpf | Self::Savpf | Self::TlsSavpf)
    }

    /// The protection of this with or without early feedback, as the other has it.
    #[must_use]
    pub fn with_feedback_of(self, other: Self) -> Self {
        let pairs = [(Self::Avp, Self::Avpf), (Self::Savp, Self::Savpf), (Self::TlsSavp, Self::TlsSavpf)];
        let pair = pairs.into_iter().find(|(without, with)| [*without, *with].contains(&self));
        match pair {
            Some((_, with)) if other.has_feedback() => with,
            Some((without, _)) => without,
            None => self,
        }
    }

    /// As in an m-line; `-` for what is never relayed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::TlsSavp => "UDP/TLS/RTP/SAVP",
            Self::TlsSavpf => "UDP/TLS/RTP/SAVPF",
            Self::Other => "-",
        }
    }
}

/// Direction of a stream as its author sees it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The author only sends.
    SendOnly,
    /// The author only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// From the two halves.
    pub fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The author may send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The author wants to receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether an attribute of this name states a direction, and which.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|d| name.eq_ignore_ascii_case(d.as_str()))
    }
}

/// An m-line, as its author means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Media type.
    pub kind: Kind,
    /// Transport profile.
    pub profile: Profile,
    /// Port of the m-line; 0 refuses or ends the stream.
    pub port: u16,
    /// Where the author receives RTP. `None` with port 0, an unspecified address (hold of RFC 2543), a multicast
    /// address or a name instead of an IP literal.
    pub address: Option<SocketAddr>,
    /// Where the author receives RTCP: `a=rtcp` (RFC 3605), else the next port.
    pub rtcp: Option<SocketAddr>,
    /// `a=rtcp-mux` was there. Without ICE we never answer it, so RTCP stays on its own port (RFC 5761 §5.1.1).
    pub rtcp_mux: bool,
    /// Own, inherited or default direction; an unspecified address takes "receive" away (RFC 3264 §8.4).
    pub direction: Direction,
    /// Formats in order of preference; those that are no RTP payload type are left out.
    pub formats: Vec<Format>,
    /// How much sound its author would like in a packet, in milliseconds (RFC 8866 §6.4).
    pub ptime_ms: Option<u8>,
    /// Keys for SRTP that its author tells, those that we support, in its order.
    pub crypto: Vec<Crypto>,
    /// How its author can shake hands for keys.
    pub dtls: Option<Dtls>,
    /// By what its author's connectivity checks are known.
    pub ice: Option<Ice>,
}

impl Stream {
    /// The m-line is in use.
    pub fn is_active(&self) -> bool {
        self.port != 0
    }

    /// It is a browser's: it takes ICE, a handshake and one port for everything, or nothing.
    pub fn is_browsers(&self) -> bool {
        self.profile.is_dtls() && self.rtcp_mux && self.ice.is_some()
    }

    /// We can carry it: audio or video over RTP or SRTP, with at least one format. Whether the keys that SRTP needs are
    /// there, and may be, is call control's business.
    pub fn is_relayable(&self) -> bool {
        self.is_active()
            && self.kind != Kind::Other
            && self.profile != Profile::Other
            && !self.formats.is_empty()
    }

    /// The RTP clock of the preferred speech or picture format.
    pub fn clock_rate_hz(&self) -> u32 {
        let preferred = self.formats.iter().find(|f| f.is_speech()).or(self.formats.first());
        preferred.map_or(CLOCK_RATE_DEFAULT_HZ, |f| f.clock_rate_hz).max(1)
    }

    pub(super) fn read(session: &Session, media: &Media) -> Self {
        let connection = media.connections.first().or(session.connection.as_ref());
        let host = connection.and_then(host);
        let stated = direction(&media.attributes).or_else(|| direction(&session.attributes));
        let stated = stated.unwrap_or(Direction::SendRecv);
        let ice = Ice::read(&session.attributes, &media.attributes);
        // Where ICE shows the address an unspecified one is none yet (RFC 8839 §4.2.1.2).
        let held = host.is_some_and(|ip| ip.is_unspecified()) && ice.is_none();
        let unicast = host.filter(|ip| media.port != 0 && is_unicast(*ip));
        Self {
            kind: kind(&media.media),
            profile: profile(&media.proto),
            port: media.port,
            address: unicast.map(|ip| SocketAddr::new(ip, media.port)),
            rtcp: unicast.and_then(|ip| rtcp_address(media, ip)),
            rtcp_mux: has(&media.attributes, "rtcp-mux"),
            direction: Direction::of(stated.sends(), stated.receives() && !held),
            formats: format::formats(media),
            ptime_ms: value(media, "ptime").and_then(|ms| ms.trim().parse().ok()),
            crypto: crypto::cryptos(&media.attributes),
            dtls: Dtls::read(&session.attributes, &media.attributes),
            ice,
        }
    }
}

/// RFC 8866 §9 `token`, as far as an m-line's words need it.
pub(super) fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b))
}

pub(super) fn kind(media: &str) -> Kind {
    if media.eq_ignore_ascii_case("audio") {
        Kind::Audio
    } else if media.eq_ignore_ascii_case("video") {
        Kind::Video
    } else {
        Kind::Other
    }
}

pub(super) fn profile(proto: &str) -> Profile {
    let known = Profile::KNOWN.into_iter().find(|known| proto.eq_ignore_ascii_case(known.as_str()));
    known.unwrap_or(Profile::Other)
}

/// The IP literal of a c= line. An IPv4-mapped IPv6 address is the IPv4 address it maps.
fn host(connection: &Connection) -> Option<IpAddr> {
    connection.try_address().ok().map(|a| a.ip.to_canonical())
}

fn is_unicast(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|a| Direction::named(&a.attribute))
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|a| a.attribute.eq_ignore_ascii_case(name))
}

/// What the first attribute of this name says.
fn value<'a>(media: &'a Media, name: &str) -> Option<&'a str> {
    media.attributes.iter().find(|a| a.attribute.eq_ignore_ascii_case(name))?.value.as_deref()
}

/// RFC 3605: `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4`.
fn rtcp_address(media: &Media, rtp: IpAddr) -> Option<SocketAddr> {
    let Some(value) = value(media, "rtcp") else {
        return media.port.checked_add(1).map(|port| SocketAddr::new(rtp, port));
    };
    let mut words = value.split_ascii_whitespace();
    let port: u16 = words.next()?.parse().ok().filter(|p| *p != 0)?;
    let ip = match words.nth(2) {
        Some(literal) => literal.parse::<IpAddr>().ok()?.to_canonical(),
        None => rtp,
    };
    is_unicast(ip).then(|| SocketAddr::new(ip, port))
}
