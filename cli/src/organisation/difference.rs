//! What applying would change, row by row and field by field, in an order that does not depend on anything but names.
//! Of a password or a PIN only that it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Account, Action, Conference, Extension, Holiday, Menu, PageGroup, Queue, Rows, Rule, Staff,
    hours::{spans_text, windows_text},
    mailboxes,
    outbound::{Budget, OutboundRoute, Price},
    outside::{Did, Outside, Trunk},
};

/// Shown in place of a digest.
const SECRET: &str = "****";

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Added,
    Changed,
    Removed,
}

/// One row that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// The organisation's domain.
    pub(crate) organisation: String,
    /// `organisation`, `staff`, `extension`, `account`, `rule`, `queue`, `menu`, `conference`, `page_group`, `trunk`, `did`,
    /// `outbound_route`, `budget`, `price` or `holiday`.
    pub(crate) row: &'static str,
    /// Its domain, e-mail, number, name or username; number and position; date.
    pub(crate) key: String,
    pub(crate) change: Kind,
    /// Those that differ; all of them for a row that is added, none for one that is removed.
    pub(crate) fields: Vec<Field>,
}

/// One field that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Field {
    pub(crate) field: &'static str,
    /// Null for a row that is added.
    pub(crate) from: Value,
    pub(crate) to: Value,
}

pub(super) type Fields = Vec<(&'static str, Value)>;

/// All changes from `before` to `after`: the organisation, then all others by their keys.
pub(crate) fn changes(before: Option<&Rows>, after: &Rows) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |row, key: &str, from: Option<Fields>, to: Option<Fields>| {
        changes.extend(change(&after.domain, row, key, from, to));
    };
    add("organisation", &after.domain, before.map(Rows::fields), Some(after.fields()));
    let nothing = after.nothing_of();
    let before = before.unwrap_or(&nothing);
    each(&before.staff, &after.staff, Staff::fields, |key, from, to| add("staff", key, from, to));
    let fields = |extension: &Extension| extension.fields();
    each(&before.extensions, &after.extensions, fields, |key, from, to| add("extension", key, from, to));
    each(&before.accounts, &after.accounts, Account::fields, |key, from, to| add("account", key, from, to));
    each(&before.rules, &after.rules, Rule::fields, |key, from, to| add("rule", key, from, to));
    each(&before.queues, &after.queues, Queue::fields, |key, from, to| add("queue", key, from, to));
    let fields = |menu: &(String, Menu)| menu.1.fields(&menu.0);
    each(&numbered(&before.menus), &numbered(&after.menus), fields, |key, from, to| {
        add("menu", key, from, to);
    });
    each(&before.conferences, &after.conferences, Conference::fields, |key, from, to| {
        add("conference", key, from, to);
    });
    each(&before.page_groups, &after.page_groups, PageGroup::fields, |key, from, to| {
        add("page_group", key, from, to);
    });
    each(&before.outside.trunks, &after.outside.trunks, Trunk::fields, |key, from, to| {
        add("trunk", key, from, to);
    });
    each(&before.outside.dids, &after.outside.dids, Did::fields, |key, from, to| add("did", key, from, to));
    let (was, is) = (&before.outside, &after.outside);
    each(&was.routes, &is.routes, OutboundRoute::fields, |key, from, to| {
        add("outbound_route", key, from, to);
    });
    each(&was.budgets, &is.budgets, Budget::fields, |key, from, to| add("budget", key, from, to));
    each(&was.prices, &is.prices, Price::fields, |key, from, to| add("price", key, from, to));
    each(&before.holidays, &after.holidays, Holiday::fields, |key, from, to| add("holiday", key, from, to));
    changes
}

/// Menus with the numbers of their extensions.
fn numbered(menus: &BTreeMap<String, Menu>) -> BTreeMap<String, (String, Menu)> {
    menus.iter().map(|(number, menu)| (number.clone(), (number.clone(), menu.clone()))).collect()
}

fn each<T>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    fields: impl Fn(&T) -> Fields,
    mut add: impl FnMut(&str, Option<Fields>, Option<Fields>),
) {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        add(key, before.get(key).map(&fields), after.get(key).map(&fields));
    }
}

fn change(
    organisation: &str,
    row: &'static str,
    key: &str,
    from: Option<Fields>,
    to: Option<Fields>,
) -> Option<Change> {
    let (change, fields) = match (from, to) {
        (None, Some(to)) => {
            let fields = to.into_iter().map(|(field, to)| Field { field, from: Value::Null, to });
            (Kind::Added, fields.collect::<Vec<_>>())
        }
        (Some(_), None) => (Kind::Removed, Vec::new()),
        (Some(from), Some(to)) => {
            let pairs = from.into_iter().zip(to).filter(|((_, from), (_, to))| from != to);
            let fields: Vec<Field> =
                pairs.map(|((field, from), (_, to))| Field { field, from, to }).collect();
            if fields.is_empty() {
                return None;
            }
            (Kind::Changed, fields)
        }
        (None, None) => return None,
    };
    let fields = fields.into_iter().map(Field::masked).collect();
    Some(Change { organisation: organisation.to_owned(), row, key: key.to_owned(), change, fields })
}

