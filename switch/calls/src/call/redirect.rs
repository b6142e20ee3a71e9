//! A device that says where its person is (RFC 3261 §8.1.3.4, §21.3), followed as far as the switch's owner allows.
//!
//! A contact is never an address to send to: it names a number, looked up in the plan of the moment as if the caller had
//! dialled it: one of the caller's own organisation, or one in the telephone network, which is called on the budget of whoever's
//! phone it is. What does not lead to one is left alone, and
//! the redirection counts as a refusal. A number that has been followed leads nowhere the second time in one call, so that there are no loops.
//! It leads to devices that ring beside the others; where it leads to what the switch itself answers, the call goes there if
//! nobody else rings and nobody has answered it yet. A queue's agents send nobody on: whoever waits has come for them.

use contract::journal::{Detail, EventKind};
use dialplan::{Decision, Facts, Payer, PersonKey, Ring, Route};
use sip::{Cause, Scheme, Uri};
use streams::sdp::Description;

use super::{
    events::Record,
    invitation::{Asked, Failure, Invitation},
    leg::{Asking, Leg},
};
use crate::{
    config::{DIALLED_BYTES_MAX, REDIRECTS_MAX, Redirects},
    means::Means,
};

/// What has become of a redirection.
pub(super) enum Followed {
    /// Devices were invited.
    Rings,
    /// It names a number at which the switch itself answers.
    Served(String, Box<Decision>),
    /// It leads nowhere.
    Nowhere,
}

impl Invitation {
    /// Follows a redirection of a device, which has left the forks.
    pub(super) fn follow(
        &mut self,
        (from, failure): (&Leg, &Failure),
        (offer, record): (Option<&Description>, &mut Record),
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) -> Followed {
        // 305 asks for a proxy and 380 for another service: neither names a number.
        let is_followed = failure.cause == Cause::Response
            && matches!(failure.status, 300..=302)
            && self.is_followed
            && from.asking() == Asking::Called
            && means.config.redirects != Redirects::Refuse;
        // A provider sends nobody on, and least of all on anybody's budget.
        let is_phone = !matches!(from.person, PersonKey::Trunk(_));
        if !is_followed || !is_phone || self.max_forwards == 0 {
            return Followed::Nowhere;
        }
        let (before, mut served) = (asked.forks.len(), None);
        for contact in &failure.contacts {
            // The dialled number is the first.
            if self.numbers.len() > REDIRECTS_MAX {
                break;
            }
            let number = own_number(contact, &self.domain, from, means);
            let Some(number) = number.filter(|number| !self.numbers.contains(number)) else { continue };
            let Some(decision) = self.decide(&number, from, means) else { continue };
            match &decision.route {
                Route::Ring(ring) => {
                    let meant = (number, &**ring, &decision);
                    self.ring_also((from, failure.status), meant, (offer, &mut *record), asked, means);
                }
                Route::Queue(_) | Route::Voicemail(_) | Route::Menu(_) | Route::Conference(_) => {
                    served = served.or_else(|| Some((number, Box::new(decision))));
                }
                Route::Intercom(_)
                | Route::Page(_)
                | Route::Feature(_)
                | Route::Announce(_)
                | Route::Refuse(_) => {}
            }
        }
        match served {
            _ if asked.forks.len() > before => Followed::Rings,
            Some((number, decision)) => Followed::Served(number, decision),
            None => Followed::Nowhere,
        }
    }

    /// What the plan makes of a number that a phone names.
    fn decide(&self, number: &str, from: &Leg, means: &mut Means<'_>) -> Option<Decision> {
        let facts = Facts { org: self.org, caller: self.caller.person, dialled: number };
        // Whoever's phone it is pays, as if they had dialled it.
        let decision = means.plan.route_for(&facts, Payer::Person(from.person), means.wall);
        if decision.outside().is_some() && means.config.redirects != Redirects::Numbers {
            return None;
        }
        means.trace_route(self.call, means.plan.revision(), decision.clone());
        Some(decision)
    }

    fn ring_also(
        &mut self,
        (from, status): (&Leg, u16),
        (number, ring, decision): (String, &Ring, &Decision),
        (offer, record): (Option<&Description>, &mut Record),
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let before = asked.forks.len();
        self.numbers.insert(number.clone());
        // Whoever's phone it is has the call come back; who is asked instead does not.
        self.is_own = false;
        self.max_forwards = self.max_forwards.saturating_sub(1);
        // Who is asked instead has what the one had who sends the call on.
        let _ = self.ring(ring, from.breadth, offer, asked, means);
        if asked.forks.len() > before {
            record.redirected((from.no, status), number, means);
            record.forwarded(&decision.forwards, means);
        }
    }
}

impl Record {
    /// A phone has sent the call on to this number.
    pub(super) fn redirected(&mut self, (leg, status): (u16, u16), number: String, means: &mut Means<'_>) {
        let told =
            Detail { leg: Some(leg), sip_status: Some(status), number: Some(number), ..Detail::default() };
        self.event(EventKind::Forward, None, told, means);
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
