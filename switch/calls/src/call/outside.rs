//! Calling a number in the telephone network (decision 0040): by one trunk after the other, and at each by one of its targets
//! after the other, until somebody there has something to say about the number.
//!
//! What says nothing of the number itself (silence, a broken transport, 5xx, 408, a login that is not taken) sends the call on to the
//! next way, as long as nothing has rung. Everything else is the answer. Who calls is told as a number that people outside
//! can call back: the caller's own, else that of the trunk.

use std::sync::Arc;

use contract::{id::TrunkId, snapshot::RecordingPolicy};
use dialplan::{Host, OrgPlan, Outbound, Payer, PersonKey, Trunk, Trust};
use serde::{Deserialize, Serialize};
use sip::{Cause, ExtraHeaders, Flow, Invite, Party};
use streams::sdp::Description;

use super::{
    Toll, forward,
    identity::{Identity, Privacy, Shown},
    invitation::{Asked, Invitation},
    leg::{Again, Asking, Leg},
    media_plan::LegStreams,
    outcome::{LegResult, Words},
};
use crate::{means::Means, output::Notice, registrar::Reach, trunks};

/// Ways that are tried for one call.
const WAYS_MAX: u8 = 8;
/// How long a target may say nothing at all, be it no 100, before the next way is tried: RFC 3261's timer B is longer than a
/// caller waits.
const SILENCE_SECS_MAX: u16 = 6;

/// What can still be tried of a call to the telephone network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Onward {
    outbound: Arc<Outbound>,
    /// The trunk that is being tried.
    trunk: TrunkId,
    /// The URI of its target that is being tried.
    target: Box<str>,
    /// Its other ways, the next one last.
    ways: Vec<(Box<str>, Flow)>,
    /// Trunks after it, the next one last.
    trunks: Vec<TrunkId>,
    tries_left: u8,
}

impl Onward {
    /// Who is on the leg to it.
    fn person(&self) -> PersonKey {
        PersonKey::Trunk(self.trunk)
    }

    /// What it is counted for.
    pub(super) fn toll(&self) -> Option<Toll> {
        Toll::of(&self.outbound)
    }

    /// Who is called, as far as anybody knows.
    pub(super) fn callee(&self, org: &OrgPlan) -> Identity {
        Identity::outside(self.person(), (&self.outbound.number.to_string(), ""), org, Privacy::Open)
    }
}

impl Invitation {
    /// Calls a number outside.
    pub(super) fn call_outside(
        &self,
        (outbound, recording): (&Arc<Outbound>, Option<RecordingPolicy>),
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let Some(trunk) = outbound.trunks.first().copied() else { return };
        if let Some(toll) = Toll::of(outbound) {
            let is_theirs = |leg: &&Leg| leg.toll().is_some_and(|other| other.payer == toll.payer);
            let theirs = asked.forks.iter().filter(is_theirs);
            let beside: Vec<u16> = theirs.map(|fork| fork.no).collect();
            if let Err(why) = means.begin_outside((self.org, toll), (self.call, &beside)) {
                means.notice(Notice::OutsideBarred { org: self.org, why });
                let person = PersonKey::Trunk(trunk);
                asked.tally.add(person, LegResult::Barred(why), Words::default());
                return;
            }
        }
        // What is not there now is worth a try only where nothing else is.
        let org = means.plan.organisation(self.org);
        let is_up =
            |id: &&TrunkId| org.and_then(|org| org.trunk(**id)).is_some_and(|trunk| means.links.is_up(trunk));
        let (up, down): (Vec<&TrunkId>, Vec<&TrunkId>) = outbound.trunks.iter().partition(is_up);
        let onward = Onward {
            outbound: Arc::clone(outbound),
            trunk,
            target: Box::default(),
            ways: Vec::new(),
            trunks: up.into_iter().chain(down).rev().copied().collect(),
            tries_left: WAYS_MAX,
        };
        self.try_next((onward, recording), offer, asked, means);
    }

