//! Making a call: INVITE, its responses, giving up (RFC 3261 §9.1, §13.2).

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use super::{
    Alarm, Phone,
    call::{Call, Phase},
    manner::CallPlan,
    sdp::Media,
    text::Text,
};

/// What phones understand.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK";
/// What some of them understand.
pub(super) const ALLOW_UPDATE: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE";

impl Phone {
    /// Makes a call; its number is the answer.
    pub fn call(&mut self, now: Duration, plan: CallPlan) -> Option<u32> {
        if self.is_gone {
            return None;
        }
        let number = self.next_call();
        let mut media = Media::new(self.audio_address(number), plan.video, self.speech);
        let uri = format!("sip:{}@{}", plan.to, self.login.domain);
        let tag = self.dice.token(4);
        let mut invite = Text::request("INVITE", &uri);
        invite.add("Via", self.via());
        invite.add("Max-Forwards", "70");
        let name = format!("\"Phone {}, ext\"", self.name);
        invite.add("From", format!("{name} <sip:{}@{}>;tag={tag}", self.login.username, self.login.domain));
        invite.add("To", format!("<{uri}>"));
        invite.add("Call-ID", self.dice.token(8));
        invite.add("CSeq", format!("{} INVITE", self.dice.between(1, 1000)));
        invite.add("Contact", self.contact());
        let (knows_update, knows_timer) = (self.dice.chance(300), self.dice.chance(300));
        invite.add("Allow", if knows_update { ALLOW_UPDATE } else { ALLOW });
        invite.add("User-Agent", "sambung simulated phone");
        if self.dice.chance(300) {
            invite.add("Supported", "100rel");
        }
        if knows_timer {
            invite.add("Supported", "timer");
            self.ask_for_timer(&mut invite);
        }
        if self.dice.chance(80) {
            invite.add("Privacy", "id;critical");
        }
        match plan.odd_body {
            Some((kind, text)) => invite.with_body(kind, text.to_owned()),
            None if plan.is_late_offer => {}
            None => invite.with_body("application/sdp", media.offer()),
        }
        self.authorize(&mut invite);
        let mut call = Call::new(number, true, invite.clone(), media, now);
        call.local_tag = tag;
        (call.knows_update, call.knows_timer) = (knows_update, knows_timer);
        call.talk = VecDeque::from(plan.talk);
        self.calls.insert(number, call);
        if let Some(patience) = plan.patience {
            self.set_alarm(now + patience, Alarm::LosePatience(number));
        }
        self.start_client(now, invite, Some(number));
        Some(number)
    }

    pub(super) fn next_call(&mut self) -> u32 {
        self.calls_made += 1;
        self.calls_made
    }

    /// A port of its own for each call, so that a stray stream can be told from the right one.
    pub(super) fn audio_address(&self, call: u32) -> SocketAddr {
        let port = 40_000 + u16::try_from(call % 5_000).unwrap_or(0) * 4;
        SocketAddr::new(self.line.inside.ip(), port)
    }

    /// A response to a request that belongs to a call.
    pub(super) fn call_heard(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.touched_at = now;
        let is_final = response.status().is_some_and(|status| status >= 200);
        match (request.method(), request.tag("To").is_some()) {
            ("INVITE", false) => self.invite_heard(now, number, request, response),
            ("INVITE", true) => self.reinvite_heard(now, number, request, response),
            ("UPDATE", _) if !request.body.is_empty() => {
                self.reinvite_heard(now, number, request, response);
            }
            ("BYE", _) if is_final => self.finish(now, number),
            ("CANCEL", _) => {}
            (_, _) if is_final => self.asked(now, number, request, response),
            _ => {}
        }
        let is_success = response.status().is_some_and(|status| (200..300).contains(&status));
        if is_success && matches!(request.method(), "INVITE" | "UPDATE") {
            self.hear_timer(now, number, request, response);
        }
    }

    fn invite_heard(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        match response.status().unwrap_or(0) {
            100 => self.cancel_if_wanted(now, number),
            status @ 101..=199 => self.progressed(now, number, status, response),
            200..=299 => self.accepted(now, number, request, response),
            401 if self.take_challenge(request, response) => self.try_with_credentials(now, number, request),
            status => {
                if let Some(call) = self.calls.get_mut(&number) {
                    call.status = Some(status);
                    call.reason = response.one("Reason").map(str::to_owned);
                }
                self.finish(now, number);
            }
        }
    }

    fn try_with_credentials(&mut self, now: Duration, number: u32, request: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.wants_cancel {
            return self.finish(now, number);
        }
        call.local_seq += 1;
        let sequence = call.local_seq;
        let again = self.again_with_credentials(request, sequence);
        if let Some(call) = self.calls.get_mut(&number) {
            call.invite = again.clone();
        }
        self.start_client(now, again, Some(number));
    }

    fn progressed(&mut self, now: Duration, number: u32, status: u16, response: &Text) {
        if !self.acknowledge_progress(now, number, response) {
            return;
        }
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.progress.push(status);
        let tag = response.tag("To").map(str::to_owned);
        let is_new_dialog = call.remote_tag.is_some() && call.remote_tag != tag;
        call.learn(response);
        let mut verdict = Ok(());
        if !response.body.is_empty() && !call.is_late_offer {
            verdict = call.media.conclude_early(&response.body);
            call.has_answer = true;
        }
        if is_new_dialog {
            self.complain("a second early dialog".to_owned());
        }
        if let Err(error) = verdict {
            self.complain(format!("{status}: {error}"));
        }
        self.cancel_if_wanted(now, number);
    }

