//! Where a caller goes whom nobody of the queue takes: by the rules of its extension for busy, no answer and unreachable, as a
//! caller would who had not waited; and if none leads anywhere, it is told and let go, or comes back to the menu that it has
//! come from.

use std::time::Duration;

use contract::{id::ExtensionId, journal::Detail, language::Language};
use dialplan::{Decision, Queueing, Ring, Route, Trail};

use super::{Hears, Place, Queued, Stage};
use crate::{
    call::{
        events::because,
        feature::{
            conference,
            explain::{self, ANNOUNCEMENT_MAX, EXPLANATION_MAX, UNAVAILABLE},
            menu::{self, Visit},
            voicemail,
        },
        identity::Identity,
        line::Line,
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

/// Who comes to stand somewhere with an answer already.
pub(in crate::call) struct Arriving {
    pub(in crate::call) who: Identity,
    /// The menu that it comes from.
    pub(in crate::call) visit: Option<Visit>,
    /// In which it is spoken to.
    pub(in crate::call) language: Language,
}

/// Where somebody stands who lets another one stand there.
pub(in crate::call) enum Stand {
    Queue(Place, Trail),
    /// The menu of an extension.
    Menu(ExtensionId),
}

/// A caller on the line, who has come from a menu or was sent on by hand, goes to somebody who rings, a queue, another menu or a
/// mailbox.
pub(in crate::call) fn lead(
    line: Line,
    arriving: Arriving,
    decision: Decision,
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let queued = Box::new(Queued::arriving(line, arriving, (None, decision.trail.clone())));
    let nothing = (LegResult::Unreachable, Words::default());
    queued.take(decision, (nothing, (UNAVAILABLE, EXPLANATION_MAX)), head, means)
}

/// A caller on the line has the place of another one in a queue.
pub(in crate::call) fn stand_in(
    line: Line,
    arriving: Arriving,
    (place, trail): (Place, Trail),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let place = Place { told: None, is_queued: false, again: None, ..place };
    Box::new(Queued::arriving(line, arriving, (Some(place), trail))).go_to(None, head, means)
}

impl Queued {
    fn arriving(line: Line, arriving: Arriving, (place, trail): (Option<Place>, Trail)) -> Self {
        let Arriving { who, visit, language } = arriving;
        Self {
            line,
            who,
            place,
            visit: visit.map(Box::new),
            trail,
            stage: Stage::Waiting,
            hears: Hears::Nothing,
            language,
            has_rung: false,
            is_offered: false,
        }
    }

    /// It waits, and nothing keeps it from letting somebody else do so.
    pub(in crate::call) fn has_place(&self) -> bool {
        self.place.is_some() && matches!(self.stage, Stage::Waiting | Stage::Asking(_))
    }

    /// Its place for somebody else; nobody rings for it any more.
    pub(in crate::call) fn give_place(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Result<(Line, Stand), Box<Self>> {
        if !self.has_place() {
            return Err(self);
        }
        if let Some(forking) = self.stage.forking_mut() {
            forking.silence(head, None, means);
        }
        match self.place.take() {
            Some(place) => Ok((self.line, Stand::Queue(place, self.trail))),
            None => Err(self),
        }
    }

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
        self.take(decision, ((result, words), told), head, means)
    }

    /// Goes where it is led, after it had come to this and would hear so.
    fn take(
        mut self: Box<Self>,
        decision: Decision,
        ((result, words), told): ((LegResult, Words), (&str, Duration)),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        self.trail = decision.trail;
        match decision.route {
            Route::Announce(announcement) => {
                // That is the organisation's order, and the end.
                self.visit.iter_mut().for_each(|visit| visit.stay());
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
            Route::Menu(to) => {
                let Self { line, who, visit, .. } = *self;
                let visit = match visit {
                    Some(visit) => visit.on(to.extension),
                    None => Visit::first(who, to.extension),
                };
                menu::take_over(line, visit, head, means)
            }
            Route::Conference(to) => {
                let way = (to.extension, !self.trail.path().is_empty());
                conference::take_over(self.line, way, head, means)
            }
            // No rule leads to these.
            Route::Intercom(_) | Route::Page(_) | Route::Feature(_) | Route::Refuse(_) => {
                self.part(head, (result, &words), told, means)
            }
        }
    }

    /// Others ring now, as for any call.
    pub(super) fn ring(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        let Some(mut forking) = self.forking(&ring.number, means) else { return State::Queued(self) };
        forking.ask(ring, head, means);
        self.stage = Stage::SentOn(Box::new(forking));
        self.play(Hears::RingBack, means);
        self.go_on(head, means)
    }

    /// It waits in another queue from now on, behind those who wait there.
    fn change(mut self: Box<Self>, queueing: &Queueing, head: &mut Head, means: &mut Means<'_>) -> State {
        self.place = Some(Place::new(queueing, means));
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
        if let Some(visit) = self.visit.as_ref().and_then(|visit| visit.again(sound)) {
            return menu::take_over(self.line, visit, head, means);
        }
        let told = Detail { sip_status: words.status, ..because(result.reason()) };
        let sent = [result.of_transfer()];
        let events = if self.line.record.is_answered() { &sent[..] } else { result.events() };
        for kind in events {
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
