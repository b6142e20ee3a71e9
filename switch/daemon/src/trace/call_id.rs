//! Finds the Call-ID in a message without parsing it (RFC 3261 §8.1.1.4, compact form §7.3.3).
//!
//! The parser has done its work by then and has not kept it; one header line is all that is wanted here. A Call-ID on
//! a folded line is not found, and such a message is missing from the ladder.

/// The value, without the space around it.
pub(super) fn of(message: &[u8]) -> Option<&[u8]> {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', message) {
        let line = message.get(start..end)?;
        start = end + 1;
        match line {
            [b'C' | b'c', b'a' | b'A', ..] | [b'I' | b'i', ..] => {
                if let Some(value) = value_of(line) {
                    return Some(value);
                }
            }
            // The blank line: no header follows.
            [] | [b'\r', ..] => return None,
            _ => {}
        }
    }
    None
}

fn value_of(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let is_it = name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i");
    is_it.then(|| value.get(1..).unwrap_or_default().trim_ascii())
}

/// Whether the message is a request that can begin a call.
pub(super) fn is_of_invite(message: &[u8]) -> bool {
    message.starts_with(b"INVITE ") || message.starts_with(b"ACK ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_id_is_found_in_its_forms_and_nowhere_else() {
        let check = |headers: &str, expected: Option<&str>| {
            let message = format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n\r\nCall-ID: body\r\n");
            assert_eq!(of(message.as_bytes()), expected.map(str::as_bytes), "{headers}");
        };
        check("Via: x\r\nCall-ID: one@host\r\nContact: y", Some("one@host"));
        check("v: x\r\ni:two\r\nl: 0", Some("two"));
        check("CSeq: 1 INVITE\r\ncall-id \t:  three  ", Some("three"));
        check("Contact: <sip:i:x@y>\r\nContent-Length: 0", None);
        assert_eq!(of(b""), None);
        assert_eq!(of(b"INVITE sip:a@b SIP/2.0\nCall-ID: lf\n\n"), Some(&b"lf"[..]));
    }
}
