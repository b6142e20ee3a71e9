//! The endpoint: one shard's SIP, from bytes and instants to bytes, timers and events.
//!
//! It hides transactions, dialogs and INVITE sessions (RFC 3261 9, 12-15, 17; RFC 6026) from its owner, who
//! hears events and gives orders. It does no I/O, reads no clock and keeps nothing for a request before the owner
//! accepts it. `receive.rs` judges requests and responses, `session/` is the INVITE usage, `table.rs` runs the
//! transactions, `compose.rs` writes messages.

mod by_size;
mod challenged;
mod compose;
mod config;
mod event;
mod matching;
mod order;
mod receive;
mod refused;
mod serve;
mod shed;
mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

pub use challenged::ANSWERS_MAX;
pub use config::{
    DATAGRAM_REQUEST_BYTES_MAX, EndpointConfig, FALLBACKS_MAX, FORKS_MAX, PENDING_REQUESTS_MAX,
    PROVISIONALS_QUEUED_MAX, SESSION_EXTENSIONS, SESSION_METHODS,
};
pub use event::{Cause, DropReason, EndedBy, Event, Input, Lapse, NewRequest, Output, Outputs, Reliability};
pub use order::{
    Body, BodyHeaders, ExtraHeaders, Invite, OutsideRequest, Party, PeerAbilities, Provisional, REASONS_MAX,
    Reason, ReasonValue, Refused, Reply, Way,
};
pub use shed::Knock;
pub use table::{ClientKey, RequestKey, ServerKey, Why};

pub(crate) use challenged::Proof;
pub(crate) use compose::{
    ack_like, again, cancel, contact, credentials_like, dialog_headers, extend, outside, response, tagged_to,
    via,
};
pub(crate) use config::{RELIABLE, REPLACES, TIMER};
pub(crate) use matching::Identities;
pub(crate) use table::{
    ClientEvent, ClientMachine, ClientTransaction, ClientUser, Clients, Report, SentAck, ServerEvent,
    ServerMachine, ServerTransaction, ServerUser, Servers, Step,
};

use challenged::NonceCounts;
use refused::TurnedAway;

use crate::boxed_map::BoxedMap;
use crate::branch::Tokens;
use crate::flow::Flow;
use crate::message::index::Index;
use crate::session::{Session, SessionKey};
use crate::subscription::{Subscriptions, Watches};
use crate::timer::TimerQueue;
use crate::transaction::Letter;

/// How much lives in an endpoint. All are 0 once everything has ended and its timers have run out.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Client and server transactions.
    pub transactions: usize,
    /// INVITE sessions.
    pub sessions: usize,
    /// Subscriptions of others.
    pub subscriptions: usize,
    /// Subscriptions of ours.
    pub watches: usize,
    /// Running timers.
    pub timers: usize,
}

/// One shard's SIP endpoint.
pub struct Endpoint {
    pub(crate) config: EndpointConfig,
    /// Value of `Allow`.
    pub(crate) allow: String,
    pub(crate) tokens: Tokens,
    pub(crate) timers: TimerQueue<Why>,
    pub(crate) clients: Clients,
    pub(crate) servers: Servers,
    pub(crate) sessions: BoxedMap<SessionKey, Session>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) watches: Watches,
    /// Peers that took no stream, and when.
    pub(crate) datagrams_only: BTreeMap<SocketAddr, Instant>,
    nonces: NonceCounts,
    turned_away: TurnedAway,
    index: Index,
}

