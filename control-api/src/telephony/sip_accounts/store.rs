//! Rows of SIP accounts. Digests go in and never come out.

use contract::{credentials::digests, id::OrgId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Description, First, SipAccount};
use crate::{
    http::{
        error::{ApiError, Broken, broken},
        page::Cursor,
    },
    identity::signing::Word,
    telephony::part::{self, Actions, Asked, Listed, Part, Place, Removable},
};

macro_rules! accounts {
    ($rest:literal) => {
        concat!(
            "select id, username, user_id, is_active, created_at, updated_at, version from telephony.sip_accounts ",
            $rest
        )
    };
}

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("sip_accounts_username_key", "the username is taken"),
    Broken::unknown("sip_accounts_staff_fkey", "user_id", "names somebody who is no member"),
];

impl Part for SipAccount {
    type Description = Description;
    const ACTIONS: Actions = Actions {
        created: "sip_account.created",
        changed: "sip_account.changed",
        deleted: "sip_account.deleted",
    };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, id): Place) -> Result<Option<Self>, sqlx::Error> {
        sqlx::query_as(accounts!("where org_id = $1 and id = $2"))
            .bind(org.0)
            .bind(id)
            .fetch_optional(c)
            .await
    }

    async fn put(
        c: &mut PgConnection,
        (org, id): Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        if old.is_none() {
            return Err(ApiError::NotFound);
        }
        let done = sqlx::query(
            "update telephony.sip_accounts set user_id = $3, is_active = $4 where org_id = $1 and id = $2",
        );
        let done = done.bind(org.0).bind(id).bind(new.user_id).bind(new.is_active).execute(c).await;
        done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
    }
}

impl Removable for SipAccount {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        // It would go with the account, and the record would not tell of it.
        let budgets = sqlx::query_scalar(
            "select exists (select from telephony.outside_budgets where org_id = $1 and account_id = $2)",
        );
        if budgets.bind(place.0.0).bind(place.1).fetch_one(&mut *c).await? {
            return Err(ApiError::Conflict("a budget of the telephone network is for it"));
        }
        let lines = sqlx::query_scalar(
            "select exists (select from telephony.device_lines where org_id = $1 and account_id = $2)",
        );
        if lines.bind(place.0.0).bind(place.1).fetch_one(&mut *c).await? {
            return Err(ApiError::Conflict("a device has it on a line"));
        }
        part::delete(c, "delete from telephony.sip_accounts where org_id = $1 and id = $2", place).await
    }
}

impl Listed for SipAccount {
    async fn list(c: &mut PgConnection, org: OrgId, asked: Asked) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as(accounts!(
            "where org_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid)) \
             order by created_at desc, id desc limit $4"
        ))
        .bind(org.0)
        .bind(asked.1.map(|cursor| cursor.at))
        .bind(asked.1.map(|cursor| cursor.id))
        .bind(i64::from(asked.0) + 1)
        .fetch_all(c)
        .await
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// What is known of the account that a person's browsers register by.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Known {
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) is_active: bool,
    pub(super) password_key: Option<String>,
    pub(super) password_no: Option<i32>,
    pub(super) domain: String,
}

/// The account of `user` with that username.
pub(super) async fn of_browser(
    c: &mut PgConnection,
    (org, user): (OrgId, Uuid),
    username: String,
) -> Result<Option<Known>, sqlx::Error> {
    sqlx::query_as(
        "select a.id, a.username, a.is_active, a.password_key, a.password_no, s.sip_domain as domain \
         from telephony.sip_accounts a join telephony.organisation_settings s on s.org_id = a.org_id \
         where a.org_id = $1 and a.user_id = $2 and a.username = $3",
    )
    .bind(org.0)
    .bind(user)
    .bind(username)
    .fetch_optional(c)
    .await
}

/// Whether the person has a number, without which their phones stand for nobody.
pub(super) async fn has_number(
    c: &mut PgConnection,
    (org, user): (OrgId, Uuid),
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(
        "select exists (select from telephony.numbers where org_id = $1 and user_id = $2)",
    );
    query.bind(org.0).bind(user).fetch_one(c).await
}

/// The realm of the organisation's phones. Without one there is nothing to register at.
async fn realm(c: &mut PgConnection, org: OrgId) -> Result<String, ApiError> {
    let realm =
        sqlx::query_scalar("select sip_domain from telephony.organisation_settings where org_id = $1");
    let realm: Option<String> = realm.bind(org.0).fetch_optional(c).await?;
    realm.ok_or(ApiError::Coded("NO_SIP_DOMAIN", "the organisation has no SIP domain yet"))
}

/// Adds it with this password.
pub(super) async fn insert(
    c: &mut PgConnection,
    (org, id): Place,
    new: &First,
    password: &Word,
) -> Result<(), ApiError> {
    let (ha1_md5, ha1_sha256) = digests(&new.username, &realm(c, org).await?, &password.text);
    let done = sqlx::query(
        "insert into telephony.sip_accounts \
           (id, org_id, user_id, username, is_active, ha1_md5, ha1_sha256, password_key, password_no) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id)
    .bind(org.0)
    .bind(new.user_id)
    .bind(&new.username)
    .bind(new.is_active)
    .bind(ha1_md5)
    .bind(ha1_sha256)
    .bind(&password.key)
    .bind(password.no)
    .execute(c)
    .await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

/// Gives the account this password in the place of its own.
pub(super) async fn rotate(
    c: &mut PgConnection,
    org: OrgId,
    account: &SipAccount,
    password: &Word,
) -> Result<(), ApiError> {
    let (ha1_md5, ha1_sha256) = digests(&account.username, &realm(c, org).await?, &password.text);
    sqlx::query(
        "update telephony.sip_accounts set ha1_md5 = $3, ha1_sha256 = $4, password_key = $5, password_no = $6 \
         where org_id = $1 and id = $2",
    )
    .bind(org.0)
    .bind(account.id)
    .bind(ha1_md5)
    .bind(ha1_sha256)
    .bind(&password.key)
    .bind(password.no)
    .execute(c)
    .await?;
    Ok(())
}
