//! The words between call control and the relay: leases, commands, events, the final report of a leg.
//!
//! Call control draws a [`PortLease`] from the stock that the relay has bound ahead of need, writes its address
//! into an SDP, and says what happens to it with [`MediaCommand`]s. Every lease ends with exactly one
//! [`MediaCommand::Close`], whether it was ever opened or not, and every `Close` is answered with exactly one
//! [`MediaEvent::Closed`]. Commands are whole values: there is no half-configured leg.

mod voice;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    capture::Capture,
    conference::{RoomId, Sitting},
    dtls, ice,
    keys::Key,
    leg::Judgement,
    sdp,
    srtp::SrtpKeys,
};
pub use voice::{
    EVENT_FORMATS_MAX, EventFormat, PACKET_MS_DEFAULT, SOUND_NAME_BYTES_MAX, SOUNDS_MAX, Side, SoundName,
    Tap, VOICE_FORMATS_MAX, Voice, VoiceFormat,
};

/// Names a lease for as long as it lives. Not reused before 65,536 further leases of the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(pub u32);

/// A bound RTP/RTCP port pair: RTP is on the even port of `address`, RTCP on the next one (RFC 3550 §11). Or one of the legs on
/// a shared port, where both are on it (RFC 5761) and ICE tells the legs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortLease {
    /// What commands call it.
    pub id: LeaseId,
    /// The advertised IP address with the RTP port: what stands in the SDP.
    pub address: SocketAddr,
}

/// What the packets of a stream are protected with, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// Nothing: RTP.
    Plain,
    /// SRTP may have been agreed on, and the keys are not known yet: nothing is taken and nothing is sent.
    Unkeyed,
    /// SRTP with keys of the descriptions.
    Srtp(SrtpKeys),
    /// SRTP with keys of handshakes (DTLS). Other terms than before are a new handshake; until it has made keys the old
    /// ones hold.
    Dtls(dtls::Terms),
}

/// Everything the relay must know about the far end of one leg's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegMedia {
    /// Where its SDP says it receives RTP; `None` when unknown yet or on hold with an unspecified address.
    pub remote: Option<SocketAddr>,
    /// Where its SDP says it receives RTCP.
    pub remote_rtcp: Option<SocketAddr>,
    /// The IP address its signalling comes from: the second proof of D6, for phones behind NAT.
    pub signalling: IpAddr,
    /// Its direction includes "send": its RTP is passed on. RTCP always is (RFC 3264 §8.4).
    pub sends: bool,
    /// Its direction includes "receive": it is given the other leg's RTP.
    pub receives: bool,
    /// RTP clock of its first format, for the jitter figure; at least 1.
    pub clock_rate_hz: u32,
    /// What its packets are protected with.
    pub protection: Protection,
    /// What its speech is written in. `None`: nothing agreed yet, or nothing in it that can be decoded (video, G.729);
    /// what it sends and is sent is carried as it is.
    pub voice: Option<Voice>,
    /// How its addresses are found, where its description leaves that to ICE. On a lease of the shared port only.
    pub ice: Option<Box<ice::Terms>>,
}

impl LegMedia {
    /// A leg whose SDP has not been seen yet: it may send (early media of a phone behind NAT is learnt from its
    /// signalling address) and gets nothing but what its learnt source shows the way for.
    pub fn unknown(signalling: IpAddr) -> Self {
        Self {
            remote: None,
            remote_rtcp: None,
            signalling,
            sends: true,
            receives: true,
            clock_rate_hz: sdp::CLOCK_RATE_DEFAULT_HZ,
            protection: Protection::Plain,
            voice: None,
            ice: None,
        }
    }

    /// The same of a far end that shows by ICE where it is: what its description names otherwise is not looked at.
    #[must_use]
    pub fn over_ice(self, terms: ice::Terms) -> Self {
        Self { remote: None, remote_rtcp: None, ice: Some(Box::new(terms)), ..self }
    }

    /// What one m-line of the far end's SDP says, without what protects it and what speech is written in:
    /// that takes both sides' word.
    pub fn of(stream: &sdp::Stream, signalling: IpAddr) -> Self {
        Self {
            remote: stream.address,
            remote_rtcp: stream.rtcp,
            signalling,
            sends: stream.direction.sends(),
            receives: stream.direction.receives(),
            clock_rate_hz: stream.clock_rate_hz(),
            protection: Protection::Plain,
            voice: None,
            ice: None,
        }
    }
}

