//! `*33NUMBER`, or by order: a supervisor listens to a call of somebody of theirs, speaks to that one only, or to both (decision 0049).
//!
//! Keys change it, those that users of FreePBX have in their fingers: `4` listen, `5` whisper, `6` barge. Who is supervised
//! keeps their call as it is: what is ordered here is where their legs sit beside it. Whose call it is and where it goes on is
//! found in `supervision`.

use std::time::Duration;

use contract::{
    command::{Outcome, SupervisionMode},
    id::{OrgId, UserId},
    journal::{Detail, Fact, Supervision as Step},
};
use dialplan::{OrgPlan, PersonKey, Plan};
use serde::{Deserialize, Serialize};
use sip::{Reply, SessionKey};
use streams::{
    conference::{HeardBy, Place, RoomId, Sitting},
    keys::Key,
    media::{LeaseId, MediaCommand},
};

use super::{Next, Served, Service, Stage, attend, serve};
use crate::{
    call::{
        Call,
        dial::{Opening, fail, no_such_call},
        events::{Record, because},
        hold::MUSIC,
        leg::Leg,
        line::Line,
        state::{Head, Side, State, Talking},
    },
    means::Means,
    supervision::{Heard, NoSubject, Subject, ToListen, Watch},
};

/// One that has been forgotten ends at last.
const LISTENING_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A supervisor's call.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Supervision {
    supervisor: UserId,
    subject: Subject,
    mode: SupervisionMode,
    /// The lines that sit beside their join for it: of who is supervised, and of the other one.
    beside: Option<[LeaseId; 2]>,
    /// The supervisor holds, and nobody wants to hear its music.
    is_held: bool,
    steps: u16,
    /// It was ordered, and not dialled.
    is_ordered: bool,
}

