//! Keys that one of two who talk presses, as the other one understands them (decision 0050).
//!
//! | told by \ agreed there | events | none |
//! |---|---|---|
//! | events | pass with the stream | INFO where it is allowed, else tones |
//! | tones, no events agreed | events | pass with the stream |
//! | INFO | events | INFO, and tones where it is refused |
//!
//! Where both have agreed on the same nobody listens, and nothing here happens. What a key is is kept for as long as its INFO has
//! no answer, and told to nobody else.
//!
//! Where the organisation says so, its people press `*1` to begin a recording of the call, to pause it, and to go on with it. They
//! are listened to in such calls, whatever has been agreed on; what else they press goes on.

use contract::command::{Outcome, RecordingOrder as Wish};
use serde::{Deserialize, Serialize};
use sip::{Body, OwnedMessage, Reply, RequestKey};
use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand, SoundName},
};

use super::{
    carry::says_never,
    leg::Leg,
    pressed::{KEY_MS_USUAL, Told, Way, told},
    recording::Recording,
    state::{Carried, Side, State, Talking},
};
use crate::{config::CARRIED_REQUESTS_MAX, means::Means};

/// What whoever has pressed hears when from now on the call is recorded, and when it is no longer.
const GOES_ON: &str = "tone/joined";
const PAUSED: &str = "tone/left";

/// What is known of how a phone tells keys and wants them told.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Keypad {
    /// How it tells them: the first way by which one has come.
    way: Option<Way>,
    /// It has refused one by INFO.
    refuses_info: bool,
    /// What follows may be the second key of a code.
    has_begun_code: bool,
}

impl Keypad {
    /// Whether a key that comes by this way was pressed: some phones tell each key by two.
    pub(super) fn tells(&mut self, way: Way) -> bool {
        *self.way.get_or_insert(way) == way
    }
}

impl super::Call {
    /// Has the relay listen where keys have to be told in another way, and nowhere else.
    pub(crate) fn mind_keys(&mut self, means: &mut Means<'_>) {
        if let State::Talking(talking) = &mut self.state {
            talking.listen(self.head.recording.takes_keys(), means);
        }
    }
}

impl Talking {
    fn listen(&mut self, takes_codes: bool, means: &mut Means<'_>) {
        let [caller, callee] = [Side::Caller, Side::Callee].map(|side| self.leg(side).streams.has_events());
        // Whichever of the two has none: its keys are tones, which are to be events, or the other's are events, which it lacks.
        let is_wanted = caller.zip(callee).is_some_and(|(caller, callee)| caller != callee);
        for leg in [&mut self.caller, &mut self.callee] {
            let is_wanted = is_wanted || takes_codes && is_ours(leg);
            leg.streams.listen(is_wanted.then_some(true), means);
        }
    }

    /// A key was pressed on this line, by an event or a tone that went no further.
    pub(super) fn key(
        &mut self,
        recording: &mut Recording,
        (lease, key): (LeaseId, Key),
        means: &mut Means<'_>,
    ) {
        let is_of = |side: &Side| self.leg(*side).streams.lease_ids().any(|own| own == lease);
        let Some(by) = [Side::Caller, Side::Callee].into_iter().find(is_of) else { return };
        if !self.leg_mut(by).keypad.tells(Way::Media) || self.is_code((by, key), recording, means) {
            return;
        }
        let (to, key) = (by.other(), (key, KEY_MS_USUAL));
        // A tone that was kept because it might have been part of a code is the tone for the other side that it was.
        if self.leg(by).streams.has_events() == Some(true) {
            self.pass_key(to, key, means);
        } else {
            self.press(to, key, false, means);
        }
    }

