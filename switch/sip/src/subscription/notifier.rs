//! The notifier's side: SUBSCRIBE judged and answered, state asked for, NOTIFY sent (RFC 6665 4.2).
//!
//! Expiries are settled here by the endpoint's own limits. Who may watch what is settled by the owner before it
//! accepts. A NOTIFY that is refused ends its subscription, whatever the status: the subscriber subscribes anew.

use std::time::{Duration, Instant};

use crate::dialog::{Dialog, contact_uri, to_tag};
use crate::endpoint::{
    Body, ClientKey, ClientUser, DropReason, Endpoint, Event, NewRequest, Outputs, Refused, Reply,
    ServerUser, Why, contact, extend, tagged_to, via,
};
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::method::Method;
use crate::timer::Running;

use super::machine::{Action, Actions, End, Event as Step, News, Notifier};
use super::{EventPackage, Grant, Subscription, SubscriptionKey, SubscriptionState, Termination};

/// An expiry below an hour may be refused for being brief, one of an hour or more may not (RFC 6665 4.2.1.1).
const BRIEF_SECS: u32 = 3_600;

#[allow(clippy::needless_pass_by_value, reason = "orders are given away: the owner is done with them")]
impl Endpoint {
    /// Accepts a SUBSCRIBE outside any dialog: 200 is sent and `StateWanted` follows. With `Expires: 0` it is a
    /// fetch: one NOTIFY, and it is over (RFC 6665 4.4.3). `SubscriptionEnded` comes once in any case.
    ///
    /// # Errors
    /// It has been answered: `Full` (503), `Merged` (482, or it is a repeat), `Invalid` (400 without `Contact`, 423
    /// for a brief expiry, 489 for no `Event` that can be read).
    pub fn accept_subscription(
        &mut self,
        now: Instant,
        request: NewRequest,
        grant: Grant,
        out: &mut Outputs,
    ) -> Result<SubscriptionKey, Refused> {
        let message = request.message.view();
        if message.method() != Method::Subscribe {
            return Err(Refused::Invalid);
        }
        self.admit(now, &request, out)?;
        if self.subscriptions.len() >= self.config.subscriptions_max {
            self.refuse_full(now, request.flow, &message, out);
            return Err(Refused::Full);
        }
        let (package, secs) = match self.judge(&message) {
            Ok(wish) => wish,
            Err(reply) => {
                // By a transaction: the owner may have used its credentials up, so that a repeat would be challenged.
                let tag = self.stateless_tag(&message);
                let user = (ServerUser::Owner, &*tag);
                if let Some(server) = self.open_server(now, request.flow, &request.message, user) {
                    self.answer_server(now, server, &reply, None, out);
                }
                return Err(Refused::Invalid);
            }
        };
        let key = SubscriptionKey(self.tokens.number());
        let tag = self.tokens.tag(key.0);
        let dialog = Dialog::of_server(&message, tagged_to(&message, &tag), request.flow);
        let user = (ServerUser::Owner, &*tag);
        let server = self.open_server(now, request.flow, &request.message, user).ok_or(Refused::Invalid)?;
        let reply = Reply::new(200).header("Expires", secs.to_string());
        let contact = contact(&grant.contact_user, request.flow);
        self.answer_server(now, server, &reply, Some(&contact), out);
        let subscription = Subscription {
            dialog,
            package,
            contact_user: grant.contact_user.into_boxed_str(),
            machine: Notifier::Quiet,
            is_pending: grant.is_pending,
            expires_at: now,
            running: Running::default(),
        };
        self.subscriptions.insert(key, subscription);
        self.renew(now, key, secs, out);
        Ok(key)
    }

    /// What the subscriber wants and for how long, within the limits of this endpoint.
    fn judge(&self, message: &Message<'_>) -> Result<(EventPackage, u32), Reply> {
        let package = EventPackage::of(message).ok_or_else(|| Reply::new(489))?;
        if contact_uri(message).is_none() {
            return Err(Reply::new(400).phrase("Missing Contact"));
        }
        let config = &self.config;
        let asked = message.expires().map_err(|_| Reply::new(400).phrase("Malformed Expires"))?;
        let secs = asked.unwrap_or(config.subscription_expires_max_secs);
        let least = config.subscription_expires_min_secs;
        if secs != 0 && secs < least && secs < BRIEF_SECS {
            return Err(Reply::new(423).header("Min-Expires", least.to_string()));
        }
        Ok((package, secs.min(config.subscription_expires_max_secs)))
    }

