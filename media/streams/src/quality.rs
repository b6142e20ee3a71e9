//! What speech is worth after its journey: the E-model (ITU-T G.107) for one leg, as a MOS.
//!
//! R = 93.2 − Idd − Ie,eff: G.107 with all its defaults but delay, codec and loss, which are what a switch can see. Echo is
//! left out (Idte, Idle): phones cancel it, and nobody here could measure it. G.722 and Opus stand on the narrowband
//! scale too, as undamaged speech does (Ie 0): on G.107.1's own scale the two halves of a transcoded call could not be
//! compared. So 4.41 is the best there is, for every format.

use serde::{Deserialize, Serialize};

use crate::codec::Codec;

/// R with nothing impaired: R0 − Is at the defaults of G.107.
const R_BEST: f32 = 93.2;
/// A packet's own time, and that of the ear's buffer before jitter is counted.
const PACKET_MILLIS: f32 = 20.0;
/// Loss for which nothing is said any more: all the model's figures end far below it.
const LOSS_PERCENT_MAX: f32 = 100.0;

/// A mean opinion score, in hundredths: 100 (bad) to 450.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mos(u16);

impl Mos {
    /// G.107 Annex B.
    pub fn of_rating(r: f32) -> Self {
        let score = match r {
            r if r <= 0.0 => 1.0,
            r if r >= 100.0 => 4.5,
            r => 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6,
        };
        // Below R = 6.5 the polynomial is less than 1, which no listener can say.
        let hundredths = (score * 100.0).round().clamp(100.0, 450.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "100 to 450")]
        Self(hundredths as u16)
    }

    /// 100 to 450.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// The mean of `count` scores whose hundredths add up to `sum`; none without any.
    pub(crate) fn mean(sum: u64, count: u64) -> Option<Self> {
        let mean = (sum + count / 2).checked_div(count)?;
        u16::try_from(mean).ok().map(Self)
    }
}

/// What carries the speech, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One that the two ends have agreed on.
    Codec(Codec),
    /// An RTP payload type of which nobody has said what it is.
    PayloadType(u8),
}

/// How a format bears the loss of packets (G.113 Appendix I): `Ie` and `Bpl`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Robustness {
    equipment: f32,
    loss: f32,
}

impl Robustness {
    const fn new(equipment: f32, loss: f32) -> Self {
        Self { equipment, loss }
    }

    /// Of a format that we know. Opus, and G.722 with the concealment that every phone has by now, are in no table of
    /// G.113 for this scale; they are taken for G.711 with concealment.
    pub fn of(format: Format) -> Option<Self> {
        match format {
            Format::Codec(Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Opus) => {
                Some(Self::new(0.0, 25.1))
            }
            // Nothing makes up for what is missing.
            Format::Codec(Codec::L16(_)) => Some(Self::new(0.0, 4.3)),
            // RFC 3551 table 4; G.729A with VAD, G.723.1 at 6.3 kbit/s.
            Format::PayloadType(18) => Some(Self::new(11.0, 19.0)),
            Format::PayloadType(4) => Some(Self::new(15.0, 16.1)),
            Format::PayloadType(_) => None,
        }
    }
}

/// What has happened to a stream during a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Packets that should have come.
    pub expected: u64,
    /// Those of them that did not.
    pub lost: u64,
    /// Gaps that these make: packets lost in a row are one.
    pub gaps: u64,
    /// Interarrival jitter, in microseconds.
    pub jitter_micros: u32,
    /// Round trip to the far end, in microseconds, if it is known.
    pub rtt_micros: Option<u32>,
}

impl Passage {
    /// What it was worth; `None` when nothing was to come.
    pub fn mos(&self, robustness: Robustness) -> Option<Mos> {
        (self.expected > 0).then(|| Mos::of_rating(self.rating(robustness)))
    }

    /// Lost packets in percent, rounded.
    pub fn loss_percent(&self) -> u8 {
        let percent =
            self.lost.saturating_mul(100).saturating_add(self.expected / 2).checked_div(self.expected);
        percent.map_or(0, |percent| u8::try_from(percent.min(100)).unwrap_or(100))
    }

    fn loss(&self) -> f32 {
        (ratio(self.lost, self.expected) * 100.0).min(LOSS_PERCENT_MAX)
    }

    fn rating(&self, robustness: Robustness) -> f32 {
        R_BEST - delay_impairment(self.delay_millis()) - self.equipment_impairment(robustness)
    }

    /// G.107 (7-29): Ie,eff.
    fn equipment_impairment(&self, Robustness { equipment, loss }: Robustness) -> f32 {
        let percent = self.loss();
        equipment + (95.0 - equipment) * percent / (percent / self.burst_ratio() + loss)
    }

