//! What the switch does at providers of its own accord: registers where a trunk wants that, asks targets whether they are
//! there, and keeps the way through a NAT open (RFC 5626 §4.4).
//!
//! When and what is said by `registration` and `health`; here it is sent and the answers find their way back. What a new plan
//! changes is in `plans`. Nothing of it is in an image: after a restart a trunk registers anew under the same Contact, within the time that its provider still has
//! the former one, so no call is missed; and it would have to ask anyway whether that still stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use contract::id::{OrgId, TrunkId};
use dialplan::{Difference, OrgPlan, Trunk};
use sip::{
    Flow, Message, OutsideRequest, Party, Refused, RequestKey, Transport, Uri, digest::Login, locate::Target,
};

use super::{
    health::{Change, Health},
    places::{Place, Places},
    plans::Leaving,
    registration::{Asking, Registration, SPREAD_MAX, WayTo, drawn},
};
use crate::{
    located::Located,
    means::Random,
    output::{Output, Outputs, TrunkChange, TrunkNews},
    switchboard::Switchboard,
};

/// Between two keep-alives of a datagram flow (RFC 5626 §4.4.2: 24 to 29 s).
const KEEP_DATAGRAMS: (Duration, Duration) = (Duration::from_secs(24), Duration::from_secs(5));
/// And of a stream (RFC 5626 §4.4.1: 95 to 120 s).
const KEEP_STREAM: (Duration, Duration) = (Duration::from_secs(95), Duration::from_secs(25));
/// Two ends of line: a keep-alive of a stream (RFC 5626 §3.5.1).
const PING: &[u8] = b"\r\n\r\n";

/// All trunks with something to be done at their provider.
#[derive(Debug, Default)]
pub(crate) struct Links {
    of: BTreeMap<TrunkId, Link>,
    /// What was asked and has no answer.
    asked: BTreeMap<RequestKey, (TrunkId, Purpose)>,
    /// Who wants to be looked at when.
    due: BTreeSet<(Instant, TrunkId)>,
    /// Where trunks have their targets, and are registered. Calls come from there too where they register.
    places: Places,
    /// What is being ended. A trunk asks for nothing else before there is an answer.
    pub(super) leaving: BTreeMap<TrunkId, Leaving>,
}

/// Why something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Register,
    /// The last that is wanted of a registration.
    Leave,
    /// Whether this target is there.
    Options(usize),
    /// So that a NAT does not forget us.
    Keep,
}

/// One trunk.
#[derive(Debug)]
pub(super) struct Link {
    org: OrgId,
    pub(super) trunk: Trunk,
    pub(super) login: Option<Arc<Login>>,
    pub(super) registration: Option<Registration>,
    /// By target; none where they are not asked.
    pub(super) health: Vec<Health>,
    pub(super) keep_at: Option<Instant>,
    /// When it is to be looked at, as `Links::due` has it.
    woken_at: Option<Instant>,
    /// What has been told of its registration.
    pub(super) told: Option<TrunkNews>,
}

/// What is to be sent.
#[derive(Debug)]
enum Order {
    Register(Asking),
    Options(usize, WayTo),
    Keep(WayTo),
}

/// Who we are at a provider.
pub(crate) fn login(trunk: &Trunk) -> Option<Arc<Login>> {
    let credentials = trunk.credentials.as_ref()?;
    Some(Arc::new(Login {
        username: credentials.username.as_str().into(),
        password: credentials.password.as_str().into(),
        realm: credentials.realm.as_deref().map(Box::from),
    }))
}

/// The user part of the Contact that a trunk registers: what comes for it is the trunk's. The same in every life.
pub(crate) fn contact(trunk: TrunkId) -> String {
    trunk.0.simple().to_string()
}

/// The ways to one target.
fn ways_to(target: &str, located: &Located, random: &mut Random) -> Vec<WayTo> {
    let flows = Uri::parse(target).map(|uri| located.flows(&uri, random)).unwrap_or_default();
    flows.into_iter().map(|flow| (Box::from(target), flow)).collect()
}

