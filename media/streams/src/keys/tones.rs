//! Keys as tones in speech (ITU-T Q.23), found by eight Goertzel filters over blocks of 10 ms.
//!
//! The limits are those of ITU-T Q.24 for North America: 40 ms are a key and 23 ms are none, a pause of 40 ms is one and a
//! hole of 10 ms is none; the high tone may be 4 dB stronger than the low one, or 8 dB weaker; both may be 1.5 % off and not
//! 3.5 %. Speech is kept out (talk-off) by asking that nearly all of the sound is these two tones, in three blocks on end.

use std::f32::consts::TAU;

use super::Key;
use crate::audio::{Rate, sample::count};

const LOW_HZ: [u16; 4] = [697, 770, 852, 941];
const HIGH_HZ: [u16; 4] = [1_209, 1_336, 1_477, 1_633];
/// By the low tone and then the high one.
const SIGNS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
/// Long enough to tell 697 from 770 Hz, short enough for three in 40 ms wherever they begin.
const BLOCK_MS: usize = 10;
/// Blocks on end that make a key.
const BLOCKS_ON: u8 = 3;
/// Blocks on end without it that make a pause.
const BLOCKS_OFF: u8 = 3;
/// The high tone may be so much stronger than the low one: 4 dB, and one for what a short block blurs.
const TWIST_HIGH_MAX: f32 = 3.162;
/// The low tone may be so much stronger than the high one: 8 dB, and one.
const TWIST_LOW_MAX: f32 = 7.943;
/// A tone is so much stronger than its neighbours in the same group: 4 dB. In so short a block a neighbour has a tenth of it.
const OVER_NEIGHBOURS_MIN: f32 = 2.512;
/// So much of the power of a block is that of the two tones.
const SHARE_MIN: f32 = 0.8;
/// The weaker tone has at least this amplitude: -31 dBm0.
const AMPLITUDE_MIN: f32 = 640.0;

/// Listens to the sound of one leg.
#[derive(Debug)]
pub struct Tones {
    filters: [Filter; 8],
    /// Samples of a block.
    block: usize,
    /// Samples of this one so far.
    taken: usize,
    power: f32,
    /// What the latest blocks were, and how many on end.
    run: (Option<Key>, u8),
    /// The key that sounds.
    sounding: Option<Key>,
    /// Blocks since it was heard last.
    silent: u8,
}

/// One frequency (Goertzel).
#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    coefficient: f32,
    one: f32,
    two: f32,
}

impl Filter {
    fn new(hz: f32, rate: Rate) -> Self {
        let per_second = count(rate.per_ms()) * 1_000.0;
        Self { coefficient: 2.0 * (TAU * hz / per_second).cos(), ..Self::default() }
    }

    fn take(&mut self, sample: f32) {
        let new = self.coefficient.mul_add(self.one, sample - self.two);
        (self.two, self.one) = (self.one, new);
    }

    /// The square of what a sine of this frequency would come to: (amplitude × samples / 2)².
    fn end(&mut self) -> f32 {
        let Self { coefficient, one, two } = std::mem::take(self);
        self.coefficient = coefficient;
        one * one + two * two - coefficient * one * two
    }
}

/// The two frequencies of a key, the low one first.
pub fn frequencies_hz(key: Key) -> [u16; 2] {
    let places =
        (0..).zip(SIGNS).flat_map(|(row, signs)| (0..).zip(signs).map(move |(n, sign)| (row, n, sign)));
    let [row, column] = places
        .filter(|(_, _, sign)| *sign == key.sign())
        .map(|(row, column, _): (usize, usize, char)| [row, column])
        .next()
        .unwrap_or_default();
    [LOW_HZ.get(row), HIGH_HZ.get(column)].map(|hz| hz.copied().unwrap_or_default())
}

impl Tones {
    /// For sound at this rate.
    pub fn new(rate: Rate) -> Self {
        let mut filters = [Filter::default(); 8];
        for (filter, hz) in filters.iter_mut().zip(LOW_HZ.into_iter().chain(HIGH_HZ)) {
            *filter = Filter::new(f32::from(hz), rate);
        }
        Self {
            filters,
            block: rate.samples(BLOCK_MS),
            taken: 0,
            power: 0.0,
            run: (None, 0),
            sounding: None,
            silent: 0,
        }
    }

    /// The next samples, of at most 60 ms: there is no room for two keys in that.
    pub fn hear(&mut self, samples: &[i16]) -> Option<Key> {
        let mut found = None;
        for sample in samples {
            let sample = f32::from(*sample);
            self.power += sample * sample;
            self.filters.iter_mut().for_each(|filter| filter.take(sample));
            self.taken += 1;
            if self.taken == self.block {
                let key = self.end_block();
                found = found.or(self.follow(key));
            }
        }
        found
    }

    /// Whether a key sounds, or something that will be one if it goes on.
    pub fn is_sounding(&self) -> bool {
        let (latest, length) = self.run;
        self.sounding.is_some() || latest.is_some() && length >= BLOCKS_ON - 1
    }

    /// The key that was heard all through this block.
    fn end_block(&mut self) -> Option<Key> {
        self.taken = 0;
        let (power, samples) = (std::mem::take(&mut self.power), count(self.block));
        let mut squares = [0.0; 8];
        for (square, filter) in squares.iter_mut().zip(&mut self.filters) {
            *square = filter.end();
        }
        let (low, high) = squares.split_at(4);
        let (low, row) = strongest(low)?;
        let (high, column) = strongest(high)?;
        let least = (AMPLITUDE_MIN * samples / 2.0).powi(2);
        let is_loud = low.min(high) >= least;
        let is_balanced = high <= low * TWIST_HIGH_MAX && low <= high * TWIST_LOW_MAX;
        // A sine of amplitude a has the power a²/2 in each sample.
        let is_all = (low + high) * 2.0 / samples >= SHARE_MIN * power;
        let sign = SIGNS.get(row)?.get(column)?;
        Key::of_sign(*sign).filter(|_| is_loud && is_balanced && is_all)
    }

    /// What a block was: the key that begins with it, if one does.
    fn follow(&mut self, key: Option<Key>) -> Option<Key> {
        let (latest, length) = self.run;
        self.run = (key, if latest == key { length.saturating_add(1) } else { 1 });
        if key.is_some() && key == self.sounding {
            self.silent = 0;
            return None;
        }
        self.silent = self.silent.saturating_add(1);
        if self.silent >= BLOCKS_OFF {
            self.sounding = None;
        }
        let begun = key.filter(|_| self.run.1 >= BLOCKS_ON)?;
        (self.sounding, self.silent) = (Some(begun), 0);
        Some(begun)
    }
}

/// The strongest of a group, with its place, if it stands out.
fn strongest(group: &[f32]) -> Option<(f32, usize)> {
    let (at, most) = group.iter().copied().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let mut others = group.iter().enumerate().filter(|(place, _)| *place != at);
    others.all(|(_, other)| other * OVER_NEIGHBOURS_MIN <= most).then_some((most, at))
}
