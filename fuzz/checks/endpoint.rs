//! What must hold for a SIP endpoint whatever peers send and whatever its owner orders, in any sequence.
//!
//! Invariants: no panic; all that is sent is a valid message; a session ends once; limits hold; timers at one
//! instant come to an end; when the owner has let go of everything and the timers have run out, nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::script::Script;
use super::story::{Timed, again, answer, in_dialog, keep, tail, valid};
use sip::digest::Login;
use sip::{
    Body, Counts, Endpoint, EndpointConfig, Event, Flow, Grant, Index, Input, Invite, NewRequest, Output,
    Outputs, OutsideRequest, OwnedMessage, Party, Provisional, Reply, RequestKey, ServerKey, SessionKey,
    SubscriptionKey, Termination, Transport, Way,
};

const STEPS_MAX: usize = 200;
const TRANSACTIONS_MAX: usize = 40;
const SESSIONS_MAX: usize = 8;
const SUBSCRIPTIONS_MAX: usize = 6;
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "INFO",
    "PRACK",
    "UPDATE",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "XYZZY",
];
const STATUS: [u16; 16] = [100, 180, 183, 199, 200, 202, 302, 401, 408, 422, 481, 486, 487, 491, 503, 603];
/// Lines that change what a message means.
const EXTRAS: [&str; 18] = [
    "",
    "Require: 100rel\r\n",
    "Supported: 100rel, timer\r\n",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n",
    "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\nMin-SE: 90\r\n",
    "Record-Route: <sip:192.0.2.50;lr>\r\n",
    "Reason: SIP;cause=200;text=\"x\"\r\n",
    "RSeq: 1\r\nRequire: 100rel\r\n",
    "RSeq: 2\r\nRequire: 100rel\r\n",
    "RAck: 1 1 INVITE\r\n",
    "RAck: 2 1 INVITE\r\n",
    "Retry-After: 4\r\nMin-SE: 1800\r\n",
    "Event: dialog\r\nSubscription-State: active;expires=60\r\n",
    "Max-Forwards: 0\r\n",
    "Require: nothing\r\n",
    "Replaces: c0;to-tag=a;from-tag=b\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", stale=true\r\n",
];
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// Plays one story.
pub fn endpoint(data: &[u8]) {
    let mut story = Story::new();
    let mut script = Script::new(data);
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            break;
        }
        story.step(&mut script);
        let counts = story.endpoint.counts();
        assert!(counts.sessions <= SESSIONS_MAX, "{counts:?}");
        assert!(counts.subscriptions <= SUBSCRIPTIONS_MAX, "{counts:?}");
        // BYE, CANCEL and ACK are served beyond the limit; each session can have a few of them, and each subscription its
        // NOTIFY and its refreshments.
        let beyond = SESSIONS_MAX * 24 + SUBSCRIPTIONS_MAX * 24;
        assert!(counts.transactions <= TRANSACTIONS_MAX + beyond, "{counts:?}");
    }
    story.end();
}

impl Timed for Story {
    fn clock(&mut self) -> &mut Instant {
        &mut self.now
    }

    fn deadline(&self) -> Option<(Instant, String)> {
        self.endpoint.deadline().map(|(at, why)| (at, format!("{why:?}")))
    }

    fn wake(&mut self) {
        self.endpoint.handle(self.now, Input::Timeout, &mut self.out);
        self.listen();
    }
}

struct Story {
    endpoint: Endpoint,
    now: Instant,
    out: Outputs,
    /// Messages we sent, newest last.
    sent: Vec<OwnedMessage>,
    /// What the last message from outside was.
    last: Vec<u8>,
    flow: Flow,
    offered: Vec<NewRequest>,
    accepted: Vec<ServerKey>,
    in_dialog: Vec<RequestKey>,
    /// Sessions and whether they are over.
    sessions: BTreeMap<SessionKey, bool>,
    /// Subscriptions of peers that are not over.
    subscriptions: BTreeSet<SubscriptionKey>,
    /// Requests of ours outside dialogs that nobody has answered.
    asked: BTreeSet<RequestKey>,
    /// The early dialog that a session has spoken of last.
    early: BTreeMap<SessionKey, Box<str>>,
}

