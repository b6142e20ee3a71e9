//! Properties over generated messages: what is written reads back, what could break out is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../fuzz/checks/sip.rs"]
mod checks;

use proptest::collection::vec;
use proptest::prelude::*;
use sip::write::{Address, Quoted};
use sip::{HeaderName, Index, MessageWriter, NameAddr, WriteError, parse};

/// Names that may stand on any number of lines, spelled as peers spell them, and unknown ones.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "Via",
            "v",
            "Contact",
            "ROUTE",
            "subject",
            "k",
            "User-Agent",
            "Reason",
            "P-Asserted-Identity"
        ])
        .prop_map(str::to_owned),
        "[A-Za-z0-9.!%*_+`'~-]{1,20}".prop_filter("headers that stand once or are computed", |name| {
            let known = HeaderName::of(name);
            !known.is_single() && known != HeaderName::ContentLength
        }),
    ]
}

/// Any text without line ends and NUL, as it survives: without white space around it.
fn value() -> impl Strategy<Value = String> {
    "[^\r\n\0]{0,60}".prop_map(|text| text.trim_matches([' ', '\t']).to_owned())
}

fn built(start: &str, headers: &[(String, String)], body: &[u8]) -> Result<bytes::Bytes, WriteError> {
    let mut writer = match start.split_once(' ') {
        Some((method, uri)) => MessageWriter::request(method, uri),
        None => MessageWriter::response(200, start),
    };
    for (name, value) in headers {
        writer.header(name, value);
    }
    writer.body("application/octet-stream", body);
    writer.finish()
}

