//! A floor of desks whose keys show each other: every phone watches some others, calls are made, and it is measured how
//! long after each change its lamps are told (RFC 4235). One socket has all phones; each says its own name in its contact.
//!
//! Deliberately not here: what a lamp must show, which the stories of `switch/calls` say. This counts and times.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    callers::percentile_millis,
    message::{authorization, description, header, inside, response, status, with_body},
    socket::{Socket, wall_now},
    switch::{DOMAIN, Switch, number_of},
};

/// Requests of phones that are under way at once while they register and subscribe.
const UNDER_WAY_MAX: usize = 64;
/// What has not been answered after this long is sent again (T1 of RFC 3261 §17.1.1.1).
const AGAIN: Duration = Duration::from_millis(500);
/// How long a phone rings, and how long its call is up after that.
const RINGS: Duration = Duration::from_millis(500);
const TALKS: Duration = Duration::from_millis(1_000);
/// How long may be waited for the last lamp after the last call, or for any progress at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody listens to media there.
const NO_MEDIA: u16 = 9_002;

/// How large a floor is, and how busy.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// Phones, an even number.
    pub phones: u32,
    /// Others that each of them watches, fewer than there are phones.
    pub keys: u32,
    /// Calls begun a second.
    pub per_second: u32,
    /// For how long calls are begun.
    pub span: Duration,
}

/// What a lamp was told, and how late.
#[derive(Clone, Debug, Default)]
pub struct Lit {
    /// Calls made.
    pub calls: u64,
    /// Calls that the switch had no time for.
    pub refused: u64,
    /// Lamps that had to be told, over all changes that last: ringing, talking, over, of both sides' numbers.
    pub wanted: u64,
    /// Lamps that were.
    pub told: u64,
    /// From what caused a change to its NOTIFY, microseconds, sorted.
    pub after_micros: Vec<u32>,
    /// Figures for people.
    pub report: String,
}

/// What is asked of the switch before there are calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Register { phone: u32 },
    Subscribe { phone: u32, watched: u32 },
}

impl Ask {
    /// Its Call-ID.
    fn id(self) -> String {
        match self {
            Self::Register { phone } => format!("r-{phone}"),
            Self::Subscribe { phone, watched } => format!("w-{phone}-{watched}"),
        }
    }

    /// Whose Call-ID it is; `None`: that of none.
    fn of_id(id: &str) -> Option<Self> {
        let (kind, rest) = id.split_once('-')?;
        match (kind, rest.split_once('-')) {
            ("r", None) => Some(Self::Register { phone: rest.parse().ok()? }),
            ("w", Some((phone, watched))) => {
                Some(Self::Subscribe { phone: phone.parse().ok()?, watched: watched.parse().ok()? })
            }
            _ => None,
        }
    }

    fn phone(self) -> u32 {
        let (Self::Register { phone } | Self::Subscribe { phone, .. }) = self;
        phone
    }

    fn method(self) -> &'static str {
        match self {
            Self::Register { .. } => "REGISTER",
            Self::Subscribe { .. } => "SUBSCRIBE",
        }
    }

    fn uri(self) -> String {
        match self {
            Self::Register { .. } => format!("sip:{DOMAIN}"),
            Self::Subscribe { watched, .. } => uri(watched),
        }
    }
}

struct Asked {
    text: String,
    cseq: u32,
    /// When it is sent again.
    again: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ring,
    Answer,
    HangUp,
}

/// A call from one phone to the next one.
struct Call {
    caller: u32,
    callee: u32,
    /// The callee's INVITE.
    offered: String,
    /// Where the caller's BYE goes, and to whom.
    target: String,
    to: String,
}

/// When a number was brought into a state that its lamps show.
#[derive(Default)]
struct Changes {
    caused: BTreeMap<&'static str, Duration>,
    shown: BTreeMap<&'static str, BTreeSet<u32>>,
}

struct Desks {
    floor: Floor,
    socket: Socket,
    local: SocketAddr,
    calls: BTreeMap<u32, Call>,
    /// The call that a phone is in.
    busy: BTreeMap<u32, u32>,
    due: BTreeSet<(Instant, u32, Step)>,
    changes: BTreeMap<u32, Changes>,
    lit: Lit,
    progress: Instant,
}

