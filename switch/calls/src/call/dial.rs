//! The beginning of a call: it is written down, routed, and the devices of everybody who is to ring are invited.
//!
//! A call takes all it needs from the plan here, so a newer plan does not touch it; only where devices and rules send it
//! on is looked up later (`redirect`, `forward`).

use std::{collections::BTreeSet, time::Duration};

use contract::{
    id::CallId,
    journal::{Detail, Direction, EventKind, ParticipantKind, ParticipantRole},
    language::Language,
};
use dialplan::{
    Announcement, Decision, Facts, Host, OrgPlan, PersonKey, Queueing, Refusal, Ring, Route, Trail,
};
use sip::{Body, Flow, Reply, SessionKey};
use streams::sdp::Description;

use super::{
    Call,
    events::{Record, refused},
    feature::{
        self, conference,
        explain::{self, ANNOUNCEMENT_MAX, Unconnected},
        menu, voicemail,
    },
    identity::Identity,
    invitation::{Asked, Invitation},
    leg::{Leg, Outsider},
    media_plan::LegStreams,
    outcome::{LegResult, Tally},
    paged, paging,
    queued::{self, Coming},
    recording::Recording,
    state::{Head, Ringing, State, Told},
};
use crate::{
    guests::UsedPass,
    means::Means,
    output::Notice,
    supervision::{NoSubject, Subject},
};

/// Everything about an accepted INVITE that a call is made of.
pub(crate) struct Opening<'a> {
    pub(crate) id: CallId,
    pub(crate) org: &'a OrgPlan,
    pub(crate) caller: Identity,
    pub(crate) dialled: &'a str,
    pub(crate) session: SessionKey,
    pub(crate) flow: Flow,
    /// As received, at least 1.
    pub(crate) max_forwards: u8,
    /// How many ways the caller lets it go at once, when it says so (RFC 5393 §5.3).
    pub(crate) max_breadth: Option<u8>,
    pub(crate) body: Option<Body>,
    /// As many calls as may be are up on the trunk that it comes by.
    pub(crate) is_trunk_full: bool,
    /// What lets the caller in, who is a guest.
    pub(crate) pass: Option<UsedPass>,
    /// Whose call it wants to listen to, if that is what was dialled.
    pub(crate) subject: Result<Subject, NoSubject>,
}

impl Opening<'_> {
    pub(super) fn invitation(&self, can_answer_early: bool, trail: Trail, means: &Means<'_>) -> Invitation {
        Invitation {
            call: self.id,
            org: self.org.id(),
            caller: self.caller.clone(),
            domain: self.org.sip_domain().into(),
            can_answer_early,
            explains: explain::language_for(self.org, self.caller.person, means),
            max_forwards: self.max_forwards.saturating_sub(1),
            numbers: BTreeSet::from([self.dialled.to_owned()]),
            people: BTreeSet::new(),
            breadth: self.max_breadth,
            trail,
            referred_by: None,
            answers_itself: false,
            is_followed: true,
            is_own: false,
        }
    }
}

impl Call {
    /// Opens a call for an INVITE that the endpoint has accepted.
    pub(crate) fn open(opening: &Opening<'_>, means: &mut Means<'_>) -> Self {
        let Opening { id, org, dialled, session, flow, .. } = *opening;
        let caller = &opening.caller;
        means.trace_leg(id, session);
        let facts = Facts { org: org.id(), caller: caller.person, dialled };
        let decision = means.plan.route(&facts, means.wall);
        let Begun { mut head, mut record, participant } = begin((org, id), caller, dialled, &decision, means);
        let (trail, forwards, route) =
            (decision.trail.clone(), decision.forwards.clone(), decision.route.clone());
        means.trace_route(id, means.plan.revision(), decision);
        let streams = LegStreams::new(id, flow, means.config);
        let mut leg = Leg::new(head.next_leg(), session, caller.person, flow, streams, means.wall);
        let outsider = || Box::new(Outsider { who: caller.clone(), toll: None, pass: opening.pass });
        leg.outside = caller.is_outside().then(outsider);
        leg.participant = Some(participant);
        if opening.is_trunk_full {
            let state = fail(record, leg, &mut head, "trunk_full", Reply::new(503), means);
            return Self { head, state }.settled(means);
        }
        record.forwarded(&forwards, means);
        let state = set_out(opening, (route, trail), (record, leg), &mut head, means);
        Self { head, state }.settled(means)
    }

