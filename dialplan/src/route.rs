//! From a dialled number to a decision, with the trace that explains it to a person.
//!
//! Look-up order: feature codes, extension numbers and staff numbers (one name space, so they cannot collide), then
//! the usernames of bare accounts. An extension then has its say: hours and rules (`follow`). The only facts of the call
//! itself that count are who calls, what they dialled and when.

use std::sync::Arc;

use contract::{
    id::{ExtensionId, OrgId},
    rules::{Condition, RuleNamed},
    time::Timestamp,
};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::{
    feature::{Feature, INTERCOM},
    follow::{Following, Way},
    hours::Standing,
    menu::Menu,
    outbound::{Barred, OutsideNumber, Payer},
    plan::{Conference, Destination, Host, Mailbox, OrgPlan, PageGroup, PersonKey, Plan, Queue, Ring},
};

/// What is known about a call before it is routed.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Who calls.
    pub caller: PersonKey,
    /// The user part of the request URI, unescaped.
    pub dialled: &'a str,
}

/// What to do with a call, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What to do.
    pub route: Route,
    /// The forwards by which the call gets there, of this decision, in order.
    pub forwards: Vec<Forward>,
    /// How far rules have taken the call, for [`Plan::route_after`].
    pub trail: Trail,
    /// Why.
    pub trace: Trace,
}

impl Decision {
    /// The number in the telephone network that was dialled, whether or not it may be called.
    pub fn outside(&self) -> Option<OutsideNumber> {
        match self.trace.0.first() {
            Some(Step::Outside { number, .. }) => Some(*number),
            _ => None,
        }
    }
}

/// What to do with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Ring these people.
    Ring(Arc<Ring>),
    /// Have the phones of these people answer by themselves.
    Intercom(Arc<Ring>),
    /// Let one of a queue's people ring, or the caller wait for one.
    Queue(Queueing),
    /// The switch answers by itself.
    Feature(Feature),
    /// Say something to the caller and hang up.
    Announce(Announcement),
    /// Take a message.
    Voicemail(Voicemail),
    /// Let the caller choose.
    Menu(Arc<Menu>),
    /// Let the caller into a room with others.
    Conference(Arc<Conference>),
    /// Have these phones answer by themselves, and all hear the caller.
    Page(Paging),
    /// Tell the caller no.
    Refuse(Refusal),
}

impl Route {
    /// Who rings, all at once where the one who calls does not wait in a queue.
    pub fn ring(&self) -> Option<&Arc<Ring>> {
        match self {
            Self::Ring(ring) | Self::Queue(Queueing { ring, .. }) => Some(ring),
            Self::Intercom(_)
            | Self::Feature(_)
            | Self::Announce(_)
            | Self::Voicemail(_)
            | Self::Menu(_)
            | Self::Conference(_)
            | Self::Page(_)
            | Self::Refuse(_) => None,
        }
    }
}

/// Who hears a caller of a page group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paging {
    /// Which.
    pub group: Arc<PageGroup>,
    /// Its people but the caller.
    pub ring: Arc<Ring>,
}

/// A place in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queueing {
    /// Which.
    pub queue: Arc<Queue>,
    /// Its people but the caller.
    pub ring: Arc<Ring>,
    /// Before callers with less.
    pub priority: u16,
}

/// What a rule or a menu says to a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// Whose it is.
    pub host: Host,
    /// A sound by its name.
    pub sound: Arc<str>,
}

/// A message that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Voicemail {
    /// For whom.
    pub mailbox: Arc<Mailbox>,
    /// Why the call goes there, as it is written down: the case, or [`Lead::reason`].
    pub reason: &'static str,
}

/// Why the caller is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nothing has this number.
    UnknownNumber,
    /// What has it is switched off (H-056) or suspended.
    Inactive(Host),
    /// An extension nobody (active) is assigned to (H-051).
    NoStaff(Host),
    /// An extension outside its hours (H-053), without a rule for that.
    Closed(Host),
    /// Whoever would ring is the caller.
    SelfCall(Host),
    /// Nobody there takes an intercom.
    NoIntercom(Host),
    /// Nobody outside may call it.
    InsideOnly(Host),
    /// A number in the telephone network that whoever pays for it may not call, or not now.
    Barred(Barred),
}

