//! One leg's media as it arrives: whose packets are taken (DESIGN D6), and what they were like.
//!
//! A source is proven by (1) being exactly the address of the far end's SDP, or (2), for a phone behind NAT and
//! only before anything is pinned, by having the IP address that its signalling comes from and sending
//! [`PROBE_PACKETS`] packets of one SSRC in sequence. Then address and SSRC are pinned. Whatever else arrives is
//! dropped and counted; it is never answered and never ends anything.
//!
//! RTCP is taken from the SDP's RTCP address or from the pinned IP address. Where the two ends have agreed on SRTP, a
//! packet must be under the far end's key as well, before anything is learnt from it ([`crate::srtp`]), and the first one
//! from the IP address of the signalling proves its source.

mod cover;
mod pin;
mod reports;
mod seen;
mod watch;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{
    capture::{Capture, Captured, Course},
    classify::{Class, classify},
    dtls, ice,
    media::{LegMedia, LegReport, Protection, Voice},
    reception::Reception,
    rtcp,
    rtp::Header,
    srtp::{SealError, SrtpKeys},
    voice::Made,
};
use cover::Cover;
pub use cover::REKEY_OVERLAP_MICROS;
use pin::{Latch, Pin, Probes, Proof};
use reports::Reports;
pub use reports::{FarEnd, REPORT_EVERY_MICROS, REPORTS_PASS_MICROS, ReportTime, report_interval_micros};
pub use seen::{Judgement, REPORT_BYTES_MAX};
use serde::{Deserialize, Serialize};
pub use watch::LOOK_EVERY_PACKETS;
use watch::Watch;

/// Packets in sequence that prove a source by its signalling address.
pub const PROBE_PACKETS: u8 = 3;
/// Sources that are tried at the same time, so that a second sender cannot hold up the first.
pub const PROBES_MAX: usize = 4;
/// How long after a pin by signalling address the exact SDP address may still take over.
pub const EXACT_WINS_MICROS: u64 = 1_000_000;
/// Silence after which the pinned source may come back with another SSRC.
pub const SSRC_SILENCE_MICROS: u64 = 200_000;
/// How long after a new SDP the pinned source may change its SSRC without silence.
pub const SSRC_RENEWAL_MICROS: u64 = 2_000_000;

/// Which of a leg's two ports a packet came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The odd port.
    Rtcp,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted; the other leg gets this many bytes of it, which are plain.
    Forward(usize),
    /// Accepted and counted, but by its SDP this leg does not send now. This many bytes of it are plain.
    Keep(usize),
    /// Not accepted.
    Drop(DropReason),
}

/// Why a packet is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReason {
    /// Its source is not proven.
    Foreign,
    /// Its source is being proven.
    Probation,
    /// Its source is right but speaks with another SSRC than the pinned one.
    Ssrc,
    /// Not RTP on the RTP port, not RTCP on the RTCP port, or inconsistent lengths.
    Malformed,
    /// It is under a key that is not known yet.
    Unkeyed,
    /// It is not under the far end's key, or was changed on its way.
    Unauthentic,
    /// It has come before.
    Replayed,
    /// It is no media but part of a handshake (DTLS), from where the leg may be spoken to: for whoever shakes hands.
    Handshake,
    /// It is good, and cannot be put under the other leg's key: its number was used, or it is too long.
    Unsealed,
    /// It is good, and under its own number nothing more of its source can be put under the other leg's key.
    Behind,
    /// It is good, and its payload type is none that the two legs have agreed on.
    Format,
    /// It is good, and something else has been heard in its place.
    Late,
}

/// The state of one open leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LegState {
    media: LegMedia,
    /// The last SDP address that was one: `media.remote` without the holds in between.
    stated: Option<SocketAddr>,
    /// What the SDP names and nothing can be sent to.
    unusable: Option<SocketAddr>,
    latch: Latch,
    /// Shows where the far end is, in place of descriptions and signalling.
    ice: Option<Box<ice::Agent>>,
    rtcp_source: Option<SocketAddr>,
    /// Until when another SSRC is taken without silence.
    renewal_until_micros: u64,
    reception: Reception,
    counted: LegReport,
    cover: Cover,
    watch: Watch,
    reports: Reports,
    /// Where an operator's copies go; not kept for another life.
    #[serde(skip)]
    capture: Option<Box<Capture>>,
    has_pressed: bool,
}

