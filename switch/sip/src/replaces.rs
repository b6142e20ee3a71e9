//! Which dialog is to be replaced by another (RFC 3891): the `Replaces` header, alone or inside a Refer-To, and the session
//! that it means. Whether that may be is the owner's business.

use crate::endpoint::Endpoint;
use crate::message::fields::Params;
use crate::session::SessionKey;
use crate::uri::{Uri, unescape};

/// A dialog as its other end names it (RFC 3891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Box<str>,
    /// Our tag of it.
    pub to_tag: Box<str>,
    /// The tag of its other end.
    pub from_tag: Box<str>,
    /// Only as long as it has no final answer (RFC 3891 §3).
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value of a header; `None` when it names no dialog.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (call_id, params) = value.split_once(';')?;
        let params = Params::new(params);
        let tag = |name| params.get(name).filter(|tag| !tag.is_empty()).map(Box::from);
        Some(Self {
            call_id: Some(call_id.trim()).filter(|id| !id.is_empty())?.into(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.get("early-only").is_some(),
        })
    }

    /// Reads it from a URI that a Refer-To names, where its escapes are those of URIs (RFC 3891 §7, RFC 3261 §19.1.1).
    #[must_use]
    pub fn of_uri(uri: &Uri<'_>) -> Option<Self> {
        let headers = uri.headers.split('&').filter_map(|header| header.split_once('='));
        let mut named = headers.filter(|(name, _)| name.eq_ignore_ascii_case("Replaces"));
        let (_, value) = named.next()?;
        Self::parse(&unescape(value)).filter(|_| named.next().is_none())
    }
}

impl Endpoint {
    /// The session of a dialog that its other end names; `None` when it is over, or never was.
    #[must_use]
    pub fn session_of(&self, replaces: &Replaces) -> Option<SessionKey> {
        let key = SessionKey(self.tokens.number_of_tag(&replaces.to_tag)?);
        let session = self.sessions.get(&key)?;
        let mut dialogs = session.dialogs();
        let is_it = dialogs.any(|dialog| {
            dialog.call_id() == &*replaces.call_id && dialog.remote_tag() == &*replaces.from_tag
        });
        is_it.then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<(&str, &str, &str, bool)>) {
        let found = Replaces::parse(value);
        let found = found.as_ref().map(|it| (&*it.call_id, &*it.to_tag, &*it.from_tag, it.early_only));
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn rfc_3891_6_1_a_dialog_is_named_by_its_call_id_and_both_tags() {
        check(
            "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
            Some(("98732@sip.example.com", "ff87ff", "r33th4x0r", false)),
        );
        check(
            "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
            Some(("12adf2f34456gs5", "12345", "54321", true)),
        );
        check(
            "87134@171.161.34.23 ; to-tag=24796 ; from-tag=0",
            Some(("87134@171.161.34.23", "24796", "0", false)),
        );
    }

    #[test]
    fn what_names_no_dialog_is_none() {
        for value in
            ["", "abc", ";to-tag=1;from-tag=2", "abc;to-tag=1", "abc;from-tag=2", "abc;to-tag;from-tag=2"]
        {
            check(value, None);
        }
    }

    #[test]
    fn in_a_refer_to_it_is_escaped_and_stands_there_once() {
        let of = |text| Replaces::of_uri(&Uri::parse(text).unwrap());
        let replaces =
            of("sip:1003@h?Replaces=12345%40h%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994&Require=replaces")
                .unwrap();
        assert_eq!(
            (&*replaces.call_id, &*replaces.to_tag, &*replaces.from_tag),
            ("12345@h", "12345", "5FFE-3994")
        );
        assert_eq!(of("sip:1003@h"), None);
        assert_eq!(of("sip:1003@h?Subject=a"), None);
        assert_eq!(
            of("sip:1003@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2"),
            None
        );
    }
}
