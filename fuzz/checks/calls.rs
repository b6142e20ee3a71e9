//! What must hold for a switchboard whatever phones, strangers, the relay, the plan and the operator do, in any
//! sequence.
//!
//! Invariants: no panic; all that is sent is a valid message; the facts of a call are numbered without holes and
//! end once; a lease is opened and closed once; the live table follows; when all have let go, nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::script::Script;
use super::story::{Timed, again, answer, in_dialog, keep, tail, valid};
use calls::{ClockMark, Counts, Input, LiveChange, Output, Outputs, Switchboard, SwitchboardConfig};
use contract::{
    availability::Person,
    command::{Command, RecordingOrder, SupervisionMode},
    id::{AccountId, CallId, ExtensionId, OrgId, UserId},
    journal::{Entry, EventKind, Fact},
    language::Language,
    snapshot::{Account, Extension, Organisation, Snapshot, Staff},
    time::Timestamp,
};
use dialplan::Plan;
use sip::{ContactValue, Flow, OwnedMessage, Transport, digest};
use streams::media::{LeaseId, LegReport, MediaCommand, MediaEvent, PortLease};
use uuid::Uuid;

const STEPS_MAX: usize = 160;
const LEASES: u32 = 12;
const DOMAIN: &str = "demo.sambung.test";
const USERS: [&str; 4] = ["1001", "1002", "1003", "u0"];
const NUMBERS: [&str; 8] = ["1001", "1002", "1003", "u0", "100", "200", "300", "9999"];
const IN_DIALOG: [&str; 12] = [
    "ACK",
    "BYE",
    "INVITE",
    "CANCEL",
    "INFO",
    "UPDATE",
    "PRACK",
    "OPTIONS",
    "REFER",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
];
const STATUS: [u16; 16] = [100, 180, 180, 183, 200, 200, 200, 200, 302, 404, 408, 481, 486, 488, 491, 603];
const EXTRAS: [&str; 8] = [
    "",
    "Supported: 100rel, timer, replaces\r\n",
    "Require: 100rel\r\nRSeq: 1\r\n",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Reason: Q.850;cause=16\r\n",
    "Privacy: id\r\nP-Preferred-Identity: <sip:1003@demo.sambung.test>\r\n",
    "Record-Route: <sip:198.51.100.9;lr>\r\n",
];

/// Requests outside dialogs that are no calls, and what they need.
const OUTSIDE: [(&str, &str); 8] = [
    ("MESSAGE", ""),
    ("SUBSCRIBE", "Event: dialog\r\nExpires: 600\r\n"),
    ("SUBSCRIBE", "Event: reg\r\nExpires: 600\r\n"),
    ("SUBSCRIBE", "Event: presence\r\nExpires: 0\r\n"),
    ("OPTIONS", ""),
    ("REFER", "Refer-To: <sip:1002@demo.sambung.test>\r\n"),
    ("PUBLISH", "Event: presence\r\n"),
    ("NOTIFY", "Event: dialog\r\nSubscription-State: active\r\n"),
];
/// Strangers that make a queue stand.
const CROWD: usize = 24;

/// Plays one story.
pub fn switchboard(data: &[u8]) {
    let mut script = Script::new(data);
    let mut story = Story::new();
    for phone in 0..USERS.len() {
        if script.byte() & 1 == 1 {
            story.send(phone, Draft::register(phone, 3_600));
        }
    }
    for _ in 0..STEPS_MAX {
        if script.is_over() {
            break;
        }
        story.step(&mut script);
    }
    story.end();
}

/// A request as a phone has sent it, to be sent again with credentials.
#[derive(Clone)]
struct Draft {
    method: &'static str,
    uri: String,
    to: String,
    call_id: String,
    cseq: u32,
    extra: String,
    body: bool,
}

impl Draft {
    fn register(phone: usize, expires: u32) -> Self {
        let user = USERS[phone];
        Self {
            method: "REGISTER",
            uri: format!("sip:{DOMAIN}"),
            to: format!("<sip:{user}@{DOMAIN}>"),
            call_id: format!("reg{phone}"),
            cseq: 1,
            extra: format!("Expires: {expires}\r\n"),
            body: false,
        }
    }
}

struct Phone {
    flow: Flow,
    last: Option<Draft>,
    /// What it has received, newest last.
    inbox: Vec<OwnedMessage>,
    cseq: u32,
}

