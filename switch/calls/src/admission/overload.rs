//! How much new work is taken up: steered by how long messages have waited for us (RFC 7339 §5.1, RFC 6357 §5.3).
//!
//! The queue in front of the switch is empty now and then when it keeps up, however long single messages have waited
//! for a processor that was busy elsewhere. A queue that stands for a whole interval means that more comes in than goes
//! out (CoDel's test, RFC 8289 §3.2). From then on, until for a second no queue has stood, new work is turned away when
//! it has waited too long, the more dispensable the sooner: what is turned away costs next to nothing, so the
//! wait stays where the least dispensable kind that is too much begins to be turned away. Nothing is estimated and no
//! rate is set, so there is nothing to be wrong about when the machine or the traffic changes.
//!
//! What has begun is never turned away: it ends the load. Which message is of which class is said in `shed.rs`.

use std::time::{Duration, Instant};

/// A wait must outlast this to count: shorter ones are bursts.
const INTERVAL: Duration = Duration::from_millis(100);
/// Fewer messages in an interval are no load: a single late one was us being asleep.
const MESSAGES_MIN: u32 = 10;
/// It is over when no queue has stood for so long.
const CALM: Duration = Duration::from_secs(1);
/// How long repeats of shed requests are looked for: their senders may repeat them for as long (64*T1).
const REPEATS: Duration = Duration::from_secs(32);

/// New work by how easily it is done without, most dispensable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// An INVITE without credentials from somebody who has not proven anything lately.
    StrangersCall,
    /// REGISTER, SUBSCRIBE, OPTIONS, MESSAGE and the like without credentials from such a stranger.
    StrangersRequest,
    /// An INVITE without credentials from where somebody has proven himself.
    KnownCall,
    /// The same for other requests: a phone that refreshes its registration.
    KnownRequest,
    /// A request with credentials: an answer to our own challenge.
    Credentials,
}

/// The controller.
#[derive(Debug)]
pub(crate) struct Overload {
    target: Duration,
    interval_began: Instant,
    /// The least wait of this interval.
    least: Duration,
    messages: u32,
    /// The queue was empty in this interval.
    was_idle: bool,
    /// When a queue stood last.
    late_at: Option<Instant>,
    shed_last: Option<Instant>,
}

impl Overload {
    /// `target` is the wait at which calls of known phones are turned away.
    pub(crate) fn new(target: Duration, now: Instant) -> Self {
        Self {
            target,
            interval_began: now,
            least: Duration::MAX,
            messages: 0,
            was_idle: false,
            late_at: None,
            shed_last: None,
        }
    }

    /// Takes note of how long a message has waited: every message while all wait in one queue, new work alone once it
    /// waits for the rest ([`super::Lanes`]).
    pub(crate) fn observe(&mut self, now: Instant, queued: Duration) {
        if now.saturating_duration_since(self.interval_began) >= INTERVAL {
            let is_long = self.least > self.wait_max(Class::StrangersCall) / 2;
            if self.messages >= MESSAGES_MIN && is_long && !self.was_idle {
                self.late_at = Some(now);
            }
            self.was_idle = false;
            self.interval_began = now;
            self.least = Duration::MAX;
            self.messages = 0;
        }
        self.least = self.least.min(queued);
        self.messages = self.messages.saturating_add(1);
    }

