//! The means by which a call acts: the endpoint, the stock of ports, the time, and the queue of what is decided.
//!
//! Handed down by reference for the length of one input, so that a call owns nothing but itself.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use contract::{
    id::{CallId, OrgId},
    language::Language,
    time::Timestamp,
};
use dialplan::{Barred, Decision, OrgPlan, Plan, Trunk};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use sip::{
    Body, Endpoint, ExtraHeaders, Flow, Invite, PeerAbilities, Provisional, Reason, Refused, Reply,
    RequestKey, SessionKey,
};
use streams::{
    media::{LeaseId, LegMedia, MediaCommand, PortLease},
    sdp::Ice,
};

use crate::{
    availability::Availabilities,
    call::{Toll, over_ice::LineIce, transfer::Parking},
    clock::Moment,
    conferences::Conferences,
    config::SwitchboardConfig,
    fraud::Fraud,
    mailboxes::Mailboxes,
    output::{Notice, Output, Outputs, Trace},
    presence::Presence,
    queues::Queues,
    registrar::Registrar,
    stock::Stock,
    trunks::{Channels, Links},
};

/// Everything a call needs while it handles one event.
pub(crate) struct Means<'a> {
    pub(crate) now: Instant,
    /// Where the time line begins that [`Moment`]s are counted on.
    pub(crate) origin: Instant,
    pub(crate) wall: Timestamp,
    pub(crate) config: &'a SwitchboardConfig,
    /// The newest plan. Calls keep what they took from theirs; it is for numbers that come up later.
    pub(crate) plan: &'a Plan,
    pub(crate) endpoint: &'a mut Endpoint,
    /// What the endpoint decided; carried out and dispatched after the current event.
    pub(crate) wire: &'a mut sip::Outputs,
    pub(crate) registrar: &'a Registrar,
    pub(crate) mailboxes: &'a mut Mailboxes,
    pub(crate) availability: &'a mut Availabilities,
    pub(crate) queues: &'a mut Queues,
    pub(crate) conferences: &'a Conferences,
    pub(crate) presence: &'a Presence,
    pub(crate) parking: &'a Parking,
    pub(crate) channels: &'a Channels,
    pub(crate) links: &'a Links,
    pub(crate) fraud: &'a mut Fraud,
    pub(crate) stock: &'a mut Stock,
    pub(crate) sessions: &'a mut BTreeMap<SessionKey, CallId>,
    pub(crate) random: &'a mut Random,
    pub(crate) out: &'a mut Outputs,
}