impl Link {
    pub(super) fn new(org: OrgId, trunk: &Trunk, now: Instant, random: &mut Random) -> Self {
        let first = now + drawn(SPREAD_MAX, random);
        Self {
            org,
            login: login(trunk),
            registration: trunk.registration.map(|wanted| Registration::new(wanted.expiry_secs, first)),
            health: Self::health_of(trunk, now, random),
            keep_at: None,
            woken_at: None,
            told: None,
            trunk: trunk.clone(),
        }
    }

    /// That of a trunk's targets of which nothing is known yet.
    pub(super) fn health_of(trunk: &Trunk, now: Instant, random: &mut Random) -> Vec<Health> {
        let interval = trunk.options_interval_secs.map(|secs| Duration::from_secs(secs.into()));
        let asked = trunk.targets.iter().filter_map(|_| interval);
        asked.map(|interval| Health::new(interval, now + drawn(SPREAD_MAX, random))).collect()
    }

    /// Whether what it has registered, or asks for, is still its own as it was before.
    pub(super) fn is_where_it_was(&self, before: &Trunk) -> bool {
        let stays = |target: &str| {
            let is_target = self.trunk.targets.iter().any(|one| **one == *target);
            is_target && home(before, target) == home(&self.trunk, target)
        };
        self.registration.as_ref().is_some_and(|registration| registration.targets().all(stays))
    }

    fn is_up(&self, target: usize) -> bool {
        self.health.get(target).is_none_or(Health::is_up)
    }

    fn deadline(&self, now: Instant, may_register: bool) -> Option<Instant> {
        let register = self.registration.as_ref().filter(|_| may_register).and_then(Registration::deadline);
        let granted = self.registration.as_ref().and_then(|registration| registration.granted(now));
        let health = self.health.iter().map(Health::deadline).min();
        [register, granted.map(|granted| granted.until), health, self.keep_at].into_iter().flatten().min()
    }

    /// What has become of the registration since that was told last.
    fn news(&mut self, now: Instant) -> Option<TrunkNews> {
        // While it is asking, another target may still take it.
        let registration = self.registration.as_ref().filter(|found| found.deadline().is_some())?;
        let status = registration.last_answer()?.status;
        let is_registered = registration.granted(now).is_some();
        let news = match (is_registered, (200..300).contains(&status)) {
            (true, true) => TrunkNews::Registered,
            (_, false) => TrunkNews::NotRegistered { status, is_still: is_registered },
            // It ran out while a refresh was on its way.
            (false, true) => TrunkNews::NotRegistered { status: 408, is_still: false },
        };
        (self.told != Some(news)).then(|| {
            self.told = Some(news);
            news
        })
    }

    /// The way that was registered by, where a NAT would forget it.
    fn nat_way(&self, now: Instant) -> Option<WayTo> {
        let granted = self.registration.as_ref()?.granted(now).filter(|granted| granted.is_behind_nat)?;
        Some((granted.target.clone(), granted.flow))
    }
}

impl Links {
    /// When something is to be done next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whether a trunk has a target at this address, or is registered there.
    pub(crate) fn is_at(&self, address: IpAddr) -> bool {
        self.places.is_at(address)
    }

    /// Whether a trunk has a target of this name.
    pub(crate) fn is_named(&self, target: &Target) -> bool {
        self.places.is_named(target)
    }

    /// The trunks that register with whoever is at this address.
    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = (OrgId, TrunkId)> {
        self.places.at(address).filter(|(_, trunk)| self.registration(*trunk).is_some())
    }

    /// The ways to a trunk in the order in which they are to be tried, each with the URI of its target: those to targets that
    /// are known to be down come last.
    pub(crate) fn ways(&self, trunk: &Trunk, located: &Located, random: &mut Random) -> Vec<WayTo> {
        let link = self.of.get(&trunk.id);
        let is_up = |at: usize| link.is_none_or(|link| link.is_up(at));
        let (up, down): (Vec<_>, Vec<_>) = trunk.targets.iter().enumerate().partition(|(at, _)| is_up(*at));
        up.into_iter().chain(down).flat_map(|(_, target)| ways_to(target, located, random)).collect()
    }

