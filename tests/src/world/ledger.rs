//! The simulated journal, and what must be true of the facts written to it (DESIGN D2, D3, H-057 … H-066).

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    availability::{Availability, Person},
    id::{CallId, OrgId, RecordingId},
    journal::{
        Call, Entry, Event, EventKind, Fact, Leg, Participant, ParticipantKind, ParticipantRole,
        PersonAvailability, Quality, Recording, RecordingStep, Supervision,
    },
    snapshot::Snapshot,
    time::Timestamp,
};
use uuid::Uuid;

/// What is known about one call.
#[derive(Clone, Debug)]
pub struct Record {
    /// The tenant.
    pub org: OrgId,
    /// The row of `calls`.
    pub call: Call,
    /// In order.
    pub participants: Vec<Participant>,
    /// In order.
    pub events: Vec<(Timestamp, Event)>,
    /// In order of writing.
    pub legs: Vec<Leg>,
    /// In order of writing.
    pub qualities: Vec<Quality>,
    /// Steps of its recordings.
    pub recordings: BTreeMap<RecordingId, Vec<RecordingStep>>,
    /// Steps of whoever listens by it.
    pub supervisions: Vec<Supervision>,
    /// It has come to a queue: the caller is answered by the switch, and asked are now these, now those.
    pub waits: bool,
    /// It was sent on to a number whose callers do.
    is_sent_to_queue: bool,
    last_at: Timestamp,
}

impl Record {
    /// The latest event.
    pub fn last(&self) -> Option<EventKind> {
        self.events.last().map(|(_, event)| event.kind)
    }

    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.events.last().filter(|(_, event)| event.kind == EventKind::Ended).map(|(at, _)| *at)
    }

    /// The final status that the caller's leg says it got.
    pub fn caller_status(&self) -> Option<u16> {
        self.legs.iter().find(|leg| leg.no == 1).and_then(|leg| leg.sip_status)
    }

    /// Why it ended, in the stable word for programs.
    pub fn ended_for(&self) -> Option<&str> {
        self.events.last().and_then(|(_, event)| event.detail.reason.as_deref())
    }

    /// The kinds in order.
    pub fn kinds(&self) -> Vec<EventKind> {
        self.events.iter().map(|(_, event)| event.kind).collect()
    }

    /// Whether a participant has put the other on hold, since it came or came back.
    pub fn is_holding(&self, no: u16) -> bool {
        use EventKind::{Hold, TransferAnswered, TransferCompleted, Unhold};
        let own = self.events.iter().rev().map(|(_, event)| event).filter(|one| one.participant == Some(no));
        let mut last =
            own.filter(|one| matches!(one.kind, Hold | Unhold | TransferAnswered | TransferCompleted));
        last.next().is_some_and(|event| event.kind == Hold)
    }

    /// The latest participant of this role that is this person.
    pub fn participant(&self, role: ParticipantRole, person: Uuid) -> Option<&Participant> {
        self.participants.iter().rev().find(|one| one.role == role && one.reference == person)
    }

    /// Whether its caller has gone and is rung by the switch, or will be: it was ordered, or promised by a queue.
    pub fn rings_back(&self) -> bool {
        self.has(EventKind::DialAttempt) || self.events.iter().any(|(_, event)| is_promise(event))
    }

    /// It was answered by the switch itself, which is nobody.
    fn is_served(&self) -> bool {
        self.events.iter().any(|(_, event)| event.kind == EventKind::Answered && event.participant.is_none())
    }

    /// Whether such an event has happened.
    pub fn has(&self, kind: EventKind) -> bool {
        self.events.iter().any(|(_, event)| event.kind == kind)
    }
}

/// Whoever waits is called back.
fn is_promise(event: &Event) -> bool {
    event.kind == EventKind::QueueUpdated && event.detail.reason.as_deref() == Some("callback")
}

/// What may come while somebody is asked, be it the target of a forward.
const ASKED: [EventKind; 12] = [
    EventKind::Forward,
    EventKind::Ringing,
    EventKind::ForwardRinging,
    EventKind::Answered,
    EventKind::ForwardAnswered,
    EventKind::Rejected,
    EventKind::Busy,
    EventKind::ForwardBusy,
    EventKind::Timeout,
    EventKind::ForwardNoAnswer,
    EventKind::Canceled,
    EventKind::Failed,
];