impl Story {
    fn new() -> Self {
        let methods = METHODS.iter().take(13).map(|method| sip::Method::of(method)).collect();
        let config = EndpointConfig {
            methods,
            transactions_max: TRANSACTIONS_MAX,
            sessions_max: SESSIONS_MAX,
            subscriptions_max: SUBSCRIPTIONS_MAX,
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(config, [7; 32]),
            #[allow(clippy::disallowed_methods, reason = "any beginning will do")]
            now: Instant::now(),
            out: Outputs::new(),
            sent: Vec::new(),
            last: Vec::new(),
            flow: flow(0),
            offered: Vec::new(),
            accepted: Vec::new(),
            in_dialog: Vec::new(),
            sessions: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            asked: BTreeSet::new(),
            early: BTreeMap::new(),
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() {
            240..=247 => self.turn_away(script),
            248.. => self.subscription(script),
            what => self.usual_step(what, script),
        }
        self.listen();
    }

    fn usual_step(&mut self, what: u8, script: &mut Script<'_>) {
        match what % 16 {
            0 | 1 => self.fresh_request(script),
            2 | 3 => self.response(script),
            4 => self.request_in_dialog(script),
            5 => self.receive(script.bytes().to_vec()),
            6 => self.damaged(script),
            7 => {
                let flow = if script.byte() & 1 == 0 { self.flow } else { flow(script.byte()) };
                self.endpoint.handle(self.now, Input::Unreachable { flow }, &mut self.out);
            }
            8 | 9 => self.pass(Duration::from_millis(u64::from(script.byte()) * 250)),
            10 => self.take_up(script),
            11 => self.answer(script),
            12 => self.change(script),
            13 => self.in_dialog_order(script),
            14 => self.call(script),
            _ => self.hang_up(script),
        }
    }

    fn receive(&mut self, bytes: Vec<u8>) {
        self.endpoint.handle(self.now, Input::Received { flow: self.flow, bytes: &bytes }, &mut self.out);
        self.last = bytes;
    }

    /// A request of a few possible ones, so that it often meets an earlier one.
    fn fresh_request(&mut self, script: &mut Script<'_>) {
        self.flow = flow(script.byte());
        let (method, names, extra) = (script.pick(&METHODS), script.byte(), script.pick(&EXTRAS));
        let to_tag = match names & 3 {
            0 | 1 => String::new(),
            2 => String::from(";tag=nobody"),
            _ => script.any(&self.sent).and_then(|message| tag(message, false)).unwrap_or_default(),
        };
        let (call, branch, cseq) = (names >> 2 & 3, names >> 4 & 7, 1 + (names >> 7));
        let cseq_method = if script.byte() == 255 { "OPTIONS" } else { method };
        let body = if extra.len() % 2 == 0 { SDP } else { "" };
        let via = self.flow.transport.as_str();
        let text = format!(
            "{method} sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{via} 192.0.2.7:5060;branch=z9hG4bKb{branch};rport\r\n\
             From: <sip:a@h>;tag=f{call}\r\nTo: <sip:1001@192.0.2.1>{to_tag}\r\nCall-ID: c{call}\r\n\
             CSeq: {cseq} {cseq_method}\r\nContact: <sip:a@192.0.2.7:5060>\r\n{extra}{}",
            tail(body)
        );
        self.receive(text.into_bytes());
    }

    /// An answer to one of our requests.
    fn response(&mut self, script: &mut Script<'_>) {
        let requests: Vec<_> = self.sent.iter().filter(|message| message.view().is_request()).collect();
        let Some(request) = script.any(&requests) else { return };
        let (status, extra, fork) = (script.pick(&STATUS), script.pick(&EXTRAS), script.byte() & 3);
        let mut text = answer(request, status, &format!("t{fork}"));
        let body = if status < 300 && fork != 3 { SDP } else { "" };
        text += &format!("Contact: <sip:b{fork}@192.0.2.8>\r\n{extra}{}", tail(body));
        self.receive(text.into_bytes());
    }

    /// A request of the peer inside a dialog that one of our messages names.
    fn request_in_dialog(&mut self, script: &mut Script<'_>) {
        let Some(message) = script.any(&self.sent) else { return };
        let (method, names, extra) = (script.pick(&METHODS), script.byte(), script.pick(&EXTRAS));
        let Some((from, to, call_id)) = in_dialog(message, "t0") else { return };
        let (branch, cseq) = (names & 7, names >> 3);
        let body = if method == "INVITE" || method == "UPDATE" { SDP } else { "" };
        let text = format!(
            "{method} sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKd{branch}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:p@192.0.2.7:5060>\r\n{}{}",
            extra.replace("Max-Forwards: 0\r\n", ""),
            tail(body)
        );
        self.receive(text.into_bytes());
    }

    /// The last message once more, changed a little or cut off.
    fn damaged(&mut self, script: &mut Script<'_>) {
        let bytes = again(&self.last, script);
        self.receive(bytes);
    }

    /// The owner decides on a request it was shown.
    fn take_up(&mut self, script: &mut Script<'_>) {
        if self.offered.is_empty() {
            return;
        }
        let request = self.offered.remove(script.below(self.offered.len().min(256)));
        let is_invite = request.message.view().method() == sip::Method::Invite;
        match script.byte() % 4 {
            0 => self.endpoint.reply(self.now, &request, Reply::new(401), &mut self.out),
            _ if is_invite => {
                if let Ok(key) = self.endpoint.accept_invite(self.now, request, &mut self.out) {
                    self.begun(key);
                }
            }
            how if request.message.view().method() == sip::Method::Subscribe => {
                let grant = Grant { contact_user: String::from("us"), is_pending: how == 1 };
                let accepted = self.endpoint.accept_subscription(self.now, request, grant, &mut self.out);
                self.subscriptions.extend(accepted.ok());
            }
            _ => self.accepted.extend(self.endpoint.accept(self.now, request, &mut self.out).ok()),
        }
    }

    /// The owner has too much to do: what comes next is turned away before it is taken up.
    fn turn_away(&mut self, script: &mut Script<'_>) {
        let mut index = Index::new();
        let Ok(message) = sip::parse(&self.last, &mut index) else { return };
        if !message.is_request() {
            return;
        }
        if message.method() == sip::Method::Ack {
            let _ = self.endpoint.is_ack_of_shed(self.now, &message);
            return;
        }
        let Some(knock) = self.endpoint.knock(&message) else { return };
        // Only what is valid is known, and only what is not known may be turned away.
        if message.require_valid().is_ok() && !self.endpoint.knows(&knock) {
            self.endpoint.shed(self.now, self.flow, &knock, u64::from(script.byte()), &mut self.out);
            assert!(self.endpoint.was_shed(self.now, &knock), "a repeat gets the same answer");
        }
    }

    /// The owner tells of states, or asks somebody something outside any dialog.
    fn subscription(&mut self, script: &mut Script<'_>) {
        let (order, now) = (script.byte(), self.now);
        let keys: Vec<_> = self.subscriptions.iter().copied().collect();
        let key = script.any(&keys).copied();
        match (order % 5, key) {
            (0, Some(key)) => self.endpoint.state_changed(now, key, &mut self.out),
            (1, Some(key)) => self.endpoint.activate_subscription(now, key, &mut self.out),
            (2, Some(key)) => {
                self.endpoint.end_subscription(now, key, Termination::Deactivated, &mut self.out);
            }
            (3, Some(key)) => self.endpoint.notify(now, key, Some(Body::sdp(SDP)), &mut self.out),
            _ => {
                let request = OutsideRequest {
                    flow: flow(order),
                    method: script.pick(&METHODS).into(),
                    request_uri: String::from("sip:b@192.0.2.8"),
                    from: Party::new("sip:a@192.0.2.1"),
                    to: Party::new("sip:b@192.0.2.8"),
                    contact_user: (order & 64 == 0).then(|| String::from("us")),
                    routes: Vec::new(),
                    max_forwards: 70,
                    headers: Vec::new(),
                    body: None,
                    datagram_bytes_max: (order & 128 == 0).then_some(1_300),
                    login: (order & 32 == 0).then(login),
                    series: (order & 16 == 0).then(|| ("again".into(), u32::from(order))),
                };
                self.asked.extend(self.endpoint.request_outside(now, request, &mut self.out).ok());
            }
        }
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        let (order, status) = (script.byte(), script.pick(&STATUS));
        if order & 8 != 0
            && let Some(key) = script.any(&self.accepted).copied()
        {
            return self.endpoint.respond(self.now, key, Reply::new(status), &mut self.out);
        }
        let Some(key) = self.session(script) else { return };
        let body = (order & 16 != 0).then(|| Body::sdp(SDP.as_bytes().to_vec()));
        match order % 4 {
            0 | 1 => {
                let mut provisional = Provisional::new(status);
                provisional.body = body;
                self.endpoint.ring(self.now, key, provisional, &mut self.out);
            }
            2 => self.endpoint.answer(self.now, key, body, &mut self.out),
            _ => self.endpoint.refuse(self.now, key, Reply::new(status), &mut self.out),
        }
    }

    fn change(&mut self, script: &mut Script<'_>) {
        let Some(key) = self.session(script) else { return };
        let body = Some(Body::sdp(SDP.as_bytes().to_vec()));
        match script.byte() % 10 {
            0 | 1 => drop(self.endpoint.reinvite(self.now, key, body, &mut self.out)),
            5 => drop(self.endpoint.update(self.now, key, Body::sdp(SDP), &mut self.out)),
            6 => self.endpoint.answer_update(self.now, key, Body::sdp(SDP), &mut self.out),
            7 => self.endpoint.refuse_update(self.now, key, Reply::new(488), &mut self.out),
            8 => {
                let dialog = self.early.get(&key).cloned().unwrap_or_default();
                self.endpoint.prack(self.now, key, &dialog, body, &mut self.out);
            }
            2 => self.endpoint.answer_reinvite(self.now, key, body, &mut self.out),
            3 => self.endpoint.refuse_reinvite(self.now, key, Reply::new(488), &mut self.out),
            4 => self.endpoint.cancel_reinvite(self.now, key, &mut self.out),
            _ => self.endpoint.ack(self.now, key, None, &mut self.out),
        }
    }

    fn in_dialog_order(&mut self, script: &mut Script<'_>) {
        if script.byte() & 1 == 0
            && let Some(key) = script.any(&self.in_dialog).copied()
        {
            let reply = Reply::new(script.pick(&STATUS));
            return self.endpoint.respond_in_dialog(self.now, key, reply, &mut self.out);
        }
        let Some(key) = self.session(script) else { return };
        let method = script.pick(&METHODS);
        let _ = self.endpoint.request(self.now, key, method, Vec::new(), None, &mut self.out);
    }

    fn call(&mut self, script: &mut Script<'_>) {
        let how = script.byte();
        let body = (how & 1 == 0).then(|| Body::sdp(SDP.as_bytes().to_vec()));
        let invite = Invite {
            flow: flow(how),
            request_uri: String::from("sip:b@192.0.2.8"),
            from: Party::new("sip:a@192.0.2.1"),
            to: Party::new("sip:b@192.0.2.8").display("B \"x\" \\"),
            contact_user: String::from("us"),
            routes: Vec::new(),
            max_forwards: 70,
            headers: Vec::new(),
            reliable: how & 2 == 0,
            max_breadth: None,
            body,
            fallbacks: (how & 16 != 0)
                .then(|| Way {
                    flow: flow(how >> 5),
                    request_uri: String::from("sip:b@192.0.2.7"),
                    routes: Vec::new(),
                })
                .into_iter()
                .collect(),
            login: (how & 4 != 0).then(login),
            silence_secs: (how & 8 != 0).then_some(6),
        };
        if let Ok(key) = self.endpoint.invite(self.now, invite, &mut self.out) {
            self.begun(key);
        }
    }

    fn hang_up(&mut self, script: &mut Script<'_>) {
        if let Some(key) = self.session(script) {
            self.endpoint.hang_up(self.now, key, None, &mut self.out);
        }
    }

    fn session(&self, script: &mut Script<'_>) -> Option<SessionKey> {
        let keys: Vec<_> = self.sessions.keys().copied().collect();
        script.any(&keys).copied()
    }

    fn begun(&mut self, key: SessionKey) {
        assert_eq!(self.sessions.insert(key, false), None, "a session key is given once");
    }

    /// Looks at all that the endpoint has put out.
    fn listen(&mut self) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Send { bytes, .. } => {
                    keep(&mut self.sent, 32, valid(&bytes));
                }
                Output::Event(event) => self.hear(event),
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.offered.push(request),
            Event::OutsideResponse { request, .. } => {
                assert!(self.asked.remove(&request), "an answer to what was not asked, or a second one");
            }
            Event::StateWanted { subscription, is_full } => {
                assert!(self.subscriptions.contains(&subscription), "of a subscription that is over");
                // An owner that forgets to answer is forgotten, too.
                if is_full {
                    self.endpoint.notify(self.now, subscription, Some(Body::sdp(SDP)), &mut self.out);
                }
            }
            Event::SubscriptionEnded { subscription, .. } => {
                assert!(self.subscriptions.remove(&subscription), "a subscription ends once");
            }
            Event::InDialog { session, request, .. } => {
                self.told(session);
                self.in_dialog.push(request);
            }
            Event::Failed { session, .. }
            | Event::Canceled { session, .. }
            | Event::Lapsed { session, .. }
            | Event::Ended { session, .. } => {
                self.told(session);
                self.sessions.insert(session, true);
            }
            Event::Progress { session, dialog, .. } => {
                self.told(session);
                self.early.insert(session, dialog);
            }
            Event::Answered { session, .. }
            | Event::Acked { session, .. }
            | Event::Reinvite { session, .. }
            | Event::Pracked { session, .. }
            | Event::Update { session, .. }
            | Event::UpdateAnswered { session, .. }
            | Event::UpdateFailed { session, .. }
            | Event::ReinviteAnswered { session, .. } => self.told(session),
            _ => {}
        }
        if self.offered.len() > 16 {
            self.offered.remove(0);
        }
    }

    fn told(&self, session: SessionKey) {
        assert_eq!(self.sessions.get(&session), Some(&false), "news of a session that is over or unknown");
    }

    /// The owner lets go of everything.
    fn end(&mut self) {
        self.offered.clear();
        for _ in 0..3 {
            for key in self.sessions.keys().copied().collect::<Vec<_>>() {
                self.endpoint.refuse(self.now, key, Reply::new(480), &mut self.out);
                self.endpoint.ack(self.now, key, None, &mut self.out);
                self.endpoint.hang_up(self.now, key, None, &mut self.out);
                self.listen();
            }
            for key in self.subscriptions.clone() {
                self.endpoint.end_subscription(self.now, key, Termination::NoResource, &mut self.out);
            }
            self.pass(Duration::from_secs(400));
        }
        assert!(self.subscriptions.is_empty() && self.asked.is_empty(), "somebody waits for ever");
        assert_eq!(self.endpoint.counts(), Counts::default(), "something is left");
    }
}

fn login() -> Arc<Login> {
    Arc::new(Login { username: "us".into(), password: "secret".into(), realm: None })
}

fn flow(what: u8) -> Flow {
    let local = "192.0.2.1:5060".parse().expect("an address");
    let remote = ["192.0.2.7:5060", "192.0.2.8:5060", "[2001:db8::7]:5060", "192.0.2.7:40000"];
    let remote = remote[usize::from(what & 3)].parse().expect("an address");
    match what & 4 {
        0 => Flow::udp(local, remote),
        _ => Flow { transport: Transport::Tcp, local, remote, connection: u64::from(what & 3) + 1 },
    }
}

/// `;tag=…` of From or To.
fn tag(message: &OwnedMessage, is_from: bool) -> Option<String> {
    let view = message.view();
    let party = if is_from { view.from() } else { view.to() }.ok()?;
    party.tag().map(|tag| format!(";tag={tag}"))
}
