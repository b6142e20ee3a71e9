//! What must hold for any bytes that reach the SIP wire code. Each function panics when it does not.
//!
//! Shared by the fuzz targets and by the test that replays the committed corpora (`switch/sip/tests/corpus.rs`).

use sip::digest::{Algorithm, Challenge, Credentials, NonceKey, Signed, Verdict, challenge, verify};
use sip::uri::{EscapedUser, unescape};
use sip::{
    ContactValue, Frame, HeaderName, Index, Message, MessageWriter, NameAddr, ParseError, StreamFramer, Uri,
    Via, WriteError, parse, parse_head, reason_phrase_of,
};

/// Parsing ends well or with an error; what is read is what was there; what we write reads back the same.
pub fn message(data: &[u8]) {
    let mut index = Index::new();
    let head = parse_head(data, &mut index).map(|message| message.to_owned()).err();
    let mut index = Index::new();
    match parse(data, &mut index) {
        Err(error) => {
            assert_eq!(
                error.answer().is_none(),
                head.is_some(),
                "a head can be read exactly if it can be answered"
            );
        }
        Ok(message) => {
            read_everything(message);
            check_owned(message);
            check_rewritten(message);
        }
    }
}

/// The pieces in which bytes arrive change nothing, and each message that comes out is exactly one message.
pub fn stream(data: &[u8]) {
    let Some((piece, bytes)) = data.split_first() else { return };
    let in_pieces = frames(bytes, usize::from(*piece).max(1));
    assert_eq!(in_pieces, frames(bytes, 4_096));
    let (frames, error) = in_pieces;
    for (at, frame) in frames.iter().enumerate() {
        if let Frame::Message(bytes) = frame {
            let mut index = Index::new();
            match parse(bytes, &mut index) {
                Ok(message) => {
                    let head = bytes.len() - message.body().len();
                    let mut index = Index::new();
                    let cut = parse_head(&bytes[..head], &mut index).expect("a head on its own is a head");
                    assert_eq!(message.headers().count(), cut.headers().count());
                }
                Err(ParseError::ContentLength) => {
                    assert!(
                        at + 1 == frames.len() && error.is_some(),
                        "the head of a lost stream comes last"
                    );
                }
                Err(error) => assert_eq!(error, ParseError::HeaderLine, "the framer answers for the rest"),
            }
        }
    }
    assert!(error.is_some() || !frames.is_empty() || bytes.len() < sip::limits::STREAM_BUFFER_BYTES_MAX);
}

/// URIs and addresses: equivalence is reflexive and symmetric, escapes are undone, what is written reads back.
pub fn uri(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (one, two) = text.split_once('\n').unwrap_or((text, text));
    if let (Ok(one), Ok(two)) = (Uri::parse(one), Uri::parse(two)) {
        assert!(one.is_equivalent(&one) && two.is_equivalent(&two));
        assert_eq!(one.is_equivalent(&two), two.is_equivalent(&one));
    }
    if let Ok(address) = NameAddr::parse(one) {
        let display = address.display_text();
        let written =
            sip::write::Address { display: display.as_deref(), uri: address.uri, tag: None }.to_string();
        let again = NameAddr::parse(&written).expect("an address we write is one");
        assert_eq!((again.uri, again.display_text()), (address.uri, display));
        let _ = (address.q(), address.expires(), address.tag(), address.params.count_of("x"));
    }
    let _ = (Via::parse(one), ContactValue::parse(two), sip::unquoted(text));
    if !text.chars().any(char::is_control) {
        let escaped = EscapedUser(text).to_string();
        assert_eq!(unescape(&escaped), text);
        let address = format!("sip:{escaped}@h");
        if !text.is_empty() && address.len() <= sip::limits::URI_BYTES_MAX {
            assert_eq!(
                Uri::parse(&address).expect("an escaped user fits").user_text().as_deref(),
                Some(text)
            );
        }
    }
}

