//! A connectivity check as it comes (RFC 8445 §7.3), and what it is answered (RFC 8489).
//!
//! Only Binding requests are read that have a USERNAME and a right FINGERPRINT, as every check has; all else is no check and
//! is not answered. Responses and indications are none either, so nobody can make two of us talk.

use arrayvec::ArrayVec;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use std::net::{IpAddr, SocketAddr};

use super::lease_of;
use crate::media::LeaseId;

/// Bytes of the longest answer: an error with its reason and the attributes that were not understood.
pub const ANSWER_BYTES_MAX: usize = 128;
/// Attributes of a check that are looked at.
pub const ATTRIBUTES_MAX: usize = 32;
/// Attributes that are named in an answer as not understood.
const UNKNOWN_MAX: usize = 8;

const HEADER_BYTES: usize = 20;
const INTEGRITY_BYTES: usize = 20;
/// An attribute's type and length.
const ATTRIBUTE_HEAD_BYTES: usize = 4;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// What the CRC is masked with (RFC 8489 §14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;
/// Attribute types below are to be understood (RFC 8489 §14).
const OPTIONAL_FROM: u16 = 0x8000;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// What is sent back.
pub type Answer = ArrayVec<u8, ANSWER_BYTES_MAX>;

/// A check, whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check<'a> {
    datagram: &'a [u8],
    username: &'a [u8],
    /// Where MESSAGE-INTEGRITY begins, and what it says.
    integrity: Option<(usize, &'a [u8])>,
    pub(super) nominates: bool,
    /// Its author thinks that we are to decide.
    pub(super) is_controlled: bool,
    unknown: ArrayVec<u16, UNKNOWN_MAX>,
}

impl<'a> Check<'a> {
    /// Reads a datagram; `None` when it is no check.
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let (header, attributes) = datagram.split_at_checked(HEADER_BYTES)?;
        let is_request = header.starts_with(&BINDING_REQUEST.to_be_bytes());
        let length = usize::from(u16_at(header, 2)?);
        if !is_request || header.get(4..8)? != MAGIC_COOKIE || length != attributes.len() {
            return None;
        }
        let mut check = Self {
            datagram,
            username: &[],
            integrity: None,
            nominates: false,
            is_controlled: false,
            unknown: ArrayVec::new(),
        };
        let mut at = HEADER_BYTES;
        for _ in 0..ATTRIBUTES_MAX {
            let (kind, length) = (u16_at(datagram, at)?, usize::from(u16_at(datagram, at + 2)?));
            let from = at + ATTRIBUTE_HEAD_BYTES;
            let value = datagram.get(from..from + length)?;
            if kind == FINGERPRINT {
                let is_right = value == fingerprint(datagram.get(..at)?);
                let is_last = from + length == datagram.len();
                return Some(check).filter(|check| is_right && is_last && !check.username.is_empty());
            }
            // RFC 8489 §14.5: what follows the integrity is not covered by it.
            if check.integrity.is_none() {
                check.take(kind, value, at);
            }
            at = from + length.next_multiple_of(4);
        }
        None
    }

    fn take(&mut self, kind: u16, value: &'a [u8], at: usize) {
        match kind {
            USERNAME if self.username.is_empty() => self.username = value,
            MESSAGE_INTEGRITY => self.integrity = Some((at, value)),
            USE_CANDIDATE => self.nominates = true,
            ICE_CONTROLLED => self.is_controlled = true,
            USERNAME | PRIORITY | MESSAGE_INTEGRITY_SHA256 => {}
            _ if kind < OPTIONAL_FROM => drop(self.unknown.try_push(kind)),
            _ => {}
        }
    }

    /// The lease of the leg that it is for, if it is for any of ours.
    pub fn lease(&self) -> Option<LeaseId> {
        lease_of(self.username)
    }

    /// Whether its USERNAME is `ours:theirs`; before the far end has answered, whatever it calls itself.
    pub(super) fn is_for(&self, ours: &str, theirs: Option<&str>) -> bool {
        let rest = self.username.strip_prefix(ours.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
        rest.is_some_and(|rest| theirs.is_none_or(|theirs| rest == theirs.as_bytes()))
    }

    /// Whether its author knows the password; `None`: it does not say.
    pub(super) fn is_under(&self, password: &str) -> Option<bool> {
        let (at, value) = self.integrity?;
        let mut hmac = keyed(password)?;
        hmac.update(self.datagram.get(..2)?);
        // As long as if the integrity were the last attribute (RFC 8489 §14.5).
        let length = at - HEADER_BYTES + ATTRIBUTE_HEAD_BYTES + INTEGRITY_BYTES;
        hmac.update(&u16::try_from(length).ok()?.to_be_bytes());
        hmac.update(self.datagram.get(4..at)?);
        Some(hmac.verify_slice(value).is_ok())
    }

    /// It has attributes that have to be understood and are not.
    pub(super) fn asks_too_much(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// That it is good, and where it came from.
    pub(super) fn succeed(&self, source: SocketAddr, password: &str) -> Option<Answer> {
        let mut message = Message::new(BINDING_SUCCESS, self.datagram)?;
        message.add_address(source)?;
        message.sign(password)?;
        message.end()
    }

    /// That it is not; signed where its author knows the password.
    pub(super) fn refuse(&self, error: Error, password: Option<&str>) -> Option<Answer> {
        let mut message = Message::new(BINDING_ERROR, self.datagram)?;
        message.add(ERROR_CODE, error.value())?;
        if error == Error::Unknown {
            let kinds: ArrayVec<u8, { UNKNOWN_MAX * 2 }> =
                self.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            message.add(UNKNOWN_ATTRIBUTES, &kinds)?;
        }
        if let Some(password) = password {
            message.sign(password)?;
        }
        message.end()
    }
}

/// Why a check is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// It has no integrity (RFC 8489 §9.1.3).
    BadRequest,
    /// Its integrity is not of the password.
    Unauthenticated,
    /// It has attributes that we do not know and should.
    Unknown,
    /// Its author is to decide, and thinks that we are (RFC 8445 §7.3.1.1).
    RoleConflict,
}

