//! Keys that a phone presses and tells by INFO instead of in its media: `application/dtmf-relay`, with `Signal=` and
//! `Duration=`, and `application/dtmf`, with the key alone. Neither has an RFC; every phone that sends them does it like this.
//!
//! What is read here is kept nowhere and shown to nobody: a key may be a digit of a card.

use serde::{Deserialize, Serialize};
use sip::Message;
use streams::keys::Key;

/// How long a key is pressed whose phone does not say: what most IVRs ask for and one finger takes, in milliseconds.
pub(super) const KEY_MS_USUAL: u16 = 120;
/// More octets say no key.
const KEY_BODY_BYTES_MAX: usize = 128;

/// How a phone tells its keys. Some tell each by two ways at once: the first by which one comes is the way of that phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// As events or tones (RFC 4733, ITU-T Q.23).
    Media,
    /// By INFO.
    Info,
}

/// What an INFO tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// This key was pressed, for so many milliseconds.
    Key(Key, u16),
    /// A flash, or something that is about no key at all.
    NoKey,
    /// A key that cannot be read.
    Unreadable,
}

/// Reads the body of an INFO.
pub(super) fn told(info: &Message<'_>) -> Told {
    let kind = info.content_type().and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let is_relay = kind.eq_ignore_ascii_case("application/dtmf-relay");
    if !is_relay && !kind.eq_ignore_ascii_case("application/dtmf") {
        return Told::NoKey;
    }
    let body = info.body().get(..info.body().len().min(KEY_BODY_BYTES_MAX)).unwrap_or_default();
    let text = std::str::from_utf8(body).unwrap_or_default();
    let field = |wanted: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(value.trim())
        })
    };
    let ms = field("duration").and_then(|value| value.parse().ok()).unwrap_or(KEY_MS_USUAL);
    match field("signal").or((!is_relay).then_some(text)).map(str::trim) {
        Some(signal) => named(signal, ms),
        None => Told::Unreadable,
    }
}

/// `5`, `*`, `a`; or an event code, of which the first ten are the same (RFC 4733 §3.2).
fn named(signal: &str, ms: u16) -> Told {
    let mut signs = signal.chars();
    let key = match (signs.next(), signs.next()) {
        (Some(sign), None) => Key::of_sign(sign),
        _ => match signal.parse() {
            Ok(16) => return Told::NoKey,
            code => code.ok().and_then(Key::of_event),
        },
    };
    key.map_or(Told::Unreadable, |key| Told::Key(key, ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::OwnedMessage;

    fn check(kind: &str, body: &str, expected: &str) {
        let text = format!(
            "INFO sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: e\r\nCSeq: 2 INFO\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let message = OwnedMessage::parse(text.as_bytes()).unwrap();
        let found = match told(&message.view()) {
            Told::Key(key, ms) if ms != KEY_MS_USUAL => format!("{} {ms}", key.sign()),
            Told::Key(key, _) => key.sign().to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{kind} {body:?}");
    }

    #[test]
    fn keys_are_read_as_phones_write_them() {
        for (kind, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5 160"),
            ("application/dtmf-relay", "Signal= *\r\nDuration= 250", "* 250"),
            ("Application/DTMF-Relay; charset=utf-8", "signal=#\n", "#"),
            ("application/dtmf-relay", "Duration=100\r\nSignal=11\r\n", "# 100"),
            ("application/dtmf", "7", "7"),
            ("application/dtmf", " 7\r\n", "7"),
            ("application/dtmf", "10", "*"),
            ("application/dtmf", "Signal=d\r\n", "D"),
        ] {
            check(kind, body, key);
        }
    }

    #[test]
    fn what_is_no_key_is_told_from_what_is_a_broken_one() {
        check("application/media_control+xml", "<x/>", "NoKey");
        check("application/dtmf-relay", "Signal=16\r\n", "NoKey");
        check("application/dtmf-relay", "", "Unreadable");
        check("application/dtmf-relay", "5", "Unreadable");
        check("application/dtmf-relay", "Signal=55\r\n", "Unreadable");
        check("application/dtmf", "hash", "Unreadable");
        check("application/dtmf", &format!("{}5", " ".repeat(200)), "Unreadable");
    }
}
