//! Whether a call is recorded, and which of its lines are tapped for it (H-052, HX-22; decision 0026).
//!
//! The recording is the call's, not a leg's: after every change of the call the taps are set to whoever are its two sides
//! now, so that re-INVITEs and other devices do not end it. What an extension says goes before what its organisation says,
//! and goes with whoever was reached through it (decision 0037). How it becomes a file is the recorder's business; what the
//! recorder cannot do it says, and the call goes on.

use contract::{
    command::{Outcome, RecordingOrder as Wish},
    id::RecordingId,
    journal::{Fact, MessageFor, Recording as Step, RecordingStep},
    language::Language,
    snapshot::RecordingPolicy,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use streams::media::{
    LeaseId, MediaCommand,
    Side::{Left, Right},
    Tap,
};

use super::{
    Call,
    events::ClosedRecord,
    leg::Leg,
    state::{Side, State},
};
use crate::{
    means::Means,
    output::{Output, RecordingOrder},
};

/// What of a call is recorded.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recording {
    /// The organisation's, which holds where no extension says anything.
    policy: RecordingPolicy,
    /// What holds for those who talk, or talked last.
    in_force: RecordingPolicy,
    /// Whether the caller is told before, and has been.
    notice: Telling,
    /// The organisation's people begin and pause it by keys.
    has_keys: bool,
    /// What `Always` asks for has been done, unless somebody came who is not to be recorded.
    has_begun: bool,
    /// Boxed: most calls have none.
    current: Option<Box<Current>>,
}

/// Telling the caller that it will be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Telling {
    #[default]
    No,
    Due(Language),
    Done,
}

/// A recording that has not ended.
#[derive(Debug, Serialize, Deserialize)]
struct Current {
    id: RecordingId,
    /// What taps call it.
    number: u32,
    began_at: Timestamp,
    steps: u16,
    is_paused: bool,
    /// The caller's tapped line and the callee's.
    tapped: Lines,
    /// For whom it is, if it is a message.
    message: Option<MessageFor>,
}

/// A line of the caller and one of the callee.
pub(super) type Lines = [Option<LeaseId>; 2];
const NOBODY: Lines = [None; 2];

impl Recording {
    /// `notice`: in which language callers are told before anybody rings, if they are. `has_keys`: whether the organisation's
    /// people begin and pause it by keys.
    pub(crate) fn new(policy: RecordingPolicy, notice: Option<Language>, has_keys: bool) -> Self {
        let notice = notice.map_or(Telling::No, Telling::Due);
        Self { policy, in_force: policy, notice, has_keys, has_begun: false, current: None }
    }

    /// Whether a key may begin it, pause it or have it go on.
    pub(super) fn takes_keys(&self) -> bool {
        self.has_keys && self.in_force != RecordingPolicy::Never && !self.is_of_message()
    }

    /// What the keys ask for: a recording, where there is none, else a pause, or its end.
    pub(super) fn next_wish(&self) -> Wish {
        match &self.current {
            None => Wish::Start,
            Some(current) if current.is_paused => Wish::Resume,
            Some(_) => Wish::Pause,
        }
    }

    /// Does what somebody wants in a call where two talk on these lines, or, if there are none, nobody does. `by`: how that was said.
    pub(super) fn obey(
        &mut self,
        (wish, by): (Wish, &str),
        (lines, is_talked_in): (Lines, bool),
        record: &mut ClosedRecord,
        means: &mut Means<'_>,
    ) -> Outcome {
        let is_of_message = self.is_of_message();
        match (wish, &mut self.current) {
            _ if self.in_force == RecordingPolicy::Never => Outcome::NotAllowed,
            // A message is its owner's.
            _ if is_of_message => Outcome::NotNow,
            (Wish::Start, Some(_)) => Outcome::AlreadySo,
            (Wish::Start, None) if is_talked_in => {
                self.begin(by, record, means);
                Outcome::Done
            }
            (_, None) => Outcome::NotNow,
            (Wish::Stop, Some(_)) => {
                self.end(by, lines, record, means);
                Outcome::Done
            }
            (Wish::Pause, Some(current)) if !current.is_paused => {
                // First the taps, so that nothing of the pause is even copied.
                current.is_paused = true;
                current.tap(NOBODY, lines, means);
                means.out.push(Output::Recording(RecordingOrder::Pause { number: current.number }));
                current.step(RecordingStep::Paused, by, record, means);
                Outcome::Done
            }
            (Wish::Resume, Some(current)) if current.is_paused => {
                current.is_paused = false;
                means.out.push(Output::Recording(RecordingOrder::Resume { number: current.number }));
                current.step(RecordingStep::Resumed, by, record, means);
                Outcome::Done
            }
            (Wish::Pause | Wish::Resume, Some(_)) => Outcome::AlreadySo,
        }
    }

