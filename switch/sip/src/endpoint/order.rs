//! What the owner hands to an endpoint: replies, bodies, INVITEs, reasons. Plain values.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Login;
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::message::fields::{Params, unquoted};
use crate::method::Method;
use crate::parse::token::is_token;
use crate::write::{MessageWriter, Quoted};

use super::config::{RELIABLE, TIMER};

/// Further headers of a message, in order. The ones that carry transactions and dialogs (Via, From, To,
/// Call-ID, CSeq, Max-Forwards, Route, Record-Route, Content-Length) are written by the endpoint.
pub type ExtraHeaders = Vec<(Cow<'static, str>, String)>;

/// The media type of a session description (RFC 8866 §8.2.1).
const SDP: &str = "application/sdp";

/// A body and its type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Body {
    /// Value of `Content-Type`.
    pub content_type: Cow<'static, str>,
    /// What else its headers say; `None` for nearly all.
    pub headers: Option<Box<BodyHeaders>>,
    /// The bytes.
    pub bytes: Bytes,
}

/// What headers say about a body but its type and length (RFC 3261 §7.4).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BodyHeaders {
    /// Value of `Content-Disposition`: what it is for and whether its sender insists on it (§20.11).
    pub disposition: Option<String>,
    /// Value of `Content-Encoding`.
    pub encoding: Option<String>,
}

impl Body {
    /// A body of this type, for whatever such bodies are for.
    pub fn new(content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), headers: None, bytes: bytes.into() }
    }

    /// A session description.
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self::new(SDP, bytes)
    }

    /// Whether it is a session description, alone or among other parts: an offer or an answer (RFC 3264).
    #[must_use]
    pub fn is_description(&self) -> bool {
        let media_type = self.content_type.split(';').next().unwrap_or("").trim();
        media_type.eq_ignore_ascii_case("application/sdp")
            || media_type.get(..10).is_some_and(|head| head.eq_ignore_ascii_case("multipart/"))
    }

    /// The body of a message; `None` when it is empty.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<Self> {
        if message.body().is_empty() {
            return None;
        }
        // With its parameters: a multipart body cannot be read without its boundary.
        let content_type = message.first(HeaderName::ContentType).unwrap_or("application/octet-stream");
        let value = |name| message.first(name).map(str::to_owned);
        let headers = BodyHeaders {
            disposition: value(HeaderName::ContentDisposition),
            encoding: value(HeaderName::ContentEncoding),
        };
        Some(Self {
            content_type: match content_type {
                SDP => Cow::Borrowed(SDP),
                other => Cow::Owned(other.to_owned()),
            },
            headers: (headers != BodyHeaders::default()).then(|| Box::new(headers)),
            bytes: Bytes::copy_from_slice(message.body()),
        })
    }

    pub(crate) fn disposition(&self) -> Option<&str> {
        self.headers.as_ref()?.disposition.as_deref()
    }

    pub(crate) fn encoding(&self) -> Option<&str> {
        self.headers.as_ref()?.encoding.as_deref()
    }

    /// Puts it into a message.
    pub(crate) fn write(&self, writer: &mut MessageWriter) {
        if let Some(disposition) = self.disposition() {
            writer.header(HeaderName::ContentDisposition, disposition);
        }
        if let Some(encoding) = self.encoding() {
            writer.header(HeaderName::ContentEncoding, encoding);
        }
        writer.body(&self.content_type, &self.bytes);
    }
}

/// A final answer, or a provisional one to a request that is no INVITE.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The reason phrase; the usual one when `None`.
    pub phrase: Option<Box<str>>,
    /// Further headers.
    pub headers: ExtraHeaders,
    /// The body.
    pub body: Option<Body>,
}

impl Reply {
    /// A bare answer.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, phrase: None, headers: Vec::new(), body: None }
    }

    /// Appends a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Appends a `Reason` header (RFC 3326).
    #[must_use]
    pub fn reason(self, reason: &Reason) -> Self {
        self.header("Reason", reason.to_string())
    }

    /// Sets the reason phrase.
    #[must_use]
    pub fn phrase(mut self, phrase: impl Into<String>) -> Self {
        self.phrase = Some(phrase.into().into_boxed_str());
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

/// A provisional answer to an INVITE, 101 to 199.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Provisional {
    /// The status code.
    pub status: u16,
    /// Early media.
    pub body: Option<Body>,
    /// Further headers.
    pub headers: ExtraHeaders,
}

impl Provisional {
    /// A bare answer.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

/// Who a From or To header names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    /// The display name, as people read it.
    pub display: Option<String>,
    /// The URI.
    pub uri: String,
}

impl Party {
    /// A party without a display name.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { display: None, uri: uri.into() }
    }

    /// Sets the display name.
    #[must_use]
    pub fn display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }
}

/// A way to a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Where to send it. Its `local` address is written into Via and Contact.
    pub flow: Flow,
    /// The Request-URI.
    pub request_uri: String,
    /// Values of `Route`, in order: `<sip:host;lr>`.
    pub routes: Vec<String>,
}

