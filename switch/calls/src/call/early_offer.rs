//! Offers between the caller and a device before the answer: the device's own in a reliable provisional answer when the
//! caller made none (RFC 3262 §5), and UPDATE of either side (RFC 3311 §5).
//!
//! One at a time, and with one device: the others have an offer or an answer of their own. What nobody can answer here
//! is answered or refused at once, so that nothing waits for it.

use sip::{Body, Reason, Reply, SessionKey};
use streams::sdp::Description;

use super::{
    invitation::take,
    leg::Leg,
    media_plan::join,
    outcome::{LegResult, Words},
    state::{EarlyOffer, EarlyUpdate, Head, Ringing, State},
};
use crate::means::Means;

impl Ringing {
    /// A device makes the offer that the caller has not made: the caller is asked for the answer.
    pub(super) fn offered_early(
        mut self: Box<Self>,
        head: &mut Head,
        (session, dialog): (SessionKey, Box<str>),
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> State {
        let is_first = self.told.offer.is_none();
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.session == session) else {
            return State::Ringing(self);
        };
        let offer = fork.streams.said_in(body, means);
        let Some(offer) = offer.filter(|_| is_first) else {
            let refusal = fork.streams.said_in(body, means).map(|offer| fork.streams.decline(&offer, means));
            means.prack(session, &dialog, refusal);
            return State::Ringing(self);
        };
        let ports = self.caller.streams.reserve(&offer, false, means);
        if ports.and_then(|()| fork.streams.reserve(&offer, true, means)).is_err() {
            let refusal = fork.streams.decline(&offer, means);
            means.prack(session, &dialog, Some(refusal));
            return self.drop_fork(head, session, LegResult::Congested, means);
        }
        let told = self.caller.streams.offer(&offer, means);
        self.told.offer = Some(EarlyOffer { fork: session, dialog, offer, is_answered: false });
        self.tell_progress(session, 183, Some(told), means);
        State::Ringing(self)
    }

    /// The caller's PRACK brings the answer to the device's offer.
    pub(super) fn answered_early(
        mut self: Box<Self>,
        head: &mut Head,
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> State {
        let said = self.caller.streams.said_in(body, means);
        let Some(early) = self.told.offer.as_mut().filter(|early| !early.is_answered) else {
            return State::Ringing(self);
        };
        early.is_answered = true;
        let session = early.fork;
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.session == session) else {
            return State::Ringing(self);
        };
        let Some(said) = said.filter(|said| said.answers(&early.offer)) else {
            let refusal = fork.streams.decline(&early.offer, means);
            means.prack(session, &early.dialog, Some(refusal));
            return self.drop_fork(head, session, LegResult::MediaRefused, means);
        };
        let answer = fork.streams.answer(&said, &early.offer, means);
        means.prack(session, &early.dialog, Some(answer));
        fork.streams.agree(&early.offer, means);
        self.caller.streams.agree(&said, means);
        join(&mut self.caller.streams, &mut fork.streams, means);
        self.told.heard = Some(session);
        State::Ringing(self)
    }

    /// A device that cannot go on is sent home.
    fn drop_fork(
        mut self: Box<Self>,
        head: &mut Head,
        session: SessionKey,
        result: LegResult,
        means: &mut Means<'_>,
    ) -> State {
        let Some(fork) = take(&mut self.forks, session) else { return State::Ringing(self) };
        let status = result.caller_status();
        self.tally.add(fork.person, result, Words { status: Some(status), ..Words::default() });
        head.hang_up(fork, Some(Reason::sip(status, sip::reason_phrase_of(status))), means);
        self.go_on(head, means)
    }

