//! A call from outside: it comes from an address of a trunk and is for a number of the trunk's organisation.
//!
//! Addresses are all the proof there is, as between all providers and their customers; a datagram can lie about its own, and
//! what is answered goes to the true owner. Who calls is what the provider asserts (RFC 3325 §5), if its word is believed,
//! and else what From says; both are shown and nothing is decided by them. A caller who wants no number shown has none here,
//! not even in the record.

use dialplan::{Incoming, OrgPlan, PersonKey, Plan, Trunk, Trust};
use sip::{HeaderName, Message, NameAddr, NewRequest, Uri};

use super::links::{Links, account, contact};
use crate::{
    call::identity::{Identity, Privacy},
    facts,
};

/// Letters of what stands in place of a number, where a caller has none by E.164.
const NUMBER_CHARS_MAX: usize = 32;

/// The call of a trunk that a request is: by one of the trunk's sources, or from where it has registered.
pub(crate) fn incoming<'p>(plan: &'p Plan, links: &Links, request: &NewRequest) -> Option<Incoming<'p>> {
    let message = request.message.view();
    let dialled = facts::dialled(&message)?;
    let address = request.flow.remote.ip();
    let mut trunks = plan.trunks_at(address).chain(links.at(address));
    trunks.find_map(|(org, trunk)| {
        let by = |number: &str| plan.incoming((org, trunk), number);
        // RFC 3261 §10: a registrar sends calls to the contact, and the number stands elsewhere.
        let told = || numbers_told(&message).find_map(|number| by(&number));
        let account = || by(account(plan.organisation(org)?.trunk(trunk)?)?.0);
        let is_ours = dialled == contact(trunk);
        by(&dialled).or_else(|| if is_ours { told().or_else(account) } else { None })
    })
}

/// The numbers that a call may be for which came to a contact of ours: who was called in the provider's own words (RFC 7315
/// §4.2), or by the caller.
fn numbers_told(message: &Message<'_>) -> impl Iterator<Item = String> {
    let called = message.named("P-Called-Party-ID").and_then(|value| NameAddr::parse(value).ok());
    let all = called.into_iter().chain(message.to().ok());
    all.filter_map(|address| Some(Uri::parse(address.uri).ok()?.user_text()?.into_owned()))
}

/// Who calls from outside.
pub(crate) fn caller(message: &Message<'_>, (org, trunk): (&OrgPlan, &Trunk), privacy: Privacy) -> Identity {
    let person = PersonKey::Trunk(trunk.id);
    let asserted =
        || message.values(HeaderName::PAssertedIdentity).filter_map(|value| NameAddr::parse(value).ok());
    let asserted =
        asserted().find_map(|address| named(&address, org)).filter(|_| trunk.trust == Trust::Inside);
    let said = asserted.or_else(|| named(&message.from().ok()?, org));
    let (number, name) = said.filter(|_| privacy == Privacy::Open).unwrap_or_default();
    Identity::outside(person, (&number, &name), org, privacy)
}

/// A number and a name, if the address has a number.
fn named(address: &NameAddr<'_>, org: &OrgPlan) -> Option<(String, String)> {
    let uri = Uri::parse(address.uri).ok()?;
    let user = uri.user_text()?;
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_' | '*' | '#');
    let is_plain = !user.is_empty() && user.chars().all(plain) && user.len() <= NUMBER_CHARS_MAX;
    let number = org.e164(&user).or_else(|| is_plain.then(|| user.into_owned()))?;
    Some((number, address.display_text().unwrap_or_default().into_owned()))
}
