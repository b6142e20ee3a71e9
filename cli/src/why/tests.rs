//! The ladder of a whole call, to the letter, and outcomes in words.

use contract::{
    id::{CallId, OrgId},
    journal::{Detail, Event, EventKind, Fact, Quality},
    time::Timestamp,
    trace::{RouteStep, RouteTrace, TracedFact, TracedMessage, Way},
};
use uuid::Uuid;

use super::*;

fn message(millis: i64, way: Way, leg: u16, text: &str) -> TracedMessage {
    TracedMessage {
        at: Timestamp(millis * 1_000),
        way,
        leg,
        transport: "udp".into(),
        local: "192.0.2.1:5060".into(),
        remote: format!("192.0.2.1{leg}:5060"),
        text: text.replace('\n', "\r\n"),
    }
}

fn event(millis: i64, seq: u32, kind: EventKind, reason: Option<&str>) -> TracedFact {
    let detail = Detail { reason: reason.map(str::to_owned), ..Detail::default() };
    let event = Event { seq, kind, participant: None, attempt: 1, queue_count: 0, detail };
    TracedFact { at: Timestamp(millis * 1_000), fact: Fact::Event(event) }
}

fn call() -> CallTrace {
    const INVITE: &str = "INVITE sip:1002@a SIP/2.0\nCSeq: 2 INVITE\n\nv=0\n";
    CallTrace {
        call: CallId(Uuid::nil()),
        org: OrgId(Uuid::nil()),
        caller: "1001".into(),
        dialled: "1002".into(),
        created_at: Timestamp(20_000),
        is_live: false,
        routes: vec![RouteTrace {
            revision: 7,
            steps: vec![
                RouteStep::Number {
                    number: "1002".into(),
                    kind: "user".into(),
                    id: "x".into(),
                    name: "Budi".into(),
                },
                RouteStep::Rings { people: 1, accounts: 2, seconds: 60 },
            ],
        }],
        legs: vec!["one".into(), "two".into()],
        facts: vec![
            event(20, 1, EventKind::Created, None),
            event(150, 2, EventKind::Ringing, None),
            event(2_000, 3, EventKind::Answered, None),
            event(9_500, 4, EventKind::Ended, Some("callee_hung_up")),
            TracedFact {
                at: Timestamp(9_600_000),
                fact: Fact::Quality(Quality {
                    leg: 1,
                    packets_received: 375,
                    packets_sent: 370,
                    packets_lost: 5,
                    jitter_micros: 1_250,
                    rtt_micros: Some(40_000),
                    mos_hundredths: Some(405),
                    mos_lowest_hundredths: Some(350),
                    diagnosis: Some("good".into()),
                    ..Quality::default()
                }),
            },
        ],
        media: Vec::new(),
        messages: vec![
            message(0, Way::In, 1, INVITE),
            message(1, Way::Out, 1, "SIP/2.0 401 Unauthorized\nCSeq: 2 INVITE\n\n"),
            message(20, Way::In, 1, INVITE),
            message(20, Way::Out, 2, INVITE),
            message(150, Way::In, 2, "SIP/2.0 180 Ringing\nCSeq: 1 INVITE\n\n"),
            message(150, Way::Out, 1, "SIP/2.0 180 Ringing\nCSeq: 2 INVITE\n\n"),
            message(2_000, Way::In, 2, "SIP/2.0 200 OK\ncseq : 1 INVITE\n\nv=0\n"),
            message(9_500, Way::In, 2, "BYE sip:a SIP/2.0\nCSeq: 1 BYE\n\n"),
        ],
        left_out: 0,
    }
}

const STORY: &str = include_str!("story.txt");

#[test]
fn a_call_is_told_as_route_outcome_and_ladder() {
    let story = story(&call(), false);
    assert!(story == STORY, "story.txt says\n{STORY}\nand not\n{story}");
}

#[test]
fn outcomes_are_told_in_words() {
    let check = |events: &[(EventKind, Option<&str>)], expected: &str| {
        let facts = events.iter().zip(1..).map(|((kind, reason), seq)| event(0, seq, *kind, *reason));
        let trace = CallTrace { facts: facts.collect(), ..call() };
        assert_eq!(words::outcome(&trace), expected);
    };
    check(&[(EventKind::Canceled, None), (EventKind::Ended, None)], "the caller gave up before an answer");
    check(
        &[(EventKind::Failed, Some("unknown_number")), (EventKind::Ended, None)],
        "failed: nothing has that number",
    );
    check(
        &[(EventKind::Timeout, Some("no_answer")), (EventKind::Missed, None)],
        "nobody answered in time: it rang until the time was up",
    );
}

#[test]
fn what_a_terminal_would_obey_is_not_shown() {
    let mut trace = call();
    trace.caller = "\x1b[2Jevil".into();
    trace.messages[0].text = "INVITE\x07 sip:a SIP/2.0\r\nSubject: \x1b]0;x\r\n\r\n".into();
    if let Fact::Quality(quality) = &mut trace.facts[4].fact {
        quality.diagnosis = Some("\x1b[2Jgood".into());
    }
    let story = story(&trace, true);
    assert!(story.contains("[2Jgood: 375 packets"));
    assert!(!story.contains('\x1b') && !story.contains('\x07'), "{story}");
}
