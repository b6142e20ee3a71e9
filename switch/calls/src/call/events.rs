//! The record of a call: facts in the order in which they became true, numbered without holes, ended once.
//!
//! A [`Record`] is open; [`Record::ended`] consumes it and leaves a [`ClosedRecord`], which can take what is known
//! only later (legs, quality) and no event. That `ended` comes once and last is thus a matter of types.

use contract::{
    id::{CallId, OrgId},
    journal::{
        Call, Detail, Direction, Entry, Event, EventKind, Fact, Participant, ParticipantKind, ParticipantRole,
    },
    language::Language,
    live::LiveCall,
    time::Timestamp,
};
use dialplan::Forward;
use serde::{Deserialize, Serialize};
use streams::media::{LeaseId, MediaCommand, SoundName};
use uuid::Uuid;

use super::forward::told_of;
use crate::{
    means::Means,
    output::{LiveChange, Output},
};

/// The record of a call that goes on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    closed: ClosedRecord,
    events: u32,
    participants: u16,
    live: LiveCall,
}

/// The record of a call that has ended: legs and quality may follow, events may not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClosedRecord {
    org: OrgId,
    call: CallId,
    /// The clock may be set back; a call's facts never go back.
    latest: Timestamp,
}

impl Record {
    /// Opens the record with the row of the call.
    pub(crate) fn open(
        (org, call): (OrgId, CallId),
        direction: Direction,
        (caller, dialled): (&str, &str),
        means: &mut Means<'_>,
    ) -> Self {
        let live = LiveCall {
            call,
            org,
            direction,
            caller: caller.to_owned(),
            dialled: dialled.to_owned(),
            created_at: means.wall,
            answered_at: None,
            state: EventKind::Created,
        };
        let mut closed = ClosedRecord { org, call, latest: means.wall };
        closed.fact(Fact::Call(Call { direction: live.direction, dialled: dialled.to_owned() }), means);
        Self { closed, events: 0, participants: 0, live }
    }

    /// The organisation.
    pub(crate) fn org(&self) -> OrgId {
        self.closed.org()
    }

    /// The call.
    pub(crate) fn call(&self) -> CallId {
        self.closed.call()
    }

    /// What was dialled.
    pub(crate) fn dialled(&self) -> &str {
        &self.live.dialled
    }

    /// Somebody, or something, has taken the call.
    pub(crate) fn is_answered(&self) -> bool {
        self.live.answered_at.is_some()
    }

    /// Adds a participant and returns their number.
    pub(crate) fn participant(
        &mut self,
        role: ParticipantRole,
        kind: ParticipantKind,
        reference: Uuid,
        means: &mut Means<'_>,
    ) -> u16 {
        self.participants = self.participants.saturating_add(1);
        let no = self.participants;
        self.closed.fact(Fact::Participant(Participant { no, role, kind, reference }), means);
        no
    }

    /// Adds an event; not for `ended`.
    pub(crate) fn event(
        &mut self,
        kind: EventKind,
        participant: Option<u16>,
        detail: Detail,
        means: &mut Means<'_>,
    ) {
        self.write((kind, 0), participant, detail, means);
        if kind == EventKind::Answered {
            self.live.answered_at = Some(self.closed.latest);
        }
        self.live.state = kind;
        means.out.push(Output::Live(LiveChange::Put(self.live.clone())));
    }

    /// Adds an event of a queue, with the caller's place in it.
    pub(crate) fn placed(&mut self, kind: EventKind, place: u16, means: &mut Means<'_>) {
        self.placed_for(kind, place, (None, Detail::default()), means);
    }

    /// The same with who has done what.
    pub(crate) fn placed_for(
        &mut self,
        kind: EventKind,
        place: u16,
        (participant, told): (Option<u16>, Detail),
        means: &mut Means<'_>,
    ) {
        self.write((kind, place), participant, told, means);
        self.live.state = kind;
        means.out.push(Output::Live(LiveChange::Put(self.live.clone())));
    }

    /// Rules send it on.
    pub(crate) fn forwarded(&mut self, forwards: &[Forward], means: &mut Means<'_>) {
        for forward in forwards {
            self.event(EventKind::Forward, None, told_of(forward), means);
        }
    }

    /// Somebody, or something, takes it. One that was sent on by hand had been answered before.
    pub(crate) fn answered(&mut self, whom: Option<u16>, told: Detail, means: &mut Means<'_>) {
        let kind = if self.is_answered() { EventKind::TransferAnswered } else { EventKind::Answered };
        self.event(kind, whom, told, means);
    }

