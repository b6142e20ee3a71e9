//! A small network on a virtual clock: endpoints, bare peers that speak raw text, and a wire that can be told
//! what to lose, double or delay. Every message leaves a line in the ladder, every event a few words.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{
    Body, Counts, Endpoint, EndpointConfig, Event, Flow, Input, Invite, NewRequest, Output, Outputs,
    OwnedMessage, Party, Provisional, RequestKey, SessionKey, Transport,
};

pub const A: usize = 0;
pub const B: usize = 1;
pub const C: usize = 2;

/// One way through the wire, when nothing else is said.
pub const HOP: Duration = Duration::from_millis(10);

/// What the wire does with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Deliver,
    Lose,
    Double,
    Delay(Duration),
}

pub struct Flight {
    pub from: usize,
    pub to: usize,
    flow: Flow,
    pub bytes: Bytes,
}

impl Flight {
    /// `INVITE`, or `200 INVITE` for a response to one.
    pub fn label(&self) -> String {
        label(&self.bytes)
    }
}

pub fn label(bytes: &[u8]) -> String {
    let Ok(message) = OwnedMessage::parse(bytes) else { return String::from("garbage") };
    let view = message.view();
    match view.status() {
        Some(status) => format!("{status} {}", view.method_text()),
        None => view.method_text().to_owned(),
    }
}

pub struct Node {
    pub endpoint: Option<Endpoint>,
    pub address: SocketAddr,
    events: VecDeque<Event>,
    /// The request, session and in-dialog request heard of last.
    pub request: Option<NewRequest>,
    pub session: Option<SessionKey>,
    pub pending: Option<RequestKey>,
    /// What a bare peer has received.
    pub inbox: Vec<OwnedMessage>,
}

type Judge = Box<dyn FnMut(&Flight) -> Fate>;

pub struct World {
    pub now: Instant,
    start: Instant,
    pub nodes: Vec<Node>,
    wire: BTreeMap<(Instant, u64), Flight>,
    sent: u64,
    lives: u8,
    fate: Judge,
    pub ladder: Vec<String>,
    pub transport: Transport,
    /// Whether INVITEs advertise 100rel.
    pub reliable: bool,
    /// The connection of what was sent last.
    pub connection: u64,
}

pub fn config() -> EndpointConfig {
    EndpointConfig { user_agent: String::from("test"), session_expires_secs: 0, ..EndpointConfig::default() }
}

impl World {
    /// Two endpoints, A and B.
    pub fn new() -> Self {
        Self::seeded(1)
    }

    pub fn seeded(seed: u8) -> Self {
        Self::with(seed, [config(), config()])
    }

    #[allow(clippy::disallowed_methods, reason = "a virtual clock has to begin at some instant")]
    pub fn with(seed: u8, configs: [EndpointConfig; 2]) -> Self {
        let now = Instant::now();
        let nodes = configs
            .into_iter()
            .zip(1_u8..)
            .map(|(config, number)| {
                let endpoint = Endpoint::new(config, [seed.wrapping_mul(7) ^ number; 32]);
                Node::new(Some(endpoint.with_secret([number; 32])), number)
            })
            .collect();
        Self {
            now,
            start: now,
            nodes,
            wire: BTreeMap::new(),
            sent: 0,
            lives: 0,
            fate: Box::new(|_| Fate::Deliver),
            ladder: Vec::new(),
            transport: Transport::Udp,
            reliable: false,
            connection: 0,
        }
    }

    /// Two endpoints over a stream transport.
    pub fn over(transport: Transport) -> Self {
        Self { transport, ..Self::new() }
    }

    /// Adds a peer that only speaks raw text.
    pub fn bare(mut self) -> Self {
        let number = u8::try_from(self.nodes.len() + 1).expect("few nodes");
        self.nodes.push(Node::new(None, number));
        self
    }

    pub fn fate(&mut self, judge: impl FnMut(&Flight) -> Fate + 'static) {
        self.fate = Box::new(judge);
    }

    /// Does `fate` to the next `times` messages with this label.
    pub fn script(&mut self, what: &'static str, mut times: usize, fate: Fate) {
        self.fate(move |flight| {
            if times > 0 && flight.label() == what {
                times -= 1;
                return fate;
            }
            Fate::Deliver
        });
    }

