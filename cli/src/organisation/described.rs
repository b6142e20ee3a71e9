//! From a description to rows: ids and digests are those that the database has, for whatever is the same by name.

use std::collections::BTreeMap;

use contract::rules;
use uuid::Uuid;

use super::{
    Account, Action, Extension, Holiday, Queue, Rows, Rule, Staff, conferences,
    description::{self, Description, place},
    menus, outside, page_groups,
    reader::Mistake,
};
use crate::{Failure, database::new_id};

/// States of an organisation (H-046) in which a description may not bring it back.
const CLOSED: [&str; 2] = ["suspended", "rejected"];

/// The rows that `description` asks for. `current` are those there are, `people` the users known by e-mail.
pub(crate) fn rows(
    description: &Description,
    current: Option<&Rows>,
    people: &BTreeMap<String, Uuid>,
) -> Result<Rows, Failure> {
    let mut mistakes = Vec::new();
    let mut wrong = |line: usize, key: &str, reason: String| {
        let file = description.file.clone();
        mistakes.push(Mistake { file, line: Some(line), key: key.to_owned(), reason }.to_string());
    };
    if let Some(status) = current.map(|rows| rows.status.as_str()).filter(|status| CLOSED.contains(status)) {
        let reason = format!("this organisation is {status}: whoever did that must lift it first");
        wrong(description.domain.line, "organisation.domain", reason);
    }
    let staff = staff(description, people)?;
    let email = |at: usize| description.staff.get(at).map(|staff| staff.email.clone());
    let mut accounts = BTreeMap::new();
    for account in &description.accounts {
        let known = current.and_then(|rows| rows.accounts.get(&account.username.value));
        match digests(account, known) {
            Some((ha1_md5, ha1_sha256)) => {
                let described = Account {
                    id: known.map_or_else(new_id, |known| Ok(known.id))?,
                    owner: account.owner.and_then(email),
                    ha1_md5,
                    ha1_sha256,
                    is_active: account.is_active,
                };
                accounts.insert(account.username.value.clone(), described);
            }
            None => {
                let reason =
                    format!("{:?} is new: name the file that holds its password", account.username.value);
                wrong(account.line, "account.password_file", reason);
            }
        }
    }
    let outside = outside::rows(description, current, &mut wrong)?;
    let conferences = conferences::rows(description, current, &mut wrong)?;
    if !mistakes.is_empty() {
        return Err(Failure::Mistakes(mistakes));
    }
    Ok(Rows {
        id: current.map_or_else(new_id, |rows| Ok(rows.id))?,
        name: description.name.clone(),
        domain: description.domain.value.clone(),
        status: "approved".to_owned(),
        is_default: description.is_default,
        ring_timeout_secs: description.ring_timeout.value,
        language: description.language,
        has_announcements: description.has_announcements,
        recording: description.recording,
        has_recording_notice: description.has_recording_notice,
        has_recording_keys: description.has_recording_keys,
        recording_retention_days: description.recording_retention_days,
        timezone: description.timezone.value.clone(),
        staff,
        extensions: extensions(description, current)?,
        accounts,
        rules: rules(description, current)?,
        queues: queues(description, current)?,
        menus: menus::rows(description, current)?,
        conferences,
        page_groups: page_groups::rows(description, current)?,
        holidays: holidays(description),
        outside,
    })
}