    fn settled(mut self, means: &mut Means<'_>) -> Self {
        self.write_gone(means);
        self
    }
}

/// A call that is written down.
pub(super) struct Begun {
    pub(super) head: Head,
    pub(super) record: Record,
    /// The caller's number among the participants.
    pub(super) participant: u16,
}

/// Writes down who calls what.
pub(super) fn begin(
    (org, id): (&OrgPlan, CallId),
    caller: &Identity,
    dialled: &str,
    decision: &Decision,
    means: &mut Means<'_>,
) -> Begun {
    if org.is_emergency(dialled) {
        means.end_do_not_disturb((org.id(), caller.person));
    }
    let notice = org.has_recording_notice().then(|| org.language());
    let recording = Recording::new(org.recording(), notice, org.has_recording_keys());
    let mut head = Head::new(recording, caller.privacy());
    let outside = decision.outside().map(|number| number.to_string());
    let direction = match &outside {
        _ if caller.is_outside() => Direction::Inbound,
        Some(_) => Direction::Outbound,
        None => Direction::Internal,
    };
    let called = outside.as_deref().unwrap_or(dialled);
    let mut record = Record::open((org.id(), id), direction, (caller.number(), called), means);
    // Whatever its rules make of the call, it is what was called (H-066).
    head.host = match &decision.route {
        Route::Intercom(ring) => Some(ring.host),
        _ => org.holder(dialled),
    };
    if let Some((kind, reference)) = head.host.and_then(participant_of) {
        record.participant(ParticipantRole::Host, kind, reference, means);
    }
    let (kind, reference) = participant_of_person(caller.person);
    let participant = record.participant(ParticipantRole::Caller, kind, reference, means);
    let number = caller.shown_number().filter(|_| caller.is_outside()).map(str::to_owned);
    record.event(EventKind::Created, None, Detail { number, ..Detail::default() }, means);
    Begun { head, record, participant }
}

/// Lets a call go where it leads.
fn set_out(
    opening: &Opening<'_>,
    (route, trail): (Route, Trail),
    (record, leg): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    match route {
        Route::Refuse(refusal) => not_found(opening, refusal, (record, leg), head, means),
        Route::Feature(feature) => feature::open(opening, feature, (record, leg), head, means),
        Route::Announce(announcement) => announce(opening, &announcement, (record, leg), head, means),
        Route::Voicemail(to) => voicemail::open(opening, &to, (record, leg), head, means),
        Route::Menu(to) => menu::open(opening, to.extension, (record, leg), head, means),
        Route::Conference(to) if means.conferences.is_full(&to) => {
            let why = Unconnected::saying(conference::FULL, &[EventKind::Busy], (486, "conference_full"));
            tell_why(opening, why, (record, leg), head, means)
        }
        Route::Conference(to) => {
            let way = (to.extension, !trail.path().is_empty());
            conference::open(opening, way, (record, leg), head, means)
        }
        Route::Intercom(ring) => paging::intercom(opening, &ring, (record, leg), head, means),
        Route::Page(to) => paged::open(opening, (&to, trail), (record, leg), head, means),
        Route::Ring(ring) => dial(opening, (record, leg), head, (&ring, trail), means),
        Route::Queue(queueing) => match means.turned_away(opening.org.id(), &queueing, leg.person) {
            None => queue(opening, (&queueing, trail), (record, leg), head, means),
            Some(result) => turn_away(opening, (result, &trail), (record, leg), head, means),
        },
    }
}

/// A caller waits, or has somebody who is free.
fn queue(
    opening: &Opening<'_>,
    (queueing, trail): (&Queueing, Trail),
    (record, mut caller): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let coming = Coming { who: &opening.caller, queueing, trail, has_rung: false };
    match caller.read_offer(opening, means) {
        Ok(offer) => queued::open(coming, (record, caller), (offer, None), head, means),
        Err(unread) => unread.refuse((record, caller), head, means),
    }
}

