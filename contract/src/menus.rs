//! Menus (IVR) as rows have them: words and plain numbers, no meaning. What they come to is `dialplan`'s and the switch's
//! business.

use serde::{Deserialize, Serialize};

use crate::{id::MenuId, language::Language, rules::Action, words::words};

/// What callers of an extension choose from by their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    /// Its id.
    pub id: MenuId,
    /// What callers hear first, by the name of a sound; `None`: the common words.
    pub greeting: Option<String>,
    /// What its callers are spoken to in; `None`: as the organisation has it.
    pub language: Option<Language>,
    /// Seconds to choose in once all is said, 1 … 60.
    pub timeout_secs: u16,
    /// Seconds to the next key of a number, 1 … 20.
    pub key_timeout_secs: u16,
    /// How often a caller may press nothing or what is no choice, 1 … 10.
    pub tries_max: u16,
    /// Whether the numbers of extensions and people can be dialled in it.
    pub has_direct_dialling: bool,
    /// What can be chosen.
    #[serde(default)]
    pub choices: Vec<MenuChoice>,
}

impl Menu {
    /// One in which nothing can be chosen, as the columns of `telephony.menus` have it.
    pub fn plain(id: MenuId) -> Self {
        Self {
            id,
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

/// Where one key of a menu leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuChoice {
    /// Which.
    pub key: MenuKey,
    /// The same that a rule can do.
    pub action: Action,
}

words! {
    /// What is chosen by: a key, or that none was pressed in time.
    MenuKey {
        /// 0
        Zero = "0",
        /// 1
        One = "1",
        /// 2
        Two = "2",
        /// 3
        Three = "3",
        /// 4
        Four = "4",
        /// 5
        Five = "5",
        /// 6
        Six = "6",
        /// 7
        Seven = "7",
        /// 8
        Eight = "8",
        /// 9
        Nine = "9",
        /// `*`
        Star = "*",
        /// `#`
        Hash = "#",
        /// Nothing was pressed, as often as that may be.
        Timeout = "timeout",
        /// What was pressed was no choice, as often as that may be.
        Invalid = "invalid",
    }
}
