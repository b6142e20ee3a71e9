//! One organisation's telephony as an operator describes it: settings, staff with numbers, extensions, SIP accounts.
//!
//! [`Rows`] is what is compared and written, named by what people know (e-mail, number, username) instead of ids. What is
//! not described stays as it is: people without a number, API keys, records of calls.

pub(crate) mod conferences;
pub(crate) mod described;
pub(crate) mod description;
pub(crate) mod difference;
pub(crate) mod hours;
pub(crate) mod mailboxes;
pub(crate) mod menus;
pub(crate) mod outbound;
pub(crate) mod outside;
pub(crate) mod page_groups;
pub(crate) mod queues;
pub(crate) mod reader;
pub(crate) mod snapshot;
pub(crate) mod store;
pub(crate) mod text;
pub(crate) mod undo;
pub(crate) mod write;

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    language::Language,
    rules::{Condition, Span, Timescope, Window},
    snapshot::{Mailbox, RecordingPolicy, default_timezone},
};
pub(crate) use outside::Outside;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use conferences::Conference;
pub(crate) use mailboxes::Mails;
pub(crate) use menus::Menu;
pub(crate) use page_groups::PageGroup;
pub(crate) use queues::Queue;

/// Bytes of a name (`identity.users`, `telephony.extensions`).
pub(crate) const NAME_MAX: usize = 100;

/// The rows of one organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Its SIP domain, by which a description names it.
    pub(crate) domain: String,
    /// H-046: `approved`, or why the switch leaves it out.
    pub(crate) status: String,
    /// Whether requests to the switch's own address are its.
    pub(crate) is_default: bool,
    /// H-052
    pub(crate) ring_timeout_secs: u16,
    /// What callers are spoken to in.
    #[serde(default)]
    pub(crate) language: Language,
    /// Whether people who cannot be connected hear why.
    #[serde(default = "has_announcements")]
    pub(crate) has_announcements: bool,
    /// H-052, HX-22
    #[serde(default)]
    pub(crate) recording: RecordingPolicy,
    #[serde(default)]
    pub(crate) has_recording_notice: bool,
    #[serde(default)]
    pub(crate) has_recording_keys: bool,
    /// HX-22. None: for ever.
    #[serde(default)]
    pub(crate) recording_retention_days: Option<u16>,
    /// The zone of its hours.
    #[serde(default = "default_timezone")]
    pub(crate) timezone: String,
    /// People with a number, by e-mail.
    pub(crate) staff: BTreeMap<String, Staff>,
    /// By number.
    pub(crate) extensions: BTreeMap<String, Extension>,
    /// By username.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// By the number of their extension and their position, `100/02`.
    #[serde(default)]
    pub(crate) rules: BTreeMap<String, Rule>,
    /// By the number of their extension.
    #[serde(default)]
    pub(crate) queues: BTreeMap<String, Queue>,
    /// By the number of their extension.
    #[serde(default)]
    pub(crate) menus: BTreeMap<String, Menu>,
    /// By the number of their extension.
    #[serde(default)]
    pub(crate) conferences: BTreeMap<String, Conference>,
    /// By the numbers of their extensions.
    #[serde(default)]
    pub(crate) page_groups: BTreeMap<String, PageGroup>,
    /// By date and, if it is one extension's alone, its number: `2026-12-25 100`.
    #[serde(default)]
    pub(crate) holidays: BTreeMap<String, Holiday>,
    #[serde(default)]
    pub(crate) outside: Outside,
}

/// Rows that were applied before there was such a setting.
fn has_announcements() -> bool {
    true
}

/// A person who can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staff {
    pub(crate) user: Uuid,
    pub(crate) name: String,
    pub(crate) number: String,
    pub(crate) is_active: bool,
    /// Where callers leave messages.
    #[serde(default)]
    pub(crate) mailbox: Option<Mailbox>,
    /// Where these are mailed.
    #[serde(default)]
    pub(crate) mails: Option<Mails>,
}

impl Staff {
    /// The mailbox with all that belongs to it, if there is one.
    fn mailbox_with_mails(&self) -> Option<(&Mailbox, Option<&Mails>)> {
        self.mailbox.as_ref().map(|mailbox| (mailbox, self.mails.as_ref()))
    }
}