    /// Whether any target of a trunk may be there. One that is not is worth a try only where no other trunk is.
    pub(crate) fn is_up(&self, trunk: &Trunk) -> bool {
        let link = self.of.get(&trunk.id);
        (0..trunk.targets.len()).any(|at| link.is_none_or(|link| link.is_up(at)))
    }

    /// What is known of the targets of a trunk, by their order; none where they are not asked.
    pub(super) fn health(&self, trunk: TrunkId) -> &[Health] {
        self.of.get(&trunk).map_or(&[], |link| &link.health)
    }

    pub(super) fn registration(&self, trunk: TrunkId) -> Option<&Registration> {
        self.of.get(&trunk)?.registration.as_ref()
    }

    /// Notes when a trunk is to be looked at again.
    pub(super) fn set_due(&mut self, id: TrunkId, now: Instant) {
        let may_register = !self.leaving.contains_key(&id);
        let Some(link) = self.of.get_mut(&id) else { return };
        let at = link.deadline(now, may_register);
        if let Some(before) = std::mem::replace(&mut link.woken_at, at) {
            self.due.remove(&(before, id));
        }
        self.due.extend(at.map(|at| (at, id)));
    }

    pub(super) fn get_mut(&mut self, id: TrunkId) -> Option<&mut Link> {
        self.of.get_mut(&id)
    }

    pub(super) fn add(&mut self, id: TrunkId, link: Link, now: Instant) {
        self.of.insert(id, link);
        self.set_due(id, now);
    }

    /// Takes a trunk out. What it has registered, or asks for, is left to be ended.
    pub(super) fn remove(&mut self, id: TrunkId) -> Option<Link> {
        let link = self.of.remove(&id)?;
        if let Some(at) = link.woken_at {
            self.due.remove(&(at, id));
        }
        self.forget(id, |purpose| !matches!(purpose, Purpose::Register | Purpose::Leave));
        Some(link)
    }

    /// Of these questions no answer is wanted any more.
    pub(super) fn forget(&mut self, id: TrunkId, what: impl Fn(Purpose) -> bool) {
        self.asked.retain(|_, (trunk, purpose)| *trunk != id || !what(*purpose));
    }

    /// The registration that a trunk asks for is to be ended.
    pub(super) fn give_up(&mut self, id: TrunkId, leaving: Leaving) {
        for (trunk, purpose) in self.asked.values_mut() {
            if *trunk == id && *purpose == Purpose::Register {
                *purpose = Purpose::Leave;
            }
        }
        self.leaving.insert(id, leaving);
    }

    /// A registration is being ended by this request.
    pub(super) fn ends(&mut self, id: TrunkId, request: RequestKey, leaving: Leaving) {
        self.asked.insert(request, (id, Purpose::Leave));
        self.leaving.insert(id, leaving);
    }

    /// Notes where a trunk is by now, and when it is to be looked at again.
    fn settle(&mut self, id: TrunkId, located: &Located, now: Instant) {
        let Some(link) = self.of.get(&id) else { return };
        let (place, all) = ((link.org, id), addresses(&link.trunk, located));
        self.put(place, all, now);
        self.set_due(id, now);
    }

    /// Notes where a trunk is: at these addresses of its targets and where it is registered, whatever DNS says since.
    fn put(&mut self, place: Place, mut addresses: BTreeSet<IpAddr>, now: Instant) {
        let granted = self.registration(place.1).and_then(|registration| registration.granted(now));
        addresses.extend(granted.map(|granted| granted.flow.remote.ip().to_canonical()));
        self.places.put(place, addresses);
    }

