//! What must be true of the switch, whatever happens to it.
//!
//! *After every step*: the journal's rules ([`super::ledger`]), the relay's ([`super::relay`]), the phones'
//! complaints ([`super::phone`]), the live table. *Every few seconds*: no phone is left in a call that has
//! ended, no call outlives its phones, and two phones that talk get each other's media through leases of
//! their call. *When everybody has stopped*: nothing is left but registrations, and then nothing at all.
//! In fair weather, and for phones without trouble of their own, nothing is excused.

use std::{collections::BTreeSet, time::Duration};

use calls::{Command, Counts, Input};
use contract::{
    id::CallId,
    journal::{EventKind, ParticipantRole},
};

use super::{
    Link, Side, World,
    clock::Clock,
    failure::{About, Fault},
    ladder::Fate,
    ledger::Record,
    organisation,
    phone::{
        Login, Phone,
        call::{Call, Phase},
        text::Text,
    },
    scenario::WRONG_PASSWORD_MARK,
};

/// How long after the end of a call a phone may still believe in it: a BYE with two losses each way.
const PHONE_LAG_MAX: Duration = Duration::from_secs(40);
/// How long a call may stay open when none of its phones takes part any more.
const CALL_LAG_MAX: Duration = Duration::from_secs(80);
pub(super) fn about(call: CallId, what: String) -> Fault {
    Fault { what, about: Some(About::Call(call)) }
}

impl World {
    /// After every step.
    pub(super) fn check_step(&mut self) -> Result<(), Fault> {
        // The first one: others follow from it.
        if !self.faults.is_empty() {
            return Err(self.faults.swap_remove(0));
        }
        if let Some(what) = self.relay.complaints.pop() {
            return Err(Fault::from(what));
        }
        for phone in &mut self.phones {
            if let Some((dialog, what)) = phone.complaints.pop() {
                let what = format!("{}: {what}", phone.name);
                return Err(Fault { what, about: Some(About::Dialog(dialog)) });
            }
        }
        self.check_live_table()
    }

    /// The live table is the journal's open calls, each with its latest event.
    fn check_live_table(&self) -> Result<(), Fault> {
        let live = &self.switch.live;
        let mut open = 0;
        for (call, record) in self.ledger.open() {
            open += 1;
            let shown = live.get(call).map(|live| live.state);
            if shown != record.last() {
                return Err(about(
                    *call,
                    format!("the live table shows {shown:?}, the journal {:?}", record.last()),
                ));
            }
        }
        let strange =
            live.keys().find(|call| self.ledger.calls.get(call).is_none_or(|one| one.ended_at().is_some()));
        match strange {
            Some(call) => Err(about(*call, "the live table shows a call that is over".to_owned())),
            None if open == self.switch.counts().calls => Ok(()),
            None => Err(Fault::from(format!(
                "{open} calls are open, the switch counts {:?}",
                self.switch.counts()
            ))),
        }
    }

