//! A simulated phone: a small user agent written from RFC 3261 alone.
//!
//! It shares no code with the switch, neither parser nor timers, so that a misreading of the RFC on one
//! side is not hidden by the same misreading on the other; and it complains about everything a strict phone
//! would stumble over. It is forking-safe, answers digest challenges, registers and refreshes, calls and is
//! called, sends others on, with PRACK, UPDATE and session timers where chance has given it them. It does not do TLS.

pub mod call;
mod called;
mod calling;
pub mod client;
pub mod digest;
pub mod manner;
pub mod referring;
mod refresh;
mod register;
mod reliable;
pub mod sdp;
pub mod server;
mod talk;
pub mod text;
pub mod watching;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use self::{
    call::Call,
    client::{Client, News},
    digest::Challenge,
    manner::Manner,
    register::Registration,
    sdp::Speech,
    server::Server,
    text::{Accent, Start, Text},
    watching::Watching,
};
use super::dice::Dice;

/// RFC 3261 §17.1.1.1.
pub const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2.
pub const T2: Duration = Duration::from_secs(4);
/// RFC 3261 §17.1.2.2.
pub const T4: Duration = Duration::from_secs(5);
/// 64·T1: timers B, F, H, J, L, M and the limit of a repeated 2xx.
pub const TIMEOUT: Duration = Duration::from_secs(32);

/// Who the phone says it is.
#[derive(Clone, Debug)]
pub struct Login {
    /// Digest username and user part.
    pub username: String,
    /// The password it was given, which may be wrong.
    pub password: String,
    /// The organisation's SIP domain.
    pub domain: String,
}

/// Where the phone is.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// TCP instead of UDP.
    pub is_tcp: bool,
    /// The address the phone knows, in Via and Contact.
    pub inside: SocketAddr,
    /// The address its packets come from; differs from `inside` behind NAT.
    pub outside: SocketAddr,
    /// The switch.
    pub switch: SocketAddr,
}

/// A wake-up the phone set for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Register,
    Ring(u32),
    Decide(u32),
    LosePatience(u32),
    Move(u32),
    Retry(u32),
    Refresh(u32),
    Expire(u32),
}

/// The phone.
pub struct Phone {
    /// For the ladder, `1001a`.
    pub name: String,
    /// Who it is.
    pub login: Login,
    /// Where it is.
    pub line: Line,
    /// The codecs it has.
    pub speech: Speech,
    /// How it meets the next calls; by chance when empty.
    pub manners: VecDeque<Manner>,
    /// Calls, past ones included, by number.
    pub calls: BTreeMap<u32, Call>,
    /// What a strict phone has to complain about, with the Call-ID it happened on.
    pub complaints: Vec<(String, String)>,
    /// Messages for the switch, in order.
    pub outbox: Vec<Vec<u8>>,
    /// What never got its final response or its ACK, with the Call-ID.
    pub unanswered: Vec<(String, String)>,
    /// What had to be said so often that in the best of weather nobody can be listening, with the Call-ID.
    pub repeated: Vec<(String, String)>,
    /// Since when the network or the phone itself was so ill that unfinished business is excused.
    pub troubled: bool,
    /// The switch has died without warning: a repeat of what was over by then may be answered otherwise.
    pub is_bereft: bool,
    /// It has no power.
    pub is_gone: bool,
    /// Whether it registers again by itself.
    pub keeps_registered: bool,
    /// State of its registration.
    pub registration: Registration,
    /// What it watches.
    pub lamps: Vec<Watching>,
    accent: Accent,
    /// Whether it knows MD5 only.
    only_md5: bool,
    dice: Dice,
    clients: BTreeMap<(String, String), Client>,
    servers: BTreeMap<(String, bool), Server>,
    alarms: Vec<(Duration, Alarm)>,
    challenge: Option<Challenge>,
    calls_made: u32,
    /// Calls this phone pretends not to have heard of.
    deaf_to: BTreeSet<String>,
    /// Call-ID of the message in hand.
    hearing: String,
}