    pub fn flow(&self, from: usize, to: usize) -> Flow {
        let connection = u64::from(self.transport.is_reliable());
        Flow {
            transport: self.transport,
            local: self.nodes[from].address,
            remote: self.nodes[to].address,
            connection,
        }
    }

    /// The process of an endpoint is gone, and another goes on with its images: that of its session, and that of
    /// all the rest. Nothing else but the secret passes from one life to the next.
    pub fn reincarnate(&mut self, node: usize) {
        self.lives = self.lives.wrapping_add(1);
        let origin = self.start;
        let session = self.nodes[node].session;
        let before = self.nodes[node].endpoint.take().expect("an endpoint");
        let known: Vec<SessionKey> = session.into_iter().collect();
        let images = [
            postcard::to_allocvec(&before.image(&known, origin)).expect("plain data"),
            postcard::to_allocvec(&before.image_of_rest(|key| Some(key) == session, origin))
                .expect("plain data"),
        ];
        let secret = [u8::try_from(node + 1).expect("two nodes"); 32];
        let mut after = Endpoint::new(config(), [self.lives ^ 0x80; 32]).with_secret(secret);
        for image in &images {
            after.resume(postcard::from_bytes(image).expect("as it was written"), origin);
        }
        assert_eq!(after.counts(), before.counts(), "{} is the same in its next life", name(node));
        assert_eq!(after.deadline().map(|(at, _)| at), before.deadline().map(|(at, _)| self.in_image(at)));
        self.ladder.push(format!("{} {} goes on as another process", self.at(), name(node)));
        self.nodes[node].endpoint = Some(after);
    }

    /// An instant as an image keeps it.
    fn in_image(&self, at: Instant) -> Instant {
        let micros = at.saturating_duration_since(self.start).as_micros();
        self.start + Duration::from_micros(u64::try_from(micros).expect("a short story"))
    }

    /// Milliseconds since the beginning.
    pub fn at(&self) -> u128 {
        (self.now - self.start).as_millis()
    }

