//! URIs of SIP: `sip:`, `sips:` (RFC 3261 §19.1), `tel:` (RFC 3966) and the fact that something is another scheme.
//!
//! Parsed in place; escapes stay as they are (see [`unescape`]). Names are not resolved here. Comparing follows
//! §19.1.4 and is in [`Uri::is_equivalent`]; escaping for output is [`EscapedUser`].

mod equal;
mod escape;

pub use escape::{EscapedUser, unescape};

use crate::limits::URI_BYTES_MAX;
use crate::message::fields::Params;
use crate::parse::token::number;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a text is no URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UriError {
    /// Longer than [`URI_BYTES_MAX`].
    #[error("URI too long")]
    TooLong,
    /// No scheme in front.
    #[error("URI without a scheme")]
    Scheme,
    /// An empty user or number, or a character that must be escaped.
    #[error("bad user part in URI")]
    User,
    /// No host, or one that is neither a name nor an IP literal.
    #[error("bad host in URI")]
    Host,
    /// A port that is not 1..=65535.
    #[error("bad port in URI")]
    Port,
}

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Anything else.
    Other,
}

/// The host of a URI or of a sent-by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// A domain name as sent; compare without case.
    Name(&'a str),
    /// An IPv4 literal.
    V4(Ipv4Addr),
    /// An IPv6 reference; its brackets belong to the notation only.
    V6(Ipv6Addr),
    /// `tel:` and other schemes have none.
    Absent,
}

impl Host<'_> {
    /// The address, if it is a literal.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
            Self::Name(_) | Self::Absent => None,
        }
    }

    /// Whether both are the same host; names without case.
    #[must_use]
    pub fn is_same(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Self::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::Absent, Host::Absent) => true,
            _ => self.ip().is_some() && self.ip() == other.ip(),
        }
    }
}

/// As written in a URI: IPv6 in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
            Self::Absent => Ok(()),
        }
    }
}

/// A URI taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// Which scheme.
    pub scheme: Scheme,
    /// The scheme as sent.
    pub scheme_text: &'a str,
    /// The user part, or the number of a `tel:` URI, with its escapes.
    pub user: Option<&'a str>,
    /// The password of the user part (deprecated by §19.1.1, kept for comparing).
    pub password: Option<&'a str>,
    /// The host.
    pub host: Host<'a>,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The URI parameters.
    pub params: Params<'a>,
    /// What stands behind `?`; for another scheme everything behind the colon.
    pub headers: &'a str,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart. Any scheme is accepted; `sip`, `sips` and `tel` must follow their grammar.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        if text.len() > URI_BYTES_MAX {
            return Err(UriError::TooLong);
        }
        let (scheme_text, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let mut letters = scheme_text.bytes();
        if !letters.next().is_some_and(|first| first.is_ascii_alphabetic())
            || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        {
            return Err(UriError::Scheme);
        }
        let scheme = match scheme_text {
            _ if scheme_text.eq_ignore_ascii_case("sip") => Scheme::Sip,
            _ if scheme_text.eq_ignore_ascii_case("sips") => Scheme::Sips,
            _ if scheme_text.eq_ignore_ascii_case("tel") => Scheme::Tel,
            _ => Scheme::Other,
        };
        let bare = Self {
            scheme,
            scheme_text,
            user: None,
            password: None,
            host: Host::Absent,
            port: None,
            params: Params::default(),
            headers: "",
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => bare.with_sip(rest),
            Scheme::Tel => bare.with_number(rest),
            Scheme::Other => Ok(Self { headers: rest, ..bare }),
        }
    }

    /// `[user[:password]@]host[:port][;params][?headers]`. The user may hold `;` and `?` (§25.1), so it is cut
    /// off first.
    fn with_sip(self, rest: &'a str) -> Result<Self, UriError> {
        let (user, password, rest) = match rest.split_once('@') {
            None => (None, None, rest),
            Some((userinfo, rest)) => {
                let (user, password) = userinfo
                    .split_once(':')
                    .map_or((userinfo, None), |(user, password)| (user, Some(password)));
                if user.is_empty() || !is_clean(userinfo) {
                    return Err(UriError::User);
                }
                (Some(user), password, rest)
            }
        };
        let (address, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (address, params) =
            address.split_at_checked(address.find(';').unwrap_or(address.len())).unwrap_or((address, ""));
        let (host, port) = host_port(address)?;
        if !is_clean(params) || !is_clean(headers) {
            return Err(UriError::Host);
        }
        Ok(Self { user, password, host, port, params: Params::new(params), headers, ..self })
    }

    /// `number[;params]` (RFC 3966 §3).
    fn with_number(self, rest: &'a str) -> Result<Self, UriError> {
        let (number, params) =
            rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let allowed = |byte: u8| {
            byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'*' | b'#' | b'-' | b'.' | b'(' | b')')
        };
        if number.is_empty() || !number.bytes().all(allowed) || !is_clean(params) {
            return Err(UriError::User);
        }
        Ok(Self { user: Some(number), params: Params::new(params), ..self })
    }

    /// A URI parameter; `Some("")` for a flag such as `lr`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.params.get(name)
    }

    /// The user part (or number) with its escapes resolved.
    #[must_use]
    pub fn user_text(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.user.map(unescape)
    }
}

/// No white space, control characters, angle brackets, quotes or second `@`: all would have to be escaped.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | b'@' | 0x7f))
}

/// `host [":" port]` of a URI or a sent-by; blanks around the colon belong to the latter's grammar.
pub(crate) fn host_port(text: &str) -> Result<(Host<'_>, Option<u16>), UriError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (ip, rest) = inner.split_once(']').ok_or(UriError::Host)?;
            (Host::V6(ip.parse().map_err(|_| UriError::Host)?), rest)
        }
        None => {
            let end = text.find([':', ' ', '\t']).unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).ok_or(UriError::Host)?;
            (name_or_v4(name)?, rest)
        }
    };
    let port = crate::parse::token::trim(port);
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').map(crate::parse::token::trim).ok_or(UriError::Host)?;
    match number(digits).and_then(|port| u16::try_from(port).ok()) {
        Some(port) if port > 0 => Ok((host, Some(port))),
        _ => Err(UriError::Port),
    }
}

fn name_or_v4(name: &str) -> Result<Host<'_>, UriError> {
    if let Ok(ip) = name.parse() {
        return Ok(Host::V4(ip));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || !name.bytes().all(allowed) { Err(UriError::Host) } else { Ok(Host::Name(name)) }
}
