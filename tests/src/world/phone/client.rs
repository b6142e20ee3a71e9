//! Client transactions of a phone (RFC 3261 §17.1, RFC 6026 §7.2), with timers of its own.

use std::time::Duration;

use super::{
    T1, T2, T4, TIMEOUT,
    text::{Accent, Text},
};

/// What a phone wants to know when its transaction has heard something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing new.
    Nothing,
    /// The first or a further 1xx.
    Provisional,
    /// The final response.
    Final,
    /// A 2xx to an INVITE again: it wants its ACK again.
    SuccessAgain,
    /// No final response came in time (timers B and F).
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// One request of ours and what came back.
pub struct Client {
    /// As it was sent, to be sent again with credentials.
    pub request: Text,
    /// The call it belongs to; `None` is the phone's own business.
    pub call: Option<u32>,
    /// The final status, once there is one.
    pub status: Option<u16>,
    /// Timer B or F ran out.
    pub timed_out: bool,
    /// An answer without state was followed by another one; what comes of that is nobody's fault.
    pub was_contradicted: bool,
    /// Something is wrong with how the switch ended it.
    pub complaint: Option<String>,
    bytes: Vec<u8>,
    accent: Accent,
    is_reliable: bool,
    phase: Phase,
    last_final: Vec<u8>,
    ack: Vec<u8>,
    resend: Option<(Duration, Duration)>,
    give_up: Option<Duration>,
    /// Gives up even though a 1xx has come.
    is_limited: bool,
    forget: Option<Duration>,
}

impl Client {
    /// Starts a transaction: the first sending is in `out`.
    pub fn start(
        now: Duration,
        request: Text,
        call: Option<u32>,
        accent: Accent,
        is_reliable: bool,
        out: &mut Vec<Vec<u8>>,
    ) -> Self {
        let bytes = request.write(accent);
        out.push(bytes.clone());
        Self {
            request,
            call,
            status: None,
            timed_out: false,
            was_contradicted: false,
            complaint: None,
            bytes,
            accent,
            is_reliable,
            phase: Phase::Calling,
            last_final: Vec::new(),
            ack: Vec::new(),
            resend: (!is_reliable).then_some((now + T1, T1)),
            give_up: Some(now + TIMEOUT),
            is_limited: false,
            forget: None,
        }
    }

    /// Whether it changes the media of a call (RFC 3311): one such at a time.
    pub fn is_exchange(&self) -> bool {
        self.is_invite() || (self.request.method() == "UPDATE" && !self.request.body.is_empty())
    }

    /// Whether it is an INVITE.
    pub fn is_invite(&self) -> bool {
        self.request.method() == "INVITE"
    }

    /// Whether a 1xx has come and no final response.
    pub fn is_proceeding(&self) -> bool {
        self.phase == Phase::Proceeding
    }

