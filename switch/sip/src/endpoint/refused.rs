//! Requests that were turned away for lack of room, remembered for as long as their repeats may come (64*T1).
//!
//! A repeat that is still on its way, or in the socket's queue, when the pressure ends must not be taken up: its sender
//! has the 503 and is gone, and phones would ring for nobody. What is kept is of fixed size, whoever sends how much:
//! when it is full, the oldest is forgotten and such a repeat may come in (RFC 3261 8.2.7, 21.5.4).

use std::time::{Duration, Instant};

use crate::message::Message;
use crate::method::Method;

use super::Endpoint;

/// Numbers kept of each of the two spans; half a megabyte each, and nothing before the first refusal.
const SLOTS: usize = 1 << 16;

/// The numbers of stateless To-tags: keyed hashes of the requests' identifiers.
#[derive(Default)]
pub(crate) struct TurnedAway {
    current: Vec<u64>,
    previous: Vec<u64>,
    since: Option<Instant>,
}

impl TurnedAway {
    fn note(&mut self, now: Instant, span: Duration, number: u64) {
        self.turn(now, span);
        self.since.get_or_insert(now);
        if self.current.is_empty() {
            self.current.resize(SLOTS, 0);
        }
        if let Some(slot) = self.current.get_mut(slot_of(number)) {
            *slot = number;
        }
    }

    fn has(&mut self, now: Instant, span: Duration, number: u64) -> bool {
        if self.since.is_none() {
            return false;
        }
        self.turn(now, span);
        [&self.current, &self.previous].into_iter().any(|kept| kept.get(slot_of(number)) == Some(&number))
    }

    /// Forgets what is older than two spans.
    fn turn(&mut self, now: Instant, span: Duration) {
        let Some(since) = self.since else { return };
        let age = now.saturating_duration_since(since);
        if age >= span * 2 {
            *self = Self::default();
        } else if age >= span {
            self.previous = std::mem::take(&mut self.current);
            self.since = Some(since + span);
        }
    }
}

fn slot_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0) % SLOTS
}

impl Endpoint {
    /// Remembers that a request with this number was turned away.
    pub(super) fn note_turned_away(&mut self, now: Instant, number: u64) {
        self.turned_away.note(now, self.config.timers.t1x64(), number);
    }

    /// Whether a request with this number was turned away.
    pub(super) fn has_turned_away(&mut self, now: Instant, number: u64) -> bool {
        self.turned_away.has(now, self.config.timers.t1x64(), number)
    }

    /// Whether a request repeats an INVITE that was turned away.
    pub(super) fn was_turned_away(&mut self, now: Instant, request: &Message<'_>) -> bool {
        if self.turned_away.since.is_none() || request.method() != Method::Invite {
            return false;
        }
        let number = self.stateless_number(request, request.via().ok().as_ref());
        self.has_turned_away(now, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test has to begin at some instant")]
    fn what_was_turned_away_is_known_for_a_span_and_forgotten_after_two() {
        let (now, span) = (Instant::now(), Duration::from_secs(32));
        let mut kept = TurnedAway::default();
        kept.note(now, span, 7);
        assert!(kept.has(now + span, span, 7) && !kept.has(now, span, 8));
        kept.note(now + span, span, 8);
        assert!(kept.has(now + span, span, 7));
        assert!(!kept.has(now + span * 2, span, 7) && kept.has(now + span * 2, span, 8));
        assert!(!kept.has(now + span * 4, span, 8));
        assert!(kept.current.capacity() + kept.previous.capacity() == 0, "nothing is held when all is calm");
    }
}
