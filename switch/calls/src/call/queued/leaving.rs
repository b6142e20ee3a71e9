//! Where a caller goes whom nobody of the queue takes: by the rules of its extension for busy, no answer and unreachable, as a
//! caller would who had not waited; and if none leads anywhere, it is told and let go.

use std::time::Duration;

use contract::journal::Detail;
use dialplan::{Queueing, Ring, Route};

use super::{Hears, Place, Queued, Stage};
use crate::{
    call::{
        events::because,
        feature::{
            explain::{self, ANNOUNCEMENT_MAX, EXPLANATION_MAX},
            voicemail,
        },
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
    /// Nobody takes it: a rule sends it on, or it is let go. Rules end: no target is tried twice in a call.
    pub(super) fn come_to(
        mut self: Box<Self>,
        head: &mut Head,
        (result, words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        let sound = match std::mem::replace(&mut self.stage, Stage::Waiting) {
            Stage::SentOn(_) => of_devices(result),
            _ => sound_of(result),
        };
        let told = (sound, EXPLANATION_MAX);
        let Self { line, who, trail, .. } = &mut *self;
        line.record.forward_failed(trail, result, means);
        let Some(decision) = line.record.sent_on((who.person, trail), result, means) else {
            return self.part(head, (result, &words), told, means);
        };
        self.trail = decision.trail;
        match decision.route {
            Route::Announce(announcement) => {
                self.part(head, (result, &words), (&announcement.sound, ANNOUNCEMENT_MAX), means)
            }
            Route::Ring(ring) => self.go_to(Some(Box::new((*ring).clone())), head, means),
            Route::Queue(queueing) => {
                let turned_away =
                    means.turned_away(self.line.record.org(), &queueing, self.line.caller.person);
                match turned_away {
                    None => self.change(&queueing, head, means),
                    Some(why) => self.come_to(head, (why, Words::default()), means),
                }
            }
            Route::Voicemail(to) => {
                let Self { line, who, language, .. } = *self;
                voicemail::take_over(line, &to, (who.shown_number(), language), head, means)
            }
            // No rule leads to these.
            Route::Feature(_) | Route::Refuse(_) => self.part(head, (result, &words), told, means),
        }
    }

    /// Others ring now, as for any call.
    pub(super) fn ring(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        let Some(mut forking) = self.forking(&ring.number, means) else { return State::Queued(self) };
        forking.ask(ring, head, means);
        self.stage = Stage::SentOn(forking);
        self.play(Hears::RingBack, means);
        self.go_on(head, means)
    }

    /// It waits in another queue from now on, behind those who wait there.
    fn change(mut self: Box<Self>, queueing: &Queueing, head: &mut Head, means: &mut Means<'_>) -> State {
        self.place = Place::new(queueing, means);
        self.go_to(None, head, means)
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
        self.say(&[sound], means);
        State::Queued(self)
    }

    /// The caller has been told.
    pub(super) fn let_go(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.line.hang_up(head, "not_taken", means)
    }
}