    /// A way has failed without a word about the number: the next one is tried, if there is any.
    pub(super) fn go_onward(
        &self,
        (failed, status, cause): (&Leg, u16, Cause),
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let is_about_the_way = match cause {
            Cause::Timeout | Cause::Unreachable => true,
            Cause::Response => matches!(status, 401 | 407 | 408 | 500..=599),
            Cause::Canceled => return,
        };
        let again = failed.again.as_ref().filter(|_| !failed.has_rung);
        let onward = again.and_then(|again| again.onward.clone());
        // No provider's word on a number of the emergency services is the last.
        if let Some(onward) = onward.filter(|onward| is_about_the_way || onward.outbound.payer.is_none()) {
            self.try_next((*onward, failed.recording), offer, asked, means);
        }
    }

    fn try_next(
        &self,
        (mut onward, recording): (Onward, Option<RecordingPolicy>),
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let before = asked.forks.len();
        while asked.forks.len() == before
            && let Some(flow) = self.next_way(&mut onward, asked, means)
        {
            let again = Again {
                number: onward.outbound.number.to_string().into(),
                trust: Trust::Outside,
                request_uri: Box::default(),
                routes: Box::default(),
                reliable: self.can_answer_early && asked.forks.is_empty(),
                recording,
                asking: Asking::Called,
                onward: Some(Box::new(onward.clone())),
            };
            let reach = Reach { flow, request_uri: String::new(), routes: Vec::new(), fallbacks: Vec::new() };
            let Some(invite) = self.invite_for(&again, reach, means) else { continue };
            let streams = LegStreams::new(self.call, invite.flow, means.config);
            self.ask((onward.person(), again), (invite, streams), offer, asked, means);
        }
    }

    /// The next way that may be tried; trunks that have none, or no channel, are passed over.
    fn next_way(&self, onward: &mut Onward, asked: &mut Asked<'_>, means: &mut Means<'_>) -> Option<Flow> {
        onward.tries_left = onward.tries_left.checked_sub(1)?;
        loop {
            if let Some((target, flow)) = onward.ways.pop() {
                onward.target = target;
                return Some(flow);
            }
            onward.trunk = onward.trunks.pop()?;
            let plan = means.plan;
            let Some(trunk) = plan.organisation(self.org).and_then(|org| org.trunk(onward.trunk)) else {
                continue;
            };
            let is_emergency = onward.outbound.payer.is_none();
            let own = asked.forks.iter().map(|fork| fork.person).chain([self.caller.person]);
            let own = own.filter(|person| *person == onward.person()).count();
            if means.is_full(trunk, own) && !is_emergency {
                means.notice(Notice::TrunkFull);
                asked.tally.add(onward.person(), LegResult::Congested, Words::default());
                continue;
            }
            onward.ways = means.ways_to(trunk);
            onward.ways.reverse();
            if onward.ways.is_empty() {
                asked.tally.add(onward.person(), LegResult::Unreachable, Words::default());
            }
        }
    }

    /// The INVITE for a way. `None`: the trunk is not there any more.
    pub(super) fn invite_outside(&self, onward: &Onward, flow: Flow, means: &Means<'_>) -> Option<Invite> {
        let org = means.plan.organisation(self.org)?;
        let trunk = org.trunk(onward.trunk)?;
        let place = onward.target.strip_prefix("sip:")?;
        let host = trunks::domain(&onward.target);
        let number = org.written(onward.outbound.number, trunk.number_format);
        // RFC 3261 §19.1.6: what has a plus is a global number.
        let phone = if number.starts_with('+') { ";user=phone" } else { "" };
        let shown = self.shown_outside((org, trunk), &onward.target, onward.outbound.payer);
        Some(Invite {
            flow,
            request_uri: format!("sip:{number}@{place}{phone}"),
            from: shown.from,
            to: Party::new(format!("sip:{number}@{host}{phone}")),
            contact_user: shown.contact_user,
            routes: Vec::new(),
            fallbacks: Vec::new(),
            max_forwards: self.max_forwards,
            headers: shown.headers,
            body: None,
            reliable: false,
            max_breadth: None,
            login: trunks::login(trunk),
            silence_secs: Some(SILENCE_SECS_MAX),
        })
    }

