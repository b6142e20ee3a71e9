//! From rows to a plan, or to everything that is wrong with them.
//!
//! Mistakes are collected, not stopped at: whoever repairs rows wants the whole list. Deliberately no
//! partial plans: the switch keeps its old one when the new rows do not compile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::{
    id::{AccountId, ConferenceId, ExtensionId, MenuId, OrgId, PageGroupId, QueueId, UserId},
    snapshot::{self, Snapshot},
};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::{
    diagnostic::{Diagnostic, Problem, Row},
    feature::{Feature, LEAVE_MESSAGE},
    hours::Dates,
    outbound::Budget,
    plan::{
        Account, Destination, Extension, Host, Mailbox, OrgPlan, Person, PersonKey, Plan, Ring, Target, Trust,
    },
};

/// Bounds of the rows' fields.
pub mod limits {
    use std::ops::RangeInclusive;

    /// H-052: seconds a call may ring.
    pub const RING_TIMEOUT_SECS: RangeInclusive<u16> = 5..=600;
    /// Digits of a number (HX-10).
    pub const NUMBER_DIGITS: RangeInclusive<usize> = 2..=6;
    /// Bytes of a digest username.
    pub const USERNAME_BYTES_MAX: usize = 64;
    /// Bytes of a domain name (RFC 1035 §2.3.4).
    pub const DOMAIN_BYTES_MAX: usize = 253;
    /// Hours of one extension, by weekday.
    pub const WINDOWS_MAX: usize = 64;
    /// Rules of one extension.
    pub const RULES_MAX: usize = 64;
    /// Rows of dates with hours of their own, of one organisation.
    pub const HOLIDAYS_MAX: usize = 2_000;
    /// Bytes of the name of a sound that a rule plays.
    pub const SOUND_BYTES_MAX: usize = 40;
    /// Whether a text is the name of a sound: lower-case letters, digits, `-` and `_`, so that it is no path.
    pub fn is_sound(text: &str) -> bool {
        (1..=SOUND_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    }
    /// Messages that a mailbox may hold.
    pub const MAILBOX_MESSAGES: RangeInclusive<u16> = 1..=500;
    /// Seconds that a message in a mailbox may last.
    pub const MAILBOX_MESSAGE_SECS: RangeInclusive<u16> = 10..=600;
    /// Trunks of one organisation.
    pub const TRUNKS_MAX: usize = 32;
    /// Networks that one trunk sends from.
    pub const SOURCES_MAX: usize = 64;
    /// Places where one trunk is reached.
    pub const TRUNK_TARGETS_MAX: usize = 8;
    /// Bytes of one of them.
    pub const TARGET_BYTES_MAX: usize = 255;
    /// Bytes of a username, a password or a realm that a trunk knows us by.
    pub const CREDENTIAL_BYTES_MAX: usize = 255;
    /// Seconds that a registration with a trunk is asked for.
    pub const REGISTRATION_SECS: RangeInclusive<u32> = 60..=86_400;
    /// Seconds between two OPTIONS to a target of a trunk.
    pub const OPTIONS_SECS: RangeInclusive<u16> = 10..=3_600;
    /// Calls at once on one trunk.
    pub const CHANNELS: RangeInclusive<u16> = 1..=2_000;
    /// Numbers of one organisation in the telephone network.
    pub const DIDS_MAX: usize = 10_000;
    /// Numbers of the emergency services.
    pub const EMERGENCY_NUMBERS_MAX: usize = 16;
    /// Digits of one of them.
    pub const EMERGENCY_DIGITS: RangeInclusive<usize> = 2..=6;
    /// Routes of one organisation for calls to the telephone network.
    pub const ROUTES_MAX: usize = 256;
    /// Digits that a route looks at, and that it puts in front.
    pub const ROUTE_DIGITS_MAX: usize = 15;
    /// Budgets of one organisation.
    pub const BUDGETS_MAX: usize = 20_000;
    /// Destinations that one budget names.
    pub const DESTINATIONS_MAX: usize = 64;
    /// Calls that a budget may allow within a minute, an hour or a day.
    pub const BUDGET_CALLS_MAX: u16 = 1_000;
    /// Minutes that a budget may allow within a day.
    pub const BUDGET_MINUTES_MAX: u32 = 100_000;
    /// Prices of one organisation.
    pub const PRICES_MAX: usize = 20_000;
    /// Rupiah that a minute may cost.
    pub const PRICE_RUPIAH_MAX: u32 = 1_000_000;
    /// Rupiah that a budget may allow within a day.
    pub const BUDGET_RUPIAH_MAX: u32 = 1_000_000_000;
    /// Targets that rules may lead one call to.
    pub const FORWARDS_MAX: usize = 8;
    /// Callers who may wait in a queue.
    pub const QUEUE_CAPACITY: RangeInclusive<u16> = 1..=1_000;
    /// Seconds that a caller may wait in one.
    pub const QUEUE_WAIT_SECS: RangeInclusive<u16> = 10..=14_400;
    /// Seconds that somebody is left alone after a call of a queue.
    pub const WRAP_UP_SECS_MAX: u16 = 3_600;
    /// Calls in a row that somebody leaves unanswered.
    pub const MISSES_MAX: u16 = 100;
    /// Seconds between two announcements of a place in a queue.
    pub const ANNOUNCE_SECS: RangeInclusive<u16> = 15..=3_600;
    /// How much more often than others somebody is asked.
    pub const WEIGHT: RangeInclusive<u16> = 1..=100;
    /// Before whom a caller waits.
    pub const PRIORITY_MAX: u16 = 9;
    /// Seconds that a caller of a menu has to choose in.
    pub const MENU_TIMEOUT_SECS: RangeInclusive<u16> = 1..=60;
    /// Seconds to the next key of a number that is dialled in a menu.
    pub const MENU_KEY_TIMEOUT_SECS: RangeInclusive<u16> = 1..=20;
    /// How often a caller of a menu may press nothing or what is no choice.
    pub const MENU_TRIES: RangeInclusive<u16> = 1..=10;
    /// Who may be in a conference at once.
    pub const CONFERENCE_MEMBERS: RangeInclusive<u16> = 2..=32;
    /// Digits of a conference's PIN.
    pub const PIN_DIGITS: RangeInclusive<usize> = 4..=10;
}

/// Compiles all rows. On error, every mistake found, ordered by organisation and row.
pub fn compile(snapshot: &Snapshot) -> Result<Plan, Vec<Diagnostic>> {
    Plan::default().with(snapshot.revision, (&snapshot.organisations, &[]))
}

impl Plan {
    /// The plan in which the `changed` organisations are as their rows say, those that are `gone` are not, and all others are as they
    /// are in this one. What it costs is up to the changed ones, beside a pointer for each other one. On error, every mistake found
    /// in the changed rows, ordered by organisation and row; this plan is what it was in any case.
    pub fn with(
        &self,
        revision: i64,
        (changed, gone): (&[snapshot::Organisation], &[OrgId]),
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut next = Self { revision, ..self.clone() };
        for id in gone {
            next.organisations.remove(id);
        }
        // The library's own copy: the same everywhere, and no file of the machine.
        let zones = TimeZoneDatabase::bundled();
        let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
        for rows in changed {
            let (org, mut mistakes) = Compiler::new(rows, &zones).compile();
            wrong.append(&mut mistakes);
            if !seen.insert(rows.id) {
                let (row, problem) = (Row::Organisation, Problem::Taken);
                wrong.push(Diagnostic { org: rows.id, row, field: "id", problem });
            }
            // One that says what it said stays the same one, so that nobody looks at it again.
            if self.organisation(rows.id) != Some(&org) {
                next.organisations.insert(rows.id, Arc::new(org));
            }
        }
        let mut index = std::mem::take(&mut next.index);
        wrong.extend(index.change(&next.changed_since(self).collect::<Vec<_>>()));
        next.index = index;
        wrong.sort_by_key(|diagnostic| diagnostic.org);
        if wrong.is_empty() { Ok(next) } else { Err(wrong) }
    }
}

/// One organisation on its way.
struct Compiler<'a> {
    rows: &'a snapshot::Organisation,
    staff: BTreeMap<UserId, &'a snapshot::Staff>,
    accounts_of: BTreeMap<UserId, Vec<AccountId>>,
    extension_ids: BTreeSet<ExtensionId>,
    queue_of: BTreeMap<QueueId, ExtensionId>,
    menu_of: BTreeMap<MenuId, ExtensionId>,
    conference_ids: BTreeSet<ConferenceId>,
    page_group_ids: BTreeSet<PageGroupId>,
    holidays: Arc<Dates>,
    own_holidays: BTreeMap<ExtensionId, Dates>,
    org: OrgPlan,
    wrong: Vec<Diagnostic>,
}

