//! Who is in which room, and what members are told of each other (decision 0043).
//!
//! What a call says of itself is all there is to know of it here, so that rooms are there again as soon as the calls are that
//! have outlived the process. A room is where somebody sits: none has to be opened or closed.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{CallId, ConferenceId, OrgId},
    live::{LiveConference, LiveMember},
};
use dialplan::{Conference, OrgPlan};
use streams::{
    conference::RoomId,
    media::{MediaCommand, SoundName},
};

use crate::{
    call::Call,
    clock::Moment,
    output::{LiveChange, Output, Outputs},
    switchboard::Switchboard,
};

/// Somebody has gone.
const LEFT: &str = "tone/left";

/// Where a call sits, as the call itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sits {
    pub(crate) org: OrgId,
    pub(crate) room: RoomId,
    pub(crate) since: Moment,
    pub(crate) has_tones: bool,
    /// It knows of nobody else there.
    pub(crate) is_alone: bool,
    /// By its own wish, or somebody's.
    pub(crate) is_muted: bool,
}

/// All rooms of a switchboard in which somebody sits.
#[derive(Debug, Default)]
pub(crate) struct Conferences {
    calls: BTreeMap<CallId, Sits>,
    rooms: BTreeMap<RoomId, BTreeSet<(Moment, CallId)>>,
    /// Where somebody has come or gone since all were told.
    changed: BTreeSet<RoomId>,
    /// Where somebody has gone, and that is told by a tone.
    left: BTreeSet<RoomId>,
}

impl Conferences {
    /// Takes what a call says of itself after it has changed.
    pub(crate) fn note(&mut self, call: CallId, sits: Option<Sits>) {
        let before = self.calls.get(&call);
        if before == sits.as_ref() {
            return;
        }
        if let Some(before) = self.calls.remove(&call) {
            if let Some(room) = self.rooms.get_mut(&before.room) {
                room.remove(&(before.since, call));
                if room.is_empty() {
                    self.rooms.remove(&before.room);
                }
            }
            if sits.is_none() && before.has_tones {
                self.left.insert(before.room);
            }
            self.changed.insert(before.room);
        }
        if let Some(sits) = sits {
            self.rooms.entry(sits.room).or_default().insert((sits.since, call));
            self.changed.insert(sits.room);
            self.calls.insert(call, sits);
        }
    }

    /// How many are in a conference's room.
    pub(crate) fn members(&self, conference: ConferenceId) -> usize {
        self.rooms.get(&RoomId(conference.0.as_u128())).map_or(0, BTreeSet::len)
    }

    /// Whether nobody may come in now.
    pub(crate) fn is_full(&self, conference: &Conference) -> bool {
        self.members(conference.id) >= usize::from(conference.members_max)
    }

    /// Those in a room who have to be told that they are alone, or no longer.
    fn mistold(&self, room: RoomId) -> Vec<(CallId, bool)> {
        let Some(members) = self.rooms.get(&room) else { return Vec::new() };
        let is_alone = members.len() == 1;
        let told = |call: &CallId| self.calls.get(call).is_some_and(|sits| sits.is_alone == is_alone);
        members.iter().filter(|(_, call)| !told(call)).map(|(_, call)| (*call, is_alone)).collect()
    }
}

impl Switchboard {
    /// Tells members of each other. This ends: who has been told knows.
    pub(crate) fn serve_conferences(&mut self, out: &mut Outputs) {
        while let Some(room) = self.conferences.changed.pop_first() {
            for (call, is_alone) in self.conferences.mistold(room) {
                self.with_call(call, out, |call, means| call.company(is_alone, means));
                self.carry_out(out);
            }
        }
        for room in std::mem::take(&mut self.conferences.left) {
            // Whoever is alone now hears that by the music.
            if self.conferences.rooms.get(&room).is_some_and(|members| members.len() > 1) {
                let sounds = [SoundName::new(LEFT)].into();
                out.push(Output::Media(MediaCommand::Announce { room, sounds }));
            }
        }
    }

    /// All conferences with who is there, by organisation and number of the extension.
    #[must_use]
    pub fn live_conferences(&self) -> Vec<LiveConference> {
        let orgs = self.plan.organisations();
        orgs.flat_map(|org| org.conferences().map(move |one| self.live_conference(org, one))).collect()
    }

    fn live_conference(&self, org: &OrgPlan, conference: &Conference) -> LiveConference {
        let members = self.conferences.rooms.get(&RoomId(conference.id.0.as_u128()));
        LiveConference {
            conference: conference.id,
            org: org.id(),
            number: conference.number.to_string(),
            name: conference.name.to_string(),
            members_max: conference.members_max,
            has_pin: conference.pin.is_some(),
            members: members.into_iter().flatten().filter_map(|(_, call)| self.live_member(*call)).collect(),
        }
    }

    fn live_member(&self, call: CallId) -> Option<LiveMember> {
        let sits = self.conferences.calls.get(&call)?;
        let LiveChange::Put(live) = self.calls.get(&call).and_then(Call::shown)? else { return None };
        let since = Moment::of(self.now, self.origin).since(sits.since);
        Some(LiveMember { call, caller: live.caller, is_muted: sits.is_muted, inside_secs: since.as_secs() })
    }
}
