//! What is remembered, for how long, and what a flood can do about it.

use calls::Trace;
use contract::{
    id::OrgId,
    journal::{Call, Detail, Direction, Entry, Event, EventKind, Fact},
};
use sip::Transport;
use streams::{
    capture::{CAPTURE_REFUSED_MAX, Capture, Captured, Course},
    leg::{Channel, DropReason},
};

use super::*;
use crate::engine::CapturedStream;

fn call(n: u128) -> CallId {
    CallId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n))
}

fn text(start: &str, call_id: &str) -> String {
    format!("{start}\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nCall-ID: {call_id}\r\n\r\n")
}

fn message(way: Way, text: &str) -> Message<'_> {
    let flow = Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "192.0.2.9:5060".parse().unwrap(),
        connection: 0,
    };
    Message { at: Timestamp(1), way, flow, bytes: text.as_bytes() }
}

fn fact(n: u128, fact: Fact) -> Entry {
    Entry { org: OrgId(Uuid::nil()), call: Some(call(n)), at: Timestamp(2), fact }
}

fn begin(recorder: &mut Recorder, n: u128, call_id: &str) {
    recorder.fact(&fact(n, Fact::Call(Call { direction: Direction::Internal, dialled: "100".into() })));
    recorder.trace(Trace::Leg { call: call(n), sip_call_id: call_id.into() });
}

fn end(recorder: &mut Recorder, n: u128) {
    let event = Event {
        seq: 1,
        kind: EventKind::Ended,
        participant: None,
        attempt: 1,
        queue_count: 0,
        detail: Detail::default(),
    };
    recorder.fact(&fact(n, Fact::Event(event)));
}

fn starts(recorder: &Recorder, n: u128) -> Vec<String> {
    let Found::One(tape) = recorder.find(Which::Between(call(n), call(n))) else { return Vec::new() };
    let view = tape.view(Vec::new());
    view.messages.iter().map(|m| format!("{} {}", m.leg, m.text.lines().next().unwrap())).collect()
}

#[test]
fn legs_with_call_ids_of_their_own_come_together_with_the_challenge_before_them() {
    let mut recorder = Recorder::new(1 << 20);
    let invite = text("INVITE sip:100@a SIP/2.0", "caller");
    recorder.message(&message(Way::In, &invite));
    recorder.message(&message(Way::Out, &text("SIP/2.0 401 Unauthorized", "caller")));
    recorder.message(&message(Way::In, &text("REGISTER sip:a SIP/2.0", "somebody else")));
    begin(&mut recorder, 1, "caller");
    recorder.message(&message(Way::In, &invite));
    recorder.trace(Trace::Leg { call: call(1), sip_call_id: "callee".into() });
    assert_eq!(
        recorder.message(&message(Way::Out, &text("INVITE sip:b@c SIP/2.0", "callee"))),
        Some(call(1))
    );
    assert_eq!(
        starts(&recorder, 1),
        [
            "1 INVITE sip:100@a SIP/2.0",
            "1 SIP/2.0 401 Unauthorized",
            "1 INVITE sip:100@a SIP/2.0",
            "2 INVITE sip:b@c SIP/2.0"
        ]
    );
}

#[test]
fn the_oldest_call_that_has_ended_makes_room_and_memory_is_bounded() {
    const MAX: usize = 256 * 1024;
    let mut recorder = Recorder::new(MAX);
    begin(&mut recorder, 0, "live");
    for n in 1..=500 {
        let call_id = format!("call {n}");
        begin(&mut recorder, n, &call_id);
        for _ in 0..8 {
            recorder.message(&message(Way::In, &text("INFO sip:a@b SIP/2.0", &call_id)));
        }
        end(&mut recorder, n);
        assert!(recorder.counters().memory_bytes.load(std::sync::atomic::Ordering::Relaxed) <= MAX as u64);
    }
    assert!(matches!(recorder.find(Which::Between(call(0), call(0))), Found::One(_)), "it has not ended");
    assert!(starts(&recorder, 1).is_empty() && starts(&recorder, 500).len() == 8);
    // What comes of a call that is forgotten begins nothing.
    let calls = recorder.list().len();
    recorder.message(&message(Way::In, &text("BYE sip:a@b SIP/2.0", "call 1")));
    end(&mut recorder, 1);
    assert_eq!(recorder.list().len(), calls);
}

#[test]
fn what_a_call_said_comes_out_as_it_went_in_and_takes_less_room() {
    let mut recorder = Recorder::new(4 << 20);
    begin(&mut recorder, 1, "call");
    let said: Vec<String> =
        (0..100).map(|n| text(&format!("INFO sip:{n}@b SIP/2.0"), "call") + &"x".repeat(n * 17)).collect();
    for text in &said {
        recorder.message(&message(Way::In, text));
    }
    end(&mut recorder, 1);
    let Found::One(tape) = recorder.find(Which::Last) else { panic!() };
    let heard: Vec<String> = tape.view(Vec::new()).messages.into_iter().map(|message| message.text).collect();
    assert_eq!(heard, said);
    let raw: usize = said.iter().map(String::len).sum();
    assert!(tape.text.memory_bytes() * 3 < raw, "{} of {raw}", tape.text.memory_bytes());
}