impl Phone {
    /// A phone that has not said anything yet.
    pub fn new(name: &str, login: Login, line: Line, mut dice: Dice) -> Self {
        let accent = Accent {
            compact: dice.chance(200),
            folded: dice.chance(100),
            lower_case: dice.chance(100),
            spaced: dice.chance(100),
        };
        Self {
            name: name.to_owned(),
            login,
            line,
            speech: Speech::default(),
            manners: VecDeque::new(),
            calls: BTreeMap::new(),
            complaints: Vec::new(),
            outbox: Vec::new(),
            unanswered: Vec::new(),
            repeated: Vec::new(),
            troubled: false,
            is_bereft: false,
            is_gone: false,
            keeps_registered: true,
            registration: Registration::new(&mut dice),
            lamps: Vec::new(),
            accent,
            only_md5: dice.chance(400),
            dice,
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            alarms: Vec::new(),
            challenge: None,
            calls_made: 0,
            deaf_to: BTreeSet::new(),
            hearing: String::new(),
        }
    }

    /// Plain writing and both algorithms, for stories that are read by people.
    pub fn plain(mut self) -> Self {
        (self.accent, self.only_md5) = (Accent::default(), false);
        self
    }

    /// Loses power: nothing is remembered, nothing is said.
    pub fn vanish(&mut self) {
        (self.is_gone, self.troubled) = (true, true);
        self.clients.clear();
        self.servers.clear();
        self.alarms.clear();
        self.outbox.clear();
        self.challenge = None;
        self.lamps.clear();
        self.calls.values_mut().for_each(|call| call.phase = call::Phase::Over);
    }

    /// Comes back after [`Phone::vanish`] and registers as a new instance.
    pub fn reboot(&mut self, now: Duration) {
        self.is_gone = false;
        self.registration = Registration::new(&mut self.dice);
        self.register(now);
    }

    /// Its connection broke: what was pending on it is lost.
    pub fn lose_connection(&mut self, now: Duration) {
        self.troubled = true;
        let pending = self.clients.values_mut().filter(|client| client.is_pending());
        let lost: Vec<(Option<u32>, Text)> = pending.map(|client| client.break_off(now)).collect();
        lost.iter().for_each(|(call, request)| self.request_timed_out(now, *call, request));
        if self.keeps_registered && !self.is_gone {
            self.set_alarm(now + Duration::from_millis(500), Alarm::Register);
        }
    }