    /// In which language the caller is to be told before those ring of whose calls an extension says this, if it is.
    pub(super) fn notice(&self, said: Option<RecordingPolicy>) -> Option<Language> {
        match self.notice {
            Telling::Due(language) if self.holding([said, None]) == RecordingPolicy::Always => Some(language),
            Telling::Due(_) | Telling::No | Telling::Done => None,
        }
    }

    /// What holds where both sides were reached through extensions that say this: who is not to be recorded is not, whoever
    /// the other one is.
    fn holding(&self, said: [Option<RecordingPolicy>; 2]) -> RecordingPolicy {
        let said = || said.into_iter().flatten();
        let forbidden = said().find(|policy| *policy == RecordingPolicy::Never);
        forbidden.or(said().max()).unwrap_or(self.policy)
    }

    /// The caller has been told.
    pub(super) fn told(&mut self) {
        self.notice = Telling::Done;
    }

    /// A leg goes over to another call: nothing of it is recorded here any more.
    pub(super) fn let_go(&mut self, leg: &Leg, means: &mut Means<'_>) {
        let Some(current) = &mut self.current else { return };
        let mut lines = current.tapped;
        for line in &mut lines {
            let is_its = line.is_some_and(|lease| leg.streams.lease_ids().any(|own| own == lease));
            line.take_if(|_| is_its);
        }
        current.tap(lines, current.tapped, means);
    }

    fn begin(&mut self, reason: &str, record: &mut ClosedRecord, means: &mut Means<'_>) {
        self.has_begun = true;
        self.begin_what(None, reason, record, means);
    }

    /// From now on the caller leaves a message, which is its owner's: what was recorded before it ends here.
    pub(super) fn begin_message(
        &mut self,
        message: MessageFor,
        record: &mut ClosedRecord,
        means: &mut Means<'_>,
    ) {
        let lines = self.current.as_ref().map_or(NOBODY, |current| current.tapped);
        self.end("voicemail", lines, record, means);
        self.begin_what(Some(message), "voicemail", record, means);
    }

    /// That was the message, on that line.
    pub(super) fn end_message(
        &mut self,
        reason: &str,
        line: LeaseId,
        record: &mut ClosedRecord,
        means: &mut Means<'_>,
    ) {
        self.end(reason, [Some(line), None], record, means);
    }

    fn is_of_message(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.message.is_some())
    }

    fn begin_what(
        &mut self,
        message: Option<MessageFor>,
        reason: &str,
        record: &mut ClosedRecord,
        means: &mut Means<'_>,
    ) {
        let id = RecordingId::new(means.wall, means.random.bytes());
        let number = u32::from_le_bytes(means.random.bytes());
        let (began_at, tapped) = (means.wall, NOBODY);
        let current = Current { id, number, began_at, steps: 0, is_paused: false, tapped, message };
        means.out.push(Output::Recording(current.begin(record)));
        self.current.insert(Box::new(current)).step(RecordingStep::Started, reason, record, means);
    }

    fn end(&mut self, reason: &str, lines: Lines, record: &mut ClosedRecord, means: &mut Means<'_>) {
        let Some(mut current) = self.current.take() else { return };
        current.tap(NOBODY, lines, means);
        means.out.push(Output::Recording(RecordingOrder::End { number: current.number }));
        current.step(RecordingStep::Stopped, reason, record, means);
    }
}

impl Current {
    fn begin(&self, record: &ClosedRecord) -> RecordingOrder {
        RecordingOrder::Begin {
            recording: self.id,
            number: self.number,
            org: record.org(),
            call: record.call(),
            began_at: self.began_at,
            is_paused: self.is_paused,
            message: self.message.clone(),
        }
    }

    fn step(&mut self, step: RecordingStep, reason: &str, record: &mut ClosedRecord, means: &mut Means<'_>) {
        self.steps = self.steps.saturating_add(1);
        let fact = Step { recording: self.id, no: self.steps, step, reason: reason.to_owned() };
        record.fact(Fact::Recording(fact), means);
    }

    /// Whom of the call it hears. What a transferor says while the target rings, it says to nobody, and so does whoever
    /// chooses from a menu or waits in a queue.
    fn heard(&self, state: &State, [caller, callee]: Lines) -> Lines {
        match state {
            _ if self.is_paused => NOBODY,
            State::Transferring(transferring) if transferring.waits(Side::Caller) => [caller, None],
            State::Transferring(_) => [None, callee],
            State::Served(_) | State::Queued(_) if self.message.is_none() => NOBODY,
            _ => [caller, callee],
        }
    }

