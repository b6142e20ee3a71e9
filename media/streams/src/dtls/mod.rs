//! DTLS-SRTP (RFC 5763, RFC 5764): keys for a leg's SRTP out of a handshake on its media ports.
//!
//! Each end tells the fingerprint of its certificate in its description (RFC 8122); whoever has that certificate is the
//! one that was called. [`Handshakes`] is a machine without sockets and clocks: datagrams and time go in, datagrams and
//! keys come out. It exists for legs only whose descriptions, which come from authenticated calls, ask for it.
//! RTP and RTCP are on ports of their own, so each has a handshake and keys of its own (RFC 5764 §4.1).
//!
//! The handshake itself, DTLS 1.2, is the library's (decision 0027), and [`records`] stands before it. Deliberately
//! missing: DTLS 1.3, renegotiation, resumption and data beside SRTP.

mod attempt;
mod fingerprint;
mod handshakes;
mod identity;
mod records;

use serde::{Deserialize, Serialize};

pub use attempt::{ATTEMPT_DATAGRAMS_MAX, DATAGRAM_BYTES_MAX, HANDSHAKE_SECS_MAX};
pub use fingerprint::{Fingerprint, Hash};
pub use handshakes::{
    ATTEMPTS_AT_ONCE_MAX, ATTEMPTS_PER_PERIOD_MAX, Datagram, Handshakes, LINGER_MICROS, Outputs,
    PERIOD_MICROS,
};
pub use identity::{BadIdentity, Identity};
pub use records::{FRAGMENT_BYTES_MIN, MESSAGE_BYTES_MAX, is_client_hello};

/// What a leg's two ends have agreed on; a change of any of it is a new handshake (RFC 8842 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Counts the leg's associations.
    pub association: u32,
    /// Ours.
    pub role: Role,
    /// Of the far end's certificate, of which it need have told only one.
    pub fingerprints: Vec<Fingerprint>,
}

/// Who begins (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// We begin: the client.
    Active,
    /// The far end does, which its NAT lets pass: the server.
    Passive,
}

/// How far a leg's handshakes have come; one of the reasons why there is no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// The keys are there.
    Done,
    /// The far end has not been heard yet.
    Waiting,
    /// It has been heard.
    Going,
    /// It has come to nothing. A new attempt of the far end is still taken.
    Failed(Failure),
}

/// Why a handshake has come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Failure {
    /// The far end has given up, with this alert (RFC 8446 §6).
    Alert(u8),
    /// The far end does not answer any more.
    Silence,
    /// Nothing that both ends can do: version, cipher, curve, or kind of certificate.
    NothingInCommon,
    /// No SRTP protection profile that both ends can do.
    NoProfile,
    /// Its certificate is not the one of its description.
    Fingerprint,
    /// A defect of the library.
    Defect,
}

#[cfg(test)]
mod tests;
