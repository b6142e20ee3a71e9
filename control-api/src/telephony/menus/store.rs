//! Rows of menus and of what can be chosen in them.

use contract::{language::Language, menus::MenuKey};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::model::{Choice, Description, Menu};
use crate::{
    http::error::{ApiError, Broken, broken},
    identifier,
    telephony::{
        action::{Action, led_to, refused},
        part::{self, Actions, Part, Place, Removable, small},
        plan,
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[Broken::nowhere("menus_extension_fkey")];

impl Part for Menu {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "menu.created", changed: "menu.changed", deleted: "menu.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(
            "select id, greeting_sound, language, timeout_seconds, key_timeout_seconds, tries_max, has_direct_dialling, \
               created_at, updated_at, version \
             from telephony.menus where org_id = $1 and extension_id = $2",
        );
        let row = row.bind(org.0).bind(extension).fetch_optional(&mut *c).await?;
        let Some(mut menu) = row.map(|row| menu(&row)).transpose()? else { return Ok(None) };
        let rows = sqlx::query(concat!(
            "select r.key, ",
            led_to!(),
            " from telephony.menu_choices r \
             left join telephony.queues q on q.org_id = r.org_id and q.id = r.target_queue_id \
             left join telephony.menus m on m.org_id = r.org_id and m.id = r.target_menu_id \
             where r.org_id = $1 and r.menu_id = $2 order by r.key"
        ));
        let rows = rows.bind(org.0).bind(menu.id).fetch_all(c).await?;
        menu.described.choices = rows.iter().map(choice).collect::<Result<_, _>>()?;
        Ok(Some(menu))
    }

    async fn put(
        c: &mut PgConnection,
        place: Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let id = old.map_or_else(identifier::fresh, |old| Ok(old.id))?;
        let done = sqlx::query(if old.is_some() {
            "update telephony.menus set greeting_sound = $4, language = $5, timeout_seconds = $6, \
               key_timeout_seconds = $7, tries_max = $8, has_direct_dialling = $9 \
             where org_id = $1 and extension_id = $2 and id = $3"
        } else {
            "insert into telephony.menus (org_id, extension_id, id, greeting_sound, language, timeout_seconds, \
               key_timeout_seconds, tries_max, has_direct_dialling) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        })
        .bind(place.0.0)
        .bind(place.1)
        .bind(id)
        .bind(&new.greeting)
        .bind(new.language.map(Language::as_str))
        .bind(i32::from(new.timeout_secs))
        .bind(i32::from(new.key_timeout_secs))
        .bind(i32::from(new.tries_max))
        .bind(new.has_direct_dialling)
        .execute(&mut *c)
        .await;
        done.map_err(|error| broken(error, CONSTRAINTS))?;
        choices(c, place, id, new).await
    }
}

async fn choices(
    c: &mut PgConnection,
    (org, _): Place,
    menu: Uuid,
    new: &Description,
) -> Result<(), ApiError> {
    // A key that leads nowhere is to be told by its place.
    plan::look_at_references(c).await?;
    let delete = "delete from telephony.menu_choices where org_id = $1 and menu_id = $2";
    sqlx::query(delete).bind(org.0).bind(menu).execute(&mut *c).await?;
    for (at, choice) in new.choices.iter().enumerate() {
        let to = choice.action.columns();
        let is = |word| to.extension.filter(|_| to.word == word);
        let done = sqlx::query(
            "insert into telephony.menu_choices (org_id, menu_id, key, action, target_extension_id, target_user_id, \
               target_number, target_sound, target_queue_id, target_menu_id, priority) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, \
               (select q.id from telephony.queues q where q.org_id = $1 and q.extension_id = $9), \
               (select m.id from telephony.menus m where m.org_id = $1 and m.extension_id = $10), $11)",
        )
        .bind(org.0)
        .bind(menu)
        .bind(choice.key.as_str())
        .bind(to.word)
        .bind(is("forward_extension"))
        .bind(to.user)
        .bind(to.number)
        .bind(to.sound)
        .bind(is("queue"))
        .bind(is("ivr"))
        .bind(to.priority)
        .execute(&mut *c)
        .await;
        done.map_err(|error| refused(error, &format!("choices[{at}].action")))?;
    }
    Ok(())
}

impl Removable for Menu {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        part::delete(c, "delete from telephony.menus where org_id = $1 and extension_id = $2", place).await
    }
}

fn menu(row: &PgRow) -> Result<Menu, sqlx::Error> {
    let described = Description {
        greeting: row.try_get("greeting_sound")?,
        language: row.try_get::<Option<&str>, _>("language")?.and_then(Language::of),
        timeout_secs: small(row, "timeout_seconds")?,
        key_timeout_secs: small(row, "key_timeout_seconds")?,
        tries_max: small(row, "tries_max")?,
        has_direct_dialling: row.try_get("has_direct_dialling")?,
        choices: Vec::new(),
    };
    Ok(Menu {
        id: row.try_get("id")?,
        described,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}

fn choice(row: &PgRow) -> Result<Choice, sqlx::Error> {
    let word: &str = row.try_get("key")?;
    let unknown = || sqlx::Error::Decode(format!("a key of another release: {word}").into());
    Ok(Choice { key: MenuKey::of(word).ok_or_else(unknown)?, action: Action::of(row)? })
}
