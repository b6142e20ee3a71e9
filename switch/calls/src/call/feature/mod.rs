//! The switch itself as the other side of a call: one leg, no device.
//!
//! ```text
//! feature code, mailbox, menu, conference ──▶ Answering ── caller's ACK ──▶ Attending ──▶ Over
//! nobody could be had ──▶ Explaining ── said ──▶ Over
//! ```
//!
//! Here stands what all of it has in common, around the caller's `line`: when it begins and how it ends. What is done for
//! the caller is a [`Service`], and `explain` is what is said to one who is not connected. Nobody is asked and nothing is
//! looked up here.

pub(crate) mod conference;
mod echo;
pub(crate) mod explain;
pub(crate) mod listen;
pub(crate) mod menu;
pub(super) mod supervision;
mod turned;
pub(crate) mod voicemail;

use std::time::Duration;

use contract::{availability::Availability, id::RecordingId, journal::Detail};
use dialplan::{Decision, Feature, PersonKey};
use serde::{Deserialize, Serialize};
use sip::{Body, Event, Reply, SessionKey};
use streams::{keys::Key, media::LeaseId};

use super::{
    dial::{Opening, fail, no_such_call},
    events::{Record, because},
    leg::Leg,
    line::Line,
    pressed::Way,
    recording::Recording,
    signalling::status_of,
    state::{Head, State},
};
use crate::{clock::Moment, means::Means, supervision::NoSubject};
use conference::Attendance;
use echo::Echo;
use explain::{EXPLANATION_MAX, Explaining, UNAVAILABLE};
use listen::Listening;
use menu::Menu;
use supervision::Supervision;
use turned::Turned;
use voicemail::Message;

/// A call that the switch itself has taken.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(super) line: Line,
    stage: Stage,
    until: Moment,
}

/// How far it is.
#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// The caller hears early why it cannot be connected; the final answer waits.
    Explaining(Explaining),
    /// The caller has a 2xx and has not acknowledged it.
    Answering { service: Service, is_ack_missing: bool },
    /// It is being done.
    Attending(Service),
}

/// What is done for a caller.
#[derive(Debug, Serialize, Deserialize)]
enum Service {
    Echo(Echo),
    Message(Box<Message>),
    Listening(Box<Listening>),
    Menu(Box<Menu>),
    Turned(Turned),
    Conference(Box<Attendance>),
    Supervision(Box<Supervision>),
    /// There is nobody to listen to.
    NoSubject(NoSubject),
}

