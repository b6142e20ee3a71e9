//! The messages of a call as a capture file (pcapng), with the addresses, ports and instants they really had; with its media
//! where that was captured.
//!
//! The packets around them are made up, since the switch sees messages and no packets: raw IP (LINKTYPE_RAW), UDP for
//! datagrams, TCP with running sequence numbers for streams. What came under TLS or through a WebSocket is written as
//! UDP, because in clear text on such a port nobody would take it for SIP; a comment says so. Secrets are masked. Media is
//! plain; what was refused stands there as it came, with the reason.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use contract::trace::Way;
use sip::Transport;
use streams::{
    capture::{Captured, Course},
    leg::Channel,
};

use super::{Message, Tape, mask};
use crate::engine::CapturedStream;

/// <https://www.tcpdump.org/linktypes.html>: the packet begins with an IPv4 or IPv6 header.
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const OPTION_COMMENT: u16 = 1;
const OPTION_FLAGS: u16 = 2;
const UDP: u8 = 17;
const TCP: u8 = 6;
const TCP_PUSH_ACK: u8 = 0x18;

impl Tape {
    /// The capture file, with media if there is any.
    pub fn pcapng(&self, media: &[CapturedStream]) -> Vec<u8> {
        let mut streams = Streams::default();
        let text = self.text.unpacked();
        let mut frames: Vec<Frame> = self
            .messages(&text)
            .filter_map(|(leg, message)| Frame::of_message(leg, &message, &mut streams))
            .collect();
        for stream in media {
            let packets = stream.capture.iter().flat_map(|capture| capture.packets());
            frames.extend(packets.filter_map(|packet| Frame::of_media(stream, &packet)));
        }
        // Of the same instant in the order in which they are here.
        frames.sort_by_key(|frame| frame.unix_micros);
        let bytes: usize = frames.iter().map(|frame| frame.packet.len() + 120).sum();
        let mut file = Vec::with_capacity(bytes + 256);
        section_header(&mut file);
        interface(&mut file, shortfall(media).as_deref());
        frames.iter().for_each(|frame| frame.write(&mut file));
        file
    }
}

/// A packet with everything that the file says of it.
struct Frame {
    unix_micros: u64,
    is_inbound: bool,
    comment: String,
    packet: Vec<u8>,
}

impl Frame {
    fn of_message(leg: u16, message: &Message<'_>, streams: &mut Streams) -> Option<Self> {
        let (is_inbound, way) = match message.way {
            Way::In => (true, "to the switch"),
            Way::Out => (false, "from the switch"),
        };
        let transport = message.flow.transport;
        let clear = match transport {
            Transport::Udp | Transport::Tcp => String::new(),
            Transport::Tls | Transport::Ws | Transport::Wss => {
                format!(", taken out of {}", transport.as_str())
            }
        };
        Some(Self {
            unix_micros: u64::try_from(message.at.0).unwrap_or(0),
            is_inbound,
            comment: format!("leg {leg}, {way}{clear}"),
            packet: packet(message, streams)?,
        })
    }

    fn of_media(stream: &CapturedStream, packet: &Captured<'_>) -> Option<Self> {
        let CapturedStream { leg, local, .. } = *stream;
        let port = match packet.channel {
            Channel::Rtp => local.port(),
            Channel::Rtcp => local.port().checked_add(1)?,
        };
        let (local, remote) = (canonical(SocketAddr::new(local.ip(), port)), canonical(packet.remote));
        let (is_inbound, comment) = match packet.course {
            Course::Taken => (true, format!("leg {leg}, to the switch")),
            Course::Refused(reason) => (true, format!("leg {leg}, to the switch, refused: {reason:?}")),
            Course::Sent => (false, format!("leg {leg}, from the switch")),
        };
        let ends = if is_inbound { (remote, local) } else { (local, remote) };
        Some(Self {
            unix_micros: stream.origin_unix_micros.saturating_add(packet.at_micros),
            is_inbound,
            comment,
            packet: ip(ends, UDP, udp(ends, packet.bytes)?)?,
        })
    }