/// What may come of a call in which two talk.
const TALKING: [EventKind; 6] = [
    EventKind::Hold,
    EventKind::Unhold,
    EventKind::Transfer,
    EventKind::TransferConsulting,
    EventKind::Failed,
    EventKind::Ended,
];

/// What may come, in any order, of a caller who waits in a queue until somebody has answered.
const WAITING: [EventKind; 14] = [
    EventKind::Queued,
    EventKind::QueueUpdated,
    EventKind::Ringing,
    EventKind::Rejected,
    EventKind::Busy,
    EventKind::Timeout,
    EventKind::Missed,
    EventKind::Forward,
    EventKind::ForwardRinging,
    EventKind::ForwardBusy,
    EventKind::ForwardNoAnswer,
    EventKind::ForwardAnswered,
    EventKind::Hold,
    EventKind::Unhold,
];

/// What comes of being led elsewhere.
const LED_TO: [EventKind; 3] =
    [EventKind::ForwardAnswered, EventKind::ForwardBusy, EventKind::ForwardNoAnswer];

/// Where calls are parked.
const SLOTS: [&str; 9] = ["701", "702", "703", "704", "705", "706", "707", "708", "709"];

/// What may come of sending a call on.
const SENT_ON: [EventKind; 6] = [
    EventKind::TransferRinging,
    EventKind::TransferAnswered,
    EventKind::TransferNoAnswer,
    EventKind::TransferBusy,
    EventKind::TransferFailed,
    EventKind::TransferCanceled,
];

/// Which event may follow which, for the events where what rules lead to has no rules of its own.
pub fn may_follow(before: Option<EventKind>, next: EventKind) -> bool {
    use EventKind::{
        Answered, Busy, Canceled, Created, Ended, Failed, Forward, ForwardAnswered, ForwardBusy,
        ForwardNoAnswer, ForwardRinging, Hold, Missed, Rejected, Ringing, Timeout, Transfer,
        TransferAnswered, TransferAttended, TransferBusy, TransferCanceled, TransferCompleted,
        TransferConnecting, TransferConsulting, TransferFailed, TransferNoAnswer, TransferRinging, Unhold,
    };
    let allowed: &[EventKind] = match before {
        None => &[Created],
        Some(Created) => &[Forward, Ringing, Answered, Rejected, Busy, Timeout, Canceled, Failed],
        // By a device's own word it is the call that rings; by a rule, the forward's target.
        Some(Forward) => &ASKED,
        Some(Ringing) => &[Forward, Answered, Rejected, Busy, Timeout, Canceled, Failed],
        // A target that rang and refuses for a reason of its own ends without an event of the forward.
        Some(ForwardRinging) => &[
            Forward,
            ForwardAnswered,
            ForwardBusy,
            ForwardNoAnswer,
            Ringing,
            Answered,
            Rejected,
            Busy,
            Timeout,
            Canceled,
            Failed,
        ],
        Some(ForwardAnswered) => &[Answered],
        // The next rule may have the extension's own people rung, who are no forward.
        Some(ForwardBusy | ForwardNoAnswer) => {
            &[Forward, Ringing, Answered, Rejected, Busy, Timeout, Canceled, Failed]
        }
        // One of several may decline, or the last one.
        Some(Rejected) if next == Ended => return true,
        Some(Rejected) => &ASKED,
        Some(Answered | Hold | Unhold | TransferAnswered | TransferAttended) => &TALKING,
        // The transferor has the call again, or it is gone and has to be rung.
        Some(TransferNoAnswer | TransferBusy | TransferFailed | TransferCanceled) => &TALKING,
        Some(Transfer) => &SENT_ON,
        Some(TransferRinging) => &SENT_ON[1..],
        Some(TransferConsulting) => &[TransferConnecting],
        Some(TransferConnecting) => &[TransferCompleted],
        Some(TransferCompleted) => &[TransferAttended],
        Some(Timeout) => &[Missed],
        Some(Busy | Missed | Canceled | Failed) => &[Ended],
        Some(_) => &[],
    };
    allowed.contains(&next)
}