proptest! {
    // A failure prints its input; it becomes a test of its own, not a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(
        start in prop_oneof!["[A-Z]{1,12} sip:[a-z0-9.;=?@]{1,40}", "[^ \r\n\0]{0,20}"],
        headers in vec((name(), value()), 0..40),
        body in vec(any::<u8>(), 0..300),
    ) {
        let bytes = built(&start, &headers, &body).unwrap();
        let mut index = Index::new();
        let message = parse(&bytes, &mut index).unwrap();
        match start.split_once(' ') {
            Some((method, uri)) => prop_assert_eq!((message.method_text(), message.request_uri()), (method, uri)),
            None => prop_assert_eq!((message.status(), message.reason_phrase()), (Some(200), start.as_str())),
        }
        let found: Vec<_> = message.headers().map(|(name, _, value)| (name.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(&found[..headers.len()], &headers[..]);
        prop_assert_eq!(found.len(), headers.len() + 1 + usize::from(!body.is_empty()), "Content-Type and -Length only");
        prop_assert_eq!(message.body(), body);
        checks::message(&bytes);
    }

}

/// Cases of the property that everything rests on; `bin/soak` tries 100,000 of every one (`PROPTEST_CASES`).
const SMUGGLERS: u32 = 20_000;

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: ProptestConfig::default().cases.max(SMUGGLERS),
        ..ProptestConfig::default()
    })]

    /// The header smuggling property: no value can become a line, wherever the line end stands.
    #[test]
    fn line_ends_and_nul_are_refused(
        mut text in vec(any::<char>(), 0..30),
        at in any::<proptest::sample::Index>(),
        bad in proptest::sample::select(vec!['\r', '\n', '\0']),
    ) {
        text.insert(at.index(text.len() + 1), bad);
        let text: String = text.into_iter().collect();
        let value = |value: &str| built("INVITE sip:b@h", &[("Subject".to_owned(), value.to_owned())], b"");
        prop_assert_eq!(value(&text).err(), Some(WriteError::Value));
        prop_assert_eq!(value(&Quoted(&text).to_string()).err(), Some(WriteError::Value));
        prop_assert_eq!(built("INVITE sip:b@h", &[(text.clone(), "x".to_owned())], b"").err(), Some(WriteError::Name));
        for writer in [MessageWriter::request("INVITE", &text), MessageWriter::request(&text, "sip:b@h"), MessageWriter::response(200, &text)] {
            prop_assert_eq!(writer.finish().err(), Some(WriteError::StartLine));
        }
        let mut writer = MessageWriter::request("INVITE", "sip:b@h");
        writer.body(&text, b"x");
        prop_assert_eq!(writer.finish().err(), Some(WriteError::Value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_display_name_reads_back(display in "[^\r\n\0]{0,40}", tag in "[a-z0-9]{1,8}") {
        let address = Address { display: Some(&display), uri: "sip:b@h;lr", tag: Some(&tag) };
        let bytes = built("INVITE sip:b@h", &[("X-A".to_owned(), "y".to_owned()), ("From".to_owned(), address.to_string())], b"").unwrap();
        let mut index = Index::new();
        let message = parse(&bytes, &mut index).unwrap();
        let from = message.from().unwrap();
        prop_assert_eq!(from.display_text().unwrap(), display);
        prop_assert_eq!((from.uri, from.tag()), ("sip:b@h;lr", Some(tag.as_str())));
    }

    #[test]
    fn no_bytes_break_anything(bytes in vec(any::<u8>(), 0..400)) {
        checks::message(&bytes);
        checks::stream(&bytes);
        checks::uri(&bytes);
        checks::digest(&bytes);
    }

    /// Text of any letters and length reaches what only takes text.
    #[test]
    fn no_text_breaks_anything(text in "\\PC{0,120}") {
        checks::uri(text.as_bytes());
        checks::digest(text.as_bytes());
        checks::digest(format!("Digest {text}").as_bytes());
    }

    /// Lines of SIP in any order, with any line end: closer to the grammar than any bytes.
    #[test]
    fn no_mix_of_lines_breaks_anything(lines in vec((proptest::sample::select(LINES.to_vec()), 0_usize..4), 0..20)) {
        let ends = ["\r\n", "\n", "\r\n ", "\r"];
        let text: String = lines.iter().flat_map(|(line, end)| [*line, ends[*end]]).collect();
        checks::message(format!("OPTIONS sip:b@h SIP/2.0\r\n{text}\r\n\r\nbody").as_bytes());
        checks::message(text.as_bytes());
        checks::stream(format!("\u{5}{text}").as_bytes());
    }
}

const LINES: [&str; 16] = [
    "INVITE sip:b@h SIP/2.0",
    "SIP/2.0 200 OK",
    "",
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1, SIP / 2.0 / TCP [::1]:5061",
    "From: \"a\\\"b\" <sip:a@h>;tag=1",
    "f : sip:a@h;tag=2",
    "To: <sip:b@h>",
    "Call-ID: x",
    "CSeq: 1 INVITE",
    "CSeq: 1 OPTIONS",
    "Contact: *",
    "m: <sip:a@h>;q=0.5, \"",
    "Content-Length: 4",
    "l: 5",
    "no colon",
    "Subject: caf\u{e9} \u{20ac}",
];

/// What the typed values refuse to write, because it would break out of its place.
#[test]
fn typed_values_do_not_break_out() {
    let refused = |address: Address<'_>| {
        let mut writer = MessageWriter::request("INVITE", "sip:b@h");
        writer.header("From", address);
        assert_eq!(writer.finish().err(), Some(WriteError::Value), "{address:?}");
    };
    let good = Address { display: None, uri: "sip:b@h", tag: None };
    for uri in ["sip:b@h>;tag=1", "sip:b@h ", "no-scheme", "sip:b<", "sip:\"b\"@h", ""] {
        refused(Address { uri, ..good });
    }
    for tag in ["", "a b", "1;x", "1\r\nVia: x"] {
        refused(Address { tag: Some(tag), ..good });
    }
    assert_eq!(NameAddr::parse(&good.to_string()).unwrap().uri, "sip:b@h");
}

#[test]
fn headers_that_stand_once_are_written_once() {
    let refused = |first: &str, second: &str| {
        let mut writer = MessageWriter::request("INVITE", "sip:b@h");
        writer.header(first, "1").header(second, "2");
        assert_eq!(writer.finish().err(), Some(WriteError::Repeated), "{first} {second}");
    };
    refused("From", "f");
    refused("Call-ID", "CALL-ID");
    refused("Subject", "Content-Length");
    refused("l", "Subject");
    let mut writer = MessageWriter::response(200, "OK");
    writer.header(HeaderName::ContentType, "a/b").body("c/d", b"x");
    assert_eq!(writer.finish().err(), Some(WriteError::Repeated));
    assert_eq!(MessageWriter::response(99, "x").finish().err(), Some(WriteError::StartLine));
    assert_eq!(MessageWriter::request("", "sip:b@h").finish().err(), Some(WriteError::StartLine));
}

#[test]
fn the_writer_has_the_limits_of_the_parser() {
    let with_lines = |count: usize| {
        let mut writer = MessageWriter::response(200, "OK");
        for _ in 0..count {
            writer.header("X-A", "y");
        }
        writer.finish()
    };
    assert!(parse(&with_lines(sip::limits::HEADERS_MAX - 1).unwrap(), &mut Index::new()).is_ok());
    assert_eq!(with_lines(sip::limits::HEADERS_MAX).err(), Some(WriteError::TooLarge));
    let with_body = |bytes: usize| built("INVITE sip:b@h", &[], &vec![b'x'; bytes]);
    assert!(with_body(65_000).is_ok());
    assert_eq!(with_body(65_500).err(), Some(WriteError::TooLarge));
    assert_eq!(with_body(1_000_000).err(), Some(WriteError::TooLarge));
}
