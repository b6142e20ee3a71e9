//! Why a call went as it did: route, facts and SIP messages of one of the last calls, as the switch remembers them.
//!
//! Kept in memory only and for as long as it has room; the record of a call is its journal, not this. Credentials are
//! masked before a message gets here. `sambung why` draws it.

use serde::{Deserialize, Serialize};

use crate::{
    id::{CallId, OrgId},
    journal::Fact,
    media::MediaView,
    menus::MenuKey,
    rules::{Condition, RuleNamed},
    time::Timestamp,
};

/// Everything remembered of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallTrace {
    /// The call.
    pub call: CallId,
    /// Its organisation.
    pub org: OrgId,
    /// Number or username of the caller.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// It has not ended.
    pub is_live: bool,
    /// What the plan made of what was dialled, and of what was rung and came to nothing, in order.
    pub routes: Vec<RouteTrace>,
    /// Its legs by number, each by the Call-ID of its messages.
    pub legs: Vec<String>,
    /// What was written down of it, in order.
    pub facts: Vec<TracedFact>,
    /// What the media of its legs is like, or was when it ended.
    #[serde(default)]
    pub media: Vec<MediaView>,
    /// Its SIP messages, in the order in which the switch handled them.
    pub messages: Vec<TracedMessage>,
    /// Messages and facts beyond what is remembered of one call.
    pub left_out: u64,
}

/// A route and how it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrace {
    /// Revision of the plan that was asked.
    pub revision: i64,
    /// In order.
    pub steps: Vec<RouteStep>,
}

/// One step of the plan's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum RouteStep {
    /// The organisation is not in the plan.
    NoOrganisation,
    /// Nothing has the number.
    NoNumber,
    /// The number stands for this.
    Number {
        /// The number.
        number: String,
        /// `extension`, `user` or `account`.
        kind: String,
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// It is a number of the organisation in the telephone network.
    Did {
        /// The number, by E.164.
        number: String,
    },
    /// It is a number in the telephone network.
    Outside {
        /// The number, by E.164 or short as it is known in the country.
        number: String,
        /// By which route; `None`: it is one of the emergency services.
        route: Option<String>,
        /// The names of the trunks that are tried, in order.
        trunks: Vec<String>,
    },
    /// Whoever pays for it may not call it.
    Barred {
        /// A stable word: `destination_not_allowed`, `outside_not_at_this_time`.
        because: String,
    },
    /// The number is a feature code: the switch answers by itself.
    Feature {
        /// Its stable word: `echo`.
        name: String,
    },
    /// The code for intercom stands before the number: phones there are to answer by themselves.
    Intercom,
    /// It is switched off or suspended.
    Inactive,
    /// Nobody is assigned to it.
    NoStaff,
    /// Whether it is open.
    Hours {
        /// What the clock on its walls shows, `Mon 2026-11-23 12:00`.
        local: String,
        /// Whether it is.
        is_open: bool,
        /// By which window, and when that began: `Mon 2026-11-23 08:00–17:00`.
        window: Option<String>,
        /// The date has hours of its own.
        is_holiday: bool,
    },
    /// It is closed, and no rule says what to do then.
    Closed,
    /// What was rung came to this: the rules for it are asked.
    After {
        /// Whose rules.
        number: String,
        /// What it came to.
        condition: Condition,
    },
    /// A rule for the case does not hold.
    PassedOver {
        /// Which.
        rule: RuleNamed,
        /// `disabled`, `other_hours`, `been_there` or `too_far`.
        because: String,
    },
    /// A rule sends the call on, or what was chosen from a menu.
    Forward {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
        /// To which number.
        number: String,
        /// What has it.
        name: String,
    },
    /// Nobody can be rung where a rule led.
    LedNowhere {
        /// Which.
        rule: RuleNamed,
    },
    /// A rule or a menu has the extension's own people rung.
    OwnPeople {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
    },
    /// A rule or a menu has something said to the caller.
    Announce {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
        /// The sound by its name.
        sound: String,
    },
    /// The call goes to a mailbox.
    Voicemail {
        /// The number of the person whose it is.
        number: String,
        /// Why: the case, or `menu`.
        reason: String,
        /// By this rule; `None`: because nobody took the call and the person has a mailbox, or by a menu.
        rule: Option<RuleNamed>,
    },
    /// The caller chooses from a menu.
    Menu {
        /// The number of the menu's extension.
        number: String,
        /// What can be chosen.
        offers: Vec<MenuOffer>,
        /// Whether the numbers of extensions and people can be dialled in it.
        has_direct_dialling: bool,
    },
    /// What has become of that.
    Chosen {
        /// The number of the menu's extension.
        number: String,
        /// `menu`: it has chosen; `menu_timeout`, `menu_invalid`: it has not, as often as that may be.
        reason: String,
    },
    /// The caller comes into a room with others.
    Conference {
        /// The number of the conference's extension.
        number: String,
        /// Who may be there at once.
        members_max: u16,
        /// Whether it has to press a PIN.
        has_pin: bool,
    },
    /// The caller speaks to phones that answer by themselves.
    Page {
        /// The number of the page group's extension.
        number: String,
        /// People.
        people: usize,
        /// Whether they are heard too.
        is_duplex: bool,
    },
    /// The call is for a queue: it rings or waits there.
    Waits {
        /// The number of the queue's extension.
        number: String,
        /// Who is asked first, by its word.
        strategy: String,
        /// People who answer there.
        people: usize,
        /// Before callers with less.
        priority: u16,
        /// For how long at most, in seconds.
        seconds: u16,
    },
    /// The caller is among those who would ring and is left out.
    CallerLeftOut,
    /// So many people ring, on so many accounts.
    Rings {
        /// People.
        people: usize,
        /// Accounts of theirs.
        accounts: usize,
        /// For how long, in seconds.
        seconds: u16,
    },
}

/// Where one key of a menu leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuOffer {
    /// Which.
    pub key: MenuKey,
    /// What is done then, by the word of rules.
    pub action: String,
    /// To what: a number or a sound; empty where it has none.
    pub target: String,
}

/// A fact of the call's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracedFact {
    /// When it became true.
    pub at: Timestamp,
    /// The fact.
    pub fact: Fact,
}

/// Which way a message went, seen from the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To the switch.
    In,
    /// From the switch.
    Out,
}

/// A SIP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedMessage {
    /// When the switch took or made it; messages of one turn of its loop share an instant.
    pub at: Timestamp,
    /// Which way it went.
    pub way: Way,
    /// Number of the leg it belongs to, from 1.
    pub leg: u16,
    /// `udp`, `tcp` …
    pub transport: String,
    /// The switch's address, `192.0.2.1:5060`.
    pub local: String,
    /// The far end's.
    pub remote: String,
    /// The whole message; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// One of the last calls, in a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The call.
    pub call: CallId,
    /// Number or username of the caller.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// It has not ended.
    pub is_live: bool,
    /// SIP messages remembered.
    pub messages: usize,
}
