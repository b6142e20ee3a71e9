//! A diagnosis as a word for programs and as a sentence for people, which says what to look at.

use std::fmt;

use super::{Diagnosis, Obstacle};
use crate::dtls::Failure;

impl Diagnosis {
    /// Its stable word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::NotConnected => "not_connected",
            Self::Holds => "holds",
            Self::Held => "held",
            Self::OnlyListens => "only_listens",
            Self::NotChecked => "ice_not_checked",
            Self::NothingChosen => "ice_nothing_chosen",
            Self::ConsentLost => "ice_consent_lost",
            Self::KeysMissing => "keys_missing",
            Self::NoHandshake => "no_handshake",
            Self::HandshakeUnfinished => "handshake_unfinished",
            Self::HandshakeFailed { .. } => "handshake_failed",
            Self::OtherFingerprint => "other_fingerprint",
            Self::Unauthentic => "unauthentic",
            Self::Replayed => "replayed",
            Self::OtherAddress { .. } => "other_address",
            Self::OtherPort { .. } => "other_port",
            Self::Unproven { .. } => "unproven",
            Self::Unsteady { .. } => "unsteady",
            Self::OtherSsrc => "other_ssrc",
            Self::NotRtp { .. } => "not_rtp",
            Self::TooLong => "too_long",
            Self::UnusableAddress { .. } => "unusable_address",
            Self::PrivateAddress { .. } => "private_address",
            Self::NothingReceived => "nothing_received",
            Self::Stopped { .. } => "stopped",
            Self::OtherFormat { .. } => "other_format",
            Self::Silence => "silence",
            Self::NoAddress => "no_address",
            Self::Loop => "loop",
            Self::Unreachable { .. } => "unreachable",
            Self::Unsealed => "unsealed",
            Self::HearsNothing => "hears_nothing",
            Self::HearsWithLoss { .. } => "hears_with_loss",
            Self::Poor { .. } => "poor",
        }
    }
}