impl Field {
    fn masked(self) -> Self {
        let mask = |value: Value| if value.is_null() { value } else { Value::from(SECRET) };
        match self.field {
            "password" | "pin" => Self { field: self.field, from: mask(self.from), to: mask(self.to) },
            _ => self,
        }
    }
}

impl Rows {
    fn fields(&self) -> Fields {
        let head = [("name", json!(self.name)), ("status", json!(self.status))];
        head.into_iter().chain(self.settings()).collect()
    }

    /// What is set for all of the organisation. Whatever differs here is written, so nothing may be forgotten.
    pub(super) fn settings(&self) -> Fields {
        let Self {
            is_default,
            ring_timeout_secs,
            language,
            has_announcements,
            recording,
            has_recording_notice,
            has_recording_keys,
            recording_retention_days,
            timezone,
            outside:
                Outside { country_code, emergency_numbers, trunks: _, dids: _, routes: _, budgets: _, prices: _ },
            // Who it is, and rows beside it.
            id: _,
            name: _,
            domain: _,
            status: _,
            staff: _,
            extensions: _,
            accounts: _,
            rules: _,
            queues: _,
            menus: _,
            conferences: _,
            page_groups: _,
            holidays: _,
        } = self;
        vec![
            ("default", json!(is_default)),
            ("ring_timeout_secs", json!(ring_timeout_secs)),
            ("language", json!(language)),
            ("announcements", json!(has_announcements)),
            ("recording", json!(recording)),
            ("recording_notice", json!(has_recording_notice)),
            ("recording_keys", json!(has_recording_keys)),
            ("recording_retention_days", json!(recording_retention_days)),
            ("timezone", json!(timezone)),
            ("country_code", json!(country_code)),
            ("emergency_numbers", json!(emergency_numbers)),
        ]
    }
}

impl Staff {
    fn fields(&self) -> Fields {
        let Self { mailbox, .. } = self;
        let mut fields = vec![
            ("number", json!(self.number)),
            ("name", json!(self.name)),
            ("active", json!(self.is_active)),
            ("voicemail", json!(mailbox.is_some())),
            ("voicemail_greeting", json!(mailbox.as_ref().and_then(|mailbox| mailbox.greeting.as_ref()))),
            ("voicemail_messages_max", json!(mailbox.as_ref().map(|mailbox| mailbox.messages_max))),
            ("voicemail_secs_max", json!(mailbox.as_ref().map(|mailbox| mailbox.message_secs_max))),
        ];
        fields.extend(mailboxes::fields(self.mails.as_ref()));
        fields
    }
}

impl Extension {
    fn fields(&self) -> Fields {
        vec![
            ("name", json!(self.name)),
            ("staff", json!(self.staff)),
            ("supervisors", json!(self.supervisors)),
            ("hours", json!(windows_text(&self.hours))),
            ("recording", json!(self.recording)),
            ("intercom", json!(self.takes_intercom)),
            ("active", json!(self.is_active)),
        ]
    }
}

impl Rule {
    fn fields(&self) -> Fields {
        vec![
            ("timescope", json!(self.timescope)),
            ("condition", json!(self.condition)),
            ("action", json!(self.action.word())),
            ("target", json!(self.action.target())),
            ("priority", json!(self.action.priority())),
            ("enabled", json!(self.is_enabled)),
        ]
    }
}

impl Trunk {
    fn fields(&self) -> Fields {
        let Self { credentials, registration, .. } = self;
        let login = credentials.as_ref();
        vec![
            ("sources", json!(self.sources)),
            ("targets", json!(self.targets)),
            ("auth_username", json!(login.map(|login| &login.username))),
            ("password", json!(login.map(|login| &login.password))),
            ("auth_realm", json!(login.and_then(|login| login.realm.as_ref()))),
            ("register", json!(registration.is_some())),
            ("registration_expiry_secs", json!(registration.map(|registration| registration.expiry_secs))),
            ("options_interval_secs", json!(self.options_interval_secs)),
            ("number_format", json!(self.number_format)),
            ("from_number", json!(self.from_number)),
            ("channels_max", json!(self.channels_max)),
            ("trusted", json!(self.is_trusted)),
            ("active", json!(self.is_active)),
        ]
    }
}