impl LegState {
    /// A leg that has heard nothing.
    pub fn new(media: LegMedia) -> Self {
        let named = media.remote;
        let media = reachable(media);
        Self {
            unusable: named.filter(|_| media.remote.is_none()),
            stated: media.remote,
            latch: Latch::Open(Probes::default()),
            ice: media.ice.as_deref().map(|terms| Box::new(ice::Agent::new(terms.clone()))),
            rtcp_source: None,
            renewal_until_micros: 0,
            reception: Reception::new(media.clock_rate_hz),
            counted: LegReport::default(),
            cover: Cover::new(&media.protection),
            watch: Watch::default(),
            reports: Reports::default(),
            capture: None,
            has_pressed: false,
            media,
        }
    }

    /// The far end's SDP is known better or has changed. A changed address is learnt anew; the first address that
    /// is stated at all leaves a source that signalling has proven in place, for the exact address to overrule.
    pub fn configure(&mut self, now_micros: u64, media: LegMedia) {
        let named = media.remote;
        let media = reachable(media);
        self.unusable = named.filter(|_| media.remote.is_none());
        let first = self.stated.is_none();
        let changed = media.remote.is_some() && media.remote != self.stated;
        if let Latch::Pinned(pin) = &mut self.latch {
            let moved =
                pin.proof == Proof::Signalling && pin.source.ip() != media.signalling && self.ice.is_none();
            if media.remote == Some(pin.source) {
                pin.proof = Proof::Sdp;
            } else if moved || (changed && !first) {
                self.relearn();
            } else if changed {
                pin.since_micros = now_micros;
            }
        }
        self.stated = media.remote.or(self.stated);
        if media.remote_rtcp != self.media.remote_rtcp {
            self.rtcp_source = None;
        }
        if let (Some(agent), Some(terms)) = (&mut self.ice, &media.ice) {
            agent.configure(*terms.clone());
        }
        self.reception.set_clock_rate(media.clock_rate_hz);
        self.cover.configure(now_micros, &media.protection);
        self.renewal_until_micros = now_micros.saturating_add(SSRC_RENEWAL_MICROS);
        self.media = media;
    }

    fn relearn(&mut self) {
        self.latch = Latch::Open(Probes::default());
        self.rtcp_source = None;
        self.reception.restart();
    }

    /// Judges, opens and counts one datagram.
    pub fn accept(
        &mut self,
        now_micros: u64,
        channel: Channel,
        source: SocketAddr,
        packet: &mut [u8],
    ) -> Verdict {
        let verdict = self.judge(now_micros, channel, source, packet);
        if let Some(capture) = &mut self.capture {
            let (course, bytes) = match verdict {
                Verdict::Forward(len) | Verdict::Keep(len) => {
                    (Course::Taken, packet.get(..len).unwrap_or_default())
                }
                // No RTP, but what it was for.
                Verdict::Drop(DropReason::Handshake) => (Course::Taken, &*packet),
                Verdict::Drop(reason) => (Course::Refused(reason), &*packet),
            };
            capture.keep(Captured { at_micros: now_micros, channel, course, remote: source, bytes });
        }
        verdict
    }

    fn judge(&mut self, now_micros: u64, channel: Channel, source: SocketAddr, packet: &mut [u8]) -> Verdict {
        if self.is_handshake(now_micros, channel, source, packet) {
            return Verdict::Drop(DropReason::Handshake);
        }
        let taken = match channel {
            Channel::Rtp => self.accept_rtp(now_micros, source, packet),
            Channel::Rtcp => self.accept_rtcp(now_micros, source, packet),
        };
        let counted = &mut self.counted;
        match taken {
            Ok(len) if channel == Channel::Rtcp || self.media.sends => Verdict::Forward(len),
            Ok(len) => Verdict::Keep(len),
            Err(reason) => {
                let count = match reason {
                    DropReason::Foreign => Some(&mut counted.packets_foreign),
                    DropReason::Unauthentic | DropReason::Replayed => Some(&mut counted.packets_unauthentic),
                    _ => None,
                };
                if let Some(count) = count {
                    *count = count.saturating_add(1);
                }
                self.note_refused(channel, reason, source);
                Verdict::Drop(reason)
            }
        }
    }