#[test]
fn one_call_cannot_take_the_room_of_the_others() {
    let mut recorder = Recorder::new(64 << 20);
    begin(&mut recorder, 1, "chatty");
    for _ in 0..100_000 {
        recorder.message(&message(Way::In, &text("INFO sip:a@b SIP/2.0", "chatty")));
    }
    assert!(recorder.counters().memory_bytes.load(std::sync::atomic::Ordering::Relaxed) < 2 << 20);
    let Found::One(tape) = recorder.find(Which::Last) else { panic!() };
    assert_eq!(tape.view(Vec::new()).left_out, 100_000 - 1_024);
}

#[test]
fn a_flood_of_requests_without_a_call_flushes_no_call() {
    let mut recorder = Recorder::new(64 * 1024);
    begin(&mut recorder, 1, "call");
    recorder.message(&message(Way::In, &text("INVITE sip:100@a SIP/2.0", "call")));
    end(&mut recorder, 1);
    let before = recorder.counters().memory_bytes.load(std::sync::atomic::Ordering::Relaxed);
    for n in 0..50_000 {
        recorder.message(&message(Way::In, &text("INVITE sip:900@a SIP/2.0", &format!("flood {n}"))));
    }
    assert_eq!(recorder.counters().memory_bytes.load(std::sync::atomic::Ordering::Relaxed), before);
    assert_eq!(starts(&recorder, 1).len(), 1);
}

#[test]
fn a_recorder_without_memory_remembers_nothing() {
    let mut recorder = Recorder::new(0);
    begin(&mut recorder, 1, "call");
    assert_eq!(recorder.message(&message(Way::In, &text("INVITE sip:a@b SIP/2.0", "call"))), None);
    assert!(recorder.list().is_empty() && matches!(recorder.find(Which::Last), Found::None));
}

#[test]
fn a_call_is_found_by_the_beginning_of_its_id() {
    let mut recorder = Recorder::new(1 << 20);
    begin(&mut recorder, 1, "one");
    begin(&mut recorder, 2, "two");
    let find = |text: &str| Which::parse(text).map(|which| recorder.find(which));
    assert!(matches!(find(&call(2).to_string()), Some(Found::One(tape)) if tape.call == call(2)));
    assert!(matches!(find("01900000-0000"), Some(Found::Many(calls)) if calls.len() == 2));
    assert!(matches!(find("last"), Some(Found::One(tape)) if tape.call == call(2)));
    assert!(matches!(find("02"), Some(Found::None)));
    for wrong in ["", "first", "0190000000007000800000000000000000", "-"] {
        assert!(find(wrong).is_none(), "{wrong}");
    }
}

/// The comment of the interface in a capture file with this media.
fn comment_of(media: &[CapturedStream]) -> Option<String> {
    let mut recorder = Recorder::new(1 << 20);
    begin(&mut recorder, 1, "call");
    let Found::One(tape) = recorder.find(Which::Last) else { panic!() };
    let file = tape.pcapng(media);
    let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let short = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
    let at = long(4) as usize;
    let end = at + long(at + 4) as usize;
    assert_eq!((long(at), long(end - 4)), (1, (end - at) as u32), "an interface description");
    // Type, length, link type, snap length; options; length again.
    if end - at == 20 {
        return None;
    }
    assert_eq!((short(at + 16), long(end - 8)), (1, 0), "a comment and the end of the options");
    let text = at + 20..at + 20 + usize::from(short(at + 18));
    assert_eq!(text.end.next_multiple_of(4), end - 8);
    Some(String::from_utf8(file[text].to_vec()).unwrap())
}

#[test]
fn a_capture_file_says_what_of_the_media_it_lacks() {
    let stream = |capture| CapturedStream {
        leg: 1,
        local: "192.0.2.1:20000".parse().unwrap(),
        origin_unix_micros: 0,
        capture,
    };
    assert_eq!(comment_of(&[]), None);
    assert_eq!(comment_of(&[stream(Some(Box::default()))]), None);
    let mut full = Capture::new();
    let refused = Captured {
        at_micros: 0,
        channel: Channel::Rtp,
        course: Course::Refused(DropReason::Foreign),
        remote: "192.0.2.9:4000".parse().unwrap(),
        bytes: b"",
    };
    for _ in 0..CAPTURE_REFUSED_MAX + 7 {
        full.keep(refused);
    }
    assert_eq!(
        comment_of(&[stream(Some(full.into())), stream(None), stream(Some(Box::default()))]).unwrap(),
        "This is not all of the media. Packets that found no room: 7. Streams that were not captured: 1 of 3."
    );
}
