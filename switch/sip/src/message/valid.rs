//! Whether a message is fit to be acted on, and what to answer if not (RFC 3261 §8.1.1, §8.2, §16.3).
//!
//! Checks only what every element needs: start line, the mandatory fields, fields given twice. It does not judge
//! extensions (`Require`), hops, bodies or dialogs; the endpoint and the registrar do.

use super::Message;
use super::fields::{ContactValue, FieldError, FieldProblem, NameAddr, Via};
use super::index::StartLine;
use crate::branch::has_cookie;
use crate::header::HeaderName;
use crate::limits::URI_BYTES_MAX;
use crate::method::Method;
use crate::parse::token::is_token;
use crate::uri::{Scheme, Uri, UriError};

/// The refusal of a request. A response with such a fault is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{status} {reason}")]
pub struct Invalid {
    /// The status code to answer.
    pub status: u16,
    /// The reason phrase, which says what is wrong.
    pub reason: &'static str,
}

const fn bad(reason: &'static str) -> Invalid {
    Invalid { status: 400, reason }
}

impl From<FieldError> for Invalid {
    fn from(error: FieldError) -> Self {
        let missing = error.problem == FieldProblem::Missing;
        bad(match error.header {
            HeaderName::Via if missing => "Missing Via",
            HeaderName::Via => "Malformed Via",
            HeaderName::From if missing => "Missing From",
            HeaderName::From => "Malformed From",
            HeaderName::To if missing => "Missing To",
            HeaderName::To => "Malformed To",
            HeaderName::CallId if missing => "Missing Call-ID",
            HeaderName::CallId => "Malformed Call-ID",
            HeaderName::CSeq if missing => "Missing CSeq",
            HeaderName::CSeq => "Malformed CSeq",
            HeaderName::MaxForwards => "Malformed Max-Forwards",
            HeaderName::Contact if missing => "Missing Contact",
            HeaderName::Contact => "Malformed Contact",
            _ => "Malformed Header",
        })
    }
}

impl Message<'_> {
    /// Checks everything the layers above rely on.
    ///
    /// Absent `Max-Forwards`, `From` tag and `Via` branch are accepted: RFC 2543 peers send none (RFC 4475 §3.4.1).
    /// Such a peer's INVITE, known by its branch, may also lack `Contact`.
    ///
    /// # Errors
    /// What to answer to the request; for a response any error means: drop it.
    pub fn require_valid(&self) -> Result<(), Invalid> {
        self.check_start_line()?;
        if self.index().repeated_singles() != 0 {
            return Err(bad("Header Given Twice"));
        }
        self.check_vias()?;
        check_party(&self.from()?, HeaderName::From)?;
        check_party(&self.to()?, HeaderName::To)?;
        self.call_id()?;
        let cseq = self.cseq()?;
        if !self.is_request() {
            return Ok(());
        }
        if cseq.method_text != self.method_text() {
            return Err(bad("CSeq Method Mismatch"));
        }
        self.max_forwards()?;
        self.check_contacts()
    }

    fn check_start_line(&self) -> Result<(), Invalid> {
        match self.index().start {
            StartLine::Request { version_known: false, .. }
            | StartLine::Response { version_known: false, .. } => {
                Err(Invalid { status: 505, reason: "Version Not Supported" })
            }
            StartLine::Response { .. } => Ok(()),
            StartLine::Request { well_formed: false, .. } => Err(bad("Malformed Request Line")),
            StartLine::Request { .. } => check_request_uri(self.request_uri()),
        }
    }

    /// All of them, because a response carries all of them back.
    fn check_vias(&self) -> Result<(), Invalid> {
        self.via()?;
        let sound = |value| {
            Via::parse(value).is_ok_and(|via| via.version == "2.0" && via.params.count_of("branch") <= 1)
        };
        if self.values(HeaderName::Via).all(sound) { Ok(()) } else { Err(bad("Malformed Via")) }
    }

    /// A request that opens a dialog names where to reach its sender (§8.1.1.8); the others may.
    fn check_contacts(&self) -> Result<(), Invalid> {
        let invite = self.method() == Method::Invite;
        let mut count = 0;
        for contact in self.contacts() {
            count += 1;
            let is_usable = match contact? {
                ContactValue::All => self.method() == Method::Register,
                // It becomes the Request-URI of ours (§12.2.1.1).
                ContactValue::Address(contact) => Uri::parse(contact.uri).is_ok(),
            };
            if !is_usable {
                return Err(bad("Malformed Contact"));
            }
        }
        let is_rfc_3261 = self.via()?.branch().is_some_and(has_cookie);
        if invite && count == 0 && is_rfc_3261 {
            return Err(FieldError::missing(HeaderName::Contact).into());
        }
        if invite && count > 1 {
            return Err(bad("More Than One Contact"));
        }
        Ok(())
    }
}

/// §8.2.2.1 and §19.1.1: a known scheme, well formed, no headers in it.
fn check_request_uri(text: &str) -> Result<(), Invalid> {
    if text.len() > URI_BYTES_MAX {
        return Err(Invalid { status: 414, reason: "Request-URI Too Long" });
    }
    let uri = Uri::parse(text).map_err(|error| match error {
        UriError::TooLong => Invalid { status: 414, reason: "Request-URI Too Long" },
        _ => bad("Malformed Request-URI"),
    })?;
    match uri.scheme {
        Scheme::Other => Err(Invalid { status: 416, reason: "Unsupported URI Scheme" }),
        Scheme::Sip | Scheme::Sips if !uri.headers.is_empty() => Err(bad("Headers In Request-URI")),
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
    }
}

/// From or To: SIP URIs in it must be readable, other schemes are only names here; one token as tag at most.
fn check_party(party: &NameAddr<'_>, header: HeaderName) -> Result<(), Invalid> {
    let malformed = Invalid::from(FieldError::malformed(header));
    let tags = party.params.count_of("tag");
    let tag_is_token = party.params.get("tag").is_none_or(|tag| is_token(tag.as_bytes()));
    if tags > 1 || !tag_is_token || Uri::parse(party.uri).is_err() {
        return Err(malformed);
    }
    Ok(())
}
