//! Rows of divisions, and of who and what belongs to them.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Division, DivisionDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, put_lists},
    },
};

macro_rules! divisions {
    ($rest:literal) => {
        concat!(
            "select d.id, d.name, d.description, d.created_at, d.updated_at, d.version, \
                    array(select m.user_id from telephony.division_members m \
                          where m.org_id = d.org_id and m.division_id = d.id order by m.user_id) as members, \
                    array(select e.extension_id from telephony.division_extensions e \
                          where e.org_id = d.org_id and e.division_id = d.id order by e.extension_id) as extensions \
             from telephony.divisions d ",
            $rest
        )
    };
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("divisions_name_key", "the name is another division's"),
    Broken::unknown("division_members_member_fkey", "members", "names somebody who is no member"),
    Broken::unknown("division_extensions_extension_fkey", "extensions", "names no extension"),
];

impl Resource for Division {
    type Description = DivisionDescription;
    const PATH: &'static str = "/api/telephony/divisions";
    const ACTIONS: [&'static str; 3] = ["division.created", "division.changed", "division.deleted"];
    const STATEMENTS: Statements = Statements {
        list: divisions!(
            "where d.org_id = $1 and ($2::timestamptz is null or (d.created_at, d.id) < ($2, $3::uuid)) \
             order by d.created_at desc, d.id desc limit $4"
        ),
        one: divisions!("where d.org_id = $1 and d.id = $2"),
        hold: "select version from telephony.divisions where org_id = $1 and id = $2 for update",
        delete: "delete from telephony.divisions where org_id = $1 and id = $2",
    };
    const IS_OF_PLAN: bool = false;

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: DivisionDescription) -> Result<DivisionDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DivisionDescription,
    ) -> Work<'c, (), ApiError> {
        let query = "insert into telephony.divisions (org_id, id, name, description) values ($1, $2, $3, $4)";
        Box::pin(put(c, query, key, new))
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DivisionDescription,
    ) -> Work<'c, (), ApiError> {
        let query =
            "update telephony.divisions set name = $3, description = $4 where org_id = $1 and id = $2";
        Box::pin(put(c, query, key, new))
    }
}

async fn put(
    c: &mut PgConnection,
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &DivisionDescription,
) -> Result<(), ApiError> {
    let done = sqlx::query(query).bind(org.0).bind(id).bind(&new.name).bind(&new.description);
    done.execute(&mut *c).await.map_err(|error| broken(error, CONSTRAINTS))?;
    let belongings = [
        (
            "delete from telephony.division_members where org_id = $1 and division_id = $2 and user_id <> all ($3)",
            new.members.as_slice(),
        ),
        (
            "insert into telephony.division_members (org_id, division_id, user_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            new.members.as_slice(),
        ),
        (
            "delete from telephony.division_extensions
             where org_id = $1 and division_id = $2 and extension_id <> all ($3)",
            new.extensions.as_slice(),
        ),
        (
            "insert into telephony.division_extensions (org_id, division_id, extension_id)
             select $1, $2, unnest($3::uuid[]) on conflict do nothing",
            new.extensions.as_slice(),
        ),
    ];
    put_lists(c, (org, id), &belongings, CONSTRAINTS).await
}
