//! A leg's RTCP: what its far end reports, and what it is reported where the other side's reports do not reach it
//! (RFC 3550 §6).
//!
//! Reports that pass from one leg to the other stay as they are; then a leg only remembers when a sender report left for
//! its far end, which gives the round trip when the far end mentions it. Where none pass (the other side sends none, or the
//! far end hears a stream of ours) the switch reports itself: about what it hears in its own name, about what it sends under
//! the stream's SSRC. Names are random (RFC 7022) and say nothing of anybody.

use serde::{Deserialize, Serialize};

use crate::{
    reception::Present,
    rtcp::{self, Compound, Report, Summary},
};

/// The interval that reports are timed by (RFC 3550 §6.2: the recommended minimum). They come every 4.1 s on average,
/// because §6.3.1 divides what is drawn from it by e − 3/2.
pub const REPORT_EVERY_MICROS: u64 = 5_000_000;
/// The other side's reports reach the far end as long as the last one is no older: three intervals, the longest of them
/// one and a half times the mean.
pub const REPORTS_PASS_MICROS: u64 = 20_000_000;
/// Sender reports that the far end may still mention.
const REMEMBERED: usize = 2;
/// Longer round trips are a far end's mistake.
const ROUND_TRIP_MICROS_MAX: u64 = 10_000_000;
/// Octets of a name: 96 random bits in base64 (RFC 7022 §4.2).
const CNAME_BYTES: usize = 16;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Reports {
    name: Option<Name>,
    /// The far end's last sender report.
    heard: Option<Mark>,
    /// Sender reports that went to the far end, the last one first.
    sent: [Option<Mark>; REMEMBERED],
    /// When a report of the other side last went to the far end.
    passed_micros: Option<u64>,
    /// What the far end last said of the stream it is sent.
    far: Option<Far>,
    /// Reports in a row that did not mention the stream.
    without: u8,
    rtt_micros: Option<u32>,
    basis: Basis,
    stream: Option<Stream>,
    /// It had a turn to report before.
    is_begun: bool,
    /// It has reported in its own name.
    has_spoken: bool,
}

/// By what it is known where no stream of a phone's is its own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Name {
    ssrc: u32,
    cname: [u8; CNAME_BYTES],
}

/// A sender report: the middle of its NTP time, and when it passed us.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Mark {
    middle: u32,
    at_micros: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Far {
    fraction_lost: u8,
    cumulative_lost: u32,
    jitter: u32,
    at_micros: u64,
}

/// What was known at the last report (A.3).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Basis {
    base: u64,
    expected: u64,
    received: u64,
}

/// What the far end is sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Stream {
    ssrc: u32,
    timestamp: u32,
    at_micros: u64,
    /// It is ours and no phone's.
    is_ours: bool,
    packets: u64,
    octets: u64,
}

/// The instant of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTime {
    /// On the relay's time line.
    pub micros: u64,
    /// Wall clock as NTP writes it: seconds since 1900 and their 2^32nd parts.
    pub ntp: u64,
}

/// What the far end is like, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarEnd {
    /// Lost since its report before, in percent.
    pub loss_percent: u8,
    /// Lost of the stream that it is sent now; none where it counts less than none, by duplicates.
    pub packets_lost: u32,
    /// Interarrival jitter, in microseconds.
    pub jitter_micros: u32,
}

impl Reports {
    /// The far end is sent this packet, still plain; `is_ours`: by us and not by a phone.
    pub(super) fn speak(&mut self, now: u64, packet: &[u8], is_ours: bool) {
        let Some(([_, _, _, _, t0, t1, t2, t3, s0, s1, s2, s3], payload)) = packet.split_first_chunk::<12>()
        else {
            return;
        };
        let ssrc = u32::from_be_bytes([*s0, *s1, *s2, *s3]);
        let new = Stream { ssrc, timestamp: 0, at_micros: 0, is_ours, packets: 0, octets: 0 };
        if self.stream.is_none_or(|stream| stream.ssrc != ssrc) {
            self.stream = Some(new);
            self.far = None;
            self.without = 0;
        }
        let stream = self.stream.get_or_insert(new);
        (stream.timestamp, stream.at_micros) = (u32::from_be_bytes([*t0, *t1, *t2, *t3]), now);
        stream.is_ours = is_ours;
        stream.packets = stream.packets.wrapping_add(1);
        stream.octets = stream.octets.wrapping_add(payload.len() as u64);
    }

