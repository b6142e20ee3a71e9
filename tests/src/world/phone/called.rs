//! Being called: ringing, answering, refusing, being cancelled (RFC 3261 §9.2, §13.3).

use std::{collections::VecDeque, time::Duration};

use super::super::organisation::RECEPTION;
use super::{
    Alarm, Phone,
    call::{Call, Phase},
    calling::{ALLOW, ALLOW_UPDATE},
    manner::{Manner, Verdict},
    sdp::Media,
    server::Server,
    text::{Text, uri_of},
};

/// A phone stops ringing by itself when nobody takes the call back, as when its 180s and a CANCEL were lost.
const RING_LIMIT: Duration = Duration::from_secs(100);

impl Phone {
    pub(super) fn receive_invite(&mut self, now: Duration, mut server: Server) {
        let invite = server.request.clone();
        if self.deaf_to.contains(invite.call_id()) {
            return;
        }
        // RFC 3261 §19.1.6: a global number says so.
        if invite.uri().trim_end_matches(";user=phone") != uri_of(&self.contact()) {
            self.complain(format!("INVITE for {}, our contact is {}", invite.uri(), self.contact()));
        }
        let manner = self.meet();
        if manner.verdict == Verdict::Deaf {
            self.deaf_to.insert(invite.call_id().to_owned());
            return;
        }
        let number = self.next_call();
        let media = Media::new(self.audio_address(number), self.dice.chance(300), self.speech);
        let mut call = Call::new(number, false, invite.clone(), media, now);
        call.local_tag = self.dice.token(4);
        (call.knows_update, call.knows_timer) = (self.dice.chance(300), self.dice.chance(300));
        call.learn(&invite);
        call.talk = VecDeque::from(manner.talk.clone());
        let target = call.target.clone();
        if let Some(after) =
            manner.ring_after.filter(|after| *after < manner.after || manner.verdict == Verdict::Ignore)
        {
            self.set_alarm(now + after, Alarm::Ring(number));
        }
        let after = if manner.verdict == Verdict::Ignore { RING_LIMIT } else { manner.after };
        self.set_alarm(now + after, Alarm::Decide(number));
        call.manner = Some(manner);
        self.calls.insert(number, call);
        server.call = Some(number);
        self.servers.insert((invite.branch().to_owned(), false), server);
        self.check_target(&target);
        self.prepare_answer(number);
    }

    /// What the person does about a call that arrives now.
    fn meet(&mut self) -> Manner {
        if let Some(manner) = self.manners.pop_front() {
            return manner;
        }
        let is_busy = self.calls.values().any(Call::is_talking) && self.dice.chance(700);
        if is_busy {
            return Manner {
                ring_after: None,
                ..Manner::of(Verdict::Refuse(486), Duration::from_millis(20))
            };
        }
        Manner::draw(&mut self.dice)
    }

