//! What is going on right now, as the switch socket and `sambung calls` show it. Nothing here is stored.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{
    availability::Person,
    id::{AccountId, CallId, ConferenceId, OrgId, QueueId, TrunkId, UserId},
    journal::{Direction, EventKind},
    media::MediaView,
    queues::Strategy,
    time::Timestamp,
    words::words,
};

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveCall {
    /// The call.
    pub call: CallId,
    /// Its organisation.
    pub org: OrgId,
    /// H-057.
    pub direction: Direction,
    /// Number or username of the caller.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Its latest event.
    pub state: EventKind,
}

/// A call with its legs, as they stand at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveCallLegs {
    /// The call.
    #[serde(flatten)]
    pub call: LiveCall,
    /// Its legs by number; empty when the call ended while it was looked at.
    pub legs: Vec<LiveLeg>,
    /// What the media of its legs is like; empty when the media thread did not answer in time.
    #[serde(default)]
    pub media: Vec<MediaView>,
}

/// One side of a call that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLeg {
    /// From 1; the caller's is 1.
    pub no: u16,
    /// How it stands.
    pub stage: LegStage,
    /// It has put the call on hold (RFC 3264 §8.4).
    pub is_holding: bool,
    /// Transport of its signalling, lower case.
    pub transport: String,
    /// Our signalling address.
    pub local: SocketAddr,
    /// The phone's signalling address, or that of its NAT.
    pub remote: SocketAddr,
    /// When it came to be.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// Its media, by m-line.
    pub streams: Vec<LiveStream>,
}

/// How a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegStage {
    /// Its device has not rung.
    Trying,
    /// It rings.
    Ringing,
    /// It has answered.
    Answered,
    /// It is saying goodbye.
    Leaving,
}

impl LegStage {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Leaving => "leaving",
        }
    }
}

/// One m-line of a leg that we carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveStream {
    /// Where the phone sends RTP: our advertised address and port.
    pub local: SocketAddr,
    /// Where the phone says it receives RTP; none while it has said nothing, or nothing that can be reached.
    pub remote: Option<SocketAddr>,
    /// `audio` or `video`, once the phone has said it.
    pub kind: Option<String>,
    /// `sendrecv`, `sendonly`, `recvonly` or `inactive`, as the phone said it of itself.
    pub direction: Option<String>,
    /// What the phone has offered or taken, its favourite first: `PCMU/8000`; a bare payload type without a name.
    pub formats: Vec<String>,
}

/// A contact at which an account can be reached (RFC 3261 §10.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The organisation.
    pub org: OrgId,
    /// The account.
    pub account: AccountId,
    /// Its username.
    pub username: String,
    /// The contact URI the phone gave.
    pub contact: String,
    /// Where its signalling came from, `udp/192.0.2.1:5060`.
    pub source: String,
    /// Our address on that flow (RFC 5626).
    pub local: SocketAddr,
    /// The number of the flow within the device, where the phone tells its flows apart (RFC 5626 §4.2).
    pub reg_id: Option<u32>,
    /// The device: `+sip.instance` as given.
    pub instance: Option<String>,
    /// Proxies on the way to it (RFC 3327).
    pub path: Vec<String>,
    /// What the phone calls itself, if it said.
    pub user_agent: Option<String>,
    /// When it expires unless refreshed.
    pub expires_at: Timestamp,
}

/// A queue as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveQueue {
    /// Which.
    pub queue: QueueId,
    /// Its organisation.
    pub org: OrgId,
    /// The number of its extension.
    pub number: String,
    /// The name of its extension.
    pub name: String,
    /// Who is asked next.
    pub strategy: Strategy,
    /// Callers who wait, the next one first.
    pub waiting: Vec<LiveWaiting>,
    /// Who answers, in the order of `linear`.
    pub agents: Vec<LiveAgent>,
    /// What a caller who came now would wait, in seconds, by the latest calls; none before there were any.
    pub estimated_wait_secs: Option<u64>,
}

/// A conference as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveConference {
    /// Which.
    pub conference: ConferenceId,
    /// Its organisation.
    pub org: OrgId,
    /// The number of its extension.
    pub number: String,
    /// The name of its extension.
    pub name: String,
    /// Who may be there at once.
    pub members_max: u16,
    /// Whether callers have to press a PIN.
    pub has_pin: bool,
    /// Who is there, in the order in which they came.
    pub members: Vec<LiveMember>,
}