    /// An offer by UPDATE, of the caller or of a device.
    pub(super) fn updated(&mut self, by: SessionKey, body: &Body, means: &mut Means<'_>) {
        let is_by_caller = by == self.caller.session;
        let leg =
            if is_by_caller { Some(&self.caller) } else { self.forks.iter().find(|fork| fork.session == by) };
        let Some(leg) = leg else { return means.refuse_update(by, Reply::new(504)) };
        let offer = match leg.streams.read(Some(body), means) {
            Ok(Some(offer)) => offer,
            Ok(None) => return means.refuse_update(by, Reply::new(488)),
            Err(unusable) => return means.refuse_update(by, unusable.reply()),
        };
        if self.told.update.is_some() {
            return means.refuse_update(by, Reply::new(491));
        }
        let heard = self.told.heard.filter(|heard| is_by_caller || *heard == by);
        let fork = heard.and_then(|heard| self.forks.iter_mut().find(|fork| fork.session == heard));
        // RFC 3311 §5.2: what cannot be settled now. The caller's session is with the device it hears alone.
        let Some(fork) = fork else { return means.refuse_update(by, Reply::new(504)) };
        let (asker, asked) = if is_by_caller { (&mut self.caller, fork) } else { (fork, &mut self.caller) };
        let ports = asker.streams.reserve(&offer, true, means);
        if ports.and_then(|()| asked.streams.reserve(&offer, false, means)).is_err() {
            return means.refuse_update(by, Reply::new(488));
        }
        let of = asked.session;
        let told = asked.streams.offer(&offer, means);
        match means.update(of, told) {
            Ok(()) => self.told.update = Some(EarlyUpdate { by, of, offer }),
            Err(refused) => {
                [asker, asked].into_iter().for_each(|leg| leg.streams.give_up_exchange());
                let status = if refused == sip::Refused::Busy { 491 } else { 504 };
                means.refuse_update(by, Reply::new(status));
            }
        }
    }

    /// The one who was asked by UPDATE has answered, or not.
    pub(super) fn update_over(
        &mut self,
        of: SessionKey,
        outcome: Result<Option<&Body>, u16>,
        means: &mut Means<'_>,
    ) {
        let Some(update) = self.told.update.take_if(|update| update.of == of) else { return };
        let is_by_caller = update.by == self.caller.session;
        let session = if is_by_caller { of } else { update.by };
        let fork = self.forks.iter_mut().find(|fork| fork.session == session);
        let Some(fork) = fork else { return means.refuse_update(update.by, Reply::new(488)) };
        let (asker, asked) = if is_by_caller { (&mut self.caller, fork) } else { (fork, &mut self.caller) };
        let said = match outcome {
            Ok(body) => asked.streams.said_in(body, means).filter(|said| said.answers(&update.offer)),
            Err(_) => None,
        };
        let Some(said) = said else {
            [asker, asked].into_iter().for_each(|leg| leg.streams.give_up_exchange());
            let status = outcome.err().map_or(488, passed_on);
            return means.refuse_update(update.by, Reply::new(status));
        };
        let answer = asker.streams.answer(&said, &update.offer, means);
        // What the caller has been told is what the 200 repeats.
        self.told.answer = match &self.offer {
            Some(first) if !is_by_caller => asked.streams.would_answer(&update.offer, first, means),
            _ => Some(answer.clone()),
        };
        means.answer_update(update.by, answer);
        let both: [(&mut Leg, &Description); 2] = [(asker, &update.offer), (asked, &said)];
        for (leg, said) in both {
            leg.streams.agree(said, means);
        }
        let fork = self.forks.iter_mut().find(|fork| fork.session == session);
        if let Some(fork) = fork {
            fork.early = fork.streams.said();
            join(&mut self.caller.streams, &mut fork.streams, means);
        }
    }

    /// The call is answered, or the device is gone: an UPDATE on its way leads to nothing.
    pub(super) fn give_up_update(&mut self, fork: SessionKey, means: &mut Means<'_>) {
        let update = self.told.update.take_if(|update| update.by == fork || update.of == fork);
        let Some(update) = update else { return };
        self.caller.streams.give_up_exchange();
        let of_update = self.forks.iter_mut().find(|one| one.session == fork);
        of_update.into_iter().for_each(|fork| fork.streams.give_up_exchange());
        if update.by != fork {
            means.refuse_update(update.by, Reply::new(491));
        }
    }
}

/// A status for the asker. A challenge or a redirection is for us and would only confuse it; an unknown dialog is the
/// other side's.
pub(super) fn passed_on(status: u16) -> u16 {
    match status {
        300..=399 | 401 | 407 => 488,
        408 | 481 => 504,
        status => status,
    }
}
