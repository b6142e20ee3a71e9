//! Sending the other side on, or putting it in touch with somebody (RFC 3515, RFC 5589), and what the switch says of it.
//!
//! The phone does not follow a REFER itself: the switch never sends one.

use std::time::Duration;

use super::{
    Phone,
    call::{Call, Phase},
    server::Server,
    text::Text,
};

/// What has become of a REFER of this phone's.
#[derive(Clone, Debug, Default)]
pub struct Referral {
    /// CSeq number of the REFER.
    sequence: u32,
    /// Its final status.
    pub status: Option<u16>,
    /// What NOTIFYs have said of the target, in order.
    pub told: Vec<u16>,
    /// The switch has ended the subscription.
    pub is_over: bool,
}

impl Referral {
    /// Whether the target has taken the call, as far as the phone knows.
    pub fn has_succeeded(&self) -> bool {
        self.told.last().is_some_and(|status| (200..300).contains(status))
    }

    /// Whether it is still to hear what comes of it.
    fn is_awaited(&self) -> bool {
        self.status.is_none_or(|status| status == 202) && !self.is_over
    }

    /// Takes a NOTIFY (RFC 3515 §2.4.5); `Err` says what is wrong with it.
    fn hear(&mut self, notify: &Text) -> Result<(), String> {
        let event = format!("refer;id={}", self.sequence);
        if notify.one("Event") != Some(event.as_str()) {
            return Err(format!("Event {:?} of REFER {}", notify.one("Event"), self.sequence));
        }
        let is_fragment = notify.one("Content-Type").is_some_and(|kind| kind.starts_with("message/sipfrag"));
        let status = notify.body.strip_prefix("SIP/2.0 ").and_then(|line| line.get(..3)?.parse().ok());
        let status: u16 = status.filter(|_| is_fragment).ok_or_else(|| format!("{:?}", notify.body))?;
        let is_last = notify.one("Subscription-State").is_some_and(|state| state.starts_with("terminated"));
        if is_last != (status >= 200) {
            return Err(format!("{status} in a subscription that is over: {is_last}"));
        }
        if self.is_over || self.told.last().is_some_and(|last| *last > status) {
            return Err(format!("{status} after {:?}", self.told));
        }
        self.is_over = is_last;
        self.told.push(status);
        Ok(())
    }
}

impl Phone {
    /// The latest call in which somebody talks.
    pub fn talks_in(&self) -> Option<u32> {
        let mut talking = self.calls.values().rev().filter(|call| call.phase == Phase::Talking);
        talking.next().map(|call| call.number)
    }

    /// A call in which somebody talks, and another one to somebody who has rung at least.
    pub fn consults_in(&self) -> Option<(u32, u32)> {
        let is_open = |call: &&Call| matches!(call.phase, Phase::Talking | Phase::Calling);
        let latest = self.calls.values().rev().filter(is_open).find(|call| call.remote_tag.is_some())?;
        let mut others = self.calls.values().filter(|call| call.phase == Phase::Talking);
        others.find(|call| call.number != latest.number).map(|call| (call.number, latest.number))
    }

    /// Sends the other side of a call on to a number; with `and_leaves` the phone hangs up as soon as that is accepted.
    pub fn send_on(&mut self, now: Duration, number: u32, to: &str, and_leaves: bool) {
        let target = format!("<sip:{to}@{}>", self.login.domain);
        self.refer(now, number, &target, and_leaves);
    }

    /// Puts the other sides of two calls in touch, by a REFER in the first; with `and_leaves` as in [`Self::send_on`].
    pub fn connect(&mut self, now: Duration, (number, other): (u32, u32), and_leaves: bool) {
        let Some(other) = self.calls.get(&other) else { return };
        let Some(theirs) = &other.remote_tag else { return };
        let escaped = other.call_id.replace('@', "%40");
        // As seen by whom it is for (RFC 3891 §3): to-tag is theirs.
        let replaces = format!("{escaped}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{}", other.local_tag);
        let target = format!("<sip:{}@{}?Replaces={replaces}>", other.number_or_caller, self.login.domain);
        self.refer(now, number, &target, and_leaves);
    }

    fn refer(&mut self, now: Duration, number: u32, target: &str, and_leaves: bool) {
        let is_free = |call: &&Call| call.referral.as_ref().is_none_or(|one| !one.is_awaited());
        let talks = self.calls.get(&number).filter(|call| call.phase == Phase::Talking).filter(is_free);
        if talks.is_none() || self.is_gone {
            return;
        }
        let Some(mut request) = self.in_dialog(number, "REFER") else { return };
        request.add("Contact", self.contact());
        request.add("Refer-To", target);
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.leaves_when_referred = and_leaves;
        call.referral = Some(Referral { sequence: request.cseq().0, ..Referral::default() });
        self.start_client(now, request, Some(number));
    }

    /// The answer to a REFER.
    pub(super) fn referred(&mut self, now: Duration, number: u32, status: u16) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if let Some(referral) = &mut call.referral {
            referral.status = Some(status);
        }
        if status == 202 && std::mem::take(&mut call.leaves_when_referred) {
            self.hang_up(now, number);
        }
    }

    /// A NOTIFY in the dialog of a call.
    pub(super) fn receive_referral(&mut self, now: Duration, number: u32, server: Server) {
        let call = self.calls.get_mut(&number);
        let wrong = match call.and_then(|call| call.referral.as_mut()) {
            Some(referral) => referral.hear(&server.request).err(),
            None => Some("nobody was referred".to_owned()),
        };
        wrong.into_iter().for_each(|what| self.complain(format!("NOTIFY: {what}")));
        self.reply_and_keep(now, server, 200, "OK");
    }
}