impl Supervision {
    fn new(supervisor: UserId, subject: Subject) -> Self {
        let mode = SupervisionMode::Listen;
        Self { supervisor, subject, mode, beside: None, is_held: false, steps: 0, is_ordered: false }
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Duration {
        self.write(Some(self.mode), if self.is_ordered { "ordered" } else { "dialled" }, record, means);
        self.sit(lease, record, means);
        // There may be nothing to be heard yet.
        record.play(lease, MUSIC, means);
        LISTENING_MAX
    }

    /// The supervisor has pressed a key.
    pub(super) fn key(
        &mut self,
        (lease, key): (LeaseId, Key),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        let mode = match key.sign() {
            '4' => SupervisionMode::Listen,
            '5' => SupervisionMode::Whisper,
            '6' => SupervisionMode::Barge,
            _ => return Next::Stay,
        };
        self.change((mode, "key"), lease, record, means);
        Next::Stay
    }

    /// Others hear it from now on. False: it is so already.
    fn change(
        &mut self,
        (mode, reason): (SupervisionMode, &str),
        lease: LeaseId,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> bool {
        if std::mem::replace(&mut self.mode, mode) == mode {
            return false;
        }
        self.write(Some(mode), reason, record, means);
        self.sit(lease, record, means);
        true
    }

    /// Its media has changed: it holds, or has another line.
    pub(super) fn renew(
        &mut self,
        (lease, is_moved): (LeaseId, bool),
        is_held: bool,
        record: &Record,
        means: &mut Means<'_>,
    ) {
        self.is_held = is_held;
        self.sit(lease, record, means);
        if is_moved && self.beside.is_none() {
            record.play(lease, MUSIC, means);
        }
    }

    /// Has everybody sit where they are to be heard and to hear.
    fn sit(&self, lease: LeaseId, record: &Record, means: &mut Means<'_>) {
        let room = RoomId(record.call().0.as_u128());
        let heard_by = match (self.mode, self.beside) {
            _ if self.is_held => HeardBy::Nobody,
            (SupervisionMode::Listen, _) | (_, None) => HeardBy::Nobody,
            (SupervisionMode::Whisper, Some([own, _])) => HeardBy::Only(own),
            (SupervisionMode::Barge, _) => HeardBy::Everyone,
        };
        let sitting = Sitting { heard_by, place: Place::Inside };
        means.media(MediaCommand::Meet { lease, room, sitting });
        let hears = match self.mode {
            SupervisionMode::Listen => [false, false],
            SupervisionMode::Whisper => [true, false],
            SupervisionMode::Barge => [true, true],
        };
        for (lease, hears_room) in self.beside.into_iter().flatten().zip(hears) {
            let sitting = Sitting { heard_by: HeardBy::Everyone, place: Place::Beside { hears_room } };
            means.media(MediaCommand::Meet { lease, room, sitting });
        }
    }

    /// What there is to be heard is this from now on.
    fn hear(&mut self, heard: Heard, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Next {
        match heard {
            Heard::Talk(subject, lines) => {
                let before = std::mem::replace(&mut self.subject, subject);
                if before.call != subject.call {
                    self.write(Some(self.mode), "moved", record, means);
                }
                if self.beside != Some(lines) {
                    // Who sat there before has been joined to somebody else, and sits nowhere any more.
                    if self.beside.replace(lines).is_none() {
                        means.media(MediaCommand::Stop { lease });
                    }
                    self.sit(lease, record, means);
                }
            }
            Heard::Nothing(open) => {
                if self.leave(&open, means) {
                    self.sit(lease, record, means);
                    record.play(lease, MUSIC, means);
                }
            }
            Heard::Gone(reason, open) => {
                self.leave(&open, means);
                return Next::End(reason);
            }
        }
        Next::Stay
    }

    /// Nobody sits beside a join any more; lines that are not open have gone by themselves.
    fn leave(&mut self, open: &[LeaseId], means: &mut Means<'_>) -> bool {
        let Some(lines) = self.beside.take() else { return false };
        for lease in lines.into_iter().filter(|line| open.contains(line)) {
            means.media(MediaCommand::Leave { lease });
        }
        true
    }

    /// It is over: who was listened to talks on.
    fn end(&mut self, reason: &str, record: &mut Record, means: &mut Means<'_>) {
        if let Some(lines) = self.beside {
            self.leave(&lines, means);
        }
        self.write(None, reason, record, means);
    }

    fn write(
        &mut self,
        mode: Option<SupervisionMode>,
        reason: &str,
        record: &mut Record,
        means: &mut Means<'_>,
    ) {
        self.steps = self.steps.saturating_add(1);
        let step = Step {
            no: self.steps,
            supervisor: self.supervisor,
            supervised: self.subject.user,
            supervised_call: self.subject.call,
            mode,
            reason: reason.to_owned(),
        };
        record.facts().fact(Fact::Supervision(step), means);
    }
}

/// Somebody has dialled the code.
pub(super) fn open(
    opening: &Opening<'_>,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let why = match (opening.caller.person, opening.subject) {
        (PersonKey::User(supervisor), Ok(subject)) => {
            return listen(opening, (supervisor, subject), on_line, head, means);
        }
        (_, Ok(_)) => NoSubject::NotAllowed,
        (_, Err(why)) => why,
    };
    let reply = match why {
        NoSubject::Silent => return no_such_call(opening, why.reason(), on_line, head, means),
        NoSubject::Busy => Reply::new(486),
        NoSubject::NotAllowed => Reply::new(403).phrase("Not A Supervisor"),
    };
    fail(on_line.0, on_line.1, head, why.reason(), reply, means)
}

/// Somebody's phone has answered who is to listen, by order; if there is nobody to listen to any more they are told so.
pub(in crate::call) fn take_over(
    mut line: Line,
    order: &ToListen,
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let ToListen { supervisor, mode, subject, objection } = *order;
    if let Some(why) = objection {
        line.record.failed(because(why.reason()), means);
        return attend(line, Service::NoSubject(why), head, means);
    }
    let org = means.plan.organisation(line.record.org());
    write_answered(&mut line, org, subject, means);
    let supervision = Supervision { mode, is_ordered: true, ..Supervision::new(supervisor, subject) };
    attend(line, Service::Supervision(Box::new(supervision)), head, means)
}

fn write_answered(line: &mut Line, org: Option<&OrgPlan>, subject: Subject, means: &mut Means<'_>) {
    let named = org.and_then(|org| org.staff_named(subject.user));
    let number = named.map(|(number, _)| number.to_owned());
    let word = because(SupervisionMode::Listen.as_str());
    let detail = Detail { leg: Some(line.caller.no), number, call: Some(subject.call), ..word };
    line.record.answered(None, detail, means);
}

/// It is answered, and listens from its ACK on.
fn listen(
    opening: &Opening<'_>,
    (supervisor, subject): (UserId, Subject),
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    let mut line = match Line::take(opening, on_line, head, means) {
        Ok(line) => line,
        Err(refused) => return refused,
    };
    write_answered(&mut line, Some(opening.org), subject, means);
    serve(line, (Service::Supervision(Box::new(Supervision::new(supervisor, subject))), None), means)
}

impl Served {
    fn supervision(&mut self) -> Option<(&mut Supervision, Option<LeaseId>, &mut Record)> {
        match &mut self.stage {
            Stage::Attending(Service::Supervision(supervision)) => {
                Some((supervision, self.line.caller.streams.voice_line(), &mut self.line.record))
            }
            _ => None,
        }
    }

    /// Whatever it ends by.
    pub(super) fn end_supervision(&mut self, reason: &str, means: &mut Means<'_>) {
        if let Some((supervision, _, record)) = self.supervision() {
            supervision.end(reason, record, means);
        }
    }
}

impl Talking {
    /// What there is to be heard of somebody here.
    fn heard(&self, subject: Subject, plays_music: bool) -> Heard {
        let sides = [Side::Callee, Side::Caller];
        // By another phone it is still their call.
        let same = || sides.into_iter().find(|side| self.leg(*side).person == subject.person());
        let Some(side) = self.side_of(subject.session).or_else(same) else {
            return Heard::Gone("left", self.open_lines());
        };
        let (own, other) = (self.leg(side), self.leg(side.other()));
        let is_held = plays_music && sides.into_iter().any(|side| self.is_held.by(side));
        match (own.streams.voice_line(), other.streams.voice_line()) {
            (Some(line), Some(others)) if !is_held => {
                Heard::Talk(Subject { session: own.session, ..subject }, [line, others])
            }
            _ => Heard::Nothing(self.open_lines()),
        }
    }

    fn open_lines(&self) -> Vec<LeaseId> {
        let legs = [&self.caller, &self.callee].into_iter();
        legs.flat_map(|leg| leg.streams.open_leases()).map(|lease| lease.id).collect()
    }
}

impl Call {
    /// Somebody who talks here and is meant, with their session.
    pub(crate) fn talker(
        &self,
        org: OrgId,
        is_meant: impl Fn(PersonKey) -> bool,
    ) -> Option<(UserId, SessionKey)> {
        let State::Talking(talking) = &self.state else { return None };
        let mut legs = [&talking.callee, &talking.caller].into_iter().filter(|_| talking.record.org() == org);
        legs.find_map(|leg| match leg.person {
            PersonKey::User(user) if is_meant(leg.person) => Some((user, leg.session)),
            _ => None,
        })
    }

    /// Two talk here.
    pub(crate) fn is_talked_in(&self) -> bool {
        matches!(self.state, State::Talking(_))
    }

    /// What there is to be heard of somebody who talked here.
    pub(crate) fn heard(&self, subject: Subject, plays_music: bool) -> Heard {
        match &self.state {
            State::Talking(talking) => talking.heard(subject, plays_music),
            state if state.staying().iter().any(|leg| leg.session == subject.session) => {
                Heard::Nothing(self.open_lines())
            }
            _ => Heard::Gone("left", self.open_lines()),
        }
    }

    /// Its lines that carry something now.
    pub(crate) fn open_lines(&self) -> Vec<LeaseId> {
        self.open_leases().into_iter().map(|(_, lease)| lease.id).collect()
    }

    /// Its organisation, if that is still in a plan.
    pub(crate) fn organisation<'p>(&self, plan: &'p Plan) -> Option<&'p OrgPlan> {
        plan.organisation(self.state.org())
    }

