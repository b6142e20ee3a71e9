//! What the recorder has to tell, as inputs of the switchboard and facts of the journal.

use std::time::Instant;

use calls::{Input, Output};
use contract::id::{CallId, RecordingId};
use recorder::News;

use super::Engine;
use crate::{clock, recordings};

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