    /// Gives an order to an endpoint and takes up what follows.
    pub fn order<R>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut Endpoint, Instant, &mut Outputs) -> R,
    ) -> R {
        let mut out = Outputs::new();
        let endpoint = self.nodes[node].endpoint.as_mut().expect("an endpoint");
        let result = order(endpoint, self.now, &mut out);
        self.take_up(node, &mut out);
        result
    }

    fn take_up(&mut self, node: usize, out: &mut Outputs) {
        while let Some(output) = out.pop() {
            match output {
                Output::Send { flow, bytes } => self.put(node, flow, bytes),
                Output::Event(event) => self.nodes[node].note(event),
            }
        }
    }

    /// Puts a message on the wire.
    fn put(&mut self, from: usize, flow: Flow, bytes: Bytes) {
        let Some(to) = self.nodes.iter().position(|node| node.address == flow.remote) else {
            return self.ladder.push(format!("{} {}->? {}", self.at(), name(from), label(&bytes)));
        };
        self.connection = flow.connection;
        let back = Flow { local: flow.remote, remote: flow.local, ..flow };
        let flight = Flight { from, to, flow: back, bytes };
        let fate = (self.fate)(&flight);
        let mark = match fate {
            Fate::Deliver => "",
            Fate::Lose => " x",
            Fate::Double => " x2",
            Fate::Delay(_) => " ...",
        };
        self.ladder.push(format!("{} {}->{} {}{mark}", self.at(), name(from), name(to), flight.label()));
        let copies = match fate {
            Fate::Lose => 0,
            Fate::Double => 2,
            Fate::Deliver | Fate::Delay(_) => 1,
        };
        let delay = if let Fate::Delay(delay) = fate { delay } else { HOP };
        for _ in 0..copies {
            self.sent += 1;
            let copy = Flight { bytes: flight.bytes.clone(), ..flight };
            self.wire.insert((self.now + delay, self.sent), copy);
        }
    }

    /// A bare peer (or anybody) sends raw text; `\n` becomes CRLF.
    pub fn say(&mut self, from: usize, to: usize, text: &str) {
        let flow = self.flow(from, to);
        let text = text.trim_start().replace("\r\n", "\n").replace('\n', "\r\n");
        self.put(from, flow, Bytes::from(text));
    }

    /// Lets time pass, and everything that falls into it happen.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    pub fn run_ms(&mut self, time: u64) {
        self.run(Duration::from_millis(time));
    }

    /// Lets everything happen that will.
    pub fn settle(&mut self) {
        let end = self.now + Duration::from_secs(3_600);
        while self.step(end) {}
    }

    /// The next thing that happens until `end`, if any.
    pub fn step(&mut self, end: Instant) -> bool {
        let arrival = self.wire.keys().next().map(|(at, _)| *at);
        let wake = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(node, found)| Some((found.endpoint.as_ref()?.deadline()?.0, node)))
            .min();
        let wake_at = wake.map(|(at, _)| at);
        let Some(at) = [arrival, wake_at].into_iter().flatten().min().filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(at);
        if arrival == Some(at) {
            let (_, flight) = self.wire.pop_first().expect("it is there");
            self.deliver(&flight);
        } else if let Some((_, node)) = wake {
            self.order(node, |endpoint, now, out| endpoint.handle(now, Input::Timeout, out));
        }
        true
    }

    fn deliver(&mut self, flight: &Flight) {
        if self.nodes[flight.to].endpoint.is_none() {
            let message = OwnedMessage::parse(&flight.bytes).expect("endpoints write what parses");
            return self.nodes[flight.to].inbox.push(message);
        }
        let input = Input::Received { flow: flight.flow, bytes: &flight.bytes };
        self.order(flight.to, |endpoint, now, out| endpoint.handle(now, input, out));
    }

    /// The events of a node since it was last asked, in words.
    pub fn heard(&mut self, node: usize) -> Vec<String> {
        self.nodes[node].events.drain(..).map(|event| words(&event)).collect()
    }

    pub fn take_events(&mut self, node: usize) -> Vec<Event> {
        self.nodes[node].events.drain(..).collect()
    }

    /// The ladder since it was last asked, without times.
    pub fn steps(&mut self) -> Vec<String> {
        let strip = |line: String| line.split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned());
        std::mem::take(&mut self.ladder).into_iter().map(strip).collect()
    }

    pub fn counts(&self, node: usize) -> Counts {
        self.nodes[node].endpoint.as_ref().expect("an endpoint").counts()
    }

    /// Everything has died out and left nothing.
    pub fn assert_gone(&mut self) {
        self.settle();
        for node in 0..self.nodes.len() {
            if self.nodes[node].endpoint.is_some() {
                assert_eq!(
                    self.counts(node),
                    Counts::default(),
                    "{}\n{}",
                    name(node),
                    self.ladder.join("\n")
                );
            }
        }
    }

    pub fn session(&self, node: usize) -> SessionKey {
        self.nodes[node].session.expect("a session")
    }

    pub fn invite_of(&self, from: usize, to: usize) -> Invite {
        let address = self.nodes[to].address;
        Invite {
            flow: self.flow(from, to),
            request_uri: format!("sip:{}@{address}", name(to)),
            from: Party::new("sip:a@example.com").display("Sari \"S\""),
            to: Party::new("sip:b@example.com"),
            contact_user: name(from).to_owned(),
            routes: Vec::new(),
            max_forwards: 70,
            headers: Vec::new(),
            body: Some(Body::sdp("offer")),
            reliable: self.reliable,
            max_breadth: None,
            fallbacks: Vec::new(),
            login: None,
            silence_secs: None,
        }
    }

    /// A invites B; nothing else happens yet.
    pub fn invite(&mut self, from: usize, to: usize) -> SessionKey {
        let invite = self.invite_of(from, to);
        let key = self.order(from, |endpoint, now, out| endpoint.invite(now, invite, out)).expect("room");
        self.nodes[from].session = Some(key);
        key
    }

    /// B accepts the INVITE it has heard of.
    pub fn accept_invite(&mut self, node: usize) -> SessionKey {
        let request = self.nodes[node].request.take().expect("an INVITE");
        let key =
            self.order(node, |endpoint, now, out| endpoint.accept_invite(now, request, out)).expect("room");
        self.nodes[node].session = Some(key);
        key
    }

    pub fn ring(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| endpoint.ring(now, key, Provisional::new(180), out));
    }

    pub fn answer(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| endpoint.answer(now, key, Some(Body::sdp("answer")), out));
    }

    pub fn ack(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| endpoint.ack(now, key, None, out));
    }

    pub fn hang_up(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| endpoint.hang_up(now, key, None, out));
    }

    pub fn reinvite(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| endpoint.reinvite(now, key, Some(Body::sdp("hold")), out))
            .expect("idle");
    }

    pub fn answer_reinvite(&mut self, node: usize) {
        let key = self.session(node);
        self.order(node, |endpoint, now, out| {
            endpoint.answer_reinvite(now, key, Some(Body::sdp("held")), out);
        });
    }

    /// An INVITE from A waits at B, accepted.
    pub fn called() -> Self {
        Self::new().call()
    }

    pub fn call(mut self) -> Self {
        self.invite(A, B);
        self.run(HOP);
        self.accept_invite(B);
        self.run(HOP);
        self.forget();
        self
    }

    /// A and B talk.
    pub fn talking() -> Self {
        Self::called().talk()
    }

    pub fn talk(mut self) -> Self {
        self.answer(B);
        self.run(HOP);
        self.ack(A);
        self.run(HOP);
        self.forget();
        self
    }

    /// Forgets what has been heard and drawn so far.
    pub fn forget(&mut self) {
        self.ladder.clear();
        for node in &mut self.nodes {
            node.events.clear();
            node.inbox.clear();
        }
    }
}

