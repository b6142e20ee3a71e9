//! The compiled form of the rows: every question the switch asks while a call waits is one or two look-ups.
//!
//! A plan never changes. A new revision is a new plan; a call keeps what it has taken from an earlier one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::{
    availability,
    conferences::Pin,
    id::{
        AccountId, ConferenceId, DidId, ExtensionId, GuestId, OrgId, PageGroupId, QueueId, RuleId, TrunkId,
        UserId,
    },
    language::Language,
    queues::Strategy,
    rules::{Condition, Timescope},
    snapshot::RecordingPolicy,
    time::Timestamp,
};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{
    feature::{Feature, LEAVE_MESSAGE, PICK_UP_AT, PickUp, SUPERVISE, Slot},
    hours::{self, Hours, Opening},
    index::{Difference, Index},
    menu::Menu,
    outbound::{Budget, Outbound, OutboundRoute, OutsideNumber},
    outside::Trunk,
    route::Trail,
};

/// All organisations at one revision. Plans that follow each other share what has not changed between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub(crate) revision: i64,
    pub(crate) organisations: BTreeMap<OrgId, Arc<OrgPlan>>,
    pub(crate) index: Index,
}

impl Plan {
    /// `telephony.revisions.revision` of the rows it was made from.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The organisation whose SIP domain this is, whatever its case; a trailing dot is ignored.
    pub fn organisation_by_host(&self, host: &str) -> Option<&OrgPlan> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let found = self.index.domain(host);
        let id = found.or_else(|| self.index.domain(&host.to_ascii_lowercase()))?;
        self.organisation(id)
    }

    /// The organisation that requests to the switch's own addresses belong to, if there is one.
    pub fn default_organisation(&self) -> Option<&OrgPlan> {
        self.organisation(self.index.default()?)
    }

    /// An organisation by id.
    pub fn organisation(&self, org: OrgId) -> Option<&OrgPlan> {
        self.organisations.get(&org).map(Arc::as_ref)
    }

    /// All organisations, ordered by id.
    pub fn organisations(&self) -> impl Iterator<Item = &OrgPlan> {
        self.organisations.values().map(Arc::as_ref)
    }

    /// An account that may register and call, by its digest username (case-sensitive).
    pub fn account(&self, org: OrgId, username: &str) -> Option<&Account> {
        self.organisation(org)?.account(username)
    }

    /// The organisations that are not what they were in an earlier plan, ordered by id. It compares what is shared and looks into no
    /// organisation, so it takes microseconds for thousands of them.
    pub fn changed_since<'p>(&'p self, before: &'p Self) -> impl Iterator<Item = Difference<'p>> {
        let mut later = self.organisations.iter().peekable();
        let mut earlier = before.organisations.iter().peekable();
        let pairs = std::iter::from_fn(move || {
            let next = [later.peek(), earlier.peek()].into_iter().flatten().map(|(id, _)| **id).min()?;
            let after = later.next_if(|(id, _)| **id == next).map(|(_, org)| org);
            let before = earlier.next_if(|(id, _)| **id == next).map(|(_, org)| org);
            Some((before, after))
        });
        let is_shared = |pair: &(Option<&Arc<OrgPlan>>, Option<&Arc<OrgPlan>>)| match pair {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            _ => false,
        };
        let whole = |org: &'p Arc<OrgPlan>| -> &'p OrgPlan { org };
        pairs
            .filter(move |pair| !is_shared(pair))
            .map(move |(before, after)| Difference { before: before.map(whole), after: after.map(whole) })
    }
}

