//! What a body is there for: the session description in it, alone or as one of several parts (RFC 3261 §8.2.3 and
//! §20.11, RFC 5621, RFC 2046 §5.1).
//!
//! A part that its sender insists on and that is not understood makes the whole request unacceptable; one marked
//! `handling=optional` is passed over. Parts inside parts are not looked for.

use bytes::Bytes;

use crate::endpoint::{Body, BodyHeaders};
use crate::message::fields::{Params, unquoted};

/// Parts of a body that are read; one with more is not.
pub const PARTS_MAX: usize = 8;

/// Why a body cannot be taken; each is answered 415.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ContentError {
    /// Something in it is of a kind or for a purpose that is not understood.
    #[error("unsupported content")]
    Kind,
    /// It is packed.
    #[error("unsupported content encoding")]
    Encoding,
}

/// The session description in a body; `None` when it has none and needs none.
///
/// # Errors
/// [`ContentError`] when the sender insists on something that is not understood.
pub fn session_description(body: &Body) -> Result<Option<Bytes>, ContentError> {
    let (kind, params) = split(&body.content_type);
    match kind.split_once('/') {
        Some((main, sub)) if main.eq_ignore_ascii_case("multipart") => {
            let boundary = Params::new(params).get("boundary").map(unquoted).ok_or(ContentError::Kind)?;
            let parts = parts(&body.bytes, &boundary).ok_or(ContentError::Kind)?;
            among(&parts, sub.eq_ignore_ascii_case("alternative"))
                .or_else(|error| unless_optional(body, error))
        }
        _ => alone(body),
    }
}

/// The description in a body without parts.
fn alone(body: &Body) -> Result<Option<Bytes>, ContentError> {
    let is_packed = body.encoding().is_some_and(|how| !how.eq_ignore_ascii_case("identity"));
    let is_sdp = split(&body.content_type).0.eq_ignore_ascii_case("application/sdp");
    let purpose = body.disposition().map(|value| split(value).0);
    let is_session = purpose.is_none_or(|purpose| purpose.eq_ignore_ascii_case("session"));
    match (is_sdp && is_session, is_packed) {
        (true, false) => Ok(Some(body.bytes.clone())),
        (true, true) => unless_optional(body, ContentError::Encoding),
        (false, _) => unless_optional(body, ContentError::Kind),
    }
}

/// The description among parts. Of alternatives the last one that is understood counts, and the others need not be.
fn among(parts: &[Body], are_alternatives: bool) -> Result<Option<Bytes>, ContentError> {
    let read: Vec<_> = parts.iter().map(alone).collect();
    if are_alternatives {
        let last = read.iter().rev().find_map(|part| part.as_ref().ok().cloned().flatten());
        return last.map(Some).ok_or(ContentError::Kind);
    }
    let mut found = None;
    for part in read {
        match (part?, &found) {
            (Some(_), Some(_)) => return Err(ContentError::Kind),
            (Some(one), None) => found = Some(one),
            (None, _) => {}
        }
    }
    Ok(found)
}

fn unless_optional(body: &Body, error: ContentError) -> Result<Option<Bytes>, ContentError> {
    let handling = body.disposition().and_then(|value| Params::new(split(value).1).get("handling"));
    if handling.is_some_and(|handling| handling.eq_ignore_ascii_case("optional")) {
        Ok(None)
    } else {
        Err(error)
    }
}

/// The parts between lines of `--boundary`; `None` when they are not closed, or too many.
fn parts(bytes: &Bytes, boundary: &str) -> Option<Vec<Body>> {
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let (mut parts, mut start, mut at) = (Vec::new(), None, 0);
    while at < bytes.len() {
        let line = bytes.get(at..)?;
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        let text = line.get(..end)?.trim_ascii_end();
        if let Some(rest) = text.strip_prefix(delimiter.as_bytes()) {
            let is_last = rest == b"--";
            if !is_last && !rest.is_empty() {
                at += end;
                continue;
            }
            if let Some(start) = start.replace(at + end) {
                // The line end before a delimiter belongs to it.
                let part = bytes.slice(start..at.max(start));
                let part = part.strip_suffix(b"\r\n").or(part.strip_suffix(b"\n")).unwrap_or(&part);
                parts.push(part_of(&bytes.slice_ref(part)));
            }
            if is_last {
                return (!parts.is_empty()).then_some(parts);
            }
            if parts.len() == PARTS_MAX {
                return None;
            }
        }
        at += end;
    }
    None
}

/// A part's own headers and bytes. One without headers is plain text (RFC 2046 §5.1).
fn part_of(bytes: &Bytes) -> Body {
    let mut part = Body::new("text/plain", Bytes::new());
    let mut headers = BodyHeaders::default();
    let mut at = 0;
    while let Some(line) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        let text = std::str::from_utf8(line.get(..end).unwrap_or(line)).unwrap_or_default().trim();
        at += end;
        let Some((name, value)) = text.split_once(':') else { break };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => part.content_type = value.to_owned().into(),
            "content-disposition" => headers.disposition = Some(value.into()),
            "content-encoding" | "e" => headers.encoding = Some(value.into()),
            "content-transfer-encoding" if !is_plain(value) => headers.encoding = Some(value.into()),
            _ => {}
        }
    }
    part.headers = Some(Box::new(headers));
    part.bytes = bytes.slice(at.min(bytes.len())..);
    part
}

