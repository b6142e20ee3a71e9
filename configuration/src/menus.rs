//! Rows of menus and of what can be chosen from them.

use contract::{
    id::MenuId,
    language::Language,
    menus::{Menu, MenuChoice, MenuKey},
    rules::Action,
};
use sqlx::{Row, postgres::PgRow};

use crate::rows::{number, target};

/// A menu, without its choices.
pub(crate) fn menu(row: &PgRow) -> Result<Menu, sqlx::Error> {
    let language: Option<&str> = row.try_get("language")?;
    Ok(Menu {
        id: MenuId(row.try_get("id")?),
        greeting: row.try_get("greeting_sound")?,
        // The table has a check, so a language that this release does not know is of a newer one.
        language: language.map(|code| Language::of(code).unwrap_or_default()),
        timeout_secs: number(row, "timeout_seconds")?,
        key_timeout_secs: number(row, "key_timeout_seconds")?,
        tries_max: number(row, "tries_max")?,
        has_direct_dialling: row.try_get("has_direct_dialling")?,
        choices: Vec::new(),
    })
}

pub(crate) fn choice(row: &PgRow) -> Result<MenuChoice, sqlx::Error> {
    let (key, action): (&str, &str) = (row.try_get("key")?, row.try_get("action")?);
    let known = MenuKey::of(key).zip(Action::of(action, target(row)?));
    let unknown = || sqlx::Error::Decode(format!("a menu of another release: {key}, {action}").into());
    known.map(|(key, action)| MenuChoice { key, action }).ok_or_else(unknown)
}
