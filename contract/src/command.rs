//! Momentary orders from the control plane to the switch (HOUSE §4d: not configuration).

use serde::{Deserialize, Serialize};

use crate::{
    availability::Person,
    id::{CallId, OrgId, UserId},
};

/// What the switch is asked to do at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Command {
    /// End a call for everybody in it.
    HangUp {
        /// The call.
        call: CallId,
    },
    /// Record a call, or have its recording pause, go on or end.
    Record {
        /// The call.
        call: CallId,
        /// Which of it.
        order: RecordingOrder,
    },
    /// Send one side of a call on to another number, as if the other side had done so (H-033): that one stays
    /// until somebody has answered, and has the call again if nobody does.
    Transfer {
        /// The call.
        call: CallId,
        /// The leg of the side that stays behind, by its number; without one the side that was called.
        #[serde(default)]
        leg: Option<u16>,
        /// The number.
        to: String,
    },
    /// Put the other side of a call on hold, in the name of one side, or take it back: both hear music meanwhile.
    Hold {
        /// The call.
        call: CallId,
        /// The leg of the side in whose name, by its number; without one the side that was called.
        #[serde(default)]
        leg: Option<u16>,
        /// Whether the call is to be held.
        is_on: bool,
    },
    /// Put the two others of somebody who is in both calls through to each other (H-035); in one of them it may still ring.
    Connect {
        /// A call.
        call: CallId,
        /// The other one.
        other: CallId,
    },
    /// Call a number for somebody: their own phones ring first, and whoever answers there has dialled it.
    Call {
        /// Of which organisation; without one the default one.
        #[serde(default)]
        org: Option<OrgId>,
        /// The id that the call is to have (UUIDv7): an order that comes again with the same makes no second call. Without one
        /// the switch draws it.
        #[serde(default)]
        call: Option<CallId>,
        /// Who calls: the number of a person, or the username of a bare account.
        from: String,
        /// The number as they would dial it; no feature code.
        to: String,
        /// Whether their phones are asked to answer by themselves, as far as they let themselves be asked.
        #[serde(default)]
        auto_answer: bool,
    },
    /// Have somebody listen to a call whose people they supervise: their own phones ring first, and whoever answers there listens.
    Listen {
        /// Of which organisation; without one the call's own.
        #[serde(default)]
        org: Option<OrgId>,
        /// The id that the supervisor's own call is to have, as with [`Command::Call`].
        #[serde(default)]
        call: Option<CallId>,
        /// The call that is listened to: to whichever of its two they supervise.
        subject: CallId,
        /// Who listens: the number of a person, or the username of an account of theirs.
        from: String,
        /// Who is to hear them.
        #[serde(default)]
        mode: SupervisionMode,
        /// Whether their phones are asked to answer by themselves, as far as they let themselves be asked.
        #[serde(default)]
        auto_answer: bool,
    },
    /// Have somebody's own phones ring in a call that rings elsewhere: they take it if they answer first.
    PickUp {
        /// Of which organisation; without one the call's own.
        #[serde(default)]
        org: Option<OrgId>,
        /// The call.
        call: CallId,
        /// Who is to have it: the number of a person, or the username of a bare account.
        by: String,
        /// Whether their phones are asked to answer by themselves, as far as they let themselves be asked.
        #[serde(default)]
        auto_answer: bool,
    },
    /// Have the others of a conference not hear one of its members any more, or hear them again. To have somebody leave it is to
    /// hang up their call.
    Mute {
        /// The member's call.
        call: CallId,
        /// Whether they are not to be heard.
        is_muted: bool,
    },
    /// Have a supervisor who listens to a call be heard there by others than before. To end it is to hang up their call.
    Supervise {
        /// The supervisor's own call.
        call: CallId,
        /// By whom.
        mode: SupervisionMode,
    },
    /// Let no queue ask somebody any more, or let them be asked again.
    PauseAgent {
        /// Of which organisation.
        org: OrgId,
        /// Who.
        user: UserId,
        /// Whether they are not to be asked.
        is_paused: bool,
    },
    /// Let nothing of somebody's ring any more, or let it ring again.
    DoNotDisturb {
        /// Of which organisation.
        org: OrgId,
        /// Who.
        person: Person,
        /// Whether they do not want to be disturbed.
        is_on: bool,
    },
    /// Let a second call ring at somebody's who is in one, or have them be busy then.
    CallWaiting {
        /// Of which organisation.
        org: OrgId,
        /// Who.
        person: Person,
        /// Whether it is to ring.
        is_on: bool,
    },
}

/// What becomes of the recording of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOrder {
    /// A recording begins.
    Start,
    /// Nothing of what is said from now on is in it.
    Pause,
    /// It goes on.
    Resume,
    /// It is over; another one may be begun.
    Stop,
}

/// Who hears somebody who supervises a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisionMode {
    /// Nobody.
    #[default]
    Listen,
    /// Whoever is supervised, and not the one they talk with.
    Whisper,
    /// Both.
    Barge,
}

impl SupervisionMode {
    /// The stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Barge => "barge",
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// The phones of whoever is to call, or to listen, ring, in this call.
    Called(CallId),
    /// There is no such call (any more).
    UnknownCall,
    /// There is no such person, or no queue that they answer.
    UnknownAgent,
    /// There is no such person.
    UnknownPerson,
    /// Nobody who could call has that number, or none of their phones is registered.
    UnknownCaller,
    /// Whoever is to take the call is in it: they call, or it rings at their phones already.
    IsTheirs,
    /// The call goes to as many devices at once as its caller (RFC 5393 §5.3) or the switch lets it.
    TooBroad,
    /// The organisation, or an extension that somebody was reached through, does not have calls recorded; the budget of whoever
    /// would pay does not allow the call; or whoever is to listen supervises neither of the two.
    NotAllowed,
    /// Nobody talks yet, something is just being agreed on, nothing is recorded that could be paused or ended, nobody is in a
    /// conference or supervises, nothing rings that another one could answer, or the switch takes no new calls.
    NotNow,
    /// Nothing has that number.
    UnknownNumber,
    /// What has the number is closed (HX-18).
    Closed,
    /// Nobody can be had there: it is switched off, has nobody who could answer, or would be whoever waits; or nobody is in
    /// both calls.
    NotThere,
    /// Somebody listens to that call already, or as many as may do so in the organisation.
    Busy,
    /// It is so already, or is just being done; or a call with that id has been ordered before, or is older than those that are
    /// remembered.
    AlreadySo,
    /// The id that was given to the call is no UUIDv7 (RFC 9562 §5.7), or was made in the future.
    UnusableId,
}
