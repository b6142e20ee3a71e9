//! Who watches what: SUBSCRIBEs judged, and the watchers told in the turn in which something changes.
//!
//! The endpoint keeps the dialogs and paces the NOTIFYs (RFC 6665); here stands what each package says. A package is
//! one file and one variant of [`Package`]. Everybody may watch the numbers of their own organisation, their own
//! account's contacts and their own mailbox; nothing else.

mod board;
mod dialog;
mod document;
mod message_summary;
mod reg;

use std::collections::{BTreeMap, BTreeSet};

use contract::id::{AccountId, CallId, OrgId, UserId};
use dialplan::{Account, Feature, OrgPlan, PersonKey, Plan};
use sip::{
    Body, EventPackage, Grant, HeaderName, Message, NewRequest, Refused, Reply, SubscriptionKey, Termination,
};

use crate::{
    call::lamps::{Lamps, Watched},
    facts,
    output::{Notice, Outputs},
    switchboard::Switchboard,
};
use board::LampBoard;
use dialog::DialogInfo;
use message_summary::MessageSummary;
use reg::RegInfo;

/// Value of `Allow-Events`.
pub(crate) const ALLOW_EVENTS: &str = "dialog, message-summary, reg";

/// Seconds after which a watcher that had to make room may come again.
const PROBATION_SECS: u32 = 600;

/// All watchers, and what all calls show.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    watches: BTreeMap<SubscriptionKey, Watch>,
    by_target: BTreeMap<Target, BTreeSet<SubscriptionKey>>,
    by_watcher: BTreeMap<AccountId, BTreeSet<SubscriptionKey>>,
    board: LampBoard,
    /// Counts (re)subscriptions: the order in which watches were last heard of.
    turn: u64,
}

/// One subscription.
#[derive(Debug)]
struct Watch {
    org: OrgId,
    watcher: AccountId,
    /// What was subscribed to, as dialled.
    number: String,
    package: Package,
    turn: u64,
    is_ending: bool,
}

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Calls(Watched),
    Contacts(AccountId),
    Messages(OrgId, UserId),
}

/// An event package with what its watcher has been told.
#[derive(Debug)]
enum Package {
    Dialog(DialogInfo),
    Reg(RegInfo),
    MessageSummary(MessageSummary),
}

impl Package {
    fn target(&self, org: OrgId) -> Target {
        match self {
            Self::Dialog(info) => Target::Calls(info.watched),
            Self::Reg(info) => Target::Contacts(info.account),
            Self::MessageSummary(info) => Target::Messages(org, info.user),
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Dialog(_) => dialog::CONTENT_TYPE,
            Self::Reg(_) => reg::CONTENT_TYPE,
            Self::MessageSummary(_) => message_summary::CONTENT_TYPE,
        }
    }
}

impl Presence {
    /// Subscriptions that are not over.
    pub(crate) fn len(&self) -> usize {
        self.watches.len()
    }

    /// Calls that show on a lamp, whether anybody watches it or not.
    pub(crate) fn calls(&self) -> usize {
        self.board.len()
    }

    /// Whether somebody is in a call but this one.
    pub(crate) fn is_in_another(&self, watched: Watched, call: CallId) -> bool {
        self.board.of(watched).any(|(other, _)| other != call)
    }

    /// Whether somebody is in no call.
    pub(crate) fn is_idle(&self, watched: Watched) -> bool {
        self.board.of(watched).next().is_none()
    }

    fn insert(&mut self, key: SubscriptionKey, mut watch: Watch) {
        self.turn += 1;
        watch.turn = self.turn;
        self.by_target.entry(watch.package.target(watch.org)).or_default().insert(key);
        self.by_watcher.entry(watch.watcher).or_default().insert(key);
        self.watches.insert(key, watch);
    }

    fn remove(&mut self, key: SubscriptionKey) {
        let Some(watch) = self.watches.remove(&key) else { return };
        forget(&mut self.by_target, &watch.package.target(watch.org), key);
        forget(&mut self.by_watcher, &watch.watcher, key);
    }

    fn watching(&self, target: Target) -> Vec<SubscriptionKey> {
        self.by_target.get(&target).into_iter().flatten().copied().collect()
    }

    /// The watch of an account that was not heard of for longest, when it has as many as it may.
    fn stalest(&self, watcher: AccountId, max: usize) -> Option<SubscriptionKey> {
        let own = self.by_watcher.get(&watcher)?;
        let live = || {
            own.iter()
                .filter_map(|key| Some((self.watches.get(key)?, *key)))
                .filter(|(watch, _)| !watch.is_ending)
        };
        if live().count() < max {
            return None;
        }
        live().min_by_key(|(watch, _)| watch.turn).map(|(_, key)| key)
    }
}

