//! What it costs to remember a call for `sambung why`: its seventeen messages of two legs, four events, two Call-IDs; beside it
//! what the parser needs for the same messages. Memory is full, so that every call makes the oldest one go.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use calls::Trace;
use contract::{
    id::{CallId, OrgId},
    journal::{Call, Detail, Direction, Entry, Event, EventKind, Fact},
    time::Timestamp,
    trace::Way,
};
use criterion::{Criterion, criterion_group, criterion_main};
use sambungd::trace::{Message, Recorder};
use sip::{Flow, Index, parse};
use uuid::Uuid;

/// The default of `trace.memory_bytes_max`.
const MEMORY_BYTES: usize = 32 << 20;

/// Start line, whether it comes in, whether it is the callee's, whether it describes media.
const MESSAGES: [(&str, bool, bool, bool); 17] = [
    ("INVITE sip:1002@demo.sambung.test SIP/2.0", true, false, true),
    ("SIP/2.0 401 Unauthorized", false, false, false),
    ("ACK sip:1002@demo.sambung.test SIP/2.0", true, false, false),
    ("INVITE sip:1002@demo.sambung.test SIP/2.0", true, false, true),
    ("SIP/2.0 100 Trying", false, false, false),
    ("INVITE sip:1002@192.0.2.18:5060 SIP/2.0", false, true, true),
    ("SIP/2.0 100 Trying", true, true, false),
    ("SIP/2.0 180 Ringing", true, true, false),
    ("SIP/2.0 180 Ringing", false, false, false),
    ("SIP/2.0 200 OK", true, true, true),
    ("ACK sip:1002@192.0.2.18:5060 SIP/2.0", false, true, false),
    ("SIP/2.0 200 OK", false, false, true),
    ("ACK sip:1002@192.0.2.1:5060 SIP/2.0", true, false, false),
    ("BYE sip:1002@192.0.2.1:5060 SIP/2.0", true, false, false),
    ("SIP/2.0 200 OK", false, false, false),
    ("BYE sip:1002@192.0.2.18:5060 SIP/2.0", false, true, false),
    ("SIP/2.0 200 OK", true, true, false),
];
/// After so many messages the call begins, and the callee's leg after so many.
const BEGUN: usize = 4;
const CALLED: usize = 5;

/// A call's messages, whose Call-IDs can be made new.
struct Story {
    messages: Vec<(Way, bool, Vec<u8>, usize)>,
    flow: Flow,
    calls: u64,
}

impl Story {
    fn new() -> Self {
        let fixture = include_str!("../fixtures/invite.sip").replace('\n', "\r\n");
        let (head, body) = fixture.split_once("\r\n\r\n").unwrap();
        let (_, headers) = head.split_once("\r\n").unwrap();
        let message = |(start, is_in, is_callees, has_body): (&str, bool, bool, bool)| {
            let method = start.split(' ').next().filter(|word| !word.starts_with("SIP")).unwrap_or("INVITE");
            let mut headers: Vec<String> = headers.lines().map(str::to_owned).collect();
            if !has_body {
                headers.retain(|line| !line.starts_with("Content-") && !line.starts_with("Authorization"));
                headers.push("Content-Length: 0".into());
            }
            let mut text = format!("{start}\r\n{}\r\n\r\n", headers.join("\r\n"));
            text = text.replace("2 INVITE", &format!("2 {method}"));
            if has_body {
                text += body;
            }
            let at = text.find("Call-ID: ").unwrap() + "Call-ID: ".len();
            let way = if is_in { Way::In } else { Way::Out };
            (way, is_callees, text.into_bytes(), at)
        };
        let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.17:5060".parse().unwrap());
        Self { messages: MESSAGES.into_iter().map(message).collect(), flow, calls: 0 }
    }

    /// Gives the next call's Call-IDs to all messages.
    fn renew(&mut self) {
        self.calls += 1;
        let ids = [call_id(self.calls, false), call_id(self.calls, true)];
        for (_, is_callees, bytes, at) in &mut self.messages {
            let id = &ids[usize::from(*is_callees)];
            bytes[*at..*at + id.len()].copy_from_slice(id.as_bytes());
        }
    }

    /// The whole call goes by.
    fn tell(&mut self, recorder: &mut Recorder) {
        self.renew();
        let call =
            CallId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(self.calls)));
        let entry = |fact| Entry { org: OrgId(Uuid::nil()), call: Some(call), at: Timestamp(1), fact };
        let event = |seq, kind| {
            let detail = Detail::default();
            entry(Fact::Event(Event { seq, kind, participant: None, attempt: 1, queue_count: 0, detail }))
        };
        for (at, (way, _, bytes, _)) in self.messages.iter().enumerate() {
            match at {
                BEGUN => {
                    let dialled = "1002".into();
                    recorder.fact(&entry(Fact::Call(Call { direction: Direction::Internal, dialled })));
                    recorder.fact(&event(1, EventKind::Created));
                    let sip_call_id = call_id(self.calls, false).into();
                    recorder.trace(Trace::Leg { call, sip_call_id });
                }
                CALLED => {
                    let sip_call_id = call_id(self.calls, true).into();
                    recorder.trace(Trace::Leg { call, sip_call_id });
                }
                8 => recorder.fact(&event(2, EventKind::Ringing)),
                11 => recorder.fact(&event(3, EventKind::Answered)),
                15 => recorder.fact(&event(4, EventKind::Ended)),
                _ => {}
            }
            recorder.message(&Message { at: Timestamp(1), way: *way, flow: self.flow, bytes });
        }
    }
}

/// As long as the fixture's.
fn call_id(call: u64, is_callees: bool) -> String {
    format!("{call:016x}-{:019}", u8::from(is_callees))
}

fn trace(criterion: &mut Criterion) {
    for (name, memory) in
        [("trace/a call of 17 messages", MEMORY_BYTES), ("trace/the same, nothing remembered", 0)]
    {
        criterion.bench_function(name, |bencher| {
            let (mut story, mut recorder) = (Story::new(), Recorder::new(memory));
            (0..5_000).for_each(|_| story.tell(&mut recorder));
            bencher.iter(|| story.tell(&mut recorder));
        });
    }
    criterion.bench_function("trace/parsing the same 17 messages", |bencher| {
        let (mut story, mut index) = (Story::new(), Index::new());
        bencher.iter(|| {
            story.renew();
            story.messages.iter().filter(|(_, _, bytes, _)| parse(bytes, &mut index).is_ok()).count()
        });
    });
}

criterion_group!(benches, trace);
criterion_main!(benches);