    /// Whether this is part of a handshake that the leg may take from there.
    pub fn is_handshake(
        &self,
        now_micros: u64,
        channel: Channel,
        source: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        self.cover.may_be_shaken()
            && classify(datagram) == Class::Dtls
            && self.may_shake(now_micros, channel, source)
    }

    /// Whether RTP may come from this source: it is proven, or may prove itself.
    fn may_speak(&self, now: u64, source: SocketAddr) -> bool {
        if let Some(ice) = &self.ice {
            return ice.is_proven(source);
        }
        let exact = self.media.remote == Some(source);
        match &self.latch {
            Latch::Pinned(pin) => pin.source == source || exact && pin.yields(now),
            Latch::Open(_) => exact || source.ip() == self.media.signalling,
        }
    }

    /// Whether hands may be shaken with this source. A handshake proves no source: that takes a packet under its keys.
    fn may_shake(&self, now: u64, channel: Channel, source: SocketAddr) -> bool {
        match (channel, &self.latch) {
            (Channel::Rtp, _) => self.may_speak(now, source),
            (Channel::Rtcp, _) if self.media.remote_rtcp == Some(source) => true,
            (Channel::Rtcp, Latch::Pinned(pin)) => pin.source.ip() == source.ip(),
            (Channel::Rtcp, Latch::Open(_)) => source.ip() == self.media.signalling,
        }
    }

    /// What its keys are agreed on with, if by handshakes.
    pub fn handshake_terms(&self) -> Option<&dtls::Terms> {
        match &self.media.protection {
            Protection::Dtls(terms) => Some(terms),
            _ => None,
        }
    }

    /// Where a handshake with it begins: where its SDP says that it is, or where ICE has found it, on one port for both.
    pub fn stated(&self, channel: Channel) -> Option<SocketAddr> {
        match (channel, &self.ice) {
            (Channel::Rtp, Some(ice)) => ice.chosen().map(|route| route.remote),
            (Channel::Rtp, None) => self.media.remote.or(self.stated),
            (Channel::Rtcp, _) => self.media.remote_rtcp,
        }
    }

    /// A handshake has made keys for one of its ports, or for the one that both share (RFC 5764 §4.1).
    pub fn key(&mut self, now_micros: u64, channel: Channel, keys: &SrtpKeys) {
        self.cover.key(now_micros, channel, keys);
        if self.ice.is_some() {
            self.cover.key(now_micros, Channel::Rtcp, keys);
        }
    }

    /// Takes a connectivity check; `None`: the leg has no ICE.
    pub fn check(
        &mut self,
        now_micros: u64,
        route: ice::Route,
        check: &ice::Check<'_>,
    ) -> Option<ice::Checked> {
        self.ice.as_mut().map(|ice| ice.take(now_micros, route, check))
    }

    /// What ICE knows of its far end.
    pub fn ice(&self) -> Option<&ice::Agent> {
        self.ice.as_deref()
    }

    /// The next way to its far end that is closed, until there is none.
    pub fn forget_silent(&mut self, now_micros: u64) -> Option<ice::Route> {
        self.ice.as_mut()?.forget_silent(now_micros)
    }

    /// Ways to its far end are no more.
    pub fn forget_routes(&mut self, is_gone: impl Fn(ice::Route) -> bool) {
        if let Some(ice) = &mut self.ice {
            ice.forget(is_gone);
        }
    }

    /// Whether a port has its keys, or needs none.
    pub fn is_keyed(&self, channel: Channel) -> bool {
        self.cover.is_ready(channel)
    }

    /// How far its handshakes are, for the report.
    pub fn set_handshake(&mut self, stage: dtls::Stage) {
        self.counted.handshake = Some(stage);
    }

    fn accept_rtp(&mut self, now: u64, source: SocketAddr, packet: &mut [u8]) -> Result<usize, DropReason> {
        let exact = self.media.remote == Some(source);
        if !self.may_speak(now, source) {
            return Err(DropReason::Foreign);
        }
        if classify(packet) != Class::Rtp {
            return Err(DropReason::Malformed);
        }
        let (header, _) = Header::read_sealed(packet).map_err(|_| DropReason::Malformed)?;
        self.check_ssrc(now, source, &header)?;
        let bytes = packet.len();
        let len = self.cover.open(now, Channel::Rtp, packet)?;
        // The padding is part of what was covered.
        let plain = packet.get(..len).unwrap_or_default();
        Header::read(plain).map_err(|_| DropReason::Malformed)?;
        self.prove(now, source, exact, &header)?;
        self.reception.count(now, header.sequence, header.timestamp);
        self.counted.packets_received = self.counted.packets_received.saturating_add(1);
        self.counted.bytes_received = self.counted.bytes_received.saturating_add(bytes as u64);
        self.watch.take(&header, self.counted.packets_received, plain, self.media.voice.as_ref());
        // The first packet of an event is marked (RFC 4733 §2.5.1.1), and little else is.
        if header.marker {
            self.has_pressed |= watch::is_event(header.payload_type, self.media.voice.as_ref());
        }
        Ok(len)
    }

