//! What a request says about a call before anybody decides anything: whose domain, what was dialled, by whom.

use std::borrow::Cow;

use dialplan::{OrgPlan, Plan};
use sip::{HeaderName, Host, Message, NameAddr, Scheme, Uri};

use crate::config::DIALLED_BYTES_MAX;

/// The organisation that a URI addresses: by its domain, or the default one for an address of the switch itself.
/// IP literals count as such: behind a NAT the switch does not know all of its own.
pub(crate) fn organisation<'p>(plan: &'p Plan, own_hosts: &[String], uri: &Uri<'_>) -> Option<&'p OrgPlan> {
    match uri.host {
        Host::V4(_) | Host::V6(_) => plan.default_organisation(),
        Host::Absent if uri.scheme == Scheme::Tel => plan.default_organisation(),
        Host::Absent => None,
        Host::Name(name) => plan.organisation_by_host(name).or_else(|| {
            let is_own = own_hosts.iter().any(|own| own.eq_ignore_ascii_case(name));
            plan.default_organisation().filter(|_| is_own)
        }),
    }
}

/// The organisation that a request's Request-URI addresses.
pub(crate) fn addressed<'p>(
    plan: &'p Plan,
    own_hosts: &[String],
    message: &Message<'_>,
) -> Option<&'p OrgPlan> {
    organisation(plan, own_hosts, &Uri::parse(message.request_uri()).ok()?)
}

/// What was dialled: the user part of the Request-URI without its escapes, `None` when there is none or it is
/// longer than any number.
pub(crate) fn dialled<'a>(message: &Message<'a>) -> Option<Cow<'a, str>> {
    let uri = Uri::parse(message.request_uri()).ok()?;
    let user = uri.user_text()?;
    let is_text = !user.chars().any(char::is_control);
    (is_text && user.len() <= DIALLED_BYTES_MAX).then_some(user)
}

/// Whether a From or To names this user of this organisation.
pub(crate) fn names_user(
    address: &NameAddr<'_>,
    plan: &Plan,
    own_hosts: &[String],
    org: &OrgPlan,
    username: &str,
) -> bool {
    Uri::parse(address.uri).is_ok_and(|uri| {
        let is_of_org = organisation(plan, own_hosts, &uri).is_some_and(|of| of.id() == org.id());
        is_of_org && uri.user_text().is_some_and(|user| user == username)
    })
}

/// In how many ways at once the sender lets this request go on (RFC 5393 §5.3); more than we ever use is as good as 255.
pub(crate) fn max_breadth(message: &Message<'_>) -> Option<u8> {
    let digits = message.first(HeaderName::MaxBreadth)?.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u8::MAX))
}