    /// Whoever waits, or chooses, does so no longer, and nobody has taken the call, or that which it was sent on to.
    pub(crate) fn canceled(&mut self, why: Detail, means: &mut Means<'_>) {
        let kind = if self.is_answered() { EventKind::TransferCanceled } else { EventKind::Canceled };
        self.event(kind, None, why, means);
    }

    /// Where it is, nobody can be had or heard: that of the call, or of where it was sent on to.
    pub(crate) fn failed(&mut self, why: Detail, means: &mut Means<'_>) {
        let kind = if self.is_answered() { EventKind::TransferFailed } else { EventKind::Failed };
        self.event(kind, None, why, means);
    }

    /// A side, by its leg's number and its own, puts the call on hold or takes it back.
    pub(crate) fn hold(
        &mut self,
        holds: bool,
        (leg, participant): (u16, Option<u16>),
        means: &mut Means<'_>,
    ) {
        let kind = if holds { EventKind::Hold } else { EventKind::Unhold };
        self.event(kind, participant, Detail { leg: Some(leg), ..Detail::default() }, means);
    }

    /// A sound by the name that lets this organisation have one of its own.
    pub(crate) fn sound(&self, name: &str) -> SoundName {
        SoundName::new(&format!("@{}/{name}", self.closed.org.0))
    }

    /// Says words, by their names, to the far end of a lease, once.
    pub(crate) fn say(
        &self,
        lease: LeaseId,
        (language, words): (Language, &[impl AsRef<str>]),
        means: &mut Means<'_>,
    ) {
        let word = |word: &str| self.sound(&format!("{}/{word}", language.as_str()));
        let sounds = words.iter().map(|name| word(name.as_ref())).collect();
        means.media(MediaCommand::Play { lease, sounds, repeat: false });
    }

    /// Plays something to the far end of a lease until it is to hear something else.
    pub(crate) fn play(&self, lease: LeaseId, name: &str, means: &mut Means<'_>) {
        let sounds = [self.sound(name)].into();
        means.media(MediaCommand::Play { lease, sounds, repeat: true });
    }

    /// Its line in the live table.
    pub(crate) fn shown(&self) -> LiveChange {
        LiveChange::Put(self.live.clone())
    }

    /// Gives no number up to this one out any more.
    pub(crate) fn skip_events(&mut self, latest: u32) {
        self.events = self.events.max(latest);
    }

    /// Adds the last event.
    pub(crate) fn ended(mut self, detail: Detail, means: &mut Means<'_>) -> ClosedRecord {
        self.write((EventKind::Ended, 0), None, detail, means);
        means.out.push(Output::Live(LiveChange::Remove(self.closed.call)));
        self.closed
    }

    fn write(
        &mut self,
        (kind, queue_count): (EventKind, u16),
        participant: Option<u16>,
        detail: Detail,
        means: &mut Means<'_>,
    ) {
        self.events = self.events.saturating_add(1);
        let event = Event { seq: self.events, kind, participant, attempt: 1, queue_count, detail };
        self.closed.fact(Fact::Event(event), means);
    }

    /// The part that takes legs and quality while the call goes on.
    pub(crate) fn facts(&mut self) -> &mut ClosedRecord {
        &mut self.closed
    }

    /// A second pen for the same record, to be used after `events` more have been written with the first.
    #[cfg(feature = "planted-second-ended")]
    pub(crate) fn ghost(&self, events: u32) -> Self {
        let ClosedRecord { org, call, latest } = self.closed;
        let closed = ClosedRecord { org, call, latest };
        Self { closed, events: self.events + events, live: self.live.clone(), ..*self }
    }

    #[cfg(feature = "planted-second-ended")]
    pub(crate) fn ended_again(mut self, means: &mut Means<'_>) {
        self.write((EventKind::Ended, 0), None, Detail::default(), means);
    }
}

impl ClosedRecord {
    /// The organisation.
    pub(crate) fn org(&self) -> OrgId {
        self.org
    }

    /// The call.
    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    /// Adds a fact that is no event.
    pub(crate) fn fact(&mut self, fact: Fact, means: &mut Means<'_>) {
        self.latest = self.latest.max(means.wall);
        means.out.push(Output::Journal(Entry {
            org: self.org,
            call: Some(self.call),
            at: self.latest,
            fact,
        }));
    }
}

/// A detail with a reason.
pub(crate) fn because(reason: &str) -> Detail {
    Detail { reason: Some(reason.to_owned()), ..Detail::default() }
}

/// A detail with a reason and the status that the caller got.
pub(crate) fn refused(reason: Option<&str>, status: u16) -> Detail {
    Detail { reason: reason.map(str::to_owned), sip_status: Some(status), ..Detail::default() }
}