    /// Whether the pinned source may speak with this SSRC now.
    fn check_ssrc(&self, now: u64, source: SocketAddr, header: &Header) -> Result<(), DropReason> {
        match &self.latch {
            Latch::Pinned(pin) if pin.source == source && pin.ssrc != header.ssrc => {
                let silent = now.saturating_sub(pin.heard_micros) >= SSRC_SILENCE_MICROS;
                if silent || now < self.renewal_until_micros { Ok(()) } else { Err(DropReason::Ssrc) }
            }
            _ => Ok(()),
        }
    }

    /// The packet is its source's; does that prove the source? Moves the latch on.
    fn prove(
        &mut self,
        now: u64,
        source: SocketAddr,
        exact: bool,
        header: &Header,
    ) -> Result<(), DropReason> {
        // Whoever has the key needs no other proof than to come from where he may.
        let has_key = self.cover.is_srtp();
        match &mut self.latch {
            Latch::Pinned(pin) if pin.source == source => {
                if pin.ssrc != header.ssrc {
                    pin.ssrc = header.ssrc;
                    self.renewal_until_micros = 0;
                    self.reception.restart();
                }
                pin.heard_micros = now;
                return Ok(());
            }
            Latch::Open(probes) => {
                if !exact && !has_key && !probes.proven(now, source, header) {
                    return Err(DropReason::Probation);
                }
            }
            Latch::Pinned(_) => {}
        }
        let proof = if exact { Proof::Sdp } else { Proof::Signalling };
        self.relearn();
        self.latch =
            Latch::Pinned(Pin { source, ssrc: header.ssrc, proof, since_micros: now, heard_micros: now });
        Ok(())
    }

    fn accept_rtcp(&mut self, now: u64, source: SocketAddr, packet: &mut [u8]) -> Result<usize, DropReason> {
        let exact = self.media.remote_rtcp == Some(source);
        let pinned_ip = match &self.latch {
            Latch::Pinned(pin) => pin.source.ip() == source.ip(),
            Latch::Open(_) => false,
        };
        let known = self.rtcp_source.is_none_or(|s| s == source);
        let proven = match &self.ice {
            Some(ice) => ice.is_proven(source),
            None => exact || (pinned_ip && known),
        };
        if !proven {
            return Err(DropReason::Foreign);
        }
        let len = self.cover.open(now, Channel::Rtcp, packet)?;
        let plain = packet.get(..len).unwrap_or_default();
        let summary = rtcp::read_about(plain, self.reports.ssrc()).map_err(|_| DropReason::Malformed)?;
        self.reports.hear(now, &summary);
        self.rtcp_source = Some(source);
        self.counted.rtcp_received = self.counted.rtcp_received.saturating_add(1);
        Ok(len)
    }

    /// Puts the plain packet `room[..len]` under this leg's key, in place: its length then, for which there should be
    /// [`crate::srtp::OVERHEAD_BYTES_MAX`] of room.
    pub fn seal(
        &mut self,
        now_micros: u64,
        channel: Channel,
        room: &mut [u8],
        len: usize,
    ) -> Result<usize, DropReason> {
        // Sealing leaves nothing plain behind.
        let is_kept = self.keep_sent(now_micros, channel, room.get(..len).unwrap_or_default());
        let sealed = self.cover.seal(channel, room, len);
        if sealed.is_err() {
            self.note_unsealed();
            if let Some(capture) = self.capture.as_deref_mut().filter(|_| is_kept) {
                capture.take_back();
            }
        }
        sealed.map_err(|error| match error {
            SealError::Behind => DropReason::Behind,
            SealError::Malformed | SealError::TooLong | SealError::Repeated | SealError::Exhausted => {
                DropReason::Unsealed
            }
        })
    }