    /// Whom its caller listens to.
    pub(crate) fn supervises(&self) -> Option<Watch> {
        let State::Served(served) = &self.state else { return None };
        let (supervision, has_begun) = match &served.stage {
            Stage::Answering { service: Service::Supervision(supervision), .. } => (supervision, false),
            Stage::Attending(Service::Supervision(supervision)) => (supervision, true),
            _ => return None,
        };
        let Supervision { supervisor, subject, .. } = **supervision;
        Some(Watch { org: self.state.org(), supervisor, subject, has_begun })
    }

    /// What its caller hears of whom it supervises is something else now.
    pub(crate) fn hears(mut self, heard: Heard, means: &mut Means<'_>) -> Self {
        self.state = match self.state {
            State::Served(mut served) => {
                let next = match served.supervision() {
                    Some((supervision, Some(lease), record)) => supervision.hear(heard, lease, record, means),
                    _ => Next::Stay,
                };
                served.go_on(next, &mut self.head, means)
            }
            state => state,
        };
        self.write_gone(means);
        self
    }

    /// Somebody orders who hears its caller.
    pub(crate) fn supervise(
        mut self,
        mode: SupervisionMode,
        outcome: &mut Outcome,
        means: &mut Means<'_>,
    ) -> Self {
        *outcome = Outcome::NotNow;
        if let State::Served(served) = &mut self.state
            && let Some((supervision, Some(lease), record)) = served.supervision()
        {
            let is_changed = supervision.change((mode, "command"), lease, record, means);
            *outcome = if is_changed { Outcome::Done } else { Outcome::AlreadySo };
        }
        self
    }
}
