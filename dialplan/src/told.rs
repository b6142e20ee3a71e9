//! A decision as `contract` carries it to whoever asks why: the live switch and the one who tries a number tell it alike.

use contract::{
    route::Routed,
    trace::{MenuOffer, RouteStep, RouteTrace},
};

use crate::{
    hours::Standing,
    menu::Menu,
    plan::Host,
    route::{Decision, Paging, PassedOver, Queueing, Route, Step},
};

impl Decision {
    /// Its steps, made by a plan of this revision.
    pub fn told(&self, revision: i64) -> RouteTrace {
        RouteTrace { revision, steps: self.steps() }
    }

    pub(crate) fn steps(&self) -> Vec<RouteStep> {
        self.trace.0.iter().map(told).collect()
    }
}

impl Route {
    /// The same without what only the switch needs.
    pub(crate) fn told(&self) -> Routed {
        match self {
            Self::Ring(ring) => Routed::Ring {
                number: ring.number.to_string(),
                name: ring.name.to_string(),
                ring_timeout_secs: ring.ring_timeout_secs,
                is_outside: ring.outbound.is_some(),
            },
            Self::Intercom(ring) => {
                Routed::Intercom { number: ring.number.to_string(), name: ring.name.to_string() }
            }
            Self::Queue(Queueing { queue, ring, priority }) => Routed::Queue {
                number: ring.number.to_string(),
                name: ring.name.to_string(),
                wait_max_secs: queue.wait_max_secs,
                priority: *priority,
            },
            Self::Feature(feature) => Routed::Feature(feature.as_str().into()),
            Self::Announce(announcement) => Routed::Announce { sound: announcement.sound.to_string() },
            Self::Voicemail(voicemail) => Routed::Voicemail { number: voicemail.mailbox.number.to_string() },
            Self::Menu(menu) => Routed::Menu { number: menu.number.to_string() },
            Self::Conference(conference) => Routed::Conference { number: conference.number.to_string() },
            Self::Page(paging) => Routed::Page { number: paging.group.number.to_string() },
            Self::Refuse(refusal) => Routed::Refuse { reason: refusal.reason().into() },
        }
    }
}

fn page(Paging { group, ring }: &Paging) -> RouteStep {
    RouteStep::Page {
        number: group.number.to_string(),
        people: ring.targets.len(),
        is_duplex: group.is_duplex,
    }
}

fn told(step: &Step) -> RouteStep {
    match step {
        Step::NoOrganisation => RouteStep::NoOrganisation,
        Step::NoNumber => RouteStep::NoNumber,
        Step::Number { number, host, name } => {
            let (kind, id) = match host {
                Host::Extension(id) => ("extension", id.to_string()),
                Host::User(id) => ("user", id.to_string()),
                Host::Account(id) => ("account", id.to_string()),
                Host::Outside(number) => ("outside", number.to_string()),
            };
            RouteStep::Number { number: number.to_string(), kind: kind.into(), id, name: name.to_string() }
        }
        Step::Feature(feature) => RouteStep::Feature { name: feature.as_str().into() },
        Step::Intercom => RouteStep::Intercom,
        Step::Did(number) => RouteStep::Did { number: number.to_string() },
        Step::Outside { number, route, trunks } => RouteStep::Outside {
            number: number.to_string(),
            route: route.as_ref().map(|name| name.to_string()),
            trunks: trunks.iter().map(|name| name.to_string()).collect(),
        },
        Step::Barred(why) => RouteStep::Barred { because: why.reason().into() },
        Step::Inactive => RouteStep::Inactive,
        Step::NoStaff => RouteStep::NoStaff,
        Step::Hours { local, standing } => hours(local, *standing),
        Step::Closed => RouteStep::Closed,
        Step::After { number, condition } => {
            RouteStep::After { number: number.to_string(), condition: *condition }
        }
        Step::PassedOver { rule, because } => {
            let because = match because {
                PassedOver::Disabled => "disabled",
                PassedOver::OtherHours => "other_hours",
                PassedOver::BeenThere => "been_there",
                PassedOver::TooFar => "too_far",
            };
            RouteStep::PassedOver { rule: *rule, because: because.into() }
        }
        Step::Forward { rule, number, name, .. } => {
            RouteStep::Forward { rule: *rule, number: number.to_string(), name: name.to_string() }
        }
        Step::LedNowhere { rule } => RouteStep::LedNowhere { rule: *rule },
        Step::OwnPeople { rule } => RouteStep::OwnPeople { rule: *rule },
        Step::Announce { rule, sound } => RouteStep::Announce { rule: *rule, sound: sound.to_string() },
        Step::Voicemail { number, reason, rule } => {
            RouteStep::Voicemail { number: number.to_string(), reason: (*reason).into(), rule: *rule }
        }
        Step::Menu(menu) => offered(menu),
        Step::Conference(conference) => RouteStep::Conference {
            number: conference.number.to_string(),
            members_max: conference.members_max,
            has_pin: conference.pin.is_some(),
        },
        Step::Page(paging) => page(paging),
        Step::Chosen { number, chosen } => {
            RouteStep::Chosen { number: number.to_string(), reason: chosen.as_str().into() }
        }
        Step::Waits(Queueing { queue, ring, priority }) => RouteStep::Waits {
            number: ring.number.to_string(),
            strategy: queue.strategy.as_str().into(),
            people: ring.targets.len(),
            priority: *priority,
            seconds: queue.wait_max_secs,
        },
        Step::CallerLeftOut => RouteStep::CallerLeftOut,
        Step::Rings { people, accounts, seconds } => {
            RouteStep::Rings { people: *people, accounts: *accounts, seconds: *seconds }
        }
    }
}

fn offered(menu: &Menu) -> RouteStep {
    let offers = menu.offers.iter().map(|(key, offer)| MenuOffer {
        key: *key,
        action: offer.word.into(),
        target: offer.target.clone(),
    });
    RouteStep::Menu {
        number: menu.number.to_string(),
        offers: offers.collect(),
        has_direct_dialling: menu.has_direct_dialling,
    }
}

fn hours(local: &jiff::civil::DateTime, standing: Standing) -> RouteStep {
    let (window, is_holiday) = match standing {
        Standing::Always => (None, false),
        Standing::Open { on, span, is_holiday } => {
            (Some(format!("{} {span}", on.strftime("%a %Y-%m-%d"))), is_holiday)
        }
        Standing::Closed { is_holiday } => (None, is_holiday),
    };
    let local = local.strftime("%a %Y-%m-%d %H:%M").to_string();
    RouteStep::Hours { local, is_open: standing.is_open(), window, is_holiday }
}
