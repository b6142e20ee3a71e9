//! Inside a call: re-INVITE, other requests, BYE (RFC 3261 §12.2, §14, §15).

use std::time::Duration;

use super::{
    Alarm, Client, Phone,
    call::{Call, Phase},
    manner::Move,
    sdp::{Direction, Heard},
    server::Server,
    text::{Text, uri_of, user_and_host},
};

/// How often a re-INVITE that met another one is tried again.
const GLARE_RETRIES_MAX: u32 = 5;

impl Phone {
    pub(super) fn schedule_move(&mut self, now: Duration, number: u32) {
        let next = self.calls.get(&number).and_then(|call| call.talk.front()).map(|(pause, _)| *pause);
        if let Some(pause) = next {
            self.set_alarm(now + pause, Alarm::Move(number));
        }
    }

    /// Makes a phone do something in a call that is going on, now.
    pub fn make_move(&mut self, now: Duration, number: u32, step: Move) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.talk.push_front((Duration::ZERO, step));
            self.next_move(now, number);
        }
    }

    pub(super) fn next_move(&mut self, now: Duration, number: u32) {
        let is_exchange_open = self.is_exchange_open(number);
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.phase == Phase::Talking) else {
            return;
        };
        let Some((_, step)) = call.talk.front().copied() else { return };
        let needs_exchange = matches!(step, Move::Hold | Move::Unhold | Move::Refresh);
        if needs_exchange && (is_exchange_open || call.retry.is_some()) {
            return self.set_alarm(now + Duration::from_secs(1), Alarm::Move(number));
        }
        call.talk.pop_front();
        match step {
            Move::Hold | Move::Unhold | Move::Refresh => self.reinvite(now, number, step),
            Move::Ask(method) => self.ask(now, number, method),
            Move::HangUp => return self.hang_up(now, number),
            Move::Vanish => return self.vanish(),
        }
        self.schedule_move(now, number);
    }

    /// Whether an INVITE of either side is under way on this call (§14.1).
    pub(super) fn is_exchange_open(&self, number: u32) -> bool {
        let is_ours =
            |client: &Client| client.call == Some(number) && client.is_exchange() && client.is_pending();
        let is_theirs = |server: &Server| {
            server.call == Some(number) && server.is_invite() && (server.is_open() || server.awaits_ack())
        };
        self.clients.values().any(is_ours) || self.servers.values().any(is_theirs)
    }

    pub(super) fn in_dialog(&mut self, number: u32, method: &str) -> Option<Text> {
        let via = self.via();
        let call = self.calls.get_mut(&number)?;
        let mut request = call.request(method, None);
        request.headers.insert(0, ("Via".to_owned(), via));
        Some(request)
    }

    pub(super) fn reinvite(&mut self, now: Duration, number: u32, step: Move) {
        // Who has something to say may say it by UPDATE (RFC 3311); only an INVITE can ask for an offer.
        let method = if step != Move::Refresh && self.dice.chance(250) { "UPDATE" } else { "INVITE" };
        let Some(mut request) = self.in_dialog(number, method) else { return };
        request.add("Contact", self.contact());
        self.keep_timer(number, &mut request);
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.touched_at = now;
        call.retry = Some((step, call.retry.map_or(0, |(_, tries)| tries + 1)));
        match step {
            Move::Hold => call.media.wish = Direction::SendOnly,
            Move::Unhold => call.media.wish = Direction::SendRecv,
            _ => {}
        }
        if step != Move::Refresh {
            request.with_body("application/sdp", call.media.offer());
        }
        self.start_client(now, request, Some(number));
    }

    pub(super) fn reinvite_heard(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        match response.status().unwrap_or(0) {
            100..=199 => {}
            200..=299 => {
                call.retry = None;
                call.learn(response);
                let body = match request.body.is_empty() {
                    true => call.media.answer_to(&response.body).map(Some),
                    false => call.media.conclude(&response.body).map(|()| None),
                };
                let is_offered_to =
                    call.media.heard().and_then(Heard::audio_direction).is_some_and(Direction::sends);
                if !request.body.is_empty() || is_offered_to {
                    call.holds = !call.media.agreed.receives();
                }
                if let Err(error) = &body {
                    self.complain(format!("2xx to a {} inside a dialog: {error}", request.method()));
                }
                if request.method() == "INVITE" {
                    self.acknowledge(number, request, body.unwrap_or(None));
                }
            }
            491 => self.back_off(now, number),
            408 | 481 => self.hang_up(now, number),
            _ => call.retry = None,
        }
    }

    /// §14.1: who owns the Call-ID waits longer.
    fn back_off(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.retry.is_some_and(|(_, tries)| tries >= GLARE_RETRIES_MAX) {
            call.retry = None;
            return;
        }
        let is_owner = call.is_outgoing;
        let pause = if is_owner { self.dice.millis(2_100, 4_000) } else { self.dice.millis(0, 2_000) };
        self.set_alarm(now + pause, Alarm::Retry(number));
    }

    pub(super) fn retry(&mut self, now: Duration, number: u32) {
        let is_open = self.is_exchange_open(number);
        let Some(call) = self.calls.get(&number).filter(|call| call.phase == Phase::Talking) else { return };
        match call.retry {
            Some(_) if is_open => self.set_alarm(now + Duration::from_millis(500), Alarm::Retry(number)),
            Some((step, _)) => self.reinvite(now, number, step),
            None => {}
        }
    }

    pub(super) fn ask(&mut self, now: Duration, number: u32, method: &str) {
        let Some(mut request) = self.in_dialog(number, method) else { return };
        if method == "INFO" {
            request.with_body("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n".to_owned());
        }
        if method == "UPDATE" {
            request.add("Contact", self.contact());
            self.keep_timer(number, &mut request);
        }
        self.start_client(now, request, Some(number));
    }

    pub(super) fn asked(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        let status = response.status().unwrap_or(0);
        if request.method() == "REFER" {
            self.referred(now, number, status);
        }
        match response.status() {
            Some(408 | 481) => self.hang_up(now, number),
            Some(401 | 407) => self.complain(format!("{} inside a dialog was challenged", request.method())),
            _ => {}
        }
    }

    /// Sends a BYE, or whatever ends the call in its phase.
    pub fn hang_up(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        match call.phase {
            Phase::Over | Phase::Leaving => return,
            Phase::Calling => {
                return self.lose_patience(now, number);
            }
            Phase::Ringing => {
                call.manner =
                    Some(super::manner::Manner::of(super::manner::Verdict::Refuse(603), Duration::ZERO));
                return self.decide(now, number);
            }
            // §15: not before the ACK, but a caller who waits for it in vain may.
            Phase::Answered | Phase::Talking => {}
        }
        (call.phase, call.touched_at) = (Phase::Leaving, now);
        self.drop_alarms_of(number);
        if let Some(bye) = self.in_dialog(number, "BYE") {
            self.start_client(now, bye, Some(number));
        }
    }

    pub(super) fn receive_in_dialog(&mut self, now: Duration, server: Server) {
        let request = server.request.clone();
        let tags = (request.tag("To"), request.tag("From"));
        let found = self.calls.values_mut().find(|call| {
            let own = (Some(call.local_tag.as_str()), call.remote_tag.as_deref());
            call.call_id == request.call_id() && own == tags && !call.is_over()
        });
        let Some(call) = found else {
            return self.reply_and_keep(now, server, 481, "Call/Transaction Does Not Exist");
        };
        let number = call.number;
        let (last, sequence) = (call.remote_seq, request.cseq().0);
        call.touched_at = now;
        if sequence <= last {
            // Reordering can do this; two requests under way at once make it legal (§12.2.2).
            return self.reply_and_keep(now, server, 500, "Out Of Order");
        }
        call.remote_seq = sequence;
        if request.uri() != uri_of(&self.contact()) {
            self.complain(format!(
                "{} for {}, our contact is {}",
                request.method(),
                request.uri(),
                self.contact()
            ));
        }
        match request.method() {
            "BYE" => self.receive_bye(now, number, server),
            "INVITE" | "UPDATE" => self.receive_offer(now, number, server),
            "PRACK" => self.receive_prack(now, number, server),
            "NOTIFY" => self.receive_referral(now, number, server),
            "INFO" | "OPTIONS" | "MESSAGE" => self.reply_and_keep(now, server, 200, "OK"),
            _ => self.reply_and_keep(now, server, 405, "Method Not Allowed"),
        }
    }

    fn receive_bye(&mut self, now: Duration, number: u32, server: Server) {
        let reason = server.request.one("Reason").map(str::to_owned);
        self.reply_and_keep(now, server, 200, "OK");
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.reason = reason;
        call.ended_by_switch = true;
        if call.phase == Phase::Ringing {
            self.complain("BYE to a phone that rings; RFC 3261 §9 has CANCEL for that".to_owned());
        }
        // A BYE of our own that crosses theirs still gets its answer.
        let is_leaving = self.calls.get(&number).is_some_and(|call| call.phase == Phase::Leaving);
        if !is_leaving {
            self.finish(now, number);
        }
    }

    /// A re-INVITE, or an UPDATE (RFC 3311 §5.2).
    fn receive_offer(&mut self, now: Duration, number: u32, mut server: Server) {
        let is_update = server.request.method() == "UPDATE";
        let is_ours_open = self
            .clients
            .values()
            .any(|client| client.call == Some(number) && client.is_exchange() && client.is_pending());
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.phase == Phase::Leaving {
            return self.reply_and_keep(now, server, 481, "Call/Transaction Does Not Exist");
        }
        if is_update && !call.knows_update {
            self.complain("UPDATE to a phone that does not allow it".to_owned());
            return self.reply_and_keep(now, server, 405, "Method Not Allowed");
        }
        let is_bare = server.request.body.is_empty();
        let is_offer = !is_update || !is_bare;
        if is_offer && (is_ours_open || call.awaits_answer.is_some()) {
            server.call = Some(number);
            return self.reply_and_keep(now, server, 491, "Request Pending");
        }
        call.learn(&server.request);
        if let Some(who) = server.request.one("P-Asserted-Identity") {
            call.asserted = Some(user_and_host(uri_of(who)).0.to_owned());
        }
        let body = match (is_bare, is_update) {
            (true, true) => Ok(None),
            (true, false) => {
                call.awaits_answer = Some(server.request.cseq().0);
                Ok(Some(call.media.offer()))
            }
            (false, _) => call.media.answer_to(&server.request.body).map(Some),
        };
        server.call = Some(number);
        match body {
            Ok(body) => {
                let tag = self.calls.get(&number).map(|call: &Call| call.local_tag.clone());
                let mut answer = Text::answer(&server.request, 200, "OK", tag.as_deref());
                answer.add("Contact", self.contact());
                if let Some(body) = body {
                    answer.with_body("application/sdp", body);
                }
                self.agree_timer(now, number, &server.request, &mut answer);
                self.keep_and_reply(now, server, &answer);
            }
            Err(error) => {
                self.complain(format!("{} inside a dialog: {error}", server.request.method()));
                self.reply_and_keep(now, server, 488, "Not Acceptable Here");
            }
        }
    }
}
