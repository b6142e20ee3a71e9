//! Rows of the demo organisation. The deploying user acts as the role whose business each row is, under its
//! row-level security, so that what is made here could be made by the daemons' own doors, too.

use migrations::Role;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    seed::NewAccount,
    state::{Person, Staff, State},
};
use crate::database::store::act_as;

/// The organisation with the SIP domain.
pub(super) async fn organisation_of(c: &mut PgConnection, domain: &str) -> Result<Option<Uuid>, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    sqlx::query_scalar("select org_id from telephony.organisation_settings where sip_domain = $1")
        .bind(domain)
        .fetch_optional(c)
        .await
}

/// Whether calls to the switch's own address belong to somebody already.
pub(super) async fn has_default_organisation(c: &mut PgConnection) -> Result<bool, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    sqlx::query_scalar("select exists (select from telephony.organisation_settings where is_default)")
        .fetch_one(c)
        .await
}

/// The API key, which may do all that keys may in this version.
pub(super) async fn set_api_key(c: &mut PgConnection, state: &State) -> Result<(), sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    sqlx::query(
        "insert into identity.api_keys (id, org_id, name, key_hash, permissions)
         values ($1, $2, 'sambung up', $3, array['calls.read', 'calls.control', 'calls.listen', 'recordings.read', 'recordings.listen', 'recordings.delete', 'voicemail.read', 'voicemail.listen', 'voicemail.write', 'telephony.read', 'telephony.write', 'audit.read', 'events.read', 'jobs.read', 'jobs.write', 'webhooks.read', 'webhooks.write', 'organisation.read', 'organisation.write', 'members.read', 'members.write'])
         on conflict (id) do update set permissions = excluded.permissions",
    )
    .bind(state.api_key.id)
    .bind(state.organisation)
    .bind(hash_of_hex(&state.api_key.secret))
    .execute(c)
    .await?;
    Ok(())
}

/// The organisation with its settings and extensions.
pub(super) async fn add_organisation(
    c: &mut PgConnection,
    state: &State,
    is_default: bool,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    sqlx::query("insert into identity.organisations (id, name, status) values ($1, 'Demo', 'approved')")
        .bind(state.organisation)
        .execute(&mut *c)
        .await?;
    act_as(c, Role::Api, Some(state.organisation)).await?;
    sqlx::query(
        "insert into telephony.organisation_settings (org_id, sip_domain, is_default, is_recording_on_demand) \
         values ($1, $2, $3, true)",
    )
    .bind(state.organisation)
    .bind(super::state::DOMAIN)
    .bind(is_default)
    .execute(&mut *c)
    .await?;
    for extension in &state.extensions {
        add_extension(c, state.organisation, (extension.id, &extension.number, &extension.name)).await?;
    }
    Ok(())
}

/// The code of the QR code that lets guests in.
pub(super) async fn qr_code(c: &mut PgConnection, organisation: Uuid) -> Result<Option<String>, sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    sqlx::query_scalar(
        "select code from identity.organisation_qr_codes where org_id = $1 and expired_at is null",
    )
    .bind(organisation)
    .fetch_optional(c)
    .await
}

/// A first one.
pub(super) async fn add_qr_code(
    c: &mut PgConnection,
    (organisation, id): (Uuid, Uuid),
    code: &str,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    sqlx::query("insert into identity.organisation_qr_codes (id, org_id, code) values ($1, $2, $3)")
        .bind(id)
        .bind(organisation)
        .bind(code)
        .execute(c)
        .await?;
    Ok(())
}

/// Whether somebody or something has that number.
pub(super) async fn has_number(
    c: &mut PgConnection,
    organisation: Uuid,
    number: &str,
) -> Result<bool, sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    sqlx::query_scalar("select exists (select from telephony.numbers where org_id = $1 and number = $2)")
        .bind(organisation)
        .bind(number)
        .fetch_one(c)
        .await
}

/// An extension that is a conference, open to everybody.
pub(super) async fn add_conference(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: Uuid,
    number: &str,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    add_extension(c, organisation, (extension, number, "Konferensi")).await?;
    sqlx::query("insert into telephony.conferences (org_id, extension_id) values ($1, $2)")
        .bind(organisation)
        .bind(extension)
        .execute(c)
        .await
        .map(drop)
}