    /// G.107 §3.5: how much longer the gaps are than those of random loss, which are 1 / (1 − Ppl) long.
    fn burst_ratio(&self) -> f32 {
        (ratio(self.lost, self.gaps) * (1.0 - self.loss() / 100.0)).max(1.0)
    }

    /// From the mouth to this ear: half the way there and back, a packet, and a buffer of twice the jitter.
    fn delay_millis(&self) -> f32 {
        let millis = |micros: u32| ratio(u64::from(micros), 1_000);
        millis(self.rtt_micros.unwrap_or(0)) / 2.0 + PACKET_MILLIS + 2.0 * millis(self.jitter_micros)
    }
}

/// G.107 (7-28): Idd.
fn delay_impairment(millis: f32) -> f32 {
    if millis <= 100.0 {
        return 0.0;
    }
    let x = (millis / 100.0).log2();
    let sixth = |base: f32| (1.0 + base.powi(6)).powf(1.0 / 6.0);
    25.0 * (sixth(x) - 3.0 * sixth(x / 3.0) + 2.0)
}

/// 0 of nothing.
fn ratio(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const G711: Format = Format::Codec(Codec::Pcma);
    const G729: Format = Format::PayloadType(18);

    /// G.107 Annex B, table B.1, which rounds up in one place (R = 80 is 4.024).
    #[test]
    fn scores_are_those_of_table_b_1() {
        for (r, mos) in
            [(90.0, 434), (80.0, 403), (70.0, 360), (60.0, 310), (50.0, 258), (0.0, 100), (100.0, 450)]
        {
            let ours = Mos::of_rating(r).hundredths();
            assert!(ours.abs_diff(mos) <= 1, "R = {r}: {ours} instead of {mos}");
        }
        assert_eq!(Mos::of_rating(-20.0).hundredths(), 100);
        assert_eq!(Mos::of_rating(3.0).hundredths(), 100, "the polynomial is below 1 here");
        assert_eq!(Mos::of_rating(120.0).hundredths(), 450);
    }

    fn rating(format: Format, passage: Passage) -> f32 {
        let r = passage.rating(Robustness::of(format).unwrap());
        (r * 10.0).round() / 10.0
    }

    /// Ie,eff of G.113 Appendix I by hand: 95·5/30.1 = 15.8; 11 + 84·1/20 = 15.2; 11 + 84·4/23 = 25.6.
    #[test]
    fn random_loss_costs_what_g_113_says() {
        let random = |lost| Passage { expected: 1_000, lost, gaps: lost, ..Passage::default() };
        assert_eq!(rating(G711, random(0)), 93.2);
        assert_eq!(rating(G711, random(50)), 77.4);
        assert_eq!(rating(G729, random(10)), 78.0);
        assert_eq!(rating(G729, random(40)), 67.6);
    }

    /// 5 % in gaps of four: BurstR = 4 · 0.95 = 3.8, Ie,eff = 475 / (5/3.8 + 25.1) = 18.0.
    #[test]
    fn loss_in_a_row_costs_more_than_the_same_loss_at_random() {
        let passage = Passage { expected: 1_000, lost: 48, gaps: 12, ..Passage::default() };
        let percent_5 = Passage { lost: 50, gaps: 13, ..passage };
        assert!(rating(G711, percent_5) < 77.4);
        assert_eq!(rating(G711, Passage { expected: 960, ..passage }), 75.2);
    }

    /// Idd by hand: 150 ms 0.2; 300 ms 14.8.
    #[test]
    fn delay_costs_beyond_a_tenth_of_a_second() {
        let delayed = |rtt| Passage { expected: 250, rtt_micros: Some(rtt), ..Passage::default() };
        assert_eq!(rating(G711, delayed(160_000)), 93.2);
        assert_eq!(rating(G711, delayed(260_000)), 93.0);
        assert_eq!(rating(G711, delayed(560_000)), 78.4);
        let jittery = Passage { expected: 250, jitter_micros: 140_000, ..Passage::default() };
        assert_eq!(rating(G711, jittery), 78.4, "a buffer of 280 ms is a delay too");
    }

    #[test]
    fn what_is_not_known_gets_no_score() {
        assert_eq!(Robustness::of(Format::PayloadType(34)), None, "video");
        assert_eq!(Robustness::of(Format::PayloadType(111)), None, "nobody said what it is");
        assert_eq!(Passage::default().mos(Robustness::of(G711).unwrap()), None, "nothing was to come");
        let nothing = Passage { expected: 250, lost: 250, gaps: 1, ..Passage::default() };
        assert!(nothing.mos(Robustness::of(G711).unwrap()).unwrap().hundredths() < 250);
    }

    #[test]
    fn a_mean_is_rounded() {
        assert_eq!(Mos::mean(0, 0), None);
        assert_eq!(Mos::mean(441 + 400, 2), Some(Mos(421)));
    }
}
