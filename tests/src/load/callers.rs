//! Calls at a rate: INVITE, credentials, answer, ACK, BYE, all of one account's phones on one socket.
//!
//! Each call is a machine of its own with the timers of RFC 3261 §17.1 (T1 500 ms), so that what is lost is sent again as
//! phones do. What is refused with 503 is not tried again. Calls are begun when they are due, whatever has become of
//! those before them; how late these phones were themselves is told, and is not charged to the switch.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    message::{authorization, description, header, inside, status, with_body},
    socket::{Socket, wall_now},
    switch::{DOMAIN, NUMBER},
};

/// T1 of RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// Repeats of a request; then its call has failed.
const REPEATS_MAX: u32 = 6;
/// Messages read before it is looked at who is due.
const MESSAGES_PER_TURN: usize = 64;
/// Calls begun before it is looked at what has come.
const CALLS_PER_TURN: u64 = 16;
/// Rest when nothing has come: less than lies between two calls of a flood.
const REST: Duration = Duration::from_micros(50);

/// A port for calls that have no media: nobody listens there.
const NO_MEDIA: u16 = 9_002;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// New calls a second.
    pub per_second: u32,
    /// For how long new calls are made.
    pub span: Duration,
    /// How long an answered call stays up; `None`: until [`Callers::end_all`].
    pub hold: Option<Duration>,
    /// Media port of the first call, two further for each one after it; 0: the same for all, where nobody listens.
    pub first_media_port: u16,
}

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Calls begun.
    pub offered: u64,
    /// Answered and ended with a 200 to the BYE.
    pub completed: u64,
    /// Turned away with 503.
    pub refused: u64,
    /// Given up for want of an answer, or answered in another way.
    pub failed: u64,
    /// BYEs that were never answered.
    pub byes_unanswered: u64,
    /// From an INVITE, when it was first sent, to the arrival of its 503, microseconds, sorted.
    pub refused_after_micros: Vec<u32>,
    /// The longest of them by the second in which it was begun, but for one in a hundred.
    pub refused_p99_micros_in_second: Vec<u32>,
    /// From the first INVITE to the arrival of the 200, microseconds, sorted.
    pub answered_after_micros: Vec<u32>,
    /// From the BYE to the arrival of its 200, microseconds, sorted.
    pub ended_after_micros: Vec<u32>,
    /// How much later than it was due each call was begun, by no fault of the switch, microseconds, sorted.
    pub late_micros: Vec<u32>,
    /// Requests sent again for want of an answer.
    pub repeats: u64,
    /// Statuses that failed calls were answered with.
    pub statuses: BTreeMap<u16, u64>,
    /// Completed calls by the second in which they were begun.
    pub completed_in_second: BTreeMap<u64, u64>,
    /// How long the offering took.
    pub took: Duration,
}

