//! Writes one side's description anew for the other side, with our addresses in place of its own.
//!
//! Session level: our origin, `s=-`, `t=0 0`, bandwidth. M-line level: formats, bandwidth, direction and the
//! attributes of [`PASSED`]. Whether a line is protected, with which keys, and whether sound has early feedback (the F of
//! `RTP/AVPF`) is each side's own business ([`Ours`]); pictures, which are lost without it, have it where the other side
//! wants it. What ICE there is ([`Ours::ice`]) is ours too. RTCP addresses, grouping, SSRC descriptions and unknown attributes stay
//! behind: what we would not print ourselves we do not pass on (D7). The number and order of m-lines never change
//! (RFC 3264 §8): an m-line that is not relayed keeps its place with port 0.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Connection, Media, Session, Time};

use super::{
    Description, Direction, Dtls, Kind, Origin, OurIce, Profile, RELAYED_STREAMS_MAX, crypto::Crypto, stream,
};

/// Our RTP address for one m-line: the advertised address of its lease.
pub type RelayAddress = SocketAddr;

/// Our side of one m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Where we receive it.
    pub address: RelayAddress,
    /// Its profile, with early feedback where this side has it.
    pub profile: Profile,
    /// Our keys: all that we offer, or the one that we answer with.
    pub crypto: Vec<Crypto>,
    /// How we shake hands for keys.
    pub dtls: Option<Dtls>,
    /// How we are reached by ICE, on one port for RTP and RTCP.
    pub ice: Option<OurIce>,
}

impl From<RelayAddress> for Ours {
    /// Without SRTP.
    fn from(address: RelayAddress) -> Self {
        Self { address, profile: Profile::Avp, crypto: Vec::new(), dtls: None, ice: None }
    }
}

/// What feedback its author takes (RFC 4585 §4.2); says nothing in a profile without.
const FEEDBACK: &str = "rtcp-fb";

/// Attributes that describe the encoded media itself and therefore hold on both sides of a relay.
const PASSED: [&str; 10] = [
    "rtpmap",
    "fmtp",
    "ptime",
    "maxptime",
    "silenceSupp",
    FEEDBACK,
    "framerate",
    "framesize",
    "imageattr",
    "content",
];

impl Description {
    /// The description for the other side. `media` says for each m-line where we receive it for that side; `None`,
    /// a missing entry, a stream that we cannot carry or one beyond [`RELAYED_STREAMS_MAX`] is written with port 0.
    /// `origin` is the authorship towards the side that gets the result; its version moves on if the text does.
    pub fn relayed(&self, origin: &mut Origin, media: &[Option<Ours>]) -> Description {
        let mut relayed = 0;
        let carried: Vec<Option<(&Ours, Direction)>> = self
            .streams()
            .enumerate()
            .map(|(i, stream)| {
                let ours = media.get(i)?.as_ref()?;
                let fits = stream.is_relayable() && relayed < RELAYED_STREAMS_MAX;
                relayed += usize::from(fits);
                fits.then_some((ours, stream.direction))
            })
            .collect();
        let first = carried.iter().flatten().next().map(|(ours, _)| ours.address.ip());
        let connection_ip = first.unwrap_or_else(|| origin.address());
        let medias = self
            .0
            .medias
            .iter()
            .zip(&carried)
            .map(|(media, carried)| match carried {
                Some((ours, direction)) => accepted(media, ours, *direction, connection_ip),
                None => refused(media),
            })
            .collect();
        let ice = carried.iter().flatten().find_map(|(ours, _)| ours.ice.as_ref());
        let attributes = ice.into_iter().flat_map(OurIce::session_attributes).collect();
        origin.publish(Session {
            origin: self.0.origin.clone(),
            session_name: "-".into(),
            session_description: None,
            uri: None,
            emails: Vec::new(),
            phones: Vec::new(),
            connection: Some(Connection::from_ip_addr(connection_ip)),
            bandwidths: self.0.bandwidths.clone(),
            times: vec![Time::new(0, 0)],
            time_zones: Vec::new(),
            key: None,
            attributes,
            medias,
        })
    }
}

fn accepted(media: &Media, ours: &Ours, direction: Direction, session_ip: IpAddr) -> Media {
    let address = ours.address;
    let theirs = stream::profile(&media.proto);
    let profile = profile(stream::kind(&media.media), theirs, ours.profile);
    let is_lost =
        |name: &str| theirs.has_feedback() && !profile.has_feedback() && name.eq_ignore_ascii_case(FEEDBACK);
    let mut attributes: Vec<Attribute> = media
        .attributes
        .iter()
        .filter(|a| {
            PASSED.iter().any(|name| a.attribute.eq_ignore_ascii_case(name)) && !is_lost(&a.attribute)
        })
        .cloned()
        .collect();
    // Always stated: a session-level or address-implied direction would otherwise get lost.
    attributes.push(Attribute::new(direction.as_str()));
    attributes.extend(ours.crypto.iter().map(|one| Attribute::with_value("crypto", one.to_string())));
    attributes.extend(ours.dtls.iter().flat_map(Dtls::attributes));
    attributes.extend(ours.ice.iter().flat_map(OurIce::attributes));
    let own_connection = (address.ip() != session_ip).then(|| Connection::from_ip_addr(address.ip()));
    Media {
        port: address.port(),
        proto: profile.as_str().into(),
        num_ports: None,
        media_title: None,
        connections: own_connection.into_iter().collect(),
        key: None,
        attributes,
        ..bare(media)
    }
}

/// RFC 4585 §3.1: phones that know no feedback refuse its profile, and sound does well without.
fn profile(kind: Kind, theirs: Profile, ours: Profile) -> Profile {
    let is_asked = kind == Kind::Video && theirs.has_feedback();
    if is_asked { ours.with_feedback_of(theirs) } else { ours }
}

pub(super) fn refused(media: &Media) -> Media {
    Media { port: 0, num_ports: None, media_title: None, bandwidths: Vec::new(), ..bare(media) }
}

/// The m-line's own words, without connection, key and attributes.
fn bare(media: &Media) -> Media {
    Media {
        media: media.media.clone(),
        port: media.port,
        num_ports: None,
        proto: media.proto.clone(),
        fmt: media.fmt.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        media_title: None,
        connections: Vec::new(),
        bandwidths: media.bandwidths.clone(),
        key: None,
        attributes: Vec::new(),
    }
}