/// The journal.
pub struct Ledger {
    /// Every call that was ever opened.
    pub calls: BTreeMap<CallId, Record>,
    /// Who does not want to be disturbed.
    pub undisturbed: BTreeSet<Person>,
    /// Numbers whose callers wait in a queue, or choose from a menu.
    queues: BTreeSet<(OrgId, String)>,
}

impl Ledger {
    /// One of a switch with these rows; whether a number has a queue does not change.
    pub fn of(snapshot: &Snapshot) -> Self {
        let numbers = snapshot.organisations.iter().flat_map(|own| {
            let queues = own.extensions.iter().filter(|one| one.queue.is_some() || one.menu.is_some());
            queues.map(|one| (own.id, one.number.clone()))
        });
        Self { calls: BTreeMap::new(), undisturbed: BTreeSet::new(), queues: numbers.collect() }
    }

    /// Writes one fact; `Err` says what is wrong with it.
    pub fn write(&mut self, entry: &Entry) -> Result<(), String> {
        let Some(id) = entry.call else { return Ok(()) };
        if let Fact::Call(call) = &entry.fact {
            let record = Record {
                org: entry.org,
                call: call.clone(),
                participants: Vec::new(),
                events: Vec::new(),
                legs: Vec::new(),
                qualities: Vec::new(),
                recordings: BTreeMap::new(),
                supervisions: Vec::new(),
                waits: self.queues.contains(&(entry.org, call.dialled.clone())),
                is_sent_to_queue: false,
                last_at: entry.at,
            };
            return match self.calls.insert(id, record) {
                None => Ok(()),
                Some(_) => Err("the call is opened twice".to_owned()),
            };
        }
        // Whoever takes over a call that waits in a queue waits there.
        let other = match &entry.fact {
            Fact::Event(event) => event.detail.call.and_then(|other| self.calls.get(&other)),
            _ => None,
        };
        let takes_over_wait = other.is_some_and(|other| other.waits);
        let record = self.calls.get_mut(&id).ok_or("a fact about a call that was never opened")?;
        if record.org != entry.org {
            return Err("the organisation changed".to_owned());
        }
        match &entry.fact {
            Fact::Call(_) | Fact::Availability(_) => Ok(()),
            Fact::Participant(participant) => record.join(participant),
            Fact::Event(event) => {
                let leads = event.detail.number.clone().filter(|_| event.kind == EventKind::Forward);
                let is_queue = |number| self.queues.contains(&(entry.org, number));
                record.waits |= leads.clone().is_some_and(is_queue);
                if event.kind == EventKind::Transfer {
                    record.is_sent_to_queue =
                        takes_over_wait || event.detail.number.clone().is_some_and(is_queue);
                }
                record.is_sent_to_queue |= leads.is_some_and(is_queue);
                record.step(entry.at, event)
            }
            Fact::Leg(leg) => record.leg(leg),
            Fact::Quality(quality) => record.quality(quality),
            Fact::Recording(step) => record.recording(step),
            Fact::Supervision(step) => record.supervision(step),
            Fact::Recorded(_) | Fact::Message(_) => Err("nobody here stores recordings".to_owned()),
        }
    }

    /// Takes what somebody has turned on or off, which is about no call.
    pub fn turn(&mut self, fact: &Fact) {
        match fact {
            Fact::Availability(PersonAvailability {
                person,
                availability: Availability::DoNotDisturb(true),
            }) => {
                self.undisturbed.insert(*person);
            }
            Fact::Availability(PersonAvailability {
                person,
                availability: Availability::DoNotDisturb(false),
            }) => {
                self.undisturbed.remove(person);
            }
            _ => {}
        }
    }

    /// Calls that have not ended.
    pub fn open(&self) -> impl Iterator<Item = (&CallId, &Record)> {
        self.calls.iter().filter(|(_, record)| record.ended_at().is_none())
    }

    /// What must be true of every call when nothing goes on any more.
    pub fn check_at_rest(&self) -> Result<(), (CallId, String)> {
        for (call, record) in &self.calls {
            record.check_at_rest().map_err(|error| (*call, error))?;
        }
        Ok(())
    }
}