impl Means<'_> {
    /// Now, as a call keeps it.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.now, self.origin)
    }

    /// So much later than now, as a call keeps it.
    pub(crate) fn after(&self, span: Duration) -> Moment {
        self.moment().after(span)
    }

    /// In which language an organisation's callers are spoken to; the default one of those that are gone.
    pub(crate) fn language(&self, org: OrgId) -> Language {
        self.plan.organisation(org).map(OrgPlan::language).unwrap_or_default()
    }

    pub(crate) fn media(&mut self, command: MediaCommand) {
        self.out.push(Output::Media(command));
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.out.notice(notice);
    }

    /// Draws a lease and opens it.
    pub(crate) fn open(&mut self, call: CallId, is_ipv4: bool, media: LegMedia) -> Option<PortLease> {
        let lease = self.stock.draw(is_ipv4, call)?;
        self.media(MediaCommand::Open { lease: lease.id, media });
        Some(lease)
    }

    /// The same of the port that browsers share. `theirs` is what the far end has said of ICE, if it has.
    pub(crate) fn open_shared(
        &mut self,
        call: CallId,
        media: LegMedia,
        theirs: Option<Ice>,
    ) -> Option<(PortLease, LineIce)> {
        let lease = self.stock.draw_shared(call)?;
        let ice = LineIce::new(lease.id, theirs, self.random);
        self.media(MediaCommand::Open { lease: lease.id, media: media.over_ice(ice.terms()) });
        Some((lease, ice))
    }

    /// Counts a call to the telephone network that is about to begin beside these legs of the same call.
    pub(crate) fn begin_outside(
        &mut self,
        toll: (OrgId, Toll),
        beside: (CallId, &[u16]),
    ) -> Result<(), Barred> {
        self.fraud.begin(toll, beside, (self.plan, self.wall))
    }

    /// Whether one might begin now in a call that has none; nothing is counted.
    pub(crate) fn allows_outside(&mut self, toll: (OrgId, Toll), call: CallId) -> Result<(), Barred> {
        self.fraud.allows(toll, (call, &[]), (self.plan, self.wall))
    }

    /// Whether a trunk has no channel free, with so many of the call that changes: those are not counted meanwhile.
    pub(crate) fn is_full(&self, trunk: &Trunk, own: usize) -> bool {
        self.channels.of(trunk.id) + own >= usize::from(trunk.channels_max)
    }

    /// A leg is done, wherever it led.
    pub(crate) fn left_outside(&mut self, leg: (CallId, u16)) {
        self.fraud.left(leg, self.wall);
    }

    /// The ways to a trunk in the order in which they are to be tried, each with the URI of its target.
    pub(crate) fn ways_to(&mut self, trunk: &Trunk) -> Vec<(Box<str>, Flow)> {
        self.links.ways(trunk, self.registrar.located(), self.random)
    }

    /// Counts a lease out that the relay never reported closed.
    pub(crate) fn lost(&mut self, lease: LeaseId) {
        self.stock.returned(lease);
        self.notice(Notice::LeaseNotReturned(lease));
    }

    pub(crate) fn invite(&mut self, call: CallId, invite: Invite) -> Result<SessionKey, Refused> {
        let session = self.endpoint.invite(self.now, invite, self.wire)?;
        self.sessions.insert(session, call);
        self.trace_leg(call, session);
        Ok(session)
    }

    /// Says which messages are this leg's, before the first of them leaves.
    pub(crate) fn trace_leg(&mut self, call: CallId, session: SessionKey) {
        if let Some(sip_call_id) = self.endpoint.call_id(session) {
            self.out.push(Output::Trace(Trace::Leg { call, sip_call_id }));
        }
    }

    /// Says what the plan made of what was dialled.
    pub(crate) fn trace_route(&mut self, call: CallId, revision: i64, decision: Decision) {
        self.out.push(Output::Trace(Trace::Routed { call, revision, decision: Box::new(decision) }));
    }

    /// Says what the media of one of its streams was like.
    pub(crate) fn trace_media(&mut self, call: CallId, media: contract::media::MediaView) {
        self.out.push(Output::Trace(Trace::Media { call, media: Box::new(media) }));
    }

    pub(crate) fn ring(&mut self, session: SessionKey, provisional: Provisional) {
        self.endpoint.ring(self.now, session, provisional, self.wire);
    }

    pub(crate) fn answer(&mut self, session: SessionKey, body: Option<Body>) {
        self.endpoint.answer(self.now, session, body, self.wire);
    }

    pub(crate) fn refuse(&mut self, session: SessionKey, reply: Reply) {
        self.endpoint.refuse(self.now, session, reply, self.wire);
    }

    pub(crate) fn ack(&mut self, session: SessionKey, body: Option<Body>) {
        self.endpoint.ack(self.now, session, body, self.wire);
    }

    pub(crate) fn reinvite(&mut self, session: SessionKey, body: Option<Body>) -> Result<(), Refused> {
        self.reinvite_with(session, ExtraHeaders::new(), body)
    }

    pub(crate) fn reinvite_with(
        &mut self,
        session: SessionKey,
        headers: ExtraHeaders,
        body: Option<Body>,
    ) -> Result<(), Refused> {
        self.endpoint.reinvite_with(self.now, session, (headers, body), self.wire)
    }

    /// A leg goes over to another call, with its session and its ports.
    pub(crate) fn hand_over(&mut self, call: CallId, session: SessionKey, leases: Vec<LeaseId>) {
        self.sessions.insert(session, call);
        self.stock.hold(leases, call);
        self.trace_leg(call, session);
    }

    pub(crate) fn cancel_reinvite(&mut self, session: SessionKey) {
        self.endpoint.cancel_reinvite(self.now, session, self.wire);
    }

    pub(crate) fn answer_reinvite(&mut self, session: SessionKey, body: Option<Body>) {
        self.endpoint.answer_reinvite(self.now, session, body, self.wire);
    }

    pub(crate) fn refuse_reinvite(&mut self, session: SessionKey, reply: Reply) {
        self.endpoint.refuse_reinvite(self.now, session, reply, self.wire);
    }

    /// What a session's peer can do.
    pub(crate) fn peer(&self, session: SessionKey) -> PeerAbilities {
        self.endpoint.peer(session).unwrap_or_default()
    }

    pub(crate) fn prack(&mut self, session: SessionKey, dialog: &str, body: Option<Body>) {
        self.endpoint.prack(self.now, session, dialog, body, self.wire);
    }

    pub(crate) fn update(&mut self, session: SessionKey, body: Body) -> Result<(), Refused> {
        self.endpoint.update(self.now, session, body, self.wire)
    }

    pub(crate) fn answer_update(&mut self, session: SessionKey, body: Body) {
        self.endpoint.answer_update(self.now, session, body, self.wire);
    }

    pub(crate) fn refuse_update(&mut self, session: SessionKey, reply: Reply) {
        self.endpoint.refuse_update(self.now, session, reply, self.wire);
    }

    pub(crate) fn request(
        &mut self,
        session: SessionKey,
        method: &str,
        headers: ExtraHeaders,
        body: Option<Body>,
    ) -> Result<RequestKey, Refused> {
        self.endpoint.request(self.now, session, method, headers, body, self.wire)
    }

    /// Tells a device something in passing, by INFO: nothing ends when it is not heard.
    pub(crate) fn inform(
        &mut self,
        session: SessionKey,
        headers: ExtraHeaders,
        body: Body,
    ) -> Result<RequestKey, Refused> {
        self.endpoint.inform(self.now, session, headers, body, self.wire)
    }

    pub(crate) fn respond_in_dialog(&mut self, request: RequestKey, reply: Reply) {
        self.endpoint.respond_in_dialog(self.now, request, reply, self.wire);
    }

    pub(crate) fn hang_up(&mut self, session: SessionKey, reason: Option<Reason>) {
        self.endpoint.hang_up(self.now, session, reason, self.wire);
    }
}

/// Seeded randomness: call ids and session ids. Branches and tags are the endpoint's own.
#[derive(Debug)]
pub(crate) struct Random(ChaCha12Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}
