//! A tape as others see it.

use contract::{
    media::MediaView,
    trace::{CallTrace, TracedMessage},
};

use super::{Tape, mask};

impl Tape {
    /// For `sambung why`: everything, without secrets. `live` is the media of the streams that are open now.
    pub fn view(&self, live: Vec<MediaView>) -> CallTrace {
        let mut media = self.media.clone();
        media.extend(live);
        media.sort_by_key(|media| media.leg);
        let text = self.text.unpacked();
        let messages = self.messages(&text).map(|(leg, line)| TracedMessage {
            at: line.at,
            way: line.way,
            leg,
            transport: line.flow.transport.as_str().to_ascii_lowercase(),
            local: line.flow.local.to_string(),
            remote: line.flow.remote.to_string(),
            text: String::from_utf8_lossy(&mask::masked(line.bytes)).into_owned(),
        });
        CallTrace {
            call: self.call,
            org: self.org,
            caller: self.caller.to_string(),
            dialled: self.dialled.to_string(),
            created_at: self.created_at,
            is_live: self.is_live,
            routes: self.routes.iter().map(|(revision, decision)| decision.told(*revision)).collect(),
            legs: self.legs.iter().map(ToString::to_string).collect(),
            facts: self.facts.clone(),
            media,
            messages: messages.collect(),
            left_out: self.left_out,
        }
    }
}
