//! Reliable provisional answers to our INVITE (RFC 3262 4): taken in the order of their `RSeq`, each acknowledged by
//! a PRACK.
//!
//! The endpoint sends the PRACK, unless the answer carries the offer that our INVITE did not: then the owner gives
//! the answer for it.

use std::time::Instant;

use crate::endpoint::{
    Body, Cause, ClientKey, ClientUser, DropReason, Endpoint, Event, Outputs, RELIABLE, Reliability, extend,
    via,
};
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::parse::token::number;

use super::{Early, Outgoing, Session, SessionKey, Stage};

impl Early {
    /// RFC 3262 4: whether a provisional answer is news, and how it came. `None`: a repeat, or one that has
    /// overtaken another, to be dropped; it will be repeated.
    pub(super) fn take(&mut self, message: &Message<'_>) -> Option<Reliability> {
        let Some(rseq) = rseq(message) else { return Some(Reliability::Unreliable) };
        if self.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return None;
        }
        self.rseq = Some(rseq);
        let said = &mut self.usage.descriptions;
        let is_first = said.are_empty();
        // Once offer and answer are complete, a description in an answer says nothing new (RFC 3261 13.2.1).
        if !said.are_settled() {
            said.they_say(Body::of(message).as_ref());
        }
        self.owes_prack = is_first && said.is_theirs_open();
        Some(if self.owes_prack { Reliability::AnswerWanted } else { Reliability::Reliable })
    }
}

/// The `RSeq` of an answer that has been sent reliably.
fn rseq(message: &Message<'_>) -> Option<u32> {
    let is_reliable = message.values(HeaderName::Require).any(|tag| tag.eq_ignore_ascii_case(RELIABLE));
    let rseq = message.first(HeaderName::RSeq).filter(|_| is_reliable).and_then(number)?;
    u32::try_from(rseq).ok()
}

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// RFC 3262 5: acknowledges the offer in a reliable provisional answer, with the answer to it. Owed after a
    /// `Progress` with `AnswerWanted`; `dialog` is the one that it named.
    pub fn prack(
        &mut self,
        now: Instant,
        key: SessionKey,
        dialog: &str,
        body: Option<Body>,
        out: &mut Outputs,
    ) {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        let early = outgoing.early.iter_mut().find(|early| early.usage.dialog.remote_tag() == dialog);
        let Some(early) = early.filter(|early| early.owes_prack) else { return };
        early.owes_prack = false;
        // Without an answer there is nothing agreed; the PRACK at least stops the repeats.
        early.usage.descriptions.we_conclude(body.as_ref());
        self.send_prack(now, key, dialog, body.as_ref(), out);
    }

    /// RFC 3262 4: the PRACK of the provisional answer taken last in an early dialog.
    pub(super) fn send_prack(
        &mut self,
        now: Instant,
        key: SessionKey,
        dialog: &str,
        body: Option<&Body>,
        out: &mut Outputs,
    ) {
        let number = self.tokens.number();
        let client = ClientKey { branch: number, cancel: false };
        let branch = self.tokens.branch(number);
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        let Outgoing { early, cseq, .. } = outgoing;
        let Some(early) = early.iter_mut().find(|early| early.usage.dialog.remote_tag() == dialog) else {
            return;
        };
        let Some(rseq) = early.rseq.filter(|_| !cfg!(feature = "planted-lost-prack")) else { return };
        let rack = format!("{rseq} {cseq} {}", Method::Invite);
        early.prack = Some(client);
        let dialog = &mut early.usage.dialog;
        let flow = dialog.next_hop();
        let cseq = dialog.next_cseq();
        let mut writer = dialog.request(Method::Prack.as_str(), cseq, &via(flow, &branch));
        writer.header(HeaderName::RAck, rack);
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &Vec::new(), body);
        let Ok(bytes) = writer.finish() else { return out.event(Event::Dropped(DropReason::Unwritable)) };
        self.open_client(now, client, (Method::Prack, ClientUser::Prack(key)), flow, bytes, out);
    }

    /// A final answer to a PRACK of ours, or none. A peer that does not know the early dialog, or does not hear us,
    /// has none: it ends, and the INVITE with the last one (RFC 3262 4, RFC 5057 5.1).
    pub(super) fn on_prack_over(
        &mut self,
        now: Instant,
        key: SessionKey,
        client: ClientKey,
        status: u16,
        out: &mut Outputs,
    ) {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) else {
            return;
        };
        let Some(at) = outgoing.early.iter().position(|early| early.prack == Some(client)) else { return };
        if !matches!(status, 408 | 481 | 503) {
            if let Some(early) = outgoing.early.get_mut(at) {
                early.prack = None;
            }
            return;
        }
        outgoing.early.swap_remove(at);
        if outgoing.early.is_empty() {
            let cause = if status == 481 { Cause::Response } else { Cause::Timeout };
            self.take_back(now, key, (status, cause), None, out);
        }
    }
}
