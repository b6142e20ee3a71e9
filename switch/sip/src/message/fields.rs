//! The structured header values the switch decides on: `Via`, name-addr fields, `CSeq`, parameters.
//!
//! Each is parsed in place from one value that has been cut out of its list. Parameters stay text and are
//! searched on demand; quoted strings are given without their quotes but with their escapes, see [`unquoted`].

use crate::header::HeaderName;
use crate::method::Method;
use crate::parse::token::{closing_quote, find_outside, is_token, number, seconds, trim};
use crate::uri::{Host, host_port};
use std::borrow::Cow;
use std::net::IpAddr;

/// A value does not follow its grammar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed value")]
pub struct Malformed;

/// What is wrong with a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldProblem {
    /// The message has no such header.
    Missing,
    /// Its value does not follow the grammar or its range.
    Malformed,
}

/// A header that could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{header}: {problem:?}")]
pub struct FieldError {
    /// The header.
    pub header: HeaderName,
    /// What is wrong with it.
    pub problem: FieldProblem,
}

impl FieldError {
    pub(crate) const fn missing(header: HeaderName) -> Self {
        Self { header, problem: FieldProblem::Missing }
    }

    pub(crate) const fn malformed(header: HeaderName) -> Self {
        Self { header, problem: FieldProblem::Malformed }
    }
}

/// Parameters behind a value or in a URI: `;name=value;flag` (RFC 3261 §25.1 generic-param).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// Reads a parameter list; a leading `;` may be there or not.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The list as it stood, without its leading `;`.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        trim(self.0.strip_prefix(';').unwrap_or(self.0))
    }

    /// Name and value of each parameter in order; a flag has no value.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = find_outside(rest, b';', true).unwrap_or(rest.len());
                let (one, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
                rest = tail.strip_prefix(';').unwrap_or("");
                if !trim(one).is_empty() {
                    let (name, value) = one.split_once('=').map_or((one, None), |(n, v)| (n, Some(trim(v))));
                    return Some((trim(name), value));
                }
            }
            None
        })
    }

    /// The value of the first parameter of this name (in any case); `Some("")` when it has none.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.unwrap_or(""))
    }

    /// How often a parameter of this name stands in the list.
    #[must_use]
    pub fn count_of(self, name: &str) -> usize {
        self.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name)).count()
    }
}

/// A display name, a URI and parameters (RFC 3261 §20.10 and §25.1): From, To, Contact, Route, Refer-To, …
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameAddr<'a> {
    /// The display name without its quotes, escapes still in it; see [`NameAddr::display_text`].
    pub display: Option<&'a str>,
    /// The URI as sent; see [`crate::Uri::parse`].
    pub uri: &'a str,
    /// The header parameters behind it.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. Without `<>` everything behind the first `;` belongs to the header (§20.10).
    ///
    /// # Errors
    /// [`Malformed`] for unbalanced quotes or brackets, a missing URI, white space or quotes in the URI.
    pub fn parse(value: &'a str) -> Result<Self, Malformed> {
        let value = trim(value);
        if value.starts_with('"') {
            let close = closing_quote(value).ok_or(Malformed)?;
            let rest = value.get(close + 1..).map(trim).ok_or(Malformed)?;
            let rest = rest.strip_prefix('<').ok_or(Malformed)?;
            return Self::bracketed(value.get(1..close), rest);
        }
        match value.find(['<', ';']) {
            Some(at) if value.as_bytes().get(at) == Some(&b'<') => {
                let display = value.get(..at).map(trim).filter(|display| !display.is_empty());
                Self::bracketed(display, value.get(at + 1..).ok_or(Malformed)?)
            }
            end => {
                let (uri, params) = value.split_at_checked(end.unwrap_or(value.len())).ok_or(Malformed)?;
                // §20: a URI with a question mark must stand in <>; whose headers these are nobody can tell.
                if uri.contains('?') { Err(Malformed) } else { Self::checked(None, trim(uri), params) }
            }
        }
    }

    fn bracketed(display: Option<&'a str>, rest: &'a str) -> Result<Self, Malformed> {
        let (uri, params) = rest.split_once('>').ok_or(Malformed)?;
        let params = trim(params);
        if !(params.is_empty() || params.starts_with(';')) {
            return Err(Malformed);
        }
        Self::checked(display, trim(uri), params)
    }

    fn checked(display: Option<&'a str>, uri: &'a str, params: &'a str) -> Result<Self, Malformed> {
        let scheme =
            uri.split_once(':').is_some_and(|(scheme, rest)| is_token(scheme.as_bytes()) && !rest.is_empty());
        let clean = uri.bytes().all(|byte| byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f));
        if scheme && clean { Ok(Self { display, uri, params: Params::new(params) }) } else { Err(Malformed) }
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// A header parameter; `Some("")` for a flag.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.params.get(name)
    }

    /// The `expires` parameter of a contact in seconds; a malformed one counts as 3600 (RFC 3261 §10.2.1.1).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.params.get("expires").map(|value| seconds(value).unwrap_or(3_600))
    }

    /// The `q` parameter of a contact in thousandths, 0..=1000; `None` when missing or malformed.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        let value = self.params.get("q")?;
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        if whole.len() != 1 || fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths =
            fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let q = u16::try_from(number(whole)?).ok()? * 1_000 + thousandths;
        (q <= 1_000).then_some(q)
    }

    /// The display name as a person reads it.
    #[must_use]
    pub fn display_text(&self) -> Option<Cow<'a, str>> {
        self.display.map(unescaped)
    }
}