    /// Whether more comes in than goes out.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.late_at.is_some_and(|late| now.saturating_duration_since(late) < CALM)
    }

    /// Takes note that nothing waits.
    pub(crate) fn idle(&mut self) {
        self.was_idle = true;
    }

    /// Whether messages have to be looked at before they are taken up.
    pub(crate) fn is_on(&self, now: Instant) -> bool {
        let is_repeated = |last: Instant| now.saturating_duration_since(last) < REPEATS;
        self.is_late(now) || self.shed_last.is_some_and(is_repeated)
    }

    /// Whether a message of this class that has waited for so long is taken up.
    pub(crate) fn admits(&self, now: Instant, class: Class, queued: Duration) -> bool {
        !self.is_late(now) || queued <= self.wait_max(class)
    }

    /// How long a message of this class may have waited.
    fn wait_max(&self, class: Class) -> Duration {
        match class {
            Class::StrangersCall => self.target / 2,
            Class::StrangersRequest => self.target * 3 / 4,
            Class::KnownCall => self.target,
            Class::KnownRequest => self.target * 2,
            Class::Credentials => self.target * 4,
        }
    }

    /// Takes note that a request was turned away.
    pub(crate) fn shed(&mut self, now: Instant) {
        self.shed_last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(2);

    /// A machine that needs `cost` for a message that is taken up and a tenth of a microsecond for one that is not,
    /// with its queue in front. Gives how many were taken up.
    struct Machine {
        overload: Overload,
        now: Instant,
        /// When the machine is done with what it has.
        busy_until: Instant,
        worst_wait: Duration,
    }

    impl Machine {
        fn new() -> Self {
            #[expect(clippy::disallowed_methods, reason = "any instant will do")]
            let now = Instant::now();
            Self { overload: Overload::new(TARGET, now), now, busy_until: now, worst_wait: Duration::ZERO }
        }

        /// `per_second` messages of each class come for `span`, evenly; how many of each are taken up.
        fn run(&mut self, span: Duration, offered: &[(Class, u32)], cost: Duration) -> Vec<u32> {
            let total: u32 = offered.iter().map(|(_, per_second)| per_second).sum();
            let gap = Duration::from_secs(1) / total;
            let end = self.now + span;
            let mut admitted = vec![0; offered.len()];
            let mut credit = vec![0_i64; offered.len()];
            self.worst_wait = Duration::ZERO;
            while self.now < end {
                // The class that is most behind its share is next.
                for (index, (_, per_second)) in offered.iter().enumerate() {
                    credit[index] += i64::from(*per_second);
                }
                let next = (0..offered.len()).max_by_key(|index| credit[*index]).unwrap();
                credit[next] -= i64::from(total);
                let start = self.busy_until.max(self.now);
                let wait = start - self.now;
                if wait.is_zero() {
                    self.overload.idle();
                }
                self.worst_wait = self.worst_wait.max(wait);
                self.overload.observe(start, wait);
                let taken = self.overload.admits(start, offered[next].0, wait);
                admitted[next] += u32::from(taken);
                self.busy_until = start + if taken { cost } else { cost / 100 };
                self.now += gap;
            }
            admitted
        }
    }

    const COST: Duration = Duration::from_micros(250);

    #[test]
    fn rfc_7339_5_load_below_the_peak_is_never_held_back() {
        let mut machine = Machine::new();
        let admitted = machine.run(Duration::from_secs(10), &[(Class::KnownCall, 3_600)], COST);
        assert!(admitted[0] >= 35_999 && !machine.overload.is_on(machine.now), "{admitted:?}");
    }

    #[test]
    fn rfc_7339_5_ten_times_the_peak_keeps_the_goodput_and_a_short_queue() {
        let mut machine = Machine::new();
        machine.run(Duration::from_secs(3), &[(Class::KnownCall, 40_000)], COST);
        let admitted = machine.run(Duration::from_secs(20), &[(Class::KnownCall, 40_000)], COST);
        // The peak is 4,000 a second; refusing 36,000 a second costs 9 % of the machine.
        assert!(admitted[0] > 20 * 4_000 * 90 / 100, "{admitted:?}");
        assert!(machine.worst_wait < Duration::from_millis(3), "{:?}", machine.worst_wait);
    }

    #[test]
    fn when_the_flood_is_over_everybody_gets_in_within_two_seconds() {
        let mut machine = Machine::new();
        machine.run(Duration::from_secs(5), &[(Class::KnownCall, 40_000)], COST);
        machine.run(Duration::from_secs(2), &[(Class::KnownCall, 2_800)], COST);
        let after = machine.run(Duration::from_secs(2), &[(Class::KnownCall, 2_800)], COST);
        assert!(after[0] >= 5_599, "{after:?}");
    }

    #[test]
    fn the_dispensable_goes_first() {
        let mut machine = Machine::new();
        let offered =
            [(Class::StrangersCall, 20_000), (Class::KnownCall, 1_200), (Class::StrangersRequest, 1_200)];
        machine.run(Duration::from_secs(1), &offered, COST);
        let admitted = machine.run(Duration::from_secs(10), &offered, COST);
        assert!(admitted[1] > 11_900 && admitted[2] > 11_900, "{admitted:?}");
        assert!(admitted[0] < 20_000, "{admitted:?}");
        // More of the indispensable than the machine can do: then it is held back too, and still gets on.
        let offered = [(Class::KnownCall, 8_000), (Class::StrangersRequest, 12_000)];
        machine.run(Duration::from_secs(1), &offered, COST);
        let admitted = machine.run(Duration::from_secs(10), &offered, COST);
        assert!(admitted[0] > 30_000 && admitted[1] < 5_000, "{admitted:?}");
    }

    #[test]
    fn one_late_message_is_no_load() {
        let mut machine = Machine::new();
        for _ in 0..50 {
            machine.now += Duration::from_millis(150);
            machine.overload.observe(machine.now, Duration::from_millis(80));
        }
        assert!(!machine.overload.is_on(machine.now));
    }

    #[test]
    fn messages_that_wait_for_a_busy_processor_and_are_then_all_taken_are_no_load() {
        let mut machine = Machine::new();
        for _ in 0..200 {
            for _ in 0..50 {
                machine.overload.observe(machine.now, Duration::from_millis(25));
            }
            machine.overload.idle();
            machine.now += Duration::from_millis(30);
        }
        assert!(!machine.overload.is_on(machine.now));
    }

    #[test]
    fn messages_are_looked_at_for_as_long_as_shed_ones_are_repeated() {
        let mut machine = Machine::new();
        machine.overload.shed(machine.now);
        assert!(machine.overload.is_on(machine.now + Duration::from_secs(31)));
        assert!(!machine.overload.is_on(machine.now + Duration::from_secs(33)));
    }
}
