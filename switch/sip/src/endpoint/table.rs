//! The tables of running transactions, and how a machine's actions are carried out.
//!
//! Client transactions are keyed by the number in the branch we made. Server transactions are found by the key
//! of RFC 3261 17.2.3, and by that of 8.2.2.2 for merged requests. The tables decide nothing: what a report of a
//! machine means is said in `session/` and `receive.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::boxed_map::BoxedMap;
use crate::flow::{Flow, Transport};
use crate::message::fields::Via;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::session::SessionKey;
use crate::subscription::{SubscriptionKey, WatchKey};
use crate::timer::{Reason, Running, TimerQueue};
use crate::transaction::client::{self, Client};
use crate::transaction::invite_client::{self, InviteClient};
use crate::transaction::invite_server::{self, InviteServer};
use crate::transaction::server::{self, Server};
use crate::transaction::{Action, Actions, Context, Letter, Timers};

use super::challenged::Proof;
use super::event::Outputs;
use super::matching::{Identities, Identity, method_of_transaction};

/// Names a server transaction that the owner has accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ServerKey(pub(crate) u64);

/// Names a client transaction by the number in its branch; a CANCEL shares the branch of its INVITE.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ClientKey {
    pub(crate) branch: u64,
    pub(crate) cancel: bool,
}

/// Names a request: the peer's inside a dialog, to answer it, or one of ours, to know its response by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestKey(pub(crate) u64);

/// Why the endpoint wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Why {
    /// A timer of a client transaction.
    Client(ClientKey, Letter),
    /// A timer of a server transaction.
    Server(ServerKey, Letter),
    /// An INVITE that was cancelled, or whose session is over, got no final answer (RFC 3261 9.1).
    Abandoned(ClientKey),
    /// The peer of an INVITE has said nothing for as long as its owner waits.
    Silent(ClientKey),
    /// The owner did not answer a request in time.
    Unanswered(ServerKey),
    /// Repeat a 2xx until its ACK comes (RFC 3261 13.3.1.4).
    Answer(SessionKey),
    /// Give up waiting for the ACK of a 2xx (RFC 3261 13.3.1.4).
    Acknowledgement(SessionKey),
    /// Repeat a reliable provisional answer until its PRACK comes (RFC 3262 3).
    Reliable(SessionKey),
    /// Give up waiting for a PRACK (RFC 3262 3).
    PrackMissing(SessionKey),
    /// The time that an INVITE's `Expires` gave is over (RFC 3261 13.3.1).
    Lapse(SessionKey),
    /// Refresh a session (RFC 4028 10).
    Refresh(SessionKey),
    /// Nobody has refreshed a session (RFC 4028 10).
    Expiry(SessionKey),
    /// Repeat a provisional answer so that no proxy gives up (RFC 3261 13.3.1.1).
    Progress(SessionKey),
    /// A subscription has expired (RFC 6665 4.2.2), or its owner did not write its last state in time.
    Subscription(SubscriptionKey),
    /// A subscription of ours is to be refreshed, has expired, or has brought no NOTIFY (RFC 6665 4.1.2).
    Watch(WatchKey),
}

impl Reason for Why {
    fn can_wait(&self) -> bool {
        use Letter::{D, I, J, K, L, M};
        matches!(self, Self::Client(_, D | K | M) | Self::Server(_, I | J | L))
    }
}

/// What a machine tells its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    /// The response that came in is news.
    Deliver,
    /// There will be no answer.
    TimedOut,
    /// The transport failed.
    TransportFailed,
}

