//! The states of a call and what each of them owns.
//!
//! ```text
//! Ringing ── answered ──▶ Connecting ── caller's ACK ──▶ Talking
//!    │                        │                             │
//!    └────── failed ──────────┴────── hung up ──────────────┴──▶ Over
//! ```
//!
//! Beside these stand `Served`: the switch itself is the other side (`feature`), and `Queued`: the caller has been answered
//! and waits, and then talks (`queued`), `Callback`: it has hung up and keeps its place (`queued/callback`), and `Paged`: several hear the caller (`paged`). `Originating` is before all of them where a call is ordered (`originating`). `Transferring` comes out of `Talking` and
//! goes back there (`transfer`).
//!
//! A transition consumes the state it leaves. `Over` owns a record that takes no more events, so nothing but the
//! legs' farewell can follow. Every state but `Talking` and `Over` has a deadline of its own (`timers`).

use contract::{
    id::{CallId, OrgId},
    journal::{Detail, EventKind, ParticipantRole},
};
use dialplan::{Host, PersonKey, Ring};
use serde::{Deserialize, Serialize};
use sip::{Body, Reason, RequestKey, SessionKey};
use streams::{keys::Key, media::LeaseId, sdp::Description};

use super::{
    dial::participant_of_person,
    events::{ClosedRecord, Record},
    feature::Served,
    identity::Privacy,
    invitation::Invitation,
    leg::{Farewell, Leaving, Leg},
    originating::Originating,
    outcome::Tally,
    paged::Paged,
    queued::{Callback, Queued, Taken},
    recording::Recording,
    transfer::Transferring,
};
use crate::{clock::Moment, means::Means};

/// Where a call stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum State {
    /// Devices ring; the caller has no final answer.
    Ringing(Box<Ringing>),
    /// A device has answered; the caller has a 2xx and has not acknowledged it.
    Connecting(Box<Connecting>),
    /// Both sides talk.
    Talking(Box<Talking>),
    /// One side waits, devices ring elsewhere.
    Transferring(Box<Transferring>),
    /// The caller waits for somebody of a queue.
    Queued(Box<Queued>),
    /// The caller of a queue has hung up and is called back when it is its turn.
    Callback(Box<Callback>),
    /// The switch itself is the other side.
    Served(Box<Served>),
    /// Phones that have answered by themselves hear the caller.
    Paged(Box<Paged>),
    /// Somebody is to call, and their own phones ring.
    Originating(Box<Originating>),
    /// `ended` is written. Legs may still be leaving.
    Over(ClosedRecord),
}

/// Devices ring.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ringing {
    pub(crate) record: Record,
    pub(crate) caller: Leg,
    /// `None`: the caller wants the offer in our answer (RFC 3261 §13.2.1).
    pub(crate) offer: Option<Description>,
    pub(crate) invitation: Invitation,
    /// Devices without a final answer.
    pub(crate) forks: Vec<Leg>,
    pub(crate) tally: Tally,
    pub(crate) told: Told,
    /// Who is to ring when the caller has been told that it will be recorded.
    pub(crate) announcing: Option<Box<Ring>>,
    /// End of the ring timeout (H-052), or of the patience for the notice.
    pub(crate) until: Moment,
}

/// What the caller has heard so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// `ringing` is written.
    pub(crate) is_written: bool,
    /// 180 was sent.
    pub(crate) ringing: bool,
    /// 183 without media was sent.
    pub(crate) progress: bool,
    /// The answer that the caller has been told. It stays the answer whoever answers the call (`early`).
    pub(crate) answer: Option<Body>,
    /// The device whose early media the caller hears.
    pub(crate) heard: Option<SessionKey>,
    /// A device's offer that the caller, who made none, has to answer or has answered.
    pub(crate) offer: Option<EarlyOffer>,
    /// An offer between the caller and the device that is heard.
    pub(crate) update: Option<EarlyUpdate>,
}

/// A device's offer in a reliable provisional answer (RFC 3262 §5).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EarlyOffer {
    pub(crate) fork: SessionKey,
    /// The early dialog it came in.
    pub(crate) dialog: Box<str>,
    pub(crate) offer: Description,
    /// The caller has answered it.
    pub(crate) is_answered: bool,
}