impl Refusal {
    /// The stable word for programs, as in `contract::journal::Detail::reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Refusal::UnknownNumber => "unknown_number",
            Refusal::Inactive(_) => "inactive",
            Refusal::NoStaff(_) => "no_staff",
            Refusal::Closed(_) => "closed",
            Refusal::SelfCall(_) => "self_call",
            Refusal::NoIntercom(_) => "no_intercom",
            Refusal::InsideOnly(_) => "inside_only",
            Refusal::Barred(why) => why.reason(),
        }
    }

    /// What was called, when the number is known.
    pub const fn host(self) -> Option<Host> {
        match self {
            Refusal::UnknownNumber | Refusal::Barred(_) => None,
            Refusal::Inactive(host)
            | Refusal::NoStaff(host)
            | Refusal::Closed(host)
            | Refusal::SelfCall(host)
            | Refusal::NoIntercom(host)
            | Refusal::InsideOnly(host) => Some(host),
        }
    }
}

/// A call that a rule or a menu sends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Whose rule or menu.
    pub from: ExtensionId,
    /// The rule, or how it was chosen.
    pub lead: Lead,
    /// To what.
    pub to: Host,
    /// Its number.
    pub number: Arc<str>,
    /// The number of the extension whose rule or menu it is.
    pub by: Arc<str>,
}

/// What leads a call from an extension to somewhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lead {
    /// A rule.
    Rule(RuleNamed),
    /// The extension's menu.
    Menu(Chosen),
}

impl Lead {
    /// The stable word for programs: the case of a rule, or what was chosen.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.condition.as_str(),
            Self::Menu(chosen) => chosen.as_str(),
        }
    }

    /// The rule, if it is one.
    pub const fn rule(self) -> Option<RuleNamed> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::Menu(_) => None,
        }
    }
}

/// How a caller has left a menu. Which key it was is nobody's business but the menu's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// It has chosen.
    Choice,
    /// It has pressed nothing.
    Timeout,
    /// It has pressed what is no choice.
    Invalid,
}

impl Chosen {
    /// The stable word for programs, as in `contract::journal::Detail::reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Choice => "menu",
            Self::Timeout => "menu_timeout",
            Self::Invalid => "menu_invalid",
        }
    }
}

/// How far rules have taken a call: everything they have led to, be it that nobody could be rung there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// What was dialled.
    pub(crate) dialled: Option<Host>,
    /// In order.
    pub(crate) forwards: Vec<Forward>,
    /// What rings, or rang last.
    pub(crate) at: Option<Host>,
}

impl Trail {
    /// The forward that led to `host`.
    pub(crate) fn leading_to(&self, host: Host) -> Option<&Forward> {
        self.forwards.iter().find(|forward| forward.to == host)
    }

    /// What rings, or rang last.
    pub fn at(&self) -> Option<Host> {
        self.at
    }

    /// The forwards from what was dialled to what rings, in order.
    pub fn path(&self) -> Vec<&Forward> {
        let mut path: Vec<&Forward> = Vec::new();
        let mut host = self.at;
        while let Some(forward) = host.and_then(|host| self.leading_to(host)) {
            path.push(forward);
            host = Some(Host::Extension(forward.from));
        }
        path.reverse();
        path
    }
}

