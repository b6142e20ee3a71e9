//! Ending a session by whatever its stage needs: CANCEL, a failure, or BYE (RFC 3261 9.1, 13.3.1.3, 15.1).

use std::time::Instant;

use crate::dialog::Dialog;
use crate::endpoint::{
    Cause, ClientKey, ClientUser, DropReason, EndedBy, Endpoint, Event, Outputs, Proof, Reason, Reply, via,
};
use crate::header::HeaderName;
use crate::method::Method;

use super::{Exchange, HangUp, Session, SessionKey, Stage};

impl Endpoint {
    /// Ends a session. Our unanswered INVITE is cancelled (`Failed` follows), theirs is declined (603, no event
    /// follows), a confirmed session gets BYE (`Ended` follows). BYE waits for the ACK of our 2xx, or for its
    /// absence (15).
    pub fn hang_up(&mut self, now: Instant, key: SessionKey, reason: Option<Reason>, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        match &mut session.stage {
            Stage::Outgoing(_) => self.take_back(now, key, (487, Cause::Canceled), reason, out),
            Stage::Incoming(incoming) => {
                let (server, is_answered) = (incoming.server, incoming.sending.is_answered());
                let reply = reason.iter().fold(Reply::new(603), Reply::reason);
                self.end_incoming(now, key, server, &reply, out);
                // The 2xx was still waiting for a PRACK; for the owner the session had begun.
                if is_answered {
                    out.event(Event::Ended { session: key, by: EndedBy::Us, reason, instead: Some(603) });
                }
            }
            Stage::Confirmed(confirmed) => match &confirmed.exchange {
                Exchange::TheirsAnswered(answer) if answer.first => {
                    confirmed.hang_up.get_or_insert_with(|| Box::new(HangUp { reason }));
                }
                _ => self.leave(now, key, EndedBy::Us, reason, out),
            },
            Stage::Leaving(_) => {}
        }
    }

    /// Ends a confirmed session by BYE. It is over at once (15.1.1); what is kept meets the peer's own BYE.
    pub(super) fn leave(
        &mut self,
        now: Instant,
        key: SessionKey,
        by: EndedBy,
        reason: Option<Reason>,
        out: &mut Outputs,
    ) {
        // Before it is confirmed, its INVITE decides.
        if self.sessions.get_mut(&key).and_then(Session::confirmed).is_none() {
            return;
        }
        self.close_exchanges(now, key, out);
        let Some(mut session) = self.sessions.remove(&key) else { return };
        session.running.stop_all(&mut self.timers);
        if let Stage::Confirmed(confirmed) = session.stage {
            let mut dialog = confirmed.usage.dialog;
            let proof = session.login.clone().map(Proof::of);
            if self.send_bye(now, &mut dialog, (reason.as_ref(), proof), ClientUser::Bye(key), out) {
                session.stage = Stage::Leaving(dialog);
                self.sessions.insert(key, session);
            }
            out.event(Event::Ended { session: key, by, reason, instead: None });
        }
    }

    /// Ends a confirmed session that the peer has ended, or does not know.
    pub(super) fn end_without_bye(
        &mut self,
        now: Instant,
        key: SessionKey,
        by: EndedBy,
        reason: Option<Reason>,
        out: &mut Outputs,
    ) {
        if self.sessions.get_mut(&key).and_then(Session::confirmed).is_some() {
            self.close_exchanges(now, key, out);
            self.forget(key);
            out.event(Event::Ended { session: key, by, reason, instead: None });
        }
    }

    /// 15.1.2: nothing may stay open when a session ends. An ACK we owe is given, their re-INVITE and requests
    /// are answered 487, our re-INVITE is left to its transaction.
    fn close_exchanges(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        self.acknowledge(key, None, out);
        self.close_reinvite(now, key, &Reply::new(487), out);
        self.end_pending(now, key, out);
        let confirmed = self.sessions.get_mut(&key).and_then(Session::confirmed);
        if let Some(Exchange::Ours { client, .. }) = confirmed.map(|confirmed| &confirmed.exchange) {
            let client = *client;
            self.abandon(now, client);
        }
    }

    /// Sends BYE in a dialog, with how a challenge to it is answered; `false` when it could not be written.
    pub(super) fn send_bye(
        &mut self,
        now: Instant,
        dialog: &mut Dialog,
        (reason, proof): (Option<&Reason>, Option<Box<Proof>>),
        user: ClientUser,
        out: &mut Outputs,
    ) -> bool {
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let flow = dialog.next_hop();
        let cseq = dialog.next_cseq();
        let via = via(flow, &self.tokens.branch(client.branch));
        let write = |reason: Option<&Reason>| {
            let mut writer = dialog.request(Method::Bye.as_str(), cseq, &via);
            self.name(&mut writer, HeaderName::UserAgent);
            if let Some(reason) = reason {
                writer.header(HeaderName::Reason, reason);
            }
            writer.finish()
        };
        let Ok(bytes) = write(reason).or_else(|_| write(None)) else {
            out.event(Event::Dropped(DropReason::Unwritable));
            return false;
        };
        self.open_client(now, client, (Method::Bye, user), flow, bytes, out);
        if let Some(proof) = proof {
            self.prove(client, proof);
        }
        true
    }
}
