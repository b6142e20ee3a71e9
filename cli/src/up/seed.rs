//! The demo organisation's rows. What is there stays as it is; what is missing is added. So a second start
//! changes nothing, and what an operator changed meanwhile is kept.

use anyhow::{Context as _, bail};
use argon2::{Argon2, PasswordHasher as _};
use contract::{credentials::digests, qr_code};
use sambung::secret;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    options::Options,
    state::{CONFERENCE_NUMBER, DOMAIN, Person, State},
    store,
};
use crate::database::new_id;

/// What everybody knows, see `--sip-accounts`.
const BARE_PASSWORD: &str = "secret";

/// Credentials of a phone as the database keeps them.
pub(super) struct NewAccount {
    pub(super) id: Uuid,
    pub(super) user: Option<Uuid>,
    pub(super) username: String,
    pub(super) ha1_md5: String,
    pub(super) ha1_sha256: String,
}

impl NewAccount {
    fn new(id: Uuid, user: Option<Uuid>, username: &str, password: &str) -> Self {
        let (ha1_md5, ha1_sha256) = digests(username, DOMAIN, password);
        Self { id, user, username: username.to_owned(), ha1_md5, ha1_sha256 }
    }
}

/// Adds what is missing, all of it or nothing, and says by which code guests enter.
pub(super) async fn fill(pool: &PgPool, state: &State, options: &Options) -> anyhow::Result<String> {
    let mut transaction = pool.begin().await?;
    let connection = &mut *transaction;
    match store::organisation_of(connection, DOMAIN).await? {
        Some(organisation) if organisation != state.organisation => bail!(
            "the database already holds a demo organisation that another --data folder made; use that folder or \
             another database"
        ),
        Some(_) => {}
        None => {
            let is_default = !store::has_default_organisation(connection).await?;
            store::add_organisation(connection, state, is_default).await?;
            add_person(connection, &state.super_admin, None).await?;
            add_person(connection, &state.owner, Some((state.organisation, "owner"))).await?;
        }
    }
    store::set_api_key(connection, state).await?;
    if !store::has_number(connection, state.organisation, CONFERENCE_NUMBER).await? {
        store::add_conference(connection, state.organisation, new_id()?, CONFERENCE_NUMBER).await?;
    }
    let ids: Vec<Uuid> = state.staff.iter().map(|staff| staff.person.user).collect();
    let known = store::users(connection, &ids).await?;
    let missing = state.staff.iter().enumerate().filter(|(_, staff)| !known.contains(&staff.person.user));
    for (at, staff) in missing {
        add_person(connection, &staff.person, Some((state.organisation, "call_agent"))).await?;
        let account =
            NewAccount::new(staff.account, Some(staff.person.user), &staff.number, &staff.sip_password);
        store::add_staff(connection, state.organisation, staff, state.extension_of(at).id, &account).await?;
    }
    let accounts = bare_accounts(options.sip_accounts)?;
    let mut wanted: Vec<&str> = accounts.iter().map(|account| account.username.as_str()).collect();
    wanted.sort_unstable();
    // Even a statement that changes no row counts as a change of configuration.
    if store::bare_accounts(connection, state.organisation).await? != wanted {
        store::set_bare_accounts(connection, state.organisation, &accounts).await?;
    }
    let code = match store::qr_code(connection, state.organisation).await? {
        Some(code) => code,
        None => {
            let code = qr_code::code(secret::bytes()?);
            store::add_qr_code(connection, (state.organisation, new_id()?), &code).await?;
            code
        }
    };
    transaction.commit().await.context("cannot save the demo organisation")?;
    Ok(code)
}

/// Somebody with a role in an organisation, or, without one, the super admin.
async fn add_person(
    connection: &mut PgConnection,
    person: &Person,
    membership: Option<(Uuid, &str)>,
) -> anyhow::Result<()> {
    let password_hash = password_hash(&person.password)?;
    store::add_user(connection, person, &password_hash, membership.is_none()).await?;
    if let Some((organisation, role)) = membership {
        store::add_membership(connection, new_id()?, organisation, person, role).await?;
    }
    Ok(())
}

/// Argon2id with 19 MiB and two passes (ASVS 5.0 appendix C), in PHC form.
fn password_hash(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &secret::bytes::<16>()?);
    Ok(hash.map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?.to_string())
}

/// `u0` … and `callee`; none for 0.
fn bare_accounts(count: usize) -> anyhow::Result<Vec<NewAccount>> {
    let numbered = (0..count).map(|n| format!("u{n}"));
    let names = numbered.chain((count > 0).then(|| "callee".to_owned()));
    names.map(|name| Ok(NewAccount::new(new_id()?, None, &name, BARE_PASSWORD))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_accounts_are_a_hundred_and_a_callee() {
        let names: Vec<String> =
            bare_accounts(100).unwrap().into_iter().map(|account| account.username).collect();
        assert_eq!(
            (names.len(), names[0].as_str(), names[99].as_str(), names[100].as_str()),
            (101, "u0", "u99", "callee")
        );
        assert!(bare_accounts(0).unwrap().is_empty());
    }

    #[test]
    fn passwords_are_kept_as_argon2id_with_19_mib() {
        let hash = password_hash("a-1").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}
