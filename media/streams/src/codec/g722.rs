//! ITU-T G.722 (09/2012) at 64 kbit/s (mode 1): 16 kHz sound, two bands of ADPCM, one octet for two samples.
//!
//! The blocks carry the Recommendation's names, so that a page can be laid beside its clause 6. All arithmetic is on
//! integers as there, which makes the result the same to the bit everywhere. Modes 2 and 3 are not used over RTP
//! (RFC 3551 §4.5.2).

use crate::audio::sample::saturate;

/// Table 12: the transmit and receive quadrature mirror filter, every second coefficient. It is symmetrical.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Table 15 (Q6): decision levels of the 6-bit quantizer, beginning with the second interval.
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Codes of the thirty intervals, for a negative and for a positive difference.
const ILN: [i32; 30] = [
    63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7,
    6, 5, 4,
];
const ILP: [i32; 30] = [
    61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36,
    35, 34, 33, 32,
];
/// Tables 17 and 18: outputs of the inverse quantizers with 6, 4 and 2 bits.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// Logarithmic multipliers by 4-bit and 2-bit code (W(RL42(i)), W(RH2(i))), and the log-to-linear table.
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
const WH: [i32; 4] = [798, -214, 798, -214];
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
/// The decision level of the upper band's quantizer.
const Q2: i32 = 564;

/// Every index below is masked to its table's size.
fn at<const N: usize>(table: &[i32; N], index: i32) -> i32 {
    usize::try_from(index).ok().and_then(|i| table.get(i)).copied().unwrap_or(0)
}

fn saturated(value: i32) -> i32 {
    i32::from(saturate(value))
}

/// What tells the bands apart: clauses 6.2.1 and 6.2.2.
struct Shape {
    /// The scale factor's upper limit, and where its exponent is zero.
    log_max: i32,
    exponent: i32,
}

const LOWER: Shape = Shape { log_max: 18_432, exponent: 8 };
const UPPER: Shape = Shape { log_max: 22_528, exponent: 10 };

/// The adaptive predictor and scale factor of one band. The two sides of a call keep them equal.
#[derive(Clone, Debug)]
struct Band {
    /// S: the predicted signal; SZ: the part of it from the zeros.
    predicted: i32,
    zeros: i32,
    /// R1, R2 and P1, P2: reconstructed and partially reconstructed signal, the newest first.
    reconstructed: [i32; 2],
    partial: [i32; 2],
    /// A1, A2: the poles' coefficients.
    poles: [i32; 2],
    /// B1 … B6 and the differences they weigh.
    coefficients: [i32; 6],
    differences: [i32; 6],
    /// NB and DET: the scale factor, logarithmic and linear.
    log_scale: i32,
    scale: i32,
}

impl Band {
    fn new(scale: i32) -> Self {
        Self {
            predicted: 0,
            zeros: 0,
            reconstructed: [0; 2],
            partial: [0; 2],
            poles: [0; 2],
            coefficients: [0; 6],
            differences: [0; 6],
            log_scale: 0,
            scale,
        }
    }

    /// INVQxL: the difference that a code stands for.
    fn difference(&self, level: i32) -> i32 {
        (self.scale * level) >> 15
    }

    /// LOGSCL/LOGSCH and SCALEL/SCALEH: the next scale factor.
    fn rescale(&mut self, multiplier: i32, shape: &Shape) {
        self.log_scale = (((self.log_scale * 127) >> 7) + multiplier).clamp(0, shape.log_max);
        let mantissa = at(&ILB, (self.log_scale >> 6) & 31);
        let shift = shape.exponent - (self.log_scale >> 11);
        self.scale = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }

    /// Block 4: reconstructs, adapts the predictor, predicts the next sample.
    fn adapt(&mut self, difference: i32) {
        let reconstructed = saturated(self.predicted + difference);
        let partial = saturated(self.zeros + difference);
        let [older, oldest] = self.partial;
        let (same, same_older) = ((partial < 0) == (older < 0), (partial < 0) == (oldest < 0));
        let [a1, a2] = self.poles;
        // UPPOL2, UPPOL1
        let slope = saturated(a1 << 2);
        let turn = if same { (-slope).min(32_767) } else { slope };
        let second = ((if same_older { 128 } else { -128 }) + (turn >> 7) + ((a2 * 32_512) >> 15))
            .clamp(-12_288, 12_288);
        let stable = saturated(15_360 - second);
        let first = saturated((if same { 192 } else { -192 }) + ((a1 * 32_640) >> 15)).clamp(-stable, stable);
        // UPZERO
        let step = if difference == 0 { 0 } else { 128 };
        for (coefficient, old) in self.coefficients.iter_mut().zip(&self.differences) {
            let towards = if (*old < 0) == (difference < 0) { step } else { -step };
            *coefficient = saturated(towards + ((*coefficient * 32_640) >> 15));
        }
        // DELAYA
        self.differences.copy_within(..5, 1);
        if let Some(newest) = self.differences.first_mut() {
            *newest = difference;
        }
        let [r1, _] = self.reconstructed;
        self.reconstructed = [reconstructed, r1];
        self.partial = [partial, older];
        self.poles = [first, second];
        // FILTEP, FILTEZ, PREDIC
        let pole = saturated(
            ((first * saturated(reconstructed << 1)) >> 15) + ((second * saturated(r1 << 1)) >> 15),
        );
        // From the oldest on: where the sum is cut, the order counts.
        self.zeros = self
            .coefficients
            .iter()
            .zip(&self.differences)
            .rev()
            .fold(0, |sum, (b, d)| saturated(sum + ((b * saturated(d << 1)) >> 15)));
        self.predicted = saturated(pole + self.zeros);
    }
}