impl Diagnosis {
    /// The sentence of those that say the same of every leg.
    fn sentence(&self) -> Option<&'static str> {
        Some(match self {
            Self::Good => "sound goes both ways",
            Self::NotConnected => "not connected to anybody",
            Self::Holds => "its phone holds the call, so it is sent nothing",
            Self::Held => "the other side holds the call",
            Self::OnlyListens => "its phone has said that it only listens (recvonly)",
            Self::NotChecked => {
                "ICE failed: no check has come from it; look at the firewall before the port that browsers share, and at its own"
            }
            Self::NothingChosen => {
                "ICE has not ended: its checks come and it has chosen none; what we answer may not come back to it"
            }
            Self::ConsentLost => "ICE has ended: its checks come no more, so it has gone or its network has",
            Self::KeysMissing => {
                "encryption was offered and the phone's key has not come: look at its answer"
            }
            Self::NoHandshake => {
                "DTLS-SRTP was agreed on and the phone has not begun its handshake: look at its firewall or NAT"
            }
            Self::HandshakeUnfinished => {
                "its DTLS handshake has begun and does not end: packets are lost on the way"
            }
            Self::OtherFingerprint => {
                "the certificate of its DTLS handshake is not the one of its description: another device answers, or \
                 somebody is in between"
            }
            Self::Unauthentic => {
                "what comes from it is not under the agreed SRTP key: it sends plain RTP, or uses an older key"
            }
            Self::Replayed => {
                "its SRTP packets have come before: it counts anew under the same key, or somebody plays them again"
            }
            Self::OtherSsrc => {
                "it sends with another SSRC than before without a pause: two streams at once, or a restart that \
                 signalling does not know"
            }
            Self::TooLong => "its packets are longer than any we carry: look at its packet time",
            Self::NothingReceived => {
                "no RTP has come from it: look at the phone, its firewall, and the firewall before our media ports"
            }
            Self::Silence => {
                "its packets carry nothing but silence: the phone is muted, or its microphone gives no sound"
            }
            Self::NoAddress => "it has not said where it receives and sends nothing that would show it",
            Self::Loop => "it says that it receives at a port of this switch: sound would go round for ever",
            Self::Unsealed => {
                "what it should hear cannot be encrypted: the other side repeats packet numbers that were used"
            }
            Self::HearsNothing => {
                "its phone reports that nothing arrives of what it is sent: look at its firewall or NAT"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherAddress { expected: Some(expected), source } => write!(
                f,
                "packets come from {source} and not from {expected}: neither its description nor its signalling \
                 names that address, so they are not believed (a second network, or a NAT with several addresses)"
            ),
            Self::OtherAddress { expected: None, source } => write!(
                f,
                "packets come from {source}, which neither its description nor its signalling names: not believed"
            ),
            Self::OtherPort { expected, source } => write!(
                f,
                "packets come from port {} and not from {expected} as before or as described: not believed (the NAT \
                 has changed the port, or two programs send)",
                source.port()
            ),
            Self::Unproven { source } => {
                write!(f, "too few packets have come from {source} to believe that they are its phone's")
            }
            Self::Unsteady { source } => write!(
                f,
                "packets from {source} do not come in sequence or change their SSRC, so they are not believed"
            ),
            Self::NotRtp { source } => {
                write!(f, "what comes from {source} is no RTP (T.38, or something else?)")
            }
            Self::UnusableAddress { stated } => write!(
                f,
                "nothing comes from it, and it says that it receives at {stated}, where nobody can send: look at the \
                 address that the phone believes to have"
            ),
            Self::PrivateAddress { stated, signalling } => write!(
                f,
                "nothing comes from it, and it says that it receives at {stated}, a private address, while it is at \
                 {signalling}: NAT without a packet that opens it; look at its firewall"
            ),
            Self::HandshakeFailed { failure } => {
                write!(f, "its DTLS handshake has failed: {}", failure_text(*failure))
            }
            Self::Stopped { secs } => write!(f, "it was heard, and has sent nothing for {secs} s"),
            Self::OtherFormat { payload_type } => {
                write!(f, "it sends payload type {payload_type}, which was not agreed: a mismatch of codecs")
            }
            Self::Unreachable { address, obstacle: Obstacle::Here } => write!(
                f,
                "what it is sent cannot be sent to {address}: this host has no route there, or its firewall forbids it"
            ),
            Self::Unreachable { address, obstacle: Obstacle::OnTheWay } => write!(
                f,
                "the network answers that {address} cannot be reached (ICMP): look at routes and firewalls on the way \
                 there"
            ),
            Self::Unreachable { address, obstacle: Obstacle::Port } => write!(
                f,
                "its host answers that nothing listens at {address} (ICMP port unreachable): the phone has ended the \
                 call or its program, or NAT has forgotten it"
            ),
            Self::HearsWithLoss { percent } => {
                write!(f, "its phone reports that {percent} % of what it is sent is lost on the way to it")
            }
            Self::Poor { percent, mos: Some(mos) } => {
                let (whole, part) = (mos.hundredths() / 100, mos.hundredths() % 100);
                write!(f, "{percent} % of what it sends is lost, some may be late: MOS {whole}.{part:02}")
            }
            Self::Poor { percent, mos: None } => write!(f, "{percent} % of what it sends is lost"),
            other => f.write_str(other.sentence().unwrap_or_default()),
        }
    }
}

fn failure_text(failure: Failure) -> &'static str {
    match failure {
        Failure::Alert(_) => "the phone has given it up with an alert; look at its log",
        Failure::Silence => "the phone does not answer any more",
        Failure::NothingInCommon => "no version, cipher or curve that both ends can do",
        Failure::NoProfile => "no SRTP protection profile that both ends can do",
        Failure::Fingerprint => "its certificate is not the one of its description",
        Failure::Defect => "a defect of ours",
    }
}
