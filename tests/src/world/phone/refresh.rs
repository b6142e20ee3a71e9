//! Session timers (RFC 4028): a phone that knows them agrees to an interval, refreshes the session where that is its
//! part, and ends a session that nobody has refreshed.

use std::time::Duration;

use super::{
    Alarm, Phone,
    call::Phase,
    manner::Move,
    text::{Text, parameter},
};

/// The least interval there is (§5): nobody waits long for it.
const INTERVAL_SECS: u64 = 90;
/// §10: how long before its end a session counts as expired, at most.
const MARGIN_MAX: Duration = Duration::from_secs(32);
/// When a refresh that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What was agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    interval_secs: u64,
    /// We refresh.
    is_ours: bool,
}

fn session_expires(message: &Text) -> Option<(u64, Option<String>)> {
    let value = message.one("Session-Expires")?;
    let interval = value.split(';').next()?.trim().parse().ok()?;
    Some((interval, parameter(value, "refresher").map(str::to_owned)))
}

impl Phone {
    /// What a caller asks for in its first INVITE (§7.1).
    pub(super) fn ask_for_timer(&mut self, invite: &mut Text) {
        if self.dice.chance(500) {
            let refresher = self.dice.pick(&["", ";refresher=uac", ";refresher=uas"]);
            invite.add("Session-Expires", format!("{INTERVAL_SECS}{refresher}"));
        }
    }

    /// What later requests say: the refresher stays who it is (§7.4).
    pub(super) fn keep_timer(&self, number: u32, request: &mut Text) {
        let Some(call) = self.calls.get(&number).filter(|call| call.knows_timer) else { return };
        request.add("Supported", "timer");
        if let Some(Timer { interval_secs, is_ours }) = call.timer {
            let refresher = if is_ours { "uac" } else { "uas" };
            request.add("Session-Expires", format!("{interval_secs};refresher={refresher}"));
        }
    }

    /// What we agree to in the 2xx to a request (§9).
    pub(super) fn agree_timer(&mut self, now: Duration, number: u32, request: &Text, answer: &mut Text) {
        let can_they = request.list("Supported").contains(&"timer");
        let is_first = request.tag("To").is_none();
        let wants_short = is_first && self.dice.chance(500);
        let wants_ours = self.dice.chance(500);
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.knows_timer) else { return };
        let Some((asked, refresher)) = session_expires(request) else { return };
        let min: u64 = request.one("Min-SE").and_then(|text| text.parse().ok()).unwrap_or(INTERVAL_SECS);
        let interval_secs = if wants_short { asked.min(INTERVAL_SECS.max(min)) } else { asked };
        let is_ours = match refresher.as_deref() {
            Some("uac") => false,
            Some("uas") => true,
            _ => wants_ours || !can_they,
        };
        call.timer = Some(Timer { interval_secs, is_ours });
        let refresher = if is_ours { "uas" } else { "uac" };
        answer.add("Session-Expires", format!("{interval_secs};refresher={refresher}"));
        if !is_ours {
            answer.add("Require", "timer");
        }
        self.start_timer(now, number);
    }

    /// What the 2xx to a request of ours says (§7.2).
    pub(super) fn hear_timer(&mut self, now: Duration, number: u32, request: &Text, response: &Text) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.phase == Phase::Talking) else {
            return;
        };
        let is_required = response.list("Require").contains(&"timer");
        if !call.knows_timer {
            if is_required {
                self.complain("a session timer is required of a phone that knows none".to_owned());
            }
            return;
        }
        let Some((interval_secs, refresher)) = session_expires(response) else {
            return self.complain(format!("2xx to {} without Session-Expires", request.method()));
        };
        let asked = session_expires(request);
        let mut wrong = Vec::new();
        if asked.as_ref().is_some_and(|(asked, _)| interval_secs > *asked) {
            wrong.push(format!("we asked for {asked:?} and got {interval_secs} s"));
        }
        let is_ours = refresher.as_deref() == Some("uac");
        if refresher.is_none() || (is_ours && !is_required) {
            wrong.push(format!("2xx with refresher {refresher:?}, Require: timer {is_required}"));
        }
        if asked.and_then(|(_, wish)| wish).is_some_and(|wish| Some(wish) != refresher) {
            wrong.push(format!("another refresher than asked for: {refresher:?}"));
        }
        call.timer = Some(Timer { interval_secs, is_ours });
        wrong.into_iter().for_each(|text| self.complain(text));
        self.start_timer(now, number);
    }

    fn start_timer(&mut self, now: Duration, number: u32) {
        let Some(timer) = self.calls.get(&number).and_then(|call| call.timer) else { return };
        let interval = Duration::from_secs(timer.interval_secs);
        self.set_alarm(now + interval - MARGIN_MAX.min(interval / 3), Alarm::Expire(number));
        self.alarms.retain(|(_, alarm)| *alarm != Alarm::Refresh(number));
        if timer.is_ours {
            self.set_alarm(now + interval / 2, Alarm::Refresh(number));
        }
    }

    /// Half the interval is over (§10).
    pub(super) fn refresh(&mut self, now: Duration, number: u32) {
        let is_open = self.is_exchange_open(number);
        let Some(call) = self.calls.get(&number) else { return };
        let is_ready = call.phase == Phase::Talking
            && call.timer.is_some_and(|timer| timer.is_ours)
            && call.retry.is_none()
            && !is_open;
        if matches!(call.phase, Phase::Over | Phase::Leaving) {
            return;
        }
        // Until the 2xx says that it has been done.
        let next = if is_ready { AGAIN * 10 } else { AGAIN };
        self.set_alarm(now + next, Alarm::Refresh(number));
        if !is_ready {
            return;
        }
        if self.dice.chance(500) {
            self.ask(now, number, "UPDATE");
        } else {
            self.reinvite(now, number, Move::Refresh);
        }
    }

    /// The interval is as good as over (§10).
    pub(super) fn expire(&mut self, now: Duration, number: u32) {
        let Some(call) = self.calls.get(&number).filter(|call| call.is_talking()) else { return };
        let who =
            if call.timer.is_some_and(|timer| timer.is_ours) { "could not" } else { "the switch did not" };
        self.unanswered.push((call.call_id.clone(), format!("{who} refresh the session in time")));
        self.hang_up(now, number);
    }
}
