//! The self-test's organisation and accounts, and what the switch has written about its calls.

use contract::credentials::digests;
use migrations::Role;
use sqlx::PgPool;
use uuid::Uuid;

use crate::database::{new_id, store::act_as};

/// Makes the organisation if there is none, and its accounts with these passwords.
pub(super) async fn prepare(
    pool: &PgPool,
    domain: &str,
    accounts: [(&str, &str); 2],
) -> anyhow::Result<Uuid> {
    let mut c = pool.begin().await?;
    act_as(&mut c, Role::Switch, None).await?;
    let known: Option<Uuid> =
        sqlx::query_scalar("select org_id from telephony.organisation_settings where sip_domain = $1")
            .bind(domain)
            .fetch_optional(&mut *c)
            .await?;
    let organisation = match known {
        Some(organisation) => organisation,
        None => {
            let organisation = new_id()?;
            act_as(&mut c, Role::Platform, None).await?;
            sqlx::query(
                "insert into identity.organisations (id, name, status) values ($1, 'Self-test', 'approved')",
            )
            .bind(organisation)
            .execute(&mut *c)
            .await?;
            organisation
        }
    };
    act_as(&mut c, Role::Api, Some(organisation)).await?;
    if known.is_none() {
        sqlx::query("insert into telephony.organisation_settings (org_id, sip_domain) values ($1, $2)")
            .bind(organisation)
            .bind(domain)
            .execute(&mut *c)
            .await?;
    }
    for (username, password) in accounts {
        let digests = digests(username, domain, password);
        // Not one statement with `on conflict`: that would read the digests, which the API's role must not.
        let known = sqlx::query(
            "update telephony.sip_accounts set ha1_md5 = $3, ha1_sha256 = $4, is_active = true
             where org_id = $1 and username = $2",
        )
        .bind(organisation)
        .bind(username)
        .bind(&digests.0)
        .bind(&digests.1)
        .execute(&mut *c)
        .await?;
        if known.rows_affected() == 0 {
            sqlx::query(
                "insert into telephony.sip_accounts (id, org_id, username, ha1_md5, ha1_sha256)
                 values ($1, $2, $3, $4, $5)",
            )
            .bind(new_id()?)
            .bind(organisation)
            .bind(username)
            .bind(digests.0)
            .bind(digests.1)
            .execute(&mut *c)
            .await?;
        }
    }
    c.commit().await?;
    Ok(organisation)
}

/// Lets nobody in by these accounts until the next run.
pub(super) async fn put_to_sleep(pool: &PgPool, organisation: Uuid) -> Result<(), sqlx::Error> {
    let mut c = pool.begin().await?;
    act_as(&mut c, Role::Api, Some(organisation)).await?;
    sqlx::query("update telephony.sip_accounts set is_active = false where org_id = $1 and is_active")
        .bind(organisation)
        .execute(&mut *c)
        .await?;
    c.commit().await
}

/// The events of the organisation's last call, in order.
pub(super) async fn last_events(pool: &PgPool, organisation: Uuid) -> Result<Vec<String>, sqlx::Error> {
    let mut c = pool.begin().await?;
    act_as(&mut c, Role::Api, Some(organisation)).await?;
    sqlx::query_scalar(
        "select event_type from telephony.call_events where call_id =
             (select id from telephony.calls where org_id = $1 order by created_at desc, id desc limit 1)
         order by seq",
    )
    .bind(organisation)
    .fetch_all(&mut *c)
    .await
}

/// How many calls of the organisation have been written down.
pub(super) async fn calls(pool: &PgPool, organisation: Uuid) -> Result<i64, sqlx::Error> {
    let mut c = pool.begin().await?;
    act_as(&mut c, Role::Api, Some(organisation)).await?;
    sqlx::query_scalar("select count(*) from telephony.calls where org_id = $1")
        .bind(organisation)
        .fetch_one(&mut *c)
        .await
}
