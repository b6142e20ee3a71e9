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
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// There is no such call (any more).
    UnknownCall,
}
