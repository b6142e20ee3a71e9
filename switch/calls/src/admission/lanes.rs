//! The order in which messages are taken up while there is more than can be done: what has begun first (RFC 7339 §5.10.1,
//! RFC 6357 §5.5).
//!
//! In one queue for all, everything waits for what was let in a moment ago. An INVITE that is challenged costs little and
//! is followed by one with credentials, by answers, by a BYE, which cost ten times as much; while the queue is short,
//! more are let in than can be carried on with, and when that shows it is too late for all of them. So new work is taken up
//! only when nothing else is left to do, and what has waited for that too long is refused at once, between two pieces of
//! work. The owner reads everything that has come into here before it takes anything out.
//!
//! Used only while [`crate::Switchboard::is_pressed`]; who waits where decides nothing but the order.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

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
}

impl<T> Lanes<T> {
    /// Empty lanes. New work is due after `patience`, whatever else there is to do.
    #[must_use]
    pub const fn new(patience: Duration) -> Self {
        Self { patience, begun: VecDeque::new(), new: VecDeque::new() }
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

    /// The next of what has begun.
    pub fn begun(&mut self) -> Option<(Instant, T)> {
        self.begun.pop_front()
    }

    /// The next of new work. To be asked for when nothing that has begun is left.
    pub fn new_work(&mut self) -> Option<(Instant, T)> {
        self.new.pop_front()
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
        let mut lanes = Lanes::new(Duration::from_millis(2));
        for (name, is_new) in [("invite", true), ("bye", false), ("options", true), ("ack", false)] {
            lanes.push(now, is_new, name);
        }
        assert_eq!(lanes.overdue(now + Duration::from_millis(2)), None);
        assert_eq!(lanes.begun(), Some((now, "bye")));
        assert_eq!(lanes.overdue(now + Duration::from_millis(3)), Some((now, "invite")));
        assert_eq!(lanes.begun(), Some((now, "ack")));
        assert_eq!((lanes.begun(), lanes.new_work()), (None, Some((now, "options"))));
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
    const ROUND_TRIP: Duration = Duration::from_micros(500);
    const HOLD: Duration = Duration::from_millis(50);
    const TARGET: Duration = Duration::from_millis(2);

    /// A machine that takes up messages in lanes, or in one queue, under ten times the calls that it can carry, for ten
    /// seconds. Gives the calls that it has carried to their end in a second, and the longest wait for a refusal after
    /// the first second.
    fn flood(has_lanes: bool) -> (u32, Duration) {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let begin = Instant::now();
        let (end, gap) = (begin + Duration::from_secs(10), (CHALLENGE + CALL + END) / 10);
        let mut overload = super::super::Overload::new(TARGET, begin);
        let mut lanes = Lanes::new(TARGET);
        let mut coming = std::collections::BTreeSet::new();
        let (mut now, mut next_call, mut number) = (begin, begin, 0_u32);
        let (mut ended, mut longest) = (0, Duration::ZERO);
        while now < end {
            while next_call <= now {
                number += 1;
                coming.insert((next_call, Step::Invite, number));
                next_call += gap;
            }
            while coming.first().is_some_and(|(at, ..)| *at <= now) {
                let (at, step, number) = coming.pop_first().unwrap();
                lanes.push(at, has_lanes && step == Step::Invite, (step, number));
            }
            let next = lanes.overdue(now).or_else(|| lanes.begun()).or_else(|| lanes.new_work());
            let Some((arrived, (step, number))) = next else {
                overload.idle();
                now = next_call;
                continue;
            };
            let wait = now - arrived;
            if !overload.is_late(now) || step == Step::Invite {
                overload.observe(now, wait);
            }
            now += match step {
                Step::Invite if !overload.admits(now, Class::KnownCall, wait) => {
                    longest = if now > begin + Duration::from_secs(1) { longest.max(wait) } else { longest };
                    REFUSAL
                }
                Step::Invite => {
                    coming.insert((now + ROUND_TRIP, Step::Credentials, number));
                    CHALLENGE
                }
                Step::Credentials if !overload.admits(now, Class::Credentials, wait) => REFUSAL,
                Step::Credentials => {
                    coming.insert((now + HOLD, Step::Bye, number));
                    CALL
                }
                Step::Bye => {
                    ended += 1;
                    END
                }
            };
        }
        (ended / 10, longest)
    }

    #[test]
    fn rfc_6357_5_5_in_lanes_the_refused_wait_no_longer_than_the_target_and_no_call_is_begun_in_vain() {
        // 3,333 calls a second are what it can carry; refusing nine times as many takes a tenth of it.
        let (carried, longest) = flood(true);
        assert!(carried > 3_333 * 85 / 100, "{carried}");
        assert!(longest < TARGET + Duration::from_millis(1), "{longest:?}");
        let (in_one_queue, longest) = flood(false);
        assert!(in_one_queue < carried && longest > TARGET * 2, "{in_one_queue} {longest:?}");
    }
}