/// Registers the phones, lets each subscribe to its keys, makes the calls and counts what the lamps are told.
pub fn lamps(floor: Floor) -> Lit {
    let switch = Switch::start_with_numbers(floor.phones).unwrap();
    let socket = Socket::beside(switch.sip).unwrap();
    let mut desks = Desks {
        floor,
        local: socket.local().unwrap(),
        socket,
        calls: BTreeMap::new(),
        busy: BTreeMap::new(),
        due: BTreeSet::new(),
        changes: BTreeMap::new(),
        lit: Lit::default(),
        progress: Instant::now(),
    };
    let began = Instant::now();
    desks.ask((0..floor.phones).map(|phone| Ask::Register { phone }), &switch);
    let registered = began.elapsed();
    let keys = (0..floor.phones).flat_map(|phone| {
        (1..=floor.keys).map(move |key| Ask::Subscribe { phone, watched: (phone + key) % floor.phones })
    });
    desks.ask(keys, &switch);
    let subscribed = began.elapsed() - registered;
    let before = processor(&switch);
    let began = Instant::now();
    desks.make_calls(&switch);
    let took = began.elapsed();
    let used = processor(&switch) - before;
    let mut lit = desks.lit;
    lit.after_micros.sort_unstable();
    let part = |part| percentile_millis(&lit.after_micros, part);
    let _ = writeln!(
        lit.report,
        "{} phones registered in {registered:.1?}, {} keys lit in {subscribed:.1?}; {} calls at {}/s, {} refused: {} of {} lamps told, after p50 {:.1} \
         p99 {:.1} p99.9 {:.1} most {:.1} ms; processor {:.0} % in {took:.1?}",
        floor.phones,
        u64::from(floor.phones) * u64::from(floor.keys),
        lit.calls,
        floor.per_second,
        lit.refused,
        lit.told,
        lit.wanted,
        part(0.5),
        part(0.99),
        part(0.999),
        part(1.0),
        used.as_secs_f64() / took.as_secs_f64() * 100.0,
    );
    lit
}

fn processor(switch: &Switch) -> Duration {
    switch.processor_times().unwrap().values().sum()
}

impl Desks {
    /// Asks for all of these, so many at a time, and waits until each is granted.
    fn ask(&mut self, asks: impl Iterator<Item = Ask>, switch: &Switch) {
        let (mut asks, mut under_way) = (asks.peekable(), BTreeMap::<Ask, Asked>::new());
        self.progress = Instant::now();
        while asks.peek().is_some() || !under_way.is_empty() {
            while under_way.len() < UNDER_WAY_MAX
                && let Some(ask) = asks.next()
            {
                let text = self.request(ask, 1, "");
                self.socket.send(&text);
                under_way.insert(ask, Asked { text, cseq: 1, again: Instant::now() + AGAIN });
            }
            self.read(|desks, status, text| desks.granted(&mut under_way, status, text));
            let now = Instant::now();
            for asked in under_way.values_mut().filter(|asked| asked.again <= now) {
                self.socket.send(&asked.text);
                asked.again = now + AGAIN;
            }
            assert!(self.progress.elapsed() < PATIENCE, "{} under way\n{}", under_way.len(), switch.log());
        }
    }

    fn granted(&mut self, under_way: &mut BTreeMap<Ask, Asked>, status: u16, text: &str) {
        let Some(ask) = header(text, "Call-ID").and_then(Ask::of_id) else { return };
        let cseq: u32 = header(text, "CSeq").unwrap().split(' ').next().unwrap().parse().unwrap();
        let Some(asked) = under_way.get_mut(&ask).filter(|asked| asked.cseq == cseq) else { return };
        self.progress = Instant::now();
        match status {
            200 => drop(under_way.remove(&ask)),
            401 | 503 => {
                let user = format!("u{}", ask.phone());
                let words = authorization(text, &user, ask.method(), &ask.uri()).unwrap_or_default();
                // Whoever is told to come back does, without credentials.
                let wait = header(text, "Retry-After").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
                let text = self.request(ask, cseq + 1, &words);
                *asked = Asked { text, cseq: cseq + 1, again: Instant::now() + Duration::from_secs(wait) };
            }
            other => panic!("{other}: {text}"),
        }
    }