    /// From now on these lines are tapped and no others. A line that is none of `lines` any more has been given back, and
    /// its tap with it.
    fn tap(&mut self, wanted: Lines, lines: Lines, means: &mut Means<'_>) {
        let sides = [Left, Right].into_iter().zip(&mut self.tapped).zip(wanted);
        for ((side, tapped), wanted) in sides.filter(|((_, tapped), wanted)| **tapped != *wanted) {
            if let Some(lease) = tapped.take().filter(|lease| lines.contains(&Some(*lease))) {
                means.media(MediaCommand::Tap { lease, tap: None });
            }
            if let Some(lease) = wanted {
                let tap = Some(Tap { recording: self.number, side });
                means.media(MediaCommand::Tap { lease, tap });
            }
            *tapped = wanted;
        }
    }
}

impl Call {
    /// Brings the recording up to date with what has become of the call.
    pub(crate) fn mind_recording(&mut self, means: &mut Means<'_>) {
        let recording = &mut self.head.recording;
        recording.in_force = said(&self.state).map_or(recording.in_force, |said| recording.holding(said));
        let is_wanted = recording.in_force == RecordingPolicy::Always && !recording.has_begun;
        let is_due = is_wanted && is_talked_in(&self.state);
        if recording.current.is_none() && !is_due {
            return;
        }
        let Some(lines) = lines(&self.state) else {
            if let State::Over(record) = &mut self.state {
                recording.end("call_ended", NOBODY, record, means);
            }
            return;
        };
        // A message is its owner's, whoever was to be recorded before.
        if recording.in_force == RecordingPolicy::Never && !recording.is_of_message() {
            recording.end("forbidden", lines, self.state.facts(), means);
            recording.has_begun = false;
        }
        if is_due {
            let reason = if recording.notice == Telling::Done { "policy_after_notice" } else { "policy" };
            recording.begin(reason, self.state.facts(), means);
        }
        if let Some(current) = &mut recording.current {
            current.tap(current.heard(&self.state, lines), lines, means);
        }
    }

    /// Somebody orders what is to become of the recording.
    pub(crate) fn record(mut self, wish: Wish, outcome: &mut Outcome, means: &mut Means<'_>) -> Self {
        let is_talked_in = is_talked_in(&self.state);
        let lines = lines(&self.state).unwrap_or(NOBODY);
        let record = self.state.facts();
        *outcome = self.head.recording.obey((wish, "command"), (lines, is_talked_in), record, means);
        self
    }

    /// The recorder has given up on a recording of this call.
    pub(crate) fn recording_failed(mut self, id: RecordingId, reason: &str, means: &mut Means<'_>) -> Self {
        let lines = lines(&self.state).unwrap_or(NOBODY);
        let (recording, record) = (&mut self.head.recording, self.state.facts());
        if let Some(mut current) = recording.current.take_if(|current| current.id == id) {
            current.tap(NOBODY, lines, means);
            current.step(RecordingStep::Stopped, reason, record, means);
            // Nobody is let talk to nothing.
            if current.message.is_some()
                && let State::Served(served) = self.state
            {
                self.state = served.hang_up(&mut self.head, "not_recorded", means);
            }
        }
        self
    }

    /// The order by which a recorder of another life goes on with it.
    pub(crate) fn recording_order(&mut self) -> Option<RecordingOrder> {
        let record = self.state.facts();
        self.head.recording.current.as_ref().map(|current| current.begin(record))
    }
}

/// Two sides talk, though one of them may wait.
fn is_talked_in(state: &State) -> bool {
    matches!(state, State::Connecting(_) | State::Talking(_) | State::Transferring(_))
}

/// The lines of the two sides, the caller's first; `None` while or when nobody has been answered.
fn lines(state: &State) -> Option<Lines> {
    let (caller, callee) = match state {
        State::Connecting(connecting) => (Some(&connecting.caller), Some(&connecting.callee)),
        State::Talking(talking) => (Some(&talking.caller), Some(&talking.callee)),
        State::Transferring(transferring) => (transferring.on(Side::Caller), transferring.on(Side::Callee)),
        State::Served(served) => (Some(&served.line.caller), None),
        State::Queued(queued) => (Some(&queued.line.caller), None),
        // What is said to all is kept for nobody.
        State::Originating(_) | State::Callback(_) | State::Ringing(_) | State::Paged(_) | State::Over(_) => {
            return None;
        }
    };
    Some([caller, callee].map(|leg| leg?.streams.voice_line()))
}

/// What extensions say of the two sides, the caller's first; `None` while there are none that talk.
fn said(state: &State) -> Option<[Option<RecordingPolicy>; 2]> {
    let (caller, callee) = match state {
        State::Connecting(connecting) => (&connecting.caller, &connecting.callee),
        State::Talking(talking) => (&talking.caller, &talking.callee),
        State::Originating(_)
        | State::Callback(_)
        | State::Transferring(_)
        | State::Ringing(_)
        | State::Served(_)
        | State::Queued(_)
        | State::Paged(_)
        | State::Over(_) => return None,
    };
    Some([caller.recording, callee.recording])
}