    fn prepare_answer(&mut self, number: u32) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| !call.is_late_offer) else { return };
        let body = call.invite.body.clone();
        match call.media.answer_to(&body) {
            Ok(answer) => call.answer = Some(answer),
            Err(error) => self.complain(format!("INVITE: {error}")),
        }
    }

    /// The open INVITE of a call.
    fn invite_of(&mut self, number: u32) -> Option<&mut Server> {
        self.servers
            .values_mut()
            .find(|server| server.call == Some(number) && server.is_invite() && server.is_open())
    }

    /// An answer to the INVITE of a call.
    fn invite_answer(
        &mut self,
        number: u32,
        (status, reason): (u16, &str),
        body: Option<String>,
    ) -> Option<Text> {
        let (contact, domain) = (self.contact(), self.login.domain.clone());
        let call = self.calls.get(&number)?;
        let (tag, allow) = (call.local_tag.clone(), if call.knows_update { ALLOW_UPDATE } else { ALLOW });
        let server = self.invite_of(number)?;
        let mut response = Text::answer(&server.request, status, reason, Some(&tag));
        match status {
            ..300 => {
                response.add("Contact", contact);
                response.add("Allow", allow);
            }
            // The person is where the reception is.
            300..400 => response.add("Contact", format!("<sip:{RECEPTION}@{domain}>")),
            _ => {}
        }
        if let Some(body) = body {
            response.with_body("application/sdp", body);
        }
        Some(response)
    }

    pub(super) fn send_invite_answer(&mut self, now: Duration, number: u32, response: &Text) {
        let accent = self.accent;
        if let Some(call) = self.calls.get_mut(&number) {
            call.touched_at = now;
        }
        let mut sent = Vec::new();
        if let Some(server) = self.invite_of(number) {
            server.reply(now, response, accent, &mut sent);
        }
        self.outbox.append(&mut sent);
    }

    fn respond_to_invite(&mut self, now: Duration, number: u32, status: (u16, &str), body: Option<String>) {
        if let Some(response) = self.invite_answer(number, status, body) {
            self.send_invite_answer(now, number, &response);
        }
    }

    pub(super) fn ring(&mut self, now: Duration, number: u32) {
        if self.ring_again(now, number) {
            return;
        }
        let Some(call) = self.calls.get(&number).filter(|call| call.phase == Phase::Ringing) else { return };
        let is_early = call.manner.as_ref().is_some_and(|manner| manner.early_media);
        let can_prack = call.invite.list("Supported").contains(&"100rel");
        let Some(answer) = call.answer.clone().filter(|_| is_early) else {
            return self.respond_to_invite(now, number, (180, "Ringing"), None);
        };
        let Some(response) = self.invite_answer(number, (183, "Session Progress"), Some(answer)) else {
            return;
        };
        if can_prack && self.dice.chance(500) {
            self.ring_reliably(now, number, response);
        } else {
            self.send_invite_answer(now, number, &response);
        }
    }

    pub(super) fn decide(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.phase == Phase::Ringing) else {
            return;
        };
        match call.manner.as_ref().map(|manner| manner.verdict) {
            Some(Verdict::Answer) if call.awaits_prack() => {
                self.set_alarm(now + Duration::from_millis(250), Alarm::Decide(number));
            }
            Some(Verdict::Answer) => {
                call.phase = Phase::Answered;
                (call.status, call.answered_at) = (Some(200), Some(now));
                call.awaits_answer = call.is_late_offer.then_some(call.remote_seq);
                let body = if call.is_late_offer { Some(call.media.offer()) } else { call.answer.clone() };
                let invite = call.invite.clone();
                let Some(mut response) = self.invite_answer(number, (200, "OK"), body) else { return };
                self.agree_timer(now, number, &invite, &mut response);
                self.send_invite_answer(now, number, &response);
            }
            Some(Verdict::Refuse(status)) => self.refuse(now, number, status),
            Some(Verdict::Ignore | Verdict::Deaf) | None => self.refuse(now, number, 480),
        }
    }

    pub(super) fn refuse(&mut self, now: Duration, number: u32, status: u16) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.status = Some(status);
        }
        self.respond_to_invite(now, number, (status, "No"), None);
        self.finish(now, number);
    }

    pub(super) fn receive_cancel(&mut self, now: Duration, server: Server) {
        let cancel = server.request.clone();
        if self.deaf_to.contains(cancel.call_id()) {
            return self.complain("CANCEL although we never sent a 1xx (RFC 3261 §9.1)".to_owned());
        }
        let key = (cancel.branch().to_owned(), false);
        let Some(invite) = self.servers.get(&key) else {
            return self.reply_and_keep(now, server, 481, "Call/Transaction Does Not Exist");
        };
        let mut wrong = Vec::new();
        for name in ["Call-ID", "From", "To"] {
            if cancel.one(name) != invite.request.one(name) {
                wrong.push(format!("CANCEL has another {name} than its INVITE"));
            }
        }
        if cancel.uri() != invite.request.uri() || cancel.cseq().0 != invite.request.cseq().0 {
            wrong.push("CANCEL has another Request-URI or CSeq number than its INVITE".to_owned());
        }
        if invite.is_open() && !invite.has_spoken() {
            wrong.push("CANCEL although we have sent no 1xx (RFC 3261 §9.1)".to_owned());
        }
        let (number, is_open) = (invite.call, invite.is_open());
        wrong.into_iter().for_each(|text| self.complain(text));
        let tag = number.and_then(|number| self.calls.get(&number)).map(|call| call.local_tag.clone());
        let answer = Text::answer(&cancel, 200, "OK", Some(tag.as_deref().unwrap_or("none")));
        self.keep_and_reply(now, server, &answer);
        if let (true, Some(number)) = (is_open, number) {
            self.respond_to_invite(now, number, (487, "Request Terminated"), None);
            self.canceled(now, number, &cancel);
        }
    }

    fn canceled(&mut self, now: Duration, number: u32, cancel: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        // A re-INVITE that is cancelled leaves the call as it was.
        if call.phase == Phase::Ringing {
            call.status = Some(487);
            call.ended_by_switch = true;
            call.reason = cancel.one("Reason").map(str::to_owned);
            self.finish(now, number);
        }
    }

    pub(super) fn receive_ack(&mut self, now: Duration, ack: &Text) {
        let key = (ack.branch().to_owned(), false);
        if let Some(server) = self.servers.get_mut(&key) {
            let is_success = server.status.is_some_and(|status| status < 300);
            server.acknowledge(now);
            if is_success {
                self.complain("the ACK of a 2xx has the branch of its INVITE".to_owned());
            }
            return;
        }
        let tags = (ack.tag("To"), ack.tag("From"));
        let found = self.calls.values().find(|call| {
            call.call_id == ack.call_id()
                && (Some(call.local_tag.as_str()), call.remote_tag.as_deref()) == tags
        });
        let Some(number) = found.map(|call| call.number) else { return };
        let mut answered = self.servers.values_mut().filter(|server| {
            let is_success = server.status.is_some_and(|status| status < 300);
            server.call == Some(number) && server.is_invite() && is_success && !server.is_acked
        });
        let sequence = ack.cseq().0;
        if let Some(server) = answered.find(|server| server.request.cseq().0 == sequence) {
            server.acknowledge(now);
            self.confirmed(now, number, ack);
        }
    }

    fn confirmed(&mut self, now: Duration, number: u32, ack: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.touched_at = now;
        // An ACK without the answer to our offer is only good for a BYE that follows at once: the checker
        // finds the phone without anybody to send to when none does.
        let is_awaited = call.awaits_answer == Some(ack.cseq().0);
        let has_answer = is_awaited && !ack.body.is_empty();
        let verdict = if has_answer { call.media.conclude(&ack.body) } else { Ok(()) };
        if has_answer && verdict.is_ok() {
            call.holds = !call.media.agreed.receives();
        }
        if is_awaited {
            call.awaits_answer = None;
        }
        let is_first = call.phase == Phase::Answered;
        if is_first {
            call.phase = Phase::Talking;
        }
        if let Err(error) = verdict {
            self.complain(error);
        }
        if is_first {
            self.schedule_move(now, number);
        }
    }

    /// §13.3.1.4: no ACK for 64·T1 ends the session with a BYE.
    pub(super) fn ack_missing(&mut self, now: Duration, number: Option<u32>, status: Option<u16>) {
        let Some(number) = number else { return };
        let dialog = self.calls.get(&number).map(|call| call.call_id.clone()).unwrap_or_default();
        self.unanswered.push((dialog, format!("{status:?} to an INVITE never got its ACK")));
        if status.is_some_and(|status| status < 300) {
            self.hang_up(now, number);
        }
    }
}
