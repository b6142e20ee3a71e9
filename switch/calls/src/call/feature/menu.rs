//! A caller chooses from a menu by its keys (IVR; decision 0039).
//!
//! ```text
//! Offering ── all is said ──▶ Choosing ── a key ──▶ Dialling ── that is a choice ──▶ where it leads
//!    ▲                           │                     │
//!    ├── nothing was pressed ────┘                     │
//!    └── that is none, or it came to nothing ──────────┘      too often ──▶ Leaving ──▶ Over
//! ```
//!
//! Keys count at any time, also while it is spoken to. What is a choice, and where one leads, says the plan of the moment
//! (`dialplan::Plan::choose`); what the caller hears and how often is decided here. A menu answers the caller and is nobody:
//! `answered` is written when somebody takes the call. Whoever has chosen comes back when that has come to nothing; whoever has
//! pressed nothing does not, so that no machine goes round and round.

use std::{sync::Arc, time::Duration};

use contract::id::{ExtensionId, OrgId};
use dialplan::{Choice, Chosen, Decision, OrgPlan, Route};
use serde::{Deserialize, Serialize};
use streams::{
    keys::Key,
    media::{LeaseId, MediaCommand},
};

use super::{
    Next, Served, Service, Stage as ServedStage, attend,
    explain::{ANNOUNCEMENT_MAX, EXPLANATION_MAX, of_number},
    serve,
};
use crate::{
    call::{
        dial::Opening,
        events::{Record, because},
        identity::Identity,
        leg::Leg,
        line::Line,
        outcome::{LegResult, Words},
        queued::{self, Arriving},
        state::{Head, Ringing, State},
    },
    means::Means,
};

/// Menus that one call passes, those that it comes back to too.
const MENUS_MAX: u16 = 32;
/// Keys that are taken for one number, which is more than any has.
const KEYS_MAX: usize = 32;
/// Longer than any greeting, and short enough for a caller who would hear nothing.
const GREETING_MAX: Duration = Duration::from_secs(120);
/// What is said where a menu has no greeting, or one that cannot be played.
const GREETING: &str = "menu";

/// A caller of a menu.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Menu {
    visit: Visit,
    /// How often it has pressed nothing, or what is no choice.
    failed: u16,
    /// Keys that are no choice yet.
    keys: String,
    stage: Stage,
}

/// Who has come to which menu.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::call) struct Visit {
    pub(in crate::call) who: Identity,
    /// Whose menu it is.
    of: ExtensionId,
    /// Menus that the call has passed, this one too.
    passed: u16,
    /// What it hears before it is offered anything: why what it had chosen has come to nothing.
    before: Option<Box<str>>,
    /// It has chosen where it is now, and chooses again if that comes to nothing.
    comes_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// It hears what it can choose.
    Offering,
    /// It has the time to.
    Choosing,
    /// It has pressed what could be the beginning of a number, or of one that there is not.
    Dialling,
    /// It hears that this was all, and why.
    Leaving(Reason),
}

/// Why it leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    /// It has not chosen.
    Not(Chosen),
    /// It has passed [`MENUS_MAX`] menus.
    TooMany,
    /// The menu is not there any more.
    Gone,
    /// All it was to hear was this.
    Announced,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Not(chosen) => chosen.as_str(),
            Self::TooMany => "too_many_menus",
            Self::Gone => "menu_gone",
            Self::Announced => "announced",
        }
    }
}

impl Visit {
    /// The first menu of a call.
    pub(in crate::call) fn first(who: Identity, of: ExtensionId) -> Self {
        Self { who, of, passed: 1, before: None, comes_back: false }
    }

    /// The next menu of the same call.
    fn next(&mut self, of: ExtensionId) {
        self.of = of;
        self.passed = self.passed.saturating_add(1);
    }

    /// Back to the same menu, with a word about why; `None`: it was not chosen from there.
    pub(in crate::call) fn again(&self, why: &str) -> Option<Self> {
        let mut visit = self.comes_back.then(|| self.clone())?;
        visit.next(self.of);
        visit.before = Some(why.into());
        Some(visit)
    }

    /// On from here by a rule.
    pub(in crate::call) fn on(mut self, of: ExtensionId) -> Self {
        self.next(of);
        self
    }

    /// Where it is now is the end of its way.
    pub(in crate::call) fn stay(&mut self) {
        self.comes_back = false;
    }
}

impl Menu {
    fn new(visit: Visit) -> Self {
        Self { visit, failed: 0, keys: String::new(), stage: Stage::Offering }
    }