/// Transfer encodings that change nothing (RFC 2045 §6.2).
fn is_plain(encoding: &str) -> bool {
    ["binary", "8bit", "7bit"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain))
}

fn split(value: &str) -> (&str, &str) {
    let (first, params) = value.split_once(';').unwrap_or((value, ""));
    (first.trim(), params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\ns=-\r\n";

    fn body(content_type: &'static str, disposition: &str, encoding: &str, text: &str) -> Body {
        let mut body = Body::new(content_type, text.to_owned());
        let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        body.headers =
            Some(Box::new(BodyHeaders { disposition: told(disposition), encoding: told(encoding) }));
        body
    }

    #[test]
    fn rfc_3261_8_2_3_a_body_alone() {
        let found = Ok(Some(Bytes::from(SDP)));
        for (content_type, disposition, encoding, expected) in [
            ("application/sdp", "", "", found.clone()),
            ("Application/SDP;charset=utf-8", "session;handling=required", "identity", found),
            ("application/sdp", "", "gzip", Err(ContentError::Encoding)),
            ("application/sdp", "session;handling=optional", "gzip", Ok(None)),
            ("application/sdp", "render", "", Err(ContentError::Kind)),
            ("application/sdp", "early-session; handling=optional", "", Ok(None)),
            ("text/plain", "", "", Err(ContentError::Kind)),
            ("text/plain", "render;handling=\"optional\"", "", Err(ContentError::Kind)),
            ("text/plain", "render;handling=Optional", "", Ok(None)),
        ] {
            let read = session_description(&body(content_type, disposition, encoding, SDP));
            assert_eq!(read, expected, "{content_type} {disposition} {encoding}");
        }
    }

    const MIXED: &str = "multipart/mixed;boundary=\"b 1\"";

    fn mixed(parts: &[(&str, &str)]) -> String {
        let part = |(headers, text): &(&str, &str)| format!("--b 1\r\n{headers}\r\n{text}\r\n");
        parts.iter().map(part).collect::<String>() + "--b 1--\r\n"
    }

    const OFFER: (&str, &str) = ("Content-Type: application/sdp\r\n", SDP);

    #[test]
    fn rfc_5621_the_description_is_found_among_parts() {
        let place = "<presence/>";
        let optional =
            "Content-Type: application/pidf+xml\r\nContent-Disposition: render;handling=optional\r\n";
        let required = "Content-Type: application/pidf+xml\r\n";
        let base64 = "Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n";
        let binary = "c: application/sdp\r\nContent-Transfer-Encoding: binary\r\n";
        let found = Ok(Some(Bytes::from(SDP)));
        for (parts, expected) in [
            (vec![OFFER], found.clone()),
            (vec![OFFER, (optional, place)], found.clone()),
            (vec![(optional, place), (binary, SDP)], found.clone()),
            (vec![(optional, place)], Ok(None)),
            (vec![OFFER, (required, place)], Err(ContentError::Kind)),
            (vec![OFFER, OFFER], Err(ContentError::Kind)),
            (vec![(base64, SDP)], Err(ContentError::Encoding)),
            (vec![OFFER, ("", "words")], Err(ContentError::Kind)),
            (vec![OFFER; PARTS_MAX + 1], Err(ContentError::Kind)),
            (vec![], Err(ContentError::Kind)),
        ] {
            let read = session_description(&body(MIXED, "", "", &mixed(&parts)));
            assert_eq!(read, expected, "{parts:?}");
        }
        let text = mixed(&[("Content-Type: application/x-new\r\n", "?"), OFFER, (required, place)]);
        assert_eq!(
            session_description(&body("multipart/alternative;boundary=\"b 1\"", "", "", &text)),
            found
        );
    }

    #[test]
    fn rfc_2046_5_1_what_is_cut_off_or_without_boundary_is_not_read() {
        let whole = mixed(&[OFFER]);
        for length in 0..whole.trim_end().len() {
            let read = session_description(&body(MIXED, "", "", &whole[..length]));
            assert_eq!(read, Err(ContentError::Kind), "{length} bytes");
        }
        for content_type in ["multipart/mixed", "multipart/mixed;boundary=\"\"", "multipart"] {
            assert!(session_description(&body(content_type, "", "", &whole)).is_err(), "{content_type}");
        }
        let preamble = format!("--b 1 is no line of ours\r\n{whole}and after it");
        assert_eq!(session_description(&body(MIXED, "", "", &preamble)), Ok(Some(Bytes::from(SDP))));
    }
}