/// Whose request a client transaction carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum ClientUser {
    /// The INVITE that opens a session.
    Invite(SessionKey),
    /// A re-INVITE of a session.
    Reinvite(SessionKey),
    /// The PRACK of a session.
    Prack(SessionKey),
    /// An UPDATE of a session.
    Update(SessionKey),
    /// The BYE of a session that we ended.
    Bye(SessionKey),
    /// Another request of a session.
    Request(SessionKey, RequestKey),
    /// Another one whose failure ends nothing: a NOTIFY in the dialog of a session, which is of a usage of its own
    /// (RFC 5057 5.1), and what the owner tells in passing.
    Report(SessionKey, RequestKey),
    /// A request outside any dialog.
    Outside(RequestKey),
    /// The SUBSCRIBE of a subscription of ours.
    Subscribe(WatchKey),
    /// The NOTIFY of a subscription that somebody else has made here.
    Notify(SubscriptionKey),
    /// A CANCEL, or the BYE of a fork nobody wanted.
    Nobody,
}

impl ClientUser {
    pub(crate) fn session(self) -> Option<SessionKey> {
        match self {
            Self::Invite(session)
            | Self::Reinvite(session)
            | Self::Prack(session)
            | Self::Update(session)
            | Self::Bye(session)
            | Self::Request(session, _)
            | Self::Report(session, _) => Some(session),
            Self::Outside(_) | Self::Subscribe(_) | Self::Notify(_) | Self::Nobody => None,
        }
    }
}

/// Who answers a server transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum ServerUser {
    /// The owner, by its key.
    Owner,
    /// The session that this INVITE opens.
    Invite(SessionKey),
    /// A session, whose re-INVITE it is.
    Reinvite(SessionKey),
    /// The owner, for a request inside a session's dialog.
    InDialog(SessionKey),
    /// It has been answered by the endpoint.
    Nobody,
}

impl ServerUser {
    pub(crate) fn session(self) -> Option<SessionKey> {
        match self {
            Self::Invite(session) | Self::Reinvite(session) | Self::InDialog(session) => Some(session),
            Self::Owner | Self::Nobody => None,
        }
    }
}

/// An ACK that was sent for a 2xx, kept to be sent again (13.2.2.4).
#[derive(Serialize, Deserialize)]
pub(crate) struct SentAck {
    pub(crate) to_tag: Box<str>,
    pub(crate) flow: Flow,
    pub(crate) bytes: Bytes,
}

/// The machine of a client transaction.
#[derive(Serialize, Deserialize)]
pub(crate) enum ClientMachine {
    Invite {
        machine: InviteClient,
        /// The INVITE: ACK and CANCEL are made from it.
        request: Bytes,
        /// One for each fork that has answered 2xx.
        acks: Vec<SentAck>,
    },
    Other(Client),
}

/// A running client transaction.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClientTransaction {
    pub(crate) machine: ClientMachine,
    pub(crate) method: Method,
    pub(crate) flow: Flow,
    pub(crate) user: ClientUser,
    /// It goes by a stream for nothing but its size.
    pub(crate) is_by_size: bool,
    /// How challenges to it are answered, where they are.
    pub(crate) proof: Option<Box<Proof>>,
    #[serde(skip)]
    pub(crate) running: Running,
}

/// The machine of a server transaction.
#[derive(Serialize, Deserialize)]
pub(crate) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

/// A running server transaction.
#[derive(Serialize, Deserialize)]
pub(crate) struct ServerTransaction {
    pub(crate) machine: ServerMachine,
    /// Where responses go.
    pub(crate) flow: Flow,
    /// The port that the request came from, for the Via of the response.
    source_port: u16,
    /// The port to which responses go once the connection is gone (18.2.2).
    pub(crate) fallback_port: Option<u16>,
    pub(crate) user: ServerUser,
    /// The tag to put into To where the request has none.
    pub(crate) to_tag: Box<str>,
    /// The request, until its final answer.
    pub(crate) request: Option<OwnedMessage>,
    #[serde(skip)]
    pub(crate) running: Running,
    /// With its method: what its repeats and its CANCEL find it by.
    branch_key: Identity,
    method: Method,
    /// Whether merged requests find it too, by the other key.
    is_first: bool,
    call_key: Identity,
}

impl ServerTransaction {
    /// Where the request came from. Its answers go to the same host.
    pub(crate) fn source(&self) -> SocketAddr {
        self.flow.remote_at(self.source_port)
    }
}