impl Queue {
    fn fields(&self) -> Fields {
        let agent = |(email, weight): &(String, u16)| format!("{email}*{weight}");
        let agents: Vec<String> = self.agents.iter().map(agent).collect();
        vec![
            ("strategy", json!(self.strategy)),
            ("ring_secs", json!(self.ring_secs)),
            ("capacity", json!(self.capacity)),
            ("wait_max_secs", json!(self.wait_max_secs)),
            ("wrap_up_secs", json!(self.wrap_up_secs)),
            ("misses_max", json!(self.misses_max)),
            ("announce_secs", json!(self.announce_secs)),
            ("callback", json!(self.has_callback)),
            ("agents", json!(agents)),
        ]
    }
}

impl Menu {
    fn fields(&self, extension: &str) -> Fields {
        vec![
            ("greeting", json!(self.greeting)),
            ("language", json!(self.language)),
            ("timeout_secs", json!(self.timeout_secs)),
            ("key_timeout_secs", json!(self.key_timeout_secs)),
            ("tries_max", json!(self.tries_max)),
            ("direct_dialling", json!(self.has_direct_dialling)),
            ("choices", json!(self.texts(extension, |action: &Action| action.target().map(str::to_owned)))),
        ]
    }
}

impl Conference {
    fn fields(&self) -> Fields {
        vec![
            ("pin", json!(self.pin)),
            ("members_max", json!(self.members_max)),
            ("tones", json!(self.has_tones)),
        ]
    }
}

impl PageGroup {
    fn fields(&self) -> Fields {
        vec![("duplex", json!(self.is_duplex))]
    }
}

impl Did {
    fn fields(&self) -> Fields {
        vec![("extension", json!(self.extension)), ("staff", json!(self.staff))]
    }
}

impl OutboundRoute {
    fn fields(&self) -> Fields {
        vec![
            ("position", json!(self.position)),
            ("prefix", json!(self.prefix)),
            ("strip_digits", json!(self.strip_digits)),
            ("prepend_digits", json!(self.prepend_digits)),
            ("trunks", json!(self.trunks)),
            ("active", json!(self.is_active)),
        ]
    }
}

impl Budget {
    fn fields(&self) -> Fields {
        let Self { allowance, .. } = self;
        vec![
            ("destinations", json!(allowance.destinations)),
            ("calls_at_once_max", json!(allowance.calls_at_once_max)),
            ("calls_per_minute_max", json!(allowance.calls_per_minute_max)),
            ("calls_per_hour_max", json!(allowance.calls_per_hour_max)),
            ("calls_per_day_max", json!(allowance.calls_per_day_max)),
            ("minutes_per_day_max", json!(allowance.minutes_per_day_max)),
            ("rupiah_per_day_max", json!(allowance.rupiah_per_day_max)),
            ("hours_of", json!(self.hours_of)),
        ]
    }
}

impl Price {
    fn fields(&self) -> Fields {
        vec![("rupiah_per_minute", json!(self.rupiah_per_minute))]
    }
}

impl Holiday {
    fn fields(&self) -> Fields {
        vec![("name", json!(self.name)), ("hours", json!(spans_text(&self.spans)))]
    }
}

impl Account {
    fn fields(&self) -> Fields {
        // Both digests, so that no change of either is missed; they are masked before anybody sees them.
        let password = format!("{}{}", self.ha1_md5, self.ha1_sha256);
        vec![
            ("staff", json!(self.owner)),
            ("password", Value::from(password)),
            ("active", json!(self.is_active)),
        ]
    }
}

/// The changes for people, and how many there are.
pub(crate) fn text(changes: &[Change]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut organisation = "";
    for change in changes {
        if change.organisation != organisation {
            organisation = &change.organisation;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{organisation}");
        }
        let sign = match change.change {
            Kind::Added => '+',
            Kind::Changed => '~',
            Kind::Removed => '-',
        };
        let fields: Vec<String> = change.fields.iter().map(shown).collect();
        let line = format!("  {sign} {} {}  {}", change.row, change.key, fields.join(", "));
        let _ = writeln!(text, "{}", crate::switch::printable(line.trim_end()));
    }
    let count = |kind| changes.iter().filter(|change| change.change == kind).count();
    let (added, changed, removed) = (count(Kind::Added), count(Kind::Changed), count(Kind::Removed));
    let _ = writeln!(text, "{added} to add, {changed} to change, {removed} to remove.");
    text
}

fn shown(field: &Field) -> String {
    if field.from.is_null() && !field.to.is_null() {
        format!("{} {}", field.field, field.to)
    } else {
        format!("{} {} → {}", field.field, field.from, field.to)
    }
}

#[cfg(test)]
mod tests;