    fn write(&self, file: &mut Vec<u8>) {
        let micros = self.unix_micros.to_be_bytes();
        let half = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
        let length = u32::try_from(self.packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut body = Vec::with_capacity(self.packet.len() + 96);
        body.extend([0; 4]);
        // The upper half first, each in the order of the section.
        let (upper, lower) = micros.split_at(4);
        body.extend(half(upper));
        body.extend(half(lower));
        body.extend(length);
        body.extend(length);
        body.extend_from_slice(&self.packet);
        body.resize(body.len().next_multiple_of(4), 0);
        option(&mut body, OPTION_COMMENT, self.comment.as_bytes());
        option(&mut body, OPTION_FLAGS, &(if self.is_inbound { 1_u32 } else { 2 }).to_le_bytes());
        body.extend([0; 4]);
        block(file, ENHANCED_PACKET, &body);
    }
}

/// What has been sent so far, by source and destination.
type Streams = BTreeMap<(SocketAddr, SocketAddr), u32>;

fn section_header(file: &mut Vec<u8>) {
    let mut body = Vec::new();
    body.extend(0x1A2B_3C4D_u32.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(u64::MAX.to_le_bytes());
    block(file, SECTION_HEADER, &body);
}

/// What of the media is not in the file, in a sentence.
fn shortfall(media: &[CapturedStream]) -> Option<String> {
    let captures = || media.iter().filter_map(|stream| stream.capture.as_ref());
    let left_out: u64 = captures().map(|capture| capture.left_out()).sum();
    let (streams, without) = (media.len(), media.len() - captures().count());
    (left_out > 0 || without > 0).then(|| {
        format!(
            "This is not all of the media. Packets that found no room: {left_out}. Streams that were not captured: \
             {without} of {streams}."
        )
    })
}

fn interface(file: &mut Vec<u8>, comment: Option<&str>) {
    let mut body = Vec::new();
    body.extend(LINKTYPE_RAW.to_le_bytes());
    body.extend([0; 2]);
    // No limit on the length; instants are in microseconds unless said otherwise.
    body.extend([0; 4]);
    if let Some(comment) = comment {
        option(&mut body, OPTION_COMMENT, comment.as_bytes());
        body.extend([0; 4]);
    }
    block(file, INTERFACE_DESCRIPTION, &body);
}

fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = u32::try_from(body.len() + padding + 12).unwrap_or(u32::MAX);
    file.extend(kind.to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend_from_slice(body);
    file.resize(file.len() + padding, 0);
    file.extend(length.to_le_bytes());
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// `None` when the message is longer than a packet can be.
fn packet(message: &Message<'_>, streams: &mut Streams) -> Option<Vec<u8>> {
    let Message { flow, bytes, .. } = *message;
    let bytes = &mask::masked(bytes);
    let (source, destination) = match message.way {
        Way::In => (flow.remote, flow.local),
        Way::Out => (flow.local, flow.remote),
    };
    let ends = (canonical(source), canonical(destination));
    let (protocol, segment) = match flow.transport {
        Transport::Tcp => (TCP, tcp(ends, bytes, streams)?),
        Transport::Udp | Transport::Tls | Transport::Ws | Transport::Wss => (UDP, udp(ends, bytes)?),
    };
    ip(ends, protocol, segment)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn udp((source, destination): (SocketAddr, SocketAddr), message: &[u8]) -> Option<Vec<u8>> {
    let mut datagram = Vec::with_capacity(8 + message.len());
    datagram.extend(source.port().to_be_bytes());
    datagram.extend(destination.port().to_be_bytes());
    datagram.extend(u16::try_from(8 + message.len()).ok()?.to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend_from_slice(message);
    Some(datagram)
}

fn tcp(ends: (SocketAddr, SocketAddr), message: &[u8], streams: &mut Streams) -> Option<Vec<u8>> {
    let (source, destination) = ends;
    let acknowledged = streams.get(&(destination, source)).copied().unwrap_or(1);
    let sent = streams.entry(ends).or_insert(1);
    let mut segment = Vec::with_capacity(20 + message.len());
    segment.extend(source.port().to_be_bytes());
    segment.extend(destination.port().to_be_bytes());
    segment.extend(sent.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    // Five words of header, no options.
    segment.extend([5 << 4, TCP_PUSH_ACK]);
    segment.extend(u16::MAX.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend_from_slice(message);
    *sent = sent.wrapping_add(u32::try_from(message.len()).ok()?);
    Some(segment)
}

/// Puts an IP header in front, and the checksum into the segment (RFC 791, RFC 8200; RFC 768 and 9293 for the
/// checksum's pseudo-header).
fn ip(
    (source, destination): (SocketAddr, SocketAddr),
    protocol: u8,
    mut segment: Vec<u8>,
) -> Option<Vec<u8>> {
    let length = u16::try_from(segment.len()).ok()?;
    let mut pseudo = Vec::with_capacity(40);
    for end in [source, destination] {
        match end.ip() {
            IpAddr::V4(address) => pseudo.extend(address.octets()),
            IpAddr::V6(address) => pseudo.extend(address.octets()),
        }
    }
    let addresses = pseudo.clone();
    pseudo.extend([0, protocol]);
    pseudo.extend(length.to_be_bytes());
    let sum = match checksum(&[&pseudo, &segment]) {
        0 if protocol == UDP => u16::MAX,
        sum => sum,
    };
    let place = if protocol == UDP { 6..8 } else { 16..18 };
    segment.get_mut(place)?.copy_from_slice(&sum.to_be_bytes());
    let mut packet = Vec::with_capacity(40 + segment.len());
    if addresses.len() == 8 {
        packet.extend([0x45, 0]);
        packet.extend(length.checked_add(20)?.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        packet.extend_from_slice(&addresses);
        let sum = checksum(&[&packet]);
        packet.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
    } else {
        packet.extend([0x60, 0, 0, 0]);
        packet.extend(length.to_be_bytes());
        packet.extend([protocol, 64]);
        packet.extend_from_slice(&addresses);
    }
    packet.extend_from_slice(&segment);
    Some(packet)
}

/// The internet checksum (RFC 1071). All parts but the last have an even number of bytes.
fn checksum(parts: &[&[u8]]) -> u16 {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let words = pairs.map(|pair| match pair {
        [upper, lower] => u32::from(u16::from_be_bytes([*upper, *lower])),
        [upper] => u32::from(*upper) << 8,
        _ => 0,
    });
    let sum: u32 = words.sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}
