//! Inviting devices: what every INVITE of one call has in common, and whom it has been sent to.
//!
//! All devices of everybody who is to ring are invited at once, whatever their `q`: people answer what is nearest.
//! A person is rung once, however many numbers lead to them, until a rule sends the call on (`forward`), and a number is
//! looked up once: so a call that is redirected ends (`redirect`).

use std::collections::BTreeSet;

use contract::{
    command::Outcome,
    id::{CallId, OrgId},
    journal::{Detail, EventKind},
    language::Language,
    snapshot::RecordingPolicy,
};
use dialplan::{PersonKey, Ring, Target, Trail, Trust};
use serde::{Deserialize, Serialize};
use sip::{Body, Cause, Event, ExtraHeaders, Invite, Party, Reason, Refused, SessionKey};
use streams::sdp::Description;

use super::{
    events::Record,
    forward,
    identity::Identity,
    leg::{Again, Asking, Leg, Outsider},
    media_plan::{LegStreams, NoPorts},
    outcome::{LegResult, Tally, Words},
    outside,
    paged::PHONES_MAX,
    state::{Head, join_as_recipient},
};
use crate::{means::Means, output::Notice, registrar::Reach};

/// What every invitation of one call has in common.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) call: CallId,
    pub(crate) org: OrgId,
    /// Whose call it is.
    pub(crate) caller: Identity,
    /// The organisation's SIP domain.
    pub(crate) domain: Box<str>,
    /// The caller takes an offer in a reliable provisional answer (RFC 3262 §5).
    pub(crate) can_answer_early: bool,
    /// The caller is told why it cannot be connected, in this language.
    pub(crate) explains: Option<Language>,
    /// As written by us; 0 when the call may not be sent any further.
    pub(crate) max_forwards: u8,
    /// Numbers this call has been sent to.
    pub(crate) numbers: BTreeSet<String>,
    /// People it has been sent to, since a rule has sent it on.
    pub(crate) people: BTreeSet<PersonKey>,
    /// In how many ways at once the caller lets it go, when it says so (RFC 5393 §5.3).
    pub(crate) breadth: Option<u8>,
    /// Where rules have taken it.
    pub(crate) trail: Trail,
    /// The number of whoever transfers it (RFC 3892).
    pub(crate) referred_by: Option<Box<str>>,
    /// Devices are asked to answer by themselves.
    pub(crate) answers_itself: bool,
    /// A device may send it on to somebody else (`redirect`).
    pub(crate) is_followed: bool,
    /// It is the own call of who is rung, whatever they have turned on or off: they have ordered it, or sent it on in vain.
    pub(crate) is_own: bool,
}

/// What the branches of a call share when its caller has not said: RFC 5393 §5.3.3.
const BREADTH: u8 = 60;

/// How the INVITE of a device has failed.
pub(super) struct Failure {
    pub(super) session: SessionKey,
    pub(super) status: u16,
    pub(super) words: Words,
    pub(super) cause: Cause,
    /// Where a redirection leads, as it stands there.
    pub(super) contacts: Vec<String>,
}

impl Failure {
    /// What an event says of it, if that is one of those.
    pub(super) fn of(event: Event) -> Option<Self> {
        let Event::Failed { session, status, cause, contacts, reason, retry_after } = event else {
            return None;
        };
        let words = Words { status: Some(status), reason, retry_after };
        Some(Self { session, status, words, cause, contacts })
    }
}

/// Devices that were asked, and what has become of those that could not be.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a mut Head,
    pub(crate) forks: &'a mut Vec<Leg>,
    pub(crate) tally: &'a mut Tally,
}

impl Asked<'_> {
    /// A device has answered with something that is no answer.
    pub(super) fn useless(&mut self, fork: Leg, means: &mut Means<'_>) {
        let words = Words { status: Some(488), ..Words::default() };
        self.count((fork.person, fork.asking()), LegResult::MediaRefused, words);
        self.head.hang_up(fork, Some(Reason::sip(488, "Not Acceptable Here")), means);
    }
}

impl Asked<'_> {
    /// Takes a result; true when it is the first by which this person declines the call. Whoever was only to take it from others
    /// has declined nothing, and where it goes is for those to say.
    fn count(&mut self, (person, asking): (PersonKey, Asking), result: LegResult, words: Words) -> bool {
        asking == Asking::Called && self.tally.add(person, result, words)
    }
}

