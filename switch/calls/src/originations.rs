//! Orders to call a number for somebody (click-to-call), or to have a supervisor listen to a call: whether that can be begun at all,
//! and in which call.
//!
//! What can be known before the first phone rings is asked here: whether the switch takes calls, who calls and by which phones, where
//! the number leads, whether their budget allows it, whom there is to listen to. How the call goes is the business of
//! `call/originating`.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use contract::{
    command::{Outcome, SupervisionMode},
    id::{CallId, OrgId},
};
use dialplan::{Decision, Facts, OrgPlan, PersonKey, Refusal, Ring, Route};

use crate::{
    call::{
        Call, Toll,
        identity::{Identity, Privacy},
        objection::Objection,
        originating::{Origination, Wish},
    },
    clock::ClockMark,
    config::DIALLED_BYTES_MAX,
    output::{Notice, Output, Outputs},
    supervision::{NoSubject, ToListen},
    switchboard::Switchboard,
};

/// Ids that orderers have given which are remembered; what is older than these is taken for known.
const ORDERED_MAX: usize = 1_000;
/// How far the clock of an orderer may be ahead.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// An order to call, or to listen.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) org: Option<OrgId>,
    pub(crate) call: Option<CallId>,
    pub(crate) from: &'a str,
    pub(crate) wants: Wants<'a>,
    pub(crate) auto_answer: bool,
}

/// What somebody is to do.
#[derive(Debug)]
pub(crate) enum Wants<'a> {
    /// Call this number.
    Number(&'a str),
    /// Listen to this call.
    Listening { subject: CallId, mode: SupervisionMode },
}

/// Calls that were ordered by ids of the orderers' own, which are in the order of their times.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// When this life began: of what was ordered before, nothing is known.
    began: Instant,
    /// The latest.
    known: BTreeSet<CallId>,
    /// The newest that has been forgotten.
    forgotten: Option<CallId>,
}

impl Ordered {
    pub(crate) fn since(began: Instant) -> Self {
        Self { began, known: BTreeSet::new(), forgotten: None }
    }

    /// Why there is to be no call with this id (any more).
    fn objection(&self, call: CallId, (clock, now): (&ClockMark, Instant)) -> Option<Outcome> {
        let latest = CallId::new(clock.wall(now + AHEAD_MAX), [u8::MAX; 10]);
        if !call.is_of_a_time() || call > latest {
            return Some(Outcome::UnusableId);
        }
        // By the clock of now, which may have been set since.
        let is_older = call < CallId::new(clock.wall(self.began), [0; 10])
            || self.forgotten.is_some_and(|forgotten| call <= forgotten);
        (is_older || self.known.contains(&call)).then_some(Outcome::AlreadySo)
    }

    fn remember(&mut self, call: CallId) {
        self.known.insert(call);
        if self.known.len() > ORDERED_MAX {
            self.forgotten = self.known.pop_first().max(self.forgotten);
        }
    }
}

impl Switchboard {
    /// Somebody is to call.
    pub(crate) fn originate(&mut self, order: &Order<'_>, out: &mut Outputs) {
        let outcome = self.begin_call(order, out).map_or_else(|refused| refused, Outcome::Called);
        out.push(Output::Command(outcome));
    }