/// What happens to a client transaction besides an INVITE's failure, which brings its ACK along.
#[derive(Clone, Debug)]
pub(crate) enum ClientEvent {
    Provisional,
    Success,
    Failure { ack: Bytes },
    Timer(Letter),
    TransportError,
}

/// What happens to a server transaction.
#[derive(Clone, Debug)]
pub(crate) enum ServerEvent {
    Request,
    Answer { status: u16, bytes: Bytes },
    Ack,
    Timer(Letter),
    TransportError,
}

/// The surroundings of one step.
pub(crate) struct Step<'a> {
    pub(crate) now: Instant,
    pub(crate) durations: &'a Timers,
    pub(crate) queue: &'a mut TimerQueue<Why>,
    pub(crate) out: &'a mut Outputs,
}

impl Step<'_> {
    fn carry_out(
        &mut self,
        actions: Actions,
        flow: Flow,
        running: &mut Running,
        why: impl Fn(Letter) -> Why,
    ) -> Option<Report> {
        let mut report = None;
        for action in actions {
            match action {
                Action::Send(bytes) => self.out.send(flow, bytes),
                Action::Set(letter, after) => running.set(self.queue, self.now + after, why(letter)),
                Action::Stop(letter) => running.stop(self.queue, &why(letter)),
                Action::Deliver => report = Some(Report::Deliver),
                Action::TimedOut => report = Some(Report::TimedOut),
                Action::TransportFailed => report = Some(Report::TransportFailed),
            }
        }
        report
    }
}

/// Running client transactions.
#[derive(Default)]
pub(crate) struct Clients {
    map: BoxedMap<ClientKey, ClientTransaction>,
    /// By the peer their messages go to, so that the failure of a flow costs what it hits.
    by_peer: BTreeSet<(Transport, SocketAddr, ClientKey)>,
    by_session: BTreeSet<(SessionKey, ClientKey)>,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn get(&self, key: ClientKey) -> Option<&ClientTransaction> {
        self.map.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: ClientKey) -> Option<&mut ClientTransaction> {
        self.map.get_mut(&key)
    }

    /// Starts a transaction: its request is sent.
    pub(crate) fn open(
        &mut self,
        key: ClientKey,
        (method, user): (Method, ClientUser),
        flow: Flow,
        request: Bytes,
        mut step: Step<'_>,
    ) {
        let mut actions = Actions::new();
        let context = Context { timers: step.durations, reliable: flow.transport.is_reliable() };
        let machine = if method == Method::Invite {
            let machine = InviteClient::start(request.clone(), context, &mut actions);
            ClientMachine::Invite { machine, request, acks: Vec::new() }
        } else {
            ClientMachine::Other(Client::start(request, context, &mut actions))
        };
        let mut running = Running::default();
        step.carry_out(actions, flow, &mut running, |letter| Why::Client(key, letter));
        step.out.touch(user.session());
        let transaction =
            ClientTransaction { machine, method, flow, user, is_by_size: false, proof: None, running };
        self.put_back(key, transaction);
    }

    /// Keeps a transaction as it is.
    pub(crate) fn put_back(&mut self, key: ClientKey, transaction: ClientTransaction) {
        self.by_session.extend(transaction.user.session().map(|session| (session, key)));
        self.by_peer.insert((transaction.flow.transport, transaction.flow.remote, key));
        self.map.insert(key, transaction);
    }

