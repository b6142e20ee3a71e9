//! What the media of a call's legs is like, and why one of them is silent, as the switch socket and `sambung why` show it.
//!
//! While a call goes on these are the figures of the moment; when it has ended, those of its end. The record of a call
//! holds less of them ([`crate::journal::Quality`]): no addresses.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One stream of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaView {
    /// [`crate::journal::Leg::no`].
    pub leg: u16,
    /// Our address and port, at which the phone's packets arrive. The leg's streams differ by it.
    pub local: SocketAddr,
    /// Where the phone's packets come from, once that is proven.
    pub source: Option<SocketAddr>,
    /// What is wrong with it, as one stable word: `good`, `nothing_received`, `other_address` …
    pub diagnosis: String,
    /// The same as a sentence that says what to look at.
    pub explanation: String,
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Packets missing by sequence number (RFC 3550 A.3); duplicates can make it negative.
    pub packets_lost: i64,
    /// Packets dropped because their source was not proven.
    pub packets_foreign: u64,
    /// Packets from the right source that were not under its key, or had come before.
    pub packets_unauthentic: u64,
    /// RTCP packets received and accepted.
    pub rtcp_received: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), in microseconds.
    pub jitter_micros: u32,
    /// Round trip between the switch and the phone, in microseconds, once the phone's reports tell it.
    pub rtt_micros: Option<u32>,
    /// Lost in the last period of some seconds, in percent.
    pub loss_percent: u8,
    /// What was received was worth (MOS by ITU-T G.107), in hundredths: the mean of all periods.
    pub mos_hundredths: Option<u16>,
    /// The worst period.
    pub mos_lowest_hundredths: Option<u16>,
    /// The last period.
    pub mos_latest_hundredths: Option<u16>,
    /// What the phone reports of what it is sent.
    pub far: Option<FarMedia>,
}

/// What a phone reports of what it is sent (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarMedia {
    /// Lost between its last two reports, in percent.
    pub loss_percent: u8,
    /// Lost of the stream that it is sent now.
    pub packets_lost: u32,
    /// Interarrival jitter, in microseconds.
    pub jitter_micros: u32,
}
