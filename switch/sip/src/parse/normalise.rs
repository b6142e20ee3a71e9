//! The rare path: a head that is folded, not UTF-8 or quotes a NUL, rewritten once into text that is none of it.
//!
//! A fold and the white space around it become one space, which means the same (RFC 3261 §7.3.1, §25.1 LWS).
//! Bytes that are not UTF-8 are taken for Latin-1, what old phones send in display names: each becomes the
//! character of that number. Values then compare equal among themselves, and writing them out is valid UTF-8. A
//! quoted NUL (RFC 4475 §3.1.1.2) becomes U+FFFD: it is data of the peer's, and NUL never gets out again.

use super::head::line;
use super::token::is_blank;

/// Rewrites `head`, blank line included, into `text`.
pub(super) fn normalise(head: &[u8], text: &mut String) {
    text.clear();
    let start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(head.len());
    let (mut at, mut lines) = (start, 0_usize);
    while let Ok(found) = line(head, at) {
        let content = head.get(at..found.end).unwrap_or_default();
        let continues = content.first().is_some_and(|byte| is_blank(*byte));
        // The start line cannot be continued: the scan after this refuses a blank behind it.
        if continues && lines >= 2 {
            text.truncate(text.trim_end_matches(['\n', ' ', '\t']).len());
            text.push(' ');
            let blanks = content.iter().take_while(|byte| is_blank(**byte)).count();
            push_decoded(content.get(blanks..).unwrap_or_default(), text);
        } else {
            push_decoded(content, text);
            lines += 1;
        }
        text.push('\n');
        at = found.next;
    }
}

fn push_decoded(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for (no, piece) in chunk.valid().split('\0').enumerate() {
            if no > 0 {
                text.push(char::REPLACEMENT_CHARACTER);
            }
            text.push_str(piece);
        }
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
}
