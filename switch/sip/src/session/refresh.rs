//! Session timers (RFC 4028): how long a session lives without being refreshed, who refreshes it, and its end when
//! nobody has.
//!
//! This is also how a peer that has vanished is noticed. A refresh is an UPDATE where the peer allows it, else a
//! re-INVITE that says again what was said last; the owner hears of neither, unless the peer says something new.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::endpoint::{
    ClientKey, ClientMachine, ClientUser, EndedBy, Endpoint, Outputs, PeerAbilities, Reason, Reply,
    ServerKey, TIMER, Why, again,
};
use crate::header::HeaderName;
use crate::message::fields::Params;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::parse::token::seconds;
use crate::write::MessageWriter;

use super::{Exchange, Session, SessionKey, Stage};

/// No interval may be shorter, in seconds (RFC 4028 5).
const INTERVAL_MIN: u32 = 90;

/// Longest time before the end of the interval at which a session counts as expired (RFC 4028 10).
const MARGIN_MAX: Duration = Duration::from_secs(32);

/// When a refresh that could not be made, or failed, is tried again; what is left of the interval bounds it.
const RETRY: Duration = Duration::from_secs(10);

/// The session timer that was agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SessionTimer {
    interval_secs: u32,
    /// Whether we refresh the session.
    is_ours: bool,
    /// The greatest `Min-SE` heard in this session.
    min_se_secs: u32,
}

/// `Session-Expires` as read: the interval, and who is to refresh: the sender of the request (`uac`) or not.
fn session_expires(message: &Message<'_>) -> Option<(u32, Option<bool>)> {
    let value = message.first(HeaderName::SessionExpires)?;
    let (interval, params) = value.split_once(';').unwrap_or((value, ""));
    let refresher = Params::new(params).get("refresher").and_then(|refresher| match refresher {
        one if one.eq_ignore_ascii_case("uac") => Some(true),
        one if one.eq_ignore_ascii_case("uas") => Some(false),
        _ => None,
    });
    Some((seconds(interval.trim())?, refresher))
}

/// `Min-SE` in seconds; never below the least of RFC 4028 5.
fn min_se(message: &Message<'_>) -> u32 {
    let value = message.first(HeaderName::MinSe).map(|value| value.split(';').next().unwrap_or(value).trim());
    value.and_then(seconds).unwrap_or(INTERVAL_MIN).max(INTERVAL_MIN)
}

/// RFC 4028 9: what we agree to in the 2xx to a request. `ours` is the interval that we want, 0: none.
fn agreed(request: &Message<'_>, ours: u32) -> Option<SessionTimer> {
    let can_refresh = PeerAbilities::of(request).timer;
    let floor = min_se(request);
    // A shorter one than the least was not refused, because its sender knows no 422: it is as if not asked for.
    let asked = session_expires(request).filter(|(interval, _)| *interval >= INTERVAL_MIN);
    let interval_secs = match (asked, ours) {
        (None, 0) => return None,
        (None, ours) => ours.max(floor),
        (Some((asked, _)), 0) => asked,
        (Some((asked, _)), ours) => asked.min(ours.max(floor)),
    };
    let is_theirs = can_refresh && asked.and_then(|(_, refresher)| refresher).unwrap_or(true);
    Some(SessionTimer { interval_secs, is_ours: !is_theirs, min_se_secs: floor })
}

impl Endpoint {
    /// RFC 4028 9: why a request is refused: its interval is shorter than we accept, and it knows 422.
    pub(crate) fn interval_refusal(&self, request: &Message<'_>) -> Option<Reply> {
        if !matches!(request.method(), Method::Invite | Method::Update) {
            return None;
        }
        let least = self.config.min_se_secs.max(INTERVAL_MIN);
        let (interval, _) = session_expires(request)?;
        let is_short = interval < least && PeerAbilities::of(request).timer;
        is_short.then(|| Reply::new(422).header("Min-SE", least.to_string()))
    }

    /// RFC 4028 7.1: what our first INVITE asks for.
    pub(crate) fn ask_for_timer(&self, writer: &mut MessageWriter) {
        if self.config.session_expires_secs > 0 {
            let least = self.config.min_se_secs.max(INTERVAL_MIN);
            writer.header(HeaderName::SessionExpires, self.config.session_expires_secs.max(least));
            if least > INTERVAL_MIN {
                writer.header(HeaderName::MinSe, least);
            }
        }
    }