/// A queue is full, or nobody answers it: its rules for that say where the call goes, or the caller is told.
fn turn_away(
    opening: &Opening<'_>,
    (result, trail): (LegResult, &Trail),
    (mut record, leg): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    record.forward_failed(trail, result, means);
    if let Some(decision) = record.sent_on((opening.caller.person, trail), result, means) {
        return set_out(opening, (decision.route, decision.trail), (record, leg), head, means);
    }
    let status = result.caller_status();
    let why = Unconnected::saying(queued::sound_of(result), result.events(), (status, result.reason()));
    tell_why(opening, why, (record, leg), head, means)
}

/// Why the offer of an INVITE cannot be used.
pub(super) struct Unread {
    reason: &'static str,
    reply: Reply,
}

impl Unread {
    fn boxed(reason: &'static str, reply: Reply) -> Box<Self> {
        Box::new(Self { reason, reply })
    }

    /// Refuses the caller.
    pub(super) fn refuse(self, on_line: (Record, Leg), head: &mut Head, means: &mut Means<'_>) -> State {
        fail(on_line.0, on_line.1, head, self.reason, self.reply, means)
    }
}

impl Leg {
    /// The offer of its INVITE, with ports for it; why it is refused, where it cannot be used.
    pub(super) fn read_offer(
        &mut self,
        opening: &Opening<'_>,
        means: &mut Means<'_>,
    ) -> Result<Option<Description>, Box<Unread>> {
        let offer = self.streams.read(opening.body.as_ref(), means);
        let offer = offer.map_err(|unusable| Unread::boxed("media_refused", unusable.reply()))?;
        match &offer {
            Some(offer) if self.streams.reserve(offer, true, means).is_err() => {
                Err(Unread::boxed(LegResult::Congested.reason(), congested(means)))
            }
            _ => Ok(offer),
        }
    }
}

/// Settles the caller's media and invites everybody.
fn dial(
    opening: &Opening<'_>,
    on_line: (Record, Leg),
    head: &mut Head,
    (ring, trail): (&Ring, Trail),
    means: &mut Means<'_>,
) -> State {
    match ringing(opening, trail, on_line, head, means) {
        Ok(ringing) => ringing.begin(ring, head, means),
        Err(refused) => refused,
    }
}

