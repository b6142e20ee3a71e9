//! Momentary orders from the control plane to the switch (HOUSE §4d: not configuration).

use serde::{Deserialize, Serialize};

use crate::id::CallId;

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

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// There is no such call (any more).
    UnknownCall,
    /// The organisation does not have calls recorded.
    NotAllowed,
    /// Nobody talks yet, or nothing is recorded that could be paused or ended.
    NotNow,
    /// It is so already.
    AlreadySo,
}
