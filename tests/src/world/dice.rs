//! Chance, all of it from one seed.
//!
//! Every actor gets its own stream (`Dice::for_actor`), so that one more throw by one phone does not change
//! what the network does to another: failures stay near when a scenario is made smaller.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of chance that replays exactly.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `actor` in the world of `seed`.
    pub fn for_actor(seed: u64, actor: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(actor);
        Self(rng)
    }

    /// 32 bytes, for the switch's own generator.
    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        key
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.next_u64() % end }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `permille` of a thousand throws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// A span from `low` to `high` milliseconds, to the microsecond.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 1000, high * 1000))
    }

    /// One of the given.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let last = u64::try_from(of.len()).unwrap_or(u64::MAX).saturating_sub(1);
        of[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    /// Lower-case hex digits, two for each byte asked for.
    pub fn token(&mut self, bytes: usize) -> String {
        let mut raw = vec![0; bytes];
        self.0.fill_bytes(&mut raw);
        super::phone::digest::hex(&raw)
    }
}
