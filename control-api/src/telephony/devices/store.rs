//! Rows of devices, and what their configuration is made of.

use contract::id::OrgId;
use sqlx::{PgConnection, Postgres, query::Query};
use uuid::Uuid;

use super::model::{Codec, Device, DeviceDescription};
use crate::{
    database::{Scope, Work, enter},
    http::{
        error::{ApiError, Broken, FieldError, broken},
        page::Cursor,
    },
    platform::audit::Actor,
    telephony::resource::{
        Resource,
        store::{Statements, statements},
    },
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::taken("devices_mac_key", "there is a device of that MAC address"),
    Broken::unknown("device_lines_account_fkey", "lines", "name an account that there is not"),
];

const INSERT: &str = "insert into telephony.devices \
       (org_id, id, label, vendor, model, mac, transport, codecs, language, keys, is_active) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const UPDATE: &str = "update telephony.devices set label = $3, vendor = $4, model = $5, mac = $6, transport = $7, \
       codecs = $8, language = $9, keys = $10, is_active = $11 \
     where org_id = $1 and id = $2";

impl Resource for Device {
    type Description = DeviceDescription;
    const PATH: &'static str = "/api/telephony/devices";
    const IS_OF_PLAN: bool = false;
    const ACTIONS: [&'static str; 3] = ["device.created", "device.changed", "device.deleted"];
    const STATEMENTS: Statements = statements!(
        "telephony.devices",
        "id, label, vendor, model, mac, transport, codecs, language, keys, is_active, \
         array(select l.account_id from telephony.device_lines l \
               where l.org_id = devices.org_id and l.device_id = devices.id order by l.line) as lines, \
         address_no is not null as has_address, created_at, updated_at, version"
    );

    fn version(&self) -> i32 {
        self.version
    }

    fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }

    fn check(new: DeviceDescription) -> Result<DeviceDescription, ApiError> {
        new.check()
    }

    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DeviceDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(put(c, INSERT, key, new))
    }

    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c DeviceDescription,
    ) -> Work<'c, (), ApiError> {
        Box::pin(put(c, UPDATE, key, new))
    }
}

async fn put(
    c: &mut PgConnection,
    statement: &'static str,
    key: (OrgId, Uuid),
    new: &DeviceDescription,
) -> Result<(), ApiError> {
    let known = |error| broken(error, CONSTRAINTS);
    let nobodys: Vec<String> = sqlx::query_scalar(
        "select key from unnest($2::text[]) key \
         where not exists (select from telephony.numbers n where n.org_id = $1 and n.number = key)",
    )
    .bind(key.0.0)
    .bind(&new.keys)
    .fetch_all(&mut *c)
    .await?;
    if !nobodys.is_empty() {
        return Err(ApiError::Unprocessable(vec![FieldError::new("keys", "name a number that is nobody's")]));
    }
    described(statement, key, new).execute(&mut *c).await.map_err(known)?;
    let gone = sqlx::query("delete from telephony.device_lines where org_id = $1 and device_id = $2");
    gone.bind(key.0.0).bind(key.1).execute(&mut *c).await?;
    let lines = sqlx::query(
        "insert into telephony.device_lines (org_id, device_id, line, account_id) \
         select $1, $2, line.no, line.account from unnest($3::uuid[]) with ordinality line (account, no)",
    );
    lines.bind(key.0.0).bind(key.1).bind(&new.lines).execute(c).await.map(drop).map_err(known)
}

fn described<'c>(
    statement: &'static str,
    (org, id): (OrgId, Uuid),
    new: &'c DeviceDescription,
) -> Query<'c, Postgres, sqlx::postgres::PgArguments> {
    let codecs: Vec<&str> = new.codecs.iter().copied().map(Codec::as_str).collect();
    sqlx::query(statement)
        .bind(org.0)
        .bind(id)
        .bind(&new.label)
        .bind(new.vendor.as_str())
        .bind(&new.model)
        .bind(&new.mac)
        .bind(new.transport.as_str())
        .bind(codecs)
        .bind(new.language.as_str())
        .bind(&new.keys)
        .bind(new.is_active)
}