fn forget<K: Ord>(map: &mut BTreeMap<K, BTreeSet<SubscriptionKey>>, of: &K, key: SubscriptionKey) {
    if let Some(keys) = map.get_mut(of) {
        keys.remove(&key);
        if keys.is_empty() {
            map.remove(of);
        }
    }
}

/// What a number stands for now, whether it can be called or not.
fn watched(plan: &Plan, org: OrgId, number: &str) -> Option<Watched> {
    let own = plan.organisation(org)?;
    let slot = || own.parks_at(number).flatten().map(|slot| Watched::Slot(org, slot));
    own.holder(number).and_then(Watched::of).or_else(slot)
}

/// A person's mailbox, by their number, one of their usernames or the code that one listens to it by: nobody else may know whether messages wait.
fn own_mailbox(org: &OrgPlan, watcher: &Account, number: &str) -> Result<MessageSummary, Reply> {
    if ![&*watcher.number, &*watcher.username, Feature::VOICEMAIL_CODE].contains(&number) {
        return Err(Reply::new(403).phrase("Not Your Own Mailbox"));
    }
    match watcher.person {
        PersonKey::User(user) if org.mailbox(user).is_some() => {
            let account = format!("sip:{}@{}", Feature::VOICEMAIL_CODE, org.sip_domain());
            Ok(MessageSummary::new(user, account))
        }
        _ => Err(Reply::new(404).phrase("No Mailbox")),
    }
}

