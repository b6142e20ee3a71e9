//! Rows of an extension's hours.

use sqlx::PgConnection;

use super::model::{Description, Hours};
use crate::{
    http::error::ApiError,
    telephony::part::{Actions, Part, Place},
};

impl Part for Hours {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "hours.created", changed: "hours.changed", deleted: "hours.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        sqlx::query_as(
            "select e.version, coalesce((
                 select json_agg(json_build_object('day', (array['mon','tue','wed','thu','fri','sat','sun'])[h.day_of_week],
                            'start', to_char(h.start_time, 'HH24:MI'), 'end', to_char(h.end_time, 'HH24:MI'))
                        order by h.day_of_week, h.start_time)
                 from telephony.extension_operational_hours h
                 where h.org_id = e.org_id and h.extension_id = e.id), '[]') as windows
             from telephony.extensions e where e.org_id = $1 and e.id = $2",
        )
        .bind(org.0)
        .bind(extension)
        .fetch_optional(c)
        .await
    }

    async fn put(
        c: &mut PgConnection,
        (org, extension): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        if old.is_none() {
            return Err(ApiError::NotFound);
        }
        sqlx::query(
            "delete from telephony.extension_operational_hours where org_id = $1 and extension_id = $2",
        )
        .bind(org.0)
        .bind(extension)
        .execute(&mut *c)
        .await?;
        let days: Vec<i32> = new.windows.iter().map(|window| window.day as i32).collect();
        let starts: Vec<&str> = new.windows.iter().map(|window| window.start.as_str()).collect();
        let ends: Vec<&str> = new.windows.iter().map(|window| window.end.as_str()).collect();
        sqlx::query(
            "insert into telephony.extension_operational_hours
                 (org_id, extension_id, day_of_week, start_time, end_time)
             select $1, $2, day, start::time, stop::time
             from unnest($3::int4[], $4::text[], $5::text[]) as hours (day, start, stop)",
        )
        .bind(org.0)
        .bind(extension)
        .bind(days)
        .bind(starts)
        .bind(ends)
        .execute(c)
        .await?;
        Ok(())
    }
}
