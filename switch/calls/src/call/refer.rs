//! What a REFER asks for, and what its author is told of it (RFC 3515): one subscription in the dialog of its own call, from
//! the 202 to the final status of the target.
//!
//! Only a number at the organisation's own domain is followed, as everywhere, or another call of its author's (`attended`).
//! Methods other than INVITE and other headers in its URI are not understood and refused with 501; a REFER outside a call is
//! refused by the switchboard.

use serde::{Deserialize, Serialize};
use sip::{Body, HeaderName, Message, Method, NameAddr, Replaces, Reply, SessionKey, Uri};

use super::{leg::Leg, redirect::own_number};
use crate::means::Means;

/// RFC 3515 §2.4.5.
const SIPFRAG: &str = "message/sipfrag;version=2.0";
/// How long the author may wait for the next word, in seconds: longer than anybody rings.
const EXPIRES_SECS: u32 = 300;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The number to send the call to.
    pub(super) number: String,
    /// `None`: its author does not want to hear of it (RFC 4488).
    pub(super) referral: Option<Referral>,
}

/// The implicit subscription of a REFER.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Referral {
    /// The sequence number of the REFER, which tells several of one dialog apart (RFC 3515 §2.4.6).
    id: u32,
}

impl Wanted {
    /// Reads what somebody of the organisation with this domain asks for; the error is the answer.
    pub(super) fn read(
        request: &Message<'_>,
        (from, domain): (&Leg, &str),
        means: &Means<'_>,
    ) -> Result<Self, Reply> {
        let bad = || Reply::new(400).phrase("Bad Refer-To");
        let refer_to = request.first(HeaderName::ReferTo).ok_or_else(bad)?;
        let target = NameAddr::parse(refer_to).map_err(|_| bad())?.uri;
        let uri = Uri::parse(target).map_err(|_| bad())?;
        let is_invite = uri.params.get("method").is_none_or(|method| method.eq_ignore_ascii_case("INVITE"));
        if !uri.headers.is_empty() || !is_invite {
            return Err(Reply::new(501));
        }
        let number = own_number(target, domain, from, means).ok_or_else(|| Reply::new(404))?;
        Ok(Self { number, referral: Referral::of(request) })
    }
}

/// The other call of its author's that a request names, if it is a REFER that does (RFC 5589 §7.1).
pub(crate) fn other_call(request: &Message<'_>) -> Option<Replaces> {
    if request.method() != Method::Refer {
        return None;
    }
    let target = NameAddr::parse(request.first(HeaderName::ReferTo)?).ok()?.uri;
    Replaces::of_uri(&Uri::parse(target).ok()?)
}

/// The answer to a REFER that is carried out.
pub(super) fn accepted(referral: Option<Referral>) -> Reply {
    let reply = Reply::new(202);
    if referral.is_some() { reply } else { reply.header("Refer-Sub", "false") }
}

impl Referral {
    /// `None`: its author does not want to hear of it (RFC 4488).
    pub(super) fn of(request: &Message<'_>) -> Option<Self> {
        let is_told =
            request.first(HeaderName::ReferSub).is_none_or(|sub| !sub.eq_ignore_ascii_case("false"));
        let id = request.cseq().map_or(0, |cseq| cseq.number);
        is_told.then_some(Self { id })
    }

    /// Tells how far it is; with a final status for the last time.
    pub(super) fn report(&self, session: SessionKey, status: u16, means: &mut Means<'_>) {
        let state = match status {
            100..=199 => format!("active;expires={EXPIRES_SECS}"),
            _ => String::from("terminated;reason=noresource"),
        };
        let headers =
            vec![("Event".into(), format!("refer;id={}", self.id)), ("Subscription-State".into(), state)];
        let line = format!("SIP/2.0 {status} {}\r\n", sip::reason_phrase_of(status));
        // Whoever cannot be told has hung up, or will find out.
        let _ = means.request(session, "NOTIFY", headers, Some(Body::new(SIPFRAG, line)));
    }
}
