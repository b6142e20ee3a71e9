//! Menus (IVR): what a caller chooses from by keys, and what keys that were pressed are.
//!
//! A menu is an extension's, as a queue is: its number, hours and rules are those of the extension. Where a choice leads is
//! decided as where a rule leads (`follow`), at the moment at which it is made. It deliberately does not know how keys come,
//! or how often a caller has been asked.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use contract::{
    id::{ExtensionId, OrgId},
    language::Language,
    menus::MenuKey,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    follow::Following,
    plan::{Action, Host, OrgPlan, PersonKey, Plan},
    route::{Chosen, Decision, Trail},
};

/// A menu, with everything needed to let a caller choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Menu {
    /// Whose it is.
    pub extension: ExtensionId,
    /// The number of that.
    pub number: Arc<str>,
    /// What callers hear first, by the name of a sound; `None`: the common words.
    pub greeting: Option<Arc<str>>,
    /// What its callers are spoken to in.
    pub language: Language,
    /// Seconds to choose in once all is said.
    pub timeout_secs: u16,
    /// Seconds to the next key of a number.
    pub key_timeout_secs: u16,
    /// How often a caller may press nothing or what is no choice.
    pub tries_max: u16,
    /// Whether the numbers of extensions and people can be dialled in it.
    pub has_direct_dialling: bool,
    pub(crate) offers: BTreeMap<MenuKey, Offer>,
}

/// Where one key leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Offer {
    pub(crate) action: Action,
    /// The action's word in rows, for people.
    pub(crate) word: &'static str,
    /// The number or the sound that it leads to; empty where it has none.
    pub(crate) target: String,
}

/// What a caller of a menu has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// It has pressed these keys, one after the other: one of the menu's, or a number.
    Pressed(String),
    /// It has pressed nothing, as often as that may be.
    Timeout,
    /// It has pressed what is no choice, as often as that may be.
    Invalid,
}

impl Choice {
    /// How the menu is left by it.
    pub const fn chosen(&self) -> Chosen {
        match self {
            Self::Pressed(_) => Chosen::Choice,
            Self::Timeout => Chosen::Timeout,
            Self::Invalid => Chosen::Invalid,
        }
    }

    /// The key that it is, if it is one.
    fn key(&self) -> Option<MenuKey> {
        match self {
            // The words of what is no key are longer than any key's.
            Self::Pressed(keys) if keys.len() == 1 => MenuKey::of(keys),
            Self::Pressed(_) => None,
            Self::Timeout => Some(MenuKey::Timeout),
            Self::Invalid => Some(MenuKey::Invalid),
        }
    }
}

impl Menu {
    pub(crate) fn offer(&self, choice: &Choice) -> Option<&Offer> {
        self.offers.get(&choice.key()?)
    }
}

impl OrgPlan {
    /// Whether these keys lead anywhere from a menu.
    pub fn is_choice(&self, menu: &Menu, keys: &str) -> bool {
        menu.offer(&Choice::Pressed(keys.to_owned())).is_some() || self.dialled_in(menu, keys).is_some()
    }

    /// Whether further keys could make them another choice.
    pub fn may_go_on(&self, menu: &Menu, keys: &str) -> bool {
        let longer = (Bound::Excluded(keys), Bound::Unbounded);
        let mut longer =
            self.numbers.range::<str, _>(longer).take_while(|(number, _)| number.starts_with(keys));
        menu.has_direct_dialling && longer.any(|(_, what)| what.host_inside().is_some())
    }

    /// What has a number that is dialled in a menu: an extension or a person, and nothing else.
    pub(crate) fn dialled_in(&self, menu: &Menu, number: &str) -> Option<Host> {
        self.numbers.get(number).filter(|_| menu.has_direct_dialling)?.host_inside()
    }
}

impl Plan {
    /// Where a caller of an extension's menu goes from there. Each choice is a beginning: where the call has been before
    /// counts no more, because a person has pressed a key between, or has had the time to. `None`: it leads nowhere.
    pub fn choose(
        &self,
        (org, caller): (OrgId, PersonKey),
        menu: ExtensionId,
        choice: &Choice,
        now: Timestamp,
    ) -> Option<Decision> {
        let org = self.organisation(org)?;
        let extension = org.extensions.get(&menu)?;
        let mut following = Following::new(org, caller, now, Trail::default());
        let route = following.choose(extension, extension.menu.as_ref()?, choice)?;
        Some(following.decide(route))
    }
}

#[cfg(test)]
mod tests;
