//! Rows of trunks. The password goes in; this role cannot read it.

use contract::id::OrgId;
use sqlx::{PgConnection, Postgres, query::Query};
use uuid::Uuid;

use super::model::{Trunk, TrunkDescription};
use crate::{
    database::Work,
    http::{
        error::{ApiError, Broken, FieldError, broken},
        page::Cursor,
    },
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[Broken::taken("trunks_name_key", "the name is taken")];

const INSERT: &str = "insert into telephony.trunks (org_id, id, name, sources, targets, auth_username, auth_realm, is_registering, \
       registration_expiry_seconds, options_interval_seconds, number_format, from_number, channels_max, is_trusted, \
       is_active, auth_password) \
     values ($1, $2, $3, $4::text[]::cidr[], $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// All of a trunk but its password, and that where it is not kept.
macro_rules! update {
    ($password:literal) => {
        concat!(
            "update telephony.trunks set name = $3, sources = $4::text[]::cidr[], targets = $5, auth_username = $6, \
               auth_realm = $7, is_registering = $8, registration_expiry_seconds = $9, \
               options_interval_seconds = $10, number_format = $11, from_number = $12, channels_max = $13, \
               is_trusted = $14, is_active = $15",
            $password,
            " where org_id = $1 and id = $2"
        )
    };
}

impl Resource for Trunk {
    type Description = TrunkDescription;
    const PATH: &'static str = "/api/telephony/trunks";
    const ACTIONS: [&'static str; 3] = ["trunk.created", "trunk.changed", "trunk.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.trunks",
        "id, name, sources::text[] as sources, targets, auth_username, auth_username is not null as has_password, \
         auth_realm, is_registering, registration_expiry_seconds, options_interval_seconds, number_format, from_number, \
         channels_max, is_trusted, is_active, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: TrunkDescription) -> Result<TrunkDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c TrunkDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            if new.auth_username.is_some() && new.auth_password.is_none() {
                return Err(no_password());
            }
            let done = described(INSERT, key, new).bind(password(new)).execute(c).await;
            done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
        })
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c TrunkDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(async move {
            let is_kept = new.auth_password.is_none() && new.auth_username.is_some();
            // Elsewhere somebody else could ask for it.
            let is_same = new.auth_username == self.auth_username
                && new.auth_realm == self.auth_realm
                && new.targets == self.targets;
            if is_kept && !is_same {
                return Err(no_password());
            }
            let query = if is_kept {
                described(update!(""), key, new)
            } else {
                described(update!(", auth_password = $16"), key, new).bind(password(new))
            };
            query.execute(c).await.map(drop).map_err(|error| broken(error, CONSTRAINTS))
        })
    }
}

fn no_password() -> ApiError {
    let reason = "must be there: there is none of that username, realm and targets";
    ApiError::Invalid(vec![FieldError::new("auth_password", reason)])
}

fn password(new: &TrunkDescription) -> Option<&str> {
    new.auth_password.as_ref().map(|password| password.0.as_str())
}

fn described<'c>(
    query: &'static str,
    (org, id): (OrgId, Uuid),
    new: &'c TrunkDescription,
) -> Query<'c, Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(query)
        .bind(org.0)
        .bind(id)
        .bind(&new.name)
        .bind(new.networks())
        .bind(&new.targets)
        .bind(&new.auth_username)
        .bind(&new.auth_realm)
        .bind(new.is_registering)
        .bind(i64::from(new.registration_expiry_seconds))
        .bind(i32::from(new.options_interval_seconds))
        .bind(new.number_format.as_str())
        .bind(&new.from_number)
        .bind(i32::from(new.channels_max))
        .bind(new.is_trusted)
        .bind(new.is_active)
}
