//! Rows of numbers in the telephone network.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{DidNumber, DidNumberDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("did_numbers_number_key", "the number is taken"),
    Broken::unknown("did_numbers_extension_fkey", "extension_id", "names no extension"),
    Broken::unknown("did_numbers_staff_fkey", "user_id", "names somebody who is no member"),
];

impl Resource for DidNumber {
    type Description = DidNumberDescription;
    const PATH: &'static str = "/api/telephony/did-numbers";
    const ACTIONS: [&'static str; 3] = ["did_number.created", "did_number.changed", "did_number.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.did_numbers",
        "id, number, extension_id, user_id, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: DidNumberDescription) -> Result<DidNumberDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DidNumberDescription,
    ) -> Work<'c, (), ApiError> {
        let query = "insert into telephony.did_numbers (org_id, id, number, extension_id, user_id) \
                     values ($1, $2, $3, $4, $5)";
        Box::pin(run(c, query, key, new))
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DidNumberDescription,
    ) -> Work<'c, (), ApiError> {
        let query = "update telephony.did_numbers set number = $3, extension_id = $4, user_id = $5 \
                     where org_id = $1 and id = $2";
        Box::pin(run(c, query, key, new))
    }
}

async fn run(
    c: &mut PgConnection,
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &DidNumberDescription,
) -> Result<(), ApiError> {
    let query = sqlx::query(query).bind(org.0).bind(id).bind(&new.number);
    query
        .bind(new.extension_id)
        .bind(new.user_id)
        .execute(&mut *c)
        .await
        .map_err(|error| broken(error, CONSTRAINTS))?;
    // Looked at when the unit of work ends, where nobody knows any more whose they are.
    let now =
        "set constraints telephony.did_numbers_extension_fkey, telephony.did_numbers_staff_fkey immediate";
    sqlx::query(now).execute(c).await.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}
