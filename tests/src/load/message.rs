//! Messages as text: just enough to write right ones and to find what a load needs in those that come.

use std::fmt::Write as _;

use super::switch::{DOMAIN, ha1};
use crate::world::phone::digest::Algorithm;

/// The value of a header in the form the switch writes it.
pub fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.split("\r\n\r\n").next()?;
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// All values of a header.
fn headers<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The status of a response; `None` for a request.
pub fn status(text: &str) -> Option<u16> {
    text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// What stands between the angle brackets.
pub fn inside(value: &str) -> &str {
    value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(uri, _)| uri)
}

/// The port of the only media stream.
pub fn media_port(text: &str) -> Option<u16> {
    text.split("m=audio ").nth(1)?.split(' ').next()?.parse().ok()
}

/// A description with one stream of A-law.
pub fn description(address: std::net::IpAddr, port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\n"
    )
}

/// The answer to a challenge, as a header line.
pub fn authorization(challenge: &str, user: &str, method: &str, uri: &str) -> Option<String> {
    let nonce = header(challenge, "WWW-Authenticate")?.split("nonce=\"").nth(1)?.split('"').next()?;
    let ha2 = Algorithm::Md5.hash(&format!("{method}:{uri}"));
    let response = Algorithm::Md5.hash(&format!("{}:{nonce}:00000001:c:auth:{ha2}", ha1(user)));
    Some(format!(
        "Authorization: Digest username=\"{user}\", realm=\"{DOMAIN}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n"
    ))
}

/// A message with a body of its own length.
pub fn with_body(mut head: String, body: &str) -> String {
    if !body.is_empty() {
        head.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n{body}", body.len());
    head
}

/// A response to a request, with a tag of ours and a contact.
pub fn response(request: &str, line: &str, contact: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {line}\r\n");
    for via in headers(request, "Via") {
        let _ = write!(text, "Via: {via}\r\n");
    }
    for name in ["From", "Call-ID", "CSeq"] {
        let _ = write!(text, "{name}: {}\r\n", header(request, name).unwrap_or_default());
    }
    let to = header(request, "To").unwrap_or_default();
    let tag = if to.contains(";tag=") { "" } else { ";tag=callee" };
    let _ = write!(text, "To: {to}{tag}\r\nContact: <{contact}>\r\n");
    with_body(text, body)
}