/// An UPDATE on its way through before the answer (RFC 3311 §5).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EarlyUpdate {
    /// Who asks.
    pub(crate) by: SessionKey,
    /// Who is asked.
    pub(crate) of: SessionKey,
    pub(crate) offer: Description,
}

/// The caller has a 2xx.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Connecting {
    pub(crate) record: Record,
    pub(crate) caller: Leg,
    pub(crate) callee: Leg,
    /// The callee's offer, when the caller's ACK is to bring the answer and the callee waits for it.
    pub(crate) late_offer: Option<Description>,
    /// The caller was told another answer than the callee's, before the callee answered.
    pub(crate) is_told_otherwise: bool,
    /// The caller's ACK never came; the endpoint is ending its session.
    pub(crate) is_ack_missing: bool,
    pub(crate) until: Moment,
}

/// Both sides talk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Talking {
    pub(crate) record: Record,
    pub(crate) caller: Leg,
    pub(crate) callee: Leg,
    /// Whether the caller and the callee have put the call on hold.
    pub(crate) is_held: Held,
    pub(crate) music: Music,
    pub(crate) exchange: Exchange,
    /// Who has yet to be told what the other side has said.
    pub(crate) owed: Option<Owed>,
    /// Who was asked something that was given up, and has not said no.
    pub(crate) withdrawn: Option<Side>,
    /// Requests of one side that wait for the other's answer.
    pub(crate) carried: Vec<Carried>,
}

/// Who has put the call on hold.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Held {
    by_caller: Hold,
    by_callee: Hold,
}

/// How one side holds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Hold {
    /// Its phone has said so.
    is_said: bool,
    /// Somebody has ordered it in its name.
    is_ordered: bool,
}

impl Held {
    pub(crate) fn by(self, side: Side) -> bool {
        let Hold { is_said, is_ordered } = *self.of(side);
        is_said || is_ordered
    }

    /// Its phone says so, whatever anybody has ordered.
    pub(crate) fn is_said(self, side: Side) -> bool {
        self.of(side).is_said
    }

    pub(crate) fn is_ordered(self, side: Side) -> bool {
        self.of(side).is_ordered
    }

    /// Whoever is on this side now holds by nobody's order.
    pub(crate) fn set(&mut self, side: Side, holds: bool) {
        *self.of_mut(side) = Hold { is_said: holds, is_ordered: false };
    }

    /// Its phone says so.
    pub(crate) fn say(&mut self, side: Side, holds: bool) {
        self.of_mut(side).is_said = holds;
    }

    pub(crate) fn order(&mut self, side: Side, holds: bool) {
        self.of_mut(side).is_ordered = holds;
    }

    fn of(&self, side: Side) -> &Hold {
        match side {
            Side::Caller => &self.by_caller,
            Side::Callee => &self.by_callee,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Hold {
        match side {
            Side::Caller => &mut self.by_caller,
            Side::Callee => &mut self.by_callee,
        }
    }
}

/// The lines on which music is played to a side that was put on hold.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Music {
    caller: Option<LeaseId>,
    callee: Option<LeaseId>,
}

impl Music {
    pub(crate) fn of(&mut self, side: Side) -> &mut Option<LeaseId> {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}

/// A request inside the dialog of one side, carried to the other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// `None`: it is our own, about a key that was told in another way.
    pub(crate) from: Option<RequestKey>,
    pub(crate) to: RequestKey,
    /// The key that it tells, and how many milliseconds it was pressed.
    pub(crate) key: Option<(Key, u16)>,
}

/// A re-INVITE on its way through (RFC 3264 §8, RFC 3261 §14).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Exchange {
    /// None is.
    Idle,
    /// One side's re-INVITE was passed on; the other side has not answered.
    Asked {
        by: Side,
        /// By an UPDATE, which cannot be taken back.
        is_update: bool,
        /// `None`: the answer will bring an offer.
        offer: Option<Description>,
        /// The asker took it back.
        is_canceled: bool,
        until: Moment,
    },
    /// The other side's offer was passed back in a 2xx; its ACK will bring the answer.
    Offered { by: Side, offer: Description, until: Moment },
    /// A side is being told what the other one has said.
    Settling { side: Side, offer: Description, until: Moment },
}