    /// How the trunk is told who calls. To one that is trusted a caller from outside, who is sent on, stays who they are, and the
    /// number that pays for it is asserted.
    fn shown_outside(&self, (org, trunk): (&OrgPlan, &Trunk), target: &str, payer: Option<Payer>) -> Shown {
        let is_trusted = trunk.trust == Trust::Inside;
        let own = self.own_number((org, trunk), payer).map(|number| written(org, trunk, number));
        let foreign =
            Some(self.caller.number()).filter(|number| self.caller.is_outside() && number.starts_with('+'));
        let from =
            foreign.filter(|_| is_trusted).map(|number| written(org, trunk, number)).or_else(|| own.clone());
        // The emergency services see who calls.
        let privacy = if payer.is_none() { Privacy::Open } else { self.caller.privacy() };
        let at = match trunk.credentials {
            Some(_) => trunks::domain_of_ours(trunk, target),
            None => org.sip_domain().to_owned(),
        };
        let mut headers = ExtraHeaders::new();
        if is_trusted {
            let asserted = own.as_ref().or(from.as_ref());
            headers.extend(
                asserted.map(|number| ("P-Asserted-Identity".into(), format!("<sip:{number}@{at}>"))),
            );
            headers
                .extend(own.as_ref().map(|own| self.sent_on_by((org, trunk), own, &at)).unwrap_or_default());
        }
        match from.filter(|_| privacy == Privacy::Open) {
            Some(number) => {
                let contact_user = number.clone();
                Shown { from: Party::new(format!("sip:{number}@{at}")), contact_user, headers }
            }
            None => Shown::anonymous(headers, is_trusted),
        }
    }

    /// Who has sent the call on, by numbers in the telephone network: those who have none go by `own`.
    fn sent_on_by(&self, (org, trunk): (&OrgPlan, &Trunk), own: &str, at: &str) -> ExtraHeaders {
        let named = |number: &str| {
            let theirs = org.holder(number).and_then(|host| org.own_number(host));
            let theirs = theirs.map(|number| written(org, trunk, number));
            theirs.or_else(|| (!number.starts_with('+')).then(|| own.to_owned()))
        };
        forward::headers_for(&self.trail, at, named)
    }

    /// The number in the telephone network of whoever calls or pays for it, else the trunk's.
    fn own_number<'o>(
        &self,
        (org, trunk): (&'o OrgPlan, &'o Trunk),
        payer: Option<Payer>,
    ) -> Option<&'o str> {
        let host_of = |person: PersonKey| match person {
            PersonKey::User(user) => Some(Host::User(user)),
            PersonKey::Account(account) => Some(Host::Account(account)),
            PersonKey::Trunk(_) | PersonKey::Guest(_) => None,
        };
        let of_payer = payer.and_then(|payer| match payer {
            Payer::Person(person) => host_of(person),
            Payer::Extension(extension) => Some(Host::Extension(extension)),
        });
        let own = |host: Option<Host>| host.and_then(|host| org.own_number(host));
        own(host_of(self.caller.person)).or_else(|| own(of_payer)).or(trunk.from_number.as_deref())
    }
}

/// A number by E.164 as it is written to a trunk.
fn written(org: &OrgPlan, trunk: &Trunk, number: &str) -> String {
    number.parse().map_or_else(|_| number.to_owned(), |number| org.written(number, trunk.number_format))
}

/// How a way has failed, for the caller: of a number outside it is known whether there is one.
pub(super) fn result_of((status, cause): (u16, Cause), fork: &Leg) -> LegResult {
    match (fork.person, cause, status) {
        (PersonKey::Trunk(_), Cause::Response, 404 | 410 | 484 | 604) => LegResult::NoSuchNumber,
        _ => LegResult::of(status, cause, fork.has_rung),
    }
}