impl Endpoint {
    /// An endpoint without work. The seed decides every branch, tag and Call-ID.
    #[must_use]
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let owners = config.methods.iter().filter(|method| !SESSION_METHODS.contains(method));
        let methods = SESSION_METHODS.iter().chain(owners).map(|method| method.as_str());
        let allow = methods.collect::<Vec<_>>().join(", ");
        let tokens = Tokens::new(config.shard, seed);
        let servers = Servers::new(Identities::new(tokens.table_key()));
        Self {
            allow,
            tokens,
            config,
            timers: TimerQueue::default(),
            clients: Clients::default(),
            servers,
            sessions: BoxedMap::default(),
            subscriptions: Subscriptions::default(),
            watches: Watches::new(),
            datagrams_only: BTreeMap::new(),
            nonces: NonceCounts::default(),
            turned_away: TurnedAway::default(),
            index: Index::new(),
        }
    }

    /// Takes one input and appends what follows from it to `out`.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outputs) {
        match input {
            Input::Received { flow, bytes } => {
                // Taken out for the time of the look, so that the message can be read while the rest changes.
                let mut index = std::mem::take(&mut self.index);
                self.receive(now, flow, bytes, &mut index, out);
                self.index = index;
            }
            Input::Unreachable { flow } => self.unreachable(now, flow, out),
            Input::Moved { from, to } => {
                self.sessions.values_mut().for_each(|session| session.move_over(&from, to));
            }
            Input::Timeout => {
                // Timers set while others fire wait for the next call, so this ends.
                for _ in 0..self.timers.len() {
                    let Some(why) = self.timers.pop_due(now) else { break };
                    self.fire(now, why, out);
                }
            }
        }
    }

    /// When to call with [`Input::Timeout`] next, and why.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Why)> {
        self.timers.deadline().map(|(at, why)| (at, *why))
    }

    /// What lives in the endpoint now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            transactions: self.transactions(),
            sessions: self.sessions.len(),
            subscriptions: self.subscriptions.len(),
            watches: self.watches.len(),
            timers: self.timers.len(),
        }
    }

    /// The value of `Allow`: every method that is understood here, by the endpoint or its owner.
    #[must_use]
    pub fn allow(&self) -> &str {
        &self.allow
    }

    pub(crate) fn transactions(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Whether new work has to be turned away.
    pub(crate) fn is_full(&self) -> bool {
        self.transactions() >= self.config.transactions_max
    }

    /// Seconds for `Retry-After` of a 503, spread so that the refused do not come back together.
    pub(crate) fn retry_after(&mut self) -> u32 {
        let least = self.config.retry_after_secs;
        least.saturating_add(self.tokens.below(least.saturating_add(1)))
    }

    fn fire(&mut self, now: Instant, why: Why, out: &mut Outputs) {
        match why {
            Why::Client(key, letter) => {
                if letter == Letter::C {
                    self.rang_too_long(now, key, out);
                } else {
                    self.drive_client(now, key, ClientEvent::Timer(letter), out);
                }
            }
            Why::Server(key, letter) => self.drive_server(now, key, ServerEvent::Timer(letter), out),
            Why::Abandoned(key) => self.abandoned(now, key, out),
            Why::Silent(key) => self.fell_silent(now, key, out),
            Why::Unanswered(key) => self.unanswered(now, key, out),
            Why::Subscription(key) => self.subscription_due(now, key, out),
            Why::Watch(key) => self.watch_due(now, key, out),
            Why::Answer(key) => self.repeat_answer(now, key, out),
            Why::Acknowledgement(key) => self.ack_missing(now, key, out),
            Why::Progress(key) => self.repeat_progress(now, key, out),
            Why::Reliable(key) => self.repeat_reliable(now, key, out),
            Why::PrackMissing(key) => self.prack_missing(now, key, out),
            Why::Lapse(key) => self.invite_expired(now, key, out),
            Why::Refresh(key) => self.refresh(now, key, out),
            Why::Expiry(key) => self.session_expired(now, key, out),
        }
    }

    /// One step of a client transaction whose failure its user has to hear of.
    pub(crate) fn drive_client(
        &mut self,
        now: Instant,
        key: ClientKey,
        event: ClientEvent,
        out: &mut Outputs,
    ) {
        let Some(user) = self.clients.get(key).map(|transaction| transaction.user) else { return };
        match self.step_client(now, key, event, out) {
            Some(Report::TimedOut) => self.no_answer(now, (key, user), (408, Cause::Timeout), out),
            Some(Report::TransportFailed) => self.no_answer(now, (key, user), (503, Cause::Unreachable), out),
            Some(Report::Deliver) | None => {}
        }
    }

    /// One step of a client transaction.
    pub(crate) fn step_client(
        &mut self,
        now: Instant,
        key: ClientKey,
        event: ClientEvent,
        out: &mut Outputs,
    ) -> Option<Report> {
        let step = Step { now, durations: &self.config.timers, queue: &mut self.timers, out };
        self.clients.drive(key, event, step)
    }

    /// One step of a server transaction. Its transport's failures change nothing: the peer's timers, or the
    /// session's, end what is left (RFC 6026 7.1).
    pub(crate) fn drive_server(
        &mut self,
        now: Instant,
        key: ServerKey,
        event: ServerEvent,
        out: &mut Outputs,
    ) {
        let step = Step { now, durations: &self.config.timers, queue: &mut self.timers, out };
        self.servers.drive(key, event, step);
    }

    /// 18.4: a flow has failed. Requests on it fail; responses go to sent-by once (18.2.2); dialogs will open a
    /// new connection.
    fn unreachable(&mut self, now: Instant, flow: Flow, out: &mut Outputs) {
        for key in self.clients.hit_by(&flow) {
            if !self.goes_by_datagram(now, key, out) {
                self.drive_client(now, key, ClientEvent::TransportError, out);
            }
        }
        for key in self.servers.hit_by(&flow) {
            let Some(transaction) = self.servers.get_mut(key) else { continue };
            if let Some(port) = transaction.fallback_port.take() {
                let flow = transaction.flow.reopened(transaction.flow.remote_at(port));
                self.servers.move_to(key, flow);
                // A repeat of the request is what makes a machine send its last response again.
                self.drive_server(now, key, ServerEvent::Request, out);
            } else {
                self.drive_server(now, key, ServerEvent::TransportError, out);
            }
        }
        if flow.transport.is_reliable() {
            self.subscriptions.reopen(&flow);
            for session in self.sessions.values_mut() {
                session.reopen(&flow);
            }
        }
    }
}