/// A new INVITE session.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Where to send it. Its `local` address is written into Via and Contact.
    pub flow: Flow,
    /// The Request-URI.
    pub request_uri: String,
    /// Who calls; the endpoint adds the tag.
    pub from: Party,
    /// Who is called.
    pub to: Party,
    /// The user part of our Contact, as plain text.
    pub contact_user: String,
    /// Values of `Route`, in order: `<sip:host;lr>`.
    pub routes: Vec<String>,
    /// `Max-Forwards`. A B2BUA writes one less than it received.
    pub max_forwards: u8,
    /// Further headers.
    pub headers: ExtraHeaders,
    /// The offer; none for a late offer.
    pub body: Option<Body>,
    /// Whether provisional answers may be reliable (RFC 3262). Without an offer it takes an owner that can answer
    /// an early one by `prack`.
    pub reliable: bool,
    /// `Max-Breadth` (RFC 5393 5.3.3), where the owner divides it.
    pub max_breadth: Option<u8>,
    /// Other ways to the same peer, tried in turn while nobody has answered: when the one before it cannot be
    /// reached, falls silent, or says 503 or 430 (RFC 3263 4.3, RFC 5626 5.3). Those beyond
    /// [`super::FALLBACKS_MAX`] are left out.
    pub fallbacks: Vec<Way>,
    /// Who we are to this peer. With it the INVITE is sent again when it is challenged (401, 407), and so is every request
    /// of ours in the session: the owner hears of neither challenge. Without it, and where the challenge cannot be
    /// answered or is none the login is for, a challenge is the `Failed` it would be else. All `fallbacks` must be the
    /// same provider's: they are answered with the same.
    pub login: Option<Arc<Login>>,
    /// Seconds that the peer may say nothing at all, each way; `None`: for timer B (RFC 3261 17.1.1.2), until which it is heard
    /// in any case: what it says later is taken back.
    pub silence_secs: Option<u16>,
}

/// What a peer says it can do, in the last message that spoke of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct PeerAbilities {
    /// RFC 3262: it supports or requires `100rel`.
    pub reliable: bool,
    /// RFC 3311: it allows UPDATE.
    pub update: bool,
    /// RFC 6086: it allows INFO.
    pub info: bool,
    /// RFC 4028: it supports or requires `timer`.
    pub timer: bool,
    /// RFC 6086: it wants to be sent [`super::EndpointConfig::info_package`].
    pub package: bool,
}

impl PeerAbilities {
    /// Reads them from an INVITE or a response to one, but for the package.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Self {
        let names = |tag: &str| {
            let supported = message.values(HeaderName::Supported).chain(message.values(HeaderName::Require));
            supported.into_iter().any(|value| value.eq_ignore_ascii_case(tag))
        };
        let allows =
            |wanted: Method| message.values(HeaderName::Allow).any(|method| method == wanted.as_str());
        let (update, info) = (allows(Method::Update), allows(Method::Info));
        Self { reliable: names(RELIABLE), update, info, timer: names(TIMER), package: false }
    }

    /// Takes up whether an INVITE or a response to one asks for this package; a message that names none at all changes
    /// nothing (RFC 6086 5.1).
    pub(crate) fn hear_of(&mut self, package: &str, message: &Message<'_>) {
        if message.first(HeaderName::RecvInfo).is_none() {
            return;
        }
        let is_this = |value: &str| {
            let name = value.split(';').next().unwrap_or_default().trim();
            !package.is_empty() && name.eq_ignore_ascii_case(package)
        };
        self.package = message.values(HeaderName::RecvInfo).any(is_this);
    }

    /// Takes up what a response says; what it does not speak of stays as it was.
    pub(crate) fn hear(&mut self, package: &str, message: &Message<'_>) {
        self.hear_of(package, message);
        let now = Self::of(message);
        if message.first(HeaderName::Allow).is_some() {
            (self.update, self.info) = (now.update, now.info);
        }
        self.reliable |= now.reliable;
        self.timer |= now.timer;
    }
}

/// A request outside any dialog that makes none: OPTIONS, MESSAGE, REGISTER, … (RFC 3261 8.1).
#[derive(Clone, Debug)]
pub struct OutsideRequest {
    /// Where to send it. Its `local` address is written into Via and Contact.
    pub flow: Flow,
    /// The method; not one that opens, changes or ends a session.
    pub method: Cow<'static, str>,
    /// The Request-URI.
    pub request_uri: String,
    /// Who asks; the endpoint adds the tag.
    pub from: Party,
    /// Who is asked.
    pub to: Party,
    /// The user part of our Contact, as plain text; `None` leaves the header out, as MESSAGE must (RFC 3428 4).
    pub contact_user: Option<String>,
    /// Values of `Route`, in order: `<sip:host;lr>`.
    pub routes: Vec<String>,
    /// `Max-Forwards`. A B2BUA writes one less than it received.
    pub max_forwards: u8,
    /// Further headers.
    pub headers: ExtraHeaders,
    /// The body.
    pub body: Option<Body>,
    /// Bytes the whole message may have over a transport that does not control congestion (RFC 3428 8).
    pub datagram_bytes_max: Option<usize>,
    /// Who we are to this peer: a challenge is answered with it, as for an [`Invite`].
    pub login: Option<Arc<Login>>,
    /// Call-ID and sequence number, where it goes on with requests before it, as REGISTER does (RFC 3261 10.2). The one
    /// that has been answered may have got a higher number than it was ordered with, by up to [`super::ANSWERS_MAX`].
    pub series: Option<(Box<str>, u32)>,
}

