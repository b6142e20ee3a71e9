//! Server transactions of a phone (RFC 3261 §17.2, RFC 6026 §7.1), and the repeating of a 2xx until its
//! ACK, which is the user's part in the RFC (§13.3.1.4) but needs the same clock.

use std::time::Duration;

use super::{
    T1, T2, T4, TIMEOUT,
    text::{Accent, Text},
};

/// One request of the switch and our answer.
pub struct Server {
    /// As it arrived first.
    pub request: Text,
    /// The call it belongs to.
    pub call: Option<u32>,
    /// The final status we gave.
    pub status: Option<u16>,
    /// The ACK has come (INVITE only).
    pub is_acked: bool,
    raw: Vec<u8>,
    last: Vec<u8>,
    is_reliable: bool,
    resend: Option<(Duration, Duration)>,
    give_up: Option<Duration>,
    forget: Option<Duration>,
}

impl Server {
    /// A transaction for a request that is new.
    pub fn new(request: Text, raw: &[u8], call: Option<u32>, is_reliable: bool) -> Self {
        Self {
            request,
            call,
            status: None,
            is_acked: false,
            raw: raw.to_vec(),
            last: Vec::new(),
            is_reliable,
            resend: None,
            give_up: None,
            forget: None,
        }
    }

    /// Whether it is an INVITE.
    pub fn is_invite(&self) -> bool {
        self.request.method() == "INVITE"
    }

    /// Whether the user still owes a final response.
    pub fn is_open(&self) -> bool {
        self.status.is_none()
    }

    /// Whether any response has been sent.
    pub fn has_spoken(&self) -> bool {
        !self.last.is_empty()
    }

    /// Whether a final response has been given that still waits for its ACK.
    pub fn awaits_ack(&self) -> bool {
        self.is_invite() && self.status.is_some() && !self.is_acked && self.give_up.is_some()
    }

    /// Sends a response; a final one starts the timers.
    pub fn reply(&mut self, now: Duration, response: &Text, accent: Accent, out: &mut Vec<Vec<u8>>) {
        self.last = response.write(accent);
        out.push(self.last.clone());
        let status = response.status().unwrap_or(0);
        if status < 200 {
            return;
        }
        self.status = Some(status);
        if self.is_invite() {
            let repeats = status < 300 || !self.is_reliable;
            self.resend = repeats.then_some((now + T1, T1));
            self.give_up = Some(now + TIMEOUT);
        } else {
            self.forget = Some(if self.is_reliable { now } else { now + TIMEOUT });
        }
    }

    /// The same request again; `Err` when it is not the same (RFC 3261 §17.1.1.2: "identical").
    pub fn hear_again(&mut self, raw: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        // RFC 6026 §7.1: a repeated INVITE after our 2xx is absorbed; the 2xx has its own clock.
        let is_success = self.status.is_some_and(|status| status < 300);
        let is_absorbed = self.is_invite() && (self.is_acked || is_success);
        if !self.last.is_empty() && !is_absorbed {
            out.push(self.last.clone());
        }
        if raw == self.raw {
            return Ok(());
        }
        Err(format!("{} was repeated with other bytes", self.request.method()))
    }

    /// Its ACK has come.
    pub fn acknowledge(&mut self, now: Duration) {
        if self.is_acked || self.status.is_none() {
            return;
        }
        self.is_acked = true;
        (self.resend, self.give_up) = (None, None);
        let is_success = self.status.is_some_and(|status| status < 300);
        self.forget = Some(match (is_success, self.is_reliable) {
            (true, _) => now + TIMEOUT,
            (false, true) => now,
            (false, false) => now + T4,
        });
    }

    /// Stops repeating a 2xx whose dialog is over.
    pub fn stop(&mut self, now: Duration) {
        if self.is_invite() && self.status.is_some() && !self.is_acked {
            (self.resend, self.give_up, self.forget) = (None, None, Some(now + TIMEOUT));
        }
    }

    /// When it next wants to be woken.
    pub fn deadline(&self) -> Option<Duration> {
        [self.resend.map(|(at, _)| at), self.give_up, self.forget].into_iter().flatten().min()
    }

    /// Whether it can be thrown away.
    pub fn is_over(&self, now: Duration) -> bool {
        self.forget.is_some_and(|at| at <= now)
    }

    /// Its timers; true when no ACK came in time.
    pub fn wake(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) -> bool {
        if self.give_up.is_some_and(|at| at <= now) {
            (self.resend, self.give_up, self.forget) = (None, None, Some(now));
            return true;
        }
        if let Some((_, interval)) = self.resend.filter(|(at, _)| *at <= now) {
            out.push(self.last.clone());
            let next = (interval * 2).min(T2);
            self.resend = Some((now + next, next));
        }
        false
    }
}
