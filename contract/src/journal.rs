//! Facts about calls, and about what people have turned on and off, in the order in which they became true (H-057 … H-060,
//! DESIGN D2 and D3).
//!
//! An [`Entry`] is written to local disk before anything else and reaches Postgres exactly once in effect:
//! every entry has a natural key, `(call, seq)` for events, `(call, no)` for participants and legs; of what somebody has turned on
//! and off the latest by its instant counts. Entries
//! are never changed; whatever looks like a change is a later entry.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    availability::{Availability, Person},
    command::SupervisionMode,
    id::{AccountId, CallId, ExtensionId, OrgId, RecordingId, UserId},
    time::Timestamp,
};

/// One fact, with the organisation it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The tenant; every row of ours carries it.
    pub org: OrgId,
    /// The call the fact is about; `None`: it is about a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// When it became true.
    pub at: Timestamp,
    /// The fact itself.
    pub fact: Fact,
}

/// The kinds of fact, one for each table they land in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A row of `telephony.calls`.
    Call(Call),
    /// A row of `telephony.call_participants`.
    Participant(Participant),
    /// A row of `telephony.call_events`.
    Event(Event),
    /// A row of `telephony.call_legs`, written when the leg is over.
    Leg(Leg),
    /// A row of `telephony.quality_reports`, written when the leg's media has been closed.
    Quality(Quality),
    /// A row of `telephony.recording_steps`.
    Recording(Recording),
    /// A row of `telephony.recordings`, written when the store has the recording; of `telephony.voicemail_messages` too
    /// if it is a message.
    Recorded(Recorded),
    /// A mark on a row of `telephony.voicemail_messages`.
    Message(MessageMark),
    /// A row of `telephony.supervision_steps`: somebody listens to another call by this one.
    Supervision(Supervision),
    /// A row of `telephony.availability`.
    Availability(PersonAvailability),
}

/// One step of somebody's listening to a call of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// Position among the steps of the supervisor's call, from 1.
    pub no: u16,
    /// Who listens.
    pub supervisor: UserId,
    /// To whom.
    pub supervised: UserId,
    /// In which call.
    pub supervised_call: CallId,
    /// By whom they are heard there from now on; `None`: it is over.
    pub mode: Option<SupervisionMode>,
    /// Why, as a stable word for programs: `dialled`, `key`, `command`, `moved`, `left` …
    pub reason: String,
}

impl Supervision {
    /// The word in the `step` column.
    pub const fn step(&self) -> &'static str {
        match self.mode {
            Some(mode) => mode.as_str(),
            None => "ended",
        }
    }
}

/// What somebody has turned on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonAvailability {
    /// Who.
    pub person: Person,
    /// What, and how it is now.
    pub availability: Availability,
}

/// One step of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Which recording of the call.
    pub recording: RecordingId,
    /// Position among its steps, from 1.
    pub no: u16,
    /// What became of it.
    pub step: RecordingStep,
    /// Why, as a stable word for programs: `policy`, `command`, `call_ended`, `disk_full` …
    pub reason: String,
}

/// What becomes of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingStep {
    /// It begins.
    Started,
    /// What is said is not recorded.
    Paused,
    /// It is again.
    Resumed,
    /// It is over.
    Stopped,
}

impl RecordingStep {
    /// The word in the `step` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Stopped => "stopped",
        }
    }
}

/// A recording that is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Which.
    pub recording: RecordingId,
    /// When it began.
    pub started_at: Timestamp,
    /// `wav` or `opus`.
    pub format: String,
    /// How long it lasts, in milliseconds, pauses included.
    pub length_ms: u64,
    /// The name of the object.
    pub key: String,
    /// Its length in bytes, as it is stored.
    pub bytes: u64,
    /// Its SHA-256, as it is stored, in 64 lower-case hex digits.
    pub sha256: String,
    /// How often the switch died while it was made.
    pub interruptions: u32,
    /// Whose mailbox it is in, if it is a message.
    #[serde(default)]
    pub message: Option<MessageFor>,
}

/// What has become of a message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMark {
    /// The recording that it is.
    pub recording: RecordingId,
    /// What.
    pub step: MessageStep,
}

