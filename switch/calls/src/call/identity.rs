//! Who a call is from, as each next hop is told it (RFC 3323, RFC 3325).
//!
//! The caller is the account that has authenticated. From, `P-Preferred-Identity`, `P-Asserted-Identity` and
//! `Remote-Party-ID` of a phone decide nothing: an account has one identity, so a preference that names it says
//! nothing new and one that names another is not honoured; the rest is a phone's word about itself. None of them is
//! passed on. What a phone may say is how much of itself it wants shown.
//!
//! `header` and `session` privacy need nothing here: Via, Contact, Call-ID and the media's addresses are the
//! switch's own in every call.

use std::borrow::Cow;

use contract::{guests::Pass, id::GuestId};
use dialplan::{Account, OrgPlan, PersonKey, Trust};
use serde::{Deserialize, Serialize};
use sip::{ExtraHeaders, HeaderName, Message, Party, Uri};

use super::leg::Leg;

/// Letters of a display name that are shown.
const NAME_CHARS_MAX: usize = 64;
/// RFC 3323 §4.1.1.3.
const ANONYMOUS_NAME: &str = "Anonymous";
const ANONYMOUS_USER: &str = "anonymous";
/// What stands in place of a guest's number.
const GUEST_USER: &str = "guest";
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// How much of the caller is shown (RFC 3323 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Privacy {
    /// Everything.
    #[default]
    Open,
    /// Neither name nor number to anybody outside the trusted network.
    Anonymous,
}

/// Services that a caller insists on and that are not known here, as its `Privacy` names them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PrivacyFailure(pub(crate) String);

impl Privacy {
    /// What a request asks for.
    ///
    /// # Errors
    /// It is `critical` about a service that is not known here (RFC 3323 §5: refused with 500).
    pub(crate) fn of(request: &Message<'_>) -> Result<Self, PrivacyFailure> {
        let mut privacy = if has_anonymous_from(request) { Self::Anonymous } else { Self::Open };
        let (mut unknown, mut is_critical) = (Vec::new(), false);
        for line in request.values(HeaderName::Privacy) {
            for word in line.split([';', ',']).map(str::trim).filter(|word| !word.is_empty()) {
                match word.to_ascii_lowercase().as_str() {
                    "id" | "user" => privacy = Self::Anonymous,
                    "critical" => is_critical = true,
                    // The switch hides these of every call; "none" asks for no more than the From already shows.
                    "header" | "session" | "history" | "none" => {}
                    _ => unknown.push(word),
                }
            }
        }
        if is_critical && !unknown.is_empty() {
            return Err(PrivacyFailure(unknown.join(" ")));
        }
        Ok(privacy)
    }
}

/// Whether the From is one that a phone writes which does not want to be named.
pub(crate) fn has_anonymous_from(request: &Message<'_>) -> bool {
    let from = request.from().ok().and_then(|from| Uri::parse(from.uri).ok());
    from.is_some_and(
        |from| matches!(from.host, sip::Host::Name(host) if host.eq_ignore_ascii_case(ANONYMOUS_HOST)),
    )
}

/// The caller of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) person: PersonKey,
    number: Box<str>,
    name: Option<String>,
    domain: Box<str>,
    privacy: Privacy,
}

/// What a next hop is told of a caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) from: Party,
    /// User part of our Contact.
    pub(crate) contact_user: String,
    pub(crate) headers: ExtraHeaders,
}

impl Shown {
    /// Of somebody who does not want to be named; a trusted peer keeps what is asserted to it (RFC 3325 §9.3).
    pub(crate) fn anonymous(mut headers: ExtraHeaders, is_trusted: bool) -> Self {
        if is_trusted {
            headers.push(("Privacy".into(), String::from("id")));
        }
        let from = Party::new(format!("sip:{ANONYMOUS_USER}@{ANONYMOUS_HOST}"));
        Self { from: from.display(ANONYMOUS_NAME), contact_user: ANONYMOUS_USER.to_owned(), headers }
    }
}

impl Identity {
    pub(crate) fn new(account: &Account, org: &OrgPlan, privacy: Privacy) -> Self {
        let name = displayable(&account.name);
        let (number, domain) = (account.number.clone(), org.sip_domain().into());
        Self { person: account.person, number, name, domain, privacy }
    }

    /// Somebody outside, known by the number and the name that came with the call; either may be empty.
    pub(crate) fn outside(
        person: PersonKey,
        (number, name): (&str, &str),
        org: &OrgPlan,
        privacy: Privacy,
    ) -> Self {
        let number = if number.is_empty() { ANONYMOUS_USER } else { number };
        Self {
            person,
            number: number.into(),
            name: displayable(name),
            domain: org.sip_domain().into(),
            privacy,
        }
    }

    /// A visitor with a pass, who has no number to be called back at.
    pub(crate) fn guest(pass: &Pass, org: &OrgPlan, privacy: Privacy) -> Self {
        Self::outside(PersonKey::Guest(GuestId(pass.guest)), (GUEST_USER, &pass.name), org, privacy)
    }

    /// Whoever is on a leg, to be shown so much of. `None`: they may not call any more.
    pub(crate) fn of(leg: &Leg, org: &OrgPlan, privacy: Privacy) -> Option<Self> {
        let known = || org.account_of(leg.person).map(|account| Self::new(account, org, privacy));
        leg.outside.as_ref().map(|outside| outside.who.clone()).or_else(known)
    }

    /// Whether they are outside the organisation.
    pub(crate) fn is_outside(&self) -> bool {
        self.person.is_outside()
    }

    /// The number that is written down and called back.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// How much of them is shown.
    pub(crate) fn privacy(&self) -> Privacy {
        self.privacy
    }