impl<'a> Compiler<'a> {
    fn new(rows: &'a snapshot::Organisation, zones: &TimeZoneDatabase) -> Self {
        let zone = zones.get(&rows.timezone);
        let mut wrong = Vec::new();
        if zone.is_err() {
            let (row, problem) = (Row::Organisation, Problem::Malformed);
            wrong.push(Diagnostic { org: rows.id, row, field: "timezone", problem });
        }
        let org = OrgPlan {
            id: rows.id,
            sip_domain: rows.sip_domain.as_str().into(),
            is_default: rows.is_default,
            dids: Vec::new(),
            sources: BTreeSet::new(),
            recording: rows.recording,
            has_recording_notice: rows.has_recording_notice,
            has_recording_keys: rows.has_recording_keys,
            language: rows.language,
            has_announcements: rows.has_announcements,
            zone: zone.unwrap_or(TimeZone::UTC),
            numbers: Feature::BUILT_IN
                .into_iter()
                .map(|(code, feature)| (code.into(), Destination::Feature(feature)))
                .collect(),
            usernames: BTreeMap::new(),
            accounts: BTreeMap::new(),
            extensions: BTreeMap::new(),
            staff: BTreeMap::new(),
            country_code: Box::default(),
            trunks: BTreeMap::new(),
            emergency_numbers: BTreeSet::new(),
            routes: Vec::new(),
            budgets: BTreeMap::new(),
            common_budget: Budget::default(),
            prices: BTreeMap::new(),
            own_numbers: Vec::new(),
            outside_ring_secs: rows.ring_timeout_secs,
            queues: BTreeMap::new(),
        };
        Self {
            rows,
            staff: BTreeMap::new(),
            accounts_of: BTreeMap::new(),
            extension_ids: BTreeSet::new(),
            queue_of: BTreeMap::new(),
            menu_of: BTreeMap::new(),
            conference_ids: BTreeSet::new(),
            page_group_ids: BTreeSet::new(),
            holidays: Arc::default(),
            own_holidays: BTreeMap::new(),
            org,
            wrong,
        }
    }

