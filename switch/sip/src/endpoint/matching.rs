//! What a request is found again by: its repeats, ACK and CANCEL by RFC 3261 17.2.3, merged ones by 8.2.2.2.
//!
//! The identifiers of a request are as long as its sender likes, and the tables need them until the repeats have died
//! out. So they are kept as a hash of 128 bits under a secret key: nobody can make two requests that share one, and by
//! chance it happens once in 2⁶⁴ requests that live at the same time.

use std::fmt::{self, Write};
use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::branch::has_cookie;
use crate::dialog::from_tag;
use crate::header::HeaderName;
use crate::message::Message;
use crate::message::fields::Via;
use crate::method::Method;
use crate::uri::Host;

/// The hash of a request's identifiers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Identity(u64, u64);

/// Makes the hashes, with a key that no peer knows.
pub(crate) struct Identities(SipHasher13);

/// NUL cannot stand in a message, so it keeps the parts of a key apart.
const APART: &str = "\0";

impl Identities {
    /// With this key. Another key finds nothing of what was kept under the first.
    pub(crate) fn new((one, other): (u64, u64)) -> Self {
        Self(SipHasher13::new_with_keys(one, other))
    }

    /// 17.2.3: branch and sent-by. A branch without the magic cookie says nothing; then it is the request's identifiers
    /// and the whole Via. The To tag is left out there: an ACK has the response's, which the INVITE could not have.
    /// The method belongs to the key too; it stands beside this, because a CANCEL has all but that of its request. Only
    /// the name of one that nobody knows is in here.
    pub(crate) fn of_transaction(&self, request: &Message<'_>, via: &Via<'_>) -> Identity {
        let other = if request.method() == Method::Other { request.method_text() } else { "" };
        match via.branch().filter(|branch| has_cookie(branch)) {
            Some(branch) => self.hash(|text| {
                write!(text, "{other}{APART}{branch}{APART}{}{APART}", via.port.unwrap_or(0))?;
                write_host(text, via.host)
            }),
            None => self.hash(|text| {
                let (uri, from_tag) = (request.request_uri(), from_tag(request));
                let call_id = request.first(HeaderName::CallId).unwrap_or("");
                let cseq = request.cseq().map_or(0, |cseq| cseq.number);
                let via = request.values(HeaderName::Via).next().unwrap_or("");
                write!(text, "{other}{APART}{uri}{APART}{from_tag}{APART}{call_id}{APART}{cseq}{APART}{via}")
            }),
        }
    }

    /// 8.2.2.2: From tag, Call-ID and CSeq.
    pub(crate) fn of_request(&self, request: &Message<'_>) -> Identity {
        let call_id = request.first(HeaderName::CallId).unwrap_or("");
        let cseq = request.first(HeaderName::CSeq).unwrap_or("");
        self.hash(|text| write!(text, "{call_id}{APART}{}{APART}{cseq}", from_tag(request)))
    }

    fn hash(&self, write: impl FnOnce(&mut Sink) -> fmt::Result) -> Identity {
        let mut sink = Sink(self.0);
        // A hash takes whatever is written.
        let _ = write(&mut sink);
        let hash = sink.0.finish128();
        Identity(hash.h1, hash.h2)
    }
}

/// The method that a transaction is found by: an ACK belongs to an INVITE (17.2.3).
pub(crate) fn method_of_transaction(request: &Message<'_>) -> Method {
    match request.method() {
        Method::Ack => Method::Invite,
        method => method,
    }
}

/// Host names are the same in any case.
fn write_host(text: &mut Sink, host: Host<'_>) -> fmt::Result {
    match host {
        Host::Name(name) => {
            name.chars().try_for_each(|character| text.write_char(character.to_ascii_lowercase()))
        }
        Host::V4(address) => write!(text, "{address}"),
        Host::V6(address) => write!(text, "{address}"),
        Host::Absent => Ok(()),
    }
}

/// What is written to it is hashed.
struct Sink(SipHasher13);

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::OwnedMessage;

    fn request(method: &str, via: &str, call_id: &str) -> OwnedMessage {
        let text = format!(
            "{method} sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@example.com>;tag=1\r\n\
             To: <sip:b@example.com>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        );
        OwnedMessage::parse(text.as_bytes()).unwrap()
    }

    fn identity(method: &str, via: &str, call_id: &str) -> Identity {
        let request = request(method, via, call_id);
        Identities::new((1, 2)).of_transaction(&request.view(), &request.view().via().unwrap())
    }

    fn check(one: (&str, &str), other: (&str, &str), is_same: bool) {
        let of = |(via, call_id)| identity("INVITE", via, call_id);
        assert_eq!(of(one) == of(other), is_same, "{one:?} {other:?}");
    }

    #[test]
    fn rfc_3261_17_2_3_branch_and_sent_by_name_a_transaction() {
        check(("h.example;branch=z9hG4bKa", "1"), ("H.EXAMPLE;branch=z9hG4bKa", "2"), true);
        check(("h.example;branch=z9hG4bKa", "1"), ("h.example;branch=z9hG4bKb", "1"), false);
        check(("h.example;branch=z9hG4bKa", "1"), ("h.example:5062;branch=z9hG4bKa", "1"), false);
        check(("h.example;branch=z9hG4bKa", "1"), ("g.example;branch=z9hG4bKa", "1"), false);
        check(("h.example;branch=1", "1"), ("h.example;branch=1", "1"), true);
        check(("h.example;branch=1", "1"), ("h.example;branch=1", "2"), false);
    }

    #[test]
    fn a_cancel_has_the_identity_of_its_request_and_an_unknown_method_one_of_its_own() {
        let of = |method| identity(method, "h.example;branch=z9hG4bKa", "1");
        assert_eq!(of("INVITE"), of("CANCEL"));
        assert_ne!(of("HELLO"), of("GOODBYE"));
    }

    #[test]
    fn parts_do_not_run_into_each_other_and_another_key_gives_another_hash() {
        check(("h1.example:2;branch=z9hG4bKa", "1"), ("h1.example:2;branch=z9hG4bKa2", "1"), false);
        let request = request("INVITE", "h.example;branch=z9hG4bKa", "1");
        let of = |key| Identities::new(key).of_request(&request.view());
        assert_ne!(of((1, 2)), of((1, 3)));
        assert_eq!(of((1, 2)), of((1, 2)));
    }
}