    /// A SUBSCRIBE with a To tag; `false` when the request is none.
    pub(crate) fn on_subscribe(
        &mut self,
        now: Instant,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) -> bool {
        if message.method() != Method::Subscribe {
            return false;
        }
        let key = self.tokens.number_of_tag(to_tag(message)).map(SubscriptionKey);
        let found = key.and_then(|key| Some((key, self.subscriptions.get_mut(key)?)));
        let known = found.filter(|(_, found)| found.dialog.owns(message) && !found.machine.is_ending());
        let Some((key, subscription)) = known else {
            self.refuse_stateless(flow, message, &Reply::new(481), out);
            return true;
        };
        if self.clients.len() + self.servers.len() >= self.config.transactions_max {
            self.refuse_full(now, flow, message, out);
            return true;
        }
        if !subscription.dialog.takes(message.cseq().map_or(0, |cseq| cseq.number)) {
            self.refuse_stateless(flow, message, &Reply::new(500), out);
            return true;
        }
        self.resubscribe(now, key, flow, message, out);
        true
    }

    /// RFC 6665 4.2.1: a refresh, or with `Expires: 0` the end.
    fn resubscribe(
        &mut self,
        now: Instant,
        key: SubscriptionKey,
        flow: Flow,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        let owned = message.to_owned();
        let Some(server) = self.open_server(now, flow, &owned, (ServerUser::Nobody, "")) else { return };
        let judged = self.judge(message);
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let judged = judged.and_then(|(package, secs)| {
            // Another package or id would be another subscription, which this dialog has not.
            if package == subscription.package { Ok(secs) } else { Err(Reply::new(481)) }
        });
        let secs = match judged {
            Ok(secs) => secs,
            Err(reply) => {
                self.answer_server(now, server, &reply, None, out);
                return;
            }
        };
        let before = subscription.dialog.leg();
        subscription.dialog.refresh(message, flow);
        let contact = contact(&subscription.contact_user, flow);
        self.subscriptions.forget_connection(key, before);
        self.subscriptions.note_connection(key, flow);
        let reply = Reply::new(200).header("Expires", secs.to_string());
        self.answer_server(now, server, &reply, Some(&contact), out);
        self.renew(now, key, secs, out);
    }

    /// Sets when it expires, and has the subscriber told everything.
    fn renew(&mut self, now: Instant, key: SubscriptionKey, secs: u32, out: &mut Outputs) {
        if secs == 0 {
            return self.step_notifier(now, key, Step::End(Termination::Timeout), None, out);
        }
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        subscription.expires_at = now + Duration::from_secs(u64::from(secs));
        subscription.running.set(&mut self.timers, subscription.expires_at, Why::Subscription(key));
        self.step_notifier(now, key, Step::Refreshed, None, out);
    }

    /// The state that a subscription tells of has changed. `StateWanted` comes as soon as no NOTIFY of it is open.
    pub fn state_changed(&mut self, now: Instant, key: SubscriptionKey, out: &mut Outputs) {
        self.step_notifier(now, key, Step::Changed, None, out);
    }

