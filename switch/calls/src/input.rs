//! What happens to a switchboard.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use contract::{
    command::Command,
    id::{CallId, RecordingId},
};
use dialplan::Plan;
use sip::{
    Flow,
    locate::{Choice, Target},
};
use streams::media::MediaEvent;

use crate::{
    availability::StoredAvailability, clock::ClockMark, fraud::OutsideUse, image::CallImage,
    mailboxes::StoredMessage, registrar::Binding,
};

/// One thing that happens.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram, or one framed message of a stream.
    Received {
        /// Where it came from.
        flow: Flow,
        /// The whole message.
        bytes: &'a [u8],
        /// How long it has waited since it arrived: the measure of overload (RFC 7339 §5.1).
        queued: Duration,
    },
    /// Nothing waits to be received any more: whoever has handed over the latest message has looked.
    Idle,
    /// Sending on this flow failed, or its connection is gone.
    Unreachable {
        /// The flow.
        flow: Flow,
    },
    /// The deadline has come. Early and late calls do no harm.
    Timeout,
    /// A new revision of the configuration. Calls keep the one they started with; contacts of accounts that
    /// are not in it any more are removed.
    Plan(Arc<Plan>),
    /// News from the relay.
    Media(MediaEvent),
    /// The recorder has given up on a recording.
    RecordingFailed {
        /// Of which call.
        call: CallId,
        /// Which.
        recording: RecordingId,
        /// Why, as a stable word.
        reason: &'static str,
    },
    /// All messages in mailboxes that the database knows, and which of them were heard.
    Mailboxes(Vec<StoredMessage>),
    /// All that the database knows of what people have turned on and off. Told anew after each plan.
    Availability(Vec<StoredAvailability>),
    /// All that was used of budgets in the last day and was over before this life began, by the database's word: the latest
    /// first.
    OutsideUsed(Vec<OutsideUse>),
    /// A message that was wanted can be played by its name ([`crate::message_sound`]), or cannot be.
    MessageReady {
        /// In which call.
        call: CallId,
        /// Which.
        recording: RecordingId,
        /// The relay has it.
        is_there: bool,
    },
    /// The store has a message that was left.
    MessageLeft(StoredMessage),
    /// An order from the control plane. [`crate::Output::Command`] follows in the same outputs.
    Command(Command),
    /// The system clock was set, or it is time to renew the mark.
    Clock(ClockMark),
    /// Contacts that were put out before a restart, given before traffic. Expired ones are put out as removed.
    Restore(Vec<Arc<Binding>>),
    /// Calls that were put out before a restart, and what [`crate::Switchboard::image_of_rest`] gave, if anything.
    /// Given before traffic and before the first stock.
    Resume {
        /// The calls, in whatever state.
        calls: Vec<CallImage>,
        /// The rest; empty when there is none.
        rest: Bytes,
    },
    /// Where a name of the configuration leads now (RFC 3263). Empty: nowhere.
    Located(Target, Vec<Choice>),
    /// True: the journal cannot keep up, so that new calls are answered 503. False: it can again.
    JournalPressure(bool),
}