    /// Notes where the trunks of changed organisations are, and what their targets are called.
    pub(super) fn find_places(&mut self, changed: &[Difference<'_>], located: &Located, now: Instant) {
        for (place, trunk) in changed.iter().filter_map(|one| one.before).flat_map(placed) {
            self.places.forget(place, names(trunk));
        }
        for (place, trunk) in changed.iter().filter_map(|one| one.after).flat_map(placed) {
            for target in names(trunk) {
                self.places.name(place, target);
            }
            self.put(place, addresses(trunk, located), now);
        }
    }
}

fn placed(org: &OrgPlan) -> impl Iterator<Item = (Place, &Trunk)> {
    org.trunks().map(|trunk| ((org.id(), trunk.id), trunk))
}

/// The targets of a trunk that have a name.
fn names(trunk: &Trunk) -> impl Iterator<Item = Target> {
    trunk.targets.iter().filter_map(|uri| Target::of(&Uri::parse(uri).ok()?))
}

/// Where the targets of a trunk are.
fn addresses(trunk: &Trunk, located: &Located) -> BTreeSet<IpAddr> {
    let uris = trunk.targets.iter().filter_map(|target| Uri::parse(target).ok());
    uris.flat_map(|uri| located.addresses(&uri)).collect()
}

impl Switchboard {
    /// Whether a trunk sends from this address, or answers from there.
    pub(crate) fn is_trunk(&self, address: IpAddr) -> bool {
        self.plan.is_trunk(address) || self.links.is_at(address)
    }

    /// A name leads somewhere else now: who waits for one asks at once, and who is registered where it led asks soon.
    pub(crate) fn hurry_trunks(&mut self, target: &Target) {
        let now = self.now;
        for place in self.links.places.named(target) {
            let (org, id) = place;
            let Some(trunk) = self.plan.organisation(org).and_then(|org| org.trunk(id)) else { continue };
            let addresses = addresses(trunk, self.registrar.located());
            if let Some(registration) = self.links.of.get_mut(&id).and_then(|link| link.registration.as_mut())
            {
                registration.located(now, &addresses, &mut self.random);
            }
            self.links.put(place, addresses, now);
            self.links.set_due(id, now);
        }
    }

    /// A connection is gone, and with it what was registered by it.
    pub(crate) fn trunk_connection_lost(&mut self, failed: &Flow) {
        let now = self.now;
        let ids: Vec<TrunkId> = self.links.at(failed.remote.ip()).map(|(_, id)| id).collect();
        for id in ids {
            if let Some(registration) = self.links.of.get_mut(&id).and_then(|link| link.registration.as_mut())
            {
                registration.lost(now, failed, &mut self.random);
                self.links.set_due(id, now);
            }
        }
    }

    /// Does what is due at providers.
    pub(crate) fn mind_trunks(&mut self, out: &mut Outputs) {
        // Each is looked at once: what it wants then is due at the next call.
        for _ in 0..self.links.due.len() {
            let Some((_, id)) = self.links.due.first().filter(|(at, _)| *at <= self.now).copied() else {
                break;
            };
            self.mind_trunk(id, out);
            self.links.settle(id, self.registrar.located(), self.now);
        }
    }

    fn mind_trunk(&mut self, id: TrunkId, out: &mut Outputs) {
        let now = self.now;
        let is_due = |registration: &Registration| registration.deadline().is_some_and(|at| at <= now);
        let link = self.links.of.get(&id).filter(|_| !self.links.leaving.contains_key(&id));
        let link = link.filter(|link| link.registration.as_ref().is_some_and(is_due));
        let (located, random) = (self.registrar.located(), &mut self.random);
        let ways = link.map(|link| self.links.ways(&link.trunk, located, random));
        let Some(link) = self.links.of.get_mut(&id) else { return };
        let mut orders = Vec::new();
        if let Some((ways, registration)) = ways.zip(link.registration.as_mut()) {
            orders.extend(registration.due(now, ways, random).map(Order::Register));
        }
        let mut changes = Vec::new();
        for (at, health) in link.health.iter_mut().enumerate() {
            changes.extend(health.mind_silence(now).map(|change| (at, change)));
            if !health.is_due(now) {
                continue;
            }
            let target = link.trunk.targets.get(at).map_or("", |target| target);
            let ways = ways_to(target, self.registrar.located(), &mut self.random);
            match ways.into_iter().next() {
                Some(way) => orders.push(Order::Options(at, way)),
                None => changes.extend(health.unreachable().map(|change| (at, change))),
            }
        }
        if link.keep_at.take_if(|at| *at <= now).is_some() {
            orders.extend(link.nat_way(now).map(Order::Keep));
        }
        for order in &orders {
            self.send_order(id, order, out);
        }
        self.tell_trunk(id, changes, out);
    }