/// A side that does not know what the other one has said last (`settle`).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Owed {
    pub(crate) side: Side,
    /// Offers that have met one of theirs.
    pub(crate) tries: u8,
    /// When to tell it.
    pub(crate) at: Moment,
    /// The two have just met.
    pub(crate) met: Option<Met>,
}

/// Two sides that do not know each other yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Met {
    /// How much of itself the caller wants shown.
    pub(crate) privacy: Privacy,
    /// The other side is told next.
    pub(crate) is_mutual: bool,
}

/// One of the two sides of a call that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Caller,
    Callee,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// The caller and the callee, if the first of these is on this side.
    pub(crate) fn of_call(self, on: Leg, other: Leg) -> (Leg, Leg) {
        match self {
            Self::Caller => (on, other),
            Self::Callee => (other, on),
        }
    }

    /// How much of itself whoever is on it shows, where the caller wants to be shown like this.
    pub(crate) fn shown(self, callers: Privacy) -> Privacy {
        if self == Self::Caller { callers } else { Privacy::Open }
    }
}

/// What a call keeps whatever its state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Head {
    /// What was called, once that is known.
    pub(crate) host: Option<Host>,
    pub(crate) leaving: Vec<Leaving>,
    pub(crate) recording: Recording,
    /// How much of itself the caller wants shown to whoever it is transferred to.
    pub(crate) privacy: Privacy,
    /// Who of a queue has taken it.
    pub(crate) taken: Option<Taken>,
    legs: u16,
    #[cfg(feature = "planted-second-ended")]
    pub(crate) ghost: Option<Record>,
}

impl Head {
    /// Of a call of which this is recorded, whose caller wants so much shown.
    pub(crate) fn new(recording: Recording, privacy: Privacy) -> Self {
        Self { recording, privacy, ..Self::default() }
    }

    /// The number of a new leg.
    pub(crate) fn next_leg(&mut self) -> u16 {
        self.legs = self.legs.saturating_add(1);
        self.legs
    }

    /// A leg is done and its session over.
    pub(crate) fn leave(&mut self, leg: Leg, status: Option<u16>, means: &mut Means<'_>) {
        self.leaving.push(Leaving::new(leg, Farewell::Over(status), means));
    }

    /// A leg is done and we hang up.
    pub(crate) fn hang_up(&mut self, leg: Leg, reason: Option<Reason>, means: &mut Means<'_>) {
        means.hang_up(leg.session, reason);
        self.leaving.push(Leaving::new(leg, Farewell::Awaited, means));
    }
}

impl State {
    /// Legs that have not left.
    pub(crate) fn legs(&self) -> usize {
        match self {
            Self::Ringing(ringing) => 1 + ringing.forks.len(),
            Self::Connecting(_) | Self::Talking(_) => 2,
            Self::Transferring(transferring) => transferring.legs().len(),
            Self::Queued(queued) => queued.legs().len(),
            Self::Served(_) => 1,
            Self::Paged(paged) => paged.legs().len(),
            Self::Callback(callback) => callback.legs().len(),
            Self::Originating(originating) => originating.forks().len(),
            Self::Over(_) => 0,
        }
    }

    /// Which call.
    pub(crate) fn call(&self) -> CallId {
        match self {
            Self::Ringing(ringing) => ringing.record.call(),
            Self::Connecting(connecting) => connecting.record.call(),
            Self::Talking(talking) => talking.record.call(),
            Self::Transferring(transferring) => transferring.record.call(),
            Self::Queued(queued) => queued.line.record.call(),
            Self::Served(served) => served.line.record.call(),
            Self::Paged(paged) => paged.line.record.call(),
            Self::Callback(callback) => callback.record.call(),
            Self::Originating(originating) => originating.record.call(),
            Self::Over(record) => record.call(),
        }
    }

    /// Of which organisation.
    pub(crate) fn org(&self) -> OrgId {
        match self {
            Self::Ringing(ringing) => ringing.record.org(),
            Self::Connecting(connecting) => connecting.record.org(),
            Self::Talking(talking) => talking.record.org(),
            Self::Transferring(transferring) => transferring.record.org(),
            Self::Queued(queued) => queued.line.record.org(),
            Self::Served(served) => served.line.record.org(),
            Self::Paged(paged) => paged.line.record.org(),
            Self::Callback(callback) => callback.record.org(),
            Self::Originating(originating) => originating.record.org(),
            Self::Over(record) => record.org(),
        }
    }

