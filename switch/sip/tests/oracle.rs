//! The crate `rsip` as a second opinion, on the messages it reads right: CRLF, long header names, one value a
//! line, no folds, a sound Content-Length. On the others it is wrong (compact forms, folds, IPv6, `tel:`, several
//! values a line), so it is not asked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use rsip::prelude::*;
use sip::{HeaderName, Index, MessageWriter, Uri, parse};

#[derive(Debug, Clone)]
struct Request {
    method: String,
    user: String,
    host: String,
    port: u16,
    display: String,
    tag: String,
    branch: String,
    number: u32,
    call_id: String,
    body: String,
}

fn request() -> impl Strategy<Value = Request> {
    let method = proptest::sample::select(vec![
        "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "UPDATE", "REFER", "MESSAGE",
    ]);
    let names = (method, "[a-z0-9]{1,12}", "[a-z]{1,8}[.][a-z]{2,4}", 1_024_u16.., "[A-Za-z ]{1,12}");
    let ids = (
        "[a-f0-9]{4,16}",
        "z9hG4bK[A-Za-z0-9]{1,20}",
        0_u32..0x7fff_ffff,
        "[a-z0-9-]{1,20}@[a-z]{1,8}",
        "[a-z=\r\n ]{0,80}",
    );
    (names, ids).prop_map(|((method, user, host, port, display), (tag, branch, number, call_id, body))| {
        Request {
            method: method.to_owned(),
            user,
            host,
            port,
            display: display.trim().to_owned(),
            tag,
            branch,
            number,
            call_id,
            body,
        }
    })
}

fn written(it: &Request) -> bytes::Bytes {
    let uri = format!("sip:{}@{}:{};lr", it.user, it.host, it.port);
    let mut writer = MessageWriter::request(&it.method, &uri);
    writer
        .header("Via", format_args!("SIP/2.0/UDP {}:{};branch={};rport", it.host, it.port, it.branch))
        .header("Max-Forwards", 70)
        .header("From", format_args!("\"{}\" <{uri}>;tag={}", it.display, it.tag))
        .header("To", format_args!("<{uri}>"))
        .header("Call-ID", &it.call_id)
        .header("CSeq", format_args!("{} {}", it.number, it.method))
        .header("Contact", format_args!("<{uri}>"))
        .header("User-Agent", "one, two; three")
        .body("text/plain", it.body.as_bytes());
    writer.finish().unwrap()
}

proptest! {
    // A failure prints its input; it becomes a test of its own, not a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_read_the_same_request(it in request()) {
        let bytes = written(&it);
        let mut index = Index::new();
        let ours = parse(&bytes, &mut index).unwrap();
        ours.require_valid().unwrap();
        let theirs = rsip::Request::try_from(bytes.to_vec()).unwrap();

        prop_assert_eq!(theirs.method.to_string(), ours.method_text());
        prop_assert_eq!(theirs.uri.to_string(), ours.request_uri());
        prop_assert_eq!(&theirs.body[..], ours.body());
        let lines: Vec<_> = ours.headers().map(|(name, _, value)| format!("{name}: {value}")).collect();
        prop_assert_eq!(theirs.headers.iter().map(ToString::to_string).collect::<Vec<_>>(), lines);

        let uri = Uri::parse(ours.request_uri()).unwrap();
        prop_assert_eq!(theirs.uri.auth.as_ref().map(|auth| auth.user.as_str()), uri.user);
        prop_assert_eq!(theirs.uri.host().to_string(), uri.host.to_string());
        prop_assert_eq!(theirs.uri.port().map(|port| *port.value()), uri.port);

        let (via, from) = (theirs.via_header().unwrap().typed().unwrap(), theirs.from_header().unwrap().typed().unwrap());
        prop_assert_eq!(via.branch().map(|branch| branch.value()), ours.via().unwrap().branch());
        prop_assert_eq!(via.transport.to_string(), ours.via().unwrap().transport);
        prop_assert_eq!(via.uri.port().map(|port| *port.value()), ours.via().unwrap().port);
        prop_assert_eq!(from.tag().map(|tag| tag.value()), ours.from().unwrap().tag());
        prop_assert_eq!(from.uri.to_string(), ours.from().unwrap().uri);
        prop_assert_eq!(from.display_name.as_deref().map_or("".into(), sip::unquoted), ours.from().unwrap().display.unwrap_or(""));
        let cseq = theirs.cseq_header().unwrap().typed().unwrap();
        prop_assert_eq!((cseq.seq, cseq.method.to_string()), (ours.cseq().unwrap().number, ours.method_text().to_owned()));
        prop_assert_eq!(theirs.call_id_header().unwrap().value(), ours.call_id().unwrap());
        prop_assert_eq!(Some(theirs.max_forwards_header().unwrap().value()), ours.first(HeaderName::MaxForwards));
    }

    #[test]
    fn both_read_the_same_response(status in 100_u16..700, it in request()) {
        let mut writer = MessageWriter::response(status, sip::reason_phrase_of(status));
        writer.header("Via", format_args!("SIP/2.0/TCP {};branch={}", it.host, it.branch)).header("Call-ID", &it.call_id)
            .header("CSeq", format_args!("{} {}", it.number, it.method)).body("text/plain", it.body.as_bytes());
        let bytes = writer.finish().unwrap();
        let mut index = Index::new();
        let ours = parse(&bytes, &mut index).unwrap();
        let theirs = rsip::Response::try_from(bytes.to_vec()).unwrap();
        prop_assert_eq!(Some(theirs.status_code.code()), ours.status());
        prop_assert_eq!(&theirs.body[..], ours.body());
        prop_assert_eq!(theirs.cseq_header().unwrap().typed().unwrap().method.to_string(), ours.method_text());
    }
}