    /// All of a session.
    pub(crate) fn of_session(
        &self,
        session: SessionKey,
    ) -> impl Iterator<Item = (ClientKey, &ClientTransaction)> {
        let first = ClientKey { branch: 0, cancel: false };
        let last = ClientKey { branch: u64::MAX, cancel: true };
        let keys = self.by_session.range((session, first)..=(session, last));
        keys.filter_map(|(_, key)| Some((*key, self.get(*key)?)))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (ClientKey, &ClientTransaction)> {
        self.map.iter().map(|(key, transaction)| (*key, transaction))
    }

    /// One step of a transaction; it is gone afterwards if that ended it.
    pub(crate) fn drive(&mut self, key: ClientKey, event: ClientEvent, mut step: Step<'_>) -> Option<Report> {
        let transaction = self.map.get_mut(&key)?;
        let mut actions = Actions::new();
        let context = Context { timers: step.durations, reliable: transaction.flow.transport.is_reliable() };
        let over = match &mut transaction.machine {
            ClientMachine::Invite { machine, .. } => {
                let state = std::mem::replace(machine, InviteClient::Terminated);
                *machine = state.on(invite_client_event(event), context, &mut actions);
                *machine == InviteClient::Terminated
            }
            ClientMachine::Other(machine) => {
                let state = std::mem::replace(machine, Client::Terminated);
                *machine = state.on(client_event(&event), context, &mut actions);
                *machine == Client::Terminated
            }
        };
        let (flow, running) = (transaction.flow, &mut transaction.running);
        step.out.touch(transaction.user.session());
        let report = step.carry_out(actions, flow, running, |letter| Why::Client(key, letter));
        if over {
            self.close(key, step.queue);
        }
        report
    }

    /// Forgets a transaction.
    pub(crate) fn close(&mut self, key: ClientKey, queue: &mut TimerQueue<Why>) -> Option<ClientTransaction> {
        let mut transaction = self.map.remove(&key)?;
        transaction.running.stop_all(queue);
        if let Some(session) = transaction.user.session() {
            self.by_session.remove(&(session, key));
        }
        self.by_peer.remove(&(transaction.flow.transport, transaction.flow.remote, key));
        Some(transaction)
    }

    /// The transactions whose flow has failed.
    pub(crate) fn hit_by(&self, failed: &Flow) -> Vec<ClientKey> {
        let first = ClientKey { branch: 0, cancel: false };
        let last = ClientKey { branch: u64::MAX, cancel: true };
        let (transport, remote) = (failed.transport, failed.remote);
        let keys = self.by_peer.range((transport, remote, first)..=(transport, remote, last));
        let is_hit = |key: &ClientKey| self.map.get(key).is_some_and(|found| found.flow.is_hit_by(failed));
        keys.map(|(_, _, key)| *key).filter(is_hit).collect()
    }
}

fn invite_client_event(event: ClientEvent) -> invite_client::Event {
    match event {
        ClientEvent::Provisional => invite_client::Event::Provisional,
        ClientEvent::Success => invite_client::Event::Success,
        ClientEvent::Failure { ack } => invite_client::Event::Failure { ack },
        ClientEvent::Timer(letter) => invite_client::Event::Timer(letter),
        ClientEvent::TransportError => invite_client::Event::TransportError,
    }
}

fn client_event(event: &ClientEvent) -> client::Event {
    match event {
        ClientEvent::Provisional => client::Event::Provisional,
        ClientEvent::Success | ClientEvent::Failure { .. } => client::Event::Final,
        ClientEvent::Timer(letter) => client::Event::Timer(*letter),
        ClientEvent::TransportError => client::Event::TransportError,
    }
}

/// A server transaction to be opened.
pub(crate) struct Opening<'a> {
    pub(crate) request: &'a OwnedMessage,
    pub(crate) source_port: u16,
    pub(crate) flow: Flow,
    pub(crate) fallback_port: Option<u16>,
    pub(crate) user: ServerUser,
    pub(crate) to_tag: Box<str>,
}

/// Running server transactions and the ways to find them.
pub(crate) struct Servers {
    map: BoxedMap<ServerKey, ServerTransaction>,
    /// By the peer their messages go to, so that the failure of a flow costs what it hits.
    by_peer: BTreeSet<(Transport, SocketAddr, ServerKey)>,
    by_session: BTreeSet<(SessionKey, ServerKey)>,
    by_branch: BTreeMap<(Identity, Method), ServerKey>,
    by_call: BTreeMap<Identity, ServerKey>,
    last: u64,
    identities: Identities,
}