/// The ring timeout is over (H-052). Those who were only to take the call from others do not make it one that nobody answered.
pub(super) fn unanswered(forks: &[Leg], tally: &Tally) -> (LegResult, Words) {
    if forks.iter().any(|fork| fork.asking() == Asking::Called) {
        (LegResult::NoAnswer, Words::default())
    } else {
        tally.outcome()
    }
}

/// How somebody who answers for all of these is recorded: as those are.
pub(super) fn recording_of(forks: &[Leg]) -> Option<RecordingPolicy> {
    forks.iter().filter_map(|fork| fork.recording).min()
}

/// Takes the device with this session out of those that are asked.
pub(super) fn take(forks: &mut Vec<Leg>, session: SessionKey) -> Option<Leg> {
    let at = forks.iter().position(|fork| fork.session == session)?;
    Some(forks.remove(at))
}

/// How devices are asked.
#[derive(Clone, Copy)]
struct Way<'a> {
    /// As what.
    number: &'a str,
    /// See [`Leg::recording`].
    recording: Option<RecordingPolicy>,
    asking: Asking,
}

/// More devices than the caller lets the call go to at once.
#[derive(Debug)]
pub(crate) struct TooBroad;

/// What each of `count` branches may fork into further on: together as much as there is (RFC 5393 §5.3.3).
fn shares(breadth: Option<u8>, count: usize) -> Result<Vec<u8>, TooBroad> {
    let count = u8::try_from(count).unwrap_or(u8::MAX);
    let breadth = breadth.unwrap_or(BREADTH.max(count));
    let Some(each) = breadth.checked_div(count) else { return Ok(Vec::new()) };
    let more = usize::from(breadth - each * count);
    let share = |at: usize| each + u8::from(at < more);
    if each == 0 { Err(TooBroad) } else { Ok((0..usize::from(count)).map(share).collect()) }
}

impl Invitation {
    /// Devices are asked to answer by themselves. Nobody's microphone is opened by somebody else's phone.
    pub(super) fn answer_at_once(&mut self) {
        (self.answers_itself, self.is_followed) = (true, false);
    }

    /// Invites all devices of the people who ring for a number and have not been asked in this call. `breadth` is what
    /// they have to share; without one, enough is taken.
    pub(crate) fn ring(
        &mut self,
        ring: &Ring,
        breadth: Option<u8>,
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) -> Result<(), TooBroad> {
        let recording = self.recording(ring, means);
        if let Some(outbound) = &ring.outbound {
            // One way at a time.
            shares(breadth, 1)?;
            self.call_outside((outbound, recording), offer, asked, means);
            return Ok(());
        }
        let people = ring.targets.iter().filter(|target| {
            let spared = means.spared((self.org, target.person), self.call).filter(|_| !self.is_own);
            if let Some(result) = spared {
                asked.tally.add(target.person, result, Words::default());
            }
            // Their phones may ring by order.
            let rings = asked.forks.iter().any(|fork| fork.person == target.person);
            spared.is_none() && !rings && self.people.insert(target.person)
        });
        let people: Vec<_> = people.collect();
        let way = Way { number: &ring.number, recording, asking: Asking::Called };
        self.ask_all((&people, way), breadth, offer, asked, means)
    }

    /// Has the phones of somebody ring beside those that do, so that they may take the call.
    pub(super) fn pick_up(
        &mut self,
        (phones, auto_answer): (&Ring, bool),
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) -> Outcome {
        let before = asked.forks.len();
        let taken: u8 = asked.forks.iter().filter_map(|fork| fork.breadth).fold(0, u8::saturating_add);
        let breadth = self.breadth.map(|breadth| breadth.saturating_sub(taken));
        let people: Vec<_> = phones.targets.iter().collect();
        let asking = Asking::PickUp { auto_answer };
        let way = Way { number: &phones.number, recording: recording_of(asked.forks), asking };
        let is_full = before >= means.config.limits.legs_per_call_max;
        match self.ask_all((&people, way), breadth, offer, asked, means) {
            Ok(()) if asked.forks.len() > before => Outcome::Done,
            Ok(()) if !is_full => Outcome::NotNow,
            Ok(()) | Err(TooBroad) => Outcome::TooBroad,
        }
    }

