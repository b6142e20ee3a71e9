//! Reliable provisional answers to their INVITE (RFC 3262 3): numbered, repeated until the PRACK comes, one at a
//! time. The 2xx waits for the PRACK of one that carried a description.
//!
//! What the description means is the owner's business; whether it was offer or answer is said in `usage.rs`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{
    Body, DropReason, EndedBy, Endpoint, Event, Lapse, Outputs, PROVISIONALS_QUEUED_MAX, Provisional,
    RELIABLE, Reason, Reply, ServerEvent, ServerKey, Why, contact,
};
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::parse::token::number;

use super::usage::Descriptions;
use super::{Incoming, Session, SessionKey, Stage};

/// Upper bound of the first `RSeq`, so that it can be counted up (RFC 3262 3).
const FIRST_RSEQ_MAX: u32 = u32::MAX / 2;

/// Our reliable provisional answers to one INVITE.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Sending {
    /// The peer supports `100rel`.
    is_possible: bool,
    /// The peer requires it: nothing above 100 may be sent otherwise.
    is_required: bool,
    /// The last `RSeq` used, 0 before the first.
    last: u32,
    unacknowledged: Option<Unacknowledged>,
    /// What waits for that one's PRACK.
    queue: VecDeque<Provisional>,
    /// The owner has answered, but the 2xx has to wait.
    held: Option<Held>,
}

/// A provisional answer without its PRACK.
#[derive(Serialize, Deserialize)]
struct Unacknowledged {
    rseq: u32,
    response: Bytes,
    interval: Duration,
    is_description: bool,
}

/// A 2xx that waits for a PRACK.
#[derive(Serialize, Deserialize)]
struct Held {
    body: Option<Body>,
}

/// How a provisional answer may be sent.
enum Way {
    Unreliably,
    Reliably,
    Later,
    NotAtAll,
}

/// The answer that is repeated every minute.
#[derive(Serialize, Deserialize)]
pub(super) enum Progress {
    /// As it was.
    Unreliable(Bytes),
    /// As a new one of this status; the last has been acknowledged.
    Reliable(u16),
}

impl Sending {
    /// What the INVITE allows.
    pub(super) fn of(invite: &Message<'_>) -> Self {
        let names = |header| invite.values(header).any(|tag| tag.eq_ignore_ascii_case(RELIABLE));
        let is_required = names(HeaderName::Require);
        let is_possible = is_required || names(HeaderName::Supported);
        Self { is_possible, is_required, ..Self::default() }
    }

    /// Whether the owner has answered already.
    pub(super) fn is_answered(&self) -> bool {
        self.held.is_some()
    }

    fn way(&self, provisional: &Provisional, said: &Descriptions, is_wanted: bool) -> Way {
        if self.held.is_some() {
            return Way::NotAtAll;
        }
        if !(self.is_required || self.is_possible && is_wanted && provisional.body.is_some()) {
            return Way::Unreliably;
        }
        // Without an offer in the INVITE the first reliable answer has to carry one (RFC 3261 13.2.1).
        let describes = provisional.body.as_ref().is_some_and(Body::is_description);
        match (said.are_empty() && !describes, self.unacknowledged.is_some()) {
            (true, _) if self.is_required => Way::NotAtAll,
            (true, _) => Way::Unreliably,
            (false, true) => Way::Later,
            (false, false) => Way::Reliably,
        }
    }

    /// Lets `provisional` wait. When too many do, the last makes room: a newer one says more.
    fn enqueue(&mut self, provisional: Provisional, out: &mut Outputs) {
        if self.queue.len() >= PROVISIONALS_QUEUED_MAX {
            self.queue.pop_back();
            out.event(Event::Dropped(DropReason::Full));
        }
        self.queue.push_back(provisional);
    }

    /// Whether a PRACK is missing.
    pub(super) fn is_unacknowledged(&self) -> bool {
        self.unacknowledged.is_some()
    }

    /// The 2xx is sent: the `RSeq` whose PRACK may still come.
    pub(super) fn overtaken(&self) -> Option<u32> {
        self.unacknowledged.as_ref().map(|open| open.rseq)
    }

    /// Keeps the 2xx back while the PRACK of a description is missing. `false`: it may go.
    pub(super) fn holds(&mut self, body: &Option<Body>) -> bool {
        let waits = self.unacknowledged.as_ref().is_some_and(|open| open.is_description);
        if waits {
            self.queue.clear();
            self.held = Some(Held { body: body.clone() });
        }
        waits
    }
}

