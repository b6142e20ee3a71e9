//! A device that says where its person is (RFC 3261 §8.1.3.4, §21.3), followed as far as the switch's owner allows.
//!
//! A contact is never an address to send to: it names a number, looked up in the plan of the moment as if the caller had
//! dialled it: one of the caller's own organisation, or one in the telephone network, which is called on the budget of whoever's
//! phone it is. What does not lead to one is left alone, and
//! the redirection counts as a refusal. A number leads nowhere the second time in one call, so that there are no loops.

use contract::journal::{Detail, EventKind};
use dialplan::{Facts, Payer, PersonKey};
use sip::{Scheme, Uri};

use super::{
    invitation::Asked,
    leg::Leg,
    state::{Head, Ringing},
};
use crate::{
    config::{DIALLED_BYTES_MAX, REDIRECTS_MAX, Redirects},
    means::Means,
};

impl Ringing {
    /// Follows a redirection; false when it leads to no device.
    pub(super) fn follow(
        &mut self,
        head: &mut Head,
        from: &Leg,
        (status, contacts): (u16, &[String]),
        means: &mut Means<'_>,
    ) -> bool {
        // 305 asks for a proxy and 380 for another service: neither names a number.
        // Nobody's microphone is opened by somebody else's phone.
        let is_followed = matches!(status, 300..=302)
            && !self.invitation.answers_itself
            && means.config.redirects != Redirects::Refuse;
        // A provider sends nobody on, and least of all on anybody's budget.
        let is_phone = !matches!(from.person, PersonKey::Trunk(_));
        if !is_followed || !is_phone || self.invitation.max_forwards == 0 {
            return false;
        }
        let before = self.forks.len();
        for contact in contacts {
            // The dialled number is the first.
            if self.invitation.numbers.len() > REDIRECTS_MAX {
                break;
            }
            if let Some(number) = self.own_number(contact, from, means) {
                self.ring_also(head, (from, status), number, means);
            }
        }
        self.forks.len() > before
    }

    /// The number of this organisation that a contact names and that this call has not been sent to.
    fn own_number(&self, contact: &str, from: &Leg, means: &Means<'_>) -> Option<String> {
        let number = own_number(contact, &self.invitation.domain, from, means)?;
        (!self.invitation.numbers.contains(&number)).then_some(number)
    }

    fn ring_also(
        &mut self,
        head: &mut Head,
        (from, status): (&Leg, u16),
        number: String,
        means: &mut Means<'_>,
    ) {
        let facts =
            Facts { org: self.invitation.org, caller: self.invitation.caller.person, dialled: &number };
        // Whoever's phone it is pays, as if they had dialled it.
        let decision = means.plan.route_for(&facts, Payer::Person(from.person), means.wall);
        if decision.outside().is_some() && means.config.redirects != Redirects::Numbers {
            return;
        }
        let (route, forwards) = (decision.route.clone(), decision.forwards.clone());
        means.trace_route(self.invitation.call, means.plan.revision(), decision);
        self.invitation.numbers.insert(number.clone());
        let Some(ring) = route.ring() else { return };
        let before = self.forks.len();
        self.invitation.max_forwards = self.invitation.max_forwards.saturating_sub(1);
        let mut asked = Asked { head, forks: &mut self.forks, tally: &mut self.tally };
        // Who is asked instead has what the one had who sends the call on.
        let _ = self.invitation.ring(ring, from.breadth, self.offer.as_ref(), &mut asked, means);
        if self.forks.len() > before {
            let told = Detail {
                leg: Some(from.no),
                sip_status: Some(status),
                number: Some(number),
                ..Detail::default()
            };
            self.record.event(EventKind::Forward, None, told, means);
            self.record.forwarded(&forwards, means);
        }
    }
}

/// The number that a URI names which a device has written, if it is one of the organisation with this SIP domain.
pub(super) fn own_number(uri: &str, domain: &str, from: &Leg, means: &Means<'_>) -> Option<String> {
    let uri = Uri::parse(uri).ok()?;
    let is_own = match (uri.scheme, uri.host) {
        (Scheme::Tel, _) => true,
        (Scheme::Sip | Scheme::Sips, sip::Host::Name(name)) => {
            let own_hosts = &means.config.own_hosts;
            name.eq_ignore_ascii_case(domain) || own_hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
        }
        // The address by which this device knows the switch; at any other one somebody else answers.
        (Scheme::Sip | Scheme::Sips, host) => host.ip() == Some(from.switch_address()),
        _ => false,
    };
    let number = uri.user_text().filter(|_| is_own && uri.headers.is_empty())?;
    (number.len() <= DIALLED_BYTES_MAX).then(|| number.into_owned())
}
