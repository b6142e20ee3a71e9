//! Sending a call on by the rules of what was called (H-055, H-060): before anybody rings, and after what was rung came
//! to busy, no answer or unreachable.
//!
//! The plan of the moment is asked each time, with the trail of where the call has been; how often it may go on is the
//! plan's business. Whoever declines is busy for the rules, as in a mobile network: both mean "not now". Where ports have
//! run out or the media do not fit, another desk would not help. The next hop is told where the call comes from in both
//! ways that are in use (RFC 5806, RFC 7044). A caller that has taken up a device's own early offer stays with what it
//! has: another device could not be heard by it before the answer.

use contract::{
    journal::{Detail, EventKind},
    rules::{Condition, Timescope},
};
use dialplan::{Decision, Forward, Lead, PersonKey, Queueing, Ring, Route, Trail};
use sip::{ExtraHeaders, Provisional};

use std::{fmt::Write as _, time::Duration};

use super::{
    events::{Record, because},
    feature::explain::ANNOUNCEMENT_MAX,
    invitation::Asked,
    outcome::{LegResult, Tally, Words},
    queued::{self, Coming},
    signalling::Refusing,
    state::{Head, Ringing, State},
};
use crate::means::Means;

impl LegResult {
    /// The case of a rule that this is.
    fn condition(self) -> Option<Condition> {
        match self {
            Self::Busy | Self::DoNotDisturb | Self::Declined => Some(Condition::Busy),
            Self::NoAnswer => Some(Condition::NoAnswer),
            Self::Unreachable | Self::NoSuchNumber | Self::Refused | Self::Barred(_) | Self::Redirected => {
                Some(Condition::Unreachable)
            }
            Self::Congested | Self::MediaRefused => None,
        }
    }
}