    fn request(&self, ask: Ask, cseq: u32, authorization: &str) -> String {
        let (to, rest) = match ask {
            Ask::Register { phone } => (format!("sip:u{phone}@{DOMAIN}"), ""),
            Ask::Subscribe { .. } => (ask.uri(), "Event: dialog\r\nAccept: application/dialog-info+xml\r\n"),
        };
        let head = self.head(ask.method(), &ask.uri(), ask.phone(), &to, &ask.id(), cseq);
        with_body(head + rest + "Expires: 3600\r\n" + authorization, "")
    }

    fn head(&self, method: &str, uri: &str, phone: u32, to: &str, id: &str, cseq: u32) -> String {
        let local = self.local;
        let to = if to.starts_with('<') { to.to_owned() } else { format!("<{to}>") };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{id}x{cseq}{method}\r\n\
             From: <sip:u{phone}@{DOMAIN}>;tag={id}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: <{}>\r\n",
            self.contact(phone)
        )
    }

    fn contact(&self, phone: u32) -> String {
        format!("sip:u{phone}@{};line={phone}", self.local)
    }

    /// Reads what has come; lamps and calls are minded, answers to other requests are given to `other`.
    fn read(&mut self, mut other: impl FnMut(&mut Self, u16, &str)) {
        let mut buffer = [0; 8_192];
        let mut is_quiet = true;
        while let Some((bytes, at)) = self.socket.receive(&mut buffer) {
            is_quiet = false;
            let Ok(text) = std::str::from_utf8(&buffer[..bytes]) else { continue };
            match status(text) {
                Some(status) => other(self, status, text),
                None if text.starts_with("NOTIFY ") => self.lamp(text, at),
                None if text.starts_with("INVITE ") => self.offered(text),
                None if !text.starts_with("ACK ") => {
                    self.socket.send(&response(text, "200 OK", &self.contact(0), ""));
                }
                None => {}
            }
        }
        if is_quiet {
            self.socket.wait(Duration::from_millis(1));
        }
    }

    fn lamp(&mut self, text: &str, at: Duration) {
        self.socket.send(&response(text, "200 OK", &self.contact(0), ""));
        let Some(state) = text.split("<state>").nth(1).and_then(|rest| rest.split('<').next()) else {
            return;
        };
        let ask = header(text, "Call-ID").and_then(Ask::of_id);
        let Some(Ask::Subscribe { phone: watcher, watched }) = ask else { return };
        let Some(changes) = self.changes.get_mut(&watched) else { return };
        let Some((state, caused)) = changes.caused.get_key_value(state) else { return };
        if changes.shown.entry(state).or_default().insert(watcher) {
            self.lit.told += 1;
            self.lit.after_micros.push(at.saturating_sub(*caused).as_micros() as u32);
            self.progress = Instant::now();
        }
    }

    /// Both numbers of a call are in this state from now on, until something else is said.
    fn changed(&mut self, call: u32, state: &'static str) {
        let Some(Call { caller, callee, .. }) = self.calls.get(&call) else { return };
        let now = wall_now();
        for phone in [caller, callee] {
            let changes = self.changes.entry(*phone).or_default();
            if state == "early" {
                *changes = Changes::default();
            }
            changes.caused.insert(state, now);
            self.lit.wanted += u64::from(self.floor.keys);
        }
    }

    fn make_calls(&mut self, switch: &Switch) {
        let (began, gap) = (Instant::now(), Duration::from_secs(1) / self.floor.per_second);
        let calls = self.floor.per_second * self.floor.span.as_secs() as u32;
        self.progress = began;
        let mut begun = 0;
        while begun < calls || !self.calls.is_empty() || self.lit.told < self.lit.wanted {
            let is_free = !self.busy.contains_key(&self.caller_of(begun));
            if begun < calls && is_free && began + gap * begun <= Instant::now() {
                self.begin(begun);
                begun += 1;
            }
            self.read(Self::answered);
            while let Some(&(at, call, step)) = self.due.first().filter(|(at, ..)| *at <= Instant::now()) {
                self.due.remove(&(at, call, step));
                self.step(call, step);
            }
            if self.progress.elapsed() > PATIENCE {
                let _ = writeln!(self.lit.report, "{} calls hang\n{}", self.calls.len(), switch.log());
                return;
            }
        }
    }

    fn caller_of(&self, call: u32) -> u32 {
        2 * call % self.floor.phones
    }

    fn begin(&mut self, number: u32) {
        let caller = self.caller_of(number);
        let callee = caller + 1;
        let (target, to) = (uri(callee), format!("<{}>", uri(callee)));
        self.busy.extend([(caller, number), (callee, number)]);
        self.calls.insert(number, Call { caller, callee, offered: String::new(), target, to });
        self.invite(number, 1, "");
    }

    fn invite(&mut self, number: u32, cseq: u32, authorization: &str) {
        let Some(call) = self.calls.get(&number) else { return };
        let to = uri(call.callee);
        let head = self.head("INVITE", &to, call.caller, &to, &format!("c-{number}"), cseq);
        self.socket.send(&with_body(head + authorization, &description(self.local.ip(), NO_MEDIA)));
    }

    /// The switch has answered a caller.
    fn answered(&mut self, status: u16, text: &str) {
        let number = header(text, "Call-ID").and_then(|id| id.strip_prefix("c-")?.parse().ok());
        let Some((number, call)) = number.and_then(|number| Some((number, self.calls.get_mut(&number)?)))
        else {
            return;
        };
        let (caller, to) = (call.caller, header(text, "To").unwrap_or_default().to_owned());
        let id = format!("c-{number}");
        match (status, header(text, "CSeq").unwrap_or_default()) {
            (503, "1 INVITE") => {
                self.lit.refused += 1;
                self.over(number);
            }
            (401, "1 INVITE") => {
                let words = authorization(text, &format!("u{caller}"), "INVITE", &uri(call.callee)).unwrap();
                // It belongs to the transaction of the INVITE (RFC 3261 §17.1.1.3).
                let ack =
                    self.head("ACK", &uri(caller + 1), caller, &to, &id, 1).replacen("1ACK", "1INVITE", 1);
                self.socket.send(&with_body(ack, ""));
                self.invite(number, 2, &words);
            }
            (200, "2 INVITE") => {
                call.target = header(text, "Contact").map(inside).unwrap_or_default().to_owned();
                call.to = to.clone();
                let target = call.target.clone();
                let ack = self.head("ACK", &target, caller, &to, &id, 2);
                self.socket.send(&with_body(ack, ""));
                self.due.insert((Instant::now() + TALKS, number, Step::HangUp));
            }
            (200, "3 BYE") => {
                self.lit.calls += 1;
                self.over(number);
            }
            (300.., "2 INVITE") => {
                let ack =
                    self.head("ACK", &uri(caller + 1), caller, &to, &id, 2).replacen("2ACK", "2INVITE", 1);
                self.socket.send(&with_body(ack, ""));
                self.lit.refused += 1;
                self.over(number);
            }
            _ => {}
        }
    }

    fn over(&mut self, number: u32) {
        if let Some(call) = self.calls.remove(&number) {
            self.busy.remove(&call.caller);
            self.busy.remove(&call.callee);
        }
    }

    /// A phone is to ring.
    fn offered(&mut self, text: &str) {
        let phone = text.split("sip:u").nth(1).and_then(|rest| rest.split('@').next()?.parse::<u32>().ok());
        let Some(number) = phone.and_then(|phone| self.busy.get(&phone).copied()) else { return };
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.offered.is_empty()) else { return };
        call.offered = text.to_owned();
        self.due.insert((Instant::now(), number, Step::Ring));
    }

    fn step(&mut self, number: u32, step: Step) {
        let Some(call) = self.calls.get(&number) else { return };
        let contact = self.contact(call.callee);
        match step {
            Step::Ring => {
                let ringing = response(&call.offered, "180 Ringing", &contact, "");
                self.changed(number, "early");
                self.socket.send(&ringing);
                self.due.insert((Instant::now() + RINGS, number, Step::Answer));
            }
            Step::Answer => {
                let answer =
                    response(&call.offered, "200 OK", &contact, &description(self.local.ip(), NO_MEDIA));
                self.changed(number, "confirmed");
                self.socket.send(&answer);
            }
            Step::HangUp => {
                let (target, to) = (call.target.clone(), call.to.clone());
                let bye = self.head("BYE", &target, call.caller, &to, &format!("c-{number}"), 3);
                self.changed(number, "terminated");
                self.socket.send(&with_body(bye, ""));
            }
        }
    }
}

fn uri(phone: u32) -> String {
    format!("sip:{}@{DOMAIN}", number_of(phone))
}