    /// Whether a final response is still to come.
    pub fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Calling | Phase::Proceeding) && !self.timed_out
    }

    /// After our CANCEL, or after the dialog's end, the final response has 64·T1 to come (§9.1).
    pub fn limit(&mut self, now: Duration) {
        (self.give_up, self.is_limited) = (Some(now + TIMEOUT), true);
    }

    /// The connection is gone: nothing will come any more (§17.1.4). Says what was asked.
    pub fn break_off(&mut self, now: Duration) -> (Option<u32>, Text) {
        self.timed_out = true;
        (self.resend, self.give_up, self.forget) = (None, None, Some(now));
        (self.call, self.request.clone())
    }

    /// Takes a response of this branch and method.
    pub fn hear(&mut self, now: Duration, response: &Text, raw: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        let status = response.status().unwrap_or(0);
        match (self.phase, status) {
            (Phase::Calling | Phase::Proceeding, 100..=199) => {
                if self.phase == Phase::Calling && self.is_invite() {
                    self.resend = None;
                    self.give_up = self.give_up.filter(|_| self.is_limited);
                }
                self.phase = Phase::Proceeding;
                News::Provisional
            }
            (_, 100..=199) => News::Nothing,
            (Phase::Calling | Phase::Proceeding, _) => self.conclude(now, response, raw, out),
            (Phase::Completed | Phase::Accepted, _) => self.hear_again(response, raw, out),
        }
    }

    fn conclude(&mut self, now: Duration, response: &Text, raw: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        let status = response.status().unwrap_or(0);
        (self.status, self.last_final) = (Some(status), raw.to_vec());
        (self.resend, self.give_up) = (None, None);
        let is_success = status < 300;
        self.phase = if is_success && self.is_invite() { Phase::Accepted } else { Phase::Completed };
        self.forget = Some(match (self.is_invite(), is_success, self.is_reliable) {
            (true, true, _) => now + TIMEOUT,
            (_, _, true) => now,
            (true, false, false) => now + TIMEOUT,
            (false, _, false) => now + T4,
        });
        if self.is_invite() && !is_success {
            self.ack = self.ack_for(response).write(self.accent);
            out.push(self.ack.clone());
        }
        News::Final
    }

    /// One transaction, one final response; only its exact repetition is fine.
    fn hear_again(&mut self, response: &Text, raw: &[u8], out: &mut Vec<Vec<u8>>) -> News {
        // What is answered without state may be answered otherwise a moment later (RFC 3261 §8.2.7), even
        // with a call when a 503 is followed by better times (DESIGN D8).
        let may_differ = |status: Option<u16>| matches!(status, Some(401 | 407 | 503));
        // Out of order while its dialog is there, unknown when that is gone: both are refusals without state.
        let is_outdated = (self.status, response.status()) == (Some(500), Some(481));
        let is_stateless = may_differ(self.status) || response.status() == Some(503) || is_outdated;
        let is_same = self.status == response.status() && (!self.is_invite() || raw == self.last_final);
        self.was_contradicted |= is_stateless && self.status != response.status();
        if !is_stateless && !is_same {
            self.complaint = Some(format!(
                "{} got a second final response {:?} after {:?}",
                self.request.method(),
                response.status(),
                self.status
            ));
        }
        match (self.phase, self.is_invite()) {
            (Phase::Accepted, true) => News::SuccessAgain,
            (_, true) => {
                out.push(self.ack.clone());
                News::Nothing
            }
            _ => News::Nothing,
        }
    }

    /// §17.1.1.3: the ACK of a refusal belongs to the INVITE's transaction.
    fn ack_for(&self, response: &Text) -> Text {
        let mut ack = Text::request("ACK", self.request.uri());
        for name in ["Via", "From", "Call-ID", "Route", "Max-Forwards"] {
            self.request.all(name).for_each(|value| ack.add(name, value));
        }
        ack.add("To", response.one("To").unwrap_or(""));
        ack.add("CSeq", format!("{} ACK", self.request.cseq().0));
        ack
    }

    /// When it next wants to be woken.
    pub fn deadline(&self) -> Option<Duration> {
        [self.resend.map(|(at, _)| at), self.give_up, self.forget].into_iter().flatten().min()
    }

    /// Whether it can be thrown away.
    pub fn is_over(&self, now: Duration) -> bool {
        self.forget.is_some_and(|at| at <= now)
    }

    /// Its timers.
    pub fn wake(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) -> News {
        if self.give_up.is_some_and(|at| at <= now) {
            (self.timed_out, self.give_up, self.resend, self.forget) = (true, None, None, Some(now));
            return News::TimedOut;
        }
        if let Some((_, interval)) = self.resend.filter(|(at, _)| *at <= now) {
            out.push(self.bytes.clone());
            // Timer A doubles without bound, timer E up to T2, and is T2 once a 1xx has come (§17.1.2.2).
            let next = match (self.is_invite(), self.phase) {
                (true, _) => interval * 2,
                (false, Phase::Calling) => (interval * 2).min(T2),
                (false, _) => T2,
            };
            self.resend = Some((now + next, next));
        }
        News::Nothing
    }
}
