//! Somebody is to call a number, or to listen to a call, by order (click-to-call): their own phones ring first, and whoever answers
//! there has dialled it.
//!
//! ```text
//! Originating ── a phone of theirs answers ──▶ where the number leads (`queued::lead`), or beside the call (`feature/supervision`)
//!      └── none does ──▶ Over
//! ```
//!
//! The phone is offered what the switch speaks itself, as a caller is answered whom the switch serves; from its answer on it is the
//! caller's leg like any other. The number is looked up when it has answered, and nobody is rung there before. A phone that
//! sends the call elsewhere (302) is not followed: it is its person who is to call.

use contract::{
    id::{CallId, OrgId},
    journal::{Detail, EventKind},
};
use dialplan::{Decision, Facts, OrgPlan, Ring, Step};
use serde::{Deserialize, Serialize};
use sip::{Body, Cause, Event, Reply, SessionKey};

use super::{
    Call,
    dial::{Begun, begin},
    events::{Record, because},
    feature::supervision,
    forking::Forking,
    identity::{Identity, Privacy},
    line::Line,
    outcome::{LegResult, Words},
    queued::{self, Arriving},
    state::{Head, Side, State, end},
};
use crate::{
    clock::Moment,
    means::Means,
    supervision::{NoSubject, Subject, ToListen},
};

/// An order that can be carried out.
pub(crate) struct Origination<'a> {
    pub(crate) id: CallId,
    pub(crate) org: &'a OrgPlan,
    /// Who calls, and their own phones.
    pub(crate) whose: (Identity, &'a Ring),
    pub(crate) wish: Wish,
    pub(crate) dialled: &'a str,
    /// What that leads to now.
    pub(crate) decision: &'a Decision,
    pub(crate) auto_answer: bool,
}

/// What is to become of somebody whose phone has answered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Wish {
    /// They call what is dialled.
    Call,
    /// They listen to somebody.
    Listen(ToListen),
}

/// The phones of somebody ring who is to call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Originating {
    pub(super) record: Record,
    /// Who calls.
    who: Identity,
    /// Their number among the participants.
    participant: u16,
    wish: Wish,
    dialled: Box<str>,
    forking: Forking,
}

impl Call {
    /// Lets the phones of somebody ring who is to call.
    pub(crate) fn originate(order: Origination<'_>, means: &mut Means<'_>) -> Self {
        let shown = shown(&order);
        let Origination { id, org, whose: (who, phones), wish, dialled, decision, auto_answer } = order;
        let Begun { mut head, mut record, participant } = begin((org, id), &who, dialled, decision, means);
        let told = because("ordered");
        record.event(EventKind::DialAttempt, Some(participant), told, means);
        let forking = Forking::alone(&record, (org, shown), &phones.number, auto_answer, means);
        let state = match forking.map(Forking::own) {
            None => come_to_nothing(record, (LegResult::Congested, Words::default()), means),
            Some(mut forking) => {
                forking.ask(phones, &mut head, means);
                let dialled = dialled.into();
                let originating = Originating { record, who, participant, wish, dialled, forking };
                Box::new(originating).go_on(means)
            }
        };
        let mut call = Self { head, state };
        call.write_gone(means);
        call
    }
}

/// Who seems to call the phones: what is to be called.
fn shown(order: &Origination<'_>) -> Identity {
    let named = order.decision.trace.0.iter().find_map(|step| match step {
        Step::Number { number, name, .. } => Some((number.to_string(), name.to_string())),
        Step::Outside { number, .. } => Some((number.to_string(), String::new())),
        _ => None,
    });
    // What nothing is known of by another name may be written as it was dialled.
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '*');
    let (number, name) =
        named.unwrap_or_else(|| (order.dialled.chars().filter(plain).collect(), String::new()));
    Identity::outside(order.whose.0.person, (&number, &name), order.org, Privacy::Open)
}

