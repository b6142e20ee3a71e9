//! "Why is there no audio?": from what is known of a leg to one diagnosis that a person can act on.
//!
//! A diagnosis is about one leg: whether its phone is heard, and whether it is reached. The most basic fault is told, since
//! the others follow from it: a phone whose keys are missing also seems to send nothing.

mod words;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    dtls::{Failure, Stage},
    ice,
    leg::DropReason,
    quality::Mos,
};

/// So many packets refused one after the other, while others are taken, are no accident: half a second of speech.
pub const REFUSED_IN_A_ROW: u32 = 25;
/// So many packets of a source that never come in sequence are no beginning any more.
pub const UNSTEADY_PACKETS: u32 = 10;
/// A phone that was heard and has been silent for so long has stopped.
pub const SILENCE_MICROS: u64 = 5_000_000;
/// So many looks in a row that found nothing but silence ([`crate::leg::LOOK_EVERY_PACKETS`] apart): ten seconds.
pub const SILENT_LOOKS: u8 = 16;
/// So many packets were sent before it means anything that the far end has got none: two seconds.
pub const SENT_PACKETS_MIN: u64 = 100;
/// Loss that is heard by everybody, in percent.
pub const LOSS_PERCENT: u8 = 5;
/// Nearly all users are dissatisfied below it (G.109: R = 60).
pub const MOS_MIN: u16 = 310;

/// What is wrong with a leg's media, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Diagnosis {
    /// Nothing is.
    Good,
    /// It is not connected to anybody yet: it rings, or was parted.
    NotConnected,
    /// It wants to be sent nothing: its phone has put the call on hold.
    Holds,
    /// The other side has put the call on hold.
    Held,
    /// By its own description it only listens.
    OnlyListens,
    /// No connectivity check has come from it (ICE).
    NotChecked,
    /// It has checked, and not chosen a way.
    NothingChosen,
    /// It checked, and does not any more.
    ConsentLost,
    /// Its packets are under a key that has not been told yet.
    KeysMissing,
    /// The handshake that was agreed on for keys (DTLS) has not been begun.
    NoHandshake,
    /// It has been begun and is not over.
    HandshakeUnfinished,
    /// It has come to nothing.
    HandshakeFailed {
        /// Why.
        failure: Failure,
    },
    /// The certificate in the handshake is not the one of the description.
    OtherFingerprint,
    /// Its packets are not under the key that was agreed, or are not encrypted at all.
    Unauthentic,
    /// Its packets have come before.
    Replayed,
    /// Packets come from another IP address than its description and its signalling name.
    OtherAddress {
        /// Where they should come from.
        expected: Option<SocketAddr>,
        /// Where they come from.
        source: SocketAddr,
    },
    /// Packets come from the right IP address and another port, and nothing proves that port.
    OtherPort {
        /// Where they should come from.
        expected: SocketAddr,
        /// Where they come from.
        source: SocketAddr,
    },
    /// Too few packets to prove their source.
    Unproven {
        /// Where they come from.
        source: SocketAddr,
    },
    /// Its packets never come in sequence, or change their SSRC, so that their source is not proven.
    Unsteady {
        /// Where they come from.
        source: SocketAddr,
    },
    /// The right source speaks with another SSRC than before.
    OtherSsrc,
    /// What comes is no RTP.
    NotRtp {
        /// Where it comes from.
        source: SocketAddr,
    },
    /// What comes is longer than any packet we carry.
    TooLong,
    /// Nothing comes, and what the description names cannot be sent to: loopback, link-local, unspecified.
    UnusableAddress {
        /// What it names.
        stated: SocketAddr,
    },
    /// Nothing comes, and the description names a private address though the signalling comes from a public one.
    PrivateAddress {
        /// What it names.
        stated: SocketAddr,
        /// Where its signalling comes from.
        signalling: IpAddr,
    },
    /// Nothing comes at all.
    NothingReceived,
    /// It was heard, and is silent now.
    Stopped {
        /// For how long.
        secs: u32,
    },
    /// Its packets carry a format that was not agreed.
    OtherFormat {
        /// Their payload type.
        payload_type: u8,
    },
    /// Its packets carry nothing but silence.
    Silence,
    /// Nothing is known of where it could be sent to.
    NoAddress,
    /// It is sent to ports of our own, which would go round for ever.
    Loop,
    /// What it is sent does not arrive, and we are told so.
    Unreachable {
        /// Where it is sent to.
        address: SocketAddr,
        /// By whom.
        obstacle: Obstacle,
    },
    /// What it should be sent cannot be encrypted: the numbers of the other side's packets were used before.
    Unsealed,
    /// It reports that nothing arrives of what it is sent.
    HearsNothing,
    /// It reports that much is lost of what it is sent.
    HearsWithLoss {
        /// How much.
        percent: u8,
    },
    /// Much of what it sends is lost, or comes too unevenly to be listened to.
    Poor {
        /// How much is lost.
        percent: u8,
        /// What is left is worth.
        mos: Option<Mos>,
    },
}

