//! A browser's connectivity checks, written by RFC 8489 and RFC 8445 §7, not by what answers them.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// What a check is answered by.
pub(super) type Transaction = [u8; 12];

const BINDING: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER_BYTES: usize = 20;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;

const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Bytes of an attribute's head, of MESSAGE-INTEGRITY's value and of FINGERPRINT's.
const HEAD_BYTES: usize = 4;
const INTEGRITY_BYTES: usize = 20;
const SUM_BYTES: usize = 4;
/// Of a peer-reflexive candidate, the only one of its component (RFC 8445 §5.1.2.1).
const REFLEXIVE_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// A check of a browser that controls and chooses what it checks.
pub(super) fn check(transaction: Transaction, username: &str, password: &str) -> Vec<u8> {
    let mut bytes = [&BINDING.to_be_bytes()[..], &[0, 0], &COOKIE, &transaction].concat();
    add(&mut bytes, USERNAME, username.as_bytes());
    add(&mut bytes, PRIORITY, &REFLEXIVE_PRIORITY.to_be_bytes());
    add(&mut bytes, ICE_CONTROLLING, &transaction[..8]);
    add(&mut bytes, USE_CANDIDATE, &[]);
    let code = integrity(&bytes, password);
    add(&mut bytes, MESSAGE_INTEGRITY, &code);
    let sum = fingerprint(&bytes);
    add(&mut bytes, FINGERPRINT, &sum);
    bytes
}

/// The address from which a check has come, as an answer to it says that can be believed.
pub(super) fn seen_as(answer: &[u8], transaction: Transaction, password: &str) -> Option<SocketAddr> {
    let head = [&SUCCESS.to_be_bytes()[..], answer.get(2..4)?, &COOKIE, &transaction].concat();
    if answer.get(..HEADER_BYTES)? != head || bytes_said(answer) != answer.len() - HEADER_BYTES {
        return None;
    }
    let (mut at, mut address, mut is_signed, mut has_sum) = (HEADER_BYTES, None, false, false);
    while let Some((kind, value)) = attribute(answer, at) {
        let before = &answer[..at];
        match kind {
            XOR_MAPPED_ADDRESS => address = address_in(value, transaction),
            MESSAGE_INTEGRITY => is_signed = value == integrity(before, password),
            FINGERPRINT => has_sum = value == fingerprint(before),
            _ => {}
        }
        at += HEAD_BYTES + value.len().next_multiple_of(4);
    }
    // ICE wants both of every check (RFC 8445 §7.1).
    address.filter(|_| is_signed && has_sum && at == answer.len())
}

fn bytes_said(message: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([message[2], message[3]]))
}

fn attribute(message: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let head = message.get(at..at + HEAD_BYTES)?;
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((u16::from_be_bytes([head[0], head[1]]), message.get(at + HEAD_BYTES..at + HEAD_BYTES + len)?))
}

fn add(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let len = message.len() - HEADER_BYTES;
    set_length(message, len);
}

fn set_length(message: &mut [u8], len: usize) {
    message[2..4].copy_from_slice(&(len as u16).to_be_bytes());
}

/// What is before an attribute, with the length that the message has together with it (RFC 8489 §14.5).
fn up_to(before: &[u8], value_bytes: usize) -> Vec<u8> {
    let mut covered = before.to_vec();
    set_length(&mut covered, before.len() - HEADER_BYTES + HEAD_BYTES + value_bytes);
    covered
}

fn integrity(before: &[u8], password: &str) -> [u8; INTEGRITY_BYTES] {
    let mut hmac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).expect("a key of any length");
    hmac.update(&up_to(before, INTEGRITY_BYTES));
    hmac.finalize().into_bytes().into()
}

fn fingerprint(before: &[u8]) -> [u8; SUM_BYTES] {
    (crc32fast::hash(&up_to(before, SUM_BYTES)) ^ FINGERPRINT_XOR).to_be_bytes()
}

/// RFC 8489 §14.2.
fn address_in(value: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let mask = [&COOKIE[..], &transaction].concat();
    let plain = |part: &[u8]| part.iter().zip(&mask).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>();
    let port = plain(value.get(2..4)?);
    let ip = plain(value.get(4..)?);
    let ip = match value[1] {
        1 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([port[0], port[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.2, a response over IPv4.
    const RESPONSE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
                            000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

    #[test]
    fn the_response_of_rfc_5769_is_believed_and_no_other_one() {
        let response: Vec<u8> = (0..RESPONSE.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&RESPONSE[at..at + 2], 16).unwrap())
            .collect();
        let transaction: Transaction = response[8..20].try_into().unwrap();
        let password = "VOkJxbRl1RmTxUk/WvJxBt";
        let seen = Some(SocketAddr::from(([192, 0, 2, 1], 32_853)));
        assert_eq!(seen_as(&response, transaction, password), seen);
        assert_eq!(seen_as(&response, transaction, "another one"), None);
        assert_eq!(seen_as(&response, [0; 12], password), None);
        for at in 0..response.len() {
            let mut changed = response.clone();
            changed[at] ^= 1;
            assert_eq!(seen_as(&changed, transaction, password), None, "byte {at}");
        }
    }
}
