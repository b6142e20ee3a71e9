//! What a caller hears before anybody has answered: ring-back, and the early media of one device at a time.
//!
//! Towards the caller the switch is one user agent with one dialog, however many devices ring: phones that expect no
//! second To tag are many. In one dialog an offer has one answer (RFC 3261 §13.2.1), so the first that is told stays
//! the answer. As all media comes from the same ports of ours, another device's own answer reads otherwise only where it
//! chooses other formats. It is heard early if we can turn those into what was told; and when it answers the call, the
//! caller is told its answer by an offer of ours after the ACK (`settle`), if that spares the turning or lets it be heard:
//! not where the device speaks first what was told, be it that it takes more.

use contract::journal::{Detail, EventKind};
use sip::{Body, Provisional, SessionKey};
use streams::sdp::Description;

use super::{media_plan::join, state::Ringing};
use crate::means::Means;

impl Ringing {
    /// A device rings, or lets itself be heard early.
    pub(super) fn progress(
        &mut self,
        session: SessionKey,
        status: u16,
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) {
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.session == session) else { return };
        let said = fork.streams.said_in(body, means);
        let said = said.filter(|said| self.offer.as_ref().is_some_and(|offer| said.answers(offer)));
        if said.is_none() && !matches!(status, 180 | 183) {
            // 181, 182, 199: nobody rings yet.
            return;
        }
        if let Some(said) = said {
            fork.streams.learn(&said, means);
            fork.early = Some(said);
        }
        let answer = self.listen(means);
        self.tell_progress(session, status, answer, means);
    }

    /// Tells the caller that a device rings, and what it says of the media.
    pub(super) fn tell_progress(
        &mut self,
        session: SessionKey,
        status: u16,
        description: Option<Body>,
        means: &mut Means<'_>,
    ) {
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.session == session) else { return };
        fork.has_rung = true;
        let no = fork.no;
        let provisional = match (description, status) {
            (Some(description), _) => {
                self.told.ringing |= status == 180;
                Some(Provisional::new(if status == 180 { 180 } else { 183 }).body(description))
            }
            // Told even while another device is heard: the caller's phone knows best what to make of it.
            (None, 180) => {
                let is_news = !std::mem::replace(&mut self.told.ringing, true);
                is_news.then(|| Provisional::new(180))
            }
            (None, _) => {
                let is_news = self.told.answer.is_none() && !std::mem::replace(&mut self.told.progress, true);
                is_news.then(|| Provisional::new(183))
            }
        };
        if let Some(provisional) = provisional {
            means.ring(self.caller.session, provisional);
        }
        if !std::mem::replace(&mut self.told.is_written, true) {
            let detail = Detail { leg: Some(no), ..Detail::default() };
            let is_forwarded = !self.invitation.trail.path().is_empty();
            let kind = if is_forwarded { EventKind::ForwardRinging } else { EventKind::Ringing };
            self.record.event(kind, None, detail, means);
        }
    }

    /// Lets the caller hear the first device that can be, if none is heard; what the caller has to be told for it.
    fn listen(&mut self, means: &mut Means<'_>) -> Option<Body> {
        if self.told.heard.is_some() {
            return None;
        }
        let (caller, offer) = (&mut self.caller.streams, self.offer.as_ref()?);
        let can_be_heard = |said: &Description| match &self.told.answer {
            None => true,
            Some(told) => caller.has_told(told, said, offer, means) || meets(told, said, means),
        };
        let fork = self.forks.iter_mut().find(|fork| fork.early.as_ref().is_some_and(can_be_heard))?;
        let said = fork.early.clone()?;
        let answer = match self.told.answer {
            Some(_) => None,
            None => {
                let answer = caller.answer(&said, offer, means);
                caller.learn(offer, means);
                self.told.answer = Some(answer.clone());
                Some(answer)
            }
        };
        join(caller, &mut fork.streams, means);
        self.told.heard = Some(fork.session);
        answer
    }

    /// A device rings no longer. If it was heard, another one is, or the caller's phone is to ring by itself again.
    pub(super) fn falls_silent(&mut self, session: SessionKey, means: &mut Means<'_>) {
        self.give_up_update(session, means);
        if self.told.heard.take_if(|heard| *heard == session).is_none() {
            return;
        }
        self.listen(means);
        if self.told.heard.is_none() && self.forks.iter().any(|fork| fork.has_rung) {
            self.told.ringing = true;
            means.ring(self.caller.session, Provisional::new(180));
        }
    }

    /// The answer for the caller when a device has answered the call, and whether the caller has to be told another one.
    pub(super) fn answer_for_caller(
        &mut self,
        said: &Description,
        offer: &Description,
        means: &mut Means<'_>,
    ) -> (Body, bool) {
        let caller = &mut self.caller.streams;
        match self.told.answer.take() {
            Some(told) if !caller.has_told(&told, said, offer, means) => {
                // Where there is nothing that both could speak, it is transcoded as well as it is now.
                let is_enough = Description::parse(&told.bytes).is_ok_and(|told| {
                    said.meets(&told, &means.config.codecs)
                        && (said.speaks_as_told(offer, &told) || !said.shares_speech(offer))
                });
                (told, !is_enough)
            }
            _ => (caller.answer(said, offer, means), false),
        }
    }
}

/// Whether a caller who has been told this hears a device that has said that, its speech turned into what was told.
fn meets(told: &Body, said: &Description, means: &Means<'_>) -> bool {
    let codecs = &means.config.codecs;
    !codecs.is_empty() && Description::parse(&told.bytes).is_ok_and(|told| said.meets(&told, codecs))
}