/// Values of `Reason` that are kept of a message; further ones are left out.
pub const REASONS_MAX: usize = 4;

/// A `Reason` header (RFC 3326): why in the words of one protocol, or of several.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    first: ReasonValue,
    /// The same in other protocols' words: a gateway says Q.850 besides SIP.
    others: Vec<ReasonValue>,
}

/// One value of a `Reason` header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReasonValue {
    /// `SIP`, `Q.850`, …
    pub protocol: String,
    /// The cause in that protocol's numbers.
    pub cause: Option<u16>,
    /// A text for people.
    pub text: Option<String>,
}

impl Reason {
    /// A SIP status as the reason.
    pub fn sip(cause: u16, text: impl Into<String>) -> Self {
        Self::from(ReasonValue::new("SIP", cause, text.into()))
    }

    /// A Q.850 cause value as the reason.
    pub fn q850(cause: u16, text: impl Into<String>) -> Self {
        Self::from(ReasonValue::new("Q.850", cause, text.into()))
    }

    /// Reads the values of a message's `Reason` headers that can be read.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let mut values = message.values(HeaderName::Reason).filter_map(ReasonValue::parse).take(REASONS_MAX);
        Some(Self { first: values.next()?, others: values.collect() })
    }

    /// What it says, one value for each protocol.
    pub fn values(&self) -> impl Iterator<Item = &ReasonValue> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<ReasonValue> for Reason {
    fn from(first: ReasonValue) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl ReasonValue {
    fn new(protocol: &str, cause: u16, text: String) -> Self {
        Self { protocol: protocol.to_owned(), cause: Some(cause), text: Some(text) }
    }

    /// Reads one value of a `Reason` header.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (protocol, params) = value.split_once(';').unwrap_or((value, ""));
        let protocol = protocol.trim();
        if !is_token(protocol.as_bytes()) {
            return None;
        }
        let params = Params::new(params);
        Some(Self {
            protocol: protocol.to_owned(),
            cause: params.get("cause").and_then(|cause| cause.parse().ok()),
            text: params.get("text").map(|text| unquoted(text).into_owned()),
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.others.iter().try_for_each(|other| write!(f, ", {other}"))
    }
}

impl fmt::Display for ReasonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            write!(f, ";text={}", Quoted(text))?;
        }
        Ok(())
    }
}

/// Why the endpoint did not do what it was asked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Limit: too many transactions or sessions; a request was answered 503.
    #[error("too many transactions or sessions")]
    Full,
    /// Peer: the request has come on another path or is a repeat of one accepted already.
    #[error("the request is already being handled")]
    Merged,
    /// Nobody's fault: the session or request is over.
    #[error("the session is over")]
    Gone,
    /// Ours: another INVITE of this session is open, or it is not confirmed yet.
    #[error("the session is not ready for this")]
    Busy,
    /// Ours: a URI or header cannot be written.
    #[error("a URI or header cannot be written")]
    Invalid,
    /// Ours: longer than its transport may carry.
    #[error("the message is too large for its transport")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_as_it_was_written() {
        let completed = Reason::sip(200, "Call completed elsewhere").first;
        assert_eq!(completed.to_string(), r#"SIP;cause=200;text="Call completed elsewhere""#);
        assert_eq!(ReasonValue::parse(&completed.to_string()), Some(completed));
        let odd = Reason::q850(16, r#"a "b" \ ;c=1"#).first;
        assert_eq!(ReasonValue::parse(&odd.to_string()), Some(odd));
        assert_eq!(ReasonValue::parse(" ;cause=1"), None);
        assert_eq!(ReasonValue::parse("SIP Q.850;cause=1"), None);
        assert_eq!(ReasonValue::parse("SIP").map(|reason| (reason.cause, reason.text)), Some((None, None)));
    }

    #[test]
    fn rfc_3326_2_every_protocol_may_say_why() {
        let text = "CANCEL sip:b@x SIP/2.0\r\n\
                    Reason: SIP;cause=200;text=\"Elsewhere, by 1002\", Q.850;cause=16\r\n\
                    Reason: ;broken, X;cause=1, Y, Z\r\n\r\n";
        let message = crate::OwnedMessage::parse(text.as_bytes()).unwrap();
        let reason = Reason::of(&message.view()).unwrap();
        let expected = "SIP;cause=200;text=\"Elsewhere, by 1002\", Q.850;cause=16, X;cause=1, Y";
        assert_eq!(reason.to_string(), expected, "at most {REASONS_MAX}");
    }
}
