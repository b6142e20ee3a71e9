//! A tape as others see it.

use contract::{
    media::MediaView,
    trace::{CallTrace, RouteStep, RouteTrace, TracedMessage},
};
use dialplan::{Decision, Host, Route, Step};

use super::{Tape, mask};

impl Tape {
    /// For `sambung why`: everything, without secrets. `live` is the media of the streams that are open now.
    pub fn view(&self, live: Vec<MediaView>) -> CallTrace {
        let mut media = self.media.clone();
        media.extend(live);
        media.sort_by_key(|media| media.leg);
        let messages = self.messages().map(|(leg, line)| TracedMessage {
            at: line.at,
            way: line.way,
            leg,
            transport: line.flow.transport.as_str().to_ascii_lowercase(),
            local: line.flow.local.to_string(),
            remote: line.flow.remote.to_string(),
            text: String::from_utf8_lossy(&mask::masked(line.bytes)).into_owned(),
        });
        CallTrace {
            call: self.call,
            org: self.org,
            caller: self.caller.to_string(),
            dialled: self.dialled.to_string(),
            created_at: self.created_at,
            is_live: self.is_live,
            route: self.route.as_ref().map(|(revision, decision)| route(*revision, decision)),
            legs: self.legs.iter().map(ToString::to_string).collect(),
            facts: self.facts.clone(),
            media,
            messages: messages.collect(),
            left_out: self.left_out,
        }
    }
}

fn route(revision: i64, decision: &Decision) -> RouteTrace {
    let ring = match &decision.route {
        Route::Ring(ring) => Some(ring),
        Route::Refuse(_) | Route::Feature(_) => None,
    };
    let step = |step: &Step| match step {
        Step::NoOrganisation => RouteStep::NoOrganisation,
        Step::NoNumber => RouteStep::NoNumber,
        Step::Number(host) => number(*host, ring.map(|ring| ring.name.to_string())),
        Step::Feature(feature) => RouteStep::Feature { name: feature.as_str().into() },
        Step::Inactive => RouteStep::Inactive,
        Step::NoStaff => RouteStep::NoStaff,
        Step::CallerLeftOut => RouteStep::CallerLeftOut,
        Step::Rings { people, accounts } => RouteStep::Rings {
            people: *people,
            accounts: *accounts,
            seconds: ring.map_or(0, |ring| ring.ring_timeout_secs),
        },
    };
    RouteTrace { revision, steps: decision.trace.0.iter().map(step).collect() }
}

fn number(host: Host, name: Option<String>) -> RouteStep {
    let (kind, id) = match host {
        Host::Extension(id) => ("extension", id.0),
        Host::User(id) => ("user", id.0),
        Host::Account(id) => ("account", id.0),
    };
    RouteStep::Number { kind: kind.into(), id: id.to_string(), name }
}
