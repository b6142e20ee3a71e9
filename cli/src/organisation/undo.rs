//! Taking an application back without taking along what others have changed since: only what it changed returns to what it
//! was before.

use std::collections::{BTreeMap, BTreeSet};

use super::{Outside, Rows};

/// What `current` becomes when the step from `before` to `after` is undone.
pub(crate) fn undo(current: &Rows, before: &Rows, after: &Rows) -> Rows {
    Rows {
        id: current.id,
        name: field(&current.name, &before.name, &after.name),
        domain: current.domain.clone(),
        status: field(&current.status, &before.status, &after.status),
        is_default: one(current.is_default, before.is_default, after.is_default),
        ring_timeout_secs: one(current.ring_timeout_secs, before.ring_timeout_secs, after.ring_timeout_secs),
        language: one(current.language, before.language, after.language),
        has_announcements: one(current.has_announcements, before.has_announcements, after.has_announcements),
        recording: one(current.recording, before.recording, after.recording),
        has_recording_notice: one(
            current.has_recording_notice,
            before.has_recording_notice,
            after.has_recording_notice,
        ),
        has_recording_keys: one(
            current.has_recording_keys,
            before.has_recording_keys,
            after.has_recording_keys,
        ),
        recording_retention_days: one(
            current.recording_retention_days,
            before.recording_retention_days,
            after.recording_retention_days,
        ),
        timezone: field(&current.timezone, &before.timezone, &after.timezone),
        staff: each(&current.staff, &before.staff, &after.staff),
        extensions: each(&current.extensions, &before.extensions, &after.extensions),
        accounts: each(&current.accounts, &before.accounts, &after.accounts),
        rules: each(&current.rules, &before.rules, &after.rules),
        queues: each(&current.queues, &before.queues, &after.queues),
        menus: each(&current.menus, &before.menus, &after.menus),
        page_groups: each(&current.page_groups, &before.page_groups, &after.page_groups),
        conferences: each(&current.conferences, &before.conferences, &after.conferences),
        holidays: each(&current.holidays, &before.holidays, &after.holidays),
        outside: Outside {
            country_code: field(
                &current.outside.country_code,
                &before.outside.country_code,
                &after.outside.country_code,
            ),
            trunks: each(&current.outside.trunks, &before.outside.trunks, &after.outside.trunks),
            dids: each(&current.outside.dids, &before.outside.dids, &after.outside.dids),
            emergency_numbers: field(
                &current.outside.emergency_numbers,
                &before.outside.emergency_numbers,
                &after.outside.emergency_numbers,
            ),
            routes: each(&current.outside.routes, &before.outside.routes, &after.outside.routes),
            budgets: each(&current.outside.budgets, &before.outside.budgets, &after.outside.budgets),
            prices: each(&current.outside.prices, &before.outside.prices, &after.outside.prices),
        },
    }
}

fn field<T: Clone + PartialEq>(current: &T, before: &T, after: &T) -> T {
    if before == after { current.clone() } else { before.clone() }
}

fn one<T: Copy + PartialEq>(current: T, before: T, after: T) -> T {
    if before == after { current } else { before }
}

fn each<T: Clone + PartialEq>(
    current: &BTreeMap<String, T>,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
) -> BTreeMap<String, T> {
    let mut undone = current.clone();
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
        match before.get(key) {
            Some(row) => drop(undone.insert(key.clone(), row.clone())),
            None => drop(undone.remove(key)),
        }
    }
    undone
}

#[cfg(test)]
mod tests {
    use contract::language::Language;
    use uuid::Uuid;

    use super::*;
    use crate::organisation::Staff;

    fn rows(ring_timeout_secs: u16, staff: &[(&str, &str)]) -> Rows {
        let person = |(email, number): &(&str, &str)| {
            let (user, name) = (Uuid::nil(), (*email).to_owned());
            (
                (*email).to_owned(),
                Staff {
                    user,
                    name,
                    number: (*number).to_owned(),
                    is_active: true,
                    mailbox: None,
                    mails: None,
                },
            )
        };
        Rows {
            id: Uuid::nil(),
            name: "Demo".into(),
            domain: "demo.test".into(),
            status: "approved".into(),
            is_default: true,
            ring_timeout_secs,
            language: Language::Id,
            has_announcements: true,
            recording: Default::default(),
            has_recording_notice: false,
            has_recording_keys: false,
            recording_retention_days: None,
            timezone: contract::snapshot::default_timezone(),
            staff: staff.iter().map(person).collect(),
            extensions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            rules: BTreeMap::new(),
            queues: BTreeMap::new(),
            menus: BTreeMap::new(),
            conferences: BTreeMap::new(),
            page_groups: BTreeMap::new(),
            holidays: BTreeMap::new(),
            outside: Outside::default(),
        }
    }

    #[test]
    fn what_was_changed_goes_back_and_what_others_changed_since_stays() {
        let before = rows(60, &[("a@x", "1001"), ("b@x", "1002")]);
        let after = rows(60, &[("a@x", "1009"), ("c@x", "1003")]);
        // Somebody has added d and set the time meanwhile.
        let current = rows(30, &[("a@x", "1009"), ("c@x", "1003"), ("d@x", "1004")]);
        let undone = undo(&current, &before, &after);
        assert_eq!(undone, rows(30, &[("a@x", "1001"), ("b@x", "1002"), ("d@x", "1004")]));
        assert_eq!(undo(&after, &before, &after), before);
    }
}