/// One tenant's compiled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct OrgPlan {
    pub(crate) id: OrgId,
    pub(crate) sip_domain: Box<str>,
    /// Whether requests to the switch's own addresses are its.
    pub(crate) is_default: bool,
    /// Its numbers in the telephone network by E.164, each with its row.
    pub(crate) dids: Vec<(Arc<str>, DidId)>,
    /// Where its trunks send from.
    pub(crate) sources: BTreeSet<(IpNet, TrunkId)>,
    pub(crate) language: Language,
    pub(crate) has_announcements: bool,
    pub(crate) recording: RecordingPolicy,
    pub(crate) has_recording_notice: bool,
    pub(crate) has_recording_keys: bool,
    pub(crate) zone: TimeZone,
    pub(crate) numbers: BTreeMap<Box<str>, Destination>,
    pub(crate) usernames: BTreeMap<Box<str>, AccountId>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) extensions: BTreeMap<ExtensionId, Arc<Extension>>,
    pub(crate) staff: BTreeMap<UserId, Person>,
    pub(crate) country_code: Box<str>,
    pub(crate) trunks: BTreeMap<TrunkId, Trunk>,
    pub(crate) emergency_numbers: BTreeSet<Box<str>>,
    /// In the order in which they are tried.
    pub(crate) routes: Vec<OutboundRoute>,
    /// By whose they are; everybody's by nobody.
    pub(crate) budgets: BTreeMap<Option<PersonKey>, Budget>,
    /// What holds where no row says anything.
    pub(crate) common_budget: Budget,
    /// Rupiah for each minute that begins, by what numbers begin with.
    pub(crate) prices: BTreeMap<Box<str>, u32>,
    /// Numbers in the telephone network by what they stand for, in the order of their rows.
    pub(crate) own_numbers: Vec<(Host, Arc<str>)>,
    /// How long a call to the telephone network rings.
    pub(crate) outside_ring_secs: u16,
    pub(crate) queues: BTreeMap<QueueId, Arc<Queue>>,
}

impl OrgPlan {
    /// Its id.
    pub fn id(&self) -> OrgId {
        self.id
    }

    /// Its SIP domain, lower case; also the digest realm.
    pub fn sip_domain(&self) -> &str {
        &self.sip_domain
    }

    /// What callers are spoken to in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether people who cannot be connected hear why.
    pub fn has_announcements(&self) -> bool {
        self.has_announcements
    }

    /// Which of its calls are recorded.
    pub fn recording(&self) -> RecordingPolicy {
        self.recording
    }

    /// What an extension has to say of the recording of a call whose `trail` is this, when it rings `host`. Who stands in
    /// for an extension, because its rules or its phones send the call there, is recorded as it is.
    pub fn recording_through(&self, host: Host, trail: &Trail) -> Option<RecordingPolicy> {
        let extension = |host: Host| match host {
            Host::Extension(id) => Some(id),
            Host::User(_) | Host::Account(_) | Host::Outside(_) => {
                trail.leading_to(host).map(|forward| forward.from)
            }
        };
        let id = extension(host).or_else(|| extension(trail.at?))?;
        self.extensions.get(&id)?.recording
    }

    /// The same where rules have taken the call, whoever is to ring there.
    pub fn recording_at(&self, trail: &Trail) -> Option<RecordingPolicy> {
        self.recording_through(trail.at?, trail)
    }

    /// Whether callers hear that their call will be recorded before anybody rings.
    pub fn has_recording_notice(&self) -> bool {
        self.has_recording_notice
    }

    /// Whether its people begin and pause recordings of their calls by keys.
    pub fn has_recording_keys(&self) -> bool {
        self.has_recording_keys
    }

    /// The zone of its clocks.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What has a number, whether it can be called now or not.
    pub fn holder(&self, number: &str) -> Option<Host> {
        match self.find(number)?.1 {
            Destination::Extension(extension) => Some(Host::Extension(extension.id)),
            Destination::Person(user) => Some(Host::User(*user)),
            Destination::Ring(ring) => Some(ring.host),
            Destination::Inactive(host) => Some(*host),
            Destination::Feature(_) => None,
        }
    }

