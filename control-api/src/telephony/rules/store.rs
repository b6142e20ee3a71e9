//! Rows of an extension's rules. One that is deleted stays as a row (H-055).

use contract::rules::{Condition, Timescope};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    model::{Description, NewRule, Rule, Rules},
    sentence::sentence,
};
use crate::{
    http::error::{ApiError, FieldError},
    identifier,
    telephony::{
        action::{Action, led_to, refused},
        part::{Actions, Part, Place},
        plan,
    },
};

impl Part for Rules {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "rules.created", changed: "rules.changed", deleted: "rules.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        let version =
            sqlx::query_scalar("select version from telephony.extensions where org_id = $1 and id = $2");
        let version: Option<i32> = version.bind(org.0).bind(extension).fetch_optional(&mut *c).await?;
        let Some(version) = version else { return Ok(None) };
        let rows = sqlx::query(concat!(
            "select r.id, r.timescope, r.condition, r.is_enabled, ",
            led_to!(),
            " from telephony.extension_rules r \
             left join telephony.queues q on q.org_id = r.org_id and q.id = r.target_queue_id \
             left join telephony.menus m on m.org_id = r.org_id and m.id = r.target_menu_id \
             where r.org_id = $1 and r.extension_id = $2 and r.deleted_at is null \
             order by r.position, r.timescope = 'any', r.id"
        ));
        let rows = rows.bind(org.0).bind(extension).fetch_all(c).await?;
        let rules = rows.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Some(Self { rules, version }))
    }

    async fn put(
        c: &mut PgConnection,
        place: Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let old = old.ok_or(ApiError::NotFound)?;
        // A rule that leads nowhere is to be told by its place.
        plan::look_at_references(c).await?;
        sqlx::query(
            "update telephony.extension_rules set deleted_at = now() \
             where org_id = $1 and extension_id = $2 and deleted_at is null",
        )
        .bind(place.0.0)
        .bind(place.1)
        .execute(&mut *c)
        .await?;
        for (position, new) in (1..).zip(&new.rules) {
            let field = format!("rules[{}]", position - 1);
            let is_known = new.id.is_none_or(|id| old.rules.iter().any(|rule| rule.id == id));
            if !is_known {
                let wrong = FieldError::new(format!("{field}.id"), "is no rule of this extension");
                return Err(ApiError::Unprocessable(vec![wrong]));
            }
            let done = write(c, place, (position, new)).await?;
            done.map_err(|error| refused(error, &format!("{field}.action")))?;
        }
        Ok(())
    }
}

async fn write(
    c: &mut PgConnection,
    (org, extension): Place,
    (position, new): (i32, &NewRule),
) -> Result<Result<(), sqlx::Error>, ApiError> {
    let to = new.action.columns();
    let is = |word| to.extension.filter(|_| to.word == word);
    let done = sqlx::query(if new.id.is_some() {
        "update telephony.extension_rules r set timescope = $4, condition = $5, action = $6, target_extension_id = $7, \
           target_user_id = $8, target_number = $9, target_sound = $10, \
           target_queue_id = (select q.id from telephony.queues q where q.org_id = $1 and q.extension_id = $11), \
           target_menu_id = (select m.id from telephony.menus m where m.org_id = $1 and m.extension_id = $12), \
           priority = $13, position = $14, is_enabled = $15, deleted_at = null \
         where r.org_id = $1 and r.extension_id = $2 and r.id = $3"
    } else {
        "insert into telephony.extension_rules (org_id, extension_id, id, timescope, condition, action, \
           target_extension_id, target_user_id, target_number, target_sound, target_queue_id, target_menu_id, priority, \
           position, is_enabled) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
           (select q.id from telephony.queues q where q.org_id = $1 and q.extension_id = $11), \
           (select m.id from telephony.menus m where m.org_id = $1 and m.extension_id = $12), $13, $14, $15)"
    })
    .bind(org.0)
    .bind(extension)
    .bind(new.id.map_or_else(identifier::fresh, Ok)?)
    .bind(new.timescope.as_str())
    .bind(new.condition.as_str())
    .bind(to.word)
    .bind(is("forward_extension"))
    .bind(to.user)
    .bind(to.number)
    .bind(to.sound)
    .bind(is("queue"))
    .bind(is("ivr"))
    .bind(to.priority)
    .bind(position)
    .bind(new.is_enabled)
    .execute(c)
    .await;
    Ok(done.map(drop))
}

fn rule(row: &PgRow) -> Result<Rule, sqlx::Error> {
    let (timescope, condition): (&str, &str) = (row.try_get("timescope")?, row.try_get("condition")?);
    let unknown =
        || sqlx::Error::Decode(format!("a rule of another release: {timescope}, {condition}").into());
    let when = Timescope::of(timescope).zip(Condition::of(condition)).ok_or_else(unknown)?;
    let (action, is_enabled) = (Action::of(row)?, row.try_get("is_enabled")?);
    let sentence = sentence(when, (&action, row.try_get("led")?), is_enabled);
    let id: Uuid = row.try_get("id")?;
    Ok(Rule { id, timescope: when.0, condition: when.1, action, is_enabled, sentence })
}
