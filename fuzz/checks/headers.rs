//! What must hold for any value in any header: every typed reader ends well or with an error, and what is
//! written of a value reads back as that value.

use sip::write::{Address, Quoted};
use sip::{
    CSeq, ContactValue, HeaderName, Index, MessageWriter, NameAddr, Params, ReasonValue, Via, WriteError,
    parse, unquoted,
};

/// Long, compact and unknown names; the first byte of the input picks one.
const NAMES: [&str; 44] = [
    "Via",
    "v",
    "From",
    "f",
    "To",
    "t",
    "Call-ID",
    "i",
    "CSeq",
    "Max-Forwards",
    "Contact",
    "m",
    "Route",
    "Record-Route",
    "Path",
    "Expires",
    "Min-Expires",
    "Require",
    "Proxy-Require",
    "Supported",
    "k",
    "Reason",
    "Retry-After",
    "Warning",
    "Content-Type",
    "c",
    "Content-Length",
    "l",
    "Content-Encoding",
    "Event",
    "o",
    "Subscription-State",
    "RAck",
    "RSeq",
    "Session-Expires",
    "x",
    "Min-SE",
    "Privacy",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Refer-To",
    "Replaces",
    "Authorization",
    "X-Unknown",
];

/// One value: the first byte names the header, the rest is what stands in it.
pub fn headers(data: &[u8]) {
    let Some((name, value)) = data.split_first() else { return };
    let name = NAMES[usize::from(*name) % NAMES.len()];
    in_a_message(name, value);
    let Ok(text) = core::str::from_utf8(value) else { return };
    typed(text);
    written(name, text);
}

/// The value stands in a whole request, before and after the headers every request has.
fn in_a_message(name: &str, value: &[u8]) {
    for is_first in [true, false] {
        let mut bytes = b"OPTIONS sip:b@h SIP/2.0\r\n".to_vec();
        let line = [name.as_bytes(), b": ", value, b"\r\n"].concat();
        if is_first {
            bytes.extend(&line);
        }
        bytes.extend(b"v:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@h>;tag=1\r\nt:<sip:b@h>\r\ni:1\r\nCSeq:1 OPTIONS\r\n");
        if !is_first {
            bytes.extend(&line);
        }
        bytes.extend(b"\r\n");
        super::sip::message(&bytes);
        let mut index = Index::new();
        let Ok(message) = parse(&bytes, &mut index) else { continue };
        if message.require_valid().is_ok() {
            // What the layers above take for granted of a valid request.
            let via = message.via().expect("a Via");
            assert!(via.params.count_of("branch") <= 1);
            assert!(message.from().is_ok() && message.to().is_ok());
            assert!(message.call_id().is_ok_and(|id| !id.is_empty() && !id.contains(char::is_whitespace)));
            assert_eq!(message.cseq().expect("a CSeq").method_text, "OPTIONS");
            assert!(message.max_forwards().is_ok());
        }
    }
}

/// Every reader of a single value.
fn typed(text: &str) {
    if let Ok(via) = Via::parse(text) {
        let _ = (via.branch(), via.received(), via.rport());
        let again = format!("SIP/2.0/{} {}", via.transport, via.host);
        let again = via.port.map_or(again.clone(), |port| format!("{again}:{port}"));
        let read = Via::parse(&again).expect("what was read can be written");
        assert_eq!((read.transport, read.host, read.port), (via.transport, via.host, via.port));
    }
    if let Ok(address) = NameAddr::parse(text) {
        assert!(address.q().is_none_or(|q| q <= 1_000));
        let _ = (address.tag(), address.expires(), address.display_text());
    }
    if let Ok(ContactValue::Address(address)) = ContactValue::parse(text) {
        assert!(!address.uri.contains(['<', '>', ' ', '"']));
    }
    if let Ok(cseq) = CSeq::parse(text) {
        let written = format!("{} {}", cseq.number, cseq.method_text);
        assert_eq!(CSeq::parse(&written), Ok(cseq));
    }
    if let Some(reason) = ReasonValue::parse(text) {
        assert_eq!(ReasonValue::parse(&reason.to_string()), Some(reason), "{text:?}");
    }
    let params = Params::new(text);
    for (name, value) in params.iter() {
        assert!(params.count_of(name) > 0 && params.get(name).is_some());
        assert_eq!(
            value.map(str::trim_start),
            value.map(|value| value.trim_start_matches([' ', '\t'])).map(str::trim_start)
        );
    }
    let quoted = Quoted(text).to_string();
    assert_eq!(unquoted(&quoted), text, "quoting is undone by unquoting");
    let address = Address { display: Some(text), uri: "sip:b@h", tag: None }.to_string();
    assert_eq!(NameAddr::parse(&address).expect("ours").display_text().as_deref(), Some(text));
}

/// A value is written as one line of its header or not at all.
fn written(name: &str, text: &str) {
    let mut writer = MessageWriter::request("OPTIONS", "sip:b@h");
    writer.header(name, text).header("X-After", "here");
    match writer.finish() {
        Ok(bytes) => {
            let mut index = Index::new();
            let message = parse(&bytes, &mut index).expect("what we write can be read");
            let found: Vec<_> = message.headers().map(|(name, _, value)| (name, value)).collect();
            assert_eq!(found.len(), 3);
            assert_eq!(found[0], (name, text.trim_matches([' ', '\t'])));
            assert_eq!(found[1], ("X-After", "here"));
        }
        Err(WriteError::Value) => assert!(text.contains(['\r', '\n', '\0'])),
        Err(WriteError::Repeated) => assert_eq!(HeaderName::of(name), HeaderName::ContentLength),
        Err(error) => assert!(error == WriteError::TooLarge && text.len() > 60_000, "{error}"),
    }
}
