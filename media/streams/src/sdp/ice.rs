//! What a description says of ICE (RFC 8839), and what browsers want beside it: the name of an m-line (`a=mid`, RFC 5888),
//! and that it shares its port with nobody but itself (BUNDLE, RFC 9143).
//!
//! Candidates of the far end are not read: a lite agent checks none, and is checked by all of them, and by those of them that
//! connect (TCP, RFC 6544).

use std::net::SocketAddr;

use sdp_types::Attribute;
use serde::{Deserialize, Serialize};

use super::{dtls::value, stream::is_token};
use crate::ice::{CREDENTIAL_CHARS_MAX, Credentials};

/// Longest name of an m-line that is answered.
pub const MID_CHARS_MAX: usize = 64;
/// RFC 8445 §5.1.2.1: what a host candidate is worth, for RTP, the first address the most.
const HOST_PRIORITY: u32 = 126 << 24 | 255;
const FIRST_PREFERENCE: u32 = 0xffff;
/// The same where it is connected to: less than anything that UDP has (RFC 6544 §4.2), because a lost packet holds up those
/// behind it.
const PASSIVE_PRIORITY: u32 = 90 << 24 | 255;
/// Direction preference 4 of a passive candidate, and other preferences below it.
const FIRST_PASSIVE_PREFERENCE: u32 = 4 << 13 | 0x1fff;
/// What our sound is called to whoever plays it (RFC 8830); a browser hands a script no stream without a name.
const STREAM_NAME: &str = "sambung audio";

/// What the author of an m-line says of ICE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ice {
    /// By which its checks are known, and ours would be.
    pub credentials: Credentials,
    /// The name of the m-line.
    pub mid: Option<String>,
    /// It is the author's wish that it share its port with others of the same group.
    pub is_bundled: bool,
}

impl Ice {
    /// Of an m-line and of what stands above all of them.
    pub(super) fn read(session: &[Attribute], media: &[Attribute]) -> Option<Self> {
        let credential = |name, chars_min| {
            let found = value(media, name).or_else(|| value(session, name))?;
            let is_good = (chars_min..=CREDENTIAL_CHARS_MAX).contains(&found.len()) && is_ice_chars(found);
            is_good.then(|| found.to_owned())
        };
        let credentials =
            Credentials { ufrag: credential("ice-ufrag", 4)?, password: credential("ice-pwd", 22)? };
        let mid = value(media, "mid").filter(|mid| mid.len() <= MID_CHARS_MAX && is_token(mid));
        let mut groups = session.iter().filter(|a| a.attribute.eq_ignore_ascii_case("group"));
        let is_bundled = groups.any(|group| {
            let mut words = group.value.as_deref().unwrap_or_default().split_ascii_whitespace();
            words.next() == Some("BUNDLE") && words.any(|word| Some(word) == mid)
        });
        Some(Self { credentials, mid: mid.map(str::to_owned), is_bundled })
    }
}

/// What we say of ICE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurIce {
    /// As somebody else would.
    pub ice: Ice,
    /// Where we can be reached, the best first.
    pub candidates: Vec<SocketAddr>,
    /// Whether the same can be connected to.
    pub is_over_tcp: bool,
}

impl OurIce {
    /// Its attributes above all m-lines.
    pub(super) fn session_attributes(&self) -> impl Iterator<Item = Attribute> {
        let mid = self.ice.mid.as_ref().filter(|_| self.ice.is_bundled);
        let group = mid.map(|mid| Attribute::with_value("group", format!("BUNDLE {mid}")));
        [Attribute::new("ice-lite")].into_iter().chain(group)
    }

    /// Its attributes in the m-line.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let Ice { credentials, mid, .. } = &self.ice;
        let mut written: Vec<Attribute> =
            mid.iter().map(|mid| Attribute::with_value("mid", mid.clone())).collect();
        written.push(Attribute::with_value("ice-ufrag", credentials.ufrag.clone()));
        written.push(Attribute::with_value("ice-pwd", credentials.password.clone()));
        written.extend(self.candidates().map(|candidate| Attribute::with_value("candidate", candidate)));
        written.push(Attribute::new("end-of-candidates"));
        written.push(Attribute::new("rtcp-mux"));
        written.push(Attribute::with_value("msid", STREAM_NAME));
        written
    }

    /// RFC 8839 §5.1, RFC 6544 §4.5: each with a foundation of its own.
    fn candidates(&self) -> impl Iterator<Item = String> + '_ {
        let by_udp = (0..)
            .zip(&self.candidates)
            .map(|(n, address)| (HOST_PRIORITY + ((FIRST_PREFERENCE - n) << 8), "udp", address, ""));
        let connected = self.candidates.iter().filter(|_| self.is_over_tcp);
        let by_tcp = (0..).zip(connected).map(|(n, address)| {
            (PASSIVE_PRIORITY + ((FIRST_PASSIVE_PREFERENCE - n) << 8), "tcp", address, " tcptype passive")
        });
        (1..).zip(by_udp.chain(by_tcp)).map(|(foundation, (priority, transport, address, kind))| {
            let (ip, port) = (address.ip(), address.port());
            format!("{foundation} 1 {transport} {priority} {ip} {port} typ host{kind}")
        })
    }
}

/// RFC 8839 §5.4 `ice-char`.
fn is_ice_chars(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}