impl Outcome {
    /// Completed calls a second.
    pub fn goodput(&self) -> f64 {
        self.completed as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// The value below which `part` of the sorted values lie, in milliseconds.
pub fn percentile_millis(sorted: &[u32], part: f64) -> f64 {
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    f64::from(sorted.get(at).copied().unwrap_or(0)) / 1_000.0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asking,
    Authenticating,
    Up,
    Ending,
}

#[derive(Debug)]
struct Call {
    state: State,
    begun: Instant,
    /// Wall times of the first INVITE and of the latest new request.
    begun_at: Duration,
    asked_at: Duration,
    /// The latest request, to be sent again.
    request: String,
    repeats: u32,
    due: Instant,
    target: String,
    to: String,
    media_port: u16,
}

/// Phones of account `u0` that call.
#[derive(Debug)]
pub struct Callers {
    socket: Socket,
    local: SocketAddr,
    body: String,
    run: String,
    next: u64,
    calls: BTreeMap<u64, Call>,
    /// Calls by when something is due; entries of calls that have moved on are skipped.
    due: BTreeMap<(Instant, u64), ()>,
    began: Instant,
    refused_in_second: BTreeMap<u64, Vec<u32>>,
    /// Where the switch wants media of calls that are up, by the caller's own port.
    pub media: BTreeMap<u16, u16>,
    /// So far.
    pub outcome: Outcome,
}

impl Callers {
    /// A socket beside the switch.
    pub fn new(switch: SocketAddr, run: &str) -> Result<Self> {
        let socket = Socket::beside(switch)?;
        super::callee::register(socket.plain(), "u0", 1)?;
        let local = socket.local()?;
        Ok(Self {
            local,
            body: description(local.ip(), NO_MEDIA),
            socket,
            run: run.to_owned(),
            next: 0,
            calls: BTreeMap::new(),
            due: BTreeMap::new(),
            began: Instant::now(),
            refused_in_second: BTreeMap::new(),
            media: BTreeMap::new(),
            outcome: Outcome::default(),
        })
    }

    /// Makes the calls and waits until each is over, or up for good.
    pub fn run(&mut self, offer: Offer) -> Outcome {
        self.outcome = Outcome::default();
        self.began = Instant::now();
        let (mut buffer, end) = (vec![0; 8_192], self.began + offer.span);
        let gap = Duration::from_secs(1) / offer.per_second.max(1);
        let wanted = (offer.span.as_secs_f64() * f64::from(offer.per_second)) as u64;
        let (mut due, mut last) = (self.began, self.began);
        loop {
            let mut now = Instant::now();
            for _ in 0..CALLS_PER_TURN {
                if due > now || self.outcome.offered >= wanted {
                    break;
                }
                self.outcome.late_micros.push((now - due).as_micros() as u32);
                due += gap;
                self.begin(offer);
                now = Instant::now();
                last = now;
            }
            let read = self.read(&mut buffer, offer);
            self.mind_the_time();
            let is_settled = self.calls.values().all(|call| call.state == State::Up && offer.hold.is_none());
            if self.outcome.offered >= wanted && is_settled {
                break;
            }
            if read == 0 && due > Instant::now() {
                self.socket.wait(REST);
            }
        }
        // Longer than it should have been if these phones could not keep up.
        self.outcome.took = (last - self.began).max(end - self.began);
        let mut outcome = std::mem::take(&mut self.outcome);
        for mut second in std::mem::take(&mut self.refused_in_second).into_values() {
            second.sort_unstable();
            let at = second.len() * 99 / 100;
            outcome.refused_p99_micros_in_second.extend(second.get(at));
            outcome.refused_after_micros.append(&mut second);
        }
        outcome.refused_after_micros.sort_unstable();
        outcome.answered_after_micros.sort_unstable();
        outcome.ended_after_micros.sort_unstable();
        outcome.late_micros.sort_unstable();
        outcome
    }

    /// Ends the calls that are up.
    pub fn end_all(&mut self) -> Outcome {
        let up: Vec<u64> = self.calls.keys().copied().collect();
        for number in up {
            self.hang_up(number);
        }
        let none =
            Offer { per_second: 0, span: Duration::ZERO, hold: Some(Duration::ZERO), first_media_port: 0 };
        self.run(none)
    }

    /// Answers to them that the kernel had no room for.
    pub fn dropped(&self) -> Result<u64> {
        self.socket.dropped()
    }

    fn uri() -> String {
        format!("sip:{NUMBER}@{DOMAIN}")
    }

    fn head(&self, method: &str, uri: &str, number: u64, to: &str, cseq: u32, branch: &str) -> String {
        let (local, run) = (self.local, &self.run);
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{run}{number}{branch}\r\n\
             From: <sip:u0@{DOMAIN}>;tag=c{number}\r\nTo: {to}\r\nCall-ID: {run}-{number}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\nContact: <sip:u0@{local}>\r\n"
        )
    }

    fn begin(&mut self, offer: Offer) {
        let number = self.next;
        self.next += 1;
        let media_port = match offer.first_media_port {
            0 => NO_MEDIA,
            first => first + 2 * self.outcome.offered as u16,
        };
        self.outcome.offered += 1;
        let (uri, to) = (Self::uri(), format!("<{}>", Self::uri()));
        let request = with_body(self.head("INVITE", &uri, number, &to, 1, "a"), &self.body_for(media_port));
        let (now, wall) = (Instant::now(), wall_now());
        let call = Call {
            state: State::Asking,
            begun: now,
            begun_at: wall,
            asked_at: wall,
            request,
            repeats: 0,
            due: now + T1,
            target: uri,
            to,
            media_port,
        };
        self.send(number, call);
    }

    /// Sends the call's request and sets its timer.
    fn send(&mut self, number: u64, mut call: Call) {
        self.socket.send(&call.request);
        call.due = Instant::now() + T1 * (1 << call.repeats.min(3));
        self.due.insert((call.due, number), ());
        self.calls.insert(number, call);
    }

    fn body_for(&self, media_port: u16) -> std::borrow::Cow<'_, str> {
        match media_port {
            NO_MEDIA => self.body.as_str().into(),
            port => description(self.local.ip(), port).into(),
        }
    }

    /// Reads what has come, and says how much.
    fn read(&mut self, buffer: &mut [u8], offer: Offer) -> usize {
        for count in 0..MESSAGES_PER_TURN {
            let Some((bytes, at)) = self.socket.receive(buffer) else { return count };
            let Ok(text) = std::str::from_utf8(&buffer[..bytes]) else { continue };
            if let Some(status) = status(text) {
                self.answered(status, text, at, offer);
            } else if text.starts_with("BYE ") {
                let contact = format!("sip:u0@{}", self.local);
                self.socket.send(&super::message::response(text, "200 OK", &contact, ""));
            }
        }
        MESSAGES_PER_TURN
    }

