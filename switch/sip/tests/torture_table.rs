//! Every message of RFC 4475 and RFC 5118 against an endpoint, and its verdict, from the table in
//! `tests/torture/verdicts.txt`; `tests/tests/torture.rs` of the workspace plays the same table against the daemon.
//!
//! The messages are written after the RFCs' sections, with names of our own, so that most of them are for a domain
//! of the switch. `TORTURE=folder` plays the files of the RFCs' own archives by the same table instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "the messages are files; the package itself reads none")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use sip::{
    DropReason, Endpoint, EndpointConfig, Event, Flow, Frame, Index, Input, Output, Outputs, StreamFramer,
    Transport, parse,
};

/// A row of the table.
struct Row {
    name: String,
    /// What the endpoint does with it.
    verdict: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(folder().join("verdicts.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, _section, verdict, _udp, _stream, _why] = columns[..] else {
                panic!("six columns: {line}")
            };
            Row { name: name.to_owned(), verdict: verdict.to_owned() }
        })
        .collect()
}

/// The message of that name; none when another archive is played that does not hold it.
fn message(name: &str) -> Option<Vec<u8>> {
    match std::env::var("TORTURE") {
        Ok(folder) => std::fs::read(Path::new(&folder).join(format!("{name}.dat"))).ok(),
        Err(_) => Some(std::fs::read(folder().join(format!("{name}.sip"))).unwrap()),
    }
}

fn endpoint() -> Endpoint {
    Endpoint::new(EndpointConfig::default(), [7; 32])
}

fn flow(transport: Transport) -> Flow {
    let at = |text: &str| text.parse().unwrap();
    let connection = u64::from(transport != Transport::Udp);
    Flow { transport, local: at("192.0.2.200:5060"), remote: at("198.51.100.7:5060"), connection }
}

/// What the endpoint did, in the words of the table.
fn verdict(endpoint: &mut Endpoint, flow: Flow, bytes: &[u8]) -> String {
    let mut out = Outputs::new();
    endpoint.handle(Instant::now(), Input::Received { flow, bytes }, &mut out);
    let mut words = Vec::new();
    for output in out.drain() {
        match output {
            Output::Event(Event::Request(_)) => words.push("shown".to_owned()),
            Output::Event(Event::Dropped(DropReason::Refused)) => {}
            Output::Event(Event::Dropped(reason)) => words.push(format!("{reason:?}")),
            Output::Event(event) => words.push(format!("{event:?}")),
            Output::Send { bytes, .. } => {
                let mut index = Index::new();
                let answer = parse(&bytes, &mut index).expect("what we answer can be read");
                words.push(format!("{} {}", answer.status().unwrap(), answer.reason_phrase()));
            }
        }
    }
    words.join(", ")
}

/// The endpoint is well: it answers a request to a dialog that is not there.
fn is_well(endpoint: &mut Endpoint, flow: Flow, call: usize) {
    let via = flow.transport.as_str();
    let text = format!(
        "OPTIONS sip:192.0.2.200 SIP/2.0\r\nVia: SIP/2.0/{via} 198.51.100.7;branch=z9hG4bKwell{call}\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:192.0.2.200>\r\nCall-ID: well{call}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(verdict(endpoint, flow, text.as_bytes()), "shown");
}

#[test]
fn every_message_of_rfc_4475_and_rfc_5118_has_its_verdict() {
    let rows = rows();
    assert_eq!(rows.len(), 49 + 12, "49 messages of RFC 4475, 12 of RFC 5118");
    let mut wrong = Vec::new();
    let mut endpoint = endpoint();
    for (call, row) in rows.iter().enumerate() {
        let Some(bytes) = message(&row.name) else { continue };
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            let found = verdict(&mut endpoint, flow(transport), &bytes);
            if !row.verdict.split(" or ").any(|verdict| verdict == found) {
                wrong.push(format!("{} over {transport:?}: {found}, not {}", row.name, row.verdict));
            }
            is_well(&mut endpoint, flow(transport), call);
        }
        assert_eq!(endpoint.counts(), sip::Counts::default(), "{}: nothing is kept", row.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Over a stream, in pieces: what is framed is the same message, and what comes behind it is found again.
#[test]
fn every_message_is_framed_alike_however_it_arrives() {
    for row in rows() {
        let Some(bytes) = message(&row.name) else { continue };
        let cut = |piece: usize| {
            let mut framer = StreamFramer::new();
            let mut frames = Vec::new();
            for part in bytes.chunks(piece) {
                framer.push(part);
                loop {
                    match framer.next() {
                        Ok(Some(Frame::Message(bytes))) => frames.push(Ok(bytes)),
                        Ok(Some(Frame::Ping)) => {}
                        Ok(None) => break,
                        Err(error) => {
                            frames.push(Err(error));
                            return frames;
                        }
                    }
                }
            }
            frames
        };
        let whole = cut(4_096);
        for piece in [1, 7, 100] {
            assert_eq!(cut(piece), whole, "{}", row.name);
        }
        if row.name == "dblreq" {
            assert!(whole[..2].iter().all(Result::is_ok), "the second message is one of its own on a stream");
        }
    }
}

/// RFC 4475 §3.2.1: the bare cookie names no transaction, so two requests with it are two.
#[test]
fn rfc_4475_3_2_1_a_branch_that_is_only_the_cookie_identifies_nothing() {
    let mut endpoint = endpoint();
    let Some(bytes) = message("badbranch") else { return };
    let text = String::from_utf8(bytes).unwrap().replace("OPTIONS", "REGISTER");
    for call in ["one", "two"] {
        let text = text.replace("badbranch.", call);
        let mut out = Outputs::new();
        endpoint.handle(
            Instant::now(),
            Input::Received { flow: flow(Transport::Udp), bytes: text.as_bytes() },
            &mut out,
        );
        let Some(Output::Event(Event::Request(request))) = out.pop() else {
            panic!("{call} is taken for another")
        };
        endpoint.accept(Instant::now(), request, &mut out).expect("a request of its own");
    }
    assert_eq!(endpoint.counts().transactions, 2);
}

/// RFC 4475 §3.1.1.2: a NUL that is quoted is a legal part of a display name; it comes out as U+FFFD, and a NUL
/// that is not quoted never passes, whether in one piece or cut behind its backslash.
#[test]
fn rfc_4475_3_1_1_2_a_quoted_nul_is_data_and_never_gets_out() {
    let request = |display: &str| {
        format!(
            "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: \"{display}\" <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    for (display, expected) in
        [("a\\\0b", Some("a\u{fffd}b")), ("\\\\\\\0", Some("\\\u{fffd}")), ("a\0b", None), ("\\\\\0", None)]
    {
        let bytes = request(display).into_bytes();
        let mut index = Index::new();
        let read = parse(&bytes, &mut index).ok();
        let found = read.map(|message| message.from().unwrap().display_text().unwrap().into_owned());
        assert_eq!(found.as_deref(), expected, "{display:?}");
        for piece in [1, 2, 1_000] {
            let mut framer = StreamFramer::new();
            let mut is_framed = false;
            for part in bytes.chunks(piece) {
                framer.push(part);
                is_framed |= matches!(framer.next(), Ok(Some(_)));
            }
            assert_eq!(is_framed, expected.is_some(), "{display:?} in pieces of {piece}");
        }
    }
}
