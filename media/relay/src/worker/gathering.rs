//! Under load packets are let gather for a moment, so that one wake-up serves several.
//!
//! A packet that wakes the thread alone costs more than one of many. Up to a rate that is the better bargain, because nobody
//! waits. Above it ([`FROM_PACKETS_PER_SEC`]) a turn begins no sooner than the operator's limit after the last one, and no packet
//! waits longer than that: measured in `docs/decisions/0030`. Browsers share one port, which can be let gather with the phones
//! that they speak with, while any other packet still wakes the thread at once ([`Looks`], `docs/decisions/0077`).

use std::time::Duration;

/// The longest that packets may be let gather, in microseconds.
pub const GATHER_MICROS_MAX: u64 = 2_000;
/// About 400 calls: from here on packets gather.
const FROM_PACKETS_PER_SEC: u64 = 40_000;
/// About 40 browsers that talk: from here on theirs do. A look every two milliseconds serves four packets and more then.
const FROM_BROWSER_PACKETS_PER_SEC: u64 = 2_000;
/// A rate is taken over so long.
const WINDOW_MICROS: u64 = 100_000;

/// Whether packets come at so high a rate that they may gather: from a rate on, and until half of it.
#[derive(Debug)]
struct Rate {
    from_per_sec: u64,
    window_began_micros: u64,
    packets_before: u64,
    is_high: bool,
}

impl Rate {
    fn new(from_per_sec: u64) -> Self {
        Self { from_per_sec, window_began_micros: 0, packets_before: 0, is_high: false }
    }

    /// Takes note of all packets that were received so far.
    fn is_high(&mut self, now_micros: u64, packets: u64) -> bool {
        let passed = now_micros.saturating_sub(self.window_began_micros);
        if passed >= WINDOW_MICROS {
            let rate = packets.saturating_sub(self.packets_before).saturating_mul(1_000_000) / passed;
            self.is_high = rate >= if self.is_high { self.from_per_sec / 2 } else { self.from_per_sec };
            (self.window_began_micros, self.packets_before) = (now_micros, packets);
        }
        self.is_high
    }
}

/// Whether packets gather now.
#[derive(Debug)]
pub(super) struct Gathering {
    limit: Option<Duration>,
    rate: Rate,
}

impl Gathering {
    /// For so long at most; `None` is never.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit: limit.map(limited), rate: Rate::new(FROM_PACKETS_PER_SEC) }
    }

    /// After a turn, with all packets that were received so far: for how long the next one may wait, unless something else
    /// is due `within`.
    pub(super) fn pause(
        &mut self,
        now_micros: u64,
        packets: u64,
        within: Option<Duration>,
    ) -> Option<Duration> {
        let limit = self.limit?;
        let pause = within.map_or(limit, |within| within.min(limit));
        (self.rate.is_high(now_micros, packets) && !pause.is_zero()).then_some(pause)
    }
}

/// When the browsers' ports are to be looked at, while they do not tell by themselves that something has come.
#[derive(Debug)]
pub(super) struct Looks {
    every_micros: Option<u64>,
    rate: Rate,
    next_micros: Option<u64>,
}

/// Who tells that something has come, from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// Nobody: the ports are looked at.
    ToLooks,
    /// The ports.
    ToEvents,
}

impl Looks {
    /// So often; `None` is never.
    pub(super) fn new(every: Option<Duration>) -> Self {
        let micros = |every| u64::try_from(limited(every).as_micros()).unwrap_or(GATHER_MICROS_MAX);
        Self {
            every_micros: every.map(micros),
            rate: Rate::new(FROM_BROWSER_PACKETS_PER_SEC),
            next_micros: None,
        }
    }

    /// When to look next. `None`: the ports tell.
    pub(super) fn deadline_micros(&self) -> Option<u64> {
        self.next_micros
    }

    /// Whether to look now.
    pub(super) fn is_due(&self, now_micros: u64) -> bool {
        self.next_micros.is_some_and(|next| next <= now_micros)
    }

    /// The ports were looked at, and whether there is no more.
    pub(super) fn looked(&mut self, now_micros: u64, is_all: bool) {
        let every = self.every_micros.filter(|_| is_all).unwrap_or(0);
        self.next_micros = Some(now_micros + every);
    }

