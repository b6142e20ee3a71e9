//! The subscriber's side: SUBSCRIBE sent and refreshed, NOTIFYs matched and answered (RFC 6665 4.1).
//!
//! A NOTIFY makes the dialog, whether it comes before the 200 or after it (4.1.2.4); one of another fork is answered
//! 481, so that one subscription has one notifier (4.4.1). Whether to subscribe anew after the end is the owner's
//! business: [`WatchEnd`] says what the RFC says about it. Credentials are not added here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::dialog::{Dialog, to_tag};
use crate::endpoint::{
    Body, ClientKey, ClientUser, Endpoint, Event, ExtraHeaders, Outputs, Party, Refused, Reply, ServerUser,
    Way, Why, contact, extend, outside, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::timer::Running;
use crate::write::MessageWriter;

use super::{EventPackage, SubscriptionState, Termination};

/// Subscriptions of ours that may live at once.
pub const WATCHES_MAX: usize = 10_000;

/// A subscription is refreshed when a quarter of its time is left, or this much where that is less.
const REFRESH_LEAD_MAX: Duration = Duration::from_secs(64);

/// When a refresh that was refused for now is tried again, where the answer does not say when.
const RETRY: Duration = Duration::from_secs(10);

/// Names a subscription of ours. It is also the random part of its local tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct WatchKey(pub(crate) u64);

/// A subscription to be made.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The way to the notifier.
    pub way: Way,
    /// Who watches; the endpoint adds the tag.
    pub from: Party,
    /// Who is watched.
    pub to: Party,
    /// The user part of our Contact, as plain text.
    pub contact_user: String,
    /// What is watched.
    pub package: EventPackage,
    /// How long it is to last, in seconds; it is refreshed for as long as it is wanted. 0 fetches the state once.
    pub expires_secs: u32,
    /// Further headers: `Accept`, credentials.
    pub headers: ExtraHeaders,
}

/// How a subscription of ours ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchEnd {
    /// The notifier has ended it; [`Termination::again_after_secs`] says whether to try again.
    Terminated(Option<Termination>),
    /// A SUBSCRIBE was refused, or got no answer (408) or no transport (503).
    Refused {
        /// The status code.
        status: u16,
        /// When to try again, if the answer says so.
        retry_after_secs: Option<u32>,
    },
    /// No NOTIFY came in time (timer N, RFC 6665 4.1.2.4).
    Silent,
    /// It could not be refreshed in its time.
    Expired,
}

/// A subscription of ours.
pub(crate) struct Subscriber {
    order: Watch,
    call_id: String,
    tag: String,
    cseq: u32,
    /// Made by the first NOTIFY.
    dialog: Option<Dialog>,
    /// The SUBSCRIBE that has no final answer.
    open: Option<ClientKey>,
    /// Timer N: a NOTIFY has to come by then.
    notify_until: Option<Instant>,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
    /// It has asked for a longer time once, as it was told to.
    is_longer: bool,
    /// The owner wants no more.
    is_leaving: bool,
    running: Running,
}

/// All subscriptions of ours.
pub(crate) type Watches = BTreeMap<WatchKey, Subscriber>;

impl Subscriber {
    fn next_due(&self) -> Option<Instant> {
        [self.notify_until, self.refresh_at, self.expires_at].into_iter().flatten().min()
    }

    /// So much is granted from now on.
    fn granted(&mut self, now: Instant, secs: u32) {
        let span = Duration::from_secs(secs.into());
        self.expires_at = Some(now + span);
        self.refresh_at = (!self.is_leaving).then(|| now + span - (span / 4).min(REFRESH_LEAD_MAX));
    }

    fn wish_secs(&self) -> u32 {
        if self.is_leaving { 0 } else { self.order.expires_secs }
    }
}

impl Termination {
    /// When the subscriber may subscribe anew: `None` is never (RFC 6665 4.1.3).
    #[must_use]
    pub const fn again_after_secs(self) -> Option<u32> {
        match self {
            Self::Deactivated | Self::Timeout => Some(0),
            Self::Probation { retry_after_secs } | Self::Giveup { retry_after_secs } => {
                Some(retry_after_secs)
            }
            Self::Rejected | Self::NoResource | Self::Invariant => None,
        }
    }
}