    /// What a number stands for, with the number as it is known here: those of the telephone network by E.164, however they
    /// are dialled.
    pub(crate) fn find<'a>(&self, dialled: &'a str) -> Option<(std::borrow::Cow<'a, str>, &Destination)> {
        if let Some(destination) = self.numbers.get(dialled) {
            return Some((dialled.into(), destination));
        }
        let number = self.own(dialled)?;
        let destination = self.numbers.get(number.as_str())?;
        Some((number.into(), destination))
    }

    /// What a number asks to pick up, if it is the code for that.
    pub fn pick_up(&self, dialled: &str) -> Option<PickUp> {
        if let Some(number) = dialled.strip_prefix(PICK_UP_AT) {
            return self.holder(number).map(PickUp::At);
        }
        let is_code = matches!(self.numbers.get(dialled)?, Destination::Feature(Feature::PickUp));
        is_code.then_some(PickUp::Colleagues)
    }

    /// Where a number parks a call, unless the organisation has given it to somebody: `Some(None)` anywhere.
    pub fn parks_at(&self, dialled: &str) -> Option<Option<Slot>> {
        let is_free = !self.numbers.contains_key(dialled);
        let slot = if dialled == Feature::PARK_NUMBER { Some(None) } else { Slot::of(dialled).map(Some) };
        slot.filter(|_| is_free)
    }

    /// The places that are its own.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        Slot::all().filter(|slot| !self.numbers.contains_key(&*slot.to_string()))
    }

    /// Whether somebody is assigned to an extension.
    pub fn is_of(&self, person: PersonKey, extension: ExtensionId) -> bool {
        self.extensions.get(&extension).is_some_and(|extension| extension.has(person))
    }

    /// Whether the phones of what a number stands for answer an intercom by themselves: people's where an extension of theirs says
    /// so, nobody's always.
    pub(crate) fn takes_intercom(&self, destination: &Destination) -> bool {
        match destination {
            Destination::Extension(extension) => extension.takes_intercom,
            Destination::Person(user) => {
                let person = PersonKey::User(*user);
                self.extensions.values().any(|extension| extension.takes_intercom && extension.has(person))
            }
            Destination::Ring(_) => true,
            Destination::Inactive(_) | Destination::Feature(_) => false,
        }
    }

    /// Whose calls somebody wants to listen to, if it is the code for that.
    pub fn supervised_at(&self, dialled: &str) -> Option<Host> {
        self.holder(dialled.strip_prefix(SUPERVISE)?)
    }

    /// The code by which the calls of a member of staff are listened to.
    pub fn code_to_listen(&self, user: UserId) -> Option<String> {
        self.staff_named(user).map(|(number, _)| format!("{SUPERVISE}{number}"))
    }

    /// Whether one may listen to the calls of the other. An extension that is switched off lets nobody.
    pub fn supervises(&self, one: PersonKey, other: PersonKey) -> bool {
        let PersonKey::User(user) = one else { return false };
        let lets = |extension: &Extension| {
            extension.is_active && extension.supervisors.contains(&user) && extension.has(other)
        };
        one != other && self.extensions.values().any(|extension| lets(extension))
    }

    /// Whether a number is that of one of these extensions.
    pub fn is_number_of(&self, number: &str, extensions: &[ExtensionId]) -> bool {
        let found = self.numbers.get(number);
        matches!(found, Some(Destination::Extension(extension)) if extensions.contains(&extension.id))
    }

    /// Whether two are assigned to the same extension.
    pub fn are_colleagues(&self, one: PersonKey, other: PersonKey) -> bool {
        self.extensions.values().any(|extension| extension.has(one) && extension.has(other))
    }

    /// An account that may register and call, by its digest username (case-sensitive).
    pub fn account(&self, username: &str) -> Option<&Account> {
        self.accounts.get(self.usernames.get(username)?)
    }

    /// An account that somebody may call from now; all of theirs show the same number and name.
    pub fn account_of(&self, person: PersonKey) -> Option<&Account> {
        match person {
            PersonKey::Account(id) => self.accounts.get(&id),
            PersonKey::Trunk(_) | PersonKey::Guest(_) => None,
            PersonKey::User(user) => {
                let ring = self.staff.get(&user)?.ring.as_ref()?;
                let own = ring.targets.iter().find(|target| target.person == person)?;
                self.accounts.get(own.accounts.first()?)
            }
        }
    }

    /// What rings for somebody by their own number, whoever calls: a person, or a bare account. `None`: nobody has it, or they may
    /// not call now.
    pub fn own_phones(&self, number: &str) -> Option<&Arc<Ring>> {
        match self.find(number)?.1 {
            Destination::Person(user) => self.staff.get(user)?.ring.as_ref(),
            Destination::Ring(ring) => Some(ring),
            Destination::Extension(_) | Destination::Inactive(_) | Destination::Feature(_) => None,
        }
    }

    /// The mailbox of a member of staff, if it is on.
    pub fn mailbox(&self, user: UserId) -> Option<&Arc<Mailbox>> {
        self.staff.get(&user)?.mailbox.as_ref()
    }

    /// Whose mailbox a number leads to past their phones, if it is the code for that.
    pub fn mailbox_at(&self, dialled: &str) -> Option<UserId> {
        let Destination::Person(user) = self.numbers.get(dialled.strip_prefix(LEAVE_MESSAGE)?)? else {
            return None;
        };
        self.mailbox(*user).map(|mailbox| mailbox.user)
    }

    /// Its members of staff, ordered by id.
    pub fn staff(&self) -> impl Iterator<Item = UserId> {
        self.staff.keys().copied()
    }

    /// The number and the name of a member of staff.
    pub fn staff_named(&self, user: UserId) -> Option<(&str, &str)> {
        self.staff.get(&user).map(|person| (&*person.number, &*person.name))
    }

    /// The number and the name of somebody: a member of staff, or a bare account that may register.
    pub fn named(&self, person: PersonKey) -> Option<(&str, &str)> {
        match person {
            PersonKey::User(user) => self.staff_named(user),
            PersonKey::Account(id) => {
                self.accounts.get(&id).map(|account| (&*account.number, &*account.name))
            }
            PersonKey::Trunk(_) | PersonKey::Guest(_) => None,
        }
    }

    /// Everybody of it, ordered: staff, and bare accounts that may register.
    pub fn people(&self) -> impl Iterator<Item = PersonKey> {
        let staff = self.staff.keys().map(|user| PersonKey::User(*user));
        let all = self.accounts.values().map(|account| account.person);
        staff.chain(all.filter(|person| matches!(person, PersonKey::Account(_))))
    }

    /// Whether a number is that of an extension that is closed at that time, whatever its rules make of calls to it (HX-18).
    pub fn is_closed(&self, number: &str, now: Timestamp) -> bool {
        let Some(Destination::Extension(extension)) = self.numbers.get(number) else { return false };
        extension.hours.as_ref().is_some_and(|hours| !hours.standing(hours::local(&self.zone, now)).is_open())
    }

    /// When the extension that has this number opens next: one that is closed now, and does within two weeks.
    pub fn opens_next(&self, number: &str, now: Timestamp) -> Option<Opening> {
        let Some(Destination::Extension(extension)) = self.numbers.get(number) else { return None };
        extension.hours.as_ref().filter(|_| self.is_closed(number, now))?.next(&self.zone, now)
    }

    /// The zone of its clocks: a name of the IANA database.
    pub fn timezone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Its queues, ordered by id.
    pub fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.queues.values()
    }

    /// A queue by id; none of an extension that nobody (active) is assigned to.
    pub fn queue(&self, id: QueueId) -> Option<&Arc<Queue>> {
        self.queues.get(&id)
    }

    /// The menu of an extension.
    pub fn menu(&self, of: ExtensionId) -> Option<&Arc<Menu>> {
        self.extensions.get(&of)?.menu.as_ref()
    }

    /// The conference of an extension.
    pub fn conference(&self, of: ExtensionId) -> Option<&Arc<Conference>> {
        self.extensions.get(&of)?.conference.as_ref()
    }

    /// Its conferences, ordered by their extensions.
    pub fn conferences(&self) -> impl Iterator<Item = &Arc<Conference>> {
        self.extensions.values().filter_map(|extension| extension.conference.as_ref())
    }

    /// Its accounts that may register and call, ordered by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// An account that may register and call, by id.
    pub fn account_by_id(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }
}