/// Who says that what is sent to a leg does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// Our own host: it has no way there, or may not send there.
    Here,
    /// Something on the way, with an ICMP message (RFC 792, RFC 4443 §3.1).
    OnTheWay,
    /// The host that it is sent to: nothing listens at that port (ICMP port unreachable).
    Port,
}

/// Packets that were not taken since the last one that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// How many.
    pub in_a_row: u32,
    /// Why the last one was not.
    pub reason: DropReason,
    /// Where it came from.
    pub source: SocketAddr,
}

/// What the leg it is connected to has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Its direction includes "receive".
    pub receives: bool,
    /// What is lost of what it sends before it comes to us, in percent.
    pub loss_percent: u8,
}

/// Everything that a diagnosis rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its direction includes "send".
    pub sends: bool,
    /// Its direction includes "receive".
    pub receives: bool,
    /// Where its description says it receives, as far as that is believed.
    pub stated: Option<SocketAddr>,
    /// What its description names and cannot be sent to.
    pub unusable: Option<SocketAddr>,
    /// Where its signalling comes from.
    pub signalling: IpAddr,
    /// Where its packets come from.
    pub source: Option<SocketAddr>,
    /// Where it is sent to.
    pub destination: Option<SocketAddr>,
    /// How far ICE has come, if it is what shows where its far end is.
    pub ice: Option<ice::Stage>,
    /// The keys for its packets are there, or none were agreed on.
    pub has_keys: bool,
    /// How far the handshakes for its keys have come, if there are any.
    pub handshake: Option<Stage>,
    /// Packets taken.
    pub received: u64,
    /// Packets sent to it.
    pub sent: u64,
    /// Since when nothing was taken, in microseconds.
    pub silent_micros: Option<u64>,
    /// What was not taken lately.
    pub refused: Option<Refused>,
    /// Longer than what we carry, since the last packet that was taken.
    pub too_long: u32,
    /// Payload type of its last packet, if it was not agreed.
    pub other_format: Option<u8>,
    /// Looks in a row that found nothing but silence.
    pub silent_looks: u8,
    /// What it was sent has been refused, for a second and more.
    pub obstacle: Option<Obstacle>,
    /// It is sent to a port of our own.
    pub is_loop: bool,
    /// Packets in a row that could not be sealed for it.
    pub unsealed: u32,
    /// What it says it loses of what it is sent, in percent; `None` when it has said nothing lately.
    pub far_loss_percent: Option<u8>,
    /// It reports without ever having received what it was sent.
    pub far_hears_nothing: bool,
    /// What was lost of what it sent lately, in percent.
    pub loss_percent: u8,
    /// What that was worth.
    pub mos: Option<Mos>,
    /// It hears something that we make: an announcement, music, itself.
    pub is_fed: bool,
    /// The leg it is connected to.
    pub other: Option<Other>,
}

/// The diagnosis.
pub fn diagnose(facts: &Facts) -> Diagnosis {
    connection(facts)
        .or_else(|| hearing(facts))
        .or_else(|| speaking(facts))
        .or_else(|| reaching(facts))
        .unwrap_or(Diagnosis::Good)
}

/// Whether there is to be any sound at all.
fn connection(facts: &Facts) -> Option<Diagnosis> {
    let Some(other) = facts.other else { return (!facts.is_fed).then_some(Diagnosis::NotConnected) };
    match (facts.receives, facts.sends) {
        (false, _) => Some(Diagnosis::Holds),
        _ if !other.receives => Some(Diagnosis::Held),
        (true, false) => Some(Diagnosis::OnlyListens),
        (true, true) => None,
    }
}