/// RFC 6665 4.1.2.2: the refusals of a refresh that say that there is no subscription any more.
fn destroys(status: u16) -> bool {
    matches!(status, 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// Subscribes. `Watched` comes with every NOTIFY, `WatchEnded` once.
    ///
    /// # Errors
    /// `Full` at a limit, `Invalid` when it cannot be written.
    pub fn watch(&mut self, now: Instant, order: Watch, out: &mut Outputs) -> Result<WatchKey, Refused> {
        if self.is_full() || self.watches.len() >= WATCHES_MAX {
            return Err(Refused::Full);
        }
        let key = WatchKey(self.tokens.number());
        let subscriber = Subscriber {
            call_id: self.tokens.call_id(),
            tag: self.tokens.tag(key.0),
            cseq: 1,
            dialog: None,
            open: None,
            notify_until: None,
            refresh_at: None,
            expires_at: None,
            is_longer: false,
            is_leaving: order.expires_secs == 0,
            running: Running::default(),
            order,
        };
        self.watches.insert(key, subscriber);
        if self.send_subscribe(now, key, out) {
            return Ok(key);
        }
        self.watches.remove(&key);
        Err(Refused::Invalid)
    }

    /// Ends a subscription: `WatchEnded` follows with its last NOTIFY.
    pub fn unwatch(&mut self, now: Instant, key: WatchKey, out: &mut Outputs) {
        let Some(found) = self.watches.get_mut(&key).filter(|found| !found.is_leaving) else { return };
        found.is_leaving = true;
        found.refresh_at = None;
        // Without a dialog there is nothing to send it in; the first NOTIFY makes one.
        if found.dialog.is_some() && found.open.is_none() {
            self.send_subscribe(now, key, out);
        }
    }

    /// Sends the SUBSCRIBE that is due and starts timer N; `false` when it could not be written.
    fn send_subscribe(&mut self, now: Instant, key: WatchKey, out: &mut Outputs) -> bool {
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let branch = self.tokens.branch(client.branch);
        let Some(found) = self.watches.get_mut(&key) else { return false };
        let secs = found.wish_secs();
        let order = &found.order;
        let (flow, mut writer) = match &mut found.dialog {
            Some(dialog) => {
                let (flow, cseq) = (dialog.next_hop(), dialog.next_cseq());
                (flow, dialog.request(Method::Subscribe.as_str(), cseq, &via(flow, &branch)))
            }
            None => {
                (order.way.flow, first_subscribe(found.cseq, order, (&branch, &found.tag, &found.call_id)))
            }
        };
        writer
            .header(HeaderName::Contact, contact(&order.contact_user, flow))
            .header(HeaderName::Event, &order.package)
            .header(HeaderName::Expires, secs);
        let headers = order.headers.clone();
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &headers, None);
        let Ok(bytes) = writer.finish() else { return false };
        let timer_n = now + self.config.timers.t1x64();
        if let Some(found) = self.watches.get_mut(&key) {
            (found.open, found.notify_until, found.refresh_at) = (Some(client), Some(timer_n), None);
        }
        self.open_client(now, client, (Method::Subscribe, ClientUser::Subscribe(key)), flow, bytes, out);
        self.wake_watch(key);
        true
    }

    fn wake_watch(&mut self, key: WatchKey) {
        let Some(found) = self.watches.get_mut(&key) else { return };
        match found.next_due() {
            Some(at) => found.running.set(&mut self.timers, at, Why::Watch(key)),
            None => found.running.stop(&mut self.timers, &Why::Watch(key)),
        }
    }

    /// Timer N, the time to refresh, or the end.
    pub(crate) fn watch_due(&mut self, now: Instant, key: WatchKey, out: &mut Outputs) {
        let Some(found) = self.watches.get_mut(&key) else { return };
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(found.notify_until) {
            return self.end_watch(key, WatchEnd::Silent, out);
        }
        if is_due(found.expires_at) {
            return self.end_watch(key, WatchEnd::Expired, out);
        }
        if is_due(found.refresh_at) {
            found.refresh_at = None;
            if found.open.is_none() {
                self.send_subscribe(now, key, out);
            }
        }
        self.wake_watch(key);
    }

    fn end_watch(&mut self, key: WatchKey, why: WatchEnd, out: &mut Outputs) {
        if let Some(mut gone) = self.watches.remove(&key) {
            gone.running.stop_all(&mut self.timers);
            out.event(Event::WatchEnded { watch: key, why });
        }
    }

    /// The final answer to a SUBSCRIBE of ours, or 408 or 503 made here.
    pub(crate) fn on_subscribed(
        &mut self,
        now: Instant,
        (key, client): (WatchKey, ClientKey),
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) {
        let Some(found) = self.watches.get_mut(&key).filter(|found| found.open == Some(client)) else {
            return;
        };
        found.open = None;
        let number = |name| message.and_then(|message| message.leading_seconds(name));
        match status {
            ..300 => {
                // The NOTIFY may have come first, and says what is left (4.1.2.1).
                let secs = number(HeaderName::Expires).unwrap_or(found.wish_secs());
                if secs > 0 && !found.is_leaving {
                    found.granted(now, secs.min(found.order.expires_secs));
                }
                if found.is_leaving && secs > 0 && found.dialog.is_some() {
                    self.send_subscribe(now, key, out);
                }
            }
            // 4.1.2.1: once more, for as long as is asked for.
            423 if !found.is_longer && !found.is_leaving && number(HeaderName::MinExpires).is_some() => {
                found.is_longer = true;
                found.order.expires_secs = number(HeaderName::MinExpires).unwrap_or(0);
                found.cseq = found.cseq.saturating_add(1);
                self.send_subscribe(now, key, out);
            }
            _ if found.dialog.is_none() || found.is_leaving || destroys(status) => {
                let retry_after_secs = number(HeaderName::RetryAfter);
                return self.end_watch(key, WatchEnd::Refused { status, retry_after_secs }, out);
            }
            // 4.1.2.2: what was granted before stays good until it runs out.
            _ => {
                let after =
                    number(HeaderName::RetryAfter).map_or(RETRY, |secs| Duration::from_secs(secs.into()));
                (found.notify_until, found.refresh_at) = (None, Some(now + after));
            }
        }
        self.wake_watch(key);
    }

    /// A NOTIFY for a subscription of ours; `false` when the request is none.
    pub(crate) fn on_notify(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) -> bool {
        if message.method() != Method::Notify {
            return false;
        }
        let key = self.tokens.number_of_tag(to_tag(message)).map(WatchKey);
        let Some((key, found)) = key.and_then(|key| Some((key, self.watches.get_mut(&key)?))) else {
            return false;
        };
        if let Err(reply) = found.takes(flow, message) {
            self.refuse_stateless(flow, message, &reply, out);
            return true;
        }
        let owned = message.to_owned();
        let Some(server) = self.open_server(now, flow, &owned, (ServerUser::Nobody, "")) else { return true };
        self.answer_server(now, server, &Reply::new(200), None, out);
        // `takes` has read it already.
        let Some(state) = SubscriptionState::of(message) else { return true };
        out.event(Event::Watched { watch: key, state, body: Body::of(message) });
        let Some(found) = self.watches.get_mut(&key) else { return true };
        found.notify_until = None;
        match state {
            SubscriptionState::Terminated(why) => self.end_watch(key, WatchEnd::Terminated(why), out),
            SubscriptionState::Active { expires_secs } | SubscriptionState::Pending { expires_secs } => {
                if expires_secs > 0 && found.open.is_none() {
                    found.granted(now, expires_secs);
                }
                if found.is_leaving && found.open.is_none() && found.order.expires_secs > 0 {
                    self.send_subscribe(now, key, out);
                }
                self.wake_watch(key);
            }
        }
        true
    }
}

