//! Orders as clients give them, and what came of them.

use contract::{
    command::{Command, Outcome, RecordingOrder, SupervisionMode},
    id::{CallId, OrgId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::error::{ApiError, FieldError};

/// What came of an order that the switch has taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Ordered {
    /// `done`, `called`, or `already_so`: nothing had to be done any more.
    #[schema(example = "done")]
    pub outcome: &'static str,
    /// The call that it is about, or that it has made.
    pub call_id: Uuid,
}

/// What the record says of an order.
#[derive(Clone, Debug, Serialize)]
pub(in crate::telephony) struct Told<'a> {
    pub(in crate::telephony) order: &'a Command,
    pub(in crate::telephony) outcome: &'static str,
}

/// A call for somebody: their own phones ring first, and whoever answers there has dialled the number.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOrder {
    /// Who calls: the number of a person, or the username of an account of nobody
    #[schema(example = "1001")]
    pub from: String,
    /// What is called, as they would dial it; no feature code
    #[schema(example = "100")]
    pub to: String,
    /// Whether their phones are asked to answer by themselves
    #[serde(default)]
    pub auto_answer: bool,
    /// The id that the call is to have, a UUIDv7 of now: an order that comes again with it makes no second call, also when nobody knows what
    /// came of the first
    #[serde(default)]
    pub id: Option<Uuid>,
}

impl CallOrder {
    /// As the switch takes it, of a call with that id.
    pub fn command(self, org: OrgId, call: CallId) -> Command {
        let Self { from, to, auto_answer, id: _ } = self;
        Command::Call { org: Some(org), call: Some(call), from, to, auto_answer }
    }
}

/// Somebody who listens to a call whose people they supervise: their own phones ring first, and whoever answers there listens.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenOrder {
    /// Who listens: the number of a person, or the username of an account of theirs
    #[schema(example = "1001")]
    pub by: String,
    /// Who hears them. `listen`: nobody; `whisper`: whoever they supervise; `barge`: both
    #[serde(default)]
    #[schema(value_type = String, default = "listen", example = "listen")]
    pub mode: SupervisionMode,
    /// Whether their phones are asked to answer by themselves
    #[serde(default)]
    pub auto_answer: bool,
    /// The id that their own call is to have, as of a call that is ordered
    #[serde(default)]
    pub id: Option<Uuid>,
}

impl ListenOrder {
    /// As the switch takes it, to listen to `subject` by a call with the id `own`.
    pub fn command(self, org: OrgId, subject: CallId, own: CallId) -> Command {
        let Self { by, mode, auto_answer, id: _ } = self;
        Command::Listen { org: Some(org), call: Some(own), subject, from: by, mode, auto_answer }
    }
}

/// What can be ordered of one call that goes on.
pub trait CallOrdered {
    /// The word in the record.
    const ACTION: &'static str;

    /// As the switch takes it.
    fn command(self, call: CallId) -> Command;

    /// Another call that it is about too.
    fn other(&self) -> Option<CallId> {
        None
    }
}

/// That it ends, for everybody in it.
#[derive(Clone, Copy, Debug)]
pub struct HangUp;

impl CallOrdered for HangUp {
    const ACTION: &'static str = "call.hang_up";

    fn command(self, call: CallId) -> Command {
        Command::HangUp { call }
    }
}

/// Who is to take a call that rings elsewhere.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickUpOrder {
    /// The number of a person, or the username of an account of nobody
    #[schema(example = "1003")]
    pub by: String,
    /// Whether their phones are asked to answer by themselves
    #[serde(default)]
    pub auto_answer: bool,
}

impl CallOrdered for PickUpOrder {
    const ACTION: &'static str = "call.pick_up";

    fn command(self, call: CallId) -> Command {
        Command::PickUp { org: None, call, by: self.by, auto_answer: self.auto_answer }
    }
}

/// Where one side of a call is sent on to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferOrder {
    /// The number
    #[schema(example = "1002")]
    pub to: String,
    /// The leg of the side that stays behind until somebody has answered; without one the side that was called
    #[serde(default)]
    pub leg: Option<u16>,
}

