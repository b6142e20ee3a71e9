//! Character classes of RFC 3261 §25.1 and the few scans that are built on them.
//!
//! White space here is SP and HT only: line ends never reach these functions.

use memchr::{memchr, memchr2};

/// Whether `byte` may stand in a token: method, header name, tag, parameter name.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
        | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether `text` is a token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// SP or HT.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `text` without SP and HT at both ends.
pub(crate) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    let start = bytes.iter().take(end).take_while(|byte| is_blank(**byte)).count();
    text.get(start..end).unwrap_or(text)
}

/// An unsigned number of ASCII digits only: no sign, no blanks, no overflow.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// As [`number`], but a number too large for 32 bits is `u32::MAX`: how RFC 3261 §20.19 wants intervals read.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

/// Where in `text` the quoted string that opens at its first byte closes: the offset of the closing quote.
pub(crate) fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// The first `separator` in `text` that is not inside a quoted string nor, if `brackets`, inside `<…>`.
pub(crate) fn find_outside(text: &str, separator: u8, brackets: bool) -> Option<usize> {
    // Nearly every list is this simple, and every list is looked at.
    let first = memchr(separator, text.as_bytes())?;
    if memchr2(b'"', b'<', text.as_bytes().get(..first)?).is_none() {
        return Some(first);
    }
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted {
            match byte {
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if bracketed {
            // A quote is no URI character: one inside <…> does not open a string that could hide the '>'.
            bracketed = byte != b'>';
        } else if byte == separator {
            return Some(at);
        } else if byte == b'"' {
            quoted = true;
        } else if byte == b'<' {
            bracketed = brackets;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_count() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(find_outside(text, b',', true), expected, "{text}");
        };
        check("a,b", Some(1));
        check(r#""a,b",c"#, Some(5));
        check(r#""a\",b",c"#, Some(7));
        check("<sip:a,b@c>,d", Some(11));
        check("<sip:a\"b@c>,d", Some(11));
        check(r#""never closed, so one value"#, None);
        check("<sip:never,closed", None);
    }

    #[test]
    fn numbers_have_digits_and_nothing_else() {
        for text in ["", "-1", "+1", " 1", "1 ", "0x1", "1.0", "١"] {
            assert_eq!(number(text), None, "{text}");
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(number("007"), Some(7));
        assert_eq!(number("99999999999999999999999"), None);
        assert_eq!(seconds("99999999999999999999999"), Some(u32::MAX));
    }
}
