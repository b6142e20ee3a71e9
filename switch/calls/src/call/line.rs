//! A caller whom the switch itself has answered: its media, one codec of its choice, so that nothing is negotiated with
//! anybody, and what it asks of them: other media, a hold, an offer of ours (RFC 3261 §14, RFC 3311).
//!
//! Who is served, and how, is the business of the state that owns this; nobody is asked and nothing is played here.

use contract::journal::Detail;
use serde::{Deserialize, Serialize};
use sip::{Body, EndedBy, Method, OwnedMessage, Reply, RequestKey, SessionKey};
use streams::{keys::Key, media::LeaseId, sdp::Description};

use super::{
    dial::{Opening, congested, fail},
    events::{Record, because},
    invitation::Invitation,
    leg::Leg,
    media_plan::Unusable,
    outcome::{LegResult, Words},
    pressed::{self, Told, Way},
    signalling::{Refusing, who_ended},
    state::{Head, Ringing, Side, State, end},
};
use crate::means::Means;

/// A caller whom the switch itself has answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) record: Record,
    /// Who called, or was called and sent here.
    pub(super) caller: Leg,
    /// On which side of the call that is.
    pub(super) side: Side,
    /// The caller has put the call on hold.
    pub(super) is_held: bool,
    media: OwnMedia,
}

/// What the switch itself agrees on with a far end that talks to nobody.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OwnMedia {
    /// Our offer, which the far end's ACK will answer.
    offered: Option<Description>,
}

impl Line {
    /// One that has not been answered, or has been told all it is told.
    pub(super) fn new(record: Record, caller: Leg, side: Side) -> Self {
        Self { record, caller, side, is_held: false, media: OwnMedia::default() }
    }

