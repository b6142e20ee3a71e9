//! Somebody is to call a number, by order (click-to-call): their own phones ring first, and whoever answers there has dialled it.
//!
//! ```text
//! Originating ── a phone of theirs answers ──▶ where the number leads (`queued::lead`)
//!      └── none does ──▶ Over
//! ```
//!
//! The phone is offered what the switch speaks itself, as a caller is answered whom the switch serves; from its answer on it is the
//! caller's leg like any other. The number is looked up when it has answered, and nobody is rung there before. A phone that
//! sends the call elsewhere (302) is not followed: it is its person who is to call.

use contract::journal::{Detail, EventKind};
use dialplan::{Decision, Facts, OrgPlan, Ring, Step};
use serde::{Deserialize, Serialize};
use sip::{Body, Cause, Event, Reply, SessionKey};

use super::{
    Call,
    dial::{Begun, begin},
    events::{Record, because},
    forking::Forking,
    identity::{Identity, Privacy},
    line::Line,
    outcome::{LegResult, Words},
    queued::{self, Arriving},
    state::{Head, Side, State, end},
};
use crate::{clock::Moment, means::Means};

/// An order to call that can be carried out.
pub(crate) struct Origination<'a> {
    pub(crate) id: contract::id::CallId,
    pub(crate) org: &'a OrgPlan,
    /// Who calls.
    pub(crate) caller: Identity,
    /// Their own phones.
    pub(crate) phones: &'a Ring,
    pub(crate) dialled: &'a str,
    /// What that leads to now.
    pub(crate) decision: &'a Decision,
    pub(crate) auto_answer: bool,
}

/// The phones of somebody ring who is to call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Originating {
    pub(super) record: Record,
    /// Who calls.
    who: Identity,
    /// Their number among the participants.
    participant: u16,
    dialled: Box<str>,
    forking: Forking,
}

impl Call {
    /// Lets the phones of somebody ring who is to call.
    pub(crate) fn originate(order: &Origination<'_>, means: &mut Means<'_>) -> Self {
        let Origination { id, org, caller, phones, dialled, decision, auto_answer } = order;
        let Begun { mut head, mut record, participant } = begin((org, *id), caller, dialled, decision, means);
        let told = because("ordered");
        record.event(EventKind::DialAttempt, Some(participant), told, means);
        let shown = shown(order);
        let forking = Forking::alone(&record, (org, shown), &phones.number, *auto_answer, means);
        let state = match forking.map(Forking::own) {
            None => come_to_nothing(record, (LegResult::Congested, Words::default()), means),
            Some(mut forking) => {
                forking.ask(phones, &mut head, means);
                let who = caller.clone();
                let dialled = (*dialled).into();
                let originating = Originating { record, who, participant, dialled, forking };
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
    Identity::outside(order.caller.person, (&number, &name), order.org, Privacy::Open)
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

    /// The caller is there, and has dialled the number.
    fn answered(
        mut self: Box<Self>,
        with: (SessionKey, Option<&Body>),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Some(mut leg) = self.forking.won(with, head, means) else { return self.go_on(means) };
        let Self { record, who, participant, dialled, .. } = *self;
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