/// The steps of a decision, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace(pub Vec<Step>);

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The organisation is not in this plan.
    NoOrganisation,
    /// No extension, staff member or bare account has the number.
    NoNumber,
    /// The number stands for this.
    Number {
        /// The number.
        number: Arc<str>,
        /// What.
        host: Host,
        /// Its name.
        name: Arc<str>,
    },
    /// It is a number of the organisation in the telephone network.
    Did(Box<str>),
    /// It is a number in the telephone network.
    Outside {
        /// Which.
        number: OutsideNumber,
        /// By which route; `None`: it is one of the emergency services.
        route: Option<Arc<str>>,
        /// The names of the trunks that are tried, in order.
        trunks: Vec<Arc<str>>,
    },
    /// Whoever pays for it may not call it.
    Barred(Barred),
    /// The number is a feature code.
    Feature(Feature),
    /// The code for intercom stands before the number.
    Intercom,
    /// It is switched off or suspended.
    Inactive,
    /// Nobody is assigned.
    NoStaff,
    /// Whether it is open.
    Hours {
        /// What the clock on the organisation's walls shows.
        local: DateTime,
        /// Whether it is.
        standing: Standing,
    },
    /// It is closed, and no rule says what to do then.
    Closed,
    /// What was rung came to this, and the rules of it are asked.
    After {
        /// What was rung, or sent the call there: its number.
        number: Arc<str>,
        /// What it came to.
        condition: Condition,
    },
    /// A rule for the case does not hold.
    PassedOver {
        /// Which.
        rule: RuleNamed,
        /// Why not.
        because: PassedOver,
    },
    /// A rule sends the call on, or what was chosen from a menu.
    Forward {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
        /// To what.
        to: Host,
        /// Its number.
        number: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// Nobody can be rung where a rule led; the rules after it are asked.
    LedNowhere {
        /// Which.
        rule: RuleNamed,
    },
    /// A rule or a menu has the extension's own people rung.
    OwnPeople {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
    },
    /// A rule or a menu has something said.
    Announce {
        /// Which; `None`: the menu.
        rule: Option<RuleNamed>,
        /// What.
        sound: Arc<str>,
    },
    /// The call goes to a mailbox.
    Voicemail {
        /// The number of the person whose it is.
        number: Arc<str>,
        /// Why: the case, or [`Lead::reason`].
        reason: &'static str,
        /// By which rule; `None`: because nobody took the call and the person has a mailbox, or by a menu.
        rule: Option<RuleNamed>,
    },
    /// The caller chooses from a menu.
    Menu(Arc<Menu>),
    /// What has become of that.
    Chosen {
        /// The number of the menu's extension.
        number: Arc<str>,
        /// What.
        chosen: Chosen,
    },
    /// The call comes into a room.
    Conference(Arc<Conference>),
    /// The caller speaks to phones that answer by themselves.
    Page(Paging),
    /// The call is for a queue.
    Waits(Queueing),
    /// The caller is among those who would ring and is left out.
    CallerLeftOut,
    /// So many people ring, on so many accounts.
    Rings {
        /// People.
        people: usize,
        /// Accounts of theirs.
        accounts: usize,
        /// For how long.
        seconds: u16,
    },
}

/// Why a rule was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// It is switched off.
    Disabled,
    /// It is for other hours.
    OtherHours,
    /// The call has been where it leads.
    BeenThere,
    /// The call has been forwarded as often as it may be.
    TooFar,
}

impl Plan {
    /// What to do with a call. Takes microseconds and never fails.
    pub fn route(&self, facts: &Facts<'_>, now: Timestamp) -> Decision {
        self.route_for(facts, Payer::Person(facts.caller), now)
    }

    /// The same for a call that somebody else sends on, who pays for it where it leaves for the telephone network.
    pub fn route_for(&self, facts: &Facts<'_>, payer: Payer, now: Timestamp) -> Decision {
        let Some(org) = self.organisation(facts.org) else {
            let (route, trace) = (Route::Refuse(Refusal::UnknownNumber), Trace(vec![Step::NoOrganisation]));
            return Decision { route, forwards: Vec::new(), trail: Trail::default(), trace };
        };
        let mut following = Following::new(org, facts.caller, now, Trail::default());
        let route = org.route(facts.dialled, payer, &mut following);
        following.decide(route)
    }

    /// What to do with a call that has rung what `trail` leads to, which came to `condition`: a person's mailbox, or the
    /// rules of an extension for that, then the further rules of what sent the call there, and so on back. `None`: neither
    /// leads to anything.
    pub fn route_after(
        &self,
        (org, caller): (OrgId, PersonKey),
        trail: &Trail,
        condition: Condition,
        now: Timestamp,
    ) -> Option<Decision> {
        let org = self.organisation(org)?;
        let mut following = Following::new(org, caller, now, trail.clone());
        let way = following.after(condition)?;
        Some(following.decide(way.into()))
    }

