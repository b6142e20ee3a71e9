//! One HEP version 3 datagram: `HEP3`, its length, and chunks of vendor, type, length and value
//! (<https://github.com/sipcapture/HEP>, "HEP3 Network Protocol Specification", rev. 34).

use std::net::IpAddr;

use contract::trace::Way;
use sip::Transport;

use super::Shown;
use crate::trace::mask;

const MAGIC: &[u8] = b"HEP3";
/// Vendor of the chunks that everybody knows.
const GENERIC: [u8; 2] = [0, 0];
const FAMILY_IPV4: u8 = 2;
const FAMILY_IPV6: u8 = 10;
const PROTOCOL_SIP: u8 = 1;
/// What a UDP datagram over IPv4 can carry.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Who we are to the server.
#[derive(Clone, Default)]
pub struct Identity {
    /// Chunk 12.
    pub capture_id: u32,
    /// Chunk 14.
    pub password: Option<String>,
}

/// Writes the datagram over whatever is in `datagram`; false when it would be too long.
pub(super) fn encode(shown: &Shown, identity: &Identity, datagram: &mut Vec<u8>) -> bool {
    datagram.clear();
    datagram.extend_from_slice(MAGIC);
    datagram.extend([0; 2]);
    let (source, destination) = match shown.way {
        Way::In => (shown.flow.remote, shown.flow.local),
        Way::Out => (shown.flow.local, shown.flow.remote),
    };
    let ends = (source.ip().to_canonical(), destination.ip().to_canonical());
    let is_ipv4 = ends.0.is_ipv4() && ends.1.is_ipv4();
    let protocol: u8 = if shown.flow.transport == Transport::Udp { 17 } else { 6 };
    let micros = u64::try_from(shown.at.0).unwrap_or(0);
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
    let rest = u32::try_from(micros % 1_000_000).unwrap_or(0);
    chunk(datagram, 1, &[if is_ipv4 { FAMILY_IPV4 } else { FAMILY_IPV6 }]);
    chunk(datagram, 2, &[protocol]);
    address(datagram, [3, 5], ends.0, is_ipv4);
    address(datagram, [4, 6], ends.1, is_ipv4);
    chunk(datagram, 7, &source.port().to_be_bytes());
    chunk(datagram, 8, &destination.port().to_be_bytes());
    chunk(datagram, 9, &seconds.to_be_bytes());
    chunk(datagram, 10, &rest.to_be_bytes());
    chunk(datagram, 11, &[PROTOCOL_SIP]);
    chunk(datagram, 12, &identity.capture_id.to_be_bytes());
    if let Some(password) = &identity.password {
        chunk(datagram, 14, password.as_bytes());
    }
    // All legs of a call under one name, which SIP itself does not give them.
    if let Some(call) = shown.call {
        chunk(datagram, 17, call.to_string().as_bytes());
    }
    chunk(datagram, 15, &mask::masked(&shown.bytes));
    let length = u16::try_from(datagram.len()).ok().filter(|_| datagram.len() <= DATAGRAM_BYTES_MAX);
    match (length, datagram.get_mut(4..6)) {
        (Some(length), Some(place)) => {
            place.copy_from_slice(&length.to_be_bytes());
            true
        }
        _ => false,
    }
}

fn chunk(datagram: &mut Vec<u8>, kind: u16, value: &[u8]) {
    datagram.extend(GENERIC);
    datagram.extend(kind.to_be_bytes());
    // Too long for a chunk is too long for a datagram, which is found at the end.
    datagram.extend(u16::try_from(value.len() + 6).unwrap_or(u16::MAX).to_be_bytes());
    datagram.extend_from_slice(value);
}

fn address(datagram: &mut Vec<u8>, [ipv4, ipv6]: [u16; 2], address: IpAddr, is_ipv4: bool) {
    match address {
        IpAddr::V4(address) if is_ipv4 => chunk(datagram, ipv4, &address.octets()),
        IpAddr::V4(address) => chunk(datagram, ipv6, &address.to_ipv6_mapped().octets()),
        IpAddr::V6(address) => chunk(datagram, ipv6, &address.octets()),
    }
}