/// Orders to the relay. An order about a lease that is gone is ignored and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaCommand {
    /// Starts to listen. Packets that came before are thrown away.
    Open {
        /// A lease from the stock.
        lease: LeaseId,
        /// The far end, as far as known.
        media: LegMedia,
    },
    /// The far end is known better or has changed (answer, re-INVITE). A changed remote address is learnt anew.
    Configure {
        /// An open lease.
        lease: LeaseId,
        /// The far end from now on.
        media: LegMedia,
    },
    /// What one receives the other is sent, both ways. Either is parted from whatever it was joined to.
    Join {
        /// An open lease.
        a: LeaseId,
        /// Another open lease.
        b: LeaseId,
    },
    /// Ends a join and leaves a room; what is received goes on being, into nothing.
    Part {
        /// Either of the two, or who sits there.
        lease: LeaseId,
    },
    /// It sits in a room, where its far end is heard, hears the others, or both.
    /// Ignored where [`MEMBERS_MAX`](crate::conference::MEMBERS_MAX) sit there.
    Meet {
        /// An open lease.
        lease: LeaseId,
        /// The room, which is there for as long as anybody is.
        room: RoomId,
        /// Who hears it, and what it hears.
        sitting: Sitting,
    },
    /// Leaves its room; what it was joined to beside that it stays joined to.
    Leave {
        /// Who sits there.
        lease: LeaseId,
    },
    /// All who sit in a room hear these sounds, besides each other. A newer order replaces it.
    Announce {
        /// The room.
        room: RoomId,
        /// At most [`SOUNDS_MAX`].
        sounds: Arc<[SoundName]>,
    },
    /// Its far end hears these sounds, one after the other, in place of the leg it is joined to. A newer order replaces it.
    Play {
        /// An open lease.
        lease: LeaseId,
        /// At most [`SOUNDS_MAX`].
        sounds: Arc<[SoundName]>,
        /// From the beginning again, until something else is ordered.
        repeat: bool,
    },
    /// Its far end hears itself, until something else is ordered or it is joined.
    Echo {
        /// An open lease.
        lease: LeaseId,
    },
    /// Ends what is played or echoed: its far end hears the joined leg again.
    Stop {
        /// An open lease.
        lease: LeaseId,
    },
    /// Copies of what its far end sends go to the recorder, or no longer.
    Tap {
        /// An open lease.
        lease: LeaseId,
        /// Where to; `None` ends it.
        tap: Option<Tap>,
    },
    /// Keys that its far end presses are told ([`MediaEvent::Key`]), or no longer.
    Listen {
        /// An open lease.
        lease: LeaseId,
        /// Whether they are.
        is_on: bool,
        /// What says a key goes no further: neither its event nor its tone is passed on.
        keeps: bool,
    },
    /// Its far end is sent a key in place of what it is joined to: as an event (RFC 4733) if it has agreed on any, else as a
    /// tone in its own codec. Keys wait for each other, at most [`KEYS_WAITING_MAX`](crate::keys::KEYS_WAITING_MAX). Lost
    /// while it is played to or echoed.
    Press {
        /// An open lease.
        lease: LeaseId,
        /// Which.
        key: Key,
        /// How long, in milliseconds; what is outside [`KEY_MS`](crate::keys::KEY_MS) is taken for its nearest end.
        ms: u16,
        /// Not if the leg that it is joined to has sent events: a phone that tells each key by two ways has told it.
        unless_sent: bool,
    },
    /// How is it? Answered with exactly one [`MediaEvent::Seen`].
    Look {
        /// Any lease.
        lease: LeaseId,
    },
    /// Keeps what comes and goes from now on. Answered with exactly one [`MediaEvent::Captured`]: when the time is over, when
    /// the lease is closed, or when the next such order comes.
    Capture {
        /// Any lease.
        lease: LeaseId,
        /// For so long, at most [`CAPTURE_SECS_MAX`](crate::capture::CAPTURE_SECS_MAX).
        secs: u16,
    },
    /// Gives the lease back, opened or not. Parts it first.
    Close {
        /// A lease from the stock.
        lease: LeaseId,
    },
}

/// News from the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// These pairs are bound and may be drawn from now on.
    Stock(Vec<PortLease>),
    /// So many further legs may be on the port that browsers share; each lease has its address.
    SharedStock(Vec<PortLease>),
    /// Nothing is left to bind on this advertised address; `Stock` follows when ports come back.
    StockEmpty {
        /// The advertised address.
        advertised: IpAddr,
    },
    /// The answer to [`MediaCommand::Close`].
    Closed {
        /// The lease, now invalid.
        lease: LeaseId,
        /// What its media was like; all zero when it was never opened.
        report: Box<LegReport>,
    },
    /// The answer to [`MediaCommand::Look`].
    Seen {
        /// The lease.
        lease: LeaseId,
        /// What its media is like; `None` when it is not open.
        report: Option<Box<LegReport>>,
    },
    /// The answer to [`MediaCommand::Capture`].
    Captured {
        /// The lease.
        lease: LeaseId,
        /// What came and went; `None` when it is not open, or too many are captured already.
        capture: Option<Box<Capture>>,
        /// Wall clock at the beginning of its time line, in microseconds since 1970.
        origin_unix_micros: u64,
    },
    /// The last sound of a [`MediaCommand::Play`] has ended. Not told when it repeats, is replaced or stopped. A sound that is
    /// not there ends at once. After a restart it is told of every leg alone that hears nothing: what the former life was to
    /// play or to tell there may have been lost with it.
    Played {
        /// The leg.
        lease: LeaseId,
    },
    /// The far end of a leg that is listened to has pressed a key. Told once, when it begins, at most
    /// [`KEYS_PER_SECOND_MAX`](crate::keys::KEYS_PER_SECOND_MAX) times a second.
    Key {
        /// The leg.
        lease: LeaseId,
        /// Which.
        key: Key,
    },
}

/// What the media of one leg was like; the fields of the journal's quality record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegReport {
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// Bytes of those packets, RTP headers included.
    pub bytes_received: u64,
    /// RTP packets sent to the far end.
    pub packets_sent: u64,
    /// Bytes of those packets, RTP headers included.
    pub bytes_sent: u64,
    /// Packets missing by sequence number (RFC 3550 A.3); duplicates can make it negative.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 §6.4.1 and A.8) at its last value, in microseconds.
    pub jitter_micros: u32,
    /// RTP and RTCP packets dropped because their source was not proven (D6).
    pub packets_foreign: u64,
    /// RTCP packets received and accepted.
    pub rtcp_received: u64,
    /// Packets from its proven source that were not under its key, or had come before.
    pub packets_unauthentic: u64,
    /// How far its handshakes for keys (DTLS) have come; `None` without any.
    pub handshake: Option<dtls::Stage>,
    /// What that was worth, and what was wrong.
    pub judgement: Judgement,
}