    /// The stream that reports of the far end are to be about.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.stream.map(|stream| stream.ssrc)
    }

    /// A packet of the far end's.
    pub(super) fn hear(&mut self, now: u64, summary: &Summary) {
        if let Some(middle) = summary.sender_report {
            self.heard = Some(Mark { middle, at_micros: now });
        }
        let Some(stream) = self.stream else { return };
        let Some(report) = summary.report.filter(|report| report.ssrc == stream.ssrc) else {
            self.without = self.without.saturating_add(u8::from(summary.is_report));
            return;
        };
        self.without = 0;
        self.far = Some(Far {
            fraction_lost: report.fraction_lost,
            cumulative_lost: not_negative(report.cumulative_lost),
            jitter: report.jitter,
            at_micros: now,
        });
        self.rtt_micros = self.round_trip(now, &report).or(self.rtt_micros);
    }

    /// By our own clock between the sender report that left and its mention; the far end says how long it kept it.
    fn round_trip(&self, now: u64, report: &Report) -> Option<u32> {
        let mark = self.sent.iter().flatten().find(|mark| mark.middle == report.last_sender_report)?;
        let kept = (u64::from(report.delay_since) * 1_000_000) >> 16;
        let micros = now.checked_sub(mark.at_micros)?.checked_sub(kept)?;
        u32::try_from(micros).ok().filter(|_| micros <= ROUND_TRIP_MICROS_MAX)
    }

    /// A packet of the other leg's far end went to this one's. `heard` is that leg's.
    pub(super) fn pass(&mut self, now: u64, other: &Self) {
        self.passed_micros = Some(now);
        if let Some(mark) = other.heard.filter(|mark| mark.at_micros == now) {
            self.leave(mark);
        }
    }

    fn leave(&mut self, mark: Mark) {
        self.sent.rotate_right(1);
        if let Some(first) = self.sent.first_mut() {
            *first = Some(mark);
        }
    }

    /// A reporter that makes its own packets writes the next one. `None`: it has nothing to say, or others say it.
    pub(super) fn write(
        &mut self,
        now: ReportTime,
        random: u64,
        clock_rate_hz: u32,
        received: Option<(u32, Present)>,
        room: &mut [u8],
    ) -> Option<usize> {
        let is_ours = self.stream.is_some_and(|stream| stream.is_ours);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let others_do =
            self.passed_micros.is_some_and(|at| now.micros.saturating_sub(at) < REPORTS_PASS_MICROS);
        if !is_ours && (others_do || is_first) {
            return None;
        }
        let block = received.and_then(|(ssrc, present)| self.block(now.micros, ssrc, present));
        let active = now.micros.saturating_sub(2 * REPORT_EVERY_MICROS);
        let stream = self.stream.filter(|stream| stream.at_micros >= active);
        let name = *self.name.get_or_insert_with(|| Name::of(random, received.map(|(ssrc, _)| ssrc)));
        let sent = stream.map(|stream| stream.sent(now, clock_rate_hz));
        let reporter = stream.map_or(name.ssrc, |stream| stream.ssrc);
        let compound = Compound { reporter, sent, received: block, cname: &name.cname, leaves: false };
        let len = compound.write(room)?;
        self.has_spoken |= is_ours || stream.is_none();
        if sent.is_some() {
            let middle = u32::try_from((now.ntp >> 16) & 0xffff_ffff).unwrap_or(0);
            self.leave(Mark { middle, at_micros: now.micros });
        }
        Some(len)
    }

    /// The last packet of a reporter that has made its own (§6.3.7).
    pub(super) fn write_goodbye(&self, room: &mut [u8]) -> Option<usize> {
        let name = self.name.filter(|_| self.has_spoken)?;
        let reporter = self.stream.filter(|stream| stream.is_ours).map_or(name.ssrc, |stream| stream.ssrc);
        Compound { reporter, sent: None, received: None, cname: &name.cname, leaves: true }.write(room)
    }

    /// A.3, A.8 and §6.4.1 about the stream that the far end sends; nothing if none of it has come since the last time.
    fn block(&mut self, now: u64, ssrc: u32, present: Present) -> Option<Report> {
        let Present { base, expected, received, highest, jitter } = present;
        let is_same = self.basis.base == base && self.basis.expected <= expected;
        let before = if is_same { self.basis } else { Basis::default() };
        self.basis = Basis { base, expected, received };
        let since = expected.saturating_sub(before.expected);
        let lost_since = since.saturating_sub(received.saturating_sub(before.received));
        let fraction = (lost_since << 8).checked_div(since)?;
        let lost = expected.saturating_sub(received).min(0x7f_ffff);
        let heard = self.heard.map(|mark| (mark.middle, now.saturating_sub(mark.at_micros)));
        let delay = |micros: u64| u32::try_from((micros << 16) / 1_000_000).unwrap_or(u32::MAX);
        Some(Report {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: u32::try_from(lost).unwrap_or(0),
            highest,
            jitter,
            last_sender_report: heard.map_or(0, |(middle, _)| middle),
            delay_since: heard.map_or(0, |(_, micros)| delay(micros)),
        })
    }

    pub(super) fn rtt_micros(&self) -> Option<u32> {
        self.rtt_micros
    }

    /// What the far end has said lately of what it is sent.
    pub(super) fn far(&self, clock_rate_hz: u32) -> Option<FarEnd> {
        let far = self.far?;
        let jitter = u64::from(far.jitter) * 1_000_000 / u64::from(clock_rate_hz.max(1));
        Some(FarEnd {
            loss_percent: percent(far.fraction_lost),
            packets_lost: far.cumulative_lost,
            jitter_micros: u32::try_from(jitter).unwrap_or(u32::MAX),
        })
    }

    /// Its last word on loss, if it is not too old to count.
    pub(super) fn far_loss_percent(&self, now: u64) -> Option<u8> {
        let far = self.far.filter(|far| now.saturating_sub(far.at_micros) < REPORTS_PASS_MICROS)?;
        Some(percent(far.fraction_lost))
    }

    /// It has reported twice without a word about what it is sent.
    pub(super) fn far_hears_nothing(&self) -> bool {
        self.without >= 2 && self.far.is_none()
    }

    /// Packets have come and gone that this state has not seen.
    pub(super) fn skip_unseen(&mut self) {
        self.basis = Basis::default();
        self.sent = [None; REMEMBERED];
    }
}

