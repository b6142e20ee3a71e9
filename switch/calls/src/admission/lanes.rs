//! The order in which messages are taken up while there is more than can be done: what has begun first (RFC 7339 §5.10.1,
//! RFC 6357 §5.5).
//!
//! In one queue for all, everything waits for what was let in a moment ago. An INVITE that is challenged costs little and
//! is followed by one with credentials, by answers, by a BYE, which cost ten times as much; while the queue is short,
//! more are let in than can be carried on with, and when that shows it is too late for all of them. So new work is taken up
//! only when nothing else is left to do, and what has waited for that too long is refused at once, between two pieces of
//! work. The owner reads everything that has come into here before it takes anything out. How fast new work is taken up is
//! `pace.rs`' business: with phones far away, what follows from it has not come yet when nothing else is left to do.
//!
//! Used only while [`crate::Switchboard::is_pressed`]; who waits where decides nothing but the order.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::pace::Pace;

/// What has begun is late when it has waited for so many times the patience that new work is shown.
const LATE: u32 = 3;
/// Messages of work that has begun that may wait here; what is beyond waits in the kernel.
const BEGUN_MAX: usize = 4_096;
/// New work that may wait here; what is beyond makes the first of them due.
const NEW_MAX: usize = 1_024;
/// Requests that begin nothing.
const PARTS: [&[u8]; 7] = [b"ACK ", b"BYE ", b"CANCEL ", b"PRACK ", b"UPDATE ", b"INFO ", b"SIP/2.0 "];

/// Messages that wait in two lanes.
#[derive(Debug)]
pub struct Lanes<T> {
    patience: Duration,
    begun: VecDeque<(Instant, T)>,
    new: VecDeque<(Instant, T)>,
    pace: Pace,
}

impl<T> Lanes<T> {
    /// Empty lanes. New work is due after `patience`, whatever else there is to do.
    #[must_use]
    pub fn new(patience: Duration, now: Instant) -> Self {
        Self { patience, begun: VecDeque::new(), new: VecDeque::new(), pace: Pace::new(now) }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.new.is_empty()
    }

    /// Whether there is room for a message.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.begun.len() < BEGUN_MAX
    }

    /// Puts a message that has come at `arrived` behind the others of its lane.
    pub fn push(&mut self, arrived: Instant, is_new_work: bool, message: T) {
        let lane = if is_new_work { &mut self.new } else { &mut self.begun };
        lane.push_back((arrived, message));
    }

    /// New work that has waited too long; it is to be refused before anything else is done. With when it came.
    pub fn overdue(&mut self, now: Instant) -> Option<(Instant, T)> {
        let is_too_much = self.new.len() > NEW_MAX;
        self.new.pop_front_if(|(arrived, _)| {
            is_too_much || now.saturating_duration_since(*arrived) > self.patience
        })
    }

    /// The next to be taken up: what has begun, and new work when its time has come and what has begun is not late.
    pub fn next(&mut self, now: Instant) -> Option<(Instant, T)> {
        let is_late =
            |(arrived, _): &(Instant, T)| now.saturating_duration_since(*arrived) > self.patience * LATE;
        if self.pace.next_at(self.begun.is_empty()) <= now
            && !self.begun.front().is_some_and(is_late)
            && let Some(new) = self.new.pop_front()
        {
            self.pace.take(now);
            return Some(new);
        }
        self.begun.pop_front()
    }

    /// How long nothing that waits here is to be taken up; `None` when nothing waits.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        if self.is_empty() {
            return None;
        }
        let is_begun = !self.begun.is_empty();
        Some(if is_begun { Duration::ZERO } else { self.pace.next_at(true).saturating_duration_since(now) })
    }

    /// Pressure begins again.
    pub fn begin(&mut self, now: Instant) {
        self.pace.begin(now);
    }

    /// Takes note of the processor time that the owner has used under pressure since the last time.
    pub fn worked(&mut self, span: Duration) {
        self.pace.worked(span);
    }
}

/// Whether a message asks for something new and shows no credentials, by a glance at its lines. An error only costs it
/// its place in the order.
#[must_use]
pub fn is_new_work(message: &[u8]) -> bool {
    if PARTS.iter().any(|part| message.starts_with(part)) {
        return false;
    }
    let mut rest = message;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        match line.first() {
            Some(b'A' | b'a') if is_header(line, b"authorization") => return false,
            Some(b'T' | b't') if is_header(line, b"to") || is_header(line, b"t") => {
                if memchr::memmem::find(line, b"tag=").is_some() {
                    return false;
                }
            }
            // The blank line: no header follows.
            None | Some(b'\r') => return true,
            Some(_) => {}
        }
    }
    true
}

