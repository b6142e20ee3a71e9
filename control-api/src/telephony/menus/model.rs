//! The menu of an extension as clients see and describe it.

use std::collections::BTreeSet;

use contract::{language::Language, menus::MenuKey};
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    instant::Instant,
    telephony::{
        action::{Action, SOUND},
        part, words,
    },
};

/// What callers of an extension choose from by their keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Menu {
    /// Its id.
    pub id: Uuid,
    /// All that can be changed.
    #[serde(flatten)]
    pub described: Description,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// Where a key leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Which; or that nothing was pressed, or what is no choice, as often as that may be
    #[serde(with = "key")]
    #[schema(schema_with = words::menu_key)]
    pub key: MenuKey,
    /// The same that a rule can do; `ivr` to the menu's own extension says it once more
    pub action: Action,
}

/// Keys stand in JSON by their words in rows.
mod key {
    use contract::menus::MenuKey;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
    pub(super) fn serialize<S: Serializer>(key: &MenuKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(key.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MenuKey, D::Error> {
        let word = String::deserialize(from)?;
        MenuKey::of(&word).ok_or_else(|| D::Error::custom("must be 0 … 9, *, #, timeout or invalid"))
    }
}

/// All that can be said of it. What is left out is as for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = MenuDescription)]
pub struct Description {
    /// What callers hear first, by the name of a sound; null: the common words
    #[schema(pattern = "^[a-z0-9_-]{1,40}$")]
    pub greeting: Option<String>,
    /// What its callers are spoken to in; null: as the organisation has it
    #[schema(schema_with = words::language)]
    pub language: Option<Language>,
    /// Seconds to choose in once all is said
    #[schema(minimum = 1, maximum = 60, default = 5)]
    pub timeout_secs: u16,
    /// Seconds to the next key of a number
    #[schema(minimum = 1, maximum = 20, default = 3)]
    pub key_timeout_secs: u16,
    /// How often a caller may press nothing or what is no choice
    #[schema(minimum = 1, maximum = 10, default = 3)]
    pub tries_max: u16,
    /// Whether the numbers of extensions and people can be dialled in it
    #[schema(default = false)]
    pub has_direct_dialling: bool,
    /// What can be chosen, each key once
    pub choices: Vec<Choice>,
}

impl Default for Description {
    /// As the columns of `telephony.menus` have it.
    fn default() -> Self {
        Self {
            greeting: None,
            language: None,
            timeout_secs: 5,
            key_timeout_secs: 3,
            tries_max: 3,
            has_direct_dialling: false,
            choices: Vec::new(),
        }
    }
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        fields.must(self.greeting.as_deref().is_none_or(limits::is_sound), "greeting", SOUND);
        fields.within("timeout_secs", &self.timeout_secs, &limits::MENU_TIMEOUT_SECS);
        fields.within("key_timeout_secs", &self.key_timeout_secs, &limits::MENU_KEY_TIMEOUT_SECS);
        fields.within("tries_max", &self.tries_max, &limits::MENU_TRIES);
        let mut keys = BTreeSet::new();
        for (at, choice) in self.choices.iter().enumerate() {
            let is_first = keys.insert(choice.key);
            fields.must(is_first, &format!("choices[{at}].key"), "must not be there twice");
            choice.action.check(fields, &format!("choices[{at}].action"));
        }
    }
}
