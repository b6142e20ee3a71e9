//! Where a caller goes whom nobody of the queue takes: by the rules of its extension for busy, no answer and unreachable, as a
//! caller would who had not waited; and if none leads anywhere, it is told and let go.

use std::time::Duration;

use contract::{
    journal::{Detail, EventKind},
    rules::Condition,
};
use dialplan::{Queueing, Route};

use super::{Hears, Place, Queued, Stage};
use crate::{
    call::{
        events::because,
        feature::{
            explain::{self, ANNOUNCEMENT_MAX, EXPLANATION_MAX},
            voicemail,
        },
        forking::Destination,
        forward::told_of,
        outcome::{LegResult, Words},
        state::{Head, State},
    },
    means::Means,
};

/// What a caller hears who cannot wait, or need not.
pub(in crate::call) const fn sound_of(result: LegResult) -> &'static str {
    match result {
        LegResult::Busy => "queue-full",
        LegResult::Unreachable => "queue-closed",
        _ => "not-available",
    }
}

fn of_devices(result: LegResult) -> &'static str {
    explain::of_devices(result).unwrap_or("not-available")
}

impl Queued {
    /// Nobody takes it: a rule sends it on, or it is let go.
    pub(super) fn come_to(
        mut self: Box<Self>,
        head: &mut Head,
        (mut result, mut words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        let is_of_devices = matches!(self.stage, Stage::SentOn(_));
        let mut sound = if is_of_devices { of_devices(result) } else { sound_of(result) };
        // Rules end: no target is tried twice in a call.
        loop {
            self.forward_failed(result, means);
            let Some(decision) = self.next(result, means) else {
                return self.part(head, (result, &words), (sound, EXPLANATION_MAX), means);
            };
            self.trail = decision.trail.clone();
            match decision.route.clone() {
                Route::Announce(announcement) => {
                    self.line.record.forwarded(&decision.forwards, means);
                    return self.part(head, (result, &words), (&announcement.sound, ANNOUNCEMENT_MAX), means);
                }
                Route::Ring(ring) => {
                    self.send_on(Destination { decision, ring }, head, means);
                    match self.stage.forking().and_then(super::Forking::outcome) {
                        None => return State::Queued(self),
                        Some(came_to) => (result, words) = came_to,
                    }
                    sound = of_devices(result);
                }
                Route::Queue(queueing) => {
                    self.line.record.forwarded(&decision.forwards, means);
                    match means.turned_away(self.line.record.org(), &queueing, self.line.caller.person) {
                        None => return self.change(&queueing, means),
                        Some(why) => (result, words) = (why, Words::default()),
                    }
                    sound = sound_of(result);
                }
                Route::Voicemail(to) => {
                    self.line.record.forwarded(&decision.forwards, means);
                    let Self { line, who, language, .. } = *self;
                    return voicemail::take_over(line, &to, (who.shown_number(), language), head, means);
                }
                // No rule leads to these.
                Route::Feature(_) | Route::Refuse(_) => {
                    return self.part(head, (result, &words), (sound, EXPLANATION_MAX), means);
                }
            }
        }
    }

    fn next(&self, result: LegResult, means: &mut Means<'_>) -> Option<dialplan::Decision> {
        let condition: Condition = result.condition()?;
        let caller = (self.line.record.org(), self.who.person);
        means.plan.route_after(caller, &self.trail, condition, means.wall)
    }

    fn forward_failed(&mut self, result: LegResult, means: &mut Means<'_>) {
        let kind = match result {
            LegResult::NoAnswer => EventKind::ForwardNoAnswer,
            LegResult::Busy => EventKind::ForwardBusy,
            _ => return,
        };
        if let Some(forward) = self.trail.path().last().map(|forward| told_of(forward)) {
            self.line.record.event(kind, None, forward, means);
        }
    }

    /// Others ring now, as for any call.
    fn send_on(&mut self, to: Destination, head: &mut Head, means: &mut Means<'_>) {
        let number = std::sync::Arc::clone(&to.ring.number);
        let Some(mut forking) = self.forking(&number, means) else { return };
        forking.ring(to, &mut self.line.record, head, means);
        self.stage = Stage::SentOn(forking);
        self.play(Hears::RingBack, means);
    }

    /// It waits in another queue from now on, behind those who wait there.
    fn change(mut self: Box<Self>, queueing: &Queueing, means: &Means<'_>) -> State {
        self.place = Place::new(queueing, means);
        self.wait();
        State::Queued(self)
    }

    /// Tells the caller why nobody takes it.
    fn part(
        mut self: Box<Self>,
        head: &mut Head,
        (result, words): (LegResult, &Words),
        (sound, longest): (&str, Duration),
        means: &mut Means<'_>,
    ) -> State {
        let told = Detail { sip_status: words.status, ..because(result.reason()) };
        for kind in result.events() {
            self.line.record.event(*kind, None, told.clone(), means);
        }
        self.stage = Stage::Parting { until: means.after(longest) };
        if self.line.caller.streams.voice_line().is_none() {
            return self.let_go(head, means);
        }
        self.say(&[format!("{}/{sound}", self.language.as_str())], means);
        State::Queued(self)
    }

    /// The caller has been told.
    pub(super) fn let_go(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.line.hang_up(head, "not_taken", means)
    }
}