    /// Invites all devices of these.
    fn ask_all(
        &self,
        (people, way): (&[&Target], Way<'_>),
        breadth: Option<u8>,
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) -> Result<(), TooBroad> {
        let (registrar, random) = (means.registrar, &mut *means.random);
        let devices: Vec<(PersonKey, Trust, Reach)> = people
            .iter()
            .flat_map(|target| {
                let reaches = target.accounts.iter().flat_map(|account| registrar.devices(*account, random));
                reaches.map(|reach| (target.person, target.trust, reach)).collect::<Vec<_>>()
            })
            .collect();
        let most = means.config.limits.legs_per_call_max;
        let most = if self.answers_itself { most.min(PHONES_MAX) } else { most };
        let room = most.saturating_sub(asked.forks.len());
        let left_out = devices.len().saturating_sub(room);
        // An early offer of a device has to be answered at once, by the caller: so by one that can, and one at a time.
        let is_alone = devices.len() == 1 && asked.forks.is_empty() && self.people.len() == 1;
        let count = devices.len().min(room);
        let shares = shares(breadth, count)?;
        let is_told = breadth.is_some() || count > 1;
        for ((person, trust, reach), share) in devices.into_iter().zip(shares) {
            let again = Again {
                number: way.number.into(),
                trust,
                request_uri: reach.request_uri.as_str().into(),
                routes: reach.routes.clone().into(),
                reliable: self.can_answer_early && is_alone,
                recording: way.recording,
                asking: way.asking,
                onward: None,
            };
            let Some(mut invite) = self.invite_for(&again, reach, means) else { continue };
            invite.max_breadth = Some(share).filter(|_| is_told);
            let streams = LegStreams::new(self.call, invite.flow, means.config);
            self.ask((person, again), (invite, streams), offer, asked, means);
        }
        if left_out > 0 {
            means.notice(Notice::LegsLeftOut(left_out));
        }
        Ok(())
    }

    /// What the extension that is rung says of recording, if one is and it says anything.
    pub(super) fn recording(&self, ring: &Ring, means: &Means<'_>) -> Option<RecordingPolicy> {
        means.plan.organisation(self.org)?.recording_through(ring.host, &self.trail)
    }

    /// Invites a device again that can do nothing with the media as it was offered: in another profile, if there is one
    /// that it has not refused. True when it was.
    pub(crate) fn ask_otherwise(
        &self,
        refused: &Leg,
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) -> bool {
        let (Some(offer), Some(again)) = (offer, &refused.again) else { return false };
        let Some(next) = refused.streams.next_profile(offer) else { return false };
        let (request_uri, routes) = (again.request_uri.to_string(), again.routes.to_vec());
        let reach = Reach { flow: refused.flow(), request_uri, routes, fallbacks: Vec::new() };
        let Some(mut invite) = self.invite_for(again, reach, means) else { return false };
        invite.max_breadth = refused.breadth;
        let streams = LegStreams::new(self.call, invite.flow, means.config).after_refusals(next);
        let before = asked.forks.len();
        self.ask((refused.person, (**again).clone()), (invite, streams), Some(offer), asked, means);
        asked.forks.len() > before
    }

    /// A device failed: it is asked otherwise if that may help. A person who declined, or a failure that speaks for the
    /// person, stops that person's others. `record`: where it is written that somebody declined, if it is.
    pub(super) fn failed(
        &self,
        (mut fork, Failure { status, words, cause, .. }): (Leg, Failure),
        (offer, record): (Option<&Description>, Option<&mut Record>),
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let (person, result) = (fork.person, outside::result_of((status, cause), &fork));
        // What it can do is another profile, perhaps; whoever rings has taken the one it has.
        let may_help = cause == Cause::Response && matches!(status, 488 | 606) && !fork.has_rung;
        if may_help && self.ask_otherwise(&fork, offer, asked, means) {
            return asked.head.leave(fork, Some(status), means);
        }
        if asked.count((person, fork.asking()), result, words)
            && let Some(record) = record
        {
            let participant = join_as_recipient(record, person, means);
            fork.participant = Some(participant);
            let detail = Detail { leg: Some(fork.no), sip_status: Some(status), ..Detail::default() };
            record.event(EventKind::Rejected, Some(participant), detail, means);
        }
        // Behind a trunk is whoever has the number.
        let is_one = !matches!(person, PersonKey::Trunk(_));
        if cause == Cause::Response && LegResult::is_final_for_person(status) && is_one {
            let (same, others) =
                std::mem::take(asked.forks).into_iter().partition(|other| other.person == person);
            *asked.forks = others;
            let same: Vec<Leg> = same;
            for other in same {
                let reason = Reason::sip(status, sip::reason_phrase_of(status));
                asked.head.hang_up(other, Some(reason), means);
            }
        }
        self.go_onward((&fork, status, cause), offer, asked, means);
        #[cfg(feature = "planted-leaked-lease")]
        if result == LegResult::Declined {
            fork.streams.forget();
        }
        asked.head.leave(fork, Some(status), means);
    }

    pub(super) fn ask(
        &self,
        (person, again): (PersonKey, Again),
        (mut invite, mut streams): (Invite, LegStreams),
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let who = (person, again.asking);
        let (flow, breadth) = (invite.flow, invite.max_breadth);
        invite.body = match offer {
            None => None,
            Some(offer) => match streams.reserve(offer, false, means) {
                Ok(()) => Some(streams.offer(offer, means)),
                Err(NoPorts) => {
                    asked.count(who, LegResult::Congested, Words::default());
                    return;
                }
            },
        };
        invite.reliable |= offer.is_some();
        match means.invite(self.call, invite) {
            Ok(session) => {
                let no = asked.head.next_leg();
                let mut leg = Leg::new(no, session, person, flow, streams, means.wall);
                leg.breadth = breadth;
                if let Some(onward) = &again.onward {
                    let who = means.plan.organisation(self.org).map(|org| onward.callee(org));
                    leg.outside = who.map(|who| Box::new(Outsider { who, toll: onward.toll(), pass: None }));
                }
                leg.recording = again.recording;
                leg.again = Some(Box::new(again));
                asked.forks.push(leg);
            }
            Err(refusal) => {
                let result = match refusal {
                    Refused::Full => LegResult::Congested,
                    _ => LegResult::Unreachable,
                };
                asked.count(who, result, Words::default());
                // No leg was made of it, so nobody waits for the report.
                streams.close(means);
            }
        }
    }

    /// The INVITE by that way; `None`: where it leads is not there any more.
    pub(super) fn invite_for(&self, again: &Again, reach: Reach, means: &Means<'_>) -> Option<Invite> {
        if let Some(onward) = &again.onward {
            let invite = self.invite_outside(onward, reach.flow, means)?;
            return Some(Invite { reliable: again.reliable, ..invite });
        }
        let mut shown = self.caller.shown(again.trust);
        shown.headers.extend(forward::headers(&self.trail, &self.domain));
        let referred_by = self.referred_by.as_ref();
        shown.headers.extend(
            referred_by.map(|number| ("Referred-By".into(), format!("<sip:{number}@{}>", self.domain))),
        );
        if self.answers_itself || again.asking == (Asking::PickUp { auto_answer: true }) {
            shown.headers.extend(answer_at_once(&self.domain));
        }
        Some(Invite {
            flow: reach.flow,
            request_uri: reach.request_uri,
            from: shown.from,
            to: Party::new(format!("sip:{}@{}", again.number, self.domain)),
            contact_user: shown.contact_user,
            routes: reach.routes,
            fallbacks: reach.fallbacks,
            max_forwards: self.max_forwards,
            headers: shown.headers,
            body: None::<Body>,
            reliable: again.reliable,
            max_breadth: None,
            login: None,
            silence_secs: None,
        })
    }
}

/// What asks a device to answer at once: RFC 5373 §4, `Call-Info` (Grandstream, Linphone, Fanvil) and `Alert-Info` (Snom, Yealink,
/// Polycom). The URIs name the organisation's domain and nothing that could be fetched there.
fn answer_at_once(domain: &str) -> ExtraHeaders {
    vec![
        ("Answer-Mode".into(), "Auto".to_owned()),
        ("Call-Info".into(), format!("<sip:{domain}>;answer-after=0")),
        ("Alert-Info".into(), format!("<http://{domain}>;info=alert-autoanswer;delay=0")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(breadth: Option<u8>, count: usize, expected: Option<&[u8]>) {
        assert_eq!(shares(breadth, count).ok().as_deref(), expected, "{breadth:?} {count}");
    }

    #[test]
    fn rfc_5393_5_3_3_the_branches_share_what_there_is() {
        check(Some(60), 1, Some(&[60]));
        check(Some(8), 3, Some(&[3, 3, 2]));
        check(Some(3), 3, Some(&[1, 1, 1]));
        check(Some(2), 3, None);
        check(Some(0), 1, None);
        check(Some(0), 0, Some(&[]));
        check(None, 2, Some(&[30, 30]));
        check(None, 100, Some(&[1; 100]));
    }
}