impl Servers {
    pub(crate) fn new(identities: Identities) -> Self {
        Self {
            map: BoxedMap::default(),
            by_peer: BTreeSet::new(),
            by_session: BTreeSet::new(),
            by_branch: BTreeMap::new(),
            by_call: BTreeMap::new(),
            last: 0,
            identities,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn get(&self, key: ServerKey) -> Option<&ServerTransaction> {
        self.map.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: ServerKey) -> Option<&mut ServerTransaction> {
        self.map.get_mut(&key)
    }

    /// 17.2.3: the transaction that a request repeats, or that an ACK belongs to.
    pub(crate) fn find(&self, request: &Message<'_>, via: &Via<'_>) -> Option<ServerKey> {
        let identity = self.identities.of_transaction(request, via);
        self.by_branch.get(&(identity, method_of_transaction(request))).copied()
    }

    /// 9.2: the transaction that a CANCEL takes back, of whatever method.
    pub(crate) fn find_cancelled(&self, cancel: &Message<'_>, via: &Via<'_>) -> Option<ServerKey> {
        let identity = self.identities.of_transaction(cancel, via);
        let mut found = self.by_branch.range((identity, Method::Invite)..=(identity, Method::Other));
        found.next().map(|(_, key)| *key)
    }

    /// 8.2.2.2: the transaction of the same request that came on another path.
    pub(crate) fn find_merged(&self, request: &Message<'_>) -> Option<ServerKey> {
        self.by_call.get(&self.identities.of_request(request)).copied()
    }

    /// Keeps a request until it has been answered and its repeats have died out.
    pub(crate) fn open(&mut self, opening: Opening<'_>, via: &Via<'_>) -> ServerKey {
        let request = opening.request.view();
        let key = ServerKey(self.last + 1);
        let is_first = matches!(opening.user, ServerUser::Owner | ServerUser::Invite(_));
        let machine = if request.method() == Method::Invite {
            ServerMachine::Invite(InviteServer::start())
        } else {
            ServerMachine::Other(Server::Trying)
        };
        self.put_back(
            key,
            ServerTransaction {
                machine,
                flow: opening.flow,
                source_port: opening.source_port,
                fallback_port: opening.fallback_port,
                user: opening.user,
                to_tag: opening.to_tag,
                request: Some(opening.request.clone()),
                running: Running::default(),
                branch_key: self.identities.of_transaction(&request, via),
                method: method_of_transaction(&request),
                is_first,
                call_key: self.identities.of_request(&request),
            },
        );
        key
    }

    /// Keeps a transaction as it is, to be found by its keys.
    pub(crate) fn put_back(&mut self, key: ServerKey, transaction: ServerTransaction) {
        self.last = self.last.max(key.0);
        self.by_branch.insert((transaction.branch_key, transaction.method), key);
        if transaction.is_first {
            self.by_call.insert(transaction.call_key, key);
        }
        self.by_session.extend(transaction.user.session().map(|session| (session, key)));
        self.by_peer.insert((transaction.flow.transport, transaction.flow.remote, key));
        self.map.insert(key, transaction);
    }

    /// Sends the responses of a transaction another way from now on.
    pub(crate) fn move_to(&mut self, key: ServerKey, flow: Flow) {
        let Some(transaction) = self.map.get_mut(&key) else { return };
        let old = std::mem::replace(&mut transaction.flow, flow);
        self.by_peer.remove(&(old.transport, old.remote, key));
        self.by_peer.insert((flow.transport, flow.remote, key));
    }

    /// All of a session.
    pub(crate) fn of_session(
        &self,
        session: SessionKey,
    ) -> impl Iterator<Item = (ServerKey, &ServerTransaction)> {
        let keys = self.by_session.range((session, ServerKey(0))..=(session, ServerKey(u64::MAX)));
        keys.filter_map(|(_, key)| Some((*key, self.get(*key)?)))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (ServerKey, &ServerTransaction)> {
        self.map.iter().map(|(key, transaction)| (*key, transaction))
    }

    /// What is left of it, its session has nothing to do with.
    pub(crate) fn orphan(&mut self, key: ServerKey) {
        let Some(transaction) = self.map.get_mut(&key) else { return };
        if let Some(session) = transaction.user.session() {
            self.by_session.remove(&(session, key));
        }
        transaction.user = ServerUser::Nobody;
    }

    /// One step of a transaction; it is gone afterwards if that ended it.
    pub(crate) fn drive(&mut self, key: ServerKey, event: ServerEvent, mut step: Step<'_>) -> Option<Report> {
        let transaction = self.map.get_mut(&key)?;
        if matches!(event, ServerEvent::Answer { status: 200.., .. }) {
            transaction.request = None;
            transaction.running.stop(step.queue, &Why::Unanswered(key));
        }
        let mut actions = Actions::new();
        let context = Context { timers: step.durations, reliable: transaction.flow.transport.is_reliable() };
        let over = match &mut transaction.machine {
            ServerMachine::Invite(machine) => {
                let state = std::mem::replace(machine, InviteServer::Terminated);
                *machine = state.on(invite_server_event(event), context, &mut actions);
                *machine == InviteServer::Terminated
            }
            ServerMachine::Other(machine) => {
                let state = std::mem::replace(machine, Server::Terminated);
                *machine =
                    server_event(event).map_or(state.clone(), |event| state.on(event, context, &mut actions));
                *machine == Server::Terminated
            }
        };
        let (flow, running) = (transaction.flow, &mut transaction.running);
        step.out.touch(transaction.user.session());
        let report = step.carry_out(actions, flow, running, |letter| Why::Server(key, letter));
        if over {
            self.close(key, step.queue);
        }
        report
    }

    /// Forgets a transaction.
    pub(crate) fn close(&mut self, key: ServerKey, queue: &mut TimerQueue<Why>) {
        let Some(mut transaction) = self.map.remove(&key) else { return };
        transaction.running.stop_all(queue);
        if let Some(session) = transaction.user.session() {
            self.by_session.remove(&(session, key));
        }
        self.by_peer.remove(&(transaction.flow.transport, transaction.flow.remote, key));
        self.by_branch.remove(&(transaction.branch_key, transaction.method));
        if transaction.is_first {
            self.by_call.remove(&transaction.call_key);
        }
    }

    /// The transactions whose flow has failed.
    pub(crate) fn hit_by(&self, failed: &Flow) -> Vec<ServerKey> {
        let (transport, remote) = (failed.transport, failed.remote);
        let range = (transport, remote, ServerKey(0))..=(transport, remote, ServerKey(u64::MAX));
        let is_hit = |key: &ServerKey| self.map.get(key).is_some_and(|found| found.flow.is_hit_by(failed));
        self.by_peer.range(range).map(|(_, _, key)| *key).filter(is_hit).collect()
    }
}

fn invite_server_event(event: ServerEvent) -> invite_server::Event {
    match event {
        ServerEvent::Request => invite_server::Event::Request,
        ServerEvent::Answer { status: ..200, bytes } => invite_server::Event::Provisional(bytes),
        ServerEvent::Answer { status: 200..300, bytes } => invite_server::Event::Success(bytes),
        ServerEvent::Answer { bytes, .. } => invite_server::Event::Failure(bytes),
        ServerEvent::Ack => invite_server::Event::Ack,
        ServerEvent::Timer(letter) => invite_server::Event::Timer(letter),
        ServerEvent::TransportError => invite_server::Event::TransportError,
    }
}

fn server_event(event: ServerEvent) -> Option<server::Event> {
    Some(match event {
        ServerEvent::Request => server::Event::Request,
        ServerEvent::Answer { status: ..200, bytes } => server::Event::Provisional(bytes),
        ServerEvent::Answer { bytes, .. } => server::Event::Final(bytes),
        ServerEvent::Ack => return None,
        ServerEvent::Timer(letter) => server::Event::Timer(letter),
        ServerEvent::TransportError => server::Event::TransportError,
    })
}