/// Somebody in a conference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveMember {
    /// Their call.
    pub call: CallId,
    /// Number or username of who that is.
    pub caller: String,
    /// Whether the others do not hear them.
    pub is_muted: bool,
    /// For how long they have been there, in seconds.
    pub inside_secs: u64,
}

/// A caller who waits in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveWaiting {
    /// The call.
    pub call: CallId,
    /// Its place: 1 is the next, 0 that somebody rings for it.
    pub place: u16,
    /// Before callers with less.
    pub priority: u16,
    /// For how long it has waited, in seconds.
    pub waits_secs: u64,
}

/// Somebody who answers a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAgent {
    /// Who.
    pub user: UserId,
    /// The number of the person, or the username of a bare account.
    pub number: String,
    /// Their name.
    pub name: String,
    /// How they stand.
    pub state: AgentState,
    /// Calls of this queue that they have taken since the switch was started.
    pub taken: u32,
    /// Calls in a row that they have not taken.
    pub misses: u16,
}

words! {
    /// How somebody stands who answers a queue.
    AgentState {
        /// Can be asked.
        Free = "free",
        /// In a call, their own ones too, or asked.
        Busy = "busy",
        /// Left alone for a while: after a call, or because they did not answer.
        WrapUp = "wrap_up",
        /// Not to be asked: somebody has ordered so.
        Paused = "paused",
        /// Not to be asked: too many calls in a row were not answered.
        Missed = "missed",
        /// Not to be asked: they do not want to be disturbed.
        DoNotDisturb = "do_not_disturb",
        /// No phone of theirs is registered.
        Away = "away",
    }
}

impl AgentState {
    /// Whether callers may count on them, now or soon.
    pub const fn is_working(self) -> bool {
        matches!(self, Self::Free | Self::Busy | Self::WrapUp)
    }
}

words! {
    /// Why somebody is not to be asked.
    AgentPause {
        /// By order.
        Order = "order",
        /// Too many calls in a row were not answered.
        Missed = "missed",
    }
}

/// What somebody has turned on and off for themselves, and whether queues ask them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAvailability {
    /// Who.
    pub person: Person,
    /// Their organisation.
    pub org: OrgId,
    /// The number of the person, or the username of a bare account.
    pub number: String,
    /// Their name.
    pub name: String,
    /// Nothing of theirs rings.
    pub has_do_not_disturb: bool,
    /// A second call rings while they are in one.
    pub has_call_waiting: bool,
    /// Why no queue asks them, if so.
    pub pause: Option<AgentPause>,
}

/// A trunk as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTrunk {
    /// Which.
    pub trunk: TrunkId,
    /// Its organisation.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// How it stands at its provider.
    pub state: TrunkState,
    /// Until when it is registered, if it is.
    pub registered_until: Option<Timestamp>,
    /// The last answer to a REGISTER; status 408 and 503 may be our own words for none, 0: the provider was not located.
    pub answer: Option<LiveAnswer>,
    /// Where its calls go, in order.
    pub targets: Vec<LiveTarget>,
    /// Calls that are up on it, in both directions.
    pub channels: u32,
    /// The most there may be.
    pub channels_max: u16,
}

/// A final answer of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAnswer {
    /// Its status.
    pub status: u16,
    /// When it came.
    pub at: Timestamp,
}

/// A target of a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveTarget {
    /// Its URI.
    pub uri: String,
    /// Whether it is there.
    pub state: TargetState,
    /// Its last answer to an OPTIONS.
    pub answer: Option<LiveAnswer>,
    /// How long that took, in microseconds.
    pub round_trip_micros: Option<u64>,
    /// Questions in a row that were not answered.
    pub failures: u32,
}

words! {
    /// How a trunk stands at its provider.
    TrunkState {
        /// It does not register.
        Static = "static",
        /// It has not been answered yet.
        Registering = "registering",
        /// It is registered.
        Registered = "registered",
        /// It should be, and is not.
        Unregistered = "unregistered",
    }
}

words! {
    /// Whether a target of a trunk is there.
    TargetState {
        /// It is not asked, or has not been yet.
        Unknown = "unknown",
        /// It answers.
        Up = "up",
        /// It does not: calls go there last.
        Down = "down",
    }
}