    fn answered(&mut self, status: u16, text: &str, at: Duration, offer: Offer) {
        let number = header(text, "Call-ID")
            .and_then(|id| id.strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok());
        let Some((number, mut call)) = number.and_then(|number| self.calls.remove_entry(&number)) else {
            return;
        };
        let cseq = header(text, "CSeq").unwrap_or_default();
        let now = Instant::now();
        let micros = |since: Duration| at.saturating_sub(since).as_micros() as u32;
        match (call.state, status, cseq) {
            (State::Asking | State::Authenticating, 100..=199, _) => {
                call.repeats = 0;
                call.due = now + T1 * 40;
                self.due.insert((call.due, number), ());
                self.calls.insert(number, call);
            }
            (State::Asking, 401, "1 INVITE") => {
                self.acknowledge(number, &call, text, 1, "a");
                let uri = Self::uri();
                let authorization = authorization(text, "u0", "INVITE", &uri).unwrap_or_default();
                let head = self.head("INVITE", &uri, number, &call.to, 2, "b") + &authorization;
                call.request = with_body(head, &self.body_for(call.media_port));
                call.state = State::Authenticating;
                call.asked_at = wall_now();
                call.repeats = 0;
                self.send(number, call);
            }
            (State::Authenticating, 200, "2 INVITE") => {
                call.target = header(text, "Contact").map(inside).unwrap_or_default().to_owned();
                call.to = header(text, "To").unwrap_or_default().to_owned();
                if let Some(port) = super::message::media_port(text) {
                    self.media.insert(call.media_port, port);
                }
                let ack = with_body(self.head("ACK", &call.target, number, &call.to, 2, "c"), "");
                self.socket.send(&ack);
                self.outcome.answered_after_micros.push(micros(call.begun_at));
                call.state = State::Up;
                call.due = offer.hold.map_or(now + Duration::from_secs(86_400), |hold| now + hold);
                self.due.insert((call.due, number), ());
                self.calls.insert(number, call);
            }
            (State::Ending, 200.., "3 BYE") => {
                self.outcome.ended_after_micros.push(micros(call.asked_at));
                self.outcome.completed += 1;
                let second = (call.begun.max(self.began) - self.began).as_secs();
                *self.outcome.completed_in_second.entry(second).or_default() += 1;
            }
            (State::Asking | State::Authenticating, 300.., _) if cseq.ends_with("INVITE") => {
                let (own, own_cseq, branch) =
                    if call.state == State::Asking { (1, "1 INVITE", "a") } else { (2, "2 INVITE", "b") };
                if cseq != own_cseq {
                    self.calls.insert(number, call);
                    return;
                }
                self.acknowledge(number, &call, text, own, branch);
                if status == 503 {
                    self.outcome.refused += 1;
                    let second = (call.begun.max(self.began) - self.began).as_secs();
                    self.refused_in_second.entry(second).or_default().push(micros(call.asked_at));
                } else {
                    self.outcome.failed += 1;
                    *self.outcome.statuses.entry(status).or_default() += 1;
                }
            }
            _ => drop(self.calls.insert(number, call)),
        }
    }

    fn acknowledge(&self, number: u64, call: &Call, refusal: &str, cseq: u32, branch: &str) {
        let to = header(refusal, "To").unwrap_or(&call.to);
        let ack = with_body(self.head("ACK", &Self::uri(), number, to, cseq, branch), "");
        self.socket.send(&ack);
    }

    fn hang_up(&mut self, number: u64) {
        let Some(mut call) = self.calls.remove(&number) else { return };
        call.request = with_body(self.head("BYE", &call.target, number, &call.to, 3, "d"), "");
        call.state = State::Ending;
        call.asked_at = wall_now();
        call.repeats = 0;
        self.send(number, call);
    }

    fn mind_the_time(&mut self) {
        let now = Instant::now();
        while let Some(((at, number), ())) = self.due.first_key_value().map(|(key, value)| (*key, *value)) {
            if at > now {
                return;
            }
            self.due.remove(&(at, number));
            let Some(state) = self.calls.get(&number).filter(|call| call.due == at).map(|call| call.state)
            else {
                continue;
            };
            if state == State::Up {
                self.hang_up(number);
                continue;
            }
            let Some(mut call) = self.calls.remove(&number) else { continue };
            call.repeats += 1;
            self.outcome.repeats += u64::from(call.repeats <= REPEATS_MAX);
            if call.repeats > REPEATS_MAX {
                self.outcome.failed += 1;
                self.outcome.byes_unanswered += u64::from(state == State::Ending);
            } else {
                self.send(number, call);
            }
        }
    }
}