    /// An INFO of one side. False: it tells no key that has to be told in another way.
    pub(super) fn info(
        &mut self,
        (by, request): (Side, RequestKey),
        message: &OwnedMessage,
        recording: &mut Recording,
        means: &mut Means<'_>,
    ) -> bool {
        let Told::Key(key, ms) = told(&message.view()) else { return false };
        let is_repeated = !self.leg_mut(by).keypad.tells(Way::Info);
        if is_repeated || self.is_code((by, key), recording, means) {
            means.respond_in_dialog(request, Reply::new(200));
            return true;
        }
        let to = by.other();
        let (has_events, keypad) = (self.leg(to).streams.has_events(), self.leg(to).keypad);
        // Who has not said no may understand it.
        if has_events == Some(true) || has_events.is_some() && keypad.refuses_info {
            // Whose events go no further has told it by INFO alone.
            let unless_sent = !self.leg(by).streams.is_listened_to();
            self.press(to, (key, ms), unless_sent, means);
            means.respond_in_dialog(request, Reply::new(200));
            return true;
        }
        false
    }

    /// Whether a key ends a code, which is obeyed. What a code begins with goes on: it may be the beginning of nothing.
    fn is_code(&mut self, (by, key): (Side, Key), recording: &mut Recording, means: &mut Means<'_>) -> bool {
        if !recording.takes_keys() || !is_ours(self.leg(by)) {
            return false;
        }
        let keypad = &mut self.leg_mut(by).keypad;
        let has_begun = std::mem::replace(&mut keypad.has_begun_code, key.sign() == '*');
        let is_code = has_begun && key.sign() == '1';
        if is_code {
            self.turn_recording(by, recording, means);
        }
        is_code
    }

    /// One side begins a recording, pauses it or goes on with it, and hears so.
    fn turn_recording(&mut self, by: Side, recording: &mut Recording, means: &mut Means<'_>) {
        let wish = recording.next_wish();
        let lines = [&self.caller, &self.callee].map(|leg| leg.streams.voice_line());
        let outcome = recording.obey((wish, "keys"), (lines, true), self.record.facts(), means);
        let hears_music = self.music.of(by).is_some();
        let lease = self.leg(by).streams.voice_line().filter(|_| outcome == Outcome::Done && !hears_music);
        if let Some(lease) = lease {
            let sound = if wish == Wish::Pause { PAUSED } else { GOES_ON };
            let sounds = [SoundName::new(sound)].into();
            means.media(MediaCommand::Play { lease, sounds, repeat: false });
        }
    }

    /// Tells a side the key of an event in the way that it understands.
    fn pass_key(&mut self, to: Side, (key, ms): (Key, u16), means: &mut Means<'_>) {
        let is_told = self.leg(to).streams.has_events() == Some(false)
            && self.takes_info(to, means)
            && self.carried.len() < CARRIED_REQUESTS_MAX;
        if is_told {
            let body = format!("Signal={}\r\nDuration={ms}\r\n", key.sign());
            let body = Body::new("application/dtmf-relay", body);
            let session = self.leg(to).session;
            if let Ok(request) = means.request(session, "INFO", Vec::new(), Some(body)) {
                return self.carried.push(Carried { from: None, to: request, key: Some((key, ms)) });
            }
        }
        self.press(to, (key, ms), false, means);
    }

    /// A side has answered an INFO with a key. What it does not understand it is told by tones, from now on. Returns what the
    /// phone that has told the key is answered.
    pub(super) fn key_answered(
        &mut self,
        to: Side,
        (key, status): ((Key, u16), u16),
        means: &mut Means<'_>,
    ) -> u16 {
        if !says_never(status) {
            return status;
        }
        self.leg_mut(to).keypad.refuses_info = true;
        if self.leg(to).streams.has_events().is_none() {
            return status;
        }
        self.press(to, key, false, means);
        200
    }

    fn takes_info(&self, side: Side, means: &Means<'_>) -> bool {
        let leg = self.leg(side);
        let has_told = leg.keypad.way == Some(Way::Info);
        !leg.keypad.refuses_info && (has_told || means.peer(leg.session).info)
    }

    /// `unless_sent`: not if the other side sends events itself.
    fn press(&self, to: Side, (key, ms): (Key, u16), unless_sent: bool, means: &mut Means<'_>) {
        if let Some(lease) = self.leg(to).streams.voice_line() {
            means.media(MediaCommand::Press { lease, key, ms, unless_sent });
        }
    }
}

/// Whether it is one of the organisation's, by account or by name, and not somebody in the telephone network or a guest.
fn is_ours(leg: &Leg) -> bool {
    !leg.person.is_outside()
}
