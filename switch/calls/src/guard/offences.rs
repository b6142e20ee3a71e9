//! What a peer or an account has done lately that it should not have: counts that fade, and locks.
//!
//! A count is kept in thousandths, so that it can fade by the second. All counts of an entry fade with one another's
//! clock; none needs a timer.

use super::table::Worth;

/// One event, in the unit of the counts.
pub(crate) const ONE: u32 = 1_000;
/// How long it takes until somebody who was locked out and stays away is treated as new.
const MEMORY_SECS: u32 = 24 * 3_600;
/// What has not been touched for so long has faded, whatever it says. Longer than any window.
const STALE_SECS: u32 = 2 * 3_600;
/// A lock is doubled at most so many times.
const DOUBLINGS_MAX: u32 = 7;

/// How fast counts fade: thousandths a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fading {
    pub(crate) failures: u32,
    pub(crate) unproven: u32,
    pub(crate) nuisances: u32,
}

/// The record of one peer, or of one account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offences {
    /// When the counts were true.
    at_secs: u32,
    /// Wrong passwords by somebody who has heard us (thousandths).
    pub(crate) failures: u32,
    /// Challenges that nothing followed (thousandths).
    pub(crate) unproven: u32,
    /// Requests that nobody has to send here (thousandths).
    pub(crate) nuisances: u32,
    /// Until when it is locked; 0: never was.
    locked_until_secs: u32,
    locks: u32,
}

impl Offences {
    /// Lets the counts fade.
    pub(crate) fn fade(&mut self, now_secs: u32, fading: Fading) {
        let elapsed = now_secs.saturating_sub(self.at_secs);
        self.at_secs = now_secs;
        let fade = |count: &mut u32, rate: u32| *count = count.saturating_sub(rate.saturating_mul(elapsed));
        fade(&mut self.failures, fading.failures);
        fade(&mut self.unproven, fading.unproven);
        fade(&mut self.nuisances, fading.nuisances);
        if self.locks > 0 && now_secs.saturating_sub(self.locked_until_secs) > MEMORY_SECS {
            self.locks = 0;
        }
    }

    /// Whether it is locked.
    pub(crate) fn is_locked(&self, now_secs: u32) -> bool {
        self.locked_until_secs > now_secs
    }

    /// Locks it for so long, and longer every time. Gives for how long. The count begins anew.
    pub(crate) fn lock(&mut self, now_secs: u32, secs: u32) -> u32 {
        let secs = secs.saturating_mul(1 << self.locks.min(DOUBLINGS_MAX)).min(MEMORY_SECS.max(secs));
        self.locks = self.locks.saturating_add(1);
        self.failures = 0;
        self.locked_until_secs = now_secs.saturating_add(secs);
        secs
    }
}

/// A lock outweighs everything, a wrong password what needs no answer to be sent.
impl Worth for Offences {
    fn worth(&self, now_secs: u32) -> u32 {
        if self.is_locked(now_secs) {
            return u32::MAX;
        }
        if now_secs.saturating_sub(self.at_secs) > STALE_SECS {
            return 0;
        }
        worth_of_failures(self.failures)
            .saturating_add(self.unproven)
            .saturating_add(self.nuisances)
            .saturating_add(self.locks.saturating_mul(ONE))
            .min(u32::MAX - 1)
    }
}

/// What so many failures are worth, above all that can be had without one.
pub(crate) fn worth_of_failures(failures: u32) -> u32 {
    failures.saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FADING: Fading = Fading { failures: 20, unproven: 0, nuisances: 0 };

    #[test]
    fn counts_fade() {
        let mut offences = Offences::default();
        offences.fade(100, FADING);
        offences.failures += 2 * ONE;
        offences.fade(150, FADING);
        assert_eq!(offences.failures, ONE);
        offences.fade(1_000, FADING);
        assert_eq!(offences.failures, 0);
    }

    #[test]
    fn a_lock_is_longer_every_time_until_a_day_has_passed_without() {
        let mut offences = Offences::default();
        assert_eq!(
            [offences.lock(0, 600), offences.lock(700, 600), offences.lock(2_000, 600)],
            [600, 1_200, 2_400]
        );
        assert!(offences.is_locked(4_399) && !offences.is_locked(4_400));
        offences.fade(4_400 + MEMORY_SECS + 1, FADING);
        assert_eq!(offences.lock(100_000, 600), 600);
        for _ in 0..40 {
            assert!(offences.lock(200_000, 600) <= MEMORY_SECS);
        }
    }

    #[test]
    fn a_lock_is_worth_more_than_any_newcomer() {
        let mut locked = Offences::default();
        locked.lock(0, 600);
        let failing = Offences { failures: 5 * ONE, ..Offences::default() };
        let asking = Offences { unproven: 1_000 * ONE, nuisances: 30 * ONE, ..Offences::default() };
        assert!(locked.worth(0) > failing.worth(0));
        assert!(failing.worth(0) > asking.worth(0));
    }
}
