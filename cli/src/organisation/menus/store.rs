//! The statements about the menus of an organisation. The caller acts as the switch to read them and as the API to change
//! them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract::{language::Language, menus::MenuKey};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Menu;
use crate::organisation::{
    Rows,
    store::{Named, action, number_of},
    write::store::Targets,
    write::store::take_away,
};

/// Menus of extensions that have a number, by it, without their choices: these lead to other menus.
pub(crate) async fn load(
    c: &mut PgConnection,
    organisation: Uuid,
    extensions: &crate::organisation::store::Extensions,
) -> anyhow::Result<BTreeMap<String, Menu>> {
    let rows = sqlx::query(
        "select id, extension_id, greeting_sound, language, timeout_seconds, key_timeout_seconds, tries_max,
             has_direct_dialling
         from telephony.menus where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut menus = BTreeMap::new();
    for row in rows {
        let Some(extension) = number_of(extensions, row.try_get("extension_id")?) else { continue };
        let number = |column| anyhow::Ok(u16::try_from(row.try_get::<i32, _>(column)?)?);
        let language: Option<&str> = row.try_get("language")?;
        let language = language.map(|code| Language::of(code).context("a language that is not known"));
        let menu = Menu {
            id: row.try_get("id")?,
            greeting: row.try_get("greeting_sound")?,
            language: language.transpose()?,
            timeout_secs: number("timeout_seconds")?,
            key_timeout_secs: number("key_timeout_seconds")?,
            tries_max: number("tries_max")?,
            has_direct_dialling: row.try_get("has_direct_dialling")?,
            choices: Vec::new(),
        };
        menus.insert(extension, menu);
    }
    Ok(menus)
}

/// Adds what can be chosen from them. `named` has the menus too.
pub(crate) async fn load_choices(
    c: &mut PgConnection,
    organisation: Uuid,
    named: Named<'_>,
) -> anyhow::Result<BTreeMap<String, Menu>> {
    let rows = sqlx::query(
        "select menu_id, key, action, target_extension_id, target_user_id, target_sound, target_number,
             target_queue_id, target_menu_id, priority
         from telephony.menu_choices where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut menus = named.menus.clone();
    for row in rows {
        let id: Uuid = row.try_get("menu_id")?;
        let Some(menu) = menus.values_mut().find(|menu| menu.id == id) else { continue };
        let key = MenuKey::of(row.try_get("key")?).context("a key that is not known")?;
        menu.choices.push((key, action(&row, named)?));
    }
    for menu in menus.values_mut() {
        menu.choices.sort_by_key(|(key, _)| *key);
    }
    Ok(menus)
}

pub(crate) async fn delete(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    take_away(c, "delete from telephony.menus where org_id = $1 and id = $2", (organisation, id)).await
}

/// Nothing can be chosen from it any more, so that what its keys led to may go.
pub(crate) async fn clear(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    take_away(c, "delete from telephony.menu_choices where org_id = $1 and menu_id = $2", (organisation, id))
        .await
}

/// A menu, be it new or changed, without its choices.
pub(crate) async fn put(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: Uuid,
    menu: &Menu,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into telephony.menus (id, org_id, extension_id, greeting_sound, language, timeout_seconds,
           key_timeout_seconds, tries_max, has_direct_dialling)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update set greeting_sound = $4, language = $5, timeout_seconds = $6,
           key_timeout_seconds = $7, tries_max = $8, has_direct_dialling = $9",
    )
    .bind(menu.id)
    .bind(organisation)
    .bind(extension)
    .bind(&menu.greeting)
    .bind(menu.language.map(Language::as_str))
    .bind(i32::from(menu.timeout_secs))
    .bind(i32::from(menu.key_timeout_secs))
    .bind(i32::from(menu.tries_max))
    .bind(menu.has_direct_dialling)
    .execute(c)
    .await
    .map(drop)
}

/// What can be chosen from a menu; what could be is gone.
pub(crate) async fn add_choices(c: &mut PgConnection, rows: &Rows, menu: &Menu) -> Result<(), sqlx::Error> {
    for (key, action) in &menu.choices {
        let to = Targets::of(rows, action);
        sqlx::query(
            "insert into telephony.menu_choices (org_id, menu_id, key, action, target_extension_id, target_user_id,
               target_sound, target_queue_id, target_menu_id, priority, target_number)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(rows.id)
        .bind(menu.id)
        .bind(key.as_str())
        .bind(action.word())
        .bind(to.extension)
        .bind(to.user)
        .bind(to.sound)
        .bind(to.queue)
        .bind(to.menu)
        .bind(i32::from(action.priority()))
        .bind(to.number)
        .execute(&mut *c)
        .await?;
    }
    Ok(())
}