/// Of a signed number of 24 bits (§6.4.1): who gets packets twice may have lost less than none.
fn not_negative(lost: u32) -> u32 {
    if lost & 0x80_0000 == 0 { lost } else { 0 }
}

/// Of 256ths; all of 255 is everything.
fn percent(fraction: u8) -> u8 {
    u8::try_from((u16::from(fraction) * 100 + 127) / 255).unwrap_or(100)
}

impl Stream {
    fn sent(&self, now: ReportTime, clock_rate_hz: u32) -> rtcp::Sent {
        let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        let since =
            now.micros.saturating_sub(self.at_micros).saturating_mul(u64::from(clock_rate_hz)) / 1_000_000;
        rtcp::Sent {
            ntp: now.ntp,
            timestamp: self.timestamp.wrapping_add(low(since)),
            packets: low(self.packets),
            octets: low(self.octets),
        }
    }
}

impl Name {
    /// Of 64 random bits; never the far end's own SSRC.
    fn of(random: u64, far: Option<u32>) -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut state = random;
        let ssrc = u32::try_from(next(&mut state) >> 32).unwrap_or(1);
        let mut cname = [0; CNAME_BYTES];
        for letter in &mut cname {
            let at = usize::try_from(next(&mut state) >> 58).unwrap_or(0);
            *letter = LETTERS.get(at).copied().unwrap_or(b'A');
        }
        Self { ssrc: if far == Some(ssrc) { !ssrc } else { ssrc }, cname }
    }
}

/// SplitMix64: spreads few random bits over many.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How long to wait for the next report: the mean of five seconds, from half to one and a half of it at random, so that
/// reports of many calls do not come at once, divided by e − 3/2 (§6.3.1). `random` is any number.
pub fn report_interval_micros(mut random: u64) -> u64 {
    let spread = REPORT_EVERY_MICROS / 2 + next(&mut random) % REPORT_EVERY_MICROS;
    spread * 100_000 / 121_828
}

#[cfg(test)]
mod tests;
