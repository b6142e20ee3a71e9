//! Configuration rows as the switch reads them at one instant, and as `dialplan::compile` takes them.
//!
//! Rows carry what routing and authentication need and no more: a digest instead of a password, no e-mail.

use serde::{Deserialize, Serialize};

use crate::{
    conferences::Conference,
    id::{AccountId, ExtensionId, OrgId, UserId},
    language::Language,
    menus::Menu,
    outside::Outside,
    paging::PageGroup,
    queues::Queue,
    rules::{Holiday, Rule, Window},
    words::words,
};

/// All organisations' rows at one revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `telephony.revisions`: grows by one with every change of configuration.
    pub revision: i64,
    /// Ordered by id.
    pub organisations: Vec<Organisation>,
}

/// What has become of some organisations' rows by a revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The revision that all rows are at with these.
    pub revision: i64,
    /// Those that are other ones than before, with all their rows. Ordered by id.
    pub changed: Vec<Organisation>,
    /// Those that there are no more, or that are not approved any more.
    pub gone: Vec<OrgId>,
}

impl Changes {
    /// All that these are about, there or gone.
    pub fn touched(&self) -> impl Iterator<Item = OrgId> {
        self.changed.iter().map(|organisation| organisation.id).chain(self.gone.iter().copied())
    }
}

/// One tenant's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// Its SIP domain, lower case, also the digest realm; unique among organisations.
    pub sip_domain: String,
    /// Whether requests addressed to one of the switch's own addresses belong to it.
    pub is_default: bool,
    /// H-052: seconds a call rings before it times out, 5 … 600.
    pub ring_timeout_secs: u16,
    /// What callers are spoken to in.
    #[serde(default)]
    pub language: Language,
    /// Whether people who cannot be connected hear why.
    #[serde(default = "has_announcements")]
    pub has_announcements: bool,
    /// H-052, HX-22: which of its calls are recorded.
    #[serde(default)]
    pub recording: RecordingPolicy,
    /// HX-22: whether callers hear that their call will be recorded before anybody rings.
    #[serde(default)]
    pub has_recording_notice: bool,
    /// Whether its people begin and pause recordings of their calls by keys (`*1`), where these may be recorded.
    #[serde(default)]
    pub has_recording_keys: bool,
    /// The zone of its hours by its IANA name, `Asia/Jakarta` (HX-15).
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// Dates with other hours than their weekday's, ordered by id.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// Its way to and from the telephone network.
    #[serde(default)]
    pub outside: Outside,
    /// People, ordered by id.
    pub staff: Vec<Staff>,
    /// Extensions, ordered by id.
    pub extensions: Vec<Extension>,
    /// SIP accounts, ordered by id.
    pub accounts: Vec<Account>,
}

/// Rows that were kept before there was such a setting.
fn has_announcements() -> bool {
    true
}

words! {
    /// Which calls are recorded: of an organisation, or of an extension that has a word of its own.
    #[derive(Default)]
    RecordingPolicy {
        /// None, whoever asks.
        #[default]
        Never = "never",
        /// Those that somebody orders to be.
        OnDemand = "on_demand",
        /// All, from the answer on; who pauses or stops one does it by an order.
        Always = "always",
    }
}

impl RecordingPolicy {
    /// By the columns `is_record_a_call` and `is_recording_on_demand`.
    pub const fn of_columns(always: bool, on_demand: bool) -> Self {
        match (always, on_demand) {
            (true, _) => Self::Always,
            (false, true) => Self::OnDemand,
            (false, false) => Self::Never,
        }
    }
}

/// The zone of an organisation that has chosen none, and of rows that were kept before there were any.
pub fn default_timezone() -> String {
    "Asia/Jakarta".to_owned()
}

/// A person who can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The person.
    pub user: UserId,
    /// Shown on the phones of whoever is called.
    pub name: String,
    /// The number that rings this person, 2 … 6 digits, unique in the organisation with extensions' numbers.
    pub number: String,
    /// False while suspended.
    pub is_active: bool,
    /// Where callers leave messages whom nobody answers; `None`: nowhere.
    #[serde(default)]
    pub mailbox: Option<Mailbox>,
}

/// A person's mailbox (voicemail) that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// What callers hear first, by the name of a sound; `None`: the common greeting.
    pub greeting: Option<String>,
    /// Messages it holds.
    pub messages_max: u16,
    /// Seconds of one message.
    pub message_secs_max: u16,
}

impl Default for Mailbox {
    /// As the columns of `telephony.voicemail_boxes` have it.
    fn default() -> Self {
        Self { greeting: None, messages_max: 50, message_secs_max: 180 }
    }
}

/// H-050 with the number of HX-10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its id.
    pub id: ExtensionId,
    /// Shown on the phones of whoever is called through it.
    pub name: String,
    /// 2 … 6 digits.
    pub number: String,
    /// H-056.
    pub is_active: bool,
    /// H-051: who rings, ordered by id.
    pub staff: Vec<UserId>,
    /// Who may listen to the calls of those, ordered by id.
    #[serde(default)]
    pub supervisors: Vec<UserId>,
    /// H-053: when it is open. None at all: always.
    #[serde(default)]
    pub hours: Vec<Window>,
    /// H-055: what becomes of calls to it.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// HX-22: which calls are recorded that come through it. None: as its organisation has it.
    #[serde(default)]
    pub recording: Option<RecordingPolicy>,
    /// Whether the phones of its people answer an intercom by themselves.
    #[serde(default)]
    pub takes_intercom: bool,
    /// Where callers wait while its people are busy. None: they are busy.
    #[serde(default)]
    pub queue: Option<Queue>,
    /// What callers choose from before anybody rings.
    #[serde(default)]
    pub menu: Option<Menu>,
    /// The room that callers come into, in place of its people.
    #[serde(default)]
    pub conference: Option<Conference>,
    /// Its people's phones all hear whoever calls it, in place of ringing.
    #[serde(default)]
    pub page_group: Option<PageGroup>,
}

/// Credentials that phones register and call with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose it is; `None` is a bare account, callable by its username.
    pub user: Option<UserId>,
    /// Digest username, unique in the organisation, case-sensitive (RFC 3261 §19.1.4).
    pub username: String,
    /// H(A1) by MD5: `md5(username:realm:password)`, 32 lower-case hex digits (RFC 8760).
    pub ha1_md5: String,
    /// H(A1) by SHA-256, 64 lower-case hex digits.
    pub ha1_sha256: String,
    /// Whether it may register and call.
    pub is_active: bool,
}

impl std::fmt::Debug for Account {
    /// Leaves the digests out: they are as good as the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}