fn is_header(line: &[u8], name: &[u8]) -> bool {
    let after = line.get(name.len()).copied();
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        && matches!(after, Some(b':' | b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::super::overload::Class;
    use super::*;

    #[test]
    fn what_has_begun_goes_first_and_what_waits_too_long_is_due() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let mut lanes = Lanes::new(Duration::from_millis(2), now);
        for (name, is_new) in [("invite", true), ("bye", false), ("options", true), ("ack", false)] {
            lanes.push(now, is_new, name);
        }
        assert_eq!(lanes.overdue(now + Duration::from_millis(2)), None);
        let later = now + Duration::from_millis(7);
        assert_eq!(lanes.next(later), Some((now, "bye")), "it is late, though new work may be taken up");
        assert_eq!(lanes.overdue(later), Some((now, "invite")));
        assert_eq!(lanes.next(now), Some((now, "options")), "nothing is late");
        assert_eq!((lanes.next(now), lanes.next(now)), (Some((now, "ack")), None));
        assert!(lanes.is_empty());
        for number in 0..=NEW_MAX {
            lanes.push(now, true, if number == 0 { "first" } else { "later" });
        }
        assert_eq!(lanes.overdue(now), Some((now, "first")), "there is no room for all");
        assert_eq!(lanes.overdue(now), None);
    }

    #[test]
    fn new_work_is_told_by_its_lines() {
        let check = |text: &str, expected: bool| {
            let text = text.replace('\n', "\r\n");
            assert_eq!(is_new_work(text.as_bytes()), expected, "{text}");
        };
        check("INVITE sip:a@b SIP/2.0\nTo: <sip:a@b>\nContact: <sip:x>;tag=1\n\nTo: x;tag=1\n", true);
        check("INVITE sip:a@b SIP/2.0\nt: <sip:a@b>;tag=1\n\n", false);
        check("INVITE sip:a@b SIP/2.0\nTO : <sip:a@b> ; tag=1\n\n", false);
        check("REGISTER sip:b SIP/2.0\nTo: <sip:a@b>\nauthorization: Digest x\n\n", false);
        check("REGISTER sip:b SIP/2.0\nTo: <sip:a@b>\nAuthorization-Info: x\nTopic: tag=\n\n", true);
        check("ACK sip:a@b SIP/2.0\nTo: <sip:a@b>\n\n", false);
        check("SIP/2.0 200 OK\nTo: <sip:a@b>\n\n", false);
        check("no message", true);
    }

    /// What a call costs: a challenge, then the credentials, and its end a while later.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Step {
        Invite,
        Credentials,
        Bye,
    }

    const CHALLENGE: Duration = Duration::from_micros(30);
    const CALL: Duration = Duration::from_micros(180);
    const END: Duration = Duration::from_micros(90);
    const REFUSAL: Duration = Duration::from_micros(3);
    const HOLD: Duration = Duration::from_millis(50);
    const TARGET: Duration = Duration::from_millis(2);
    /// Another program has the processor for 7 of 54 ms.
    const STOLEN: Duration = Duration::from_millis(7);
    const OWN: Duration = Duration::from_millis(47);
    const NEAR: Duration = Duration::from_micros(500);
    const FAR: Duration = Duration::from_millis(60);
    /// What is measured begins when the pace has been found.
    const SETTLED: Duration = Duration::from_secs(2);

    /// What has become of ten seconds of ten times the calls that can be carried.
    #[derive(Debug, Default)]
    struct Flood {
        /// Calls carried to their end in a second.
        carried: u32,
        /// The longest wait for a refusal.
        refusal: Duration,
        /// The longest wait of what had begun.
        begun: Duration,
    }

    /// A machine that takes up messages in lanes, or in one queue. Its phones take a round trip to answer a challenge.
    struct Machine {
        has_lanes: bool,
        round_trip: Duration,
        overload: super::super::Overload,
        lanes: Lanes<(Step, u32)>,
        coming: std::collections::BTreeSet<(Instant, Step, u32)>,
        now: Instant,
        measured_from: Instant,
        stolen: Duration,
        stolen_at: Instant,
        flood: Flood,
    }

    impl Machine {
        fn new(has_lanes: bool, round_trip: Duration, stolen: Duration) -> Self {
            #[expect(clippy::disallowed_methods, reason = "any instant will do")]
            let now = Instant::now();
            Self {
                has_lanes,
                round_trip,
                overload: super::super::Overload::new(TARGET, now),
                lanes: Lanes::new(TARGET, now),
                coming: std::collections::BTreeSet::new(),
                now,
                measured_from: now + SETTLED,
                stolen,
                stolen_at: now,
                flood: Flood::default(),
            }
        }

        fn run(mut self) -> Flood {
            let end = self.measured_from + Duration::from_secs(8);
            let gap = (CHALLENGE + CALL + END) / 10;
            let (mut next_call, mut number) = (self.now, 0);
            while self.now < end {
                while next_call <= self.now {
                    number += 1;
                    self.coming.insert((next_call, Step::Invite, number));
                    next_call += gap;
                }
                while self.coming.first().is_some_and(|(at, ..)| *at <= self.now) {
                    let (at, step, number) = self.coming.pop_first().unwrap();
                    self.lanes.push(at, self.has_lanes && step == Step::Invite, (step, number));
                }
                let now = self.now;
                match self.lanes.overdue(now).or_else(|| self.lanes.next(now)) {
                    Some((arrived, (step, number))) => self.take(arrived, step, number),
                    None => {
                        if self.lanes.is_empty() {
                            self.overload.idle();
                        }
                        self.now = next_call;
                    }
                }
            }
            self.flood.carried /= 8;
            self.flood
        }

        fn take(&mut self, arrived: Instant, step: Step, number: u32) {
            if self.now > self.stolen_at {
                self.now += self.stolen;
                self.stolen_at = self.now + OWN;
            }
            let (now, wait) = (self.now, self.now - arrived);
            let is_measured = now > self.measured_from;
            if !self.overload.is_late(now) || step == Step::Invite {
                self.overload.observe(now, wait);
            }
            if is_measured && step != Step::Invite {
                self.flood.begun = self.flood.begun.max(wait);
            }
            let cost = match step {
                Step::Invite if !self.overload.admits(now, Class::KnownCall, wait) => {
                    self.flood.refusal =
                        self.flood.refusal.max(if is_measured { wait } else { Duration::ZERO });
                    REFUSAL
                }
                Step::Invite => {
                    self.coming.insert((now + self.round_trip, Step::Credentials, number));
                    CHALLENGE
                }
                Step::Credentials if !self.overload.admits(now, Class::Credentials, wait) => REFUSAL,
                Step::Credentials => {
                    self.coming.insert((now + HOLD, Step::Bye, number));
                    CALL
                }
                Step::Bye => {
                    self.flood.carried += u32::from(is_measured);
                    END
                }
            };
            self.now += cost;
            self.lanes.worked(cost);
        }
    }

    /// 3,333 calls a second are what it can carry; refusing nine times as many takes a tenth of it.
    #[test]
    fn rfc_6357_5_5_in_lanes_the_refused_wait_no_longer_than_the_target_and_no_call_is_begun_in_vain() {
        let lanes = Machine::new(true, NEAR, Duration::ZERO).run();
        assert!(lanes.carried > 3_333 * 85 / 100, "{lanes:?}");
        assert!(lanes.refusal < TARGET + Duration::from_millis(1), "{lanes:?}");
        let queue = Machine::new(false, NEAR, Duration::ZERO).run();
        assert!(queue.carried < lanes.carried && queue.refusal > TARGET * 2, "{queue:?}");
    }

    #[test]
    fn phones_far_away_are_not_all_let_in_before_the_first_of_them_answers_its_challenge() {
        let far = Machine::new(true, FAR, Duration::ZERO).run();
        assert!(far.carried > 3_333 * 85 / 100, "{far:?}");
        assert!(far.refusal < TARGET + Duration::from_millis(1), "{far:?}");
        assert!(far.begun < Duration::from_millis(10), "{far:?}");
    }

    #[test]
    fn a_processor_that_others_use_too_is_not_taken_for_a_call_that_costs_more() {
        for round_trip in [NEAR, FAR] {
            let flood = Machine::new(true, round_trip, STOLEN).run();
            assert!(flood.carried > 3_333 * 47 / 54 * 80 / 100, "{flood:?}");
            assert!(flood.begun < Duration::from_millis(20), "{flood:?}");
        }
    }
}