impl Record {
    /// Whether this may come while the caller waits in a queue, or before it does.
    fn may_wait(&self, kind: EventKind) -> bool {
        use EventKind::{Answered, Canceled, Created, DialAttempt, Ended, Failed, QueueUpdated, Queued};
        match kind {
            DialAttempt => {
                self.last() == Some(Created) || self.events.iter().any(|(_, event)| is_promise(event))
            }
            Created => self.events.is_empty(),
            Queued => !self.has(Queued),
            QueueUpdated => self.has(Queued),
            Answered | Canceled | Failed | Ended => !self.events.is_empty(),
            _ => WAITING.contains(&kind),
        }
    }

    /// The same of one that was sent on there.
    fn may_wait_again(&self, kind: EventKind) -> bool {
        use EventKind::{
            Forward, ForwardAnswered, ForwardBusy, ForwardNoAnswer, Hold, QueueUpdated, Queued, Rejected,
            Unhold,
        };
        let since = self.events.iter().rev().take_while(|(_, event)| event.kind != EventKind::Transfer);
        let has_waited = since.filter(|(_, event)| event.kind == Queued).count() > 0;
        match kind {
            Queued => !has_waited,
            QueueUpdated => has_waited,
            Forward | ForwardAnswered | ForwardBusy | ForwardNoAnswer | Hold | Unhold | Rejected => true,
            _ => SENT_ON.contains(&kind),
        }
    }

    /// It was sent on to a queue, and that has not come to anything yet.
    fn waits_again(&self) -> bool {
        let mut kinds = self.events.iter().rev().map(|(_, event)| event.kind);
        let came_to = &SENT_ON[1..];
        let last = kinds.find(|kind| *kind == EventKind::Transfer || came_to.contains(kind));
        self.is_sent_to_queue && last == Some(EventKind::Transfer)
    }

    /// How far it is being sent on, whatever rules have led there and whoever may have declined since.
    fn sent_on(&self) -> Option<EventKind> {
        let mut kinds = self.events.iter().rev().map(|(_, event)| event.kind);
        use EventKind::{Forward, Hold, Rejected, Unhold};
        let last =
            kinds.find(|kind| !matches!(kind, Rejected | Forward | Hold | Unhold) && !LED_TO.contains(kind));
        last.filter(|kind| matches!(kind, EventKind::Transfer | EventKind::TransferRinging))
    }

    /// It was led elsewhere since it was sent on.
    fn is_led_on(&self) -> bool {
        let mut kinds = self.events.iter().rev().map(|(_, event)| event.kind);
        kinds.find(|kind| matches!(kind, EventKind::Transfer | EventKind::Forward))
            == Some(EventKind::Forward)
    }

    /// It was sent to a place where calls wait, and nobody has taken it, though it may ring where it came from.
    fn is_parked(&self) -> bool {
        let sent = |event: &Event| event.kind == EventKind::Transfer;
        let is_back = |event: &Event| event.detail.reason.as_deref() == Some("returned");
        let events = self.events.iter().rev().map(|(_, event)| event);
        let to = events.filter(|one| sent(one)).find(|one| !is_back(one));
        let number = to.and_then(|event| event.detail.number.as_deref());
        self.sent_on().is_some() && number.is_some_and(|number| SLOTS.contains(&number))
    }

    fn join(&mut self, participant: &Participant) -> Result<(), String> {
        let (no, role) = (participant.no, participant.role);
        if self.last() == Some(EventKind::Ended) {
            return Err(format!("participant {no} joins after the end"));
        }
        if usize::from(no) != self.participants.len() + 1 {
            return Err(format!("participant {no} is number {}", self.participants.len() + 1));
        }
        let is_unique_role = role != ParticipantRole::Recipient;
        if is_unique_role && self.participants.iter().any(|one| one.role == role) {
            return Err(format!("a second {role:?}"));
        }
        let is_extension = participant.kind == ParticipantKind::Extension;
        if is_extension && role != ParticipantRole::Host {
            return Err(format!("an extension is {role:?}"));
        }
        self.participants.push(participant.clone());
        Ok(())
    }

