//! Waiting: the place a caller has, what it hears of it, and for how long.

use std::time::Duration;

use contract::{id::OrgId, journal::EventKind};
use dialplan::{Queue, Queueing};

use super::{Place, Queued, Stage};
use crate::{
    call::{
        identity::Identity,
        leg::Leg,
        outcome::{LegResult, Words},
        spoken::{self, SPOKEN_MAX},
        state::{Head, State},
    },
    clock::Moment,
    means::Means,
    queues::Waits,
};

/// How often it is looked at whether anybody is there who could answer.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Place {
    pub(super) fn new(queueing: &Queueing, means: &Means<'_>) -> Self {
        let wait = Duration::from_secs(u64::from(queueing.queue.wait_max_secs));
        Self {
            queue: queueing.queue.id,
            priority: queueing.priority,
            since: means.queues.arrival(queueing.queue.id, means.moment()),
            told: None,
            is_queued: false,
            again: None,
            look: means.after(LOOK_EVERY),
            until: means.after(wait),
        }
    }

    /// What queues are to know of who waits there, and of those who ring for it.
    pub(super) fn waits(&self, (org, who): (OrgId, &Identity), forks: &[Leg]) -> Waits {
        let Self { queue, priority, since, until, told, .. } = *self;
        let asked = forks.iter().map(|fork| fork.person).collect();
        let number = who.shown_number().map(Box::from);
        let (is_ready, is_promised) = (true, false);
        Waits { org, queue, priority, since, until, is_ready, asked, told, number, is_promised }
    }

    /// When something is to happen to who waits there.
    fn until(&self) -> Moment {
        let Self { again, look, until, .. } = *self;
        until.min(look).min(again.unwrap_or(until))
    }
}

impl Queued {
    /// Its queue, by the plan of the moment.
    pub(super) fn queue<'m>(&self, means: &'m Means<'_>) -> Option<&'m Queue> {
        let org = means.plan.organisation(self.line.record.org())?;
        org.queue(self.place.as_ref()?.queue).map(std::convert::AsRef::as_ref)
    }

    /// It has this place in its queue: 1 is the next, 0 that somebody rings for it.
    pub(super) fn moved(&mut self, place: u16, means: &mut Means<'_>) {
        let Some(held) = &mut self.place else { return };
        held.told = Some(place);
        match (held.is_queued, place) {
            // Somebody is free at once.
            (false, 0) => {}
            (false, _) => self.enter(place, means),
            (true, _) => self.line.record.placed(EventKind::QueueUpdated, place, means),
        }
    }

    /// It has to wait.
    fn enter(&mut self, place: u16, means: &mut Means<'_>) {
        if let Some(held) = &mut self.place {
            held.is_queued = true;
        }
        if !self.has_rung {
            self.ringing(None, means);
        }
        self.line.record.placed(EventKind::Queued, place, means);
        let mut words = vec!["queue-welcome".to_owned()];
        words.extend(words_of(place));
        self.offer_callback(&mut words, means);
        self.say(&words, means);
        self.announce_later(means);
    }

    /// Adds that it may hang up and be called back, if it may.
    fn offer_callback(&mut self, words: &mut Vec<String>, means: &mut Means<'_>) {
        self.is_offered = self.may_be_called_back(means) && self.line.listen(means).is_some();
        if self.is_offered {
            words.push("queue-callback".to_owned());
        }
    }

    fn announce_later(&mut self, means: &Means<'_>) {
        let every = self.queue(means).map(|queue| queue.announce_secs).filter(|secs| *secs > 0);
        let again = every.map(|secs| means.after(Duration::from_secs(u64::from(secs))));
        if let Some(place) = &mut self.place {
            place.again = again;
        }
    }

    /// When it wants to be woken.
    pub(in crate::call) fn until(&self) -> Moment {
        match &self.stage {
            Stage::Answering { until, .. }
            | Stage::Telling { until, .. }
            | Stage::Promising { until }
            | Stage::Parting { until } => *until,
            Stage::Waiting => self.place.as_ref().map(Place::until).unwrap_or_default(),
            Stage::Asking(forking) | Stage::SentOn(forking) => forking.until(),
        }
    }

    /// It has been as it is for as long as it may.
    pub(in crate::call) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        match &mut self.stage {
            Stage::Answering { .. } => return self.line.hang_up(head, "ack_missing", means),
            Stage::Telling { ring, .. } => {
                let ring = ring.take();
                return self.told(ring, head, means);
            }
            Stage::Waiting => return self.look(head, means),
            Stage::Asking(forking) => {
                forking.silence(head, None, means);
                self.stage = Stage::Waiting;
            }
            Stage::SentOn(forking) => {
                let came_to = forking.unanswered();
                forking.silence(head, None, means);
                return self.come_to(head, came_to, means);
            }
            Stage::Promising { .. } => return self.keep_place(None, head, means),
            Stage::Parting { .. } => return self.let_go(head, means),
        }
        State::Queued(self)
    }

    /// Whether it is to wait any longer, and what it hears of that.
    fn look(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        let now = means.moment();
        let looks = means.after(LOOK_EVERY);
        let Some(place) = self.place.as_mut().filter(|place| place.until > now) else {
            return self.come_to(head, (LegResult::NoAnswer, Words::default()), means);
        };
        if place.look <= now {
            place.look = looks;
            let (org, caller) = (self.line.record.org(), self.line.caller.person);
            let is_manned = self.queue(means).is_some_and(|queue| means.is_manned(org, queue, caller));
            if !is_manned {
                return self.come_to(head, (LegResult::Unreachable, Words::default()), means);
            }
        }
        let told = self.place.as_ref().filter(|place| place.again.is_some_and(|again| again <= now));
        if let Some(told) = told.map(|place| place.told.unwrap_or_default()) {
            self.announce_later(means);
            let mut words = words_of(told);
            self.offer_callback(&mut words, means);
            if !words.is_empty() {
                self.say(&words, means);
            }
        }
        State::Queued(self)
    }
}

/// `Your position in the queue is number 42`; nothing of a place for which there are no words.
fn words_of(place: u16) -> Vec<String> {
    match place {
        1 => vec!["queue-next".to_owned()],
        2..=SPOKEN_MAX => std::iter::once("queue-position".to_owned()).chain(spoken::number(place)).collect(),
        _ => Vec::new(),
    }
}
