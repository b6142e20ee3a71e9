//! A caller in a conference: let in by its PIN, and in the room until it goes (decision 0043).
//!
//! ```text
//! Asking ── the PIN ──▶ Inside ──▶ Over
//!    └── too often wrong, or the room is full ──▶ Leaving ──▶ Over
//! ```
//!
//! Every member has a call of its own. Who else is in the room is not known here: that is told (`crate::conferences`), after
//! what this says of itself. How it sounds is the relay's business.

use std::{sync::Arc, time::Duration};

use contract::{
    command::Outcome,
    id::{ExtensionId, OrgId},
    journal::{Detail, EventKind},
};
use dialplan::{Conference, OrgPlan, limits};
use serde::{Deserialize, Serialize};
use streams::{
    conference::{MEMBERS_MAX, RoomId, Sitting},
    keys::Key,
    media::{LeaseId, MediaCommand, SoundName},
};
use subtle::ConstantTimeEq as _;

use super::{Next, Served, Service, Stage as ServedStage, attend, explain::EXPLANATION_MAX, serve};
use crate::{
    call::{
        Call,
        dial::Opening,
        events::{Record, because},
        hold::MUSIC,
        leg::Leg,
        line::Line,
        outcome::{LegResult, Words},
        state::{Head, Ringing, State},
    },
    clock::Moment,
    conferences::Sits,
    means::Means,
};

/// How often a caller may press what is not the PIN.
const PIN_TRIES_MAX: u16 = 3;
/// For the words that ask for it, and to begin.
const PIN_WAIT_MAX: Duration = Duration::from_secs(20);
/// From one key to the next; then that was all of it.
const PIN_KEY_MAX: Duration = Duration::from_secs(5);
/// A call that has been forgotten ends at last.
const STAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Somebody has come.
const JOINED: &str = "tone/joined";

/// What the plan allows finds a seat.
const _: () = assert!(*limits::CONFERENCE_MEMBERS.end() as usize <= MEMBERS_MAX);

/// A caller of a conference.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attendance {
    /// Whose room it is.
    of: ExtensionId,
    /// The number of the caller's leg.
    leg: u16,
    /// A rule or a menu has led it here.
    is_forwarded: bool,
    stage: Stage,
    is_muted: bool,
    /// It has put the call on hold, and nobody wants to hear its music.
    is_held: bool,
    /// The latest key was a star.
    has_star: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum Stage {
    /// What it has pressed so far, and how often that was wrong.
    Asking { keys: String, failed: u16 },
    /// In the room.
    Inside(Place),
    /// It hears that this was all, and why.
    Leaving(Reason),
}

/// A seat, as the plan had the room when it was taken.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    room: RoomId,
    since: Moment,
    has_tones: bool,
    /// It hears music, because nobody else is there.
    is_alone: bool,
}

/// Whose room somebody comes to, and whether a rule or a menu has led there.
type Way = (ExtensionId, bool);

/// Why it is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    WrongPin,
    Full,
    /// The conference is not there any more.
    Gone,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::WrongPin => "wrong_pin",
            Self::Full => "conference_full",
            Self::Gone => "conference_gone",
        }
    }
}

impl Attendance {
    fn new((of, is_forwarded): Way, line: &Line) -> Self {
        let stage = Stage::Asking { keys: String::new(), failed: 0 };
        let (leg, is_held) = (line.caller.no, line.is_held);
        Self { of, leg, is_forwarded, stage, is_muted: false, is_held, has_star: false }
    }

    /// As the plan of the moment has it.
    fn conference<'m>(&self, org: OrgId, means: &'m Means<'_>) -> Option<(&'m OrgPlan, &'m Arc<Conference>)> {
        let org = means.plan.organisation(org)?;
        Some((org, org.conference(self.of)?))
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Duration {
        let pin = self.conference(record.org(), means).map(|(_, conference)| conference.pin.is_some());
        match pin {
            Some(true) => self.ask(lease, &["conference-pin"], record, means),
            Some(false) => self.enter(lease, record, means),
            None => self.leave(lease, Reason::Gone, record, means),
        }
    }

    fn say(&self, lease: LeaseId, words: &[&str], record: &Record, means: &mut Means<'_>) {
        record.say(lease, (means.language(record.org()), words), means);
    }

    fn ask(&self, lease: LeaseId, words: &[&str], record: &Record, means: &mut Means<'_>) -> Duration {
        self.say(lease, words, record, means);
        PIN_WAIT_MAX
    }

