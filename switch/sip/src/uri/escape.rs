//! Percent escapes (RFC 3261 §19.1.2, RFC 2396 §2.4).
//!
//! Parsed URIs keep their escapes, because a proxy must not change them; these functions are for reading a user
//! part as a name and for writing one.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The octet that `%HH` at the front of `text` stands for.
pub(super) fn octet(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    match text {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// `text` with its escapes resolved; unchanged if that would not be UTF-8 or would hold control characters.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match octet(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(plain) if !plain.chars().any(char::is_control) => Cow::Owned(plain),
        _ => Cow::Borrowed(text),
    }
}

/// Writes a user name as the user part of a SIP URI: everything the grammar does not allow is escaped.
#[derive(Clone, Copy, Debug)]
pub struct EscapedUser<'a>(pub &'a str);

impl fmt::Display for EscapedUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            let plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte);
            if plain {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_survives_being_escaped() {
        let check = |name: &str, escaped: &str| {
            assert_eq!(EscapedUser(name).to_string(), escaped);
            assert_eq!(unescape(escaped), name);
        };
        check("alice", "alice");
        check("100 %", "100%20%25");
        check("a@b:c", "a%40b%3Ac");
        check("sigit wijayä", "sigit%20wijay%C3%A4");
    }

    #[test]
    fn escapes_that_make_no_text_stay_escapes() {
        for text in ["%ff", "a%00", "%0d%0aVia: x", "%4", "%", "%zz"] {
            assert_eq!(unescape(text), text);
        }
        assert_eq!(unescape("%41%zz%4"), "A%zz%4");
    }
}