    fn begin_call(&mut self, order: &Order<'_>, out: &mut Outputs) -> Result<CallId, Outcome> {
        // A repeat is answered by what has become of the first, whatever would become of it now.
        let at = (&self.clock, self.now);
        if let Some(objection) = order.call.and_then(|call| self.ordered.objection(call, at)) {
            return Err(objection);
        }
        if order.call.is_some_and(|call| self.calls.contains_key(&call)) {
            return Err(Outcome::AlreadySo);
        }
        if let Some(notice) = self.full() {
            out.notice(notice);
            return Err(Outcome::NotNow);
        }
        let plan = Arc::clone(&self.plan);
        let org = match (&order.wants, order.org) {
            (Wants::Listening { subject, .. }, org) => {
                Some(self.organisation_of(*subject, org, &plan).ok_or(Outcome::UnknownCall)?)
            }
            (Wants::Number(_), Some(id)) => plan.organisation(id),
            (Wants::Number(_), None) => plan.default_organisation(),
        };
        let org = org.ok_or(Outcome::UnknownCaller)?;
        let (caller, phones) = self.caller(org, order.from).ok_or(Outcome::UnknownCaller)?;
        let (wish, dialled) = self.wish((org, caller.person), &order.wants)?;
        let facts = Facts { org: org.id(), caller: caller.person, dialled: &dialled };
        let decision = plan.route(&facts, self.wall());
        let id = order.call.unwrap_or_else(|| CallId::new(self.wall(), self.random.bytes()));
        if matches!(wish, Wish::Call) {
            self.leads_somewhere((org, id), &decision, out).map_err(Objection::outcome)?;
        }
        order.call.into_iter().for_each(|call| self.ordered.remember(call));
        let whose = (caller, phones);
        let auto_answer = order.auto_answer;
        let order = Origination { id, org, whose, wish, dialled: &dialled, decision: &decision, auto_answer };
        let call = Call::originate(order, &mut self.means(out));
        self.keep(id, call, None);
        Ok(id)
    }

    /// What somebody is to do when their phone has answered, and what they could have dialled for it.
    fn wish<'o>(
        &self,
        (org, person): (&OrgPlan, PersonKey),
        wants: &Wants<'o>,
    ) -> Result<(Wish, Cow<'o, str>), Outcome> {
        match *wants {
            Wants::Number(to) if to.len() > DIALLED_BYTES_MAX => Err(Outcome::UnknownNumber),
            Wants::Number(to) => Ok((Wish::Call, to.into())),
            Wants::Listening { subject, mode } => {
                let PersonKey::User(supervisor) = person else { return Err(Outcome::NotAllowed) };
                let subject = self.subject_in(org, supervisor, subject).map_err(NoSubject::outcome)?;
                let code = org.code_to_listen(subject.user).ok_or(Outcome::NotAllowed)?;
                Ok((Wish::Listen(ToListen { supervisor, mode, subject, objection: None }), code.into()))
            }
        }
    }

    /// Whose number it is, with their phones, if any is registered.
    pub(crate) fn caller<'o>(&self, org: &'o OrgPlan, number: &str) -> Option<(Identity, &'o Ring)> {
        let phones = org.own_phones(number)?;
        let target = phones.targets.first().filter(|target| self.registrar.is_reachable(target))?;
        let account = org.account_of(target.person)?;
        Some((Identity::new(account, org, Privacy::Open), phones))
    }

    /// Whether the number leads anywhere now, and may be called.
    fn leads_somewhere(
        &mut self,
        (org, id): (&OrgPlan, CallId),
        decision: &Decision,
        out: &mut Outputs,
    ) -> Result<(), Objection> {
        match &decision.route {
            Route::Refuse(refusal) => {
                if let Refusal::Barred(why) = *refusal {
                    out.notice(Notice::OutsideBarred { org: org.id(), why });
                }
                Err(Objection::Refused(*refusal))
            }
            Route::Intercom(_) | Route::Page(_) | Route::Feature(_) => Err(Objection::NotATarget),
            Route::Ring(ring) => {
                let Some(toll) = ring.outbound.as_ref().and_then(|outbound| Toll::of(outbound)) else {
                    return Ok(());
                };
                let (plan, wall) = (Arc::clone(&self.plan), self.wall());
                self.fraud.allows((org.id(), toll), (id, &[]), (&plan, wall)).map_err(|why| {
                    out.notice(Notice::OutsideBarred { org: org.id(), why });
                    Objection::Refused(Refusal::Barred(why))
                })
            }
            _ => Ok(()),
        }
    }
}