    /// After a turn, with all packets that the ports have received so far: whether it is somebody else now who tells.
    pub(super) fn turn(&mut self, now_micros: u64, packets: u64) -> Option<Turned> {
        let every = self.every_micros?;
        match (self.rate.is_high(now_micros, packets), self.next_micros) {
            (true, None) => {
                self.next_micros = Some(now_micros + every);
                Some(Turned::ToLooks)
            }
            (false, Some(_)) => {
                self.next_micros = None;
                Some(Turned::ToEvents)
            }
            _ => None,
        }
    }
}

/// Nobody's packets wait longer, whatever the operator wishes.
fn limited(wish: Duration) -> Duration {
    wish.min(Duration::from_micros(GATHER_MICROS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(1);

    /// Seconds of turns, a thousand of them each, with so many packets a second; the last answer.
    fn run(gathering: &mut Gathering, clock: &mut (u64, u64), seconds: u64, rate: u64) -> Option<Duration> {
        let mut last = None;
        for _ in 0..seconds * 1_000 {
            clock.0 += 1_000;
            clock.1 += rate / 1_000;
            last = gathering.pause(clock.0, clock.1, None);
        }
        last
    }

    #[test]
    fn packets_gather_under_load_and_until_it_has_gone() {
        let (mut gathering, mut clock) = (Gathering::new(Some(LIMIT)), (5_000_000, 0));
        assert_eq!(run(&mut gathering, &mut clock, 1, 10_000), None);
        assert_eq!(run(&mut gathering, &mut clock, 1, 39_000), None);
        assert_eq!(run(&mut gathering, &mut clock, 1, 41_000), Some(LIMIT));
        assert_eq!(run(&mut gathering, &mut clock, 1, 21_000), Some(LIMIT), "no going on and off");
        assert_eq!(run(&mut gathering, &mut clock, 1, 19_000), None);
    }

    #[test]
    fn what_is_due_is_not_waited_for_and_what_is_off_stays_off() {
        let (mut gathering, mut clock) = (Gathering::new(Some(LIMIT)), (0, 0));
        run(&mut gathering, &mut clock, 1, 100_000);
        let soon = Duration::from_micros(300);
        assert_eq!(gathering.pause(clock.0, clock.1, Some(soon)), Some(soon));
        assert_eq!(gathering.pause(clock.0, clock.1, Some(Duration::ZERO)), None);
        let mut off = Gathering::new(None);
        assert_eq!(run(&mut off, &mut (0, 0), 2, 1_000_000), None);
    }

    #[test]
    fn the_limit_has_a_limit() {
        let mut gathering = Gathering::new(Some(Duration::from_secs(1)));
        let pause = run(&mut gathering, &mut (0, 0), 1, 100_000);
        assert_eq!(pause, Some(Duration::from_micros(GATHER_MICROS_MAX)));
        let mut looks = Looks::new(Some(Duration::from_secs(1)));
        assert_eq!(looks.turn(1_000_000, 100_000), Some(Turned::ToLooks));
        assert_eq!(looks.deadline_micros(), Some(1_000_000 + GATHER_MICROS_MAX));
    }

    #[test]
    fn ports_are_looked_at_under_load_and_tell_by_themselves_when_it_has_gone() {
        let mut looks = Looks::new(Some(LIMIT));
        assert_eq!((looks.turn(100_000, 199), looks.is_due(u64::MAX)), (None, false));
        assert_eq!(looks.turn(200_000, 199 + 200), Some(Turned::ToLooks));
        assert_eq!((looks.is_due(200_999), looks.is_due(201_000)), (false, true));
        looks.looked(201_100, true);
        assert_eq!(looks.deadline_micros(), Some(202_100));
        looks.looked(202_100, false);
        assert!(looks.is_due(202_100), "there is more");
        assert_eq!(looks.turn(300_000, 399 + 101), None, "no going to and fro");
        assert_eq!(looks.turn(400_000, 500 + 99), Some(Turned::ToEvents));
        assert_eq!(looks.deadline_micros(), None);
        let mut never = Looks::new(None);
        assert_eq!((never.turn(1_000_000, 1_000_000), never.deadline_micros()), (None, None));
    }
}