/// Nobody gets in without the password, whatever they send; challenges of any server are answered or refused.
pub fn digest(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let key = NonceKey::new([7; 32]);
    if let Ok(credentials) = Credentials::parse(text) {
        let signed = Signed { method: "INVITE", request_uri: "sip:b@h", body: data, source: data };
        let verdict = verify(&credentials, &key, &signed, "no hash", "no hash", 1_000, 60);
        assert_ne!(verdict, Verdict::Accepted);
    }
    let answerable = text.len() < sip::limits::CREDENTIALS_BYTES_MAX / 2;
    if let (Ok(theirs), true) = (Challenge::parse(text), answerable) {
        let answer = theirs.respond("user", "password", "INVITE", "sip:b@h", "c", 1);
        let credentials = Credentials::parse(&answer).expect("we answer with a Digest");
        assert_eq!((credentials.nonce, credentials.realm), (theirs.nonce, theirs.realm));
    }
    // The text in the place of each value in turn: only the right response opens the door.
    for field in
        ["username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce", "algorithm", "opaque"]
    {
        let value = CREDENTIALS.replacen(&format!("{field}=\""), &format!("{field}=\"{text}\", x=\""), 1);
        if let Ok(credentials) = Credentials::parse(&value) {
            let signed = Signed { method: "INVITE", request_uri: text, body: data, source: data };
            let verdict = verify(&credentials, &key, &signed, text, text, u64::MAX, u64::MAX);
            assert_ne!(verdict, Verdict::Accepted, "{value}");
        }
    }
    if !text.contains(['"', '\\', '\r', '\n', '\0']) && !text.is_empty() && text.len() < 256 {
        for line in challenge(&key, &[Algorithm::Sha256, Algorithm::Md5], text, data, (1_000, 1), false) {
            let ours = Challenge::parse(&line).expect("our own challenge");
            let answer = ours.respond("user", text, "INVITE", "sip:b@h", "c", 1);
            let credentials = Credentials::parse(&answer).expect("our own credentials");
            let [md5, sha256] =
                [Algorithm::Md5, Algorithm::Sha256].map(|one| sip::digest::ha1(one, "user", text, text));
            let signed = Signed { method: "INVITE", request_uri: "sip:b@h", body: b"", source: data };
            let verdict = verify(&credentials, &key, &signed, &md5, &sha256, 1_030, 60);
            assert_eq!(verdict, Verdict::Accepted);
        }
    }
}

const CREDENTIALS: &str = "Digest username=\"u\", realm=\"h\", nonce=\"0\", uri=\"sip:b@h\", response=\"0\", qop=\"auth\", \
     nc=\"00000001\", cnonce=\"c\", algorithm=\"SHA-256\", opaque=\"o\"";

fn frames(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<sip::FrameError>) {
    let (mut framer, mut frames) = (StreamFramer::new(), Vec::new());
    for part in bytes.chunks(piece) {
        framer.push(part);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// Touches every reader; values are inside the message and hold no line ends.
fn read_everything(message: Message<'_>) {
    let _ = message.require_valid();
    let _ = (message.via(), message.from(), message.to(), message.call_id(), message.cseq());
    let _ = (message.max_forwards(), message.expires(), message.content_type(), message.method());
    message.contacts().for_each(drop);
    for (name, known, value) in message.headers() {
        assert!(!name.is_empty() && !value.contains(['\r', '\n', '\0']));
        assert_eq!(known, HeaderName::of(name));
        assert!(message.named(name).is_some());
        for value in message.values(known) {
            let _ = (Via::parse(value), NameAddr::parse(value).map(|address| address.params.iter().count()));
        }
    }
}

fn check_owned(message: Message<'_>) {
    let owned = message.to_owned();
    let view = owned.view();
    assert!(view.headers().eq(message.headers()));
    assert_eq!((view.body(), view.status()), (message.body(), message.status()));
    assert_eq!((view.request_uri(), view.method_text()), (message.request_uri(), message.method_text()));
}

/// The message again, from the parts that were read.
fn rewrite(message: Message<'_>) -> Result<Vec<u8>, WriteError> {
    let mut writer = match message.status() {
        Some(status) => MessageWriter::response(status, message.reason_phrase()),
        None => MessageWriter::request(message.method_text(), message.request_uri()),
    };
    let mut content_type = None;
    for (name, known, value) in message.headers() {
        match known {
            HeaderName::ContentLength => {}
            HeaderName::ContentType => content_type = Some(value),
            _ => drop(writer.header(name, value)),
        }
    }
    if !message.body().is_empty() {
        writer.body(content_type.unwrap_or("application/octet-stream"), message.body());
    }
    writer.finish().map(|bytes| bytes.to_vec())
}

fn check_rewritten(message: Message<'_>) {
    let written = match rewrite(message) {
        Ok(written) => written,
        Err(error) => {
            let fits =
                message.headers().count() < sip::limits::HEADERS_MAX - 1 && message.body().len() < 30_000;
            let short = message.headers().map(|(name, _, value)| name.len() + value.len() + 4).sum::<usize>()
                < 30_000;
            assert!(
                message.require_valid().is_err() || !fits || !short,
                "a valid message can be written: {error}"
            );
            return;
        }
    };
    let mut index = Index::new();
    let again = parse(&written, &mut index).expect("what we write can be read");
    assert_eq!(again.body(), message.body());
    assert_eq!(again.status(), message.status());
    assert_eq!((again.method_text(), again.request_uri()), (message.method_text(), message.request_uri()));
    let lines = |message: Message<'_>| -> Vec<(String, String)> {
        let others = message
            .headers()
            .filter(|(_, known, _)| !matches!(known, HeaderName::ContentLength | HeaderName::ContentType));
        others.map(|(name, _, value)| (name.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(lines(again), lines(message));
    assert_eq!(rewrite(again).expect("again"), written);
    let _ = again.status().map(reason_phrase_of);
}
