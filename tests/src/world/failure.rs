//! A failure as a person needs it: seed, what is wrong, the ladder of the call, its events, who is busy.

use std::{
    backtrace::Backtrace,
    cell::RefCell,
    collections::BTreeSet,
    fmt::{self, Write as _},
    panic,
    sync::Once,
    time::Duration,
};

use contract::id::CallId;

use super::{World, clock::Clock, phone::Phone};

thread_local! {
    /// What the last panic of this thread said, and where.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on panics inside a world are kept for its failure instead of being printed before it.
pub(super) fn catch_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(super::soak::THREAD) {
                let text = format!("{info} {}", Backtrace::capture());
                LAST_PANIC.with_borrow_mut(|last| *last = text);
            } else {
                usual(info);
            }
        }));
    });
}

/// The last panic of this thread.
pub(super) fn last_panic() -> String {
    LAST_PANIC.with_borrow(Clone::clone)
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Fault {
    /// In words.
    pub what: String,
    /// The call it concerns, if one is known.
    pub about: Option<About>,
}

/// What a fault concerns.
#[derive(Clone, Debug)]
pub enum About {
    /// A call of the switch.
    Call(CallId),
    /// A dialog of a phone.
    Dialog(String),
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Self { what, about: None }
    }
}

/// A fault with everything needed to understand it.
pub struct Failure {
    /// Plays it again.
    pub seed: u64,
    /// When it was found.
    pub at: Duration,
    /// What is wrong.
    pub what: String,
    /// Ladder, events and the phones' state.
    pub report: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, at, what, report } = self;
        writeln!(f, "seed {seed} fails at {:.6} s: {what}", at.as_secs_f64())?;
        writeln!(f, "again with: SAMBUNG_SEED={seed} bin/soak (SAMBUNG_LADDER=all for all calls)\n\n{report}")
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl World {
    /// A fault with the world it was found in.
    pub fn failure(&self, fault: Fault) -> Failure {
        let call = match &fault.about {
            Some(About::Call(call)) => Some(*call),
            Some(About::Dialog(dialog)) => self.call_with(dialog),
            None => None,
        };
        let mut dialogs = call.map(|call| self.dialogs_of(call)).unwrap_or_default();
        if let Some(About::Dialog(dialog)) = &fault.about {
            dialogs.insert(dialog.clone());
        }
        if std::env::var("SAMBUNG_LADDER").is_ok_and(|word| word == "all") {
            dialogs.clear();
        }
        let names: Vec<String> = self.phones.iter().map(|phone| phone.name.clone()).collect();
        let mut report = self.ladder.draw(&names, &dialogs);
        if let Some(call) = call {
            self.describe_call(&mut report, call);
        }
        for phone in self.phones.iter().filter(|phone| !phone.is_idle()) {
            let _ = writeln!(report, "{}", Phone::business(phone));
        }
        let _ = writeln!(report, "switch: {:?}", self.switch.counts());
        let _ = writeln!(report, "weather: {:?}", self.network.weather);
        Failure { seed: self.seed, at: self.clock.now(), what: fault.what, report }
    }

    /// The call a dialog belongs to.
    pub(super) fn call_with(&self, dialog: &str) -> Option<CallId> {
        let found = self
            .links
            .iter()
            .find(|(_, link)| link.caller.iter().chain(&link.callees).any(|side| side.call_id == dialog));
        found.map(|(call, _)| *call)
    }

    fn dialogs_of(&self, call: CallId) -> BTreeSet<String> {
        let links = self.links.get(&call).into_iter();
        links
            .flat_map(|link| link.caller.iter().chain(&link.callees))
            .map(|side| side.call_id.clone())
            .collect()
    }

    fn describe_call(&self, report: &mut String, call: CallId) {
        let Some(record) = self.ledger.calls.get(&call) else { return };
        let _ = writeln!(report, "\ncall {call} to {:?}", record.call.dialled);
        for one in &record.participants {
            let _ =
                writeln!(report, "  participant {} {:?} {:?} {}", one.no, one.role, one.kind, one.reference);
        }
        for (at, event) in &record.events {
            let at = Clock::of_unix(*at).as_secs_f64();
            let (seq, kind, who) = (event.seq, event.kind.as_str(), event.participant);
            let who = who.map(|no| format!(" by {no}")).unwrap_or_default();
            let detail = &event.detail;
            let _ = writeln!(
                report,
                "{at:>11.6}  {seq:>2} {kind}{who} {:?} {:?}",
                detail.sip_status, detail.reason
            );
        }
        for leg in &record.legs {
            let _ = writeln!(
                report,
                "  leg {} participant {:?} status {:?}",
                leg.no, leg.participant, leg.sip_status
            );
        }
    }
}
