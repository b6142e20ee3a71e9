//! Telling a side what the other one has said, when an exchange has left the two with different ideas of it.
//!
//! | what happened | what it comes to |
//! |---|---|
//! | both ask at once | 491 to each, who asks again (RFC 3261 §14.1) |
//! | the asker takes back, the other side had accepted | the other side is offered what the asker had said before |
//! | the other side's answer is none | the same, and 488 to the asker |
//! | the exchange was given up, the other side accepts after that | the same, and 504 to the asker |
//! | the other side offers what has no ports here, or what the asker no longer wants | it is answered with what the asker has said, and the asker is told |
//! | the asker's ACK answers nothing | the same |
//! | the callee's answer is not the one that the caller was told early | the caller is told |
//! | a refresh of ours is answered otherwise than before | the other side is told |
//! | the two have just met (`transfer`, `attended`) | the side that talked to somebody else is told what the other one has said and who it is, as if nobody held; where both did, both |
//! | telling a side meets an offer of its own | 491, and again after a random time, three times at most |
//!
//! An exchange that one side begins meanwhile and that succeeds settles everything: both know everything then.

use std::time::Duration;

use sip::{Body, ExtraHeaders, Refused, SessionKey};
use streams::sdp::Description;

use super::{
    identity::{Identity, Privacy},
    media_plan::join,
    state::{Exchange, Met, Owed, Side, Talking},
};
use crate::means::Means;

/// How often a side is told again that has had an offer of its own each time.
const TRIES_MAX: u8 = 3;
/// How long to wait before that: RFC 3261 §14.1, the span of a side that has not made the Call-ID and that which has.
const RETRY_MILLIS: std::ops::Range<u64> = 500..4_000;

impl Talking {
    /// A side has to be told what the other one has said.
    pub(super) fn owe(&mut self, side: Side, means: &mut Means<'_>) {
        self.owed = Some(Owed { side, tries: 0, at: means.moment(), met: None });
        self.tell(means);
    }

    /// A side has to be told whom it talks to now, and then the other one, if they have both talked to somebody else.
    pub(super) fn introduce(&mut self, side: Side, met: Met, means: &mut Means<'_>) {
        self.owed = Some(Owed { side, tries: 0, at: means.moment(), met: Some(met) });
        self.tell(means);
    }

    /// Tells a side what it has not been told, unless an exchange is going on.
    pub(super) fn tell(&mut self, means: &mut Means<'_>) {
        if !matches!(self.exchange, Exchange::Idle) {
            return;
        }
        let Some(owed) = self.owed else { return };
        let Some(offer) = self.leg(owed.side.other()).streams.said() else {
            return self.owed = None;
        };
        let (offer, headers) = match owed.met {
            Some(met) => (self.as_new(owed.side, &offer), self.named(owed.side.other(), met.privacy, means)),
            None => (offer, ExtraHeaders::new()),
        };
        let leg = self.leg_mut(owed.side);
        // Lines without ports are offered as refused ones.
        let _ = leg.streams.reserve(&offer, false, means);
        let body = leg.streams.offer(&offer, means);
        match means.reinvite_with(leg.session, headers, Some(body)) {
            Ok(()) => {
                let until = means.after(means.config.timeouts.exchange);
                self.exchange = Exchange::Settling { side: owed.side, offer, until };
            }
            Err(Refused::Busy) => self.tell_later(None, means),
            Err(_) => self.owed = None,
        }
    }

    /// What a side is offered of one it did not know: nobody holds, and its own lines stay as many as they are
    /// (RFC 3264 §8).
    fn as_new(&self, side: Side, said: &Description) -> Description {
        let said = said.in_both_directions();
        match self.leg(side).streams.said() {
            Some(own) => said.stand_in_answer(&own.in_both_directions()),
            None => said,
        }
    }

    /// How the other one is told who is on a side. Numbers of the house are told to nobody outside.
    fn named(&self, side: Side, privacy: Privacy, means: &Means<'_>) -> ExtraHeaders {
        if self.leg(side.other()).outside.is_some() {
            return ExtraHeaders::new();
        }
        let org = means.plan.organisation(self.record.org());
        let identity = org.and_then(|org| Identity::of(self.leg(side), org, side.shown(privacy)));
        identity.and_then(|identity| identity.asserted()).into_iter().collect()
    }

    /// Telling has met something else; a later time is chosen, or none.
    pub(super) fn tell_later(&mut self, wait: Option<Duration>, means: &mut Means<'_>) {
        let Some(owed) = &mut self.owed else { return };
        owed.tries = owed.tries.saturating_add(1);
        if owed.tries >= TRIES_MAX {
            return self.told_one(means);
        }
        let span = RETRY_MILLIS.end - RETRY_MILLIS.start;
        let random = Duration::from_millis(RETRY_MILLIS.start + means.random.number() % span);
        owed.at = means.after(wait.unwrap_or(random));
    }

    /// The side that was told has answered.
    pub(super) fn told(
        &mut self,
        side: Side,
        offer: &Description,
        said: Option<Description>,
        means: &mut Means<'_>,
    ) {
        match said.filter(|said| said.answers(offer)) {
            None => self.leg_mut(side).streams.give_up_exchange(),
            Some(said) => {
                self.leg_mut(side).streams.agree(&said, means);
                join(&mut self.caller.streams, &mut self.callee.streams, means);
                for leg in [&mut self.caller, &mut self.callee] {
                    leg.streams.drop_refused(&said, means);
                }
            }
        }
        self.told_one(means);
    }

    /// A side has been told, or cannot be: the other one's turn, if it has one.
    pub(super) fn told_one(&mut self, means: &mut Means<'_>) {
        if let Some(Owed { side, met: Some(met @ Met { is_mutual: true, .. }), .. }) = self.owed.take() {
            self.introduce(side.other(), Met { is_mutual: false, ..met }, means);
        }
    }

    /// Somebody answers what nobody waits for: a re-INVITE that was given up, or a refresh that the endpoint has sent.
    pub(super) fn answered_unasked(
        &mut self,
        session: SessionKey,
        said: Option<Description>,
        means: &mut Means<'_>,
    ) {
        let Some(side) = self.side_of(session) else { return };
        if self.withdrawn.take_if(|withdrawn| *withdrawn == side).is_some() {
            return self.owe(side, means);
        }
        let known = self.leg(side).streams.said_last();
        let is_news = |said: &Description| known.as_ref().is_none_or(|known| !known.says_the_same(said));
        if let Some(said) = said.filter(is_news) {
            self.leg_mut(side).streams.agree(&said, means);
            self.owe(side.other(), means);
        }
    }

    /// A side has made an offer that the other one does not answer: it gets what the other one has said as the answer,
    /// and the other one is told of the offer. Without anything said there is no answer.
    pub(super) fn stand_in(
        &mut self,
        offerer: Side,
        offer: &Description,
        means: &mut Means<'_>,
    ) -> Option<Body> {
        let answer = self.leg(offerer.other()).streams.said()?.stand_in_answer(offer);
        let leg = self.leg_mut(offerer);
        let body = leg.streams.answer(&answer, offer, means);
        leg.streams.agree(offer, means);
        Some(body)
    }
}
