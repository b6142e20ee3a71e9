//! What an operator is shown of trunks, made when somebody asks.

use std::time::Instant;

use contract::{
    live::{LiveAnswer, LiveTarget, LiveTrunk, TargetState, TrunkState},
    time::Timestamp,
};
use dialplan::{OrgPlan, Trunk};

use super::health::Health;
use crate::switchboard::Switchboard;

/// How many trunks and targets stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrunkCounts {
    /// Trunks that are registered.
    pub registered: u64,
    /// Trunks that should be and are not.
    pub unregistered: u64,
    /// Trunks whose targets all do not answer.
    pub down: u64,
    /// Targets that answer, or have not failed yet.
    pub targets_up: u64,
    /// Targets that do not answer.
    pub targets_down: u64,
    /// Calls that are up on trunks.
    pub channels: u64,
}

impl Switchboard {
    /// All trunks, by organisation and id.
    #[must_use]
    pub fn live_trunks(&self) -> Vec<LiveTrunk> {
        let trunks = self.plan.organisations().flat_map(|org| org.trunks().map(move |trunk| (org, trunk)));
        trunks.map(|(org, trunk)| self.live_trunk(org, trunk)).collect()
    }

    /// The same in numbers.
    #[must_use]
    pub fn trunk_counts(&self) -> TrunkCounts {
        let mut counts = TrunkCounts::default();
        for trunk in self.plan.organisations().flat_map(OrgPlan::trunks) {
            let registration = self.links.registration(trunk.id);
            let is_registered = registration.is_some_and(|found| found.granted(self.now).is_some());
            counts.registered += u64::from(is_registered);
            counts.unregistered += u64::from(registration.is_some() && !is_registered);
            let health = self.links.health(trunk.id);
            let up = health.iter().filter(|health| health.is_up()).count();
            counts.down += u64::from(!health.is_empty() && !self.links.is_up(trunk));
            counts.targets_up += up as u64;
            counts.targets_down += (health.len() - up) as u64;
            counts.channels += self.channels.of(trunk.id) as u64;
        }
        counts
    }

    fn live_trunk(&self, org: &OrgPlan, trunk: &Trunk) -> LiveTrunk {
        let registration = self.links.registration(trunk.id);
        let granted = registration.and_then(|found| found.granted(self.now));
        let answer = registration.and_then(|found| found.last_answer());
        let health = self.links.health(trunk.id);
        LiveTrunk {
            trunk: trunk.id,
            org: org.id(),
            name: trunk.name.to_string(),
            state: match (registration, granted, answer) {
                (None, ..) => TrunkState::Static,
                (Some(_), Some(_), _) => TrunkState::Registered,
                (Some(_), None, None) => TrunkState::Registering,
                (Some(_), None, Some(_)) => TrunkState::Unregistered,
            },
            registered_until: granted.map(|granted| self.wall_of(granted.until)),
            answer: answer.map(|answer| LiveAnswer { status: answer.status, at: self.wall_of(answer.at) }),
            targets: trunk
                .targets
                .iter()
                .enumerate()
                .map(|(at, uri)| self.live_target(uri, health.get(at)))
                .collect(),
            channels: u32::try_from(self.channels.of(trunk.id)).unwrap_or(u32::MAX),
            channels_max: trunk.channels_max,
        }
    }

    fn live_target(&self, uri: &str, health: Option<&Health>) -> LiveTarget {
        let heard = health.and_then(Health::heard);
        LiveTarget {
            uri: uri.to_owned(),
            state: match (health, heard) {
                (Some(health), _) if !health.is_up() => TargetState::Down,
                (Some(_), Some(_)) => TargetState::Up,
                (Some(_), None) | (None, _) => TargetState::Unknown,
            },
            answer: heard.map(|heard| LiveAnswer { status: heard.status, at: self.wall_of(heard.at) }),
            round_trip_micros: heard
                .map(|heard| u64::try_from(heard.round_trip.as_micros()).unwrap_or(u64::MAX)),
            failures: health.map_or(0, Health::failures),
        }
    }

    /// The wall time of an instant, before or after the current input.
    fn wall_of(&self, at: Instant) -> Timestamp {
        let micros = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match at.checked_duration_since(self.now) {
            Some(later) => self.wall().plus_micros(micros(later)),
            None => self.wall().plus_micros(-micros(self.now.saturating_duration_since(at))),
        }
    }
}