    fn step(&mut self, at: Timestamp, event: &Event) -> Result<(), String> {
        let (seq, kind) = (event.seq, event.kind);
        if u32::try_from(self.events.len() + 1) != Ok(seq) {
            return Err(format!("{kind:?} has seq {seq} and is event {}", self.events.len() + 1));
        }
        // Whoever declined is told at once; the others may ring after that and refuse without an event.
        let rings =
            matches!(self.last(), Some(EventKind::Ringing | EventKind::Forward | EventKind::ForwardRinging));
        let is_refused = rings && self.has(EventKind::Rejected);
        // Whoever has ordered the call is led as whoever waits is.
        self.waits |= event.kind == EventKind::DialAttempt;
        let waits = self.waits && !self.has(EventKind::Answered);
        let is_legal = match self.sent_on() {
            _ if waits => self.may_wait(kind),
            _ if self.waits_again() => self.may_wait_again(kind),
            // By a rule, a menu, or one of the phones that ring.
            Some(_) if kind == EventKind::Forward => true,
            Some(_) if LED_TO.contains(&kind) => self.is_led_on(),
            // Nobody but the one who waits is there to do it.
            Some(_) if matches!(kind, EventKind::Hold | EventKind::Unhold) => self.is_parked(),
            Some(last) => kind == EventKind::Rejected || may_follow(Some(last), kind),
            None => may_follow(self.last(), kind) || (is_refused && kind == EventKind::Ended),
        };
        if !is_legal {
            return Err(format!("{kind:?} after {:?}", self.last()));
        }
        // Whoever rings after a forward rings for the same caller.
        if kind == EventKind::Ringing && self.has(kind) && !self.waits {
            return Err("it begins to ring twice".to_owned());
        }
        let counts = matches!(kind, EventKind::Queued | EventKind::QueueUpdated);
        if event.attempt != 1 || (event.queue_count != 0 && !counts) {
            return Err(format!("{kind:?} has attempt {} and queue {}", event.attempt, event.queue_count));
        }
        if at < self.last_at {
            return Err(format!("{kind:?} happens before the event before it"));
        }
        self.last_at = at;
        self.check_participant(event)?;
        self.events.push((at, event.clone()));
        Ok(())
    }

    /// H-059: an event names a participant exactly when the step is somebody's own, and a present one.
    fn check_participant(&self, event: &Event) -> Result<(), String> {
        use EventKind::{
            Answered, DialAttempt, ForwardAnswered, Hold, QueueUpdated, Rejected, Transfer, TransferAnswered,
            TransferAttended, TransferCanceled, TransferCompleted, TransferConnecting, TransferConsulting,
            Unhold,
        };
        let kind = event.kind;
        let role = match event.participant {
            None => None,
            Some(no) => {
                let found = self.participants.iter().find(|one| one.no == no);
                Some(found.ok_or_else(|| format!("{kind:?} of participant {no}, who is not there"))?.role)
            }
        };
        let is_right = match kind {
            // What the switch does by itself for whoever has dialled a code is nobody's.
            Answered | ForwardAnswered | TransferAnswered
                if event.detail.reason.is_some() && role.is_none() =>
            {
                true
            }
            Answered | ForwardAnswered | Rejected => role == Some(ParticipantRole::Recipient),
            // For whom: who has ordered the call, or the agent who calls back.
            DialAttempt => matches!(role, Some(ParticipantRole::Caller | ParticipantRole::Recipient)),
            QueueUpdated if is_promise(event) => role == Some(ParticipantRole::Caller),
            Hold | Unhold | Transfer | TransferAnswered | TransferAttended | TransferConsulting
            | TransferConnecting | TransferCompleted => {
                matches!(role, Some(ParticipantRole::Caller | ParticipantRole::Recipient))
            }
            // The operator is nobody in the call.
            TransferCanceled => role != Some(ParticipantRole::Host),
            _ => role.is_none(),
        };
        if !is_right {
            return Err(format!("{kind:?} names participant {:?} with role {role:?}", event.participant));
        }
        let is_held = event.participant.is_some_and(|no| self.is_holding(no));
        match kind {
            Hold if is_held => Err("hold twice".to_owned()),
            Unhold if !is_held => Err("unhold without hold".to_owned()),
            _ => Ok(()),
        }
    }

