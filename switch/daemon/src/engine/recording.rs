//! What the recorder has to tell, as inputs of the switchboard and facts of the journal; and what is told of messages in
//! mailboxes, which are recordings.

use std::time::Instant;

use calls::{Input, Output, OutsideUse, StoredAvailability, StoredMessage};
use contract::id::{CallId, RecordingId};
use recorder::News;

use super::{Control, Engine, Handle};
use crate::{clock, recordings};

impl Handle {
    /// Tells all messages in mailboxes. False: the engine is too busy, or gone.
    pub fn mailboxes(&self, all: Vec<StoredMessage>) -> bool {
        self.try_send(Control::Mailboxes(all))
    }

    /// Tells what people have turned on and off. False: the engine is too busy, or gone.
    pub fn availability(&self, all: Vec<StoredAvailability>) -> bool {
        self.try_send(Control::Availability(all))
    }

    /// Tells what was used of budgets before this life. False: the engine is too busy, or gone.
    pub fn outside_used(&self, all: Vec<OutsideUse>) -> bool {
        self.try_send(Control::OutsideUsed(all))
    }

    /// Tells whether a message can be played that a call wants to hear. False: the engine is too busy, or gone.
    pub fn message_ready(&self, call: CallId, recording: RecordingId, is_there: bool) -> bool {
        self.try_send(Control::MessageReady(call, recording, is_there))
    }
}

impl Engine {
    pub(super) fn take_recordings(&mut self, now: Instant) {
        while let Some(news) = self.recordings.receive() {
            match news {
                News::Failed { about, reason } => {
                    let (call, recording) = (CallId(about.call), RecordingId(about.recording));
                    self.handle(now, Input::RecordingFailed { call, recording, reason: reason.as_str() });
                }
                News::Stored(stored) => {
                    // The call may be over for days; nothing but the record of it is left to change.
                    self.out.push(Output::Journal(recordings::entry(clock::unix_now(), &stored)));
                    self.carry_out(now, None);
                    self.recordings.told(stored.about.recording);
                    if let Some(message) = recordings::left(&stored) {
                        self.handle(now, Input::MessageLeft(message));
                    }
                }
            }
        }
    }
}