/// The last 24 samples of a filter, the newest last.
#[derive(Clone, Debug)]
struct Line([i32; 24]);

impl Line {
    /// Takes two samples in and returns the sums over the even and over the odd places (clause 6.1, 6.3).
    fn filter(&mut self, first: i32, second: i32) -> (i32, i32) {
        self.0.copy_within(2.., 0);
        if let Some(newest) = self.0.last_chunk_mut::<2>() {
            *newest = [first, second];
        }
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs
            .iter()
            .zip(QMF.iter().zip(QMF.iter().rev()))
            .fold((0, 0), |(a, b), ([even, odd], (up, down))| (a + even * up, b + odd * down))
    }
}

/// Sound to octets.
#[derive(Clone, Debug)]
pub struct Encoder {
    lower: Band,
    upper: Band,
    line: Line,
}

/// Octets to sound.
#[derive(Clone, Debug)]
pub struct Decoder {
    lower: Band,
    upper: Band,
    line: Line,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { lower: Band::new(32), upper: Band::new(8), line: Line([0; 24]) }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self { lower: Band::new(32), upper: Band::new(8), line: Line([0; 24]) }
    }
}

impl Encoder {
    /// One octet for each pair of samples, as many as there is room for. Returns how many octets.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let (pairs, _) = samples.as_chunks::<2>();
        for (octet, [first, second]) in octets.iter_mut().zip(pairs) {
            let (odd, even) = self.line.filter(i32::from(*first), i32::from(*second));
            let low = self.encode_lower((even + odd) >> 14);
            let high = self.encode_upper((even - odd) >> 14);
            let [code, ..] = ((high << 6) | low).to_le_bytes();
            *octet = code;
        }
        pairs.len().min(octets.len())
    }

    fn encode_lower(&mut self, sample: i32) -> i32 {
        let band = &mut self.lower;
        let error = saturated(sample - band.predicted);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        let interval = Q6.partition_point(|level| magnitude >= (level * band.scale) >> 12);
        let codes = if error < 0 { &ILN } else { &ILP };
        let code = codes.get(interval).copied().unwrap_or(0);
        let short = code >> 2;
        let difference = band.difference(at(&QM4, short));
        band.rescale(at(&WL, short), &LOWER);
        band.adapt(difference);
        code
    }

    fn encode_upper(&mut self, sample: i32) -> i32 {
        let band = &mut self.upper;
        let error = saturated(sample - band.predicted);
        let magnitude = if error < 0 { -(error + 1) } else { error };
        let large = magnitude >= (Q2 * band.scale) >> 12;
        let code = match (error < 0, large) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        let difference = band.difference(at(&QM2, code));
        band.rescale(at(&WH, code), &UPPER);
        band.adapt(difference);
        code
    }
}

impl Decoder {
    /// Two samples for each octet, as many as there is room for. Returns how many samples.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> usize {
        let (pairs, _) = samples.as_chunks_mut::<2>();
        let octets = octets.get(..pairs.len()).unwrap_or(octets);
        for ([first, second], octet) in pairs.iter_mut().zip(octets) {
            let low = self.decode_lower(i32::from(octet & 0x3f));
            let high = self.decode_upper(i32::from(octet >> 6));
            let (a, b) = self.line.filter(low + high, low - high);
            *first = saturate(b >> 11);
            *second = saturate(a >> 11);
        }
        octets.len() * 2
    }

    fn decode_lower(&mut self, code: i32) -> i32 {
        let band = &mut self.lower;
        let sound = (band.predicted + band.difference(at(&QM6, code))).clamp(-16_384, 16_383);
        let short = code >> 2;
        let difference = band.difference(at(&QM4, short));
        band.rescale(at(&WL, short), &LOWER);
        band.adapt(difference);
        sound
    }

    fn decode_upper(&mut self, code: i32) -> i32 {
        let band = &mut self.upper;
        let difference = band.difference(at(&QM2, code));
        let sound = (band.predicted + difference).clamp(-16_384, 16_383);
        band.rescale(at(&WH, code), &UPPER);
        band.adapt(difference);
        sound
    }
}