/// Settles the caller's media; nobody rings yet.
pub(super) fn ringing(
    opening: &Opening<'_>,
    trail: Trail,
    (record, mut caller): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> Result<Box<Ringing>, State> {
    let offer = match caller.read_offer(opening, means) {
        Ok(offer) => offer,
        Err(unread) => return Err(unread.refuse((record, caller), head, means)),
    };
    let can_answer_early =
        means.config.endpoint.reliable_provisionals && means.peer(opening.session).reliable;
    Ok(Box::new(Ringing {
        record,
        caller,
        offer,
        invitation: opening.invitation(can_answer_early, trail, means),
        forks: Vec::new(),
        tally: Tally::default(),
        told: Told::default(),
        announcing: None,
        until: means.moment(),
    }))
}

impl Ringing {
    /// Invites everybody who rings for a number. What cannot be gone on with ends the call.
    pub(super) fn ring(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        let breadth = self.invitation.breadth;
        if self.invitation.ring(ring, breadth, self.offer.as_ref(), &mut asked, means).is_err() {
            return too_broad((self.record, self.caller), head, means);
        }
        self.until = means.after(Duration::from_secs(u64::from(ring.ring_timeout_secs)));
        self.go_on(head, means)
    }
}

/// The caller lets the call go to fewer devices at once than there are (RFC 5393 §5.3.3).
pub(super) fn too_broad(on_line: (Record, Leg), head: &mut Head, means: &mut Means<'_>) -> State {
    fail(on_line.0, on_line.1, head, "too_broad", Reply::new(440), means)
}

/// The answer when ports or transactions have run out.
pub(crate) fn congested(means: &Means<'_>) -> Reply {
    Reply::new(503).header("Retry-After", means.config.timeouts.retry_after_secs.to_string())
}

/// The number leads nowhere. A caller who is to hear so gets ports for that.
fn not_found(
    opening: &Opening<'_>,
    refusal: Refusal,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    if let Refusal::Barred(why) = refusal {
        means.notice(Notice::OutsideBarred { org: opening.org.id(), why });
    }
    let sound = explain::of_number(refusal);
    let why = Unconnected::saying(sound, &[EventKind::Failed], (status_of(refusal), refusal.reason()));
    tell_why(opening, why, on_line, head, means)
}

/// There is no call that the caller could come into by what it dialled (`entrant`).
pub(super) fn no_such_call(
    opening: &Opening<'_>,
    reason: &'static str,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let why = Unconnected::saying(explain::UNAVAILABLE, &[EventKind::Failed], (480, reason));
    tell_why(opening, why, on_line, head, means)
}

/// A rule has something said and the call ended. It is the organisation's own order, so nobody who can hear it is spared.
fn announce(
    opening: &Opening<'_>,
    announcement: &Announcement,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let why = Unconnected::saying(&announcement.sound, &[EventKind::Failed], (480, "announced"));
    let why = Unconnected { longest: ANNOUNCEMENT_MAX, ..why };
    tell(opening, (why, Some(opening.org.language())), on_line, head, means)
}

/// Says it where callers are told why.
fn tell_why(
    opening: &Opening<'_>,
    why: Unconnected<'_>,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let language = explain::language_for(opening.org, opening.caller.person, means);
    tell(opening, (why, language), on_line, head, means)
}

/// Says it if the caller can hear it, and ends the call.
fn tell(
    opening: &Opening<'_>,
    (unconnected, language): (Unconnected<'_>, Option<Language>),
    (record, mut caller): (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let offer = language.and_then(|_| caller.streams.said_in(opening.body.as_ref(), means));
    let offer = offer.filter(|offer| caller.streams.reserve(offer, true, means).is_ok());
    unconnected.explain((record, caller), (language, offer.as_ref(), false), head, means)
}

/// Refuses a caller whom nothing was rung for.
pub(super) fn fail(
    record: Record,
    caller: Leg,
    head: &mut Head,
    reason: &str,
    reply: Reply,
    means: &mut Means<'_>,
) -> State {
    let told = refused(Some(reason), reply.status);
    Unconnected::silently(&[EventKind::Failed], told, reply).refuse(record, caller, head, means)
}

pub(super) fn status_of(refusal: Refusal) -> u16 {
    match refusal {
        Refusal::UnknownNumber => 404,
        Refusal::Inactive(_) | Refusal::NoStaff(_) | Refusal::Closed(_) => 480,
        Refusal::SelfCall(_) => 486,
        Refusal::Barred(_) | Refusal::NoIntercom(_) | Refusal::InsideOnly(_) => 403,
    }
}

/// H-066: an extension is a participant of its own kind; a person called directly is a user; a number outside is none.
fn participant_of(host: Host) -> Option<(ParticipantKind, uuid::Uuid)> {
    match host {
        Host::Extension(extension) => Some((ParticipantKind::Extension, extension.0)),
        Host::User(user) => Some((ParticipantKind::User, user.0)),
        Host::Account(account) => Some((ParticipantKind::User, account.0)),
        // Of whom nobody knows an id before somebody answers there.
        Host::Outside(_) => None,
    }
}

/// A bare account stands for its person, and a trunk for whoever is behind it (decision 0035).
pub(crate) fn participant_of_person(person: PersonKey) -> (ParticipantKind, uuid::Uuid) {
    match person {
        PersonKey::User(user) => (ParticipantKind::User, user.0),
        PersonKey::Account(account) => (ParticipantKind::User, account.0),
        PersonKey::Trunk(trunk) => (ParticipantKind::Guest, trunk.0),
        PersonKey::Guest(guest) => (ParticipantKind::Guest, guest.0),
    }
}