    fn compile(mut self) -> (OrgPlan, Vec<Diagnostic>) {
        self.settings();
        self.trunks();
        for staff in &self.rows.staff {
            if self.staff.insert(staff.user, staff).is_some() {
                self.wrong(Row::Staff(staff.user), "user", Problem::Taken);
            }
        }
        for extension in &self.rows.extensions {
            if !self.extension_ids.insert(extension.id) {
                self.wrong(Row::Extension(extension.id), "id", Problem::Taken);
            }
        }
        self.queue_ids();
        self.menu_ids();
        self.accounts();
        self.holidays();
        self.extensions();
        self.staff_numbers();
        self.dids();
        self.emergency_numbers();
        self.routes();
        self.budgets();
        self.prices();
        self.bare_accounts();
        self.codes_of_mailboxes();
        self.circles();
        (self.org, self.wrong)
    }

    fn wrong(&mut self, row: Row, field: &'static str, problem: Problem) {
        let org: OrgId = self.rows.id;
        self.wrong.push(Diagnostic { org, row, field, problem });
    }

    fn settings(&mut self) {
        if !is_domain(&self.rows.sip_domain) {
            self.wrong(Row::Organisation, "sip_domain", Problem::Malformed);
        }
        if !limits::RING_TIMEOUT_SECS.contains(&self.rows.ring_timeout_secs) {
            self.wrong(Row::Organisation, "ring_timeout_secs", Problem::OutOfRange);
        }
    }

