//! Field elements × anomalies, after the PROTOS suite for SIP (c07-sip): every element of an INVITE is replaced by
//! every anomaly in turn. Nothing panics, nothing is kept, what is answered can be read, and the work stays in
//! proportion; and what a strict reader could take for another message is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Instant;

use sip::{Counts, Endpoint, EndpointConfig, Flow, Index, Input, Output, Outputs, parse};

/// What the suite of 2003 had.
const CASES_MIN: usize = 4_527;

const INVITE: &str = "{INVITE} {sip}:{1001}@{h.test}:{5060};{transport}={udp} {SIP/2.0}\r\n\
    {Via}: {SIP}/{2.0}/{UDP} {192.0.2.7}:{5061};{branch}={z9hG4bKa};{rport}\r\n\
    {Max-Forwards}: {70}\r\n{From}: {\"A\"} <{sip}:{a}@{192.0.2.7}>;{tag}={f}\r\nTo: <{sip}:{b}@{h.test}>{}\r\n\
    {Call-ID}: {c1}@{h}\r\n{CSeq}: {1} {INVITE}\r\n{Contact}: {B} <{sip}:{a}@{192.0.2.7}:{5061}>;{q}={0.5}\r\n\
    {Expires}: {60}\r\n{Require}: {timer}\r\n{Route}: {<sip:r.test;lr>}\r\n{Allow}: {INVITE}, {ACK}\r\n{Accept}: {a}/{b}\r\n\
    {User-Agent}: {phone}\r\n{Content-Type}: {application}/{sdp}\r\n{Content-Length}: {5}{\r\n}{\r\n}{v}={0}\r\n";

/// Short anomalies: nothing, separators, escapes, numbers at their bounds, and beginnings of another message.
const TEXTS: [&str; 68] = [
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\r\n ",
    "\r\n\r\n",
    ":",
    ";",
    ",",
    "=",
    "@",
    "?",
    "&",
    "%",
    "%%",
    "%00",
    "%0d%0a",
    "%n%s",
    "<",
    ">",
    "<>",
    "\"",
    "\"\"",
    "\\",
    "\\\"",
    "[",
    "]",
    "[::1]",
    "[::",
    "/",
    "//",
    "*",
    "'",
    "(",
    ")",
    "{",
    "}",
    "|",
    "-1",
    "-0",
    "+1",
    "0",
    "00",
    "1.5",
    "1e9",
    "0x10",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "\u{e9}",
    "\u{20ac}",
    "\u{202e}",
    "..",
    "../../x",
    "a b",
    "sip:",
    "SIP/2.0",
    "INVITE sip:x SIP/2.0\r\n",
    "x\r\nVia: SIP/2.0/UDP 192.0.2.9",
    "x\r\nContent-Length: 0\r\n\r\nBYE sip:b@h SIP/2.0",
];

