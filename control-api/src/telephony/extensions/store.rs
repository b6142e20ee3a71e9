//! Rows of extensions, of their numbers and of who belongs to them.

use contract::id::OrgId;
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::model::{Extension, ExtensionDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken, referred},
        page::Cursor,
    },
    telephony::resource::{
        self, Resource,
        store::{Statements, put_lists},
    },
};

macro_rules! extensions {
    ($rest:literal) => {
        concat!(
            "select e.id, n.number, e.name, e.is_active, e.recording, e.takes_intercom, e.created_at, e.updated_at, \
                    e.version, \
                    array(select a.user_id from telephony.extension_assigned_staffs a \
                          where a.org_id = e.org_id and a.extension_id = e.id order by a.user_id) as staff, \
                    array(select s.user_id from telephony.extension_supervisors s \
                          where s.org_id = e.org_id and s.extension_id = e.id order by s.user_id) as supervisors \
             from telephony.extensions e \
             join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id ",
            $rest
        )
    };
}

/// The extension that is called by `number`.
pub(super) async fn of_number(
    c: &mut PgConnection,
    org: OrgId,
    number: String,
) -> Result<Option<Extension>, sqlx::Error> {
    sqlx::query_as(extensions!("where e.org_id = $1 and n.number = $2"))
        .bind(org.0)
        .bind(number)
        .fetch_optional(c)
        .await
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("numbers_pkey", "the number is taken"),
    Broken::unknown("extension_assigned_staffs_staff_fkey", "staff", "names somebody who is no member"),
    Broken::unknown("extension_supervisors_staff_fkey", "supervisors", "names somebody who is no member"),
];

impl Resource for Extension {
    type Description = ExtensionDescription;
    const PATH: &'static str = "/api/telephony/extensions";
    const ACTIONS: [&'static str; 3] = ["extension.created", "extension.changed", "extension.deleted"];
    const STATEMENTS: Statements = Statements {
        list: extensions!(
            "where e.org_id = $1 and ($2::timestamptz is null or (e.created_at, e.id) < ($2, $3::uuid)) \
             order by e.created_at desc, e.id desc limit $4"
        ),
        one: extensions!("where e.org_id = $1 and e.id = $2"),
        hold: "select version from telephony.extensions where org_id = $1 and id = $2 for update",
        delete: "delete from telephony.extensions where org_id = $1 and id = $2",
    };

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: ExtensionDescription) -> Result<ExtensionDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c ExtensionDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            described(
                "insert into telephony.extensions (org_id, id, name, is_active, recording, takes_intercom) \
                 values ($1, $2, $3, $4, $5, $6)",
                key,
                new,
            )
            .execute(&mut *c)
            .await?;
            add_number(c, key, &new.number).await?;
            put_people(c, key, new).await
        })
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c ExtensionDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            described(
                "update telephony.extensions set name = $3, is_active = $4, recording = $5, takes_intercom = $6 \
                 where org_id = $1 and id = $2",
                key,
                new,
            )
            .execute(&mut *c)
            .await?;
            if self.number != new.number {
                let old = "delete from telephony.numbers where org_id = $1 and extension_id = $2";
                sqlx::query(old).bind(key.0.0).bind(key.1).execute(&mut *c).await.map_err(referred)?;
                add_number(c, key, &new.number).await?;
            }
            put_people(c, key, new).await
        })
    }

    /// With its number, hours and rules. What has settings of its own is not taken away with it.
    fn delete(c: &mut PgConnection, key: (OrgId, Uuid)) -> Work<'_, (), ApiError> {
        Box::pin(async move {
            let leads_on: bool =
                sqlx::query_scalar(LEADS_ON).bind(key.0.0).bind(key.1).fetch_one(&mut *c).await?;
            if leads_on {
                let reason = "its queue, menu, conference or page group has to be taken away first";
                return Err(ApiError::Conflict(reason));
            }
            resource::store::delete::<Self>(c, key).await
        })
    }
}

const LEADS_ON: &str = "select exists (select from telephony.queues where org_id = $1 and extension_id = $2) \
    or exists (select from telephony.menus where org_id = $1 and extension_id = $2) \
    or exists (select from telephony.conferences where org_id = $1 and extension_id = $2) \
    or exists (select from telephony.page_groups where org_id = $1 and extension_id = $2)";

fn described<'c>(
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &'c ExtensionDescription,
) -> Query<'c, Postgres, PgArguments> {
    sqlx::query(query)
        .bind(org.0)
        .bind(id)
        .bind(&new.name)
        .bind(new.is_active)
        .bind(new.recording)
        .bind(new.takes_intercom)
}

async fn add_number(c: &mut PgConnection, (org, id): (OrgId, Uuid), number: &str) -> Result<(), ApiError> {
    let done =
        sqlx::query("insert into telephony.numbers (org_id, number, extension_id) values ($1, $2, $3)")
            .bind(org.0)
            .bind(number)
            .bind(id)
            .execute(c)
            .await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Who stays is left alone: what else there is of them here (their place in a queue) goes with their row.
async fn put_people(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
    new: &ExtensionDescription,
) -> Result<(), ApiError> {
    let tables = [
        (
            "delete from telephony.extension_assigned_staffs
             where org_id = $1 and extension_id = $2 and user_id <> all ($3)",
            new.staff.as_slice(),
        ),
        (
            "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            new.staff.as_slice(),
        ),
        (
            "delete from telephony.extension_supervisors
             where org_id = $1 and extension_id = $2 and user_id <> all ($3)",
            new.supervisors.as_slice(),
        ),
        (
            "insert into telephony.extension_supervisors (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            new.supervisors.as_slice(),
        ),
    ];
    put_lists(c, (org, id), &tables, CONSTRAINTS).await
}