    /// Who has a number, whatever its hours and rules: for what is no call.
    pub fn people(&self, facts: &Facts<'_>) -> Result<Arc<Ring>, Refusal> {
        let org = self.organisation(facts.org).ok_or(Refusal::UnknownNumber)?;
        let mut following = Following::new(org, facts.caller, Timestamp::default(), Trail::default());
        match org.numbers.get(facts.dialled) {
            None | Some(Destination::Feature(_)) => Err(Refusal::UnknownNumber),
            Some(Destination::Extension(extension)) if !extension.is_active => {
                Err(Refusal::Inactive(Host::Extension(extension.id)))
            }
            Some(Destination::Extension(extension)) => following.own_people(extension),
            Some(Destination::Person(user)) => following.person(*user),
            Some(Destination::Inactive(host)) => Err(Refusal::Inactive(*host)),
            Some(Destination::Ring(ring)) => following.ring(ring),
        }
    }
}

impl OrgPlan {
    /// What a number does that is nobody's.
    fn unlisted(&self, dialled: &str) -> Option<Feature> {
        let pick_up = self.pick_up(dialled).map(|_| Feature::PickUp);
        let supervise = || self.supervised_at(dialled).map(|_| Feature::Supervise);
        pick_up.or_else(supervise).or_else(|| self.parks_at(dialled).map(Feature::Park))
    }

    fn route(&self, dialled: &str, payer: Payer, following: &mut Following<'_>) -> Route {
        let Some((number, found)) = self.find(dialled) else {
            return self.route_nowhere_here(dialled, payer, following);
        };
        let steps = &mut following.trace.0;
        // The organisation's own numbers have no plus.
        if found.host_inside().is_some() && number.starts_with('+') {
            steps.push(Step::Did(number.into()));
        }
        let way = match found {
            Destination::Feature(feature) => {
                steps.push(Step::Feature(*feature));
                return Route::Feature(*feature);
            }
            Destination::Extension(extension) => {
                let host = Host::Extension(extension.id);
                let (number, name) = (Arc::clone(&extension.number), Arc::clone(&extension.name));
                steps.push(Step::Number { number, host, name });
                following.begin(host);
                following.extension(extension)
            }
            Destination::Person(user) => {
                let host = Host::User(*user);
                if let Some(person) = self.staff.get(user) {
                    let (number, name) = (Arc::clone(&person.number), Arc::clone(&person.name));
                    steps.push(Step::Number { number, host, name });
                }
                following.begin(host);
                following.person(*user).map(Way::Ring)
            }
            Destination::Inactive(host) => {
                let number: Arc<str> = dialled.into();
                let name = Arc::clone(&number);
                steps.extend([Step::Number { number, host: *host, name }, Step::Inactive]);
                Err(Refusal::Inactive(*host))
            }
            Destination::Ring(ring) => {
                let (number, name) = (Arc::clone(&ring.number), Arc::clone(&ring.name));
                steps.push(Step::Number { number, host: ring.host, name });
                following.begin(ring.host);
                following.ring(ring).map(Way::Ring)
            }
        };
        way.map_or_else(Route::Refuse, Route::from)
    }

    /// What nobody here has: a number that does something, or one outside.
    fn route_nowhere_here(&self, dialled: &str, payer: Payer, following: &mut Following<'_>) -> Route {
        if let Some(user) = self.mailbox_at(dialled) {
            let way = following.voicemail(user, "dialled", None);
            return way.map_or_else(Route::Refuse, Route::from);
        }
        let intercom = dialled.strip_prefix(INTERCOM);
        if let Some((number, found)) = intercom.and_then(|number| Some((number, self.numbers.get(number)?))) {
            return self.intercom((number, found), following).map_or_else(Route::Refuse, Route::Intercom);
        }
        if let Some(feature) = self.unlisted(dialled) {
            following.trace.0.push(Step::Feature(feature));
            return Route::Feature(feature);
        }
        match self.outside(dialled, Some(payer), following) {
            Some(Ok(ring)) => {
                following.begin(ring.host);
                Route::Ring(ring)
            }
            Some(Err(refusal)) => Route::Refuse(refusal),
            None => {
                following.trace.0.push(Step::NoNumber);
                Route::Refuse(Refusal::UnknownNumber)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