struct Story {
    board: Switchboard,
    now: Instant,
    snapshot: Snapshot,
    phones: Vec<Phone>,
    last: Vec<u8>,
    /// How long messages wait for the switch.
    queued: Duration,
    /// Leases the switch has given back and the relay has not confirmed.
    closing: Vec<LeaseId>,
    /// Leases in the relay's hands, opened or not.
    lent: BTreeMap<LeaseId, bool>,
    live: BTreeSet<CallId>,
    /// Facts of each call: the number of its last event, and whether it has ended.
    journal: BTreeMap<CallId, (u32, bool)>,
    calls_begun: u32,
}

impl Timed for Story {
    fn clock(&mut self) -> &mut Instant {
        &mut self.now
    }

    fn deadline(&self) -> Option<(Instant, String)> {
        self.board.deadline().map(|(at, why)| (at, format!("{why:?}")))
    }

    fn wake(&mut self) {
        self.tell(Input::Timeout);
    }
}

impl Story {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "any beginning will do")]
        let now = Instant::now();
        let mark = ClockMark { instant: now, unix: Timestamp(1_800_000_000_000_000) };
        let snapshot = rows();
        let board = Switchboard::new(SwitchboardConfig::default(), plan(&snapshot), [7; 32], mark);
        let phones = (0..USERS.len())
            .map(|phone| Phone { flow: flow(phone), last: None, inbox: Vec::new(), cseq: 1 })
            .collect();
        let mut story = Self {
            board,
            now,
            snapshot,
            phones,
            last: Vec::new(),
            queued: Duration::ZERO,
            closing: Vec::new(),
            lent: BTreeMap::new(),
            live: BTreeSet::new(),
            journal: BTreeMap::new(),
            calls_begun: 0,
        };
        let stock = (0..LEASES).map(|n| PortLease {
            id: LeaseId(n),
            address: format!("192.0.2.20:{}", 20_000 + 2 * n).parse().expect("an address"),
        });
        story.tell(Input::Media(MediaEvent::Stock(stock.collect())));
        story
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let (what, phone) = (script.byte(), script.below(USERS.len()));
        match what {
            232..=239 => return self.ask(phone, script),
            240..=247 => return self.pressure(phone, script),
            248.. => return self.hurry(script),
            _ => {}
        }
        match what % 16 {
            0 => self.send(phone, Draft::register(phone, u32::from(script.byte()) * 30)),
            1 | 2 => self.call(phone, script),
            3..=5 => self.respond(phone, script),
            6 | 7 => self.request_in_dialog(phone, script),
            8 => self.again(phone, script),
            9 => self.tell_bytes(phone, script.bytes().to_vec()),
            10 | 11 => self.pass(Duration::from_millis(u64::from(script.byte()) * 250)),
            12 => self.relay(script),
            13 => self.operator(script),
            14 => self.tell(Input::Unreachable { flow: flow(phone) }),
            _ => self.acknowledge(phone),
        }
    }

    fn send(&mut self, phone: usize, mut draft: Draft) {
        self.phones[phone].cseq += 1;
        draft.cseq = self.phones[phone].cseq;
        self.phones[phone].last = Some(draft.clone());
        let text = self.written(phone, &draft, "");
        self.tell_bytes(phone, text.into_bytes());
    }

    fn written(&self, phone: usize, draft: &Draft, authorization: &str) -> String {
        let flow = self.phones[phone].flow;
        let Draft { method, uri, to, call_id, cseq, extra, body } = draft;
        let (user, transport, address) = (USERS[phone], flow.transport.as_str(), flow.remote);
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};rport;branch=z9hG4bK{call_id}{cseq}\r\n\
             From: <sip:{user}@{DOMAIN}>;tag=f{phone}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: <sip:{user}@{address}>\r\n{authorization}{extra}{}",
            tail(&body.then(|| sdp(flow, "sendrecv")).unwrap_or_default())
        )
    }

    fn call(&mut self, phone: usize, script: &mut Script<'_>) {
        let number = script.pick(&NUMBERS);
        self.calls_begun += 1;
        let draft = Draft {
            method: "INVITE",
            uri: format!("sip:{number}@{DOMAIN}"),
            to: format!("<sip:{number}@{DOMAIN}>"),
            call_id: format!("call{}", self.calls_begun),
            cseq: 1,
            extra: script.pick(&EXTRAS).to_owned(),
            body: script.byte() & 3 != 0,
        };
        self.send(phone, draft);
    }

    /// A request outside any dialog that is no call.
    fn ask(&mut self, phone: usize, script: &mut Script<'_>) {
        let (method, extra) = script.pick(&OUTSIDE);
        let number = script.pick(&NUMBERS);
        self.calls_begun += 1;
        let draft = Draft {
            method,
            uri: format!("sip:{number}@{DOMAIN}"),
            to: format!("<sip:{number}@{DOMAIN}>"),
            call_id: format!("ask{}", self.calls_begun),
            cseq: 1,
            extra: format!("{extra}{}", script.pick(&EXTRAS)),
            body: method == "MESSAGE",
        };
        self.send(phone, draft);
    }

    /// More comes in than goes out: a crowd of strangers, and everything waits.
    fn pressure(&mut self, phone: usize, script: &mut Script<'_>) {
        self.queued = Duration::from_millis(u64::from(script.byte()));
        let source = format!("203.0.113.{}:5060", script.byte()).parse().expect("an address");
        let flow = Flow { remote: source, ..flow(0) };
        let method = script.pick(&["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"]);
        for number in 0..CROWD {
            let draft = Draft { method, ..Draft::register(phone, 60) };
            let text = self.written(phone, &Draft { call_id: format!("crowd{number}"), ..draft }, "");
            self.now += Duration::from_millis(10);
            self.tell(Input::Received { flow, bytes: text.as_bytes(), queued: self.queued });
        }
    }

    /// The switch comes to rest, or messages wait for as long as it pleases.
    fn hurry(&mut self, script: &mut Script<'_>) {
        match script.byte() {
            0..=127 => self.tell(Input::Idle),
            millis => self.queued = Duration::from_millis(u64::from(millis) - 128),
        }
    }

    /// Answers something the phone has received.
    fn respond(&mut self, phone: usize, script: &mut Script<'_>) {
        let inbox = &self.phones[phone].inbox;
        let requests: Vec<_> = inbox.iter().filter(|message| message.view().is_request()).collect();
        let Some(request) = script.any(&requests) else { return };
        let (status, extra, how) = (script.pick(&STATUS), script.pick(&EXTRAS), script.byte());
        let mut text = answer(request, status, &format!("t{phone}"));
        let flow = self.phones[phone].flow;
        let direction = ["sendrecv", "sendonly", "inactive", "recvonly"][usize::from(how & 3)];
        let body = if status < 300 && how & 4 == 0 { sdp(flow, direction) } else { String::new() };
        text += &format!("Contact: <sip:{}@{}>\r\n{extra}{}", USERS[phone], flow.remote, tail(&body));
        self.tell_bytes(phone, text.into_bytes());
    }

    /// A request inside a dialog that something the phone has received names.
    fn request_in_dialog(&mut self, phone: usize, script: &mut Script<'_>) {
        let Some(message) = script.any(&self.phones[phone].inbox).cloned() else { return };
        let (method, extra, how) = (script.pick(&IN_DIALOG), script.pick(&EXTRAS), script.byte());
        let cseq = if how & 0x80 == 0 {
            message.view().cseq().map_or(1, |cseq| cseq.number)
        } else {
            100 + u32::from(how)
        };
        let direction = ["sendrecv", "sendonly", "inactive", "recvonly"][usize::from(how & 3)];
        let flow = self.phones[phone].flow;
        let body = if matches!(method, "INVITE" | "UPDATE") && how & 4 == 0 {
            sdp(flow, direction)
        } else {
            String::new()
        };
        if let Some(text) = self.in_dialog(phone, &message, (method, cseq), extra, &body) {
            self.tell_bytes(phone, text.into_bytes());
        }
    }

    fn in_dialog(
        &self,
        phone: usize,
        message: &OwnedMessage,
        (method, cseq): (&str, u32),
        extra: &str,
        body: &str,
    ) -> Option<String> {
        let (from, to, call_id) = in_dialog(message, &format!("t{phone}"))?;
        let view = message.view();
        let target = match view.contacts().next() {
            Some(Ok(ContactValue::Address(contact))) => contact.uri.to_owned(),
            _ => format!("sip:{DOMAIN}"),
        };
        let (flow, user) = (self.phones[phone].flow, USERS[phone]);
        Some(format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{} {};rport;branch=z9hG4bKd{phone}{method}{cseq}\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:{user}@{}>\r\n{extra}{}",
            flow.transport.as_str(),
            flow.remote,
            call_id,
            flow.remote,
            tail(body)
        ))
    }

    /// ACK for the newest 200 to an INVITE.
    fn acknowledge(&mut self, phone: usize) {
        let is_answer = |message: &&OwnedMessage| {
            let view = message.view();
            view.status().is_some_and(|status| (200..300).contains(&status))
                && view.method() == sip::Method::Invite
        };
        let Some(answer) = self.phones[phone].inbox.iter().rev().find(is_answer).cloned() else { return };
        let cseq = answer.view().cseq().map_or(1, |cseq| cseq.number);
        if let Some(text) = self.in_dialog(phone, &answer, ("ACK", cseq), "", "") {
            self.tell_bytes(phone, text.into_bytes());
        }
    }

    /// The last message once more, from anybody, as it was or changed.
    fn again(&mut self, phone: usize, script: &mut Script<'_>) {
        let bytes = again(&self.last, script);
        self.tell_bytes(phone, bytes);
    }

    fn relay(&mut self, script: &mut Script<'_>) {
        if !self.closing.is_empty() {
            let lease = self.closing.remove(script.below(self.closing.len()));
            self.confirm(lease);
        }
    }

    fn confirm(&mut self, lease: LeaseId) {
        self.lent.remove(&lease);
        let report = LegReport { packets_received: 7, ..LegReport::default() };
        self.tell(Input::Media(MediaEvent::Closed { lease, report: Box::new(report) }));
        // The port comes back under another name.
        let address = format!("192.0.2.20:{}", 20_000 + 2 * (lease.0 % LEASES)).parse().expect("an address");
        self.tell(Input::Media(MediaEvent::Stock(vec![PortLease {
            id: LeaseId(lease.0 + LEASES),
            address,
        }])));
    }

    fn operator(&mut self, script: &mut Script<'_>) {
        match script.byte() % 8 {
            0 | 1 => {
                let command = self.command(script);
                self.tell(Input::Command(command));
            }
            2 => {
                self.snapshot.revision += 1;
                let organisation = &mut self.snapshot.organisations[0];
                organisation.extensions[0].is_active = !organisation.extensions[0].is_active;
                self.adopt();
            }
            3 => {
                self.snapshot.revision += 1;
                let account = script.below(USERS.len());
                let account = &mut self.snapshot.organisations[0].accounts[account];
                account.is_active = !account.is_active;
                self.adopt();
            }
            4 => self.tell(Input::JournalPressure(true)),
            5 => self.tell(Input::JournalPressure(false)),
            _ => {
                let unix = Timestamp(1_800_000_000_000_000 + i64::from(script.byte()) * 60_000_000);
                self.tell(Input::Clock(ClockMark { instant: self.now, unix }));
            }
        }
    }

    /// Any order, about calls that are up or are not.
    fn command(&self, script: &mut Script<'_>) -> Command {
        let live: Vec<_> = self.live.iter().copied().collect();
        let nothing = CallId(Uuid::from_u128(1));
        let [call, other] = [(); 2].map(|()| script.any(&live).copied().unwrap_or(nothing));
        let (how, number) = (script.byte(), script.pick(&NUMBERS).to_owned());
        let (org, is_on) = (OrgId(Uuid::from_u128(1)), how & 0x80 != 0);
        let made = CallId::new(Timestamp(1_800_000_000_000_000), [script.byte(); 10]);
        let (own, leg) = (is_on.then_some(made), script.pick(&[None, Some(1), Some(2), Some(3)]));
        let mode = script.pick(&[SupervisionMode::Listen, SupervisionMode::Whisper, SupervisionMode::Barge]);
        let (user, auto_answer) = (UserId(Uuid::from_u128(11 + u128::from(how & 3))), is_on);
        match how % 16 {
            0 => Command::Transfer { call, leg, to: number },
            1 => Command::Hold { call, leg, is_on },
            2 => Command::Connect { call, other },
            3 | 4 => {
                let from = script.pick(&USERS).to_owned();
                Command::Call { org: None, call: own, from, to: number, auto_answer }
            }
            5..=7 => Command::PickUp { org: None, call, by: number, auto_answer },
            8 | 9 => Command::Listen { org: None, call: own, subject: call, from: number, mode, auto_answer },
            10 => Command::Supervise { call, mode },
            11 => {
                use RecordingOrder::{Pause, Resume, Start, Stop};
                Command::Record { call, order: script.pick(&[Start, Pause, Resume, Stop]) }
            }
            12 => Command::Mute { call, is_muted: is_on },
            13 => Command::DoNotDisturb { org, person: Person::User(user), is_on },
            14 => Command::PauseAgent { org, user, is_paused: is_on },
            _ => Command::HangUp { call },
        }
    }

    fn adopt(&mut self) {
        let plan = plan(&self.snapshot);
        self.tell(Input::Plan(plan));
    }

    fn tell_bytes(&mut self, phone: usize, bytes: Vec<u8>) {
        let flow = self.phones[phone].flow;
        self.tell(Input::Received { flow, bytes: &bytes, queued: self.queued });
        self.last = bytes;
    }

    /// Gives the switchboard an input and looks at all that follows; phones answer challenges by themselves.
    fn tell(&mut self, input: Input<'_>) {
        let mut out = Outputs::new();
        self.board.handle(self.now, input, &mut out);
        let mut challenged = Vec::new();
        for output in out.drain() {
            match output {
                Output::Send { flow, bytes } => {
                    let message = valid(&bytes);
                    let Some(phone) = self.phones.iter().position(|one| one.flow.remote == flow.remote)
                    else {
                        continue;
                    };
                    if message.view().status() == Some(401) {
                        challenged.push((phone, message));
                    } else {
                        keep(&mut self.phones[phone].inbox, 12, message);
                    }
                }
                Output::Media(command) => self.ordered(&command),
                Output::Journal(entry) => self.wrote(&entry),
                Output::Live(LiveChange::Put(call)) => drop(self.live.insert(call.call)),
                Output::Live(LiveChange::Remove(call)) => assert!(self.live.remove(&call), "was not live"),
                _ => {}
            }
        }
        for (phone, challenge) in challenged {
            self.authenticate(phone, &challenge);
        }
    }

    fn authenticate(&mut self, phone: usize, challenge: &OwnedMessage) {
        let view = challenge.view();
        let Some(mut draft) = self.phones[phone].last.take() else { return };
        if view.call_id() != Ok(&draft.call_id) {
            return;
        }
        let Some(theirs) =
            view.named("WWW-Authenticate").and_then(|value| digest::Challenge::parse(value).ok())
        else {
            return;
        };
        let answer = theirs.respond(USERS[phone], "secret", draft.method, &draft.uri, "cn", 1);
        self.phones[phone].cseq += 1;
        draft.cseq = self.phones[phone].cseq;
        let text = self.written(phone, &draft, &format!("Authorization: {answer}\r\n"));
        self.tell_bytes(phone, text.into_bytes());
    }

    fn ordered(&mut self, command: &MediaCommand) {
        match *command {
            MediaCommand::Open { lease, .. } => {
                assert_eq!(self.lent.insert(lease, true), None, "{lease:?} is opened twice");
            }
            MediaCommand::Configure { lease, .. } => {
                assert_eq!(self.lent.get(&lease), Some(&true), "{lease:?} is configured and not open");
            }
            MediaCommand::Join { a, b } => {
                assert!(self.lent.get(&a) == Some(&true) && self.lent.get(&b) == Some(&true) && a != b);
            }
            MediaCommand::Part { .. } | MediaCommand::Announce { .. } => {}
            MediaCommand::Capture { .. } => panic!("call control does not capture"),
            MediaCommand::Meet { lease, .. }
            | MediaCommand::Leave { lease }
            | MediaCommand::Play { lease, .. }
            | MediaCommand::Echo { lease }
            | MediaCommand::Stop { lease }
            | MediaCommand::Tap { lease, .. }
            | MediaCommand::Listen { lease, .. }
            | MediaCommand::Look { lease }
            | MediaCommand::Press { lease, .. } => {
                assert_eq!(self.lent.get(&lease), Some(&true), "{command:?} of a lease that is not open");
            }
            MediaCommand::Close { lease } => {
                assert_ne!(self.lent.insert(lease, false), Some(false), "{lease:?} is closed twice");
                self.closing.push(lease);
            }
        }
    }

    fn wrote(&mut self, entry: &Entry) {
        let Some(call) = entry.call else { return };
        if let Fact::Call(_) = entry.fact {
            assert_eq!(self.journal.insert(call, (0, false)), None, "a call is opened twice");
        }
        let (last, is_over) = self.journal.get_mut(&call).expect("a fact about a call that was opened");
        if let Fact::Event(event) = &entry.fact {
            assert_eq!(event.seq, *last + 1, "events are numbered without holes");
            assert!(!*is_over, "an event after the end");
            (*last, *is_over) = (event.seq, event.kind == EventKind::Ended);
        }
    }

    /// Everybody lets go.
    fn end(&mut self) {
        self.queued = Duration::ZERO;
        for _ in 0..2 {
            for call in self.live.clone() {
                self.tell(Input::Command(Command::HangUp { call }));
            }
            for _ in 0..3 {
                while let Some(lease) = self.closing.pop() {
                    self.confirm(lease);
                }
                self.pass(Duration::from_secs(90));
            }
        }
        // The longest registration and the longest subscription run out.
        self.pass(Duration::from_secs(8_000));
        let expected = Counts { stock: self.board.counts().stock, ..Counts::default() };
        assert_eq!(self.board.counts(), expected, "something is left");
        assert_eq!(expected.stock, LEASES as usize, "ports are missing");
        assert!(self.live.is_empty() && self.lent.values().all(|is_open| !is_open));
        for (call, (_, is_over)) in &self.journal {
            assert!(is_over, "call {call} has not ended in the journal");
        }
    }
}