    /// Whether no call and no transaction is going on.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty() && self.calls.values().all(Call::is_over)
    }

    /// What is going on, for a failure's report.
    pub fn business(&self) -> String {
        let clients: Vec<String> =
            self.clients.values().map(|client| client.request.method().to_owned()).collect();
        let servers: Vec<String> =
            self.servers.values().map(|server| server.request.method().to_owned()).collect();
        let calls: Vec<String> = self
            .calls
            .values()
            .filter(|call| !call.is_over())
            .map(|call| format!("{:?}", call.phase))
            .collect();
        format!("{}: clients {clients:?} servers {servers:?} calls {calls:?}", self.name)
    }

    /// Takes one message from the switch.
    pub fn receive(&mut self, now: Duration, raw: &[u8]) {
        if self.is_gone {
            return;
        }
        match Text::read(raw) {
            Err(error) => self.complain(format!("unreadable message: {error}")),
            Ok(message) => {
                message.call_id().clone_into(&mut self.hearing);
                match message.start {
                    Start::Request { .. } => self.receive_request(now, &message, raw),
                    Start::Response { .. } => self.receive_response(now, &message, raw),
                }
            }
        }
    }

    fn receive_response(&mut self, now: Duration, response: &Text, raw: &[u8]) {
        let key = (response.branch().to_owned(), response.cseq().1.to_owned());
        let Some(client) = self.clients.get_mut(&key) else {
            // Late repetitions meet a transaction that is gone; only an unknown 2xx to an INVITE matters.
            let is_success = response.status().is_some_and(|status| (200..300).contains(&status));
            if is_success && key.1 == "INVITE" {
                self.repeat_ack(response);
            }
            return;
        };
        let news = client.hear(now, response, raw, &mut self.outbox);
        self.troubled |= client.was_contradicted;
        let (complaint, call, request) = (client.complaint.take(), client.call, client.request.clone());
        let complaint = complaint.filter(|_| !self.is_bereft);
        complaint.into_iter().for_each(|text| self.complain(text));
        self.check_response(&request, response);
        match news {
            News::Nothing | News::TimedOut => {}
            News::Provisional | News::Final => match call {
                Some(call) => self.call_heard(now, call, &request, response),
                None => self.own_request_heard(now, &request, response),
            },
            News::SuccessAgain => self.repeat_ack(response),
        }
    }

    /// RFC 3261 §8.2.6.2: what a response repeats of its request.
    fn check_response(&mut self, request: &Text, response: &Text) {
        for name in ["Call-ID", "CSeq", "From"] {
            let (sent, got) = (request.one(name), response.one(name));
            let is_same = match name {
                "From" => request.tag(name) == response.tag(name),
                _ => sent == got,
            };
            if !is_same {
                self.complain(format!("{name} of a response is {got:?}, of its request {sent:?}"));
            }
        }
        if response.status().is_some_and(|status| status > 100) && response.tag("To").is_none() {
            self.complain(format!("response {:?} without To tag", response.status()));
        }
    }

    fn receive_request(&mut self, now: Duration, request: &Text, raw: &[u8]) {
        self.check_request(request);
        if request.method() == "ACK" {
            return self.receive_ack(now, request);
        }
        let key = (request.branch().to_owned(), request.method() == "CANCEL");
        if let Some(server) = self.servers.get_mut(&key) {
            let verdict = server.hear_again(raw, &mut self.outbox);
            if let Err(error) = verdict {
                self.complain(error);
            }
            return;
        }
        let server = Server::new(request.clone(), raw, None, self.line.is_tcp);
        match request.method() {
            "CANCEL" => self.receive_cancel(now, server),
            "NOTIFY" if self.is_watching(request.call_id()) => self.receive_notify(now, server),
            _ if request.tag("To").is_some() => self.receive_in_dialog(now, server),
            "INVITE" => self.receive_invite(now, server),
            "OPTIONS" => self.reply_and_keep(now, server, 200, "OK"),
            _ => self.reply_and_keep(now, server, 405, "Method Not Allowed"),
        }
    }

    /// RFC 3261 §8.1.1: what every request carries.
    fn check_request(&mut self, request: &Text) {
        for name in ["Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards"] {
            if request.one(name).is_none() {
                self.complain(format!("{} without {name}", request.method()));
            }
        }
        if !request.branch().starts_with("z9hG4bK") {
            self.complain(format!("{} with branch {:?}", request.method(), request.branch()));
        }
        if request.tag("From").is_none() || request.cseq().1 != request.method() {
            self.complain(format!("{} without From tag or with another CSeq method", request.method()));
        }
        if request.method() == "INVITE" && request.one("Contact").is_none() {
            self.complain("INVITE without Contact".to_owned());
        }
    }

    fn reply_and_keep(&mut self, now: Duration, server: Server, status: u16, reason: &str) {
        let tag = self.dice.token(4);
        let answer = Text::answer(&server.request, status, reason, Some(&tag));
        self.keep_and_reply(now, server, &answer);
    }

    fn keep_and_reply(&mut self, now: Duration, mut server: Server, answer: &Text) {
        let key = (server.request.branch().to_owned(), server.request.method() == "CANCEL");
        server.reply(now, answer, self.accent, &mut self.outbox);
        self.servers.insert(key, server);
    }

    /// When the phone next wants to be woken.
    pub fn deadline(&self) -> Option<Duration> {
        let alarms = self.alarms.iter().map(|(at, _)| *at);
        let clients = self.clients.values().filter_map(Client::deadline);
        let servers = self.servers.values().filter_map(Server::deadline);
        alarms.chain(clients).chain(servers).min()
    }

    /// Everything that is due.
    pub fn wake(&mut self, now: Duration) {
        self.wake_transactions(now);
        while let Some(index) = self.alarms.iter().position(|(at, _)| *at <= now) {
            let (_, alarm) = self.alarms.remove(index);
            match alarm {
                Alarm::Register => self.register(now),
                Alarm::Ring(call) => self.ring(now, call),
                Alarm::Decide(call) => self.decide(now, call),
                Alarm::LosePatience(call) => self.lose_patience(now, call),
                Alarm::Move(call) => self.next_move(now, call),
                Alarm::Retry(call) => self.retry(now, call),
                Alarm::Refresh(call) => self.refresh(now, call),
                Alarm::Expire(call) => self.expire(now, call),
            }
        }
    }

    fn wake_transactions(&mut self, now: Duration) {
        let mut timed_out = Vec::new();
        for client in self.clients.values_mut() {
            if client.wake(now, &mut self.outbox) == News::TimedOut {
                timed_out.push((client.call, client.request.clone()));
            }
        }
        let mut ack_missing = Vec::new();
        for server in self.servers.values_mut() {
            if server.wake(now, &mut self.outbox) {
                ack_missing.push((server.call, server.status));
            }
        }
        let over = self.clients.iter().filter(|(_, client)| client.is_over(now));
        let over: Vec<(String, String)> = over.map(|(key, _)| key.clone()).collect();
        for key in over {
            if let Some(client) = self.clients.remove(&key).filter(|client| client.status.is_none()) {
                // Nobody has to repeat a 2xx inside a dialog that a BYE has ended meanwhile.
                let call = client.call.and_then(|call| self.calls.get(&call));
                if client.request.tag("To").is_some() && call.is_some_and(|call| call.is_over()) {
                    continue;
                }
                let what = format!("{} never got a final response", client.request.method());
                self.unanswered.push((client.request.call_id().to_owned(), what));
            }
        }
        self.servers.retain(|_, server| !server.is_over(now));
        for (call, request) in timed_out {
            self.request_timed_out(now, call, &request);
        }
        for (call, status) in ack_missing {
            self.ack_missing(now, call, status);
        }
    }

    fn set_alarm(&mut self, at: Duration, alarm: Alarm) {
        self.alarms.retain(|(_, own)| *own != alarm);
        self.alarms.push((at, alarm));
    }

    fn drop_alarms_of(&mut self, call: u32) {
        self.alarms.retain(|(_, alarm)| match alarm {
            Alarm::Register => true,
            Alarm::Ring(own) | Alarm::Decide(own) | Alarm::LosePatience(own) => *own != call,
            Alarm::Move(own) | Alarm::Retry(own) => *own != call,
            Alarm::Refresh(own) | Alarm::Expire(own) => *own != call,
        });
    }

    fn complain(&mut self, text: String) {
        self.complaints.push((self.hearing.clone(), text));
    }

    /// A Via of our own with a fresh branch.
    fn via(&mut self) -> String {
        let transport = if self.line.is_tcp { "TCP" } else { "UDP" };
        format!("SIP/2.0/{transport} {};branch=z9hG4bK{};rport", self.line.inside, self.dice.token(8))
    }

    /// Where we want requests to be sent.
    fn contact(&self) -> String {
        let transport = if self.line.is_tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.login.username, self.line.inside)
    }

    fn start_client(&mut self, now: Duration, request: Text, call: Option<u32>) {
        let key = (request.branch().to_owned(), request.method().to_owned());
        let client = Client::start(now, request, call, self.accent, self.line.is_tcp, &mut self.outbox);
        self.clients.insert(key, client);
    }

    /// Adds credentials when a challenge is known.
    fn authorize(&mut self, request: &mut Text) {
        let cnonce = self.dice.token(4);
        let login = (self.login.username.as_str(), self.login.password.as_str());
        if let Some(challenge) = &mut self.challenge {
            let value = challenge.answer(login, request.method(), request.uri(), &cnonce);
            request.add("Authorization", value);
        }
    }

    /// Remembers what a 401 asked for; false when trying again makes no sense.
    fn take_challenge(&mut self, request: &Text, response: &Text) -> bool {
        let had_tried = request.one("Authorization").is_some();
        let known = response.all("WWW-Authenticate").filter_map(Challenge::read);
        let Some(challenge) = known.into_iter().find(|challenge| !self.only_md5 || challenge.is_md5()) else {
            self.complain("401 without a challenge we understand".to_owned());
            return false;
        };
        if challenge.realm != self.login.domain {
            self.complain(format!("challenge for realm {:?}", challenge.realm));
        }
        let is_worth_it = !had_tried || challenge.stale;
        self.challenge = Some(challenge);
        is_worth_it
    }

    /// The same request once more, as a new transaction with the next CSeq (RFC 3261 §22.2).
    fn again_with_credentials(&mut self, request: &Text, number: u32) -> Text {
        let mut again = Text::request(request.method(), request.uri());
        again.add("Via", self.via());
        for (name, value) in &request.headers {
            match name.as_str() {
                "Via" | "Authorization" => {}
                "CSeq" => again.add("CSeq", format!("{number} {}", request.method())),
                _ => again.add(name, value.clone()),
            }
        }
        again.body.clone_from(&request.body);
        self.authorize(&mut again);
        again
    }
}