    /// For a capture, if there is one: true if it has kept the packet.
    fn keep_sent(&mut self, at_micros: u64, channel: Channel, bytes: &[u8]) -> bool {
        if self.capture.is_none() {
            return false;
        }
        let remote = self.destination(channel);
        self.capture.as_deref_mut().zip(remote).is_some_and(|(capture, remote)| {
            capture.keep(Captured { at_micros, channel, course: Course::Sent, remote, bytes })
        })
    }

    /// Puts packets of our own making under this leg's key. Returns how many could not be, which are left out.
    pub fn seal_made(&mut self, now_micros: u64, made: &mut Made) -> usize {
        let remote = self.destination(Channel::Rtp).filter(|_| self.capture.is_some());
        let mut captured = self.capture.as_deref_mut().zip(remote);
        made.seal(|room, len| {
            let bytes = room.get(..len).unwrap_or_default();
            self.reports.speak(now_micros, bytes, true);
            if let Some((capture, remote)) = &mut captured {
                let (channel, course, remote) = (Channel::Rtp, Course::Sent, *remote);
                capture.keep(Captured { at_micros: now_micros, channel, course, remote, bytes });
            }
            self.cover.seal(Channel::Rtp, room, len)
        })
    }

    /// From now on copies go to `capture`, or nowhere; what has been kept until now is returned.
    pub fn set_capture(&mut self, capture: Option<Box<Capture>>) -> Option<Box<Capture>> {
        std::mem::replace(&mut self.capture, capture)
    }

    /// Where this leg is sent to now, if anywhere: the pinned source, else the SDP's address. A leg on hold gets no
    /// RTP but still RTCP (RFC 3264 §8.4).
    pub fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        match channel {
            _ if !self.cover.is_ready(channel) => None,
            Channel::Rtp if !self.media.receives => None,
            _ if self.ice.is_some() => self.ice().and_then(ice::Agent::chosen).map(|route| route.remote),
            Channel::Rtp => match &self.latch {
                Latch::Pinned(pin) => Some(pin.source),
                Latch::Open(_) => self.media.remote,
            },
            Channel::Rtcp => self.rtcp_source.or(self.media.remote_rtcp),
        }
    }

    /// Counts RTP packets that the kernel took for this leg.
    pub fn sent(&mut self, packets: u64, bytes: u64) {
        self.counted.packets_sent = self.counted.packets_sent.saturating_add(packets);
        self.counted.bytes_sent = self.counted.bytes_sent.saturating_add(bytes);
    }

    /// Packets have come and gone that this state has not seen, because it is older than its process's end: they
    /// are neither received nor lost.
    pub fn skip_unseen(&mut self) {
        self.reception.restart();
        self.cover.skip_unseen();
        self.watch.skip_unseen(&self.reception);
        self.reports.skip_unseen();
    }

    /// It has told a key by an event.
    pub fn has_pressed(&self) -> bool {
        self.has_pressed
    }

    /// What its speech is written in, if that can be decoded.
    pub fn voice(&self) -> Option<&Voice> {
        self.media.voice.as_ref()
    }

    /// Whether a source is pinned, and which.
    pub fn pinned(&self) -> Option<SocketAddr> {
        match &self.latch {
            Latch::Pinned(pin) => Some(pin.source),
            Latch::Open(_) => None,
        }
    }

    /// What the leg was like so far.
    pub fn report(&self) -> LegReport {
        LegReport {
            packets_lost: self.reception.lost(),
            jitter_micros: self.reception.jitter_micros(),
            ..self.counted
        }
    }
}

/// Takes away addresses that a far end has no business to name: a loopback or link-local address is believed only
/// from signalling that comes from one, lest a description make us send to our own host.
fn reachable(media: LegMedia) -> LegMedia {
    let believed = |address: &SocketAddr| {
        let ip = address.ip();
        address.port() != 0
            && !ip.is_unspecified()
            && !ip.is_multicast()
            && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
            && (!is_local(ip) || is_local(media.signalling))
    };
    LegMedia {
        remote: media.remote.filter(believed),
        remote_rtcp: media.remote_rtcp.filter(believed),
        clock_rate_hz: media.clock_rate_hz.max(1),
        ..media
    }
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod srtp_tests;
#[cfg(test)]
mod tests;