    fn leg(&mut self, leg: &Leg) -> Result<(), String> {
        if self.legs.iter().any(|one| one.no == leg.no) {
            return Err(format!("leg {} is written twice", leg.no));
        }
        if leg.participant.is_some_and(|no| usize::from(no) > self.participants.len() || no == 0) {
            return Err(format!("leg {} is of participant {:?}, who is not there", leg.no, leg.participant));
        }
        if leg.answered_at.is_some_and(|at| at < leg.created_at) {
            return Err(format!("leg {} was answered before it was created", leg.no));
        }
        self.legs.push(leg.clone());
        Ok(())
    }

    fn quality(&mut self, quality: &Quality) -> Result<(), String> {
        if self.qualities.iter().any(|one| one.leg == quality.leg) {
            return Err(format!("quality of leg {} is written twice", quality.leg));
        }
        self.qualities.push(quality.clone());
        Ok(())
    }

    fn recording(&mut self, fact: &Recording) -> Result<(), String> {
        use RecordingStep::{Paused, Resumed, Started, Stopped};
        let steps = self.recordings.entry(fact.recording).or_default();
        if usize::from(fact.no) != steps.len() + 1 {
            return Err(format!("step {} of a recording follows {steps:?}", fact.no));
        }
        let is_legal = matches!(
            (steps.last(), fact.step),
            (None, Started)
                | (Some(Started | Resumed), Paused)
                | (Some(Paused), Resumed)
                | (Some(Started | Paused | Resumed), Stopped)
        );
        steps.push(fact.step);
        if is_legal { Ok(()) } else { Err(format!("a recording goes {steps:?}")) }
    }

    /// H-059: who listens is known from beginning to end, and stays the same.
    fn supervision(&mut self, step: &Supervision) -> Result<(), String> {
        let last = self.supervisions.last();
        if usize::from(step.no) != self.supervisions.len() + 1 {
            return Err(format!("{step:?} is step {}", self.supervisions.len() + 1));
        }
        let is_legal = match last {
            None => step.mode.is_some(),
            // It goes on in another call, or those who hear it are others.
            Some(last) => {
                let is_other = (last.mode, last.supervised_call) != (step.mode, step.supervised_call);
                last.mode.is_some() && is_other && last.supervisor == step.supervisor
            }
        };
        self.supervisions.push(step.clone());
        if is_legal { Ok(()) } else { Err(format!("supervision goes {:?}", self.supervisions)) }
    }

    fn check_at_rest(&self) -> Result<(), String> {
        if self.supervisions.last().is_some_and(|last| last.mode.is_some()) {
            return Err(format!("a supervision by it has not ended: {:?}", self.supervisions));
        }
        if let Some(steps) =
            self.recordings.values().find(|steps| steps.last() != Some(&RecordingStep::Stopped))
        {
            return Err(format!("a recording of it has not ended: {steps:?}"));
        }
        if self.last() != Some(EventKind::Ended) {
            return Err(format!("it never ended; its last event is {:?}", self.last()));
        }
        if !self.participants.iter().any(|one| one.role == ParticipantRole::Caller) {
            return Err("it has no caller".to_owned());
        }
        for quality in &self.qualities {
            if !self.legs.iter().any(|leg| leg.no == quality.leg) {
                return Err(format!("a quality report of leg {}, which was never written", quality.leg));
            }
        }
        if !self.legs.iter().any(|leg| leg.no == 1) && !self.has(EventKind::DialAttempt) {
            return Err("the caller's leg was never written".to_owned());
        }
        // A caller may give up while our answer waits for its PRACK (RFC 3262 §3): the callee alone was answered then.
        let answered = self.legs.iter().filter(|leg| leg.answered_at.is_some()).count();
        let wanted = if self.caller_status() == Some(200) && !self.is_served() { 2 } else { 1 };
        if self.has(EventKind::Answered) && answered < wanted {
            return Err(format!("it was answered, and {answered} of its legs were"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_the_end_and_everything_leads_to_it() {
        let kinds = EventKind::ALL;
        assert!(kinds.iter().all(|next| !may_follow(Some(EventKind::Ended), *next)));
        let reachable =
            kinds.iter().filter(|before| kinds.iter().any(|next| may_follow(Some(**before), *next)));
        assert_eq!(reachable.count(), 27);
    }
}