    /// A pending subscription is accepted (RFC 6665 4.2.1.3); the subscriber is told everything.
    pub fn activate_subscription(&mut self, now: Instant, key: SubscriptionKey, out: &mut Outputs) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if std::mem::take(&mut subscription.is_pending) {
            self.step_notifier(now, key, Step::Refreshed, None, out);
        }
    }

    /// Answers `StateWanted`: the NOTIFY is sent. Without being asked it does nothing.
    pub fn notify(&mut self, now: Instant, key: SubscriptionKey, body: Option<Body>, out: &mut Outputs) {
        self.step_notifier(now, key, Step::Written, body.as_ref(), out);
    }

    /// Ends a subscription by a last NOTIFY. `StateWanted` and `SubscriptionEnded` follow.
    pub fn end_subscription(
        &mut self,
        now: Instant,
        key: SubscriptionKey,
        why: Termination,
        out: &mut Outputs,
    ) {
        self.step_notifier(now, key, Step::End(why), None, out);
    }

    /// Its time is over, or the owner has not written its last state in time.
    pub(crate) fn subscription_due(&mut self, now: Instant, key: SubscriptionKey, out: &mut Outputs) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if let Notifier::AskedLast(why) = subscription.machine {
            out.event(Event::Dropped(DropReason::Unanswered));
            return self.forget_subscription(key, End::Told(why), out);
        }
        self.step_notifier(now, key, Step::End(Termination::Timeout), None, out);
    }

    /// The answer to a NOTIFY, or 408 or 503 made here.
    pub(crate) fn on_notified(&mut self, now: Instant, key: SubscriptionKey, status: u16, out: &mut Outputs) {
        let step = if (200..300).contains(&status) { Step::Delivered } else { Step::Failed(status) };
        self.step_notifier(now, key, step, None, out);
    }

    fn step_notifier(
        &mut self,
        now: Instant,
        key: SubscriptionKey,
        step: Step,
        body: Option<&Body>,
        out: &mut Outputs,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        let mut actions = Actions::new();
        let state = std::mem::replace(&mut subscription.machine, Notifier::Over);
        subscription.machine = state.on(step, &mut actions);
        if matches!(subscription.machine, Notifier::AskedLast(_)) {
            // The owner has to write; nothing stays when it forgets.
            let at = now + self.config.timers.t1x64();
            subscription.running.set(&mut self.timers, at, Why::Subscription(key));
        }
        for action in actions {
            match action {
                Action::Ask(news) => {
                    out.event(Event::StateWanted { subscription: key, is_full: news == News::Full });
                }
                Action::Send(last) => self.send_notify(now, key, last, body, out),
                Action::Tell(end) => self.forget_subscription(key, end, out),
            }
        }
    }

    fn forget_subscription(&mut self, key: SubscriptionKey, end: End, out: &mut Outputs) {
        if let Some(mut gone) = self.subscriptions.remove(key) {
            gone.running.stop_all(&mut self.timers);
            out.event(Event::SubscriptionEnded { subscription: key, end });
        }
    }

    /// RFC 6665 4.2.2. One that cannot be written, or for which there is no room, is as good as undelivered.
    fn send_notify(
        &mut self,
        now: Instant,
        key: SubscriptionKey,
        last: Option<Termination>,
        body: Option<&Body>,
        out: &mut Outputs,
    ) {
        let is_full = self.is_full();
        let Some(subscription) = self.subscriptions.get_mut(key) else { return };
        if last.is_some() {
            subscription.running.stop_all(&mut self.timers);
        }
        let left = subscription.expires_at.saturating_duration_since(now).as_millis().div_ceil(1_000);
        let expires_secs = u32::try_from(left).unwrap_or(u32::MAX);
        let state = match last {
            Some(why) => SubscriptionState::Terminated(Some(why)),
            None if subscription.is_pending => SubscriptionState::Pending { expires_secs },
            None => SubscriptionState::Active { expires_secs },
        };
        let client = ClientKey { branch: self.tokens.number(), cancel: false };
        let flow = subscription.dialog.next_hop();
        let cseq = subscription.dialog.next_cseq();
        let via = via(flow, &self.tokens.branch(client.branch));
        let mut writer = subscription.dialog.request(Method::Notify.as_str(), cseq, &via);
        writer
            .header(HeaderName::Contact, contact(&subscription.contact_user, flow))
            .header(HeaderName::Event, &subscription.package)
            .header(HeaderName::SubscriptionState, state);
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &Vec::new(), body);
        match writer.finish() {
            Ok(bytes) if !is_full => {
                let what = (Method::Notify, ClientUser::Notify(key));
                self.open_client(now, client, what, flow, bytes, out);
            }
            Ok(_) => self.on_notified(now, key, 503, out),
            Err(_) => {
                out.event(Event::Dropped(DropReason::Unwritable));
                self.on_notified(now, key, 500, out);
            }
        }
    }
}