    fn accounts(&mut self) {
        let mut ids = BTreeSet::new();
        let mut usernames = BTreeSet::new();
        for account in &self.rows.accounts {
            let row = Row::Account(account.id);
            if !ids.insert(account.id) {
                self.wrong(row, "id", Problem::Taken);
            }
            if !is_username(&account.username) {
                self.wrong(row, "username", Problem::Malformed);
            }
            if !usernames.insert(account.username.as_str()) {
                self.wrong(row, "username", Problem::Taken);
            }
            if !is_hex(&account.ha1_md5, 32) {
                self.wrong(row, "ha1_md5", Problem::Malformed);
            }
            if !is_hex(&account.ha1_sha256, 64) {
                self.wrong(row, "ha1_sha256", Problem::Malformed);
            }
            self.account(account);
        }
    }

    /// Takes an account into the plan if it may be used.
    fn account(&mut self, account: &'a snapshot::Account) {
        let (person, number, name) = match account.user {
            None => (PersonKey::Account(account.id), &account.username, &account.username),
            Some(user) => match self.staff.get(&user).copied() {
                Some(staff) if staff.is_active => (PersonKey::User(user), &staff.number, &staff.name),
                Some(_) => return,
                None => return self.wrong(Row::Account(account.id), "user", Problem::Dangling),
            },
        };
        if !account.is_active {
            return;
        }
        if let PersonKey::User(user) = person {
            self.accounts_of.entry(user).or_default().push(account.id);
        }
        self.org.usernames.insert(account.username.as_str().into(), account.id);
        let compiled = Account {
            id: account.id,
            person,
            username: account.username.as_str().into(),
            number: number.as_str().into(),
            name: name.as_str().into(),
            ha1_md5: account.ha1_md5.as_str().into(),
            ha1_sha256: account.ha1_sha256.as_str().into(),
        };
        self.org.accounts.insert(account.id, compiled);
    }

