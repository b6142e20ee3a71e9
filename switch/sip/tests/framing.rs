//! Streams of messages as TCP delivers them: in any pieces (RFC 3261 §18.3, RFC 5626 §4.4.1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use sip::{Frame, FrameError, Index, Method, ParseError, StreamFramer, limits, parse};

fn message(method: &str, headers: &str, body: &str) -> Vec<u8> {
    let text = format!(
        "{method} sip:b@h SIP/2.0\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>\n\
         Call-ID: x\nCSeq: 1 {method}\nContact: <sip:a@h>\n{headers}\n"
    );
    [text.replace('\n', "\r\n").into_bytes(), body.as_bytes().to_vec()].concat()
}

/// Everything that comes out when `bytes` arrive in pieces of `piece` bytes.
fn frames(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<FrameError>) {
    let (mut framer, mut frames) = (StreamFramer::new(), Vec::new());
    for part in bytes.chunks(piece) {
        framer.push(part);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next(), Err(error), "a failed stream stays failed");
                    framer.push(b"\r\n\r\n");
                    assert_eq!(framer.next(), Err(error));
                    return (frames, Some(error));
                }
            }
        }
    }
    (frames, None)
}

/// Whatever the pieces, the same frames come out.
fn check(bytes: &[u8], expected: &[Frame], error: Option<FrameError>) {
    for piece in [1, 2, 3, 7, 64, 1_000, bytes.len().max(1)] {
        let found = frames(bytes, piece);
        assert_eq!(found.0, expected, "in pieces of {piece}");
        assert_eq!(found.1, error, "in pieces of {piece}");
    }
}

fn whole(bytes: &[u8]) -> Frame {
    Frame::Message(bytes.to_vec().into())
}

#[test]
fn pipelined_messages_keep_alives_and_bodies_that_look_like_heads() {
    let body = "INVITE sip:x SIP/2.0\r\n\r\n\r\n\r\n";
    let one = message("MESSAGE", &format!("Content-Length: {}\nSubject: folded\n here\n", body.len()), body);
    let two = message("BYE", "l: 0\n", "");
    let bytes = [&one[..], b"\r\n\r\n", &two, b"\r\n", &one, b"\r\n\r\n\r\n\r\n", &two, &two].concat();
    let expected = [
        whole(&one),
        Frame::Ping,
        whole(&two),
        whole(&one),
        Frame::Ping,
        Frame::Ping,
        whole(&two),
        whole(&two),
    ];
    check(&bytes, &expected, None);
}

#[test]
fn what_is_framed_parses_to_the_same_bytes() {
    let bytes = message("MESSAGE", "Content-Length: 3\n", "abcX");
    let (found, _) = frames(&bytes, 5);
    let Frame::Message(framed) = &found[0] else { panic!("a message") };
    let mut index = Index::new();
    let parsed = parse(framed, &mut index).unwrap();
    assert_eq!((parsed.method(), parsed.body()), (Method::Message, b"abc".as_slice()));
}

/// A lone CRLF answers our own ping; half a keep-alive is none yet.
#[test]
fn pongs_and_halves() {
    let bye = message("BYE", "Content-Length: 0\n", "");
    check(&[b"\r\n", &bye[..]].concat(), &[whole(&bye)], None);
    check(b"\r\n", &[], None);
    check(b"\r\n\r", &[], None);
    check(b"\r\n\r\n", &[Frame::Ping], None);
    check(b"\n\n\n", &[], None);
}

/// LF-only peers: the framer and the parser use one rule, so neither sees a head end where the other does not.
#[test]
fn lf_only_heads_end_where_the_parser_ends_them() {
    let smuggled = "Content-Length: 0\n\nContent-Length: 40\r\n\r\n".replace("\r\n", "\n");
    let bytes = [message("BYE", "", "")[..].strip_suffix(b"\r\n").unwrap(), smuggled.as_bytes()].concat();
    let (found, error) = frames(&bytes, bytes.len());
    let Frame::Message(first) = &found[0] else { panic!("a message") };
    assert!(first.ends_with(b"Content-Length: 0\n\n"));
    assert!(parse(first, &mut Index::new()).unwrap().body().is_empty());
    assert_eq!(error, Some(FrameError::Head(ParseError::StartLine)), "the rest is no message");
}

#[test]
fn without_a_length_to_trust_the_stream_is_over() {
    let error = |headers: &str| frames(&message("BYE", headers, ""), 9).1;
    assert_eq!(error(""), Some(FrameError::NoLength));
    for headers in
        ["Content-Length: -1\n", "Content-Length: 1\nl: 2\n", "Content-Length: 99999\n", "l: one\n"]
    {
        assert_eq!(error(headers), Some(FrameError::Head(ParseError::ContentLength)), "{headers}");
    }
    check(b"GET / HTTP/1.1\r\n\r\n", &[], Some(FrameError::Head(ParseError::StartLine)));
    check(b"BYE sip:b@h SIP/2.0\r\nX: \0\r\n", &[], Some(FrameError::Head(ParseError::ControlByte)));
    check(b"BYE sip:b@h SIP/2.0\r\nX: a\rb\r\n", &[], Some(FrameError::Head(ParseError::ControlByte)));
}

/// A line that is no header does not lose the framing: the endpoint can still answer 400.
#[test]
fn a_bad_line_is_left_to_the_parser() {
    let bytes = message("BYE", "no colon\nContent-Length: 0\n", "");
    check(&bytes, &[whole(&bytes)], None);
    assert_eq!(parse(&bytes, &mut Index::new()).err(), Some(ParseError::HeaderLine));
}

#[test]
fn sizes_have_limits() {
    let endless = [b"BYE sip:b@h SIP/2.0\r\nX: ".as_slice(), &vec![b'x'; limits::MESSAGE_BYTES_MAX]].concat();
    assert_eq!(frames(&endless, 1_000).1, Some(FrameError::TooLarge));
    assert_eq!(
        frames(&endless, 1).1,
        Some(FrameError::TooLarge),
        "each byte is searched once, so this is quick"
    );
    let lines =
        [b"BYE sip:b@h SIP/2.0\r\n".as_slice(), &b"X: y\r\n".repeat(limits::HEADERS_MAX + 1), b"\r\n"]
            .concat();
    assert_eq!(frames(&lines, 100).1, Some(FrameError::Head(ParseError::HeadersTooMany)));
    let largest = limits::MESSAGE_BYTES_MAX - message("BYE", "Content-Length: 65000\n", "").len();
    let body = "b".repeat(largest);
    let fits = message("BYE", &format!("Content-Length: {largest}\n"), &body);
    assert_eq!(fits.len(), limits::MESSAGE_BYTES_MAX);
    assert_eq!(frames(&fits, 4_096), (vec![whole(&fits)], None));
    let beyond = message("BYE", &format!("Content-Length: {}\n", largest + 1), &body);
    assert_eq!(frames(&beyond, 4_096).1, Some(FrameError::TooLarge));
}

/// An owner that never takes frames cannot make the buffer grow without end.
#[test]
fn pushing_without_reading_is_bounded() {
    let mut framer = StreamFramer::new();
    for _ in 0..10 {
        framer.push(&vec![b'\n'; limits::MESSAGE_BYTES_MAX]);
        assert!(framer.pending() <= limits::STREAM_BUFFER_BYTES_MAX);
    }
    assert_eq!(framer.next(), Err(FrameError::TooLarge));
}
