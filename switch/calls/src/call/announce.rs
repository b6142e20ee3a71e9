//! Telling a caller that the call will be recorded, before anybody rings (HX-22, decision 0026).
//!
//! It is early media, so that nobody is billed for it and whoever does not want to be recorded can go. The 183 that
//! carries it is the first answer that the caller is told, and whoever answers the call is fitted to it (`early`). Who
//! cannot hear it, because the INVITE has no offer or none that the switch speaks, is connected without; the step by which
//! the recording begins says whether it was heard. People who are called are not told.

use std::time::Duration;

use dialplan::Ring;
use sip::Provisional;
use streams::media::MediaCommand;

use super::state::{Head, Ringing, State};
use crate::means::Means;

/// What is said.
pub(super) const WORDS: &str = "recording-notice";
/// Longer than anything that is said, and short enough for a caller who would hear nothing.
pub(super) const NOTICE_MAX: Duration = Duration::from_secs(15);

impl Ringing {
    /// Rings for a number; first the caller is told what it has to be.
    pub(super) fn begin(mut self: Box<Self>, ring: &Ring, head: &mut Head, means: &mut Means<'_>) -> State {
        if self.tells_first(ring, head, means) {
            return State::Ringing(self);
        }
        self.ring(ring, head, means)
    }

    /// Whether the caller is being told what it has to be; it rings when it has been.
    pub(super) fn tells_first(&mut self, ring: &Ring, head: &Head, means: &mut Means<'_>) -> bool {
        if !self.tells_of_recording(ring, head, means) {
            return false;
        }
        self.announcing = Some(Box::new(ring.clone()));
        self.until = means.after(NOTICE_MAX);
        true
    }

    /// Lets the caller hear it, if it is to and can.
    fn tells_of_recording(&mut self, ring: &Ring, head: &Head, means: &mut Means<'_>) -> bool {
        let language = head.recording.notice(self.invitation.recording(ring, means));
        let Some((language, offer)) = language.zip(self.offer.as_ref()) else { return false };
        let Some(own) = offer.own_answer() else { return false };
        // Another desk's phone may have been heard before.
        if self.told.answer.is_none() {
            let streams = &mut self.caller.streams;
            let answer = streams.speak(&own, means);
            streams.learn(offer, means);
            self.told.answer = Some(answer.clone());
            means.ring(self.caller.session, Provisional::new(183).body(answer));
        }
        // Its phone has stopped to ring by itself.
        self.told.ringing = false;
        let Some(lease) = self.caller.streams.voice_line() else { return false };
        self.record.say(lease, (language, &[WORDS]), means);
        true
    }

    /// What the relay was to play is over.
    pub(crate) fn played(self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        if self.announcing.is_some() { self.announced(true, head, means) } else { State::Ringing(self) }
    }

    /// The caller has been told, or has waited for it long enough: now it rings.
    pub(crate) fn announced(
        mut self: Box<Self>,
        is_heard: bool,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Some(ring) = self.announcing.take() else { return State::Ringing(self) };
        if is_heard {
            head.recording.told();
        } else if let Some(lease) = self.caller.streams.voice_line() {
            means.media(MediaCommand::Stop { lease });
        }
        self.ring(&ring, head, means)
    }
}