    /// Who of these people of a row is active.
    fn active(&mut self, row: Row, (field, users): (&'static str, &[UserId])) -> BTreeSet<UserId> {
        let mut active = BTreeSet::new();
        for user in users {
            match self.staff.get(user) {
                Some(staff) if staff.is_active => {
                    active.insert(*user);
                }
                Some(_) => {}
                None => self.wrong(row, field, Problem::Dangling),
            }
        }
        active
    }

    fn extensions(&mut self) {
        for extension in &self.rows.extensions {
            let row = Row::Extension(extension.id);
            let people = self.active(row, ("staff", &extension.staff));
            let supervisors = self.active(row, ("supervisors", &extension.supervisors));
            let (number, name): (Arc<str>, Arc<str>) =
                (extension.number.as_str().into(), extension.name.as_str().into());
            let host = Host::Extension(extension.id);
            let ring = (!people.is_empty()).then(|| self.ring(host, (&number, &name), people));
            let queue = self.queue(extension, ring.as_ref());
            let compiled = Arc::new(Extension {
                id: extension.id,
                number,
                name,
                is_active: extension.is_active,
                ring,
                queue,
                supervisors,
                menu: self.menu(extension),
                conference: self.conference(extension),
                page_group: self.page_group(extension),
                hours: self.hours(extension),
                rules: self.rules(extension),
                recording: extension.recording,
                takes_intercom: extension.takes_intercom,
            });
            self.org.extensions.insert(extension.id, Arc::clone(&compiled));
            self.number(row, &extension.number, Destination::Extension(compiled));
        }
    }

    fn staff_numbers(&mut self) {
        for staff in &self.rows.staff {
            let (number, name): (Arc<str>, Arc<str>) =
                (staff.number.as_str().into(), staff.name.as_str().into());
            let host = Host::User(staff.user);
            let ring =
                staff.is_active.then(|| self.ring(host, (&number, &name), BTreeSet::from([staff.user])));
            let mailbox = self.mailbox(staff, &number).filter(|_| staff.is_active).map(Arc::new);
            self.org.staff.insert(staff.user, Person { number, name, ring, mailbox });
            self.number(Row::Staff(staff.user), &staff.number, Destination::Person(staff.user));
        }
    }

    /// A code that is somebody's mailbox is nothing else, as with the numbers that begin with 80 and 33; phones have been told
    /// of the one exception.
    fn codes_of_mailboxes(&mut self) {
        let with_mailbox = self.org.staff.values().filter(|person| person.mailbox.is_some());
        for person in with_mailbox {
            let code = format!("{LEAVE_MESSAGE}{}", person.number);
            let is_code = matches!(self.org.numbers.get(&*code), Some(Destination::Feature(_)));
            if is_code && code != Feature::VOICEMAIL_CODE {
                self.org.numbers.remove(&*code);
            }
        }
    }

    fn mailbox(&mut self, staff: &snapshot::Staff, number: &Arc<str>) -> Option<Mailbox> {
        let rows = staff.mailbox.as_ref()?;
        let row = Row::Staff(staff.user);
        if !limits::MAILBOX_MESSAGES.contains(&rows.messages_max) {
            self.wrong(row, "voicemail_messages_max", Problem::OutOfRange);
        }
        if !limits::MAILBOX_MESSAGE_SECS.contains(&rows.message_secs_max) {
            self.wrong(row, "voicemail_secs_max", Problem::OutOfRange);
        }
        if rows.greeting.as_deref().is_some_and(|greeting| !limits::is_sound(greeting)) {
            self.wrong(row, "voicemail_greeting", Problem::Malformed);
        }
        Some(Mailbox {
            user: staff.user,
            number: Arc::clone(number),
            greeting: rows.greeting.as_deref().map(Arc::from),
            messages_max: rows.messages_max,
            message_secs_max: rows.message_secs_max,
        })
    }

    /// Bare accounts answer to their username unless a number or a feature code has the same text.
    fn bare_accounts(&mut self) {
        for account in self.rows.accounts.iter().filter(|account| account.user.is_none()) {
            let host = Host::Account(account.id);
            let destination = if account.is_active {
                Destination::Ring(Arc::new(Ring {
                    host,
                    number: account.username.as_str().into(),
                    name: account.username.as_str().into(),
                    targets: vec![Target {
                        person: PersonKey::Account(account.id),
                        accounts: vec![account.id],
                        trust: Trust::Outside,
                    }],
                    ring_timeout_secs: self.rows.ring_timeout_secs,
                    outbound: None,
                }))
            } else {
                Destination::Inactive(host)
            };
            self.org.numbers.entry(account.username.as_str().into()).or_insert(destination);
        }
    }

    fn ring(
        &self,
        host: Host,
        (number, name): (&Arc<str>, &Arc<str>),
        people: BTreeSet<UserId>,
    ) -> Arc<Ring> {
        let targets = people
            .into_iter()
            .map(|user| {
                let mut accounts = self.accounts_of.get(&user).cloned().unwrap_or_default();
                accounts.sort_unstable();
                Target { person: PersonKey::User(user), accounts, trust: Trust::Outside }
            })
            .collect();
        let (number, name) = (Arc::clone(number), Arc::clone(name));
        let ring_timeout_secs = self.rows.ring_timeout_secs;
        Arc::new(Ring { host, number, name, targets, ring_timeout_secs, outbound: None })
    }

    fn number(&mut self, row: Row, number: &str, destination: Destination) {
        let is_number =
            limits::NUMBER_DIGITS.contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        if !is_number {
            self.wrong(row, "number", Problem::Malformed);
        }
        if self.org.numbers.insert(number.into(), destination).is_some() {
            self.wrong(row, "number", Problem::Taken);
        }
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A username must pass unescaped through a SIP URI's user part and a quoted digest field (RFC 3261 §25.1).
fn is_username(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&b);
    !text.is_empty() && text.len() <= limits::USERNAME_BYTES_MAX && text.bytes().all(is_allowed)
}

/// A host name in lower case (RFC 1123 §2.1), not an IP literal: those are the default organisation's.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    text.len() <= limits::DOMAIN_BYTES_MAX
        && text.parse::<std::net::IpAddr>().is_err()
        && text.split('.').all(is_label)
}

#[cfg(test)]
mod changes;
mod circles;
mod conference;
mod extension;
mod menu;
mod outbound;
mod outside;
mod page_group;
mod queue;
#[cfg(test)]
mod tests;