    /// RFC 4028 7.4: what a later request of ours says: the refresher stays who it is.
    pub(super) fn keep_timer(&self, writer: &mut MessageWriter, timer: Option<SessionTimer>) {
        let Some(SessionTimer { interval_secs, is_ours, min_se_secs }) = timer else {
            return self.ask_for_timer(writer);
        };
        let refresher = if is_ours { "uac" } else { "uas" };
        writer.header(HeaderName::SessionExpires, format_args!("{interval_secs};refresher={refresher}"));
        if min_se_secs > INTERVAL_MIN {
            writer.header(HeaderName::MinSe, min_se_secs);
        }
    }

    /// RFC 4028 9: the 2xx to their INVITE or UPDATE, with the timer that it agrees to.
    pub(super) fn with_timer(&self, server: ServerKey, reply: Reply) -> (Reply, Option<SessionTimer>) {
        let request = self.servers.get(server).and_then(|found| found.request.as_ref());
        let Some(request) = request.filter(|_| reply.status < 300) else { return (reply, None) };
        let Some(timer) = agreed(&request.view(), self.config.session_expires_secs) else {
            return (reply, None);
        };
        let refresher = if timer.is_ours { "uas" } else { "uac" };
        let mut reply =
            reply.header("Session-Expires", format!("{};refresher={refresher}", timer.interval_secs));
        if PeerAbilities::of(&request.view()).timer {
            reply = reply.header("Require", TIMER);
        }
        (reply, Some(timer))
    }

    /// RFC 4028 7.2: what the 2xx to a request of ours says. Without an interval the peer knows no session timers; we
    /// refresh the session at our own.
    pub(super) fn timer_of_answer(
        &self,
        message: &Message<'_>,
        kept: Option<SessionTimer>,
    ) -> Option<SessionTimer> {
        let min_se_secs = kept.map_or(INTERVAL_MIN, |kept| kept.min_se_secs);
        if let Some((interval, refresher)) = session_expires(message) {
            let interval_secs = interval.max(INTERVAL_MIN);
            return Some(SessionTimer { interval_secs, is_ours: refresher.unwrap_or(true), min_se_secs });
        }
        let interval_secs = self.config.session_expires_secs.max(min_se_secs);
        (self.config.session_expires_secs > 0).then_some(SessionTimer {
            interval_secs,
            is_ours: true,
            min_se_secs,
        })
    }

    /// The session has been refreshed now: its time begins anew.
    pub(super) fn start_timer(&mut self, now: Instant, key: SessionKey, timer: Option<SessionTimer>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(confirmed) = session.confirmed() else { return };
        confirmed.timer = timer;
        session.running.stop(&mut self.timers, &Why::Refresh(key));
        session.running.stop(&mut self.timers, &Why::Expiry(key));
        let Some(timer) = timer else { return };
        let interval = Duration::from_secs(timer.interval_secs.into());
        // RFC 4028 10: BYE leaves slightly before the end, so that no proxy has forgotten the session already.
        let end = interval.saturating_sub(MARGIN_MAX.min(interval / 3));
        session.running.set(&mut self.timers, now + end, Why::Expiry(key));
        if timer.is_ours {
            session.running.set(&mut self.timers, now + interval / 2, Why::Refresh(key));
        }
    }

    /// RFC 4028 10: half the interval is over, and it is ours to refresh.
    pub(crate) fn refresh(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let is_by_update = session.peer.update;
        let Some(confirmed) = session.confirmed() else { return };
        let is_idle = matches!(confirmed.exchange, Exchange::Idle) && confirmed.usage.update.is_none();
        let body = confirmed.usage.descriptions.ours().cloned();
        let sent = match (is_idle, is_by_update) {
            _ if cfg!(feature = "planted-no-refresh") => true,
            (false, _) => false,
            (true, true) => self.send_update(now, key, None, out).is_ok(),
            (true, false) => self.send_reinvite(now, key, (&Vec::new(), body, true), out).is_ok(),
        };
        if !sent {
            self.refresh_later(now, key, RETRY);
        }
    }