/// One value of `Contact`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContactValue<'a> {
    /// `*`: all contacts of a REGISTER (RFC 3261 §10.2.2).
    All,
    /// An address.
    Address(NameAddr<'a>),
}

impl<'a> ContactValue<'a> {
    /// Reads one value.
    ///
    /// # Errors
    /// As [`NameAddr::parse`].
    pub fn parse(value: &'a str) -> Result<Self, Malformed> {
        if value == "*" { Ok(Self::All) } else { NameAddr::parse(value).map(Self::Address) }
    }
}

/// The `CSeq` field (RFC 3261 §20.16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// The sequence number, below 2³¹.
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The method as sent.
    pub method_text: &'a str,
}

impl<'a> CSeq<'a> {
    /// Reads the value.
    ///
    /// # Errors
    /// [`Malformed`] unless it is a number below 2³¹ and a method (RFC 3261 §8.1.1.5).
    pub fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (digits, method) = value.split_once([' ', '\t']).ok_or(Malformed)?;
        let number = number(digits).and_then(|number| u32::try_from(number).ok()).ok_or(Malformed)?;
        let method_text = trim(method);
        if number > u32::MAX / 2 || !is_token(method_text.as_bytes()) {
            return Err(Malformed);
        }
        Ok(Self { number, method: Method::of(method_text), method_text })
    }
}

/// One value of `Via` (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// The version of SIP it says. A request with another one than `2.0` is refused, by an answer along this Via.
    pub version: &'a str,
    /// The transport as sent, e.g. `UDP`; unknown ones are allowed.
    pub transport: &'a str,
    /// The host of sent-by.
    pub host: Host<'a>,
    /// The port of sent-by.
    pub port: Option<u16>,
    /// All parameters.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value; white space around its slashes and colon is allowed.
    ///
    /// # Errors
    /// [`Malformed`] unless it is `SIP/<version>/<transport> <host>[:<port>][;<params>]`.
    pub fn parse(value: &'a str) -> Result<Self, Malformed> {
        let (protocol, rest) = value.split_once('/').ok_or(Malformed)?;
        let (version, rest) = rest.split_once('/').ok_or(Malformed)?;
        let version = trim(version);
        if !trim(protocol).eq_ignore_ascii_case("SIP") || !is_token(version.as_bytes()) {
            return Err(Malformed);
        }
        let rest = trim(rest);
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or(Malformed)?;
        let (sent_by, params) =
            rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).ok_or(Malformed)?;
        let (host, port) = host_port(trim(sent_by)).map_err(|_| Malformed)?;
        if !is_token(transport.as_bytes()) {
            return Err(Malformed);
        }
        Ok(Self { version, transport, host, port, params: Params::new(params) })
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The `received` parameter; IPv6 with or without brackets (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// The `rport` parameter (RFC 3581): `None` not there, `Some(None)` asked for, `Some(Some(_))` filled in.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|port| number(port).and_then(|port| u16::try_from(port).ok()))
    }
}

/// A parameter value or display name without the quotes around it and the escapes in it (RFC 3261 §25.1).
#[must_use]
pub fn unquoted(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => unescaped(inner),
        None => Cow::Borrowed(text),
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for character in text.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(character);
            escaped = false;
        }
    }
    Cow::Owned(plain)
}