/// What a number stands for, settled at compile time as far as configuration can settle it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Destination {
    Extension(Arc<Extension>),
    Person(UserId),
    /// A bare account.
    Ring(Arc<Ring>),
    /// A bare account that is switched off.
    Inactive(Host),
    Feature(Feature),
}

impl Destination {
    /// The extension or the person that it is, if it is one.
    pub(crate) fn host_inside(&self) -> Option<Host> {
        match self {
            Self::Extension(extension) => Some(Host::Extension(extension.id)),
            Self::Person(user) => Some(Host::User(*user)),
            Self::Ring(_) | Self::Inactive(_) | Self::Feature(_) => None,
        }
    }
}

/// An extension with its hours and rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Extension {
    pub(crate) id: ExtensionId,
    pub(crate) number: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) is_active: bool,
    /// `None`: nobody who could answer is assigned.
    pub(crate) ring: Option<Arc<Ring>>,
    /// Of one that somebody is assigned to.
    pub(crate) queue: Option<Arc<Queue>>,
    /// Who may listen to the calls of its people.
    pub(crate) supervisors: BTreeSet<UserId>,
    /// What callers choose from before anybody rings.
    pub(crate) menu: Option<Arc<Menu>>,
    /// The room that callers come into, in place of its people.
    pub(crate) conference: Option<Arc<Conference>>,
    /// Its people's phones answer by themselves.
    pub(crate) page_group: Option<Arc<PageGroup>>,
    /// `None`: always open.
    pub(crate) hours: Option<Hours>,
    /// In the order in which they are tried.
    pub(crate) rules: Vec<Rule>,
    /// `None`: as the organisation has it.
    pub(crate) recording: Option<RecordingPolicy>,
    pub(crate) takes_intercom: bool,
}

