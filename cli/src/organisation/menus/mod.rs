//! Menus of extensions, by names: as they are compared and written.

pub(crate) mod store;

use std::collections::BTreeMap;

use contract::{language::Language, menus::MenuKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Action, Rows,
    described::action,
    description::{self, Description},
};
use crate::database::new_id;

/// What callers of an extension choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Menu {
    pub(crate) id: Uuid,
    /// The name of a sound; the common words without.
    pub(crate) greeting: Option<String>,
    /// None: as the organisation has it.
    pub(crate) language: Option<Language>,
    pub(crate) timeout_secs: u16,
    pub(crate) key_timeout_secs: u16,
    pub(crate) tries_max: u16,
    pub(crate) has_direct_dialling: bool,
    /// Where each key leads, in order.
    pub(crate) choices: Vec<(MenuKey, Action)>,
}

impl Menu {
    /// A key that leads to its own menu says it again.
    pub(crate) fn is_repeat(action: &Action, extension: &str) -> bool {
        matches!(action, Action::Ivr(of) if of == extension)
    }

    /// `1: forward_extension 11`. `target` says what an action leads to.
    pub(crate) fn texts(&self, extension: &str, target: impl Fn(&Action) -> Option<String>) -> Vec<String> {
        let text = |(key, action): &(MenuKey, Action)| {
            let key = key.as_str();
            if Self::is_repeat(action, extension) {
                return format!("{key}: {}", description::REPEAT);
            }
            let target = target(action).map(|target| format!(" {target}")).unwrap_or_default();
            let priority = match action.priority() {
                0 => String::new(),
                priority => format!(" {priority}"),
            };
            format!("{key}: {}{target}{priority}", action.word())
        };
        self.choices.iter().map(text).collect()
    }
}

/// The rows that `description` asks for, with the ids of those there are.
pub(super) fn rows(
    description: &Description,
    current: Option<&Rows>,
) -> anyhow::Result<BTreeMap<String, Menu>> {
    let mut menus = BTreeMap::new();
    for described in &description.menus {
        let Some(extension) = description.extensions.get(described.extension) else { continue };
        let number = extension.number.value.clone();
        let known = current.and_then(|rows| rows.menus.get(&number));
        let row = &described.row;
        let mut choices: Vec<(MenuKey, Action)> = row
            .choices
            .iter()
            .filter_map(|choice| Some((choice.key, action(description, &choice.action)?)))
            .collect();
        choices.sort_by_key(|(key, _)| *key);
        let menu = Menu {
            id: known.map_or_else(new_id, |known| Ok(known.id))?,
            greeting: row.greeting.clone(),
            language: row.language,
            timeout_secs: row.timeout_secs,
            key_timeout_secs: row.key_timeout_secs,
            tries_max: row.tries_max,
            has_direct_dialling: row.has_direct_dialling,
            choices,
        };
        menus.insert(number, menu);
    }
    Ok(menus)
}
