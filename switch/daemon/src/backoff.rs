//! Pauses between tries: doubling up to a cap, with jitter so that many waiters do not come back in step.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);

/// Counts failures and says how long to wait.
#[derive(Debug)]
pub struct Backoff {
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// No pause is longer than `cap`.
    pub fn new(cap: Duration) -> Self {
        Self { cap, failures: 0 }
    }

    /// It worked: the next pause is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: half to all of the doubled pause, at random.
    pub fn pause(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(16)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let mut random = [0; 1];
        // Without randomness the pause is merely less spread.
        let _ = getrandom::fill(&mut random);
        longest / 2 + (longest / 2).mul_f64(f64::from(u8::from_le_bytes(random)) / 255.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_start_again_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(15));
        let mut longest = FIRST;
        for _ in 0..40 {
            let pause = backoff.pause();
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
            longest = (longest * 2).min(Duration::from_secs(15));
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
