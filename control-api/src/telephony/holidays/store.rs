//! Rows of an organisation's holidays: one for each part of a day, or one that is closed.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Description, Holidays};
use crate::{
    http::error::{ApiError, Broken, broken},
    telephony::part::{Actions, Part, Place},
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] =
    &[Broken::unknown("holidays_extension_fkey", "extension_id", "names no extension")];

impl Part for Holidays {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "holidays.created", changed: "holidays.changed", deleted: "holidays.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, _): Place) -> Result<Option<Self>, sqlx::Error> {
        sqlx::query_as(
            "select s.version, coalesce((
                 select json_agg(json_build_object('date', on_date, 'name', name, 'extension_id', extension_id, 'hours', hours)
                        order by on_date, extension_id nulls first)
                 from (select h.on_date, h.extension_id, min(h.name) as name,
                           coalesce(json_agg(json_build_object('start', to_char(h.start_time, 'HH24:MI'),
                                        'end', to_char(h.end_time, 'HH24:MI')) order by h.start_time)
                               filter (where h.start_time is not null), '[]') as hours
                       from telephony.holidays h where h.org_id = s.org_id
                       group by h.on_date, h.extension_id) dates), '[]') as holidays
             from telephony.organisation_settings s where s.org_id = $1",
        )
        .bind(org.0)
        .fetch_optional(c)
        .await
    }

    async fn put(
        c: &mut PgConnection,
        (org, _): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        if old.is_none() {
            return Err(ApiError::NotFound);
        }
        sqlx::query("delete from telephony.holidays where org_id = $1").bind(org.0).execute(&mut *c).await?;
        let mut dates: Vec<&str> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let mut extensions: Vec<Option<Uuid>> = Vec::new();
        let (mut starts, mut ends): (Vec<Option<&str>>, Vec<Option<&str>>) = (Vec::new(), Vec::new());
        for holiday in &new.holidays {
            let closed = holiday.hours.is_empty().then_some((None, None));
            let spans = holiday.hours.iter().map(|span| (Some(span.start.as_str()), Some(span.end.as_str())));
            for (start, end) in spans.chain(closed) {
                dates.push(&holiday.date);
                names.push(&holiday.name);
                extensions.push(holiday.extension_id);
                starts.push(start);
                ends.push(end);
            }
        }
        let done = sqlx::query(
            "insert into telephony.holidays (org_id, on_date, name, extension_id, start_time, end_time)
             select $1, day::date, name, extension_id, start::time, stop::time
             from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
                 as holidays (day, name, extension_id, start, stop)",
        )
        .bind(org.0)
        .bind(dates)
        .bind(names)
        .bind(extensions)
        .bind(starts)
        .bind(ends)
        .execute(c)
        .await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}