    /// The number, if anybody may see it.
    pub(crate) fn shown_number(&self) -> Option<&str> {
        (self.privacy == Privacy::Open).then_some(&*self.number)
    }

    /// The header that tells the other side of a call who is here now, unless that is not to be shown (RFC 3325 §9.1).
    pub(crate) fn asserted(&self) -> Option<(Cow<'static, str>, String)> {
        (self.privacy == Privacy::Open).then(|| self.assertion())
    }

    fn assertion(&self) -> (Cow<'static, str>, String) {
        let uri = format!("sip:{}@{}", self.number, self.domain);
        let address = sip::write::Address { display: self.name.as_deref(), uri: &uri, tag: None };
        ("P-Asserted-Identity".into(), address.to_string())
    }

    /// What a next hop of this trust is told.
    pub(crate) fn shown(&self, trust: Trust) -> Shown {
        let own = Party { display: self.name.clone(), uri: format!("sip:{}@{}", self.number, self.domain) };
        let mut headers = ExtraHeaders::new();
        if trust == Trust::Inside {
            headers.push(self.assertion());
        }
        match self.privacy {
            Privacy::Open => Shown { from: own, contact_user: self.number.to_string(), headers },
            Privacy::Anonymous => Shown::anonymous(headers, trust == Trust::Inside),
        }
    }
}

/// A name that shows what it is: without control characters, which would break the line or make the call fail, and
/// without those that let text run the other way. Quotes are escaped where it is written.
fn displayable(name: &str) -> Option<String> {
    let turns = |letter: char| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String = name.chars().filter(|letter| !letter.is_control() && !turns(*letter)).collect();
    let plain: String = plain.trim().chars().take(NAME_CHARS_MAX).collect();
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use contract::id::AccountId;
    use uuid::Uuid;

    use super::*;

    fn privacy_of(from: &str, header: &str) -> Result<Privacy, PrivacyFailure> {
        let text = format!("INVITE sip:1002@x SIP/2.0\r\nFrom: {from};tag=1\r\n{header}\r\n");
        Privacy::of(&sip::OwnedMessage::parse(text.as_bytes()).unwrap().view())
    }

    #[test]
    fn rfc_3323_4_2_each_value_of_privacy_does_what_it_says() {
        let own = "<sip:1001@demo.example>";
        for (header, expected) in [
            ("", Privacy::Open),
            ("Privacy: none\r\n", Privacy::Open),
            ("Privacy: header;session\r\n", Privacy::Open),
            ("Privacy: id\r\n", Privacy::Anonymous),
            ("Privacy: USER ; critical\r\n", Privacy::Anonymous),
            ("Privacy: header, id\r\n", Privacy::Anonymous),
            ("Privacy: header\r\nPrivacy: id\r\n", Privacy::Anonymous),
            ("Privacy: astral\r\n", Privacy::Open),
        ] {
            assert_eq!(privacy_of(own, header), Ok(expected), "{header}");
        }
        for header in ["", "Privacy: none\r\n"] {
            let anonymous = privacy_of("\"Anonymous\" <sip:anonymous@Anonymous.INVALID>", header);
            assert_eq!(anonymous, Ok(Privacy::Anonymous), "a From that names nobody names nobody");
        }
    }

    #[test]
    fn rfc_3323_5_an_unknown_service_that_is_critical_is_refused_by_its_name() {
        let refused = privacy_of("<sip:1001@x>", "Privacy: id;astral;critical\r\n");
        assert_eq!(refused, Err(PrivacyFailure(String::from("astral"))));
    }

    fn caller(name: &str, privacy: Privacy) -> Identity {
        let person = PersonKey::Account(AccountId(Uuid::nil()));
        Identity {
            person,
            number: "1001".into(),
            name: displayable(name),
            domain: "demo.example".into(),
            privacy,
        }
    }

    #[test]
    fn rfc_3325_the_number_is_asserted_to_the_trusted_alone() {
        let open = caller("Sari", Privacy::Open);
        let (outside, inside) = (open.shown(Trust::Outside), open.shown(Trust::Inside));
        assert_eq!(outside.from, Party::new("sip:1001@demo.example").display("Sari"));
        assert!(outside.headers.is_empty());
        let asserted = ("P-Asserted-Identity".into(), String::from("\"Sari\" <sip:1001@demo.example>"));
        assert_eq!(inside.headers, std::slice::from_ref(&asserted));
        let hidden = caller("Sari", Privacy::Anonymous);
        let (outside, inside) = (hidden.shown(Trust::Outside), hidden.shown(Trust::Inside));
        assert_eq!(outside.from, Party::new("sip:anonymous@anonymous.invalid").display("Anonymous"));
        assert_eq!((outside.contact_user.as_str(), outside.headers.len()), ("anonymous", 0));
        assert_eq!(inside.from, outside.from);
        assert_eq!(inside.headers, [asserted, ("Privacy".into(), String::from("id"))]);
    }

    #[test]
    fn cve_2025_47779_a_display_name_cannot_smuggle() {
        for (name, shown) in [
            ("Sari\r\nP-Asserted-Identity: <sip:ceo@x>", Some("SariP-Asserted-Identity: <sip:ceo@x>")),
            ("\u{202e}iraS\0\u{7f}", Some("iraS")),
            ("\" <sip:ceo@x>;tag=1, \"", Some("\" <sip:ceo@x>;tag=1, \"")),
            ("\u{200b}\t ", None),
        ] {
            let shown = shown.map(str::to_owned);
            assert_eq!(caller(name, Privacy::Open).shown(Trust::Outside).from.display, shown, "{name:?}");
        }
        let long = "x".repeat(1_000);
        let shown = caller(&long, Privacy::Open).shown(Trust::Outside).from.display;
        assert_eq!(shown.map(|name| name.len()), Some(NAME_CHARS_MAX));
    }
}
