//! A whole call through two endpoints (INVITE, 100, 180, 200, ACK, BYE, 200), and a stateless refusal.
//!
//! The clock is virtual. "alone": every call finds empty tables. "a thousand a second": the transactions of the
//! last 32 s are still there, which is what timers L, M and J keep (some 100,000 in the two endpoints together).
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use sip::{
    Body, Endpoint, EndpointConfig, Event, Flow, Input, Invite, Output, Outputs, Party, Provisional, Reply,
    SessionKey,
};

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n";

struct Pair {
    now: Instant,
    ends: [Endpoint; 2],
    flows: [Flow; 2],
    out: Outputs,
    caller: Option<SessionKey>,
}

impl Pair {
    fn new() -> Self {
        let (a, b) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let end = |seed| Endpoint::new(EndpointConfig::default(), [seed; 32]);
        Self {
            now: Instant::now(),
            ends: [end(1), end(2)],
            flows: [Flow::udp(a, b), Flow::udp(b, a)],
            out: Outputs::new(),
            caller: None,
        }
    }

    /// One call from beginning to end; then `pause` passes.
    fn call(&mut self, pause: Duration) {
        let invite = Invite {
            flow: self.flows[0],
            request_uri: String::from("sip:1002@192.0.2.2:5060"),
            from: Party::new("sip:1001@example.com").display("Sari"),
            to: Party::new("sip:1002@example.com"),
            contact_user: String::from("1001"),
            routes: Vec::new(),
            max_forwards: 69,
            headers: Vec::new(),
            body: Some(Body::sdp(SDP)),
            reliable: true,
            max_breadth: None,
            fallbacks: Vec::new(),
            login: None,
            silence_secs: None,
        };
        self.caller = Some(self.ends[0].invite(self.now, invite, &mut self.out).unwrap());
        self.carry(0);
        self.ends[0].hang_up(self.now, self.caller.unwrap(), None, &mut self.out);
        self.carry(0);
        self.now += pause;
        for end in 0..2 {
            while self.ends[end].deadline().is_some_and(|(at, _)| at <= self.now) {
                self.ends[end].handle(self.now, Input::Timeout, &mut self.out);
            }
            self.carry(end);
        }
    }

    /// Delivers what `from` has to say, until nobody has anything to say.
    fn carry(&mut self, mut from: usize) {
        loop {
            let mut sent: Vec<Bytes> = Vec::new();
            while let Some(output) = self.out.pop() {
                match output {
                    Output::Send { bytes, .. } => sent.push(bytes),
                    Output::Event(event) => self.heard(from, event),
                }
            }
            if sent.is_empty() {
                return;
            }
            from = 1 - from;
            for bytes in sent {
                let input = Input::Received { flow: self.flows[from], bytes: &bytes };
                self.ends[from].handle(self.now, input, &mut self.out);
            }
        }
    }

    fn heard(&mut self, node: usize, event: Event) {
        let (now, end) = (self.now, &mut self.ends[node]);
        match event {
            Event::Request(request) => {
                let session = end.accept_invite(now, request, &mut self.out).unwrap();
                end.ring(now, session, Provisional::new(180), &mut self.out);
                end.answer(now, session, Some(Body::sdp(SDP)), &mut self.out);
            }
            Event::Answered { session, .. } => end.ack(now, session, None, &mut self.out),
            _ => {}
        }
    }
}

fn transaction(criterion: &mut Criterion) {
    criterion.bench_function("transaction/call, alone", |bencher| {
        let mut pair = Pair::new();
        bencher.iter(|| pair.call(Duration::from_secs(33)));
    });
    criterion.bench_function("transaction/call, a thousand a second", |bencher| {
        let mut pair = Pair::new();
        (0..33_000).for_each(|_| pair.call(Duration::from_millis(1)));
        bencher.iter(|| pair.call(Duration::from_millis(1)));
    });
    criterion.bench_function("transaction/stateless 401", |bencher| {
        let invite = include_str!("../fixtures/invite.sip").replace('\n', "\r\n");
        let mut pair = Pair::new();
        bencher.iter(|| {
            let (now, end) = (pair.now, &mut pair.ends[1]);
            end.handle(now, Input::Received { flow: pair.flows[1], bytes: invite.as_bytes() }, &mut pair.out);
            while let Some(output) = pair.out.pop() {
                if let Output::Event(Event::Request(request)) = output {
                    end.reply(now, &request, Reply::new(401), &mut pair.out);
                }
            }
        });
    });
}

criterion_group!(benches, transaction);
criterion_main!(benches);