impl Switchboard {
    /// A SUBSCRIBE outside any dialog.
    pub(crate) fn subscription(&mut self, request: &NewRequest, out: &mut Outputs) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some((org, watcher)) = self.sender(&plan, request, out) else { return };
        let watch = match self.watch(&request.message.view(), org, watcher) {
            Ok(watch) => watch,
            Err(reply) => return self.refuse_sender(request, reply),
        };
        let max = self.config.limits.subscriptions_per_account_max;
        let own = self.presence.by_watcher.get(&watcher.id).map_or(0, BTreeSet::len);
        if own >= max.saturating_mul(2) {
            // So many that those which had to make room have not left yet.
            out.notice(Notice::SubscriptionsFull);
            let retry_after = self.config.timeouts.retry_after_secs.to_string();
            let reply = Reply::new(480).phrase("Too Many Subscriptions").header("Retry-After", retry_after);
            return self.refuse_sender(request, reply);
        }
        let stalest = self.presence.stalest(watcher.id, max);
        let grant = Grant { contact_user: watch.number.clone(), is_pending: false };
        match self.endpoint.accept_subscription(self.now, request.clone(), grant, &mut self.wire) {
            Ok(key) => {
                self.presence.insert(key, watch);
                if let Some(stalest) = stalest {
                    // A phone that was started anew has left its old ones behind: these make room.
                    out.notice(Notice::SubscriptionReplaced);
                    self.end_watch(stalest, Termination::Probation { retry_after_secs: PROBATION_SECS });
                }
            }
            Err(Refused::Full) => out.notice(Notice::SubscriptionsFull),
            Err(_) => {}
        }
    }

    /// Judges what is asked for.
    fn watch(&self, message: &Message<'_>, org: &OrgPlan, watcher: &Account) -> Result<Watch, Reply> {
        let number = facts::dialled(message).ok_or_else(|| Reply::new(404))?.into_owned();
        let entity = format!("sip:{number}@{}", org.sip_domain());
        let event = EventPackage::of(message).map(|event| event.name);
        let package = match event.as_deref() {
            Some("dialog") => {
                let watched = watched(&self.plan, org.id(), &number);
                Package::Dialog(DialogInfo::new(watched.ok_or_else(|| Reply::new(404))?, entity))
            }
            Some("reg") if number == *watcher.username => Package::Reg(RegInfo::new(watcher.id, entity)),
            Some("reg") => return Err(Reply::new(403).phrase("Not Your Own Account")),
            Some("message-summary") => Package::MessageSummary(own_mailbox(org, watcher, &number)?),
            _ => return Err(Reply::new(489).header("Allow-Events", ALLOW_EVENTS)),
        };
        let accepts = |kind: &str| {
            let kind = kind.split(';').next().unwrap_or("").trim();
            ["*/*", "application/*", package.content_type()].iter().any(|own| own.eq_ignore_ascii_case(kind))
        };
        let mut accepted = message.values(HeaderName::Accept).peekable();
        if accepted.peek().is_some() && !accepted.any(accepts) {
            return Err(Reply::new(406).header("Accept", package.content_type()));
        }
        Ok(Watch { org: org.id(), watcher: watcher.id, number, package, turn: 0, is_ending: false })
    }

    fn end_watch(&mut self, key: SubscriptionKey, why: Termination) {
        if let Some(watch) = self.presence.watches.get_mut(&key) {
            watch.is_ending = true;
            self.endpoint.end_subscription(self.now, key, why, &mut self.wire);
        }
    }

    /// The endpoint can send a NOTIFY: it says what is true now.
    pub(crate) fn state_wanted(&mut self, key: SubscriptionKey, is_full: bool) {
        let body = self.state_of(key, is_full);
        self.endpoint.notify(self.now, key, body, &mut self.wire);
    }

    fn state_of(&mut self, key: SubscriptionKey, is_full: bool) -> Option<Body> {
        let wall = self.wall();
        let presence = &mut self.presence;
        let watch = presence.watches.get_mut(&key)?;
        if is_full {
            presence.turn += 1;
            watch.turn = presence.turn;
        }
        match &mut watch.package {
            Package::Dialog(info) => {
                let lit = match info.watched {
                    Watched::Person(person) if self.availability.has_do_not_disturb((watch.org, person)) => {
                        person.own()
                    }
                    _ => None,
                };
                info.body(is_full, &presence.board, lit)
            }
            Package::Reg(info) => {
                let org = self.plan.organisation(watch.org);
                let is_planned = org.is_some_and(|org| org.account_by_id(info.account).is_some());
                info.body(is_full, &self.registrar, wall, is_planned)
            }
            Package::MessageSummary(info) => Some(info.body(self.mailboxes.count(watch.org, info.user))),
        }
    }

    /// The endpoint says that a subscription is over.
    pub(crate) fn subscription_ended(&mut self, key: SubscriptionKey) {
        self.presence.remove(key);
    }

    /// A call has changed; false when what it shows has not.
    pub(crate) fn show(&mut self, call: CallId, lamps: Lamps) -> bool {
        let changed = self.presence.board.saw(call, lamps);
        for watched in &changed {
            self.tell_watchers(Target::Calls(*watched));
        }
        !changed.is_empty()
    }

    /// Tells who watches contacts, mailboxes or people's do-not-disturb that have changed; false when none have.
    pub(crate) fn show_changes(&mut self) -> bool {
        let contacts = self.registrar.take_touched().into_iter().map(Target::Contacts);
        let mailboxes = self.mailboxes.take_touched();
        let mailboxes = mailboxes.into_iter().map(|(org, user)| Target::Messages(org, user));
        let people = self.availability.take_touched().into_iter();
        let people = people.map(|(_, person)| Target::Calls(Watched::Person(person)));
        let changed: Vec<Target> = contacts.chain(mailboxes).chain(people).collect();
        for target in &changed {
            self.tell_watchers(*target);
        }
        !changed.is_empty()
    }

    fn tell_watchers(&mut self, target: Target) {
        for key in self.presence.watching(target) {
            self.endpoint.state_changed(self.now, key, &mut self.wire);
        }
    }

    /// Subscriptions outlive a change of the plan; of organisations that have changed, those of a watcher who is not in it any more end, and those to a
    /// number that nothing has any more or to a mailbox that is off; one whose number has moved shows its new owner.
    pub(crate) fn review_watches(&mut self, changed: &BTreeSet<OrgId>) {
        let plan = std::sync::Arc::clone(&self.plan);
        let (mut ended, mut moved) = (Vec::new(), Vec::new());
        let watches = self.presence.watches.iter();
        for (key, watch) in watches.filter(|(_, watch)| !watch.is_ending && changed.contains(&watch.org)) {
            let org = plan.organisation(watch.org);
            if org.and_then(|org| org.account_by_id(watch.watcher)).is_none() {
                ended.push((*key, Termination::Rejected));
                continue;
            }
            match &watch.package {
                Package::Dialog(info) => match watched(&plan, watch.org, &watch.number) {
                    None => ended.push((*key, Termination::NoResource)),
                    Some(now) if now != info.watched => moved.push((*key, now)),
                    Some(_) => {}
                },
                Package::MessageSummary(info) if org.and_then(|org| org.mailbox(info.user)).is_none() => {
                    ended.push((*key, Termination::NoResource));
                }
                Package::MessageSummary(_) | Package::Reg(_) => {}
            }
        }
        for (key, why) in ended {
            self.end_watch(key, why);
        }
        for (key, now) in moved {
            self.move_watch(key, now);
        }
    }

    fn move_watch(&mut self, key: SubscriptionKey, now: Watched) {
        let presence = &mut self.presence;
        let Some(Watch { package: Package::Dialog(info), .. }) = presence.watches.get_mut(&key) else {
            return;
        };
        let before = std::mem::replace(&mut info.watched, now);
        forget(&mut presence.by_target, &Target::Calls(before), key);
        presence.by_target.entry(Target::Calls(now)).or_default().insert(key);
        self.endpoint.state_changed(self.now, key, &mut self.wire);
    }
}