impl Endpoint {
    /// 13.3.1.1: answers provisionally, 101 to 199; reliably where it can be (RFC 3262 3). One that has to wait for
    /// the PRACK of the one before is sent when that has come.
    pub fn ring(&mut self, now: Instant, key: SessionKey, provisional: Provisional, out: &mut Outputs) {
        let is_wanted = self.config.reliable_provisionals;
        let Some(Session { stage: Stage::Incoming(incoming), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        if !(101..200).contains(&provisional.status) {
            return;
        }
        match incoming.sending.way(&provisional, &incoming.usage.descriptions, is_wanted) {
            Way::Unreliably => self.send_unreliably(now, key, provisional, out),
            Way::Reliably => self.send_reliably(now, key, provisional, out),
            Way::Later => incoming.sending.enqueue(provisional, out),
            Way::NotAtAll => {}
        }
    }

    fn send_unreliably(
        &mut self,
        now: Instant,
        key: SessionKey,
        provisional: Provisional,
        out: &mut Outputs,
    ) {
        let Some((server, contact)) = self.unanswered_invite(key) else { return };
        let Provisional { status, body, headers } = provisional;
        let reply = Reply { status, phrase: None, headers, body };
        if let Some((_, bytes)) = self.answer_server(now, server, &reply, Some(&contact), out) {
            self.keep_progress(now, key, Progress::Unreliable(bytes));
        }
    }

    /// RFC 3262 3: numbered, and repeated until its PRACK comes or 64*T1 are over.
    fn send_reliably(&mut self, now: Instant, key: SessionKey, provisional: Provisional, out: &mut Outputs) {
        let Some((server, contact)) = self.unanswered_invite(key) else { return };
        let first = 1 + self.tokens.below(FIRST_RSEQ_MAX);
        let Some(Session { stage: Stage::Incoming(incoming), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        let Provisional { status, mut body, mut headers } = provisional;
        let said = &mut incoming.usage.descriptions;
        // A description that is neither the offer nor its answer is no longer possible in an answer.
        if said.are_settled() {
            body = body.filter(|body| !body.is_description() || said.repeats_answer(body));
        } else {
            said.we_say(body.as_ref());
        }
        let rseq = if incoming.sending.last == 0 { first } else { incoming.sending.last.saturating_add(1) };
        headers.push(("Require".into(), RELIABLE.into()));
        headers.push(("RSeq".into(), rseq.to_string()));
        let is_description = body.as_ref().is_some_and(Body::is_description);
        let reply = Reply { status, phrase: None, headers, body };
        let Some((_, response)) = self.answer_server(now, server, &reply, Some(&contact), out) else {
            return;
        };
        let interval = self.config.timers.t1;
        let until = now + self.config.timers.t1x64();
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if let Stage::Incoming(incoming) = &mut session.stage {
            incoming.sending.last = rseq;
            incoming.sending.unacknowledged =
                Some(Unacknowledged { rseq, response, interval, is_description });
        }
        session.running.set(&mut self.timers, now + interval, Why::Reliable(key));
        session.running.set(&mut self.timers, until, Why::PrackMissing(key));
        self.keep_progress(now, key, Progress::Reliable(status));
    }

    fn keep_progress(&mut self, now: Instant, key: SessionKey, progress: Progress) {
        let at = now + self.config.timers.progress_refresh;
        if let Some(session) = self.sessions.get_mut(&key)
            && let Stage::Incoming(incoming) = &mut session.stage
        {
            incoming.progress = Some(progress);
            session.running.set(&mut self.timers, at, Why::Progress(key));
        }
    }

    /// 13.3.1.1: a long ringing is repeated every minute.
    pub(crate) fn repeat_progress(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Stage::Incoming(incoming) = &session.stage else { return };
        let Incoming { server, progress: Some(progress), .. } = incoming.as_ref() else { return };
        let server = *server;
        let at = now + self.config.timers.progress_refresh;
        session.running.set(&mut self.timers, at, Why::Progress(key));
        match progress {
            Progress::Unreliable(bytes) => {
                let event = ServerEvent::Answer { status: 180, bytes: bytes.clone() };
                self.drive_server(now, server, event, out);
            }
            Progress::Reliable(status) => {
                let provisional = Provisional::new(*status);
                self.ring(now, key, provisional, out);
            }
        }
    }

    /// RFC 3262 3: the PRACK has not come yet. The interval doubles without a bound.
    pub(crate) fn repeat_reliable(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Stage::Incoming(incoming) = &mut session.stage else { return };
        let Some(open) = &mut incoming.sending.unacknowledged else { return };
        open.interval = open.interval.saturating_mul(2);
        let (server, at) = (incoming.server, now + open.interval);
        let event = ServerEvent::Answer { status: 183, bytes: open.response.clone() };
        session.running.set(&mut self.timers, at, Why::Reliable(key));
        self.drive_server(now, server, event, out);
    }

    /// RFC 3262 3: no PRACK for 64*T1 says that the caller does not hear us.
    pub(crate) fn prack_missing(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some((server, is_answered)) = self.incoming(key) else { return };
        self.end_incoming(now, key, server, &Reply::new(504), out);
        if is_answered {
            out.event(Event::AckMissing { session: key });
            let ended = Event::Ended { session: key, by: EndedBy::Timeout, reason: None, instead: Some(504) };
            return out.event(ended);
        }
        out.event(Event::Lapsed { session: key, why: Lapse::PrackMissing });
    }

    /// The peer ends its INVITE: as a session that was never answered, or, when the owner has answered, as any other.
    pub(super) fn tell_canceled(
        key: SessionKey,
        is_answered: bool,
        reason: Option<Reason>,
        out: &mut Outputs,
    ) {
        out.event(if is_answered {
            Event::Ended { session: key, by: EndedBy::Peer, reason, instead: Some(487) }
        } else {
            Event::Canceled { session: key, reason }
        });
    }

    /// RFC 3262 3: a PRACK of the peer. Its sequence number has been taken.
    pub(super) fn on_prack(
        &mut self,
        now: Instant,
        key: SessionKey,
        server: ServerKey,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        let acknowledged = message.first(HeaderName::RAck).and_then(rack);
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let usage = match &mut session.stage {
            Stage::Incoming(incoming) => {
                let open = incoming
                    .sending
                    .unacknowledged
                    .take_if(|open| acknowledged == Some((open.rseq, incoming.cseq)));
                open.map(|_| &mut incoming.usage)
            }
            Stage::Confirmed(confirmed) => {
                confirmed.overtaken.take_if(|late| acknowledged == Some(*late)).map(|_| &mut confirmed.usage)
            }
            Stage::Outgoing(_) | Stage::Leaving(_) => None,
        };
        let Some(usage) = usage else {
            return self.answer_now(now, key, server, &Reply::new(481), out);
        };
        session.running.stop(&mut self.timers, &Why::Reliable(key));
        session.running.stop(&mut self.timers, &Why::PrackMissing(key));
        let body = Body::of(message).filter(Body::is_description);
        if usage.descriptions.is_ours_open() {
            usage.descriptions.they_conclude(body.as_ref());
            self.answer_now(now, key, server, &Reply::new(200), out);
            out.event(Event::Pracked { session: key, body });
        } else if let Some(body) = body {
            // The next provisional answer, or the 2xx, follows all the same: it carries no description.
            self.on_offer(now, key, server, (body, None), out);
        } else {
            self.answer_now(now, key, server, &Reply::new(200), out);
        }
        self.send_next(now, key, out);
    }

    /// Sends what has waited for a PRACK: the 2xx, or the next provisional answers.
    fn send_next(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(Session { stage: Stage::Incoming(incoming), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        if let Some(held) = incoming.sending.held.take() {
            return self.answer(now, key, held.body, out);
        }
        // Those that need no PRACK go together up to the first that does.
        for _ in 0..PROVISIONALS_QUEUED_MAX {
            let Some(Session { stage: Stage::Incoming(incoming), .. }) = self.sessions.get_mut(&key) else {
                return;
            };
            if incoming.sending.unacknowledged.is_some() {
                return;
            }
            let Some(next) = incoming.sending.queue.pop_front() else { return };
            self.ring(now, key, next, out);
        }
    }

    /// The INVITE of a session that has no final answer, and whether the owner has answered it already.
    pub(super) fn incoming(&self, key: SessionKey) -> Option<(ServerKey, bool)> {
        match &self.sessions.get(&key)?.stage {
            Stage::Incoming(incoming) => Some((incoming.server, incoming.sending.is_answered())),
            Stage::Outgoing(_) | Stage::Confirmed(_) | Stage::Leaving(_) => None,
        }
    }

    /// An INVITE that the owner has still to answer, and our Contact for it.
    pub(super) fn unanswered_invite(&self, key: SessionKey) -> Option<(ServerKey, String)> {
        let session = self.sessions.get(&key)?;
        let Stage::Incoming(incoming) = &session.stage else { return None };
        let leg = incoming.usage.dialog.leg();
        (!incoming.sending.is_answered()).then(|| (incoming.server, contact(&session.contact_user, leg)))
    }
}

/// RFC 3262 7.2: the `RSeq` and the sequence number of the INVITE that a PRACK names.
fn rack(value: &str) -> Option<(u32, u32)> {
    let mut parts = value.split_ascii_whitespace();
    let mut next = || parts.next().and_then(number).and_then(|number| u32::try_from(number).ok());
    let (rseq, cseq) = (next()?, next()?);
    (parts.next().map(Method::of) == Some(Method::Invite)).then_some((rseq, cseq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3262_7_2_a_rack_names_two_numbers_and_the_method() {
        assert_eq!(rack("776656 1 INVITE"), Some((776_656, 1)));
        assert_eq!(rack("4294967295\t2  INVITE"), Some((u32::MAX, 2)));
        for text in ["", "1", "1 2", "1 2 invite", "1 2 UPDATE", "-1 2 INVITE", "4294967296 1 INVITE"] {
            assert_eq!(rack(text), None, "{text}");
        }
    }
}