/// Whether its packets are taken.
fn hearing(facts: &Facts) -> Option<Diagnosis> {
    match facts.ice {
        Some(ice::Stage::Unchecked) => return Some(Diagnosis::NotChecked),
        Some(ice::Stage::Checked) => return Some(Diagnosis::NothingChosen),
        Some(ice::Stage::Lost) => return Some(Diagnosis::ConsentLost),
        Some(ice::Stage::Chosen) | None => {}
    }
    if !facts.has_keys {
        return Some(match facts.handshake {
            None | Some(Stage::Done) => Diagnosis::KeysMissing,
            Some(Stage::Waiting) => Diagnosis::NoHandshake,
            Some(Stage::Going) => Diagnosis::HandshakeUnfinished,
            Some(Stage::Failed(Failure::Fingerprint)) => Diagnosis::OtherFingerprint,
            Some(Stage::Failed(failure)) => Diagnosis::HandshakeFailed { failure },
        });
    }
    let is_silent = facts.received == 0 || facts.silent_micros.is_some_and(|micros| micros >= SILENCE_MICROS);
    let enough = if is_silent { 1 } else { REFUSED_IN_A_ROW };
    if facts.too_long >= enough {
        return Some(Diagnosis::TooLong);
    }
    let refused = facts.refused.filter(|refused| refused.in_a_row >= enough);
    if let Some(refusal) = refused.and_then(|refused| refusal(facts, refused)) {
        return Some(refusal);
    }
    if !is_silent {
        return None;
    }
    Some(if let (Some(obstacle), true) = (facts.obstacle, facts.received > 0) {
        // More than that it is silent now: it is gone, or its network is.
        unreachable(facts, obstacle)
    } else if facts.received > 0 {
        let secs = facts.silent_micros.unwrap_or(0) / 1_000_000;
        Diagnosis::Stopped { secs: u32::try_from(secs).unwrap_or(u32::MAX) }
    } else {
        absence(facts)
    })
}

fn refusal(facts: &Facts, Refused { in_a_row, reason, source }: Refused) -> Option<Diagnosis> {
    Some(match reason {
        DropReason::Foreign => {
            let expected = facts.source.or(facts.stated);
            match expected {
                Some(expected) if expected.ip() == source.ip() => Diagnosis::OtherPort { expected, source },
                _ => Diagnosis::OtherAddress { expected, source },
            }
        }
        DropReason::Probation if in_a_row < UNSTEADY_PACKETS => Diagnosis::Unproven { source },
        DropReason::Probation => Diagnosis::Unsteady { source },
        DropReason::Ssrc => Diagnosis::OtherSsrc,
        DropReason::Malformed => Diagnosis::NotRtp { source },
        DropReason::Unkeyed => Diagnosis::KeysMissing,
        DropReason::Unauthentic => Diagnosis::Unauthentic,
        DropReason::Replayed => Diagnosis::Replayed,
        // What becomes of packets that were taken.
        DropReason::Unsealed
        | DropReason::Behind
        | DropReason::Format
        | DropReason::Late
        | DropReason::Handshake => return None,
    })
}

/// Nothing has ever come.
fn absence(facts: &Facts) -> Diagnosis {
    if let Some(stated) = facts.unusable {
        return Diagnosis::UnusableAddress { stated };
    }
    match (facts.stated, facts.obstacle) {
        _ if facts.is_loop => Diagnosis::Loop,
        (_, Some(obstacle)) => unreachable(facts, obstacle),
        (None, None) => Diagnosis::NoAddress,
        (Some(stated), None) if is_private(stated.ip()) && !is_private(facts.signalling) => {
            Diagnosis::PrivateAddress { stated, signalling: facts.signalling }
        }
        _ => Diagnosis::NothingReceived,
    }
}

/// Whether what it sends is speech.
fn speaking(facts: &Facts) -> Option<Diagnosis> {
    if let Some(payload_type) = facts.other_format {
        return Some(Diagnosis::OtherFormat { payload_type });
    }
    (facts.silent_looks >= SILENT_LOOKS).then_some(Diagnosis::Silence)
}

/// Whether it gets what it is sent, and how good all of it is.
fn reaching(facts: &Facts) -> Option<Diagnosis> {
    let has_been_sent = facts.sent >= SENT_PACKETS_MIN;
    if facts.is_loop {
        return Some(Diagnosis::Loop);
    }
    if let Some(obstacle) = facts.obstacle {
        return Some(unreachable(facts, obstacle));
    }
    if facts.unsealed >= REFUSED_IN_A_ROW {
        return Some(Diagnosis::Unsealed);
    }
    if has_been_sent && (facts.far_hears_nothing || facts.far_loss_percent == Some(100)) {
        return Some(Diagnosis::HearsNothing);
    }
    if let Some(percent) = facts.far_loss_percent.filter(|percent| has_been_sent && *percent >= LOSS_PERCENT)
    {
        return Some(Diagnosis::HearsWithLoss { percent });
    }
    let is_poor =
        facts.loss_percent >= LOSS_PERCENT || facts.mos.is_some_and(|mos| mos.hundredths() < MOS_MIN);
    is_poor.then_some(Diagnosis::Poor { percent: facts.loss_percent, mos: facts.mos })
}

fn unreachable(facts: &Facts, obstacle: Obstacle) -> Diagnosis {
    let address = facts.destination;
    address.map_or(Diagnosis::NoAddress, |address| Diagnosis::Unreachable { address, obstacle })
}

/// RFC 1918, RFC 6598 and RFC 4193: nobody outside can send there.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