    /// The caller has pressed a key.
    pub(super) fn key(
        &mut self,
        (lease, key): (LeaseId, Key),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        let sign = key.sign();
        match &mut self.stage {
            Stage::Asking { keys, .. } => {
                if keys.is_empty() {
                    means.media(MediaCommand::Stop { lease });
                }
                if sign == '#' {
                    return self.pressed(lease, record, means);
                }
                keys.push(sign);
                if keys.len() >= *limits::PIN_DIGITS.end() {
                    return self.pressed(lease, record, means);
                }
                Next::For(PIN_KEY_MAX)
            }
            Stage::Inside(_) => {
                let had_star = std::mem::replace(&mut self.has_star, sign == '*');
                if had_star && sign == '6' {
                    self.mute(lease, !self.is_muted, record, means);
                }
                Next::Stay
            }
            Stage::Leaving(_) => Next::Stay,
        }
    }

    /// No further key comes: lets it in, or asks again.
    fn pressed(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Next {
        let pin = self.conference(record.org(), means).map(|(_, conference)| conference.pin.clone());
        let Stage::Asking { keys, failed } = &mut self.stage else { return Next::Stay };
        let pressed = std::mem::take(keys);
        let Some(pin) = pin else { return Next::For(self.leave(lease, Reason::Gone, record, means)) };
        if pin.is_none_or(|pin| pin.0.as_bytes().ct_eq(pressed.as_bytes()).into()) {
            return Next::For(self.enter(lease, record, means));
        }
        *failed = failed.saturating_add(1);
        let is_last = *failed >= PIN_TRIES_MAX;
        Next::For(if is_last {
            self.leave(lease, Reason::WrongPin, record, means)
        } else {
            self.ask(lease, &["pin-wrong", "conference-pin"], record, means)
        })
    }

    /// Takes a seat, if there is one left.
    fn enter(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Duration {
        let Some((_, conference)) = self.conference(record.org(), means) else {
            return self.leave(lease, Reason::Gone, record, means);
        };
        let (id, has_tones) = (conference.id, conference.has_tones);
        if means.conferences.is_full(conference) {
            return self.leave(lease, Reason::Full, record, means);
        }
        let is_alone = means.conferences.members(id) == 0;
        let detail = Detail { leg: Some(self.leg), ..because("conference") };
        if self.is_forwarded {
            record.event(EventKind::ForwardAnswered, None, detail.clone(), means);
        }
        record.answered(None, detail, means);
        let room = RoomId(id.0.as_u128());
        self.stage = Stage::Inside(Place { room, since: means.moment(), has_tones, is_alone });
        self.meet(lease, means);
        if is_alone {
            self.say(lease, &["conference-first"], record, means);
        } else {
            // Nothing of what asked for the PIN.
            means.media(MediaCommand::Stop { lease });
            if has_tones {
                means.media(MediaCommand::Announce { room, sounds: [SoundName::new(JOINED)].into() });
            }
        }
        STAY_MAX
    }

    /// Has it sit where it sits, on the line that it has now.
    fn meet(&self, lease: LeaseId, means: &mut Means<'_>) {
        if let Stage::Inside(Place { room, .. }) = self.stage {
            let is_muted = self.is_muted || self.is_held;
            means.media(MediaCommand::Meet { lease, room, sitting: Sitting::member(is_muted) });
        }
    }

    /// The others do not hear it from now on, or do again. False: it is so already.
    fn mute(&mut self, lease: LeaseId, is_muted: bool, record: &Record, means: &mut Means<'_>) -> bool {
        if std::mem::replace(&mut self.is_muted, is_muted) == is_muted {
            return false;
        }
        self.meet(lease, means);
        let words = if is_muted { "conference-muted" } else { "conference-unmuted" };
        self.say(lease, &[words], record, means);
        true
    }

    /// Its media has changed: it holds, or has moved to this line.
    pub(super) fn renew(
        &mut self,
        (lease, is_moved): (LeaseId, bool),
        is_held: bool,
        record: &Record,
        means: &mut Means<'_>,
    ) {
        self.is_held = is_held;
        self.meet(lease, means);
        if is_moved && matches!(self.stage, Stage::Inside(Place { is_alone: true, .. })) {
            record.play(lease, MUSIC, means);
        }
    }

    /// It is the only one there from now on, or no longer.
    fn company(&mut self, lease: LeaseId, is_alone: bool, record: &Record, means: &mut Means<'_>) {
        let Stage::Inside(place) = &mut self.stage else { return };
        place.is_alone = is_alone;
        if is_alone {
            record.play(lease, MUSIC, means);
        } else {
            means.media(MediaCommand::Stop { lease });
        }
    }

    /// What was said is over; the relay lets it hear the room by itself.
    pub(super) fn played(&mut self, lease: LeaseId, record: &Record, means: &mut Means<'_>) -> Next {
        match &self.stage {
            Stage::Inside(Place { is_alone: true, .. }) => {
                record.play(lease, MUSIC, means);
                Next::Stay
            }
            Stage::Inside(_) | Stage::Asking { .. } => Next::Stay,
            Stage::Leaving(reason) => Next::End(reason.as_str()),
        }
    }

    pub(super) fn timed_out(
        &mut self,
        lease: Option<LeaseId>,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        match (&self.stage, lease) {
            (Stage::Asking { .. }, Some(lease)) => self.pressed(lease, record, means),
            (Stage::Asking { .. }, None) => Next::End(Reason::WrongPin.as_str()),
            (Stage::Inside(_), _) => Next::End("time_limit"),
            (Stage::Leaving(reason), _) => Next::End(reason.as_str()),
        }
    }

    /// It hears why it is not let in.
    fn leave(
        &mut self,
        lease: LeaseId,
        reason: Reason,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Duration {
        record.failed(because(reason.as_str()), means);
        let words = match reason {
            Reason::WrongPin => "pin-wrong",
            Reason::Full => FULL,
            Reason::Gone => "not-available",
        };
        self.say(lease, &[words, "goodbye"], record, means);
        self.stage = Stage::Leaving(reason);
        EXPLANATION_MAX
    }

    /// It has yet to be let in.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking { .. })
    }

    fn sits(&self, org: OrgId) -> Option<Sits> {
        let Stage::Inside(Place { room, since, has_tones, is_alone }) = self.stage else { return None };
        Some(Sits { org, room, since, has_tones, is_alone, is_muted: self.is_muted })
    }
}

/// What is said of a room without a seat.
pub(in crate::call) const FULL: &str = "conference-full";

/// A number leads to a conference.
pub(in crate::call) fn open(
    opening: &Opening<'_>,
    way: Way,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    match Line::take(opening, on_line, head, means) {
        Ok(line) => come(line, way, means),
        Err(refused) => refused,
    }
}

/// A caller that has been answered just now comes in from its ACK on.
fn come(line: Line, way: Way, means: &mut Means<'_>) -> State {
    let attendance = Attendance::new(way, &line);
    serve(line, (Service::Conference(Box::new(attendance)), None), means)
}

/// A caller who is on the line comes in from now on.
pub(in crate::call) fn take_over(line: Line, way: Way, head: &mut Head, means: &mut Means<'_>) -> State {
    let attendance = Attendance::new(way, &line);
    attend(line, Service::Conference(Box::new(attendance)), head, means)
}

impl Ringing {
    /// Nobody has taken the call, and a rule leads to a conference, if the caller speaks anything that we do.
    pub(in crate::call) fn enter_conference(
        self: Box<Self>,
        head: &mut Head,
        of: ExtensionId,
        came_to: (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        match self.take_line(head, came_to, means) {
            Ok((line, _)) => come(line, (of, true), means),
            Err(refused) => refused,
        }
    }
}

impl Served {
    /// Who is in a conference, with the line.
    fn attendance(&mut self) -> Option<(&mut Attendance, LeaseId, &Record)> {
        let lease = self.line.caller.streams.voice_line()?;
        match &mut self.stage {
            ServedStage::Attending(Service::Conference(attendance)) => {
                Some((attendance, lease, &self.line.record))
            }
            _ => None,
        }
    }
}

impl Call {
    /// Where it sits in a conference.
    pub(crate) fn sits(&self) -> Option<Sits> {
        let State::Served(served) = &self.state else { return None };
        match &served.stage {
            ServedStage::Attending(Service::Conference(attendance)) => {
                attendance.sits(served.line.record.org())
            }
            _ => None,
        }
    }

    fn attendance(&mut self) -> Option<(&mut Attendance, LeaseId, &Record)> {
        match &mut self.state {
            State::Served(served) => served.attendance(),
            _ => None,
        }
    }

    /// Its caller is the only one in the room from now on, or no longer.
    pub(crate) fn company(mut self, is_alone: bool, means: &mut Means<'_>) -> Self {
        if let Some((attendance, lease, record)) = self.attendance() {
            attendance.company(lease, is_alone, record, means);
        }
        self
    }

    /// Somebody orders that the others do not hear its caller, or do again.
    pub(crate) fn mute(mut self, is_muted: bool, outcome: &mut Outcome, means: &mut Means<'_>) -> Self {
        *outcome = match self.attendance() {
            Some((attendance, lease, record)) if !attendance.is_asking() => {
                let is_changed = attendance.mute(lease, is_muted, record, means);
                if is_changed { Outcome::Done } else { Outcome::AlreadySo }
            }
            _ => Outcome::NotNow,
        };
        self
    }
}