    /// The part of the record that takes legs and quality.
    pub(crate) fn facts(&mut self) -> &mut ClosedRecord {
        match self {
            Self::Ringing(ringing) => ringing.record.facts(),
            Self::Connecting(connecting) => connecting.record.facts(),
            Self::Talking(talking) => talking.record.facts(),
            Self::Transferring(transferring) => transferring.record.facts(),
            Self::Queued(queued) => queued.line.record.facts(),
            Self::Served(served) => served.line.record.facts(),
            Self::Paged(paged) => paged.line.record.facts(),
            Self::Callback(callback) => callback.record.facts(),
            Self::Originating(originating) => originating.record.facts(),
            Self::Over(record) => record,
        }
    }

    /// The legs that have not left.
    pub(crate) fn staying(&self) -> Vec<&Leg> {
        match self {
            Self::Ringing(ringing) => std::iter::once(&ringing.caller).chain(&ringing.forks).collect(),
            Self::Connecting(connecting) => vec![&connecting.caller, &connecting.callee],
            Self::Talking(talking) => vec![&talking.caller, &talking.callee],
            Self::Transferring(transferring) => transferring.legs(),
            Self::Queued(queued) => queued.legs(),
            Self::Served(served) => vec![&served.line.caller],
            Self::Paged(paged) => paged.legs(),
            Self::Callback(callback) => callback.legs(),
            Self::Originating(originating) => originating.forks().iter().collect(),
            Self::Over(_) => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub(crate) fn legs_mut(&mut self) -> Vec<&mut Leg> {
        match self {
            Self::Ringing(ringing) => {
                std::iter::once(&mut ringing.caller).chain(&mut ringing.forks).collect()
            }
            Self::Connecting(connecting) => vec![&mut connecting.caller, &mut connecting.callee],
            Self::Talking(talking) => vec![&mut talking.caller, &mut talking.callee],
            Self::Transferring(transferring) => transferring.legs_mut(),
            Self::Queued(queued) => queued.legs_mut(),
            Self::Served(served) => vec![&mut served.line.caller],
            Self::Paged(paged) => paged.legs_mut(),
            Self::Callback(callback) => callback.legs_mut(),
            Self::Originating(originating) => originating.forks_mut().iter_mut().collect(),
            Self::Over(_) => Vec::new(),
        }
    }
}

impl Talking {
    /// Two begin to talk.
    pub(crate) fn begin(record: Record, caller: Leg, callee: Leg) -> Self {
        Self {
            record,
            caller,
            callee,
            is_held: Held::default(),
            music: Music::default(),
            exchange: Exchange::Idle,
            owed: None,
            withdrawn: None,
            carried: Vec::new(),
        }
    }

    /// Nothing is being agreed on or still to be refused, and nobody has yet to be told anything.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.exchange, Exchange::Idle) && self.owed.is_none() && self.withdrawn.is_none()
    }

    pub(crate) fn side_of(&self, session: SessionKey) -> Option<Side> {
        match session {
            _ if session == self.caller.session => Some(Side::Caller),
            _ if session == self.callee.session => Some(Side::Callee),
            _ => None,
        }
    }

    /// Whose leg this is; without a number the callee's.
    pub(crate) fn side_of_leg(&self, no: Option<u16>) -> Option<Side> {
        match no {
            None => Some(Side::Callee),
            Some(no) if no == self.caller.no => Some(Side::Caller),
            Some(no) => (no == self.callee.no).then_some(Side::Callee),
        }
    }

    pub(crate) fn leg(&self, side: Side) -> &Leg {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    pub(crate) fn leg_mut(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}

/// Adds the person on a leg to the participants, as the one who answered or refused (H-066).
pub(crate) fn join_as_recipient(record: &mut Record, person: PersonKey, means: &mut Means<'_>) -> u16 {
    let (kind, reference) = participant_of_person(person);
    record.participant(ParticipantRole::Recipient, kind, reference, means)
}

/// Writes `events` and then `ended`.
pub(crate) fn end(
    mut record: Record,
    events: &[EventKind],
    told: &Detail,
    ended: Detail,
    means: &mut Means<'_>,
) -> State {
    for kind in events {
        record.event(*kind, None, told.clone(), means);
    }
    State::Over(record.ended(ended, means))
}
