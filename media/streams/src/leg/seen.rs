//! A leg as somebody sees it who asks how it is: figures, scores, and what is wrong with it, if anything.
//!
//! Reads and decides nothing; the reports of RTCP begin and end here.

use serde::{Deserialize, Serialize};

use super::{
    Channel, DropReason, LegState,
    pin::Latch,
    reports::{FarEnd, ReportTime},
};
use crate::{
    diagnosis::{Diagnosis, Facts, Obstacle, Other, diagnose},
    ice,
    media::LegReport,
    quality::Mos,
    rtcp::COMPOUND_BYTES_MAX,
    srtp::OVERHEAD_BYTES_MAX,
};

/// Room that [`LegState::write_report`] needs.
pub const REPORT_BYTES_MAX: usize = COMPOUND_BYTES_MAX + OVERHEAD_BYTES_MAX;

/// What the media of a leg is worth, and what is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Round trip between us and the far end, in microseconds (RFC 3550 §6.4.1), once its reports tell it.
    pub rtt_micros: Option<u32>,
    /// What was received, as a mean of all periods of some seconds; `None` for formats without a score.
    pub mos: Option<Mos>,
    /// The worst of them.
    pub mos_lowest: Option<Mos>,
    /// The last of them.
    pub mos_latest: Option<Mos>,
    /// Lost in that last period, in percent.
    pub loss_percent: u8,
    /// What the far end says of what it is sent.
    pub far: Option<FarEnd>,
    /// Where its packets come from.
    pub source: Option<std::net::SocketAddr>,
    /// Why it is silent, or that it is not.
    pub diagnosis: Option<Diagnosis>,
}

impl LegState {
    /// The leg `other` is what this one hears; `is_fed`: it hears something that we make.
    pub fn seen(&self, now_micros: u64, other: Option<Other>, is_fed: bool) -> LegReport {
        let (mos, mos_lowest) = self.watch.scores();
        let (loss_percent, mos_latest) = self.watch.latest();
        let judgement = Judgement {
            rtt_micros: self.reports.rtt_micros(),
            mos,
            mos_lowest,
            mos_latest,
            loss_percent,
            far: self.reports.far(self.media.clock_rate_hz),
            source: self.pinned(),
            diagnosis: Some(diagnose(&self.facts(now_micros, other, is_fed))),
        };
        LegReport { judgement, ..self.report() }
    }

    /// As [`LegState::seen`], for a leg that is about to be closed: a period that has just begun counts too, and so does
    /// the leg that it was connected to until a moment ago.
    pub fn last_seen(&mut self, now_micros: u64, other: Option<Other>, is_fed: bool) -> LegReport {
        if self.watch.has_rest(&self.reception) {
            self.measure();
        }
        self.seen(now_micros, other.or(self.watch.former), is_fed)
    }

    /// What a leg that is connected to this one has to know of it.
    pub fn as_other(&self) -> Other {
        Other { receives: self.media.receives, loss_percent: self.watch.latest().0 }
    }

    /// It is no longer connected to the leg `other`.
    pub fn part_from(&mut self, other: Other) {
        self.watch.former = Some(other);
    }