fn extensions(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, Extension>> {
    let email = |at: &usize| description.staff.get(*at).map(|staff| staff.email.clone());
    let mut extensions = BTreeMap::new();
    for extension in &description.extensions {
        let known = current.and_then(|rows| rows.extensions.get(&extension.number.value));
        let described = Extension {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            name: extension.name.clone(),
            is_active: extension.is_active,
            staff: extension.staff.iter().filter_map(email).collect(),
            supervisors: extension.supervisors.iter().filter_map(email).collect(),
            hours: extension.hours.iter().copied().collect(),
            recording: extension.recording,
            takes_intercom: extension.takes_intercom,
        };
        extensions.insert(extension.number.value.clone(), described);
    }
    Ok(extensions)
}

fn staff(
    description: &Description,
    people: &BTreeMap<String, Uuid>,
) -> anyhow::Result<BTreeMap<String, Staff>> {
    let mut staff = BTreeMap::new();
    for person in &description.staff {
        let user = people.get(&person.email).map_or_else(new_id, |user| Ok(*user))?;
        let (name, number) = (person.name.clone(), person.number.value.clone());
        staff.insert(
            person.email.clone(),
            Staff {
                user,
                name,
                number,
                is_active: person.is_active,
                mailbox: person.mailbox.clone(),
                mails: person.mails.clone(),
            },
        );
    }
    Ok(staff)
}

/// What a rule does, or a key of a menu, by names.
pub(super) fn action(description: &Description, action: &rules::Action) -> Option<Action> {
    let number = |at: usize| description.extensions.get(at).map(|extension| extension.number.value.clone());
    let email = |at: usize| description.staff.get(at).map(|staff| staff.email.clone());
    match action {
        rules::Action::Ring => Some(Action::Ring),
        rules::Action::ForwardExtension(to) => number(place(to.0)).map(Action::ForwardExtension),
        rules::Action::ForwardStaff(to) => email(place(to.0)).map(Action::ForwardStaff),
        rules::Action::Voicemail(of) => email(place(of.0)).map(Action::Voicemail),
        rules::Action::AnnounceHangup(sound) => Some(Action::AnnounceHangup(sound.clone())),
        rules::Action::Queue { queue, priority } => {
            number(place(queue.0)).map(|number| Action::Queue(number, *priority))
        }
        rules::Action::Ivr(menu) => number(place(menu.0)).map(Action::Ivr),
        rules::Action::ForwardNumber(number) => Some(Action::ForwardNumber(number.clone())),
    }
}

fn rules(description: &Description, current: Option<&Rows>) -> anyhow::Result<BTreeMap<String, Rule>> {
    let number = |at: usize| description.extensions.get(at).map(|extension| extension.number.value.clone());
    let mut rules = BTreeMap::new();
    for described in &description.rules {
        let action = action(description, &described.action);
        let Some((extension, action)) = number(described.extension).zip(action) else { continue };
        let mut rule = Rule {
            id: Uuid::nil(),
            extension,
            position: described.position,
            is_enabled: described.is_enabled,
            timescope: described.timescope,
            condition: described.condition,
            action,
        };
        let known = current.and_then(|rows| rows.rules.get(&rule.key()));
        rule.id = known.map_or_else(new_id, |known| Ok(known.id))?;
        rules.insert(rule.key(), rule);
    }
    Ok(rules)
}

fn queues(description: &Description, current: Option<&Rows>) -> anyhow::Result<BTreeMap<String, Queue>> {
    let email = |at: usize| description.staff.get(at).map(|staff| staff.email.clone());
    let mut queues = BTreeMap::new();
    for described in &description.queues {
        let Some(extension) = description.extensions.get(described.extension) else { continue };
        let number = extension.number.value.clone();
        let known = current.and_then(|rows| rows.queues.get(&number));
        let row = &described.row;
        let agents = row.agents.iter().filter_map(|agent| Some((email(place(agent.user.0))?, agent.weight)));
        let queue = Queue {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            strategy: row.strategy,
            ring_secs: row.ring_secs,
            capacity: row.capacity,
            wait_max_secs: row.wait_max_secs,
            wrap_up_secs: row.wrap_up_secs,
            misses_max: row.misses_max,
            announce_secs: row.announce_secs,
            has_callback: row.has_callback,
            agents: agents.collect(),
        };
        queues.insert(number, queue);
    }
    Ok(queues)
}

fn holidays(description: &Description) -> BTreeMap<String, Holiday> {
    let holidays = description.holidays.iter().map(|described| {
        let extension = described.extension.and_then(|at| description.extensions.get(at));
        let holiday = Holiday {
            date: described.date.value.clone(),
            extension: extension.map(|extension| extension.number.value.clone()),
            name: described.name.clone(),
            spans: described.spans.iter().copied().collect(),
        };
        (holiday.key(), holiday)
    });
    holidays.collect()
}

fn digests(account: &description::Account, known: Option<&Account>) -> Option<(String, String)> {
    let kept = known.map(|known| (known.ha1_md5.clone(), known.ha1_sha256.clone()));
    account.digests.clone().or(kept)
}
