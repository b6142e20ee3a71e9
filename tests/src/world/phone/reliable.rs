//! Reliable provisional answers (RFC 3262): the PRACKs of a caller, and the callee's own that wait for one.

use std::time::Duration;

use super::{
    Alarm, Phone, T1, TIMEOUT,
    call::{Call, Phase},
    server::Server,
    text::Text,
};

/// A provisional answer of ours that has no PRACK.
pub struct Unacknowledged {
    rseq: u32,
    response: Text,
    interval: Duration,
    until: Duration,
}

impl Phone {
    /// §4: a reliable provisional answer gets its PRACK, a repeated one none. False when it was heard before.
    pub(super) fn acknowledge_progress(&mut self, now: Duration, number: u32, response: &Text) -> bool {
        let is_reliable = response.list("Require").contains(&"100rel");
        let Some(sequence) = response.one("RSeq").and_then(|text| text.parse::<u32>().ok()) else {
            if is_reliable {
                self.complain("a reliable provisional answer without RSeq".to_owned());
            }
            return true;
        };
        let via = self.via();
        let Some(call) = self.calls.get_mut(&number) else { return false };
        if call.heard_to.is_some_and(|last| sequence != last + 1) {
            return false;
        }
        let is_supported = call.invite.list("Supported").contains(&"100rel");
        call.heard_to = Some(sequence);
        call.learn(response);
        let mut prack = call.request("PRACK", None);
        prack.headers.insert(0, ("Via".to_owned(), via));
        prack.add("RAck", format!("{sequence} {} INVITE", call.invite.cseq().0));
        if !is_supported {
            self.complain("a reliable provisional answer to a phone that knows none".to_owned());
        }
        self.start_client(now, prack, Some(number));
        true
    }

    /// §3: numbered, and said again until its PRACK comes.
    pub(super) fn ring_reliably(&mut self, now: Duration, number: u32, mut response: Text) {
        let rseq = u32::try_from(self.dice.between(1, 10_000)).unwrap_or(1);
        response.add("Require", "100rel");
        response.add("RSeq", rseq.to_string());
        self.send_invite_answer(now, number, &response);
        if let Some(call) = self.calls.get_mut(&number) {
            let until = now + TIMEOUT;
            call.unacknowledged = Some(Unacknowledged { rseq, response, interval: T1, until });
            self.set_alarm(now + T1, Alarm::Ring(number));
        }
    }

    /// Says it again; false when there is nothing to be said again. After 64·T1 the call is refused.
    pub(super) fn ring_again(&mut self, now: Duration, number: u32) -> bool {
        let Some(call) = self.calls.get_mut(&number) else { return false };
        let Some(open) = &mut call.unacknowledged else { return false };
        if open.until <= now {
            let dialog = call.call_id.clone();
            self.unanswered.push((dialog, "a reliable 183 never got its PRACK".to_owned()));
            self.refuse(now, number, 504);
            return true;
        }
        open.interval *= 2;
        if open.interval > T1 * 3 {
            self.repeated
                .push((call.call_id.clone(), "a reliable 183 needs saying again and again".to_owned()));
        }
        let (at, response) = ((now + open.interval).min(open.until), open.response.clone());
        self.set_alarm(at, Alarm::Ring(number));
        self.send_invite_answer(now, number, &response);
        true
    }

    pub(super) fn receive_prack(&mut self, now: Duration, number: u32, server: Server) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.phase == Phase::Ringing) else {
            return self.reply_and_keep(now, server, 481, "Call/Transaction Does Not Exist");
        };
        let sequence = call.invite.cseq().0;
        let named = |rseq: u32| format!("{rseq} {sequence} INVITE");
        let named_here = server.request.one("RAck").unwrap_or("").to_owned();
        match call.unacknowledged.take_if(|open| named(open.rseq) == named_here) {
            Some(_) => {
                self.alarms.retain(|(_, alarm)| *alarm != Alarm::Ring(number));
                self.reply_and_keep(now, server, 200, "OK");
            }
            None => {
                self.complain(format!("PRACK of {named_here:?}, which we have not sent"));
                self.reply_and_keep(now, server, 481, "Call/Transaction Does Not Exist");
            }
        }
    }
}

impl Call {
    /// §3: a 2xx waits for the PRACK of a description.
    pub(super) fn awaits_prack(&self) -> bool {
        self.unacknowledged.is_some()
    }
}