/// The device `id`, to whose configuration the `no`th address leads from now on and no other one, in the name of whoever asks.
pub(super) async fn set_address(
    c: &mut PgConnection,
    (actor, id): (Actor, Uuid),
    no: i32,
) -> Result<Option<Device>, sqlx::Error> {
    let done = sqlx::query(
        "update telephony.devices set address_no = $3, address_actor_kind = $4, address_actor_id = $5 \
         where org_id = $1 and id = $2",
    );
    let done = done.bind(actor.org.0).bind(id).bind(no).bind(actor.kind).bind(actor.id);
    done.execute(&mut *c).await?;
    sqlx::query_as(Device::STATEMENTS.one).bind(actor.org.0).bind(id).fetch_optional(c).await
}

/// One as the address that was presented names it: its number, and in whose name it was made.
pub(super) async fn presented(c: &mut PgConnection, id: Uuid) -> Result<Option<(i32, Actor)>, sqlx::Error> {
    let found: Option<(Uuid, i32, String, Uuid)> = sqlx::query_as(
        "select org_id, address_no, address_actor_kind, address_actor_id from telephony.devices \
         where id = $1 and is_active and address_no is not null",
    )
    .bind(id)
    .fetch_optional(c)
    .await?;
    Ok(found.map(|(org, no, kind, actor)| {
        let kind = if kind == "person" { "person" } else { "api_key" };
        (no, Actor { org: OrgId(org), kind, id: actor })
    }))
}

/// Of the organisation's device, all that its configuration is made of.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) device: Device,
    pub(super) domain: String,
    pub(super) timezone: String,
    pub(super) accounts: Vec<Account>,
    /// Numbers with whom they reach.
    pub(super) numbers: Vec<(String, String)>,
}

/// What is on a line.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Account {
    pub(super) id: Uuid,
    pub(super) line: i16,
    pub(super) username: String,
    /// Of its owner.
    pub(super) name: Option<String>,
    pub(super) password_key: Option<String>,
    pub(super) password_no: Option<i32>,
}

/// What there is of the device `id`, which has proven to be of that organisation. Nothing while that is not approved, and no account of
/// somebody who is suspended: what is told now would be good later.
pub(super) async fn rows(
    c: &mut PgConnection,
    (org, id): (OrgId, Uuid),
) -> Result<Option<Rows>, sqlx::Error> {
    enter(c, Scope::Organisation(org)).await?;
    let device = sqlx::query_as(Device::STATEMENTS.one).bind(org.0).bind(id);
    let Some(device) = device.fetch_optional(&mut *c).await? else { return Ok(None) };
    let settings = sqlx::query_as(
        "select s.sip_domain, s.timezone from telephony.organisation_settings s \
                        join identity.organisations o on o.id = s.org_id and o.status = 'approved' where s.org_id = $1",
    );
    let settings: Option<(String, String)> = settings.bind(org.0).fetch_optional(&mut *c).await?;
    let Some((domain, timezone)) = settings else { return Ok(None) };
    let accounts = sqlx::query_as(
        "select a.id, l.line, a.username, u.name, a.password_key, a.password_no \
         from telephony.device_lines l \
         join telephony.sip_accounts a on a.org_id = l.org_id and a.id = l.account_id and a.is_active \
         left join identity.users u on u.id = a.user_id \
         where l.org_id = $1 and l.device_id = $2 and (a.user_id is null or u.status = 'active') order by l.line",
    );
    let accounts = accounts.bind(org.0).bind(id).fetch_all(&mut *c).await?;
    let numbers = sqlx::query_as(
        "select n.number, coalesce(e.name, u.name, n.number) \
         from telephony.devices d, unnest(d.keys) with ordinality key (number, no) \
         join telephony.numbers n on n.org_id = $1 and n.number = key.number \
         left join telephony.extensions e on e.org_id = n.org_id and e.id = n.extension_id \
         left join identity.users u on u.id = n.user_id \
         where d.org_id = $1 and d.id = $2 order by key.no",
    );
    let numbers = numbers.bind(org.0).bind(id).fetch_all(c).await?;
    Ok(Some(Rows { device, domain, timezone, accounts, numbers }))
}
