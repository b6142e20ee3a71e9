//! Header values that need quoting: what a caller may not format by hand.
//!
//! They refuse (as a formatting error, which [`super::MessageWriter`] turns into [`super::WriteError::Value`])
//! parts that would break out of their place: a `>` in a URI, a blank in a tag.

use crate::parse::token::is_token;
use std::fmt::{self, Display, Write as _};

/// A quoted string: quotes around it, `"` and `\` escaped (RFC 3261 §25.1).
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut rest = self.0;
        while let Some(at) = rest.find(['"', '\\']) {
            let (plain, special) = rest.split_at_checked(at).ok_or(fmt::Error)?;
            f.write_str(plain)?;
            f.write_char('\\')?;
            f.write_str(special.get(..1).ok_or(fmt::Error)?)?;
            rest = special.get(1..).ok_or(fmt::Error)?;
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

/// A name-addr with an optional tag: `"Sari" <sip:1001@example.com>;tag=a1`.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// The display name as a person reads it; quoted and escaped when written.
    pub display: Option<&'a str>,
    /// The URI, always written in `<>`.
    pub uri: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
}

impl Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clean = self.uri.bytes().all(|byte| byte > b' ' && !matches!(byte, b'<' | b'>' | b'"' | 0x7f));
        if !clean || !self.uri.contains(':') || self.tag.is_some_and(|tag| !is_token(tag.as_bytes())) {
            return Err(fmt::Error);
        }
        if let Some(display) = self.display {
            write!(f, "{} ", Quoted(display))?;
        }
        write!(f, "<{}>", self.uri)?;
        self.tag.map_or(Ok(()), |tag| write!(f, ";tag={tag}"))
    }
}