impl Node {
    fn new(endpoint: Option<Endpoint>, number: u8) -> Self {
        Self {
            endpoint,
            address: SocketAddr::from(([192, 0, 2, number], 5060)),
            events: VecDeque::new(),
            request: None,
            session: None,
            pending: None,
            inbox: Vec::new(),
        }
    }

    fn note(&mut self, event: Event) {
        match &event {
            Event::Request(request) => self.request = Some(request.clone()),
            Event::InDialog { request, .. } => self.pending = Some(*request),
            _ => {}
        }
        self.events.push_back(event);
    }
}

pub fn name(node: usize) -> &'static str {
    ["A", "B", "C", "D", "E"][node]
}

fn text(body: &Option<Body>) -> String {
    body.as_ref().map_or(String::new(), |body| format!(" {}", String::from_utf8_lossy(&body.bytes)))
}

/// An event in a few words.
pub fn words(event: &Event) -> String {
    match event {
        Event::Request(request) => format!("Request {}", request.message.view().method_text()),
        Event::Progress { status, body, .. } => format!("Progress {status}{}", text(body)),
        Event::Answered { body, .. } => format!("Answered{}", text(body)),
        Event::Failed { status, cause, .. } => format!("Failed {status} {cause:?}"),
        Event::Acked { body, .. } => format!("Acked{}", text(body)),
        Event::AckMissing { .. } => String::from("AckMissing"),
        Event::Canceled { reason, .. } => {
            format!("Canceled{}", reason.as_ref().map_or(String::new(), |reason| format!(" {reason}")))
        }
        Event::Reinvite { body, .. } => format!("Reinvite{}", text(body)),
        Event::ReinviteCanceled { .. } => String::from("ReinviteCanceled"),
        Event::ReinviteAnswered { body, .. } => format!("ReinviteAnswered{}", text(body)),
        Event::ReinviteFailed { status, .. } => format!("ReinviteFailed {status}"),
        Event::Pracked { body, .. } => format!("Pracked{}", text(body)),
        Event::Lapsed { why, .. } => format!("Lapsed {why:?}"),
        Event::Update { body, .. } => format!("Update{}", text(&Some(body.clone()))),
        Event::UpdateAnswered { body, .. } => format!("UpdateAnswered{}", text(body)),
        Event::UpdateFailed { status, .. } => format!("UpdateFailed {status}"),
        Event::InDialog { message, .. } => format!("InDialog {}", message.view().method_text()),
        Event::Response { status, .. } => format!("Response {status}"),
        Event::OutsideResponse { status, message, .. } => {
            format!("OutsideResponse {status}{}", if message.is_some() { "" } else { " made here" })
        }
        Event::StateWanted { is_full, .. } => {
            format!("StateWanted {}", if *is_full { "full" } else { "change" })
        }
        Event::SubscriptionEnded { end, .. } => format!("SubscriptionEnded {end:?}"),
        Event::Watched { state, body, .. } => format!("Watched {state}{}", text(body)),
        Event::WatchEnded { why, .. } => format!("WatchEnded {why:?}"),
        Event::Ended { by, reason, .. } => {
            format!("Ended {by:?}{}", reason.as_ref().map_or(String::new(), |reason| format!(" {reason}")))
        }
        Event::Dropped(reason) => format!("Dropped {reason:?}"),
    }
}