/// What becomes of a message once, and is never taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStep {
    /// Its owner has heard it.
    Heard,
    /// Its owner wants it no more.
    Deleted,
}

/// A message that a caller leaves in a mailbox is a recording with this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFor {
    /// Whose mailbox.
    pub user: UserId,
    /// The caller's number, if it wanted it shown.
    pub caller: Option<String>,
}

/// A call as it is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Who calls whom, seen from the organisation.
    pub direction: Direction,
    /// What was dialled, as dialled, at most 64 characters.
    pub dialled: String,
}

/// H-057.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Guest or trunk → extension.
    Inbound,
    /// Staff or extension → guest or trunk.
    Outbound,
    /// Between staff and extensions.
    Internal,
}

/// Somebody in a call (H-058).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Position in the call, from 1, in order of joining.
    pub no: u16,
    /// What the participant does in the call.
    pub role: ParticipantRole,
    /// What the participant is.
    pub kind: ParticipantKind,
    /// Id of the user, guest, extension or bare SIP account.
    pub reference: Uuid,
}

/// H-066.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantRole {
    /// What was called.
    Host,
    /// Who called.
    Caller,
    /// The person who answered or refused.
    Recipient,
}

/// H-058.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantKind {
    /// A person with an account (or a bare SIP account).
    User,
    /// A visitor without one.
    Guest,
    /// An extension.
    Extension,
}

/// One step of a call (H-059).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position among the call's events, from 1, without holes.
    pub seq: u32,
    /// Which of the 31 steps.
    pub kind: EventKind,
    /// [`Participant::no`], only where the step is somebody's own (answered, rejected, hold …).
    pub participant: Option<u16>,
    /// The how-manieth attempt to reach somebody, from 1.
    pub attempt: u16,
    /// Position in a queue; 0 outside one.
    pub queue_count: u16,
    /// Why and where, for people who look for reasons.
    #[serde(default)]
    pub detail: Detail,
}

/// The rest of what is known about an event. Fields that say nothing are absent from the JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// [`Leg::no`] the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<u16>,
    /// SIP status code that caused or carries it (RFC 3261 §21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// A stable word for programs: `unknown_number`, `unreachable`, `no_answer`, `ack_missing` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number that a `forward` goes to; with `created`, that of a caller outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The other call of an attended transfer: that of the consultation, and in that one the call that goes on. With `answered`, the
    /// call that a supervisor listens to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The 31 event types of H-060, in the document's order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// All of them, in the document's order.
            pub const ALL: [EventKind; 31] = [$(EventKind::$name,)*];

            /// The word in the `event_type` column.
            pub const fn as_str(self) -> &'static str {
                match self { $(EventKind::$name => $text,)* }
            }
        }
    };
}

event_kinds! {
    /// The call exists.
    Created = "created",
    /// It entered a queue.
    Queued = "queued",
    /// Its place in the queue changed.
    QueueUpdated = "queue_updated",
    /// A further endpoint or route is tried.
    DialAttempt = "dial_attempt",
    /// The called party rings.
    Ringing = "ringing",
    /// Somebody of the called party answered.
    Answered = "answered",
    /// A party put the call on hold.
    Hold = "hold",
    /// A party took it back.
    Unhold = "unhold",
    /// It is to be forwarded.
    Forward = "forward",
    /// The forward's target rings.
    ForwardRinging = "forward_ringing",
    /// The forward's target answered.
    ForwardAnswered = "forward_answered",
    /// The forward's target did not answer in time.
    ForwardNoAnswer = "forward_no_answer",
    /// The forward's target is busy.
    ForwardBusy = "forward_busy",
    /// A blind transfer was asked for.
    Transfer = "transfer",
    /// The transfer's target rings.
    TransferRinging = "transfer_ringing",
    /// The transfer's target answered.
    TransferAnswered = "transfer_answered",
    /// The transfer's target did not answer in time.
    TransferNoAnswer = "transfer_no_answer",
    /// The transfer's target is busy.
    TransferBusy = "transfer_busy",
    /// The transferor talks to the target first.
    TransferConsulting = "transfer_consulting",
    /// The caller is being connected to the target.
    TransferConnecting = "transfer_connecting",
    /// The attended transfer is done.
    TransferCompleted = "transfer_completed",
    /// A transfer failed for a technical reason.
    TransferFailed = "transfer_failed",
    /// A transfer was given up.
    TransferCanceled = "transfer_canceled",
    /// Marks an attended transfer that succeeded.
    TransferAttended = "transfer_attended",
    /// The called party refused.
    Rejected = "rejected",
    /// The called party is busy.
    Busy = "busy",
    /// The called party did not answer in time.
    Timeout = "timeout",
    /// Nobody answered the call.
    Missed = "missed",
    /// The caller gave up before an answer.
    Canceled = "canceled",
    /// It failed for a technical reason.
    Failed = "failed",
    /// It is over. Always the last event, and there is exactly one.
    Ended = "ended",
}