impl Extension {
    fn has(&self, person: PersonKey) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.targets.iter().any(|target| target.person == person))
    }
}

/// A member of staff, through their own number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) number: Arc<str>,
    pub(crate) name: Arc<str>,
    /// `None` while suspended.
    pub(crate) ring: Option<Arc<Ring>>,
    /// `None` while suspended, or without a mailbox.
    pub(crate) mailbox: Option<Arc<Mailbox>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) is_enabled: bool,
    pub(crate) timescope: Timescope,
    pub(crate) condition: Condition,
    pub(crate) action: Action,
}

/// What a rule or a key of a menu does, of what the switch can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Ring,
    Forward(Host),
    Announce(Arc<str>),
    Voicemail(UserId),
    /// Into the queue of an extension, with a priority.
    Queue(ExtensionId, u16),
    /// The menu of an extension.
    Menu(ExtensionId),
}

/// A person's mailbox, with everything needed to take a message for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Whose.
    pub user: UserId,
    /// Their number.
    pub number: Arc<str>,
    /// What callers hear first, by the name of a sound; `None`: the common greeting.
    pub greeting: Option<Arc<str>>,
    /// Messages it holds.
    pub messages_max: u16,
    /// Seconds of one message.
    pub message_secs_max: u16,
}

/// Everything needed to ring what a number stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// What was called (H-066: the host of the call).
    pub host: Host,
    /// Its number, or the username of a bare account.
    pub number: Arc<str>,
    /// Its name, for the caller's display.
    pub name: Arc<str>,
    /// Who rings, all at once, ordered by person; empty where a number outside is called, and only there.
    pub targets: Vec<Target>,
    /// H-052: how long, in seconds.
    pub ring_timeout_secs: u16,
    /// What is called in the telephone network instead of anybody here.
    pub outbound: Option<Arc<Outbound>>,
}

/// A queue: who answers its callers, and how they wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Its extension with all of its people; each rings for `ring_timeout_secs` of it.
    pub ring: Arc<Ring>,
    /// Who is asked next.
    pub strategy: Strategy,
    /// The people of `ring` in the order in which `linear` asks them, each with a weight of at least 1.
    pub agents: Vec<(PersonKey, u16)>,
    /// Callers who may wait at once.
    pub capacity: u16,
    /// Seconds that a caller waits at most.
    pub wait_max_secs: u16,
    /// Seconds that somebody is left alone after a call of it.
    pub wrap_up_secs: u16,
    /// Calls in a row that somebody may leave unanswered before they are paused; 0: any number.
    pub misses_max: u16,
    /// Seconds between two announcements of a caller's place; 0: none.
    pub announce_secs: u16,
    /// Whether a caller may hang up with its place kept, and be called back.
    pub has_callback: bool,
}