/// What stands in the place of an element.
fn anomalies() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    all.extend(TEXTS.map(|text| text.as_bytes().to_vec()));
    for byte in ["\0", "\u{1}", "\u{7f}", "a", ";", ",", "\"", "\\", "<", "(", "%41", " ", "\r\n ", ".", "a="]
    {
        all.extend([16, 255, 1_025, 5_000, 70_000].map(|count| byte.repeat(count / byte.len()).into_bytes()));
    }
    all.extend([&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xfe\xff", b"\0", b"\\\0"].map(<[u8]>::to_vec));
    all
}

/// The message cut at its elements: fixed text and elements in turn.
fn parts() -> Vec<(bool, String)> {
    let mut parts = Vec::new();
    for piece in INVITE.split('{') {
        match piece.split_once('}') {
            Some((element, fixed)) => {
                parts.extend([(true, element.to_owned()), (false, fixed.to_owned())]);
            }
            None => parts.push((false, piece.to_owned())),
        }
    }
    parts
}

fn with(parts: &[(bool, String)], at: usize, anomaly: &[u8]) -> Vec<u8> {
    let piece = |(here, (_, text)): (usize, &(bool, String))| {
        if here == at { anomaly.to_vec() } else { text.as_bytes().to_vec() }
    };
    parts.iter().enumerate().flat_map(piece).collect()
}

#[test]
fn no_anomaly_in_any_element_breaks_or_holds_anything() {
    let (parts, anomalies) = (parts(), anomalies());
    let mut endpoint = Endpoint::new(EndpointConfig::default(), [7; 32]);
    #[allow(clippy::disallowed_methods, reason = "any beginning will do")]
    let now = Instant::now();
    let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5061".parse().unwrap());
    let mut out = Outputs::new();
    let whole = with(&parts, usize::MAX, b"");
    endpoint.handle(now, Input::Received { flow, bytes: &whole }, &mut out);
    assert!(
        matches!(out.pop(), Some(Output::Event(sip::Event::Request(_)))),
        "the message is good without anomalies"
    );
    let (mut cases, mut shown, mut refused, mut dropped) = (0, 0, 0, 0);
    let elements = parts.iter().enumerate().filter(|(_, (is_element, _))| *is_element).map(|(at, _)| at);
    for at in elements {
        for anomaly in &anomalies {
            let bytes = with(&parts, at, anomaly);
            let mut out = Outputs::new();
            endpoint.handle(now, Input::Received { flow, bytes: &bytes }, &mut out);
            let (mut answers, mut events) = (0, 0);
            for output in out.drain() {
                match output {
                    Output::Send { bytes, .. } => {
                        answers += 1;
                        parse(&bytes, &mut Index::new()).expect("what we answer can be read");
                    }
                    Output::Event(sip::Event::Request(_)) => events += 1,
                    Output::Event(_) => {}
                }
            }
            assert!(answers + events <= 1, "one word about one message");
            shown += events;
            refused += answers;
            dropped += usize::from(answers + events == 0);
            cases += 1;
        }
    }
    assert_eq!(endpoint.counts(), Counts::default(), "nothing is kept");
    assert!(cases >= CASES_MIN, "{cases} cases");
    // The generator reaches all three ends: it is neither all noise nor all harmless.
    assert!(
        shown * 10 > cases && refused * 10 > cases && dropped * 50 > cases,
        "{cases}: {shown} {refused} {dropped}"
    );
}

/// What header smuggling is made of: each line stands in a request whose other readers may see something else.
#[test]
fn what_two_readers_could_read_differently_is_refused_or_made_one() {
    // A line, and whether the request is still one. What is accepted reads as ours alone (checked by writing it).
    let cases: [(&str, bool); 16] = [
        ("From : <sip:evil@h>;tag=9", false),
        ("from\t: <sip:evil@h>;tag=9", false),
        ("f: <sip:evil@h>;tag=9", false),
        ("i: other", false),
        ("l: 7", false),
        ("Content-Length: 4, 7", false),
        ("Content-Length : 7", false),
        ("Content-Length: 4\r\nl: 4", true),
        ("X: a\rVia: SIP/2.0/UDP evil", false),
        ("X: a\0b", false),
        ("Subject: a\r\n From: <sip:evil@h>;tag=9", true),
        ("Subject: a\r\n\tCall-ID: other", true),
        ("To\r\n : <sip:evil@h>", false),
        ("CSeq: 2 OPTIONS", false),
        ("no colon", false),
        ("P-Asserted-Identity : <sip:x@h>", true),
    ];
    for (line, is_accepted) in cases {
        let text = format!(
            "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
             Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n{line}\r\nContent-Length: 4\r\n\r\nbody"
        );
        let mut index = Index::new();
        let read = parse(text.as_bytes(), &mut index).ok().filter(|message| message.require_valid().is_ok());
        assert_eq!(read.is_some(), is_accepted, "{line:?}");
        let Some(message) = read else { continue };
        assert_eq!((message.call_id(), message.body()), (Ok("1"), &b"body"[..]), "{line:?}");
        assert_eq!(message.from().unwrap().uri, "sip:a@h");
        for (name, _, value) in message.headers() {
            assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
        }
    }
}