/// One side of a call, as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Position in the call, from 1; the caller's leg is 1.
    pub no: u16,
    /// [`Participant::no`] of whoever was on it, when that is known.
    pub participant: Option<u16>,
    /// `udp`, `tcp` …
    pub transport: String,
    /// When it was created, answered (if ever) and over.
    pub created_at: Timestamp,
    /// When it was answered, if it was.
    pub answered_at: Option<Timestamp>,
    /// The final SIP status of its INVITE; `None` when none came.
    pub sip_status: Option<u16>,
    /// Whose budget it was counted on, if it was called in the telephone network.
    #[serde(default)]
    pub payer: Option<Payer>,
    /// What each minute that had begun was counted for, in rupiah, if that was known.
    #[serde(default)]
    pub rupiah_per_minute: Option<u32>,
}

/// Whose budget a leg was counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// A person's.
    User(UserId),
    /// A bare account's.
    Account(AccountId),
    /// That of an extension whose rule sent the call on.
    Extension(ExtensionId),
}

impl Payer {
    /// The word and the id in rows.
    pub const fn row(self) -> (&'static str, Uuid) {
        match self {
            Self::User(id) => ("user", id.0),
            Self::Account(id) => ("account", id.0),
            Self::Extension(id) => ("extension", id.0),
        }
    }

    /// What a row says; `None`: a word of another release.
    pub fn of(word: &str, id: Uuid) -> Option<Self> {
        match word {
            "user" => Some(Self::User(UserId(id))),
            "account" => Some(Self::Account(AccountId(id))),
            "extension" => Some(Self::Extension(ExtensionId(id))),
            _ => None,
        }
    }
}

/// What the media of one leg was like (one direction each: what we received, what we sent). It is part of a call's image
/// until it is written down, so no field of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// [`Leg::no`].
    pub leg: u16,
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// Bytes of those packets, headers included.
    pub bytes_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Bytes of those packets, headers included.
    pub bytes_sent: u64,
    /// Packets missing by sequence number (RFC 3550 A.3); duplicates can make it negative.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 §6.4.1), in microseconds, at its end value.
    pub jitter_micros: u32,
    /// Packets dropped because their source was not proven (DESIGN D6).
    pub packets_foreign: u64,
    /// RTCP packets received and accepted.
    pub rtcp_received: u64,
    /// Packets from its proven source that were not under its key, or had come before.
    #[serde(default)]
    pub packets_unauthentic: u64,
    /// Round trip between the switch and the phone (RFC 3550 §6.4.1), in microseconds, at its last value.
    #[serde(default)]
    pub rtt_micros: Option<u32>,
    /// What was received was worth (MOS by ITU-T G.107), in hundredths: the mean of periods of some seconds.
    #[serde(default)]
    pub mos_hundredths: Option<u16>,
    /// The worst of those periods.
    #[serde(default)]
    pub mos_lowest_hundredths: Option<u16>,
    /// What the phone reported to have lost of what it was sent last.
    #[serde(default)]
    pub far_packets_lost: Option<u32>,
    /// With this jitter, in microseconds.
    #[serde(default)]
    pub far_jitter_micros: Option<u32>,
    /// What was wrong with it at its end, as one stable word: `good`, `nothing_received`, `other_address` …
    #[serde(default)]
    pub diagnosis: Option<String>,
}
