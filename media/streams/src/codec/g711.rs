//! G.711 (ITU-T, 11/1988) by table: μ-law on 14 bits, A-law on 13, as the Recommendation's tables 1 and 2 number them.
//!
//! One octet is one sample at 8 kHz, so neither direction has state. Concealment and comfort noise stand elsewhere.

/// Which of the two characteristics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// μ-law: North America, Japan.
    Mu,
    /// A-law: everywhere else.
    A,
}

/// Samples by octet.
static MU_DECODED: [i16; 256] = decoded(Law::Mu);
static A_DECODED: [i16; 256] = decoded(Law::A);
/// Octets by the upper 14 bits of a sample. A-law leaves the lowest of them unread.
static MU_ENCODED: [u8; 16_384] = encoded(Law::Mu);
static A_ENCODED: [u8; 16_384] = encoded(Law::A);

const MU_BIAS: i32 = 33;
const MU_CLIP: i32 = 8_159;

impl Law {
    /// One octet for each sample, as many as there is room for. Returns how many.
    pub fn encode(self, samples: &[i16], octets: &mut [u8]) -> usize {
        let table = match self {
            Self::Mu => &MU_ENCODED,
            Self::A => &A_ENCODED,
        };
        for (octet, sample) in octets.iter_mut().zip(samples) {
            let index = usize::from(sample.cast_unsigned() >> 2);
            *octet = table.get(index).copied().unwrap_or(0);
        }
        samples.len().min(octets.len())
    }

    /// One sample for each octet, as many as there is room for. Returns how many.
    pub fn decode(self, octets: &[u8], samples: &mut [i16]) -> usize {
        let table = match self {
            Self::Mu => &MU_DECODED,
            Self::A => &A_DECODED,
        };
        for (sample, octet) in samples.iter_mut().zip(octets) {
            *sample = table.get(usize::from(*octet)).copied().unwrap_or(0);
        }
        samples.len().min(octets.len())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "checked by the compiler"
)]
const fn decoded(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet as usize] = match law {
            Law::Mu => mu_to_linear(octet),
            Law::A => a_to_linear(octet),
        } as i16;
        octet += 1;
    }
    table
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "checked by the compiler"
)]
const fn encoded(law: Law) -> [u8; 16_384] {
    let mut table = [0; 16_384];
    let mut value = -8_192;
    while value < 8_192 {
        table[(value & 0x3fff) as usize] = match law {
            Law::Mu => linear_to_mu(value),
            Law::A => linear_to_a(value >> 1),
        } as u8;
        value += 1;
    }
    table
}

/// Table 2 of G.711: eight segments of sixteen steps, the character signal inverted.
const fn linear_to_mu(value: i32) -> i32 {
    let (magnitude, mask) = if value < 0 { (-value, 0x7f) } else { (value, 0xff) };
    let biased = if magnitude > MU_CLIP { MU_CLIP } else { magnitude } + MU_BIAS;
    let segment = 26 - biased.leading_zeros().cast_signed();
    if segment > 7 { 0x7f ^ mask } else { ((segment << 4) | ((biased >> (segment + 1)) & 0x0f)) ^ mask }
}

const fn mu_to_linear(octet: i32) -> i32 {
    let inverted = !octet & 0xff;
    let magnitude = ((((inverted & 0x0f) << 1) + MU_BIAS) << ((inverted >> 4) & 7)) - MU_BIAS;
    4 * if inverted & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Table 1 of G.711: two linear segments and six more, the even bits inverted.
const fn linear_to_a(value: i32) -> i32 {
    let (magnitude, mask) = if value < 0 { (-value - 1, 0x55) } else { (value, 0xd5) };
    let width = 32 - magnitude.leading_zeros().cast_signed();
    let segment = if width > 5 { width - 5 } else { 0 };
    let step = if segment == 0 { magnitude >> 1 } else { magnitude >> segment };
    ((segment << 4) | (step & 0x0f)) ^ mask
}

const fn a_to_linear(octet: i32) -> i32 {
    let plain = octet ^ 0x55;
    let segment = (plain >> 4) & 7;
    let step = (plain & 0x0f) << 1;
    let magnitude = if segment == 0 { step + 1 } else { (step + 33) << (segment - 1) };
    8 * if plain & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_survives_the_way_there_and_back() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=255_u8 {
                let (mut sample, mut back) = ([0; 1], [0; 1]);
                law.decode(&[octet], &mut sample);
                law.encode(&sample, &mut back);
                // μ-law has two zeros; the negative one comes back as the positive.
                let expected = if law == Law::Mu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(back[0], expected, "{law:?} {octet:#04x} is {}", sample[0]);
            }
        }
    }

    #[test]
    fn no_more_is_written_than_fits() {
        let mut octets = [0xaa; 3];
        assert_eq!(Law::A.encode(&[0; 5], &mut octets[..2]), 2);
        assert_eq!(octets, [0xd5, 0xd5, 0xaa]);
        assert_eq!(Law::A.decode(&octets, &mut [0; 9]), 3);
    }
}