fn flow(phone: usize) -> Flow {
    let local = "192.0.2.1:5060".parse().expect("an address");
    let remote = format!("198.51.100.{}:5060", phone + 1).parse().expect("an address");
    match phone {
        2 => Flow { transport: Transport::Tls, local, remote, connection: 3 },
        3 => Flow { transport: Transport::Tcp, local, remote, connection: 4 },
        _ => Flow::udp(local, remote),
    }
}

fn sdp(flow: Flow, direction: &str) -> String {
    let host = flow.remote.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n\
         a=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    )
}

fn plan(snapshot: &Snapshot) -> Arc<Plan> {
    Arc::new(dialplan::compile(snapshot).expect("the rows compile"))
}

/// Three people of whom the first supervises, a bare account, an extension that rings two, one that is off and one that is empty.
fn rows() -> Snapshot {
    let id = Uuid::from_u128;
    let staff = (1..=3_u128).map(|n| Staff {
        user: UserId(id(10 + n)),
        name: format!("Staff {n}"),
        number: format!("100{n}"),
        is_active: true,
        mailbox: None,
    });
    let account = |(n, username): (u128, &&str)| Account {
        id: AccountId(id(30 + n)),
        user: (n < 3).then(|| UserId(id(11 + n))),
        username: (*username).into(),
        ha1_md5: digest::ha1(digest::Algorithm::Md5, username, DOMAIN, "secret"),
        ha1_sha256: digest::ha1(digest::Algorithm::Sha256, username, DOMAIN, "secret"),
        is_active: true,
    };
    let extension = |n: u128, number: &str, is_active, staff: &[u128]| Extension {
        id: ExtensionId(id(n)),
        name: number.into(),
        number: number.into(),
        is_active,
        staff: staff.iter().map(|user| UserId(id(*user))).collect(),
        hours: Vec::new(),
        rules: Vec::new(),
        recording: None,
        takes_intercom: false,
        queue: None,
        menu: None,
        conference: None,
        supervisors: vec![UserId(id(11))],
        page_group: None,
    };
    let organisation = Organisation {
        id: OrgId(id(1)),
        sip_domain: DOMAIN.into(),
        is_default: true,
        ring_timeout_secs: 20,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Always,
        has_recording_notice: true,
        has_recording_keys: true,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff: staff.collect(),
        extensions: vec![
            extension(21, "100", true, &[12, 13]),
            extension(22, "200", false, &[12]),
            extension(23, "300", true, &[]),
        ],
        accounts: (0..).zip(&USERS).map(account).collect(),
    };
    Snapshot { revision: 1, organisations: vec![organisation] }
}