impl Error {
    /// Of ERROR-CODE: class, number and reason phrase (RFC 8489 §14.8).
    fn value(self) -> &'static [u8] {
        match self {
            Self::BadRequest => b"\0\0\x04\x00Bad Request",
            Self::Unauthenticated => b"\0\0\x04\x01Unauthenticated",
            Self::Unknown => b"\0\0\x04\x14Unknown Attribute",
            Self::RoleConflict => b"\0\0\x04\x57Role Conflict",
        }
    }
}

/// An answer while it is written. Each step fails when the room is used up.
pub(super) struct Message(Answer);

impl Message {
    fn new(kind: u16, request: &[u8]) -> Option<Self> {
        let mut bytes = Answer::new();
        bytes.try_extend_from_slice(&kind.to_be_bytes()).ok()?;
        bytes.try_extend_from_slice(&[0, 0]).ok()?;
        bytes.try_extend_from_slice(request.get(4..HEADER_BYTES)?).ok()?;
        Some(Self(bytes))
    }

    fn add(&mut self, kind: u16, value: &[u8]) -> Option<()> {
        let length = u16::try_from(value.len()).ok()?;
        self.0.try_extend_from_slice(&kind.to_be_bytes()).ok()?;
        self.0.try_extend_from_slice(&length.to_be_bytes()).ok()?;
        self.0.try_extend_from_slice(value).ok()?;
        let padding = value.len().next_multiple_of(4) - value.len();
        self.0.try_extend_from_slice([0; 3].get(..padding)?).ok()?;
        let length = u16::try_from(self.0.len() - HEADER_BYTES).ok()?;
        self.0.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    fn add_address(&mut self, source: SocketAddr) -> Option<()> {
        let mask: [u8; 16] = self.0.get(4..HEADER_BYTES)?.try_into().ok()?;
        let masked = |octets: &[u8]| -> ArrayVec<u8, 16> {
            octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect()
        };
        let (family, address) = match source.ip().to_canonical() {
            IpAddr::V4(ip) => (1, masked(&ip.octets())),
            IpAddr::V6(ip) => (2, masked(&ip.octets())),
        };
        let mut value: ArrayVec<u8, 20> = ArrayVec::from_iter([0, family]);
        value.extend(masked(&source.port().to_be_bytes()));
        value.try_extend_from_slice(&address).ok()?;
        self.add(XOR_MAPPED_ADDRESS, &value)
    }

    /// MESSAGE-INTEGRITY.
    fn sign(&mut self, password: &str) -> Option<()> {
        let at = self.0.len();
        self.add(MESSAGE_INTEGRITY, &[0; INTEGRITY_BYTES])?;
        let mut hmac = keyed(password)?;
        hmac.update(self.0.get(..at)?);
        let code = hmac.finalize().into_bytes();
        self.0.get_mut(at + ATTRIBUTE_HEAD_BYTES..)?.copy_from_slice(&code);
        Some(())
    }

    /// FINGERPRINT, and it is done.
    fn end(mut self) -> Option<Answer> {
        let at = self.0.len();
        self.add(FINGERPRINT, &[0; 4])?;
        let code = fingerprint(self.0.get(..at)?);
        self.0.get_mut(at + ATTRIBUTE_HEAD_BYTES..)?.copy_from_slice(&code);
        Some(self.0)
    }
}

/// Short-term credentials: the password is the key (RFC 8489 §9.1.1).
fn keyed(password: &str) -> Option<Hmac<Sha1>> {
    Hmac::new_from_slice(password.as_bytes()).ok()
}

/// Of what stands before it, whose length counts it already.
fn fingerprint(before: &[u8]) -> [u8; 4] {
    (crc32fast::hash(before) ^ FINGERPRINT_MASK).to_be_bytes()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u16::from_be_bytes(pair))
}

/// What a check of a test says besides.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(super) enum Request {
    UseCandidate,
    Controlled,
    Unknown,
}

#[cfg(test)]
impl Message {
    pub(super) fn request(username: &str, more: &[Request], password: Option<&str>) -> Option<Answer> {
        let mut header = [7; HEADER_BYTES];
        header[4..8].copy_from_slice(&MAGIC_COOKIE);
        let mut message = Self::new(BINDING_REQUEST, &header)?;
        if !username.is_empty() {
            message.add(USERNAME, username.as_bytes())?;
        }
        message.add(PRIORITY, &[0x6e, 0, 1, 0xff])?;
        for one in more {
            match one {
                Request::UseCandidate => message.add(USE_CANDIDATE, &[])?,
                Request::Controlled => message.add(ICE_CONTROLLED, &[1; 8])?,
                Request::Unknown => message.add(0x0031, &[1, 2, 3])?,
            }
        }
        if let Some(password) = password {
            message.sign(password)?;
        }
        message.end()
    }
}
