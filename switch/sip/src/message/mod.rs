//! The typed view of a parsed message: raw values by header, lists split, fields parsed on demand.
//!
//! A [`Message`] is three references and is copied freely; an [`OwnedMessage`] keeps the bytes. Neither can be
//! changed or written out again: what leaves the switch is built by [`crate::MessageWriter`] from typed parts.

pub(crate) mod fields;
pub(crate) mod index;
pub(crate) mod valid;

use crate::header::HeaderName;
use crate::method::Method;
use crate::parse::token::{find_outside, number, seconds, trim};
use crate::parse::{ParseError, content_length, parse};
use bytes::Bytes;
use fields::{CSeq, ContactValue, FieldError, Malformed, NameAddr, Via};
use index::{Entry, Index, StartLine};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::sync::Arc;

/// A SIP message in the buffer it was received in.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    text: &'a str,
    body: &'a [u8],
    index: &'a Index,
}

impl<'a> Message<'a> {
    pub(crate) fn new(text: &'a str, body: &'a [u8], index: &'a Index) -> Self {
        Self { text, body, index }
    }

    pub(crate) fn defect(self) -> Option<ParseError> {
        self.index.defect
    }

    /// What `Content-Length` says, whether or not the body is there.
    pub(crate) fn declared_length(self) -> Result<Option<usize>, ParseError> {
        content_length(self.text, self.index)
    }

    pub(crate) fn index(self) -> &'a Index {
        self.index
    }

    /// Whether this is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.index.start, StartLine::Request { .. })
    }

    /// The method of the request, or for a response that of its `CSeq` ([`Method::Other`] if it has none).
    #[must_use]
    pub fn method(&self) -> Method {
        match self.index.start {
            StartLine::Request { method, .. } => method,
            StartLine::Response { .. } => self.cseq().map_or(Method::Other, |cseq| cseq.method),
        }
    }

    /// The method as sent; `""` for a response without a readable `CSeq`.
    #[must_use]
    pub fn method_text(&self) -> &'a str {
        match self.index.start {
            StartLine::Request { text, .. } => text.of(self.text),
            StartLine::Response { .. } => self.cseq().map_or("", |cseq| cseq.method_text),
        }
    }

    /// The Request-URI as sent; `""` for a response.
    #[must_use]
    pub fn request_uri(&self) -> &'a str {
        match self.index.start {
            StartLine::Request { uri, .. } => uri.of(self.text),
            StartLine::Response { .. } => "",
        }
    }

    /// The status code, 100..=699; `None` for a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.index.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        }
    }

    /// The reason phrase as sent; `""` for a request.
    #[must_use]
    pub fn reason_phrase(&self) -> &'a str {
        match self.index.start {
            StartLine::Request { .. } => "",
            StartLine::Response { reason, .. } => reason.of(self.text),
        }
    }

    /// The value of the first line of a header, without white space around it; `None` for [`HeaderName::Other`].
    #[must_use]
    pub fn first(&self, name: HeaderName) -> Option<&'a str> {
        self.index.first(name).map(|entry| entry.value.of(self.text))
    }

    /// The value of the first line of a header given by its text, in any case, long or compact.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&'a str> {
        match HeaderName::of(name) {
            HeaderName::Other => self
                .headers()
                .find(|(text, known, _)| *known == HeaderName::Other && text.eq_ignore_ascii_case(name))
                .map(|(_, _, value)| value),
            known => self.first(known),
        }
    }

    /// All values of a header over all its lines, in order; lists are split at their commas (RFC 3261 §7.3.1).
    ///
    /// Empty list elements are left out. Headers that are no lists give one value a line.
    pub fn values(&self, name: HeaderName) -> Values<'a> {
        Values { message: *self, name, split: name.is_list(), position: 0, rest: "" }
    }

    /// Every header line in order: name as sent, which header that is, value.
    pub fn headers(&self) -> Headers<'a> {
        Headers { text: self.text, entries: self.index.entries.iter() }
    }

    /// The topmost `Via`.
    ///
    /// # Errors
    /// [`FieldError`] when it is missing or malformed.
    pub fn via(&self) -> Result<Via<'a>, FieldError> {
        let name = HeaderName::Via;
        let value = self.values(name).next().ok_or(FieldError::missing(name))?;
        Via::parse(value).map_err(|Malformed| FieldError::malformed(name))
    }

    /// The `From` field.
    ///
    /// # Errors
    /// [`FieldError`] when it is missing or malformed.
    pub fn from(&self) -> Result<NameAddr<'a>, FieldError> {
        self.field(HeaderName::From, NameAddr::parse)
    }

    /// The `To` field.
    ///
    /// # Errors
    /// [`FieldError`] when it is missing or malformed.
    pub fn to(&self) -> Result<NameAddr<'a>, FieldError> {
        self.field(HeaderName::To, NameAddr::parse)
    }

    /// Every `Contact` value in order.
    pub fn contacts(&self) -> impl Iterator<Item = Result<ContactValue<'a>, FieldError>> + use<'a> {
        self.values(HeaderName::Contact).map(|value| {
            ContactValue::parse(value).map_err(|Malformed| FieldError::malformed(HeaderName::Contact))
        })
    }

    /// The `Call-ID`, compared byte by byte (RFC 3261 §20.8).
    ///
    /// # Errors
    /// [`FieldError`] when it is missing, empty or has white space in it.
    pub fn call_id(&self) -> Result<&'a str, FieldError> {
        self.field(HeaderName::CallId, |value| {
            let bad = value.is_empty() || value.bytes().any(|byte| byte <= b' ' || byte == 0x7f);
            if bad { Err(Malformed) } else { Ok(value) }
        })
    }

    /// The `CSeq` field.
    ///
    /// # Errors
    /// [`FieldError`] when it is missing, malformed or not below 2³¹ (RFC 3261 §8.1.1.5).
    pub fn cseq(&self) -> Result<CSeq<'a>, FieldError> {
        self.field(HeaderName::CSeq, CSeq::parse)
    }

    /// `Max-Forwards`; `None` when the (RFC 2543) peer sent none.
    ///
    /// # Errors
    /// [`FieldError`] unless it is a number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, FieldError> {
        self.optional(HeaderName::MaxForwards, |value| {
            number(value).and_then(|hops| u8::try_from(hops).ok()).ok_or(Malformed)
        })
    }

    /// `Expires` in seconds; a number beyond 32 bits is [`u32::MAX`].
    ///
    /// # Errors
    /// [`FieldError`] unless it is a number.
    pub fn expires(&self) -> Result<Option<u32>, FieldError> {
        self.optional(HeaderName::Expires, |value| seconds(value).ok_or(Malformed))
    }

    /// The seconds that a header begins with, whatever follows them: `Retry-After`, `Min-Expires` (RFC 3261 §20.33). A number
    /// beyond 32 bits is [`u32::MAX`].
    #[must_use]
    pub fn leading_seconds(&self, name: HeaderName) -> Option<u32> {
        self.first(name)?.split([';', '(', ' ']).next().and_then(seconds)
    }

    /// The media type of the body, without its parameters, as sent.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        self.first(HeaderName::ContentType).map(|value| trim(value.split(';').next().unwrap_or(value)))
    }

    /// The body, already cut to `Content-Length`.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_owned(&self) -> OwnedMessage {
        OwnedMessage(Arc::new(Owned {
            text: self.text.into(),
            body: Bytes::copy_from_slice(self.body),
            index: self.index.compact(),
        }))
    }

    fn field<T>(
        &self,
        name: HeaderName,
        read: impl FnOnce(&'a str) -> Result<T, Malformed>,
    ) -> Result<T, FieldError> {
        self.optional(name, read)?.ok_or(FieldError::missing(name))
    }

    fn optional<T>(
        &self,
        name: HeaderName,
        read: impl FnOnce(&'a str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, FieldError> {
        self.first(name).map(read).transpose().map_err(|Malformed| FieldError::malformed(name))
    }
}

/// The head only, with line ends escaped: a message in a log is one line.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("head", &self.text).field("body_bytes", &self.body.len()).finish()
    }
}

