//! How two who talk hear each other, told to those of their devices that want to know while the call goes on (decision 0075).
//!
//! A device says so with `Recv-Info: sambung-sound` (RFC 6086 §5), as the page of a browser does, and is sent by INFO what the relay
//! finds wrong with its own leg and with the other one: the stable words of `streams::diagnosis`, and no more. What it is told is what
//! has changed since it was told last; one that has been told nothing knows of nothing wrong. When two who were told of something
//! are parted, or one of them holds, they are told that nothing is wrong, because nobody looks any longer.
//!
//! Nothing is judged here, and when the relay is asked is the switchboard's business (`sights`). Only we say such things: an INFO of this
//! package that a device sends is refused, whatever the call is doing.

use serde::{Deserialize, Serialize};
use sip::{Body, BodyHeaders, Event, HeaderName, Message, Method, Reply, RequestKey, SessionKey};
use streams::diagnosis::Diagnosis;

use super::{
    Call,
    carry::says_never,
    leg::Leg,
    media_plan::joined,
    state::{Side, State, Talking},
};
use crate::{
    means::Means,
    sights::{Pair, Sounding},
};

/// The name of the package.
pub(crate) const PACKAGE: &str = "sambung-sound";
const WELL: Found = [Diagnosis::Good; 2];

/// What the relay finds: of one's own leg, and of the other one.
pub(crate) type Found = [Diagnosis; 2];

/// What a device was told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToldSound {
    /// The latest; `None`: it may not have come there.
    found: Option<Found>,
    /// It has not said that it has come.
    waits: Option<RequestKey>,
    /// It does not want it after all.
    is_refused: bool,
}

impl Leg {
    /// Whether there is nothing in `found` that its device does not know.
    fn knows(&self, found: &Found) -> bool {
        let known = self.sound.as_ref().map_or(Some(WELL), |told| told.found);
        known.is_some_and(|known| known.map(|one| one.as_str()) == found.map(|one| one.as_str()))
    }

    fn refuses_sound(&self) -> bool {
        self.sound.as_ref().is_some_and(|told| told.is_refused)
    }

    /// Whether it is news to its device, which wants to know. One that has not answered yet is told the next time.
    fn is_to_hear(&self, found: &Found, wants: impl Fn(SessionKey) -> bool) -> bool {
        let is_free = self.sound.as_ref().is_none_or(|told| told.waits.is_none() && !told.is_refused);
        is_free && !self.knows(found) && wants(self.session)
    }

    fn tell_sound(&mut self, found: Found, means: &mut Means<'_>) {
        if !self.is_to_hear(&found, |session| means.peer(session).package) {
            return;
        }
        let [own, other] = found.map(|one| one.as_str());
        let headers = BodyHeaders { disposition: Some("Info-Package".into()), encoding: None };
        let body = Body::new("application/json", format!(r#"{{"own":"{own}","other":"{other}"}}"#));
        let body = Body { headers: Some(Box::new(headers)), ..body };
        let package = vec![("Info-Package".into(), PACKAGE.to_owned())];
        if let Ok(request) = means.inform(self.session, package, body) {
            let told = ToldSound { found: Some(found), waits: Some(request), is_refused: false };
            self.sound = Some(Box::new(told));
        }
    }

    /// Its device has answered a request; false if that told nothing of sound.
    fn sound_answered(&mut self, request: RequestKey, status: u16) -> bool {
        let Some(told) = self.sound.as_mut().filter(|told| told.waits == Some(request)) else { return false };
        told.waits = None;
        told.is_refused = says_never(status) || status == 481;
        // Of one that was not taken nobody knows what of it is shown.
        told.found = told.found.filter(|_| (200..300).contains(&status));
        true
    }
}

impl Talking {
    /// The lines by which the two hear each other, if either of their devices is to be told how; `wants`: whether it has asked for it.
    fn sounding(&self, wants: impl Fn(SessionKey) -> bool) -> Option<Pair> {
        let is_held = [Side::Caller, Side::Callee].into_iter().any(|side| self.is_held.by(side));
        let is_told = |leg: &Leg| wants(leg.session) && !leg.refuses_sound();
        if is_held || !is_told(&self.caller) && !is_told(&self.callee) {
            return None;
        }
        let leases = joined(&self.caller.streams, &self.callee.streams)?;
        Some(Pair { sessions: [self.caller.session, self.callee.session], leases })
    }
}

impl Call {
    /// What is to be done about how it sounds.
    pub(crate) fn sounding(&self, wants: impl Fn(SessionKey) -> bool) -> Option<Sounding> {
        if let State::Talking(talking) = &self.state
            && let Some(pair) = talking.sounding(wants)
        {
            return Some(Sounding::Heard(pair));
        }
        let is_stale = |leg: &&Leg| !leg.refuses_sound() && !leg.knows(&WELL);
        self.state.staying().iter().any(is_stale).then_some(Sounding::Unheard)
    }

    /// Whether anybody has to be told of this, found of the caller's leg and of the callee's.
    pub(crate) fn is_news(&self, found: &Found, wants: impl Fn(SessionKey) -> bool) -> bool {
        let [caller, callee] = *found;
        let State::Talking(talking) = &self.state else { return false };
        talking.caller.is_to_hear(found, &wants) || talking.callee.is_to_hear(&[callee, caller], &wants)
    }

    /// Tells the two of it; `None`: nobody looks any longer.
    pub(crate) fn tell_sound(mut self, found: Option<Found>, means: &mut Means<'_>) -> Self {
        match (&mut self.state, found) {
            (State::Talking(talking), Some([caller, callee])) => {
                talking.caller.tell_sound([caller, callee], means);
                talking.callee.tell_sound([callee, caller], means);
            }
            (state, _) => state.legs_mut().into_iter().for_each(|leg| leg.tell_sound(WELL, means)),
        }
        self
    }

    /// Takes an event that is about what devices are told of sound, whatever the call is doing; false: it is about something else.
    pub(super) fn sound_signalled(
        &mut self,
        session: SessionKey,
        event: &Event,
        means: &mut Means<'_>,
    ) -> bool {
        match event {
            Event::Response { request, status, .. } => {
                let mut legs = self.state.legs_mut().into_iter();
                legs.any(|leg| leg.session == session && leg.sound_answered(*request, *status))
            }
            Event::InDialog { request, message, .. } if is_forged(&message.view()) => {
                // RFC 6086 §4.2.2: with what would be taken, which is nothing.
                means.respond_in_dialog(*request, Reply::new(469).header("Recv-Info", ""));
                true
            }
            _ => false,
        }
    }
}

/// Whether a device says in our name how a call sounds.
fn is_forged(message: &Message<'_>) -> bool {
    let is_ours = |value: &str| {
        let mut names = value.split([',', ';']).map(str::trim);
        names.any(|name| name.eq_ignore_ascii_case(PACKAGE))
    };
    message.method() == Method::Info && message.first(HeaderName::InfoPackage).is_some_and(is_ours)
}