    /// The phone call behind a side, unless the phone has had trouble.
    pub(super) fn sound<'a>(&'a self, side: &Side) -> Option<(&'a Phone, &'a Call)> {
        let phone = self.phones.get(side.phone?).filter(|phone| !phone.troubled)?;
        phone.calls.values().find(|call| call.call_id == side.call_id).map(|call| (phone, call))
    }

    /// Whether a call and all phones in it are without excuse.
    fn is_sound(&self, link: &Link) -> bool {
        let mut sides = link.caller.iter().chain(&link.callees);
        self.network.weather.is_fair
            && link.caller.is_some()
            && sides.all(|side| {
                side.phone.and_then(|phone| self.phones.get(phone)).is_some_and(|one| !one.troubled)
            })
    }

    /// Now and then.
    pub(super) fn probe(&mut self) {
        let now = self.clock.now();
        let mut found = Vec::new();
        for (call, link) in &self.links {
            let Some(record) = self.ledger.calls.get(call).filter(|_| self.is_sound(link)) else { continue };
            match record.ended_at() {
                Some(ended) => {
                    found.extend(self.left_behind(*call, link, now.saturating_sub(Clock::of_unix(ended))));
                }
                None => {
                    // Whoever is to be called back is in the call without a phone.
                    if !record.rings_back() {
                        found.extend(self.outlived(*call, link, record));
                    }
                    found.extend(self.check_hearing(*call, link));
                }
            }
        }
        self.faults.append(&mut found);
    }

    /// A phone that still talks in a call that ended that long ago.
    fn left_behind(&self, call: CallId, link: &Link, ended_for: Duration) -> Option<Fault> {
        if ended_for < PHONE_LAG_MAX {
            return None;
        }
        let mut sides = link.present().filter_map(|side| self.sound(side));
        let (phone, of) = sides.find(|(_, of)| !matches!(of.phase, Phase::Over | Phase::Leaving))?;
        Some(about(
            call,
            format!("{} is left {:?} in a call that ended {ended_for:?} ago", phone.name, of.phase),
        ))
    }

    /// A call that goes on although no phone takes part in it.
    fn outlived(&self, call: CallId, link: &Link, record: &Record) -> Option<Fault> {
        let mut sides = link.present().filter_map(|side| self.sound(side));
        let last = sides.clone().map(|(_, of)| of.touched_at).max()?;
        let still_for = self.clock.now().saturating_sub(last);
        let is_abandoned = sides.all(|(_, of)| of.is_over()) && still_for > CALL_LAG_MAX;
        let state = record.last();
        is_abandoned
            .then(|| about(call, format!("no phone has been in this {state:?} call for {still_for:?}")))
    }

    /// The journal's people are those whose phones took part, and all of one organisation.
    fn check_people(&self, link: &Link, record: &Record) -> Result<(), String> {
        let login = |side: &Side| side.phone.map(|phone| &self.phones[phone].login);
        let caller = link.caller.as_ref().and_then(login);
        let callees: Vec<&Login> = link.callees.iter().filter_map(login).collect();
        if callees.iter().any(|callee| caller.is_none_or(|caller| caller.domain != callee.domain)) {
            return Err("a phone of another organisation rang".to_owned());
        }
        let person = |login: &Login| organisation::person(&self.snapshot, login);
        for one in &record.participants {
            let is_right = match one.role {
                ParticipantRole::Host => true,
                ParticipantRole::Caller => caller.and_then(person) == Some(one.reference),
                ParticipantRole::Recipient => {
                    callees.iter().any(|callee| person(callee) == Some(one.reference))
                }
            };
            if !is_right {
                return Err(format!("participant {} {:?} is nobody whose phone took part", one.no, one.role));
            }
        }
        Ok(())
    }

    /// The curtain: everybody hangs up and lets registrations run out.
    pub(super) fn let_go(&mut self) {
        let now = self.clock.now();
        for phone in &mut self.phones {
            phone.stop_refreshing();
            let calls: Vec<u32> = phone.calls.keys().copied().collect();
            calls.into_iter().for_each(|call| phone.hang_up(now, call));
        }
    }

    /// The operator ends what only dead phones are in, or what still rings its caller; a sound call would have ended by itself.
    pub(super) fn sweep(&mut self) -> Result<(), Fault> {
        let open: Vec<CallId> = self.ledger.open().map(|(call, _)| *call).collect();
        for call in open {
            let is_sound = self.links.get(&call).is_some_and(|link| self.is_sound(link));
            let rings_back = self.ledger.calls.get(&call).is_some_and(Record::rings_back);
            if !is_sound || rings_back {
                self.tell_switch(Input::Command(Command::HangUp { call }), None);
                self.settle()?;
            }
        }
        Ok(())
    }

    /// Nothing but registrations outlives the calls.
    pub(super) fn check_quiet(&self) -> Result<(), Fault> {
        if let Some((call, record)) = self.ledger.open().next() {
            return Err(about(
                *call,
                format!("the call is still {:?} although everybody has hung up", record.last()),
            ));
        }
        let counts = self.switch.counts();
        // A subscription at rest is one timer and no transaction.
        let rest = Counts {
            registrations: counts.registrations,
            stock: counts.stock,
            subscriptions: counts.subscriptions,
            timers: counts.subscriptions,
            ..Counts::default()
        };
        if counts != rest {
            return Err(Fault::from(format!("something outlives its call: {counts:?}")));
        }
        if let Some((lease, _)) = self.relay.open.first_key_value() {
            return Err(Fault::from(format!("{lease:?} was never closed")));
        }
        if let Some(phone) = self.phones.iter().find(|phone| !phone.is_idle()) {
            return Err(Fault::from(format!("a phone does not come to rest: {}", phone.business())));
        }
        self.ledger.check_at_rest().map_err(|(call, what)| about(call, what))?;
        self.check_endings()?;
        self.check_lamps()?;
        self.check_unanswered()
    }

    /// Whether it is the number of somebody who is shown as if in a call.
    fn is_undisturbed(&self, phone: &Phone, number: &str) -> bool {
        let login = Login { username: number.to_owned(), ..phone.login.clone() };
        organisation::owner(&self.snapshot, &login)
            .is_some_and(|(_, person)| self.ledger.undisturbed.contains(&person))
    }

    /// All calls are over, so lamps are dark that their phones believe in, but of those who do not want to be disturbed.
    fn check_lamps(&self) -> Result<(), Fault> {
        if !self.network.weather.is_fair {
            return Ok(());
        }
        for phone in self.phones.iter().filter(|phone| !phone.troubled) {
            let mut lamps = phone.lamps.iter().filter(|lamp| lamp.is_alive);
            if let Some(lamp) = lamps.find(|lamp| lamp.is_lit() != self.is_undisturbed(phone, &lamp.number)) {
                let lit = lamp.is_lit();
                let what = format!("{} sees {} in a call at last: {lit}", phone.name, lamp.number);
                return Err(Fault::from(what));
            }
        }
        Ok(())
    }

    /// In fair weather every transaction of a sound phone was answered.
    fn check_unanswered(&self) -> Result<(), Fault> {
        if !self.network.weather.is_fair {
            return Ok(());
        }
        // Who keeps trying a wrong password is not answered any more (the guard's lock-out).
        let is_let_in = |phone: &&Phone| !phone.login.password.ends_with(WRONG_PASSWORD_MARK);
        for phone in self.phones.iter().filter(|phone| !phone.troubled).filter(is_let_in) {
            let repeated = phone.repeated.iter().filter(|_| self.network.weather.keeps_order());
            let mut own =
                phone.unanswered.iter().chain(repeated).filter(|(dialog, _)| !self.is_excused(dialog));
            if let Some((dialog, what)) = own.next() {
                let what = format!("{}: {what}", phone.name);
                return Err(Fault { what, about: Some(About::Dialog(dialog.clone())) });
            }
        }
        Ok(())
    }

    /// A dialog of a call in which somebody else has trouble.
    fn is_excused(&self, dialog: &str) -> bool {
        let link = self.call_with(dialog).and_then(|call| self.links.get(&call));
        link.is_some_and(|link| !self.is_sound(link))
    }

    /// The caller heard what the journal says.
    fn check_endings(&self) -> Result<(), Fault> {
        for (call, link) in &self.links {
            let Some(record) = self.ledger.calls.get(call).filter(|_| self.is_sound(link)) else { continue };
            let Some((_, caller)) = link.caller.as_ref().and_then(|side| self.sound(side)) else { continue };
            self.check_people(link, record).map_err(|what| about(*call, what))?;
            if record.ended_for() == Some("session_expired") {
                return Err(about(*call, "the session of phones that are there has expired".to_owned()));
            }
            // What a rule has said is said by any switch.
            let is_told_why = self.switch.speaks || record.call.dialled == organisation::HELPDESK;
            let verdict = match ending(record, is_told_why).filter(|_| !record.waits) {
                Some(200) if self.is_left_early(link, record) => Some(603),
                verdict => verdict,
            };
            let is_right = match verdict {
                Some(status) => caller.status == Some(status),
                // Whoever waits has been answered by the switch; whoever finds no place has not.
                None if record.waits => true,
                None => caller.status.is_some_and(|status| status >= 400),
            };
            let is_right = is_right && caller.status == record.caller_status();
            if !is_right {
                let kinds = record.kinds();
                return Err(about(
                    *call,
                    format!(
                        "the caller heard {:?}, the journal says {kinds:?} and {:?}",
                        caller.status,
                        record.caller_status()
                    ),
                ));
            }
            if record.has(EventKind::Ringing) && caller.progress.is_empty() && caller.status != Some(200) {
                // A 180 may be lost or overtaken; only where that cannot be it has to be heard.
                if self.network.weather.keeps_order() {
                    return Err(about(
                        *call,
                        "the journal says ringing, the caller never heard it".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the callee hung up while the caller's 200 waited for a PRACK that had not arrived (RFC 3262 §3).
    fn is_left_early(&self, link: &Link, record: &Record) -> bool {
        let (Some(caller), Some(ended)) = (&link.caller, record.ended_at()) else { return false };
        if record.ended_for() != Some("callee_hung_up") {
            return false;
        }
        let then = Clock::of_unix(ended);
        let (mut told, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
        for line in
            self.ladder.lines.iter().filter(|line| Some(line.phone) == caller.phone && line.at <= then)
        {
            let Ok(text) = Text::read(&line.bytes) else { continue };
            if text.call_id() != caller.call_id {
                continue;
            }
            let arrived = match line.fate {
                Fate::Arrives(after) | Fate::Twice(after) => line.at + after <= then,
                Fate::Lost => false,
            };
            told.extend(text.one("RSeq").map(str::to_owned));
            let number = text.one("RAck").and_then(|rack| rack.split(' ').next());
            acknowledged.extend(number.filter(|_| arrived).map(str::to_owned));
        }
        !told.is_subset(&acknowledged)
    }

    /// Registrations have run out too: nothing at all is left.
    pub(super) fn check_rest(&self) -> Result<(), Fault> {
        let counts = self.switch.counts();
        if counts.subscriptions != 0 {
            return Err(Fault::from(format!("subscriptions do not run out: {counts:?}")));
        }
        if counts.registrations != 0 || !self.switch.bindings.is_empty() {
            return Err(Fault::from(format!("registrations do not run out: {counts:?}")));
        }
        if counts.stock != self.relay.lent() {
            return Err(Fault::from(format!(
                "{} leases are lent, the switch has {}",
                self.relay.lent(),
                counts.stock
            )));
        }
        match self.switch.deadline(&self.clock) {
            None => Ok(()),
            Some(at) => Err(Fault::from(format!("a timer is left: {} at {at:?}", self.switch.why()))),
        }
    }
}

/// The status a caller must have heard, where one follows from the events. One that is told why may give up meanwhile.
fn ending(record: &Record, is_told_why: bool) -> Option<u16> {
    if record.has(EventKind::Answered) {
        // Unless the caller gave up while its 200 waited for a PRACK.
        return if record.caller_status() == Some(487) { Some(487) } else { Some(200) };
    }
    if is_told_why && record.caller_status() == Some(487) {
        return Some(487);
    }
    let kinds = record.kinds();
    match kinds.iter().rev().find(|kind| **kind != EventKind::Ended)? {
        EventKind::Busy => Some(486),
        // One person declined, another one's phone rang and could not take it.
        EventKind::Rejected => Some(603),
        EventKind::Ringing | EventKind::Forward if record.has(EventKind::Rejected) => Some(603),
        EventKind::Missed => Some(480),
        EventKind::Canceled => Some(487),
        _ => None,
    }
}
