//! Why a call is not sent where somebody wants it: as the answer to a REFER and as the outcome of an order.
//!
//! People read the reason on their phones, programs the word. Nothing is decided here.

use contract::command::Outcome;
use dialplan::Refusal;
use sip::Reply;

/// Why a call is not sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// Something is being agreed on, or nobody talks: a moment later it may do.
    NotNow,
    /// The other call that is named is over, or none of theirs.
    NoSuchCall,
    /// Whoever asks, or waits, is nobody in the organisation any more.
    Stranger,
    /// Nothing is known of the media of the one who would wait.
    Media,
    /// HX-18: an extension outside its hours.
    Closed,
    /// What has this number takes no calls that are sent on.
    NotATarget,
    /// Nobody there has a phone that is registered: said before the transferor lets go of the call.
    Unreachable,
    /// Another call is parked there, or everywhere.
    Occupied,
    /// The number leads to nobody.
    Refused(Refusal),
}

impl Objection {
    /// The answer to a REFER.
    pub(crate) fn reply(self) -> Reply {
        let refused = |status: u16, reason: &str| {
            Reply::new(status).header("Warning", format!("399 sambung \"transfer refused: {reason}\""))
        };
        match self {
            Self::NotNow => Reply::new(491),
            Self::Stranger => Reply::new(403),
            Self::Media => Reply::new(488),
            Self::NoSuchCall => refused(480, "no_such_call"),
            Self::Closed => refused(480, "closed"),
            Self::NotATarget => refused(480, "not_a_target"),
            Self::Unreachable => refused(480, "unreachable"),
            Self::Occupied => refused(486, "occupied"),
            Self::Refused(refusal) => refused(super::dial::status_of(refusal), refusal.reason()),
        }
    }

    /// The outcome of an order.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::NotNow | Self::Media => Outcome::NotNow,
            Self::NoSuchCall => Outcome::UnknownCall,
            Self::Closed | Self::Refused(Refusal::Closed(_)) => Outcome::Closed,
            Self::Refused(Refusal::UnknownNumber) => Outcome::UnknownNumber,
            Self::Refused(Refusal::Barred(_)) => Outcome::NotAllowed,
            Self::Stranger | Self::NotATarget | Self::Unreachable | Self::Occupied | Self::Refused(_) => {
                Outcome::NotThere
            }
        }
    }
}
