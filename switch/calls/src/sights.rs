//! Which calls' sound is looked at while they go on, and when: those of two who talk and one of whose devices wants to be told
//! (`call/sound`, decision 0075).
//!
//! What a call says of itself is all there is to know of it here, so that looks begin again by themselves after a restart. None of it
//! is kept with the call: a look that finds nothing new changes no call, and no image. A look that the relay does not answer is made
//! again with the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::id::CallId;
use sip::SessionKey;
use streams::{
    diagnosis::Diagnosis,
    media::{LeaseId, LegReport, MediaCommand},
};

use crate::{
    call::sound::Found,
    clock::Moment,
    output::{Output, Outputs},
    switchboard::Switchboard,
};

/// How long two must have talked before they are looked at, and from one look to the next: nobody is told more often.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is to be done about how a call sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sounding {
    /// Two hear each other, and one is to be told how.
    Heard(Pair),
    /// They do no longer, and what one was told has to be taken back.
    Unheard,
}

/// The sessions of a caller and a callee, and the lines by which they hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) sessions: [SessionKey; 2],
    pub(crate) leases: [LeaseId; 2],
}

/// All calls about whose sound there is anything to be done.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    calls: BTreeMap<CallId, Sight>,
    due: BTreeSet<(Moment, CallId)>,
}

#[derive(Debug)]
struct Sight {
    of: Sounding,
    at: Moment,
    /// What has been seen of each line since the latest look; `None`: all has.
    looking: Option<[Option<Diagnosis>; 2]>,
}

impl Sights {
    /// Takes what a call says of itself after it has changed. Whoever has just met is given time to be heard.
    pub(crate) fn note(&mut self, call: CallId, of: Option<Sounding>, now: Moment) {
        if self.calls.get(&call).map(|sight| sight.of) == of {
            return;
        }
        if let Some(before) = self.calls.remove(&call) {
            self.due.remove(&(before.at, call));
        }
        if let Some(of) = of {
            let at = now.after(LOOK_EVERY);
            self.due.insert((at, call));
            self.calls.insert(call, Sight { of, at, looking: None });
        }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// A call for which it is time, and what is to be done about it. It is again after a while.
    fn due(&mut self, now: Moment) -> Option<(CallId, Sounding)> {
        let (at, call) = self.due.first().filter(|(at, _)| *at <= now).copied()?;
        self.due.remove(&(at, call));
        let sight = self.calls.get_mut(&call)?;
        sight.at = now.after(LOOK_EVERY);
        sight.looking = Some([None; 2]);
        self.due.insert((sight.at, call));
        Some((call, sight.of))
    }

    /// The relay has looked at a line. What it has found of both, when that is what was missing; others may have asked, too.
    fn seen(&mut self, call: CallId, lease: LeaseId, diagnosis: Diagnosis) -> Option<Found> {
        let sight = self.calls.get_mut(&call)?;
        let Sounding::Heard(pair) = sight.of else { return None };
        let looking = sight.looking.as_mut()?;
        for (line, found) in pair.leases.iter().zip(looking.iter_mut()) {
            if *line == lease {
                *found = Some(diagnosis);
            }
        }
        let [Some(caller), Some(callee)] = *looking else { return None };
        sight.looking = None;
        Some([caller, callee])
    }
}

impl Switchboard {
    /// Looks at all for which it is time.
    pub(crate) fn look(&mut self, out: &mut Outputs) {
        let now = Moment::of(self.now, self.origin);
        // Whatever was due is due later from now on, so this ends.
        while let Some((call, of)) = self.sights.due(now) {
            match of {
                Sounding::Heard(pair) => {
                    out.extend(pair.leases.map(|lease| Output::Media(MediaCommand::Look { lease })));
                }
                Sounding::Unheard => {
                    self.with_call(call, out, |call, means| call.tell_sound(None, means));
                }
            }
        }
    }

    /// The relay has looked at a line, by our order or somebody else's; `None`: it is not open.
    pub(crate) fn seen(&mut self, lease: LeaseId, report: Option<&LegReport>, out: &mut Outputs) {
        let diagnosis = report.and_then(|report| report.judgement.diagnosis);
        let Some((call, diagnosis)) = self.stock.holder(lease).zip(diagnosis) else { return };
        let Some(found) = self.sights.seen(call, lease, diagnosis) else { return };
        let wants = |session| self.endpoint.peer(session).is_some_and(|peer| peer.package);
        if self.calls.get(&call).is_some_and(|call| call.is_news(&found, wants)) {
            self.with_call(call, out, |call, means| call.tell_sound(Some(found), means));
        }
    }
}