async fn add_extension(
    c: &mut PgConnection,
    organisation: Uuid,
    (id, number, name): (Uuid, &str, &str),
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into telephony.extensions (id, org_id, name) values ($1, $2, $3)")
        .bind(id)
        .bind(organisation)
        .bind(name)
        .execute(&mut *c)
        .await?;
    sqlx::query("insert into telephony.numbers (org_id, number, extension_id) values ($1, $2, $3)")
        .bind(organisation)
        .bind(number)
        .bind(id)
        .execute(c)
        .await
        .map(drop)
}

/// Those of `ids` that are users.
pub(super) async fn users(c: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    sqlx::query_scalar("select id from identity.users where id = any ($1)").bind(ids).fetch_all(c).await
}

/// A person with a password.
pub(super) async fn add_user(
    c: &mut PgConnection,
    person: &Person,
    password_hash: &str,
    is_super_admin: bool,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    sqlx::query(
        "insert into identity.users (id, name, email, email_verified_at, platform_role)
         values ($1, $2, $3, now(), $4)",
    )
    .bind(person.user)
    .bind(&person.name)
    .bind(&person.email)
    .bind(if is_super_admin { "super_admin" } else { "none" })
    .execute(&mut *c)
    .await?;
    sqlx::query(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
         values ('password', $1, $2, $3)",
    )
    .bind(&person.email)
    .bind(person.user)
    .bind(password_hash)
    .execute(c)
    .await
    .map(drop)
}

/// The person's place in the organisation.
pub(super) async fn add_membership(
    c: &mut PgConnection,
    id: Uuid,
    organisation: Uuid,
    person: &Person,
    role: &str,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    sqlx::query(
        "insert into identity.memberships (id, org_id, user_id, email, role, status)
         values ($1, $2, $3, $4, $5, 'active')",
    )
    .bind(id)
    .bind(organisation)
    .bind(person.user)
    .bind(&person.email)
    .bind(role)
    .execute(c)
    .await
    .map(drop)
}

/// The person's number, phone and place behind an extension.
pub(super) async fn add_staff(
    c: &mut PgConnection,
    organisation: Uuid,
    staff: &Staff,
    extension: Uuid,
    account: &NewAccount,
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    sqlx::query("insert into telephony.numbers (org_id, number, user_id) values ($1, $2, $3)")
        .bind(organisation)
        .bind(&staff.number)
        .bind(staff.person.user)
        .execute(&mut *c)
        .await?;
    sqlx::query(
        "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id) values ($1, $2, $3)",
    )
    .bind(organisation)
    .bind(extension)
    .bind(staff.person.user)
    .execute(&mut *c)
    .await?;
    add_accounts(c, organisation, std::slice::from_ref(account)).await
}

/// The bare accounts that are awake, by username.
pub(super) async fn bare_accounts(
    c: &mut PgConnection,
    organisation: Uuid,
) -> Result<Vec<String>, sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    sqlx::query_scalar(
        "select username from telephony.sip_accounts
         where org_id = $1 and user_id is null and username ~ '^(u[0-9]+|callee)$' and is_active
         order by username collate \"C\"",
    )
    .bind(organisation)
    .fetch_all(c)
    .await
}

/// Makes the bare accounts exactly `accounts`: missing ones are added, others fall asleep, because their
/// password is known to everybody.
pub(super) async fn set_bare_accounts(
    c: &mut PgConnection,
    organisation: Uuid,
    accounts: &[NewAccount],
) -> Result<(), sqlx::Error> {
    act_as(c, Role::Api, Some(organisation)).await?;
    add_accounts(c, organisation, accounts).await?;
    let names: Vec<&str> = accounts.iter().map(|account| account.username.as_str()).collect();
    sqlx::query(
        "update telephony.sip_accounts set is_active = (username = any ($2))
         where org_id = $1 and user_id is null and username ~ '^(u[0-9]+|callee)$'
           and is_active <> (username = any ($2))",
    )
    .bind(organisation)
    .bind(names)
    .execute(c)
    .await
    .map(drop)
}

async fn add_accounts(
    c: &mut PgConnection,
    organisation: Uuid,
    accounts: &[NewAccount],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
         select id, $1, user_id, username, ha1_md5, ha1_sha256
         from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])
              as t (id, user_id, username, ha1_md5, ha1_sha256)
         on conflict do nothing",
    )
    .bind(organisation)
    .bind(accounts.iter().map(|account| account.id).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.user).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.username.as_str()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.ha1_md5.as_str()).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.ha1_sha256.as_str()).collect::<Vec<_>>())
    .execute(c)
    .await
    .map(drop)
}

/// SHA-256 of the bytes that the digits stand for.
fn hash_of_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Vec<u8> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    Sha256::digest(bytes).to_vec()
}