    /// A final answer to a request of ours outside dialogs; false: it was not for a trunk.
    pub(crate) fn trunk_answered(
        &mut self,
        request: RequestKey,
        (status, message): (u16, Option<&Message<'_>>),
        out: &mut Outputs,
    ) -> bool {
        let Some((id, purpose)) = self.links.asked.remove(&request) else { return false };
        if purpose == Purpose::Leave {
            self.trunk_left(id, (status, message));
            return true;
        }
        let (now, random) = (self.now, &mut self.random);
        let Some(link) = self.links.of.get_mut(&id) else { return true };
        let mut changes = Vec::new();
        match (purpose, &mut link.registration) {
            (Purpose::Register, Some(registration)) => {
                let next = registration.answered(now, (status, message), &contact(id), random);
                link.keep_at = link.nat_way(now).map(|(_, flow)| keep_at(now, flow, random));
                if let Some(asking) = next {
                    self.send_order(id, &Order::Register(asking), out);
                }
            }
            // A NAT that has let us go or moved us (RFC 5626 §4.4.2), or a provider that is gone: registering anew mends all.
            (Purpose::Keep, Some(registration))
                if matches!(status, 408 | 503)
                    || message.is_some_and(|found| registration.has_moved(found)) =>
            {
                registration.is_deaf(now, random);
            }
            (Purpose::Keep, _) => {
                link.keep_at = link.nat_way(now).map(|(_, flow)| keep_at(now, flow, random));
            }
            (Purpose::Options(at), _) => {
                let health = link.health.get_mut(at);
                let change = health.and_then(|health| health.answered(request, status, now));
                changes.extend(change.map(|change| (at, change)));
            }
            (Purpose::Register, None) | (Purpose::Leave, _) => {}
        }
        self.tell_trunk(id, changes, out);
        self.links.settle(id, self.registrar.located(), now);
        true
    }

    fn tell_trunk(&mut self, id: TrunkId, changes: Vec<(usize, Change)>, out: &mut Outputs) {
        let Some(link) = self.links.of.get_mut(&id) else { return };
        let (org, news) = (link.org, link.news(self.now));
        let changes = changes.into_iter().map(|(target, change)| match change {
            Change::Up => TrunkNews::TargetUp { target },
            Change::Down => TrunkNews::TargetDown { target },
        });
        let all = news.into_iter().chain(changes);
        out.extend(all.map(|news| Output::Trunk(TrunkChange { org, trunk: id, news })));
    }

    fn send_order(&mut self, id: TrunkId, order: &Order, out: &mut Outputs) {
        let Some(link) = self.links.of.get(&id) else { return };
        let (trunk, login) = (link.trunk.clone(), link.login.clone());
        let now = self.now;
        let sent = match order {
            Order::Register(asking) => self.send_register((&trunk, login), asking),
            Order::Options(_, way) => self.send_options(&trunk, way),
            Order::Keep((_, flow)) if flow.transport.is_reliable() => {
                out.push(Output::Send { flow: *flow, bytes: Bytes::from_static(PING) });
                let at = keep_at(now, *flow, &mut self.random);
                self.links.of.entry(id).and_modify(|link| link.keep_at = Some(at));
                return;
            }
            Order::Keep(way) => self.send_options(&trunk, way),
        };
        let purpose = match order {
            Order::Register(_) => Purpose::Register,
            Order::Options(target, _) => Purpose::Options(*target),
            Order::Keep(_) => Purpose::Keep,
        };
        let Some(link) = self.links.of.get_mut(&id) else { return };
        match (sent, purpose) {
            (Ok(request), _) => {
                if let Purpose::Options(at) = purpose {
                    let before = link.health.get_mut(at).and_then(|health| health.asked(request, now));
                    before.map(|before| self.links.asked.remove(&before));
                }
                self.links.asked.insert(request, (id, purpose));
            }
            (Err(refused), Purpose::Register) => {
                if let Some(registration) = &mut link.registration {
                    registration.unsent(now, refused, &mut self.random);
                }
            }
            (Err(_), Purpose::Keep) => {
                link.keep_at = link.nat_way(now).map(|(_, flow)| keep_at(now, flow, &mut self.random));
            }
            (Err(_), Purpose::Options(_) | Purpose::Leave) => {}
        }
    }

    pub(super) fn send_register(
        &mut self,
        (trunk, login): (&Trunk, Option<Arc<Login>>),
        asking: &Asking,
    ) -> Result<RequestKey, Refused> {
        let Home { address, domain } = home(trunk, &asking.target);
        let own = Party::new(address);
        let request = OutsideRequest {
            flow: asking.flow,
            method: "REGISTER".into(),
            request_uri: format!("sip:{domain}"),
            from: own.clone(),
            to: own,
            contact_user: Some(contact(trunk.id)),
            routes: Vec::new(),
            max_forwards: MAX_FORWARDS,
            headers: vec![("Expires".into(), asking.expires_secs.to_string())],
            body: None,
            datagram_bytes_max: None,
            login,
            series: asking.series.clone(),
        };
        self.endpoint.request_outside(self.now, request, &mut self.wire)
    }

    /// Without a login: whoever asks who we are is there.
    fn send_options(&mut self, trunk: &Trunk, (target, flow): &WayTo) -> Result<RequestKey, Refused> {
        let Home { address, domain } = home(trunk, target);
        let request = OutsideRequest {
            flow: *flow,
            method: "OPTIONS".into(),
            request_uri: format!("sip:{domain}"),
            from: Party::new(address),
            to: Party::new(format!("sip:{domain}")),
            contact_user: Some(contact(trunk.id)),
            routes: Vec::new(),
            max_forwards: MAX_FORWARDS,
            headers: vec![("Accept".into(), String::from("application/sdp"))],
            body: None,
            datagram_bytes_max: None,
            login: None,
            series: None,
        };
        self.endpoint.request_outside(self.now, request, &mut self.wire)
    }
}

/// `Max-Forwards` of what begins here (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// When the next keep-alive is due.
fn keep_at(now: Instant, flow: Flow, random: &mut Random) -> Instant {
    let (least, spread) = if flow.transport == Transport::Udp { KEEP_DATAGRAMS } else { KEEP_STREAM };
    now + least + drawn(spread, random)
}

/// The provider's domain, or its address with its port: what a target's URI names.
pub(crate) fn domain(target: &str) -> &str {
    let place = target.strip_prefix("sip:").unwrap_or(target);
    let place = place.split(';').next().unwrap_or(place);
    let is_address = Uri::parse(target).is_ok_and(|uri| uri.host.ip().is_some());
    let port = place.rfind(':').filter(|_| !is_address);
    port.and_then(|at| place.get(..at)).unwrap_or(place)
}

/// What a provider calls us.
#[derive(PartialEq, Eq)]
struct Home {
    /// Our address of record there.
    address: String,
    /// Its domain.
    domain: String,
}

/// The domain of our address there.
pub(crate) fn domain_of_ours(trunk: &Trunk, target: &str) -> String {
    home(trunk, target).domain
}

/// The user that the provider has given us, and the user's own domain if there is one: `62215550100@ims.provider.example`.
pub(super) fn account(trunk: &Trunk) -> Option<(&str, Option<&str>)> {
    let username = &*trunk.credentials.as_ref()?.username;
    Some(username.split_once('@').map_or((username, None), |(user, domain)| (user, Some(domain))))
}

/// Our user at the provider, at its own domain or at that which the target names.
fn home(trunk: &Trunk, target: &str) -> Home {
    let contact = contact(trunk.id);
    let (user, own) = account(trunk).unwrap_or((&contact, None));
    let domain = own.unwrap_or_else(|| domain(target));
    Home { address: format!("sip:{}@{domain}", sip::uri::EscapedUser(user)), domain: domain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_s_domain_is_its_name_or_its_address_and_port() {
        for (target, expected) in [
            ("sip:provider.example", "provider.example"),
            ("sip:provider.example:5080;transport=tcp", "provider.example"),
            ("sip:203.0.113.5", "203.0.113.5"),
            ("sip:203.0.113.5:5080", "203.0.113.5:5080"),
            ("sip:[2001:db8::5]:5080;transport=tls", "[2001:db8::5]:5080"),
            ("sip:[2001:db8::5]", "[2001:db8::5]"),
        ] {
            assert_eq!(domain(target), expected, "{target}");
        }
    }
}