impl Subscriber {
    /// Whether a NOTIFY is of this subscription, complete and in order; the first makes the dialog.
    fn takes(&mut self, flow: Flow, message: &Message<'_>) -> Result<(), Reply> {
        let is_of_call = message.first(HeaderName::CallId) == Some(self.call_id.as_str());
        let is_wanted = EventPackage::of(message).as_ref() == Some(&self.order.package);
        if !is_of_call || !is_wanted {
            return Err(Reply::new(481));
        }
        if SubscriptionState::of(message).is_none() {
            return Err(Reply::new(400).phrase("Missing Subscription-State"));
        }
        match &mut self.dialog {
            // 4.4.1: another fork's.
            Some(dialog) if !dialog.owns(message) => Err(Reply::new(481)),
            Some(dialog) => {
                if !dialog.takes(message.cseq().map_or(0, |cseq| cseq.number)) {
                    return Err(Reply::new(500));
                }
                dialog.refresh(message, flow);
                Ok(())
            }
            None => {
                let local = message.first(HeaderName::To).unwrap_or("").to_owned();
                self.dialog = Some(Dialog::of_notify(message, local, self.cseq, flow));
                Ok(())
            }
        }
    }
}

/// The SUBSCRIBE that makes a subscription.
fn first_subscribe(cseq: u32, order: &Watch, names: (&str, &str, &str)) -> MessageWriter {
    let way = (order.way.flow, 70, &*order.way.routes);
    outside(Method::Subscribe.as_str(), cseq, &order.way.request_uri, way, (&order.from, &order.to), names)
}