    /// Answers the caller of an INVITE; one who cannot be heard here is refused.
    pub(super) fn take(
        opening: &Opening<'_>,
        (record, mut caller): (Record, Leg),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Result<Self, State> {
        let offer = match caller.read_offer(opening, means) {
            Ok(offer) => offer,
            Err(unread) => return Err(unread.refuse((record, caller), head, means)),
        };
        Self::answer((record, caller), (offer, None), head, means)
    }

    /// Answers a caller whose offer has its ports, with what it was told before, if it was told anything.
    pub(super) fn answer(
        on_line: (Record, Leg),
        (offer, told): (Option<Description>, Option<Body>),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> Result<Self, State> {
        let (on_line, own) = words_for(on_line, offer.as_ref(), head, means)?;
        Ok(Self::answer_with(on_line, (own, offer), told, means))
    }

    /// Answers a caller whose ports are open: what we say of ourselves, and what it has offered, if anything. What it was told
    /// early stays the answer.
    pub(super) fn answer_with(
        (record, mut caller): (Record, Leg),
        (own, offer): (Description, Option<Description>),
        told: Option<Body>,
        means: &mut Means<'_>,
    ) -> Self {
        let streams = &mut caller.streams;
        let body = told.unwrap_or_else(|| streams.speak(&own, means));
        if let Some(offer) = offer.as_ref().filter(|_| !streams.has_spoken()) {
            streams.agree(offer, means);
        }
        means.answer(caller.session, Some(body));
        caller.set_answered(means.wall);
        let media = OwnMedia { offered: offer.is_none().then_some(own) };
        Self { record, caller, side: Side::Caller, is_held: false, media }
    }

    /// The caller has acknowledged our answer, and has answered our offer if we made one.
    pub(super) fn acked(&mut self, body: Option<&Body>, means: &mut Means<'_>) {
        self.media.acked(&mut self.caller, body, means);
    }

    /// The caller asks for other media, holds, or wants an offer of ours.
    pub(super) fn asked(&mut self, asked: (SessionKey, bool), body: Option<&Body>, means: &mut Means<'_>) {
        let holds = self.media.asked(&mut self.caller, asked, body, means);
        if let Some(holds) = holds.filter(|holds| *holds != self.is_held) {
            self.is_held = holds;
            self.record.hold(holds, (self.caller.no, self.caller.participant), means);
        }
    }

    /// Other requests inside the dialog. Returns the key that one tells, and where it was pressed.
    pub(super) fn requested(
        &self,
        request: RequestKey,
        message: &OwnedMessage,
        means: &mut Means<'_>,
    ) -> Option<(LeaseId, Key)> {
        let message = message.view();
        let told = if message.method() == Method::Info { pressed::told(&message) } else { Told::NoKey };
        let status = match (message.method(), told) {
            (_, Told::Unreadable) => 400,
            (Method::Options | Method::Info, _) => 200,
            _ => 405,
        };
        means.respond_in_dialog(request, Reply::new(status));
        match told {
            Told::Key(key, _) => Some((self.caller.streams.voice_line()?, key)),
            Told::NoKey | Told::Unreadable => None,
        }
    }

    /// From now on the relay tells the caller's keys. `None`: nothing can be heard of this caller, or played to it.
    pub(super) fn listen(&mut self, means: &mut Means<'_>) -> Option<LeaseId> {
        self.caller.streams.listen_anew(means)
    }

    /// Whether a key that comes by this way was pressed: some phones tell each key by two.
    pub(super) fn tells(&mut self, way: Way) -> bool {
        self.caller.keypad.tells(way)
    }

    /// The caller's session is over. `word` says more than who hung up.
    pub(super) fn ended(
        self,
        head: &mut Head,
        (by, instead): (EndedBy, Option<u16>),
        word: Option<&'static str>,
        means: &mut Means<'_>,
    ) -> State {
        head.leave(self.caller, instead, means);
        let ended = Detail { sip_status: instead, ..because(word.unwrap_or(who_ended(by, self.side))) };
        end(self.record, &[], &Detail::default(), ended, means)
    }

    /// Nothing can be heard of this caller, or played to it: if nobody has taken the call, that is what it comes to.
    pub(super) fn unheard(mut self, head: &mut Head, means: &mut Means<'_>) -> State {
        let reason = LegResult::MediaRefused.reason();
        self.record.failed(because(reason), means);
        self.hang_up(head, reason, means)
    }

    /// We end it.
    pub(super) fn hang_up(self, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        head.hang_up(self.caller, None, means);
        end(self.record, &[], &Detail::default(), because(reason), means)
    }
}

/// What the switch itself says to a caller with that offer, whose ports are open then. A caller to whom it has nothing to say is
/// refused.
pub(super) fn words_for(
    (record, mut caller): (Record, Leg),
    offer: Option<&Description>,
    head: &mut Head,
    means: &mut Means<'_>,
) -> Result<((Record, Leg), Description), State> {
    let Some(own) = offer.map_or_else(Description::own_offer, Description::own_answer) else {
        return Err(fail(record, caller, head, "media_refused", Unusable::Media.reply(), means));
    };
    if offer.is_none() && caller.streams.reserve(&own, false, means).is_err() {
        let reply = congested(means);
        return Err(fail(record, caller, head, LegResult::Congested.reason(), reply, means));
    }
    Ok(((record, caller), own))
}

impl OwnMedia {
    /// The far end has acknowledged our answer, and has answered our offer if we made one.
    pub(super) fn acked(&mut self, leg: &mut Leg, body: Option<&Body>, means: &mut Means<'_>) {
        let Some(offer) = self.offered.take() else { return };
        match leg.streams.said_in(body, means).filter(|said| said.answers(&offer)) {
            Some(said) => leg.streams.agree(&said, means),
            None => leg.streams.give_up_exchange(),
        }
    }

    /// The far end asks for other media, holds, or wants an offer of ours. Returns whether it holds, if it has offered anything
    /// that could be agreed on.
    pub(super) fn asked(
        &mut self,
        leg: &mut Leg,
        (session, is_update): (SessionKey, bool),
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> Option<bool> {
        let read = leg.streams.read(body, means);
        let holds = read.as_ref().ok().and_then(|offer| Some(offer.as_ref()?.is_held()));
        let answer = match read {
            // RFC 3311 §5.2: not while ours waits for its own answer.
            _ if self.offered.is_some() => Err(Reply::new(491)),
            Err(unusable) => Err(unusable.reply()),
            Ok(None) if is_update => Err(Reply::new(488)),
            Ok(None) => self.offer(leg, means),
            Ok(Some(offer)) => agree(leg, &offer, means),
        };
        let is_agreed = answer.is_ok();
        match (answer, is_update) {
            (Ok(body), false) => means.answer_reinvite(session, Some(body)),
            (Ok(body), true) => means.answer_update(session, body),
            (Err(reply), false) => means.refuse_reinvite(session, reply),
            (Err(reply), true) => means.refuse_update(session, reply),
        }
        holds.filter(|_| is_agreed)
    }

    /// Offers what was agreed last anew, or all that we speak.
    fn offer(&mut self, leg: &mut Leg, means: &mut Means<'_>) -> Result<Body, Reply> {
        let said = leg.streams.said();
        let own = said.as_ref().and_then(Description::own_answer).or_else(Description::own_offer);
        let own = own.ok_or_else(|| Reply::new(488))?;
        leg.streams.reserve(&own, false, means).map_err(|_| Reply::new(488))?;
        let body = leg.streams.speak(&own, means);
        self.offered = Some(own);
        Ok(body)
    }
}

fn agree(leg: &mut Leg, offer: &Description, means: &mut Means<'_>) -> Result<Body, Reply> {
    let own = offer.own_answer().ok_or_else(|| Reply::new(488))?;
    leg.streams.reserve(offer, true, means).map_err(|_| Reply::new(488))?;
    let body = leg.streams.speak(&own, means);
    leg.streams.agree(offer, means);
    Ok(body)
}

impl Ringing {
    /// Nobody has taken the call: answers its caller. One that speaks nothing that we do is told what it has come to.
    pub(super) fn take_line(
        mut self: Box<Self>,
        head: &mut Head,
        came_to: (LegResult, Words),
        means: &mut Means<'_>,
    ) -> Result<(Line, Invitation), State> {
        let Some(own) = self.offer.as_ref().map_or_else(Description::own_offer, Description::own_answer)
        else {
            return Err(self.refuse(head, came_to, Refusing::default(), means));
        };
        if self.offer.is_none() && self.caller.streams.reserve(&own, false, means).is_err() {
            return Err(self.refuse(head, came_to, Refusing::default(), means));
        }
        let Self { record, caller, offer, told, invitation, .. } = *self;
        Ok((Line::answer_with((record, caller), (own, offer), told.answer, means), invitation))
    }
}
