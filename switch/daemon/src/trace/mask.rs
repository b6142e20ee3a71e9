//! Takes secrets out of a message before anybody sees it: what a phone proves its password with, media keys, and the keys
//! that somebody presses, which may be the digits of a card.
//!
//! Digest keeps its other parameters, for whoever looks for a wrong realm or nonce: without `response` they are no
//! oracle for guessing (RFC 7616 §3.4). Every other scheme is masked whole. SDES keys are those of RFC 4568 §6.1.
//! Lengths stay, so that Content-Length stays true.

use std::borrow::Cow;

/// What stands in place of a secret, byte for byte.
const MASK: u8 = b'*';

/// The message as it may be shown.
pub fn masked(message: &[u8]) -> Cow<'_, [u8]> {
    let mut shown = Cow::Borrowed(message);
    let head_bytes = head_bytes(message);
    for secret in secrets_of_head(message.get(..head_bytes).unwrap_or_default()) {
        fill(&mut shown, secret);
    }
    let mut at = head_bytes;
    if tells_pressed_key(message.get(..head_bytes).unwrap_or_default()) {
        fill(&mut shown, head_bytes..message.len());
        return shown;
    }
    while let Some(found) = message.get(at..).and_then(|rest| memchr::memmem::find(rest, b"inline:")) {
        let start = at + found + b"inline:".len();
        let rest = message.get(start..).unwrap_or_default();
        let bytes = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'|');
        at = start + bytes.unwrap_or(rest.len());
        fill(&mut shown, start..at);
    }
    shown
}

fn fill(shown: &mut Cow<'_, [u8]>, secret: std::ops::Range<usize>) {
    if let Some(bytes) = shown.to_mut().get_mut(secret) {
        bytes.fill(MASK);
    }
}

/// Whether its body is a key that was pressed: `application/dtmf-relay`, `application/dtmf`.
fn tells_pressed_key(head: &[u8]) -> bool {
    let is_info = head.starts_with(b"INFO ");
    is_info
        && head.split(|byte| *byte == b'\n').any(|line| {
            let lower = line.to_ascii_lowercase();
            let Some(colon) = memchr::memchr(b':', &lower) else { return false };
            let (name, value) = lower.split_at(colon);
            matches!(name.trim_ascii(), b"content-type" | b"c")
                && memchr::memmem::find(value, b"application/dtmf").is_some()
        })
}

/// Where the body begins.
fn head_bytes(message: &[u8]) -> usize {
    let end = |separator: &[u8]| memchr::memmem::find(message, separator).map(|at| at + separator.len());
    end(b"\r\n\r\n").into_iter().chain(end(b"\n\n")).min().unwrap_or(message.len())
}

/// The places to be masked in the start line and headers.
fn secrets_of_head(head: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut secrets = Vec::new();
    let mut start = 0;
    let mut is_secret = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let is_continued = matches!(line.first(), Some(b' ' | b'\t'));
        let mut value = 0;
        if !is_continued {
            let colon = memchr::memchr(b':', line);
            is_secret = colon.is_some_and(|colon| is_credential(line.get(..colon).unwrap_or_default()));
            value = colon.map_or(0, |colon| colon + 1);
        }
        if is_secret {
            let text = line.get(value..).unwrap_or_default();
            secrets.extend(
                secrets_of_value(text, is_continued)
                    .into_iter()
                    .map(|secret| (start + value + secret.start)..(start + value + secret.end)),
            );
        }
        start += line.len();
    }
    secrets
}

fn is_credential(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    [&b"authorization"[..], b"proxy-authorization", b"authentication-info"]
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// In a line of credentials: the value of `response` or `rspauth` for Digest, else everything behind the scheme.
fn secrets_of_value(line: &[u8], is_continued: bool) -> Vec<std::ops::Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let first = lower.trim_ascii_start();
    let has_parameters =
        [&b"response"[..], b"rspauth"].iter().any(|name| memchr::memmem::find(first, name).is_some());
    if !(is_continued || first.starts_with(b"digest") || has_parameters) {
        let skipped = line.len() - first.len();
        let scheme = first.iter().position(u8::is_ascii_whitespace).unwrap_or(first.len());
        let credentials = (skipped + scheme)..line.trim_ascii_end().len();
        return vec![credentials];
    }
    let mut secrets = Vec::new();
    for name in [&b"response"[..], b"rspauth"] {
        for at in memchr::memmem::find_iter(&lower, name) {
            let after = at + name.len();
            let rest = lower.get(after..).unwrap_or_default();
            let Some(equals) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) else { continue };
            if rest.get(equals) != Some(&b'=') {
                continue;
            }
            let value = after + equals + 1;
            let rest = lower.get(value..).unwrap_or_default();
            let bytes = rest.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n'));
            secrets.push(value..value + bytes.unwrap_or(rest.len()));
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str) {
        let message = |header: &str| format!("INVITE sip:a@b SIP/2.0\r\n{header}\r\nl: 0\r\n\r\n");
        let shown = masked(message(from).as_bytes()).into_owned();
        assert_eq!(String::from_utf8(shown).unwrap(), message(to));
    }

    #[test]
    fn what_proves_a_password_is_masked_and_the_rest_stays() {
        check(
            "Authorization: Digest username=\"u\", nonce=\"n\", response=\"0123\", algorithm=MD5",
            "Authorization: Digest username=\"u\", nonce=\"n\", response=******, algorithm=MD5",
        );
        check("PROXY-authorization :Digest ReSponse = \"ab\"", "PROXY-authorization :Digest ReSponse =*****");
        check(
            "Authorization: Digest username=\"u\",\r\n response=\"abc\"",
            "Authorization: Digest username=\"u\",\r\n response=*****",
        );
        check("Authorization: Basic dTpw", "Authorization: Basic*****");
        check("Authentication-Info: rspauth=\"ab\", qop=auth", "Authentication-Info: rspauth=****, qop=auth");
        check("Subject: response=\"mine\"", "Subject: response=\"mine\"");
    }

    #[test]
    fn a_media_key_is_masked() {
        let sdp = |key: &str| {
            format!(
                "INVITE sip:a@b SIP/2.0\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20\r\na=x\r\n"
            )
        };
        assert_eq!(masked(sdp("c2VjcmV0").as_bytes()), sdp("********").as_bytes());
    }

    #[test]
    fn a_key_that_was_pressed_is_masked() {
        let info = |kind: &str, body: &str| format!("INFO sip:a@b SIP/2.0\r\n{kind}\r\n\r\n{body}");
        for kind in ["Content-Type: application/dtmf-relay", "c:Application/DTMF"] {
            assert_eq!(masked(info(kind, "Signal=5").as_bytes()), info(kind, "********").as_bytes());
        }
        let other = info("Content-Type: text/plain", "Signal=5");
        assert_eq!(masked(other.as_bytes()), other.as_bytes());
    }

    #[test]
    fn a_message_without_secrets_is_not_copied() {
        assert!(matches!(masked(b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n"), Cow::Borrowed(_)));
    }
}