/// A number that rings several people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extension {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) is_active: bool,
    /// E-mails.
    pub(crate) staff: BTreeSet<String>,
    /// E-mails of those who may listen to the calls of its staff.
    #[serde(default)]
    pub(crate) supervisors: BTreeSet<String>,
    /// None: always open.
    #[serde(default)]
    pub(crate) hours: BTreeSet<Window>,
    /// None: as the organisation has it.
    #[serde(default)]
    pub(crate) recording: Option<RecordingPolicy>,
    #[serde(default)]
    pub(crate) takes_intercom: bool,
}

/// What becomes of calls to an extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) id: Uuid,
    /// The extension's number.
    pub(crate) extension: String,
    pub(crate) position: u16,
    pub(crate) is_enabled: bool,
    pub(crate) timescope: Timescope,
    pub(crate) condition: Condition,
    pub(crate) action: Action,
}

impl Rule {
    /// By what it is found again.
    pub(crate) fn key(&self) -> String {
        format!("{}/{:02}", self.extension, self.position)
    }
}

/// What a rule or a key of a menu does, by names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Ring,
    /// The number of an extension.
    ForwardExtension(String),
    /// The e-mail of somebody with a number.
    ForwardStaff(String),
    /// The name of a sound.
    AnnounceHangup(String),
    /// The e-mail of somebody with a mailbox.
    Voicemail(String),
    /// A number in the telephone network, by E.164.
    ForwardNumber(String),
    /// The number of an extension that has a queue, and before whom the caller waits there.
    Queue(String, u16),
    /// The number of an extension that has a menu.
    Ivr(String),
}

impl Action {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::ForwardExtension(_) => "forward_extension",
            Self::ForwardStaff(_) => "forward_staff",
            Self::ForwardNumber(_) => "forward_number",
            Self::AnnounceHangup(_) => "announce_hangup",
            Self::Voicemail(_) => "voicemail",
            Self::Queue(..) => "queue",
            Self::Ivr(_) => "ivr",
        }
    }

    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Self::Ring => None,
            Self::ForwardExtension(target)
            | Self::ForwardStaff(target)
            | Self::ForwardNumber(target)
            | Self::AnnounceHangup(target)
            | Self::Voicemail(target)
            | Self::Ivr(target)
            | Self::Queue(target, _) => Some(target),
        }
    }

    pub(crate) fn priority(&self) -> u16 {
        if let Self::Queue(_, priority) = self { *priority } else { 0 }
    }
}

/// A date with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holiday {
    /// `2026-12-25`
    pub(crate) date: String,
    /// An extension's number; everybody's without.
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
    /// None: closed.
    pub(crate) spans: BTreeSet<Span>,
}

impl Holiday {
    /// By what it is found again.
    pub(crate) fn key(&self) -> String {
        match &self.extension {
            None => self.date.clone(),
            Some(extension) => format!("{} {extension}", self.date),
        }
    }
}

/// Credentials of a phone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    /// Whose, by e-mail; nobody's for a bare account.
    pub(crate) owner: Option<String>,
    pub(crate) ha1_md5: String,
    pub(crate) ha1_sha256: String,
    pub(crate) is_active: bool,
}

impl std::fmt::Debug for Account {
    /// Leaves the digests out: they are as good as the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Rows {
    /// What an organisation is before anything of it is there: known by its domain, and left out by the switch.
    pub(crate) fn nothing_of(&self) -> Self {
        Self {
            id: self.id,
            name: self.name.clone(),
            domain: self.domain.clone(),
            status: "pending".to_owned(),
            is_default: false,
            ring_timeout_secs: self.ring_timeout_secs,
            language: self.language,
            has_announcements: self.has_announcements,
            recording: self.recording,
            has_recording_notice: self.has_recording_notice,
            has_recording_keys: self.has_recording_keys,
            recording_retention_days: self.recording_retention_days,
            timezone: self.timezone.clone(),
            staff: BTreeMap::new(),
            extensions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            rules: BTreeMap::new(),
            queues: BTreeMap::new(),
            menus: BTreeMap::new(),
            conferences: BTreeMap::new(),
            page_groups: BTreeMap::new(),
            holidays: BTreeMap::new(),
            outside: Outside { country_code: self.outside.country_code.clone(), ..Outside::default() },
        }
    }
}