    fn facts(&self, now: u64, other: Option<Other>, is_fed: bool) -> Facts {
        let heard = match &self.latch {
            Latch::Pinned(pin) => Some(pin.heard_micros),
            Latch::Open(_) => None,
        };
        let (loss_percent, mos) = self.watch.latest();
        let behind = other.map_or(0, |other| other.loss_percent);
        Facts {
            sends: self.media.sends,
            receives: self.media.receives,
            stated: self.media.remote,
            unusable: self.unusable,
            signalling: self.media.signalling,
            source: self.pinned(),
            destination: self.destination(Channel::Rtp),
            ice: self.ice().map(ice::Agent::stage),
            has_keys: self.cover.is_ready(Channel::Rtp),
            handshake: self.counted.handshake,
            received: self.counted.packets_received,
            sent: self.counted.packets_sent,
            silent_micros: heard.map(|heard| now.saturating_sub(heard)),
            refused: self.watch.refused(self.counted.packets_received),
            too_long: self.watch.too_long(self.counted.packets_received),
            other_format: self.watch.other_format(self.media.voice.as_ref()),
            silent_looks: self.watch.silent_looks,
            obstacle: self.watch.obstacle(now),
            is_loop: self.watch.is_looped(now),
            unsealed: self.watch.unsealed(self.counted.packets_sent),
            // Its reports go from end to end: what was lost before it came to us is the other leg's affair.
            far_loss_percent: self.reports.far_loss_percent(now).map(|far| far.saturating_sub(behind)),
            far_hears_nothing: self.reports.far_hears_nothing(),
            loss_percent,
            mos,
            is_fed,
            other,
        }
    }

    /// Ends a period of some seconds: its loss in percent, and its score.
    pub fn measure(&mut self) -> (u8, Option<Mos>) {
        self.watch.measure(&self.reception, self.reports.rtt_micros(), self.media.voice.as_ref());
        self.watch.latest()
    }

    /// A datagram for it was too long to be read.
    pub fn missed(&mut self) {
        self.watch.miss(self.counted.packets_received);
    }

    /// What was to be sent to its far end was refused, here or on the way.
    pub fn unsent(&mut self, now_micros: u64, obstacle: Obstacle) {
        self.watch.fail(now_micros, obstacle);
    }

    /// What it sends would come back to us for ever.
    pub fn looped(&mut self, now_micros: u64) {
        self.watch.looped_micros = Some(now_micros);
    }

    /// The far end is sent this RTP packet, still plain. `is_ours`: by us, in nobody's name.
    pub fn speak(&mut self, now_micros: u64, packet: &[u8], is_ours: bool) {
        self.reports.speak(now_micros, packet, is_ours);
    }

    /// An RTCP packet that the leg `from` has just taken goes to this one's far end.
    pub(crate) fn pass_report(&mut self, now_micros: u64, from: &Self) {
        self.reports.pass(now_micros, &from.reports);
    }

    /// Writes the report that is due to the far end and puts it under the leg's key: its length. `random` is the leg's
    /// own. `None`: others report to it, or there is nothing to report, or nowhere to send it.
    pub fn write_report(&mut self, now: ReportTime, random: u64, room: &mut [u8]) -> Option<usize> {
        self.destination(Channel::Rtcp)?;
        if self.counted.packets_received == 0 && self.counted.packets_sent == 0 {
            return None;
        }
        let received = match &self.latch {
            Latch::Pinned(pin) => self.reception.present().map(|present| (pin.ssrc, present)),
            Latch::Open(_) => None,
        };
        let rate = self.media.clock_rate_hz;
        let len = self.reports.write(now, random, rate, received, room)?;
        self.seal(now.micros, Channel::Rtcp, room, len).ok()
    }

    /// Writes the goodbye of a leg that has reported in its own name, under its key: its length.
    pub fn write_goodbye(&mut self, now_micros: u64, room: &mut [u8]) -> Option<usize> {
        self.destination(Channel::Rtcp)?;
        let len = self.reports.write_goodbye(room)?;
        self.seal(now_micros, Channel::Rtcp, room, len).ok()
    }
}

impl LegState {
    /// Remembers that something could not be sealed for it.
    pub(super) fn note_unsealed(&mut self) {
        self.watch.expose(self.counted.packets_sent);
    }

    /// Remembers what was refused.
    pub(super) fn note_refused(
        &mut self,
        channel: Channel,
        reason: DropReason,
        source: std::net::SocketAddr,
    ) {
        // RTCP says nothing about sound.
        if channel == Channel::Rtp {
            self.watch.refuse(self.counted.packets_received, reason, source);
        }
    }
}
