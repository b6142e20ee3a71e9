//! Menus of extensions, on their way into a plan.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use contract::{menus, rules, snapshot};

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    menu::{Menu, Offer},
};

impl Compiler<'_> {
    /// Which menu is whose.
    pub(super) fn menu_ids(&mut self) {
        for extension in &self.rows.extensions {
            let Some(menu) = &extension.menu else { continue };
            if self.menu_of.insert(menu.id, extension.id).is_some() {
                self.wrong(Row::Menu(menu.id), "id", Problem::Taken);
            }
        }
    }

    /// An extension's menu.
    pub(super) fn menu(&mut self, extension: &snapshot::Extension) -> Option<Arc<Menu>> {
        let menu = extension.menu.as_ref()?;
        self.check_menu(menu);
        let mut offers = BTreeMap::new();
        for choice in &menu.choices {
            // The key says which of them is wrong.
            let (row, field) = (Row::Menu(menu.id), choice.key.as_str());
            let offer = match self.action(extension, None, &choice.action) {
                Ok(action) => {
                    Offer { action, word: choice.action.as_str(), target: self.named(&choice.action) }
                }
                Err((_, problem)) => {
                    self.wrong(row, field, problem);
                    continue;
                }
            };
            if offers.insert(choice.key, offer).is_some() {
                self.wrong(row, field, Problem::Taken);
            }
        }
        Some(Arc::new(Menu {
            extension: extension.id,
            number: extension.number.as_str().into(),
            greeting: menu.greeting.as_deref().map(Arc::from),
            language: menu.language.unwrap_or(self.rows.language),
            timeout_secs: menu.timeout_secs,
            key_timeout_secs: menu.key_timeout_secs,
            tries_max: menu.tries_max,
            has_direct_dialling: menu.has_direct_dialling,
            offers,
        }))
    }

    fn check_menu(&mut self, menu: &menus::Menu) {
        let bounds: [(&'static str, u16, RangeInclusive<u16>); 3] = [
            ("timeout_secs", menu.timeout_secs, limits::MENU_TIMEOUT_SECS),
            ("key_timeout_secs", menu.key_timeout_secs, limits::MENU_KEY_TIMEOUT_SECS),
            ("tries_max", menu.tries_max, limits::MENU_TRIES),
        ];
        for (field, value, bounds) in bounds {
            if !bounds.contains(&value) {
                self.wrong(Row::Menu(menu.id), field, Problem::OutOfRange);
            }
        }
        if menu.greeting.as_deref().is_some_and(|greeting| !limits::is_sound(greeting)) {
            self.wrong(Row::Menu(menu.id), "greeting", Problem::Malformed);
        }
    }

    /// What an action leads to, for people.
    fn named(&self, action: &rules::Action) -> String {
        let extension = |id| self.rows.extensions.iter().find(|extension| extension.id == id);
        let number = |id| extension(id).map(|extension| extension.number.clone());
        let named = match action {
            rules::Action::ForwardExtension(to) => number(*to),
            rules::Action::ForwardStaff(of) | rules::Action::Voicemail(of) => {
                self.staff.get(of).map(|staff| staff.number.clone())
            }
            rules::Action::Queue { queue, .. } => self.queue_of.get(queue).copied().and_then(number),
            rules::Action::Ivr(menu) => self.menu_of.get(menu).copied().and_then(number),
            rules::Action::AnnounceHangup(sound) | rules::Action::ForwardNumber(sound) => Some(sound.clone()),
            rules::Action::Ring => None,
        };
        named.unwrap_or_default()
    }
}