    fn refresh_later(&mut self, now: Instant, key: SessionKey, after: Duration) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if session.confirmed().is_some_and(|confirmed| confirmed.timer.is_some_and(|timer| timer.is_ours)) {
            session.running.set(&mut self.timers, now + after, Why::Refresh(key));
        }
    }

    /// A refresh of ours has failed. Until the interval is over it is tried again, by the other method or with the
    /// greater interval where the answer says so.
    pub(super) fn refresh_failed(
        &mut self,
        now: Instant,
        key: SessionKey,
        (status, message): (u16, Option<&Message<'_>>),
        after: Option<Duration>,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let mut at_once = false;
        if matches!(status, 405 | 501) && session.peer.update {
            session.peer.update = false;
            at_once = true;
        }
        if let Some(timer) = session.confirmed().and_then(|confirmed| confirmed.timer.as_mut())
            && let Some(message) = message.filter(|_| status == 422)
            && min_se(message) > timer.min_se_secs
        {
            timer.lengthen(min_se(message));
            at_once = true;
        }
        let after =
            if at_once { Duration::ZERO } else { after.unwrap_or(RETRY).max(Duration::from_millis(1)) };
        self.refresh_later(now, key, after);
    }

    /// RFC 4028 10: nobody has refreshed the session.
    pub(crate) fn session_expired(&mut self, now: Instant, key: SessionKey, out: &mut Outputs) {
        let reason = Reason::sip(408, "Session expired");
        self.leave(now, key, EndedBy::Expired, Some(reason), out);
    }

    /// RFC 4028 7.3: the first INVITE again, once, with the interval that its 422 asks for. `false`: it has failed.
    pub(super) fn invite_longer(
        &mut self,
        now: Instant,
        key: SessionKey,
        old: ClientKey,
        message: &Message<'_>,
        out: &mut Outputs,
    ) -> bool {
        let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get(&key) else {
            return false;
        };
        if outgoing.is_longer || message.first(HeaderName::MinSe).is_none() {
            return false;
        }
        let Some(transaction) = self.clients.get(old) else { return false };
        let ClientMachine::Invite { request, .. } = &transaction.machine else { return false };
        let (flow, Ok(request)) = (transaction.flow, OwnedMessage::parse(request)) else { return false };
        let (interval, least) = (self.config.session_expires_secs.max(min_se(message)), min_se(message));
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let branch = self.tokens.branch(client.branch);
        let user = ClientUser::Invite(key);
        let written = self.renumbered(user, old, &request.view()).and_then(|cseq| {
            let longer = |writer: &mut MessageWriter, name| {
                if name == HeaderName::SessionExpires {
                    writer.header(name, interval).header(HeaderName::MinSe, least);
                }
                matches!(name, HeaderName::SessionExpires | HeaderName::MinSe)
            };
            again(&request.view(), (flow, &branch, cseq), longer).ok()
        });
        let Some(bytes) = written else { return false };
        self.retake(user, old, client);
        if let Some(Session { stage: Stage::Outgoing(outgoing), .. }) = self.sessions.get_mut(&key) {
            outgoing.is_longer = true;
        }
        self.open_client(now, client, (Method::Invite, user), flow, bytes, out);
        true
    }
}

impl SessionTimer {
    /// Takes up a greater `Min-SE`.
    fn lengthen(&mut self, min_se_secs: u32) {
        self.min_se_secs = min_se_secs;
        self.interval_secs = self.interval_secs.max(min_se_secs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4028 9, table 2, and the interval: what we agree to.
    fn check(headers: &str, ours: u32, expected: Option<(u32, bool)>) {
        let text = format!("INVITE sip:b@x SIP/2.0\r\n{headers}\r\n");
        let request = OwnedMessage::parse(text.replace('|', "\r\n").as_bytes()).unwrap();
        let timer = agreed(&request.view(), ours).map(|timer| (timer.interval_secs, timer.is_ours));
        assert_eq!(timer, expected, "{headers} {ours}");
    }

    #[test]
    fn rfc_4028_9_interval_and_refresher() {
        check("", 0, None);
        check("", 1_800, Some((1_800, true)));
        check("Supported: timer|", 1_800, Some((1_800, false)));
        check("Supported: timer|Session-Expires: 600|", 1_800, Some((600, false)));
        check("Supported: timer|Session-Expires: 3600|", 1_800, Some((1_800, false)));
        check("Supported: timer|Session-Expires: 3600|Min-SE: 2000|", 1_800, Some((2_000, false)));
        check("Supported: timer|Session-Expires: 600;refresher=uac|", 0, Some((600, false)));
        check("k: timer|x: 600 ;Refresher=UAS|", 0, Some((600, true)));
        check("Supported: timer|Min-SE: 4000|", 1_800, Some((4_000, false)));
        // Whoever knows no session timers does not refresh, whatever a proxy has written.
        check("Session-Expires: 600;refresher=uac|", 1_800, Some((600, true)));
        check("Session-Expires: 5|", 1_800, Some((1_800, true)));
        check("Session-Expires: 5|", 0, None);
        check("Supported: timer|Session-Expires: nonsense|", 0, None);
    }
}
