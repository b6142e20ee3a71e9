//! STUN as a keep-alive on the SIP port (RFC 5626 §3.5.2, RFC 8489): a phone asks for its own address and sees from
//! the answer that the path is open, and whether a NAT has given it another one.
//!
//! Only the Binding request is known, only XOR-MAPPED-ADDRESS is answered, and nothing is kept. No credentials: RFC
//! 5626 uses none. The answer is about as long as the request, so it amplifies nothing.

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;

/// Bytes of the longest answer: header and an IPv6 address.
const ANSWER_BYTES_MAX: usize = 44;
/// Bytes of the header (RFC 8489 §5).
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// Attribute types below are to be understood (RFC 8489 §14).
const OPTIONAL_FROM: u16 = 0x8000;

/// A Binding success response.
pub type Answer = ArrayVec<u8, ANSWER_BYTES_MAX>;

/// Whether a datagram is STUN and not SIP: two zero bits, which no SIP message begins with (RFC 5626 §8), and the cookie
/// (RFC 8489 §5).
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_BYTES
        && datagram.first().is_some_and(|first| *first < 0x40)
        && datagram.get(4..8) == Some(&MAGIC_COOKIE[..])
}

/// The answer to a datagram from `source`; `None` when it is no Binding request that can be answered. A request with
/// an attribute that has to be understood (credentials, ICE) is none: such a peer wants another server.
#[must_use]
pub fn answer(datagram: &[u8], source: SocketAddr) -> Option<Answer> {
    let (header, attributes) = datagram.split_at_checked(HEADER_BYTES)?;
    let is_binding = header.starts_with(&BINDING_REQUEST) && header.get(4..8)? == MAGIC_COOKIE;
    let length = u16::from_be_bytes([*header.get(2)?, *header.get(3)?]);
    if !is_binding || usize::from(length) != attributes.len() || !are_optional(attributes) {
        return None;
    }
    let key = header.get(4..HEADER_BYTES)?;
    let (family, address): (u8, ArrayVec<u8, 16>) = match source.ip().to_canonical() {
        IpAddr::V4(address) => (1, address.octets().into_iter().collect()),
        IpAddr::V6(address) => (2, address.octets().into()),
    };
    let value_length = u8::try_from(4 + address.len()).ok()?;
    let mut answer = Answer::new();
    let mut put = |bytes: &[u8]| answer.try_extend_from_slice(bytes).ok();
    put(&BINDING_SUCCESS)?;
    put(&[0, 4 + value_length])?;
    put(key)?;
    put(&XOR_MAPPED_ADDRESS)?;
    put(&[0, value_length, 0, family])?;
    for (byte, mask) in source.port().to_be_bytes().iter().zip(MAGIC_COOKIE) {
        put(&[byte ^ mask])?;
    }
    for (byte, mask) in address.iter().zip(key) {
        put(&[byte ^ mask])?;
    }
    Some(answer)
}

fn are_optional(mut attributes: &[u8]) -> bool {
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        let padded = usize::from(u16::from_be_bytes([*length_high, *length_low])).next_multiple_of(4);
        if u16::from_be_bytes([*kind_high, *kind_low]) < OPTIONAL_FROM {
            return false;
        }
        let Some(next) = rest.get(padded..) else { return false };
        attributes = next;
    }
    attributes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction of RFC 5769 §2.
    const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, attributes.len() as u8];
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(ID);
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn rfc_5769_2_2_an_ipv4_address_is_answered_as_in_the_test_vector() {
        let answer = answer(&request(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(answer[..4], [1, 1, 0, 12]);
        assert_eq!(answer[8..20], ID);
        assert_eq!(answer[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    #[test]
    fn rfc_5769_2_3_an_ipv6_address_is_answered_as_in_the_test_vector() {
        let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let answer = answer(&request(&[]), source).unwrap();
        assert_eq!(answer[..4], [1, 1, 0, 24]);
        assert_eq!(
            answer[24..],
            [
                0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5,
                0xbe, 0xd2, 0xb9, 0xd9
            ]
        );
    }

    #[test]
    fn only_a_whole_binding_request_without_demands_is_answered() {
        let source = "192.0.2.1:5060".parse().unwrap();
        // SOFTWARE and FINGERPRINT may stand in it.
        let optional = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0, 0x80, 0x28, 0, 4, 1, 2, 3, 4];
        assert!(answer(&request(&optional), source).is_some());
        for bad in [
            request(&[0, 6, 0, 4, b'u', b's', b'e', b'r']),
            request(&[0x80, 0x22, 0, 8, 1, 2, 3, 4]),
            request(&[0x80, 0x22]),
            request(&[])[..19].to_vec(),
            [request(&[]), vec![0]].concat(),
            [&[1, 1][..], &request(&[])[2..]].concat(),
            [&request(&[])[..4], &[0; 16]].concat(),
            Vec::new(),
        ] {
            assert_eq!(answer(&bad, source), None, "{bad:02x?}");
        }
    }
}