/// A room in which callers hear each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conference {
    /// Its id.
    pub id: ConferenceId,
    /// Whose it is.
    pub extension: ExtensionId,
    /// The number of that.
    pub number: Arc<str>,
    /// The name of that.
    pub name: Arc<str>,
    /// What callers press to come in; `None`: nothing.
    #[serde(skip)]
    pub pin: Option<Pin>,
    /// Who may be there at once.
    pub members_max: u16,
    /// Whether a tone says that somebody has come or gone.
    pub has_tones: bool,
}

/// Phones that all hear whoever calls them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageGroup {
    /// Its id.
    pub id: PageGroupId,
    /// Whose it is.
    pub extension: ExtensionId,
    /// The number of that.
    pub number: Arc<str>,
    /// Whether they are heard too.
    pub is_duplex: bool,
}

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// An extension, through its number.
    Extension(ExtensionId),
    /// A member of staff, through their own number.
    User(UserId),
    /// A bare account, through its username.
    Account(AccountId),
    /// A number in the telephone network.
    Outside(OutsideNumber),
}

/// Somebody who rings, with everything they may ring on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Who.
    pub person: PersonKey,
    /// Their active accounts, ordered by id; may be empty, which makes the person unreachable.
    pub accounts: Vec<AccountId>,
    /// How far what answers there is trusted.
    pub trust: Trust,
}

/// Which side of the edge of the network whose assertions are believed a next hop stands on (RFC 3325 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A phone: it is told no more of a caller than the caller allows.
    Outside,
    /// A peer that keeps what is asserted to it private, as it was asked to: every caller's number is told to it.
    Inside,
}

/// One person for the rules of a call: a refusal of one device speaks for all devices of the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonKey {
    /// A member of staff.
    User(UserId),
    /// A bare account, which is a person of its own.
    Account(AccountId),
    /// Somebody outside, of whom no more is known than the trunk between.
    Trunk(TrunkId),
    /// A visitor with a pass, who is nobody of the organisation (H-020).
    Guest(GuestId),
}

impl PersonKey {
    /// Whether they are nobody of the organisation.
    pub fn is_outside(self) -> bool {
        matches!(self, Self::Trunk(_) | Self::Guest(_))
    }

    /// Whether this is the same person for certain: of somebody outside nobody knows who they are.
    pub fn is_surely(self, other: Self) -> bool {
        self == other && !self.is_outside()
    }

    /// Somebody of ours; `None`: somebody outside.
    pub fn own(self) -> Option<availability::Person> {
        match self {
            Self::User(user) => Some(availability::Person::User(user)),
            Self::Account(account) => Some(availability::Person::Account(account)),
            Self::Trunk(_) | Self::Guest(_) => None,
        }
    }
}

impl From<availability::Person> for PersonKey {
    fn from(person: availability::Person) -> Self {
        match person {
            availability::Person::User(user) => Self::User(user),
            availability::Person::Account(account) => Self::Account(account),
        }
    }
}

/// Credentials that may be used now. Inactive accounts, and those of suspended staff, are not in a plan.
#[derive(Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose it is.
    pub person: PersonKey,
    /// Digest username.
    pub username: Box<str>,
    /// The number to show and to call back: the person's staff number, or the username of a bare account.
    pub number: Box<str>,
    /// The name to show: the person's name, or the username of a bare account.
    pub name: Box<str>,
    /// H(A1) by MD5, as in [`contract::snapshot::Account`].
    pub ha1_md5: Box<str>,
    /// H(A1) by SHA-256.
    pub ha1_sha256: Box<str>,
}

impl std::fmt::Debug for Account {
    /// Leaves the digests out: they are as good as the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("person", &self.person).finish_non_exhaustive()
    }
}