/// Iterator of [`Message::values`].
#[derive(Clone)]
pub struct Values<'a> {
    message: Message<'a>,
    name: HeaderName,
    split: bool,
    /// The next line of this name to take up.
    position: usize,
    /// What is left of the line being split.
    rest: &'a str,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            if self.rest.is_empty() {
                let entry = self.message.index.lines(self.name).nth(self.position)?;
                self.position += 1;
                let value = entry.value.of(self.message.text);
                if !self.split {
                    return Some(value);
                }
                self.rest = value;
            }
            let comma = find_outside(self.rest, b',', true).unwrap_or(self.rest.len());
            let (value, rest) = self.rest.split_at_checked(comma).unwrap_or((self.rest, ""));
            self.rest = rest.strip_prefix(',').unwrap_or("");
            let value = trim(value);
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}

/// Iterator of [`Message::headers`].
#[derive(Clone)]
pub struct Headers<'a> {
    text: &'a str,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, HeaderName, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some((entry.text.of(self.text), entry.name, entry.value.of(self.text)))
    }
}

/// A message that owns its bytes; cloning shares them.
#[derive(Clone)]
pub struct OwnedMessage(Arc<Owned>);

struct Owned {
    text: Box<str>,
    body: Bytes,
    index: Index,
}

impl OwnedMessage {
    /// Parses and keeps `bytes`; the allocating form of [`parse`].
    ///
    /// # Errors
    /// As [`parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Ok(parse(bytes, &mut Index::new())?.to_owned())
    }

    /// The message.
    #[must_use]
    pub fn view(&self) -> Message<'_> {
        Message { text: &self.0.text, body: &self.0.body, index: &self.0.index }
    }

    /// The body, shared and not copied.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.0.body.clone()
    }
}

/// As the bytes of the message.
impl Serialize for OwnedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&[self.0.text.as_bytes(), &self.0.body].concat())
    }
}

impl<'de> Deserialize<'de> for OwnedMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        Self::parse(&bytes).map_err(D::Error::custom)
    }
}

impl fmt::Debug for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
