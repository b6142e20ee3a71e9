//! Lines that a person, or fail2ban, acts on: target `sambungd::security`, one line an event.
//!
//! Their form is a promise (`conf/fail2ban/filter.d/sambung.conf` reads it, a test compares the two): the event's name,
//! `source=` with the address, `org=` with the organisation's id. No user names: what was tried may be a person's name,
//! or a password typed into the wrong field. Lines are bounded in rate, so that who attacks cannot fill the disk; what
//! was left out is counted in a line of its own, and everything in the metrics.

use std::{
    fmt,
    time::{Duration, Instant},
};

use calls::{Offence, SecurityEvent};

/// Lines that may come at once.
const LINES_MAX: u32 = 100;
/// One more may come after every such time.
const LINE_EVERY: Duration = Duration::from_millis(50);

/// What was logged lately.
#[derive(Debug)]
pub(super) struct SecurityLog {
    /// Lines that may come now.
    lines: u32,
    since: Instant,
    left_out: u64,
}

/// The line of an event, after time, level and target.
struct Line<'a>(&'a SecurityEvent);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SecurityEvent { what, source, org } = self.0;
        write!(f, "{} source={source}", name_of(*what))?;
        org.map_or(Ok(()), |org| write!(f, " org={}", org.0))
    }
}

fn name_of(offence: Offence) -> &'static str {
    match offence {
        Offence::WrongPassword => "auth_failed",
        Offence::AccountClosed => "account_closed_to_strangers",
        Offence::LockedOut => "locked_out",
        Offence::Scanner => "scanner",
        Offence::ForeignDomain => "foreign_domain",
    }
}

impl SecurityLog {
    pub(super) fn new(now: Instant) -> Self {
        Self { lines: LINES_MAX, since: now, left_out: 0 }
    }

    /// Logs an event, if not too much was logged lately.
    pub(super) fn note(&mut self, now: Instant, event: &SecurityEvent) {
        if !self.has_room(now) {
            self.left_out += 1;
            return;
        }
        if self.left_out > 0 {
            tracing::warn!(target: "sambungd::security", lines = self.left_out, "lines_left_out");
            self.left_out = 0;
        }
        tracing::warn!(target: "sambungd::security", "{}", Line(event));
    }

    fn has_room(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.since);
        let earned = u32::try_from(since.as_millis() / LINE_EVERY.as_millis()).unwrap_or(u32::MAX);
        if earned > 0 {
            self.lines = self.lines.saturating_add(earned).min(LINES_MAX);
            self.since = now;
        }
        let has_room = self.lines > 0;
        self.lines = self.lines.saturating_sub(1);
        has_room
    }
}

#[cfg(test)]
mod tests {
    use contract::id::OrgId;

    use super::*;

    fn event(what: Offence, source: &str) -> SecurityEvent {
        SecurityEvent { what, source: source.parse().unwrap(), org: None }
    }

    #[test]
    fn lines_are_bounded_and_come_again() {
        let now = Instant::now();
        let mut log = SecurityLog::new(now);
        assert_eq!((0..1_000).filter(|_| log.has_room(now)).count(), 100);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1_000).filter(|_| log.has_room(later)).count(), 20);
    }

    /// The filter names the events whose source is proven, and no other, in the form they are written in. Whether
    /// fail2ban itself reads it so was tried with its own `fail2ban-regex`.
    #[test]
    fn fail2ban_finds_the_address_in_the_lines_it_is_to_act_on() {
        let filter = include_str!("../../../../conf/fail2ban/filter.d/sambung.conf");
        let rules: Vec<&str> = filter.lines().filter(|line| line.contains("<HOST>")).collect();
        assert_eq!(rules.len(), 2, "one for each form of the log");
        for rule in rules {
            let (before, after) = rule.split_once("<HOST>").unwrap();
            let names = before.rsplit_once("(?:").unwrap().1.strip_suffix(") source=").unwrap();
            assert!(after.starts_with("(?: org=[0-9a-f-]+)?"), "{after}");
            for (what, is_proven) in [
                (Offence::WrongPassword, true),
                (Offence::LockedOut, true),
                (Offence::AccountClosed, false),
                (Offence::Scanner, false),
                (Offence::ForeignDomain, false),
            ] {
                assert_eq!(names.split('|').any(|name| name == name_of(what)), is_proven, "{what:?}");
            }
        }
        for source in ["192.0.2.1", "2001:db8::1"] {
            let without = event(Offence::WrongPassword, source);
            assert_eq!(Line(&without).to_string(), format!("auth_failed source={source}"));
            let org = Some(OrgId(uuid::Uuid::nil()));
            let with = Line(&SecurityEvent { org, ..without }).to_string();
            assert_eq!(with, format!("auth_failed source={source} org=00000000-0000-0000-0000-000000000000"));
        }
    }
}
