//! When two URIs mean the same (RFC 3261 §19.1.4; RFC 3966 §4 for `tel:`).
//!
//! Equivalence is not transitive: parameters that only one side has are mostly ignored.

use super::escape::octet;
use super::{Scheme, Uri};

/// Parameters that must be on both sides or on neither. `transport` is among them by the RFC's own examples.
const MUST_AGREE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri<'_> {
    /// Whether both URIs are equivalent.
    #[must_use]
    pub fn is_equivalent(&self, other: &Uri<'_>) -> bool {
        if !self.scheme_text.eq_ignore_ascii_case(other.scheme_text) {
            return false;
        }
        match self.scheme {
            Scheme::Other => self.headers == other.headers,
            Scheme::Tel => same_number(self, other),
            Scheme::Sip | Scheme::Sips => {
                same_optional(self.user, other.user)
                    && same_optional(self.password, other.password)
                    && self.host.is_same(&other.host)
                    && self.port == other.port
                    && params_agree(self, other)
                    && params_agree(other, self)
                    && headers_within(self.headers, other.headers)
                    && headers_within(other.headers, self.headers)
            }
        }
    }
}

fn same_optional(one: Option<&str>, two: Option<&str>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => same_text(one, two, false),
        (None, None) => true,
        _ => false,
    }
}

/// Every parameter of `one` that counts is the same in `two`.
fn params_agree(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    one.params.iter().all(|(name, value)| match two.params.get(name) {
        Some(_) => has_param(two, name, value),
        None => !MUST_AGREE.iter().any(|must| must.eq_ignore_ascii_case(name)),
    })
}

/// A name given twice (which the grammar forbids) counts with either value.
fn has_param(uri: &Uri<'_>, name: &str, value: Option<&str>) -> bool {
    let same = |other: Option<&str>| same_text(value.unwrap_or(""), other.unwrap_or(""), true);
    uri.params.iter().any(|(other, theirs)| other.eq_ignore_ascii_case(name) && same(theirs))
}

/// Every header of `one` is in `two`: headers are never ignored.
fn headers_within(one: &str, two: &str) -> bool {
    let pairs = |text| str::split(text, '&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs(one).all(|(name, value)| {
        pairs(two).any(|(other, theirs)| same_text(name, other, true) && same_text(value, theirs, false))
    })
}

/// RFC 3966 §4: visual separators do not count, and parameters must be the same set.
fn same_number(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let digits = |uri: &Uri<'_>| -> Vec<u8> {
        let number = uri.user.unwrap_or("").bytes();
        number.filter(|byte| !b"-.()".contains(byte)).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    let within =
        |one: &Uri<'_>, two: &Uri<'_>| one.params.iter().all(|(name, value)| has_param(two, name, value));
    digits(one) == digits(two) && within(one, two) && within(two, one)
}

/// Compares unit by unit, where an escaped character equals its plain form unless it is reserved.
fn same_text(one: &str, two: &str, ignore_case: bool) -> bool {
    let (mut one, mut two) = (one.as_bytes(), two.as_bytes());
    loop {
        match (unit(&mut one), unit(&mut two)) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some((a, false)), Some((b, false))) if ignore_case && a.eq_ignore_ascii_case(&b) => {}
            _ => return false,
        }
    }
}

/// The next character and whether it is a reserved one in escaped form.
fn unit(text: &mut &[u8]) -> Option<(u8, bool)> {
    let (byte, used, reserved) = match octet(text) {
        Some(byte) => (byte, 3, b";/?:@&=+$,".contains(&byte)),
        None => (*text.first()?, 1, false),
    };
    *text = text.get(used..).unwrap_or_default();
    Some((byte, reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: &str, two: &str, expected: bool) {
        let (a, b) = (Uri::parse(one).unwrap(), Uri::parse(two).unwrap());
        assert_eq!(a.is_equivalent(&b), expected, "{one} ~ {two}");
        assert_eq!(b.is_equivalent(&a), expected, "{two} ~ {one}");
        assert!(a.is_equivalent(&a) && b.is_equivalent(&b));
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn the_examples_of_the_rfc() {
        check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true);
        check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true);
        check(
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            true,
        );
        check(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            true,
        );
        check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
        check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
        check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    }

    #[test]
    fn what_the_rules_say_beyond_the_examples() {
        check("sip:a@h;maddr=1.2.3.4", "sip:a@h", false);
        check("sip:a@h;user=ip", "sip:a@h", false);
        check("sip:a@h", "sips:a@h", false);
        check("sip:a%3Bb@h", "sip:a;b@h", false);
        check("sip:a:secret@h", "sip:a@h", false);
        check("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true);
        check("sip:a@h;lr", "sip:a@h", true);
        check("tel:+62-21-555", "tel:+6221555", true);
        check("tel:555;phone-context=a.example", "tel:555", false);
        check("urn:a", "urn:b", false);
    }
}