/// What becomes of a service after something has happened.
enum Next {
    /// It goes on.
    Stay,
    /// It goes on, and so long at most.
    For(Duration),
    /// It is over, for this reason.
    End(&'static str),
    /// The call goes on from a menu, by the caller's choice or because it has made none.
    Lead { decision: Box<Decision>, is_chosen: bool },
}

impl Service {
    /// It begins; how long it may stay as it then is.
    fn begin(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Duration {
        match self {
            Self::Echo(echo) => {
                echo.begin(lease, record, means);
                echo::ECHO_MAX
            }
            Self::Message(message) => message.begin(lease, record, means),
            Self::Listening(listening) => listening.begin(lease, record, means),
            Self::Menu(menu) => menu.begin(lease, record, means),
            Self::Turned(turned) => turned.begin(lease, record, means),
            Self::Conference(attendance) => attendance.begin(lease, record, means),
            Self::Supervision(supervision) => supervision.begin(lease, record, means),
            Self::NoSubject(_) => {
                record.say(lease, (means.language(record.org()), &[UNAVAILABLE]), means);
                EXPLANATION_MAX
            }
        }
    }

    /// The latest sound is over.
    fn played(
        &mut self,
        lease: LeaseId,
        (recording, record): (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        match self {
            Self::Echo(echo) => {
                echo.played(lease, means);
                Next::Stay
            }
            Self::Message(message) => message.played(recording, record, means),
            Self::Listening(listening) => listening.played(lease, record, means),
            Self::Menu(menu) => menu.played(record, means),
            Self::Turned(turned) => Next::End(turned.as_str()),
            Self::Conference(attendance) => attendance.played(lease, record, means),
            Self::Supervision(_) => Next::Stay,
            Self::NoSubject(why) => Next::End(why.reason()),
        }
    }

    /// The caller has pressed a key.
    fn key(
        &mut self,
        (lease, key): (LeaseId, Key),
        (recording, record): (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        match self {
            Self::Echo(echo) => {
                echo.key(lease, key, record, means);
                Next::Stay
            }
            Self::Message(message) => message.key((lease, key), (recording, record), means),
            Self::Listening(listening) => listening.key(lease, key, record, means),
            Self::Menu(menu) => menu.key((lease, key), record, means),
            Self::Turned(_) | Self::NoSubject(_) => Next::Stay,
            Self::Conference(attendance) => attendance.key((lease, key), record, means),
            Self::Supervision(supervision) => supervision.key((lease, key), record, means),
        }
    }

    /// The caller's media has changed: it holds, or has another line.
    fn renew(&mut self, line: (LeaseId, bool), is_held: bool, record: &Record, means: &mut Means<'_>) {
        match self {
            Self::Conference(attendance) => attendance.renew(line, is_held, record, means),
            Self::Supervision(supervision) => supervision.renew(line, is_held, record, means),
            Self::Echo(_)
            | Self::Message(_)
            | Self::Listening(_)
            | Self::Menu(_)
            | Self::Turned(_)
            | Self::NoSubject(_) => {}
        }
    }

    /// It has been as it is for as long as it may.
    fn timed_out(
        &mut self,
        lease: Option<LeaseId>,
        (recording, record): (&mut Recording, &mut Record),
        means: &mut Means<'_>,
    ) -> Next {
        match self {
            Self::Echo(_) | Self::Supervision(_) => Next::End("time_limit"),
            Self::Message(message) => message.timed_out(lease, (recording, record), means),
            Self::Listening(listening) => listening.timed_out(lease, record, means),
            Self::Menu(menu) => menu.timed_out(lease, record, means),
            Self::Turned(turned) => Next::End(turned.as_str()),
            Self::NoSubject(why) => Next::End(why.reason()),
            Self::Conference(attendance) => attendance.timed_out(lease, record, means),
        }
    }

    /// Nobody has taken the call, and it has not come to anything else.
    fn is_open(&self) -> bool {
        match self {
            Self::Menu(menu) => !menu.is_leaving(),
            Self::Conference(attendance) => attendance.is_asking(),
            Self::Echo(_)
            | Self::Message(_)
            | Self::Listening(_)
            | Self::Turned(_)
            | Self::Supervision(_)
            | Self::NoSubject(_) => false,
        }
    }
}

/// Answers a call to a feature code.
pub(super) fn open(
    opening: &Opening<'_>,
    feature: Feature,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let forbidden = |(record, caller), head: &mut Head, (word, phrase), means: &mut Means<'_>| {
        fail(record, caller, head, word, Reply::new(403).phrase(phrase), means)
    };
    let service = match feature {
        Feature::Echo => Service::Echo(Echo::new(opening.org.language())),
        // Had anything rung, or been parked there, they would be in that call.
        Feature::PickUp => return no_such_call(opening, "nothing_rings", on_line, head, means),
        Feature::Park(_) => return no_such_call(opening, "nothing_parked", on_line, head, means),
        Feature::Voicemail => match opening.caller.person {
            PersonKey::User(user) if opening.org.mailbox(user).is_some() => {
                Service::Listening(Box::new(Listening::new(opening.org.id(), user, opening.org.language())))
            }
            _ => return forbidden(on_line, head, ("no_mailbox", "No Mailbox"), means),
        },
        Feature::DoNotDisturb(is_on) => {
            Service::Turned(Turned::to(opening, Availability::DoNotDisturb(is_on), means))
        }
        Feature::CallWaiting(is_on) => {
            Service::Turned(Turned::to(opening, Availability::CallWaiting(is_on), means))
        }
        Feature::Pause => match Turned::paused(opening, means) {
            Some(turned) => Service::Turned(turned),
            None => return forbidden(on_line, head, ("no_queue", "No Queue"), means),
        },
        Feature::Supervise => return supervision::open(opening, on_line, head, means),
    };
    let word = match &service {
        Service::Turned(turned) => turned.as_str(),
        _ => feature.as_str(),
    };
    match Line::take(opening, on_line, head, means) {
        Ok(line) => serve(line, (service, Some(word)), means),
        Err(refused) => refused,
    }
}

/// The caller has been answered, which is written with this word if that is all there is to come; what is done for it begins
/// with its ACK.
fn serve(mut line: Line, (service, word): (Service, Option<&str>), means: &mut Means<'_>) -> State {
    if let Some(word) = word {
        answered(&mut line, word, means);
    }
    State::Served(Box::new(Served {
        line,
        stage: Stage::Answering { service, is_ack_missing: false },
        until: means.after(means.config.timeouts.connecting),
    }))
}

fn answered(line: &mut Line, word: &str, means: &mut Means<'_>) {
    let detail = Detail { leg: Some(line.caller.no), ..because(word) };
    line.record.answered(None, detail, means);
}

/// Does it for a caller who is on the line.
fn attend(mut line: Line, mut service: Service, head: &mut Head, means: &mut Means<'_>) -> State {
    let Some(lease) = line.listen(means) else { return line.unheard(head, means) };
    let longest = service.begin(lease, &mut line.record, means);
    State::Served(Box::new(Served { line, stage: Stage::Attending(service), until: means.after(longest) }))
}

impl Served {
    pub(super) fn signal(mut self: Box<Self>, head: &mut Head, event: Event, means: &mut Means<'_>) -> State {
        match event {
            Event::Acked { body, .. } => return self.acked(head, body.as_ref(), means),
            Event::AckMissing { .. } => {
                if let Stage::Answering { is_ack_missing, .. } = &mut self.stage {
                    *is_ack_missing = true;
                }
            }
            Event::Canceled { .. } => return self.given_up(head, 487, means),
            Event::Lapsed { why, .. } => return self.given_up(head, status_of(why), means),
            // RFC 3311 §5.2: not before our answer.
            Event::Update { session, .. } if !self.is_answered() => {
                means.refuse_update(session, Reply::new(504));
            }
            Event::Reinvite { session, body } => self.asked((session, false), body.as_ref(), means),
            Event::Update { session, body } => self.asked((session, true), Some(&body), means),
            Event::InDialog { request, .. } if !self.is_answered() => {
                means.respond_in_dialog(request, Reply::new(480));
            }
            Event::InDialog { request, message, .. } => {
                if let Some((lease, key)) = self.line.requested(request, &message, means) {
                    return self.key(head, (lease, Way::Info), key, means);
                }
            }
            Event::Ended { by, instead, .. } => {
                let is_ack_missing = matches!(self.stage, Stage::Answering { is_ack_missing: true, .. });
                let word = is_ack_missing.then_some("ack_missing");
                self.write_canceled(Detail::default(), means);
                return self.line.ended(head, (by, instead), word, means);
            }
            _ => {}
        }
        State::Served(self)
    }

    /// The caller has acknowledged our answer, and has answered our offer if we made one.
    fn acked(mut self: Box<Self>, head: &mut Head, body: Option<&Body>, means: &mut Means<'_>) -> State {
        let before = self.line.caller.streams.voice_line();
        self.line.acked(body, means);
        match self.stage {
            Stage::Answering { service, .. } => attend(self.line, service, head, means),
            stage => {
                let mut served = Self { stage, ..*self };
                served.renew(before, means);
                State::Served(Box::new(served))
            }
        }
    }

    /// The caller asks for other media, or holds.
    fn asked(&mut self, asked: (SessionKey, bool), body: Option<&Body>, means: &mut Means<'_>) {
        let before = self.line.caller.streams.voice_line();
        self.line.asked(asked, body, means);
        self.renew(before, means);
    }

    /// Its media may have changed: what it does goes on, on the line that it has now.
    fn renew(&mut self, before: Option<LeaseId>, means: &mut Means<'_>) {
        let is_moved = self.line.caller.streams.voice_line() != before;
        if is_moved {
            self.line.listen(means);
        }
        let Line { caller, record, is_held, .. } = &mut self.line;
        if let (Stage::Attending(service), Some(lease)) = (&mut self.stage, caller.streams.voice_line()) {
            service.renew((lease, is_moved), *is_held, record, means);
        }
    }

    /// The caller has pressed a key, and tells it so.
    pub(crate) fn key(
        mut self: Box<Self>,
        head: &mut Head,
        (lease, way): (LeaseId, Way),
        key: Key,
        means: &mut Means<'_>,
    ) -> State {
        let next = match &mut self.stage {
            Stage::Attending(service) if self.line.tells(way) => {
                service.key((lease, key), (&mut head.recording, &mut self.line.record), means)
            }
            _ => Next::Stay,
        };
        self.go_on(next, head, means)
    }

    /// A message that was wanted can be played, or cannot be.
    pub(crate) fn fetched(
        mut self: Box<Self>,
        head: &mut Head,
        message: (RecordingId, bool),
        means: &mut Means<'_>,
    ) -> State {
        let next = match (&mut self.stage, self.line.caller.streams.voice_line()) {
            (Stage::Attending(Service::Listening(listening)), Some(lease)) => {
                listening.fetched(lease, message, &mut self.line.record, means)
            }
            _ => Next::Stay,
        };
        self.go_on(next, head, means)
    }

    /// What the relay was to play is over.
    pub(crate) fn played(
        mut self: Box<Self>,
        head: &mut Head,
        lease: LeaseId,
        means: &mut Means<'_>,
    ) -> State {
        let next = match &mut self.stage {
            Stage::Explaining(_) => return self.explained(head, means),
            Stage::Attending(service) => {
                // A relay that has come back may not have heard of this either.
                self.line.listen(means);
                service.played(lease, (&mut head.recording, &mut self.line.record), means)
            }
            Stage::Answering { .. } => Next::Stay,
        };
        self.go_on(next, head, means)
    }

    fn go_on(mut self: Box<Self>, next: Next, head: &mut Head, means: &mut Means<'_>) -> State {
        match next {
            Next::Stay => {}
            Next::For(longest) => self.until = means.after(longest),
            Next::End(reason) => return self.hang_up(head, reason, means),
            Next::Lead { decision, is_chosen } => return self.led((*decision, is_chosen), head, means),
        }
        State::Served(self)
    }

    /// It has lasted as long as it may.
    pub(crate) fn timed_out(mut self: Box<Self>, head: &mut Head, means: &mut Means<'_>) -> State {
        let lease = self.line.caller.streams.voice_line();
        let next = match &mut self.stage {
            Stage::Explaining(_) => return self.explained(head, means),
            Stage::Answering { .. } => Next::End("ack_missing"),
            Stage::Attending(service) => {
                service.timed_out(lease, (&mut head.recording, &mut self.line.record), means)
            }
        };
        self.go_on(next, head, means)
    }

    /// We end it.
    pub(crate) fn hang_up(mut self, head: &mut Head, reason: &str, means: &mut Means<'_>) -> State {
        if let Stage::Explaining(_) = self.stage {
            return Box::new(self).explained(head, means);
        }
        self.write_canceled(because(reason), means);
        self.line.hang_up(head, reason, means)
    }

    /// It ends before anybody has taken the call.
    fn write_canceled(&mut self, detail: Detail, means: &mut Means<'_>) {
        self.end_supervision(detail.reason.as_deref().unwrap_or("hung_up"), means);
        let is_open = match &self.stage {
            Stage::Explaining(_) => false,
            Stage::Answering { service, .. } | Stage::Attending(service) => service.is_open(),
        };
        if is_open {
            self.line.record.canceled(detail, means);
        }
    }

    /// The caller has an answer.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self.stage, Stage::Explaining(_))
    }

    pub(super) fn until(&self) -> Moment {
        self.until
    }
}