impl CallOrdered for TransferOrder {
    const ACTION: &'static str = "call.transfer";

    fn command(self, call: CallId) -> Command {
        Command::Transfer { call, leg: self.leg, to: self.to }
    }
}

/// Whether a call is held.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOrder {
    /// Whether it is to be
    pub is_on: bool,
    /// The leg of the side in whose name; without one the side that was called
    #[serde(default)]
    pub leg: Option<u16>,
}

impl CallOrdered for HoldOrder {
    const ACTION: &'static str = "call.hold";

    fn command(self, call: CallId) -> Command {
        Command::Hold { call, leg: self.leg, is_on: self.is_on }
    }
}

/// What becomes of the recording of a call.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordOrder {
    /// `start`, `pause`, `resume` or `stop`
    #[schema(value_type = String, example = "pause")]
    pub order: RecordingOrder,
}

impl CallOrdered for RecordOrder {
    const ACTION: &'static str = "call.record";

    fn command(self, call: CallId) -> Command {
        Command::Record { call, order: self.order }
    }
}

/// Whether the others of a conference hear a member.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteOrder {
    /// Whether they are not to
    pub is_muted: bool,
}

impl CallOrdered for MuteOrder {
    const ACTION: &'static str = "call.mute";

    fn command(self, call: CallId) -> Command {
        Command::Mute { call, is_muted: self.is_muted }
    }
}

/// Who hears a supervisor.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuperviseOrder {
    /// `listen`: nobody; `whisper`: whoever is supervised; `barge`: both
    #[schema(value_type = String, example = "whisper")]
    pub mode: SupervisionMode,
}

impl CallOrdered for SuperviseOrder {
    const ACTION: &'static str = "call.supervise";

    fn command(self, call: CallId) -> Command {
        Command::Supervise { call, mode: self.mode }
    }
}

/// With whose others the others of a call are put through.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectOrder {
    /// Another call of somebody who is in both
    pub other_id: Uuid,
}

impl CallOrdered for ConnectOrder {
    const ACTION: &'static str = "call.connect";

    fn command(self, call: CallId) -> Command {
        Command::Connect { call, other: CallId(self.other_id) }
    }

    fn other(&self) -> Option<CallId> {
        Some(CallId(self.other_id))
    }
}

/// What the switch's answer is to a client: the word of what was done, or why it was not. `who` is the field that names whose phones are to
/// ring.
pub(in crate::telephony) fn taken(outcome: Outcome, who: &'static str) -> Result<&'static str, ApiError> {
    let field = |field, reason| ApiError::Unprocessable(vec![FieldError::new(field, reason)]);
    Err(match outcome {
        Outcome::Done => return Ok("done"),
        Outcome::Called(_) => return Ok("called"),
        Outcome::AlreadySo => return Ok("already_so"),
        Outcome::UnknownCall | Outcome::UnknownAgent | Outcome::UnknownPerson => ApiError::NotFound,
        Outcome::UnknownCaller => {
            field(who, "nobody who could call has that number, or none of their phones is registered")
        }
        Outcome::UnknownNumber => field("to", "nothing has that number"),
        Outcome::UnusableId => field("id", "must be a UUIDv7 of now"),
        Outcome::NotAllowed => ApiError::Conflict(
            "calls there are not recorded, the budget of whoever would pay does not allow it, or who would listen supervises neither of the two",
        ),
        Outcome::NotNow => ApiError::Conflict("the call is not in a state in which that could be done"),
        Outcome::Closed => ApiError::Conflict("what has the number is closed"),
        Outcome::Busy => ApiError::Conflict("somebody listens to that call already, or as many as may do"),
        Outcome::IsTheirs => ApiError::Conflict("they call there, or their phones ring in it"),
        Outcome::TooBroad => ApiError::Conflict("it may ring at no more phones at once"),
        Outcome::NotThere => ApiError::Conflict("nobody can be had there"),
    })
}