impl Originating {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Progress { session, status, .. } => {
                self.forking.progress(session, status);
            }
            Event::Answered { session, body, .. } => {
                return self.answered((session, body.as_ref()), head, means);
            }
            Event::Failed { session, status, cause, .. } => {
                // One phone of the caller's speaks for all of them, and declines no call of anybody else.
                if cause == Cause::Response && LegResult::is_final_for_person(status) {
                    self.forking.refused(session, status, head, means);
                    let result = LegResult::of(status, cause, true);
                    let words = Words { status: Some(status), ..Words::default() };
                    return come_to_nothing(self.record, (result, words), means);
                }
                self.forking.failed(event, &mut self.record, head, means);
                return self.go_on(means);
            }
            Event::Update { session, .. } => means.refuse_update(session, Reply::new(504)),
            Event::InDialog { request, .. } => means.respond_in_dialog(request, Reply::new(480)),
            _ => {}
        }
        State::Originating(self)
    }

    /// The caller is there, and has dialled it.
    fn answered(
        mut self: Box<Self>,
        with: (SessionKey, Option<&Body>),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Some(mut leg) = self.forking.won(with, head, means) else { return self.go_on(means) };
        let Self { record, who, participant, wish, dialled, .. } = *self;
        leg.participant = Some(participant);
        leg.recording = None;
        let facts = Facts { org: record.org(), caller: who.person, dialled: &dialled };
        let decision = means.plan.route(&facts, means.wall);
        let mut line = Line::new(record, leg, Side::Caller);
        if line.caller.streams.voice_line().is_none() {
            return line.unheard(head, means);
        }
        line.record.forwarded(&decision.forwards, means);
        means.trace_route(line.record.call(), means.plan.revision(), decision.clone());
        if let Wish::Listen(order) = wish {
            return supervision::take_over(line, &order, head, means);
        }
        let language = means.language(line.record.org());
        queued::lead(line, Arriving { who, visit: None, language }, decision, head, means)
    }

    fn go_on(self: Box<Self>, means: &mut Means<'_>) -> State {
        match self.forking.outcome() {
            None => State::Originating(self),
            Some(came_to) => come_to_nothing(self.record, came_to, means),
        }
    }

    /// Its phones have rung long enough (H-052).
    pub(super) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.forking.silence(head, None, means);
        come_to_nothing(self.record, (LegResult::NoAnswer, Words::default()), means)
    }

    /// The operator ends it.
    pub(super) fn hang_up(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        self.forking.silence(head, None, means);
        let told = because("operator");
        end(self.record, &[EventKind::Canceled], &told.clone(), told, means)
    }

    /// Who is to call.
    pub(super) fn who(&self) -> dialplan::PersonKey {
        self.who.person
    }

    /// Their phones that ring.
    pub(super) fn forks(&self) -> &[super::leg::Leg] {
        self.forking.forks()
    }

    /// The same, to be changed.
    pub(super) fn forks_mut(&mut self) -> &mut [super::leg::Leg] {
        self.forking.forks_mut()
    }

    pub(super) fn until(&self) -> Moment {
        self.forking.until()
    }
}

impl Call {
    /// What it is that somebody is to listen to, if that is what their phones ring for.
    pub(crate) fn is_to_listen(&self) -> Option<(OrgId, ToListen)> {
        let State::Originating(originating) = &self.state else { return None };
        match originating.wish {
            Wish::Listen(order) => Some((originating.record.org(), order)),
            Wish::Call => None,
        }
    }

    /// Whom they listen to if one of their phones answers now.
    pub(crate) fn is_to_listen_to(&mut self, found: Result<Subject, NoSubject>) {
        let State::Originating(originating) = &mut self.state else { return };
        if let Wish::Listen(order) = &mut originating.wish {
            order.objection = found.err();
            order.subject = found.unwrap_or(order.subject);
        }
    }
}

/// The caller was not there, so nothing was called.
fn come_to_nothing(record: Record, (result, words): (LegResult, Words), means: &mut Means<'_>) -> State {
    let (kind, reason) = match result {
        LegResult::NoAnswer => (EventKind::Canceled, "caller_no_answer"),
        LegResult::Busy => (EventKind::Canceled, "caller_busy"),
        LegResult::Declined => (EventKind::Canceled, "caller_declined"),
        LegResult::MediaRefused | LegResult::Congested => (EventKind::Failed, result.reason()),
        _ => (EventKind::Failed, "caller_unreachable"),
    };
    let told = Detail { sip_status: words.status, ..because(reason) };
    end(record, &[kind], &told.clone(), told, means)
}