impl Ringing {
    /// Nobody of those who were asked takes the call: a rule sends it on, or the caller is told.
    pub(super) fn come_to(
        mut self: Box<Self>,
        head: &mut Head,
        (result, words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        self.record.forward_failed(&self.invitation.trail, result, means);
        match self.next(result, means) {
            Some(decision) => self.go(head, &decision, (result, words), means),
            None => self.refuse(head, (result, words), Refusing::default(), means),
        }
    }

    /// A rule or a phone has sent the call there, because it has come to this. Each time it goes on from there it is
    /// further along its way, which has an end.
    pub(super) fn go(
        mut self: Box<Self>,
        head: &mut Head,
        decision: &Decision,
        (result, words): (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        match &decision.route {
            Route::Announce(announcement) => {
                let language = means.plan.organisation(self.invitation.org).map(dialplan::OrgPlan::language);
                let said = Refusing { sound: Some(&announcement.sound), language, longest: ANNOUNCEMENT_MAX };
                self.refuse(head, (result, words), said, means)
            }
            Route::Voicemail(to) => self.leave_message(head, to, (result, words), means),
            Route::Menu(to) => self.enter_menu(head, to.extension, (result, words), means),
            Route::Conference(to) => self.enter_conference(head, to.extension, (result, words), means),
            Route::Ring(ring) => {
                self.send_on(decision, ring, means);
                if self.tells_first(ring, head, means) {
                    return State::Ringing(self);
                }
                self.invite(ring, head, means);
                self.go_on(head, means)
            }
            Route::Queue(queueing) => {
                let turned_away = means.turned_away(self.invitation.org, queueing, self.caller.person);
                let Some(why) = turned_away else {
                    return self.queue(head, queueing, decision.trail.clone(), means);
                };
                self.invitation.trail = decision.trail.clone();
                self.come_to(head, (why, Words::default()), means)
            }
            // No rule leads to these, or only before anybody rings, and no phone is followed there.
            Route::Intercom(_) | Route::Page(_) | Route::Feature(_) | Route::Refuse(_) => {
                self.refuse(head, (result, words), Refusing::default(), means)
            }
        }
    }

    fn next(&mut self, result: LegResult, means: &mut Means<'_>) -> Option<Decision> {
        let Self { record, invitation, told, .. } = self;
        if invitation.max_forwards == 0 || told.offer.is_some() {
            return None;
        }
        record.sent_on((invitation.caller.person, &invitation.trail), result, means)
    }

    /// The caller is answered and waits.
    fn queue(self, head: &mut Head, queueing: &Queueing, trail: Trail, means: &mut Means<'_>) -> State {
        let Self { record, caller, offer, invitation, told, .. } = self;
        let coming = Coming { who: &invitation.caller, queueing, trail, has_rung: told.ringing };
        queued::open(coming, (record, caller), (offer, told.answer), head, means)
    }

    /// The call goes on to others, whom nobody has asked yet.
    fn send_on(&mut self, decision: &Decision, ring: &Ring, means: &mut Means<'_>) {
        means.ring(self.caller.session, Provisional::new(181));
        let invitation = &mut self.invitation;
        invitation.max_forwards = invitation.max_forwards.saturating_sub(1);
        invitation.trail = decision.trail.clone();
        invitation.numbers.insert(ring.number.to_string());
        // Nobody rings any more, so whoever is at this desk too may ring again.
        invitation.people.clear();
        self.tally = Tally::default();
        self.told.is_written = false;
        // The phone of a caller who has been let hear something has stopped to ring by itself.
        self.told.ringing &= self.told.answer.is_none();
    }

    fn invite(&mut self, ring: &Ring, head: &mut Head, means: &mut Means<'_>) {
        self.until = means.after(Duration::from_secs(u64::from(ring.ring_timeout_secs)));
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        // Fewer ways than devices: nobody is rung, and the call goes on as if none could be reached.
        let breadth = self.invitation.breadth;
        let _ = self.invitation.ring(ring, breadth, self.offer.as_ref(), &mut asked, means);
    }
}

impl Record {
    /// What rules had sent the call to by this trail, if they had, has come to nothing.
    pub(super) fn forward_failed(&mut self, trail: &Trail, result: LegResult, means: &mut Means<'_>) {
        let kind = match result {
            LegResult::NoAnswer => EventKind::ForwardNoAnswer,
            LegResult::Busy | LegResult::DoNotDisturb => EventKind::ForwardBusy,
            _ => return,
        };
        if let Some(forward) = trail.path().last() {
            self.event(kind, None, told_of(forward), means);
        }
    }

    /// Where a rule sends somebody for whom it has come to this, where the trail has led.
    pub(super) fn sent_on(
        &mut self,
        (caller, trail): (PersonKey, &Trail),
        result: LegResult,
        means: &mut Means<'_>,
    ) -> Option<Decision> {
        let whose = (self.org(), caller);
        let decision = means.plan.route_after(whose, trail, result.condition()?, means.wall)?;
        means.trace_route(self.call(), means.plan.revision(), decision.clone());
        self.forwarded(&decision.forwards, means);
        Some(decision)
    }
}

/// What is written down of a forward.
pub(super) fn told_of(forward: &Forward) -> Detail {
    Detail { number: Some(forward.number.to_string()), ..because(forward.lead.reason()) }
}

/// What the next hop is told of how the call comes to it: nothing if no rule has sent it on.
pub(super) fn headers(trail: &Trail, domain: &str) -> ExtraHeaders {
    headers_for(trail, domain, |_| None)
}

/// The same for somebody who knows other numbers of who has sent it on, as `named` has them.
pub(super) fn headers_for(
    trail: &Trail,
    domain: &str,
    named: impl Fn(&str) -> Option<String>,
) -> ExtraHeaders {
    let path = trail.path();
    let Some(first) = path.first() else { return ExtraHeaders::new() };
    let known_as = |number: &str| named(number).unwrap_or_else(|| number.to_owned());
    let mut diversions = Vec::new();
    let mut history = String::new();
    let mut index = String::from("1");
    // Writing to a String cannot fail.
    let _ = write!(history, "<sip:{}@{domain}{}>;index=1", known_as(&first.by), why_it_failed(first));
    for (at, forward) in path.iter().enumerate() {
        let by = known_as(&forward.by);
        diversions.push(format!("<sip:{by}@{domain}>;reason={};counter=1", diversion(forward)));
        let failed = path.get(at + 1).map_or("", |next| why_it_failed(next));
        let (number, cause) = (known_as(&forward.number), cause(forward));
        let _ = write!(history, ", <sip:{number}@{domain};cause={cause}{failed}>;index={index}.1;mp={index}");
        index.push_str(".1");
    }
    // RFC 5806 §4: the latest first.
    diversions.reverse();
    vec![("Diversion".into(), diversions.join(", ")), ("History-Info".into(), history)]
}

/// In which case it was sent on; from a menu before anybody has rung.
fn case(forward: &Forward) -> Condition {
    forward.lead.rule().map_or(Condition::Always, |rule| rule.condition)
}

/// RFC 5806 §4.
fn diversion(forward: &Forward) -> &'static str {
    let Lead::Rule(rule) = forward.lead else { return "unconditional" };
    match (rule.condition, rule.timescope) {
        (Condition::Busy, _) => "user-busy",
        (Condition::NoAnswer, _) => "no-answer",
        (Condition::Unreachable, _) => "unavailable",
        (Condition::Always, Timescope::Any) => "unconditional",
        (Condition::Always, Timescope::WorkHours | Timescope::OffHours) => "time-of-day",
    }
}

/// RFC 4458 §2.1.
fn cause(forward: &Forward) -> u16 {
    match case(forward) {
        Condition::Busy => 486,
        Condition::NoAnswer => 408,
        Condition::Unreachable => 503,
        Condition::Always => 302,
    }
}

/// RFC 7044 §10.2: what came of the entry that the call is sent on from, escaped as a header of its URI.
fn why_it_failed(forward: &Forward) -> &'static str {
    match case(forward) {
        Condition::Busy => "?Reason=SIP%3Bcause%3D486",
        Condition::NoAnswer => "?Reason=SIP%3Bcause%3D408",
        Condition::Unreachable => "?Reason=SIP%3Bcause%3D480",
        Condition::Always => "",
    }
}