    fn accepted(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let tag = response.tag("To").map(str::to_owned);
        let mut wrong = Vec::new();
        if call.remote_tag.is_some() && call.remote_tag != tag {
            wrong.push("the answer is of another dialog than the ringing".to_owned());
            call.remote_tag.clone_from(&tag);
        }
        if response.one("Contact").is_none() {
            wrong.push("2xx without Contact".to_owned());
        }
        call.learn(response);
        call.status = response.status();
        call.answered_at = Some(now);
        // Their BYE may have overtaken their 2xx.
        let is_over = call.is_over();
        if !is_over {
            call.phase = Phase::Talking;
        }
        let body = match (call.is_late_offer, response.body.is_empty()) {
            (true, true) => Err("2xx to an INVITE without SDP makes no offer".to_owned()),
            (true, false) => call.media.answer_to(&response.body).map(Some),
            (false, true) if !call.has_answer => Err("2xx without an answer to our offer".to_owned()),
            (false, true) => Ok(None),
            (false, false) => call.media.conclude(&response.body).map(|()| None),
        };
        let is_unwanted = call.wants_cancel;
        let body = body.unwrap_or_else(|error| {
            wrong.push(error);
            None
        });
        wrong.into_iter().for_each(|text| self.complain(text));
        self.acknowledge(number, request, body);
        if is_over {
            self.finish(now, number);
        } else if is_unwanted {
            self.hang_up(now, number);
        } else {
            self.schedule_move(now, number);
        }
    }

    /// The ACK of a 2xx is a request of its own (§13.2.2.4) and is said again whenever the 2xx comes again.
    pub(super) fn acknowledge(&mut self, number: u32, request: &Text, body: Option<String>) {
        let via = self.via();
        let (accent, credentials) = (self.accent, request.one("Authorization").map(str::to_owned));
        let Some(call) = self.calls.get_mut(&number) else { return };
        let sequence = request.cseq().0;
        let mut ack = call.request("ACK", Some(sequence));
        ack.headers.insert(0, ("Via".to_owned(), via));
        if let Some(credentials) = credentials {
            ack.add("Authorization", credentials);
        }
        if let Some(body) = body {
            ack.with_body("application/sdp", body);
        }
        let bytes = ack.write(accent);
        call.acks.push((sequence, call.remote_tag.clone().unwrap_or_default(), bytes.clone()));
        let target = call.target.clone();
        self.outbox.push(bytes);
        self.check_target(&target);
    }

    /// Requests inside a dialog go to the Contact: it must lead to the switch.
    pub(super) fn check_target(&mut self, target: &str) {
        let (_, host) = super::text::user_and_host(target);
        if host != self.line.switch.to_string() {
            self.complain(format!("the Contact {target} is not at the switch"));
        }
    }

    pub(super) fn repeat_ack(&mut self, response: &Text) {
        let (sequence, tag) = (response.cseq().0, response.tag("To").unwrap_or(""));
        let mut calls = self.calls.values().filter(|call| call.call_id == response.call_id());
        let Some(call) = calls.next() else { return };
        let ack = call.acks.iter().find(|(own, of, _)| *own == sequence && of == tag);
        match ack {
            Some((_, _, bytes)) => self.outbox.push(bytes.clone()),
            // A phone that has been switched off in between has forgotten.
            None if self.troubled => {}
            None => self
                .complain(format!("a 2xx to INVITE {sequence} with To tag {tag}, which we never heard of")),
        }
    }

    pub(super) fn lose_patience(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.phase == Phase::Calling) else {
            return;
        };
        call.wants_cancel = true;
        let key = (call.invite.branch().to_owned(), "INVITE".to_owned());
        // §9.1: no CANCEL before a provisional response.
        if self.clients.get(&key).is_some_and(super::Client::is_proceeding) {
            self.cancel_if_wanted(now, number);
        }
    }

    fn cancel_if_wanted(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if !call.wants_cancel || call.is_cancel_sent || call.phase != Phase::Calling {
            return;
        }
        call.is_cancel_sent = true;
        let invite = &call.invite;
        let mut cancel = Text::request("CANCEL", invite.uri());
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID", "Route"] {
            invite.all(name).for_each(|value| cancel.add(name, value));
        }
        cancel.add("CSeq", format!("{} CANCEL", invite.cseq().0));
        let key = (invite.branch().to_owned(), "INVITE".to_owned());
        if let Some(client) = self.clients.get_mut(&key) {
            client.limit(now);
        }
        self.start_client(now, cancel, Some(number));
    }

    /// Timers B and F: what to do when nothing came back.
    pub(super) fn request_timed_out(&mut self, now: Duration, number: Option<u32>, request: &Text) {
        let is_inside = request.tag("To").is_some();
        match (number, request.method()) {
            (Some(_), "CANCEL") => {}
            (Some(number), "INVITE") if is_inside => self.hang_up(now, number),
            (Some(number), "INVITE" | "BYE") => self.finish(now, number),
            (Some(number), _) => self.hang_up(now, number),
            (None, "REGISTER") => self.try_again_later(now),
            (None, _) => {}
        }
    }

    /// The call is over for this phone.
    pub(super) fn finish(&mut self, now: Duration, number: u32) {
        self.drop_alarms_of(number);
        if let Some(call) = self.calls.get_mut(&number) {
            (call.phase, call.touched_at) = (Phase::Over, now);
        }
        let of_call = self.servers.values_mut().filter(|server| server.call == Some(number));
        of_call.for_each(|server| server.stop(now));
        // A re-INVITE that rang when the dialog ended may never hear more.
        let of_call = self.clients.values_mut().filter(|client| client.call == Some(number));
        of_call
            .filter(|client| client.is_invite() && client.is_pending())
            .for_each(|client| client.limit(now));
    }
}