    /// As the plan of the moment has it.
    fn menu<'m>(&self, org: OrgId, means: &'m Means<'_>) -> Option<(&'m OrgPlan, &'m Arc<dialplan::Menu>)> {
        let org = means.plan.organisation(org)?;
        Some((org, org.menu(self.visit.of)?))
    }

    pub(super) fn begin(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Duration {
        let before = self.visit.before.take();
        if self.visit.passed > MENUS_MAX {
            return self.leave(lease, (Reason::TooMany, before.as_deref()), record, means);
        }
        self.offer(lease, before.as_deref(), record, means)
    }

    /// Says what can be chosen, after this.
    fn offer(
        &mut self,
        lease: LeaseId,
        before: Option<&str>,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Duration {
        self.keys.clear();
        let Some((_, menu)) = self.menu(record.org(), means) else {
            return self.leave(lease, (Reason::Gone, before), record, means);
        };
        let language = menu.language;
        let common = |own: &str| format!("{own}|{}/{GREETING}", language.as_str());
        let greeting = menu.greeting.as_deref().map_or_else(|| GREETING.to_owned(), common);
        let words: Vec<&str> = before.into_iter().chain([greeting.as_str()]).collect();
        record.say(lease, (language, &words), means);
        self.stage = Stage::Offering;
        GREETING_MAX
    }

    /// A relay that has come back tells it of every leg that hears nothing: whoever chooses does so all the same.
    pub(super) fn played(&mut self, record: &Record, means: &mut Means<'_>) -> Next {
        match self.stage {
            Stage::Offering => self.wait(record.org(), means),
            Stage::Choosing | Stage::Dialling => Next::Stay,
            Stage::Leaving(reason) => Next::End(reason.as_str()),
        }
    }

    /// All is said: now it may choose.
    fn wait(&mut self, org: OrgId, means: &Means<'_>) -> Next {
        self.stage = Stage::Choosing;
        let secs = self.menu(org, means).map_or(0, |(_, menu)| menu.timeout_secs);
        Next::For(Duration::from_secs(u64::from(secs)))
    }

    pub(super) fn timed_out(
        &mut self,
        lease: Option<LeaseId>,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        let Some(lease) = lease else { return Next::End(Chosen::Timeout.as_str()) };
        match self.stage {
            Stage::Offering => self.wait(record.org(), means),
            Stage::Choosing => self.failed(lease, &Choice::Timeout, record, means),
            Stage::Dialling => self.dialled(lease, record, means),
            Stage::Leaving(reason) => Next::End(reason.as_str()),
        }
    }

    /// The caller has pressed a key.
    pub(super) fn key(
        &mut self,
        (lease, key): (LeaseId, Key),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        match self.stage {
            Stage::Leaving(_) => return Next::Stay,
            Stage::Offering => means.media(MediaCommand::Stop { lease }),
            Stage::Choosing | Stage::Dialling => {}
        }
        if key.sign() == '#' && !self.keys.is_empty() {
            return self.dialled(lease, record, means);
        }
        self.keys.push(key.sign());
        let Some((org, menu)) = self.menu(record.org(), means) else {
            return Next::For(self.leave(lease, (Reason::Gone, None), record, means));
        };
        // Of a number that there is not each further key would be a choice of its own: it is heard to its end.
        let is_misdialled = menu.has_direct_dialling && !org.is_choice(menu, &self.keys);
        if org.may_go_on(menu, &self.keys) || (is_misdialled && self.keys.len() < KEYS_MAX) {
            self.stage = Stage::Dialling;
            return Next::For(Duration::from_secs(u64::from(menu.key_timeout_secs)));
        }
        self.dialled(lease, record, means)
    }

    /// No further key comes.
    fn dialled(&mut self, lease: LeaseId, record: &mut Record, means: &mut Means<'_>) -> Next {
        let keys = std::mem::take(&mut self.keys);
        let is_choice = self.menu(record.org(), means).is_some_and(|(org, menu)| org.is_choice(menu, &keys));
        if is_choice {
            self.choose(lease, &Choice::Pressed(keys), record, means)
        } else {
            self.failed(lease, &Choice::Invalid, record, means)
        }
    }

    /// It has pressed nothing, or what is no choice.
    fn failed(&mut self, lease: LeaseId, how: &Choice, record: &mut Record, means: &mut Means<'_>) -> Next {
        self.failed = self.failed.saturating_add(1);
        let tries_max = self.menu(record.org(), means).map_or(0, |(_, menu)| menu.tries_max);
        if self.failed < tries_max {
            let words = if *how == Choice::Timeout { "no-input" } else { "invalid" };
            return Next::For(self.offer(lease, Some(words), record, means));
        }
        self.choose(lease, how, record, means)
    }

    /// It goes where its choice leads.
    fn choose(
        &mut self,
        lease: LeaseId,
        choice: &Choice,
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        let whose = (record.org(), self.visit.who.person);
        let Some(decision) = means.plan.choose(whose, self.visit.of, choice, means.wall) else {
            let reason = match choice.chosen() {
                Chosen::Choice => Reason::Gone,
                not => Reason::Not(not),
            };
            return Next::For(self.leave(lease, (reason, None), record, means));
        };
        means.trace_route(record.call(), means.plan.revision(), decision.clone());
        record.forwarded(&decision.forwards, means);
        self.lead(lease, (decision, choice.chosen()), record, means)
    }

    fn lead(
        &mut self,
        lease: LeaseId,
        (decision, chosen): (Decision, Chosen),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Next {
        let is_chosen = chosen == Chosen::Choice;
        match &decision.route {
            Route::Menu(menu) => {
                self.visit.next(menu.extension);
                self.failed = 0;
                Next::For(self.begin(lease, record, means))
            }
            Route::Announce(announcement) => {
                let last = (Reason::Announced, Some(&*announcement.sound));
                Next::For(self.leave(lease, last, record, means))
            }
            Route::Refuse(refusal) if is_chosen => {
                self.visit.next(self.visit.of);
                self.visit.before = Some(of_number(*refusal).into());
                Next::For(self.begin(lease, record, means))
            }
            Route::Refuse(_) => Next::For(self.leave(lease, (Reason::Not(chosen), None), record, means)),
            Route::Ring(_)
            | Route::Queue(_)
            | Route::Voicemail(_)
            | Route::Conference(_)
            | Route::Intercom(_)
            | Route::Page(_)
            | Route::Feature(_) => Next::Lead { decision: Box::new(decision), is_chosen },
        }
    }

    /// Nothing more can be chosen: it hears why, after this, and a farewell, or only this where that was all.
    fn leave(
        &mut self,
        lease: LeaseId,
        (reason, before): (Reason, Option<&str>),
        record: &mut Record,
        means: &mut Means<'_>,
    ) -> Duration {
        record.failed(because(reason.as_str()), means);
        let language = self.menu(record.org(), means).map(|(_, menu)| menu.language);
        let farewell = "goodbye";
        let words: Vec<&str> = match reason {
            Reason::Not(Chosen::Timeout) => vec!["no-input", farewell],
            Reason::Not(_) => vec!["invalid", farewell],
            Reason::TooMany | Reason::Gone => before.into_iter().chain([farewell]).collect(),
            Reason::Announced => before.into_iter().collect(),
        };
        record.say(lease, (language.unwrap_or_default(), &words), means);
        self.stage = Stage::Leaving(reason);
        if reason == Reason::Announced { ANNOUNCEMENT_MAX } else { EXPLANATION_MAX }
    }

    /// It hears its last words, and what it has come to is written.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving(_))
    }
}

/// A number leads to a menu, or a rule before anybody rings.
pub(in crate::call) fn open(
    opening: &Opening<'_>,
    of: ExtensionId,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    match Line::take(opening, on_line, head, means) {
        Ok(line) => enter(line, Visit::first(opening.caller.clone(), of), means),
        Err(refused) => refused,
    }
}

/// A caller that has been answered just now chooses from its ACK on.
fn enter(line: Line, visit: Visit, means: &mut Means<'_>) -> State {
    serve(line, (Service::Menu(Box::new(Menu::new(visit))), None), means)
}

/// A caller who is on the line chooses from now on.
pub(in crate::call) fn take_over(line: Line, visit: Visit, head: &mut Head, means: &mut Means<'_>) -> State {
    attend(line, Service::Menu(Box::new(Menu::new(visit))), head, means)
}

impl Ringing {
    /// Nobody has taken the call, and a rule lets the caller choose, if it speaks anything that we do.
    pub(in crate::call) fn enter_menu(
        self: Box<Self>,
        head: &mut Head,
        of: ExtensionId,
        came_to: (LegResult, Words),
        means: &mut Means<'_>,
    ) -> State {
        match self.take_line(head, came_to, means) {
            Ok((line, invitation)) => enter(line, Visit::first(invitation.caller, of), means),
            Err(refused) => refused,
        }
    }
}

impl Served {
    /// What was chosen from a menu is somebody who rings, or a mailbox.
    pub(super) fn led(
        self: Box<Self>,
        (decision, is_chosen): (Decision, bool),
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let Self { mut line, stage, until } = *self;
        let ServedStage::Attending(Service::Menu(menu)) = stage else {
            return State::Served(Box::new(Self { line, stage, until }));
        };
        // Nobody is to hear keys of two who talk.
        line.caller.streams.listen(None, means);
        let language = menu.menu(line.record.org(), means).map(|(_, menu)| menu.language);
        let visit = Visit { comes_back: is_chosen, ..menu.visit };
        let arriving =
            Arriving { who: visit.who.clone(), visit: Some(visit), language: language.unwrap_or_default() };
        queued::lead(line, arriving, decision, head, means)
    }

    /// Whose menu its caller is in.
    pub(in crate::call) fn menu(&self) -> Option<ExtensionId> {
        match &self.stage {
            ServedStage::Attending(Service::Menu(menu)) if !menu.is_leaving() => Some(menu.visit.of),
            _ => None,
        }
    }
}
