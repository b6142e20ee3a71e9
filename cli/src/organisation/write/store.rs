//! The statements that change an organisation's rows. The caller acts as the role whose business they are.

use std::collections::BTreeSet;

use contract::snapshot::RecordingPolicy;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::organisation::{
    Account, Action, Extension, Holiday, Rows, Rule, Staff,
    outside::{Did, Trunk},
};

type Done = Result<(), sqlx::Error>;

/// Lets the database judge now what it would judge at the end of the transaction, where nobody could say what its refusal means.
pub(super) async fn check_what_waits(c: &mut PgConnection) -> Done {
    sqlx::query("set constraints all immediate").execute(c).await.map(drop)
}

pub(super) async fn not_default(c: &mut PgConnection, rows: &Rows) -> Done {
    sqlx::query("update telephony.organisation_settings set is_default = false where org_id = $1")
        .bind(rows.id)
        .execute(c)
        .await
        .map(drop)
}

pub(super) async fn put_organisation(c: &mut PgConnection, rows: &Rows) -> Done {
    sqlx::query(
        "insert into identity.organisations (id, name, status) values ($1, $2, $3)
         on conflict (id) do update set name = $2, status = $3",
    )
    .bind(rows.id)
    .bind(&rows.name)
    .bind(&rows.status)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn put_settings(c: &mut PgConnection, rows: &Rows) -> Done {
    sqlx::query(
        "insert into telephony.organisation_settings
           (org_id, sip_domain, is_default, ring_timeout_seconds, language, has_announcements, is_record_a_call,
            is_recording_on_demand, timezone, has_recording_notice, country_code, recording_retention_days,
            emergency_numbers, has_recording_keys)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (org_id) do update
           set is_default = $3, ring_timeout_seconds = $4, language = $5, has_announcements = $6,
             is_record_a_call = $7, is_recording_on_demand = $8, timezone = $9, has_recording_notice = $10,
             country_code = $11, recording_retention_days = $12, emergency_numbers = $13, has_recording_keys = $14",
    )
    .bind(rows.id)
    .bind(&rows.domain)
    .bind(rows.is_default)
    .bind(i32::from(rows.ring_timeout_secs))
    .bind(rows.language.as_str())
    .bind(rows.has_announcements)
    .bind(rows.recording == RecordingPolicy::Always)
    .bind(rows.recording == RecordingPolicy::OnDemand)
    .bind(&rows.timezone)
    .bind(rows.has_recording_notice)
    .bind(&rows.outside.country_code)
    .bind(rows.recording_retention_days.map(i32::from))
    .bind(&rows.outside.emergency_numbers)
    .bind(rows.has_recording_keys)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn put_user(c: &mut PgConnection, email: &str, staff: &Staff) -> Done {
    sqlx::query(
        "insert into identity.users (id, name, email) values ($1, $2, $3)
         on conflict (id) do update set name = $2 where users.name is distinct from $2",
    )
    .bind(staff.user)
    .bind(&staff.name)
    .bind(email)
    .execute(c)
    .await
    .map(drop)
}

/// A person's place; an invitation that waits for them, or the place they left, is theirs.
pub(super) async fn put_membership(
    c: &mut PgConnection,
    new_id: Uuid,
    organisation: Uuid,
    email: &str,
    staff: &Staff,
) -> Done {
    let status = if staff.is_active { "active" } else { "suspended" };
    let known = sqlx::query(
        "update identity.memberships set user_id = $2, status = $4, removed_at = null
         where id = (select id from identity.memberships
                     where org_id = $1 and (user_id = $2 or user_id is null and email = $3 and removed_at is null)
                     order by user_id nulls last limit 1)",
    )
    .bind(organisation)
    .bind(staff.user)
    .bind(email)
    .bind(status)
    .execute(&mut *c)
    .await?;
    if known.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query(
        "insert into identity.memberships (id, org_id, user_id, email, role, status)
         values ($1, $2, $3, $4, 'call_agent', $5)",
    )
    .bind(new_id)
    .bind(organisation)
    .bind(staff.user)
    .bind(email)
    .bind(status)
    .execute(c)
    .await
    .map(drop)
}

/// Takes away what the statement says, of an organisation (`$1`) and by an id (`$2`).
pub(crate) async fn take_away(
    c: &mut PgConnection,
    statement: &'static str,
    (organisation, id): (Uuid, Uuid),
) -> Done {
    sqlx::query(statement).bind(organisation).bind(id).execute(c).await.map(drop)
}

pub(super) async fn delete_account(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Done {
    take_away(c, "delete from telephony.sip_accounts where org_id = $1 and id = $2", (organisation, id)).await
}

pub(super) async fn delete_extension(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Done {
    take_away(c, "delete from telephony.extensions where org_id = $1 and id = $2", (organisation, id)).await
}

/// What somebody does at an extension.
#[derive(Clone, Copy)]
pub(super) enum Duty {
    /// Answers its calls.
    Staff,
    /// Listens to those who do.
    Supervisor,
}

impl Duty {
    pub(super) const ALL: [Self; 2] = [Self::Staff, Self::Supervisor];

    /// The e-mails of those who do it.
    pub(super) fn people(self, extension: &Extension) -> &BTreeSet<String> {
        match self {
            Self::Staff => &extension.staff,
            Self::Supervisor => &extension.supervisors,
        }
    }
}

pub(super) async fn unassign(
    c: &mut PgConnection,
    organisation: Uuid,
    (extension, duty): (Uuid, Duty),
    users: &[Uuid],
) -> Done {
    sqlx::query(match duty {
        Duty::Staff => {
            "delete from telephony.extension_assigned_staffs
             where org_id = $1 and extension_id = $2 and user_id = any ($3)"
        }
        Duty::Supervisor => {
            "delete from telephony.extension_supervisors
             where org_id = $1 and extension_id = $2 and user_id = any ($3)"
        }
    })
    .bind(organisation)
    .bind(extension)
    .bind(users)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn delete_number(c: &mut PgConnection, organisation: Uuid, number: &str) -> Done {
    sqlx::query("delete from telephony.numbers where org_id = $1 and number = $2")
        .bind(organisation)
        .bind(number)
        .execute(c)
        .await
        .map(drop)
}

pub(super) async fn add_staff_number(
    c: &mut PgConnection,
    organisation: Uuid,
    number: &str,
    user: Uuid,
) -> Done {
    sqlx::query("insert into telephony.numbers (org_id, number, user_id) values ($1, $2, $3)")
        .bind(organisation)
        .bind(number)
        .bind(user)
        .execute(c)
        .await
        .map(drop)
}

pub(super) async fn add_extension(
    c: &mut PgConnection,
    organisation: Uuid,
    number: &str,
    extension: &Extension,
) -> Done {
    sqlx::query(
        "insert into telephony.extensions (id, org_id, name, is_active, recording, takes_intercom)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(extension.id)
    .bind(organisation)
    .bind(&extension.name)
    .bind(extension.is_active)
    .bind(extension.recording.map(RecordingPolicy::as_str))
    .bind(extension.takes_intercom)
    .execute(&mut *c)
    .await?;
    sqlx::query("insert into telephony.numbers (org_id, number, extension_id) values ($1, $2, $3)")
        .bind(organisation)
        .bind(number)
        .bind(extension.id)
        .execute(c)
        .await
        .map(drop)
}

pub(super) async fn change_extension(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: &Extension,
) -> Done {
    sqlx::query(
        "update telephony.extensions set name = $3, is_active = $4, recording = $5, takes_intercom = $6
         where org_id = $1 and id = $2",
    )
    .bind(organisation)
    .bind(extension.id)
    .bind(&extension.name)
    .bind(extension.is_active)
    .bind(extension.recording.map(RecordingPolicy::as_str))
    .bind(extension.takes_intercom)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn assign(
    c: &mut PgConnection,
    organisation: Uuid,
    (extension, duty): (Uuid, Duty),
    users: &[Uuid],
) -> Done {
    sqlx::query(match duty {
        Duty::Staff => {
            "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[])"
        }
        Duty::Supervisor => {
            "insert into telephony.extension_supervisors (org_id, extension_id, user_id)
             select $1, $2, unnest($3::uuid[])"
        }
    })
    .bind(organisation)
    .bind(extension)
    .bind(users)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn add_account(
    c: &mut PgConnection,
    organisation: Uuid,
    username: &str,
    owner: Option<Uuid>,
    account: &Account,
) -> Done {
    sqlx::query(
        "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256, is_active)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(account.id)
    .bind(organisation)
    .bind(owner)
    .bind(username)
    .bind(&account.ha1_md5)
    .bind(&account.ha1_sha256)
    .bind(account.is_active)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn change_account(
    c: &mut PgConnection,
    organisation: Uuid,
    owner: Option<Uuid>,
    account: &Account,
) -> Done {
    sqlx::query(
        "update telephony.sip_accounts set user_id = $3, ha1_md5 = $4, ha1_sha256 = $5, is_active = $6
         where org_id = $1 and id = $2",
    )
    .bind(organisation)
    .bind(account.id)
    .bind(owner)
    .bind(&account.ha1_md5)
    .bind(&account.ha1_sha256)
    .bind(account.is_active)
    .execute(c)
    .await
    .map(drop)
}

/// Rules that are deleted stay as rows (H-055).
pub(super) async fn delete_rules(c: &mut PgConnection, organisation: Uuid, extension: Uuid) -> Done {
    sqlx::query(
        "update telephony.extension_rules set deleted_at = now()
         where org_id = $1 and extension_id = $2 and deleted_at is null",
    )
    .bind(organisation)
    .bind(extension)
    .execute(c)
    .await
    .map(drop)
}

/// What the row of a rule or of a menu's key leads to: one of them, or nothing.
#[derive(Default)]
pub(in crate::organisation) struct Targets<'a> {
    pub(in crate::organisation) extension: Option<Uuid>,
    pub(in crate::organisation) user: Option<Uuid>,
    pub(in crate::organisation) number: Option<&'a str>,
    pub(in crate::organisation) sound: Option<&'a str>,
    pub(in crate::organisation) queue: Option<Uuid>,
    pub(in crate::organisation) menu: Option<Uuid>,
}

impl<'a> Targets<'a> {
    pub(in crate::organisation) fn of(rows: &Rows, action: &'a Action) -> Self {
        let mut to = Self::default();
        match action {
            Action::Ring => {}
            Action::ForwardExtension(number) => to.extension = rows.extensions.get(number).map(|to| to.id),
            Action::ForwardStaff(email) | Action::Voicemail(email) => {
                to.user = rows.staff.get(email).map(|staff| staff.user);
            }
            Action::AnnounceHangup(name) => to.sound = Some(name),
            Action::ForwardNumber(number) => to.number = Some(number),
            Action::Queue(number, _) => to.queue = rows.queues.get(number).map(|queue| queue.id),
            Action::Ivr(number) => to.menu = rows.menus.get(number).map(|menu| menu.id),
        }
        to
    }
}

/// A rule, be it new, changed, or one that was deleted.
pub(super) async fn put_rule(c: &mut PgConnection, rows: &Rows, extension: Uuid, rule: &Rule) -> Done {
    let to = Targets::of(rows, &rule.action);
    sqlx::query(
        "insert into telephony.extension_rules (id, org_id, extension_id, timescope, condition, action,
           target_extension_id, target_user_id, target_sound, position, is_enabled, target_queue_id, priority,
           target_menu_id, target_number)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (id) do update set timescope = $4, condition = $5, action = $6, target_extension_id = $7,
           target_user_id = $8, target_sound = $9, position = $10, is_enabled = $11, target_queue_id = $12, priority = $13,
           target_menu_id = $14, target_number = $15, deleted_at = null",
    )
    .bind(rule.id)
    .bind(rows.id)
    .bind(extension)
    .bind(rule.timescope.as_str())
    .bind(rule.condition.as_str())
    .bind(rule.action.word())
    .bind(to.extension)
    .bind(to.user)
    .bind(to.sound)
    .bind(i32::from(rule.position))
    .bind(rule.is_enabled)
    .bind(to.queue)
    .bind(i32::from(rule.action.priority()))
    .bind(to.menu)
    .bind(to.number)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn delete_hours(c: &mut PgConnection, organisation: Uuid, extension: Uuid) -> Done {
    take_away(
        c,
        "delete from telephony.extension_operational_hours where org_id = $1 and extension_id = $2",
        (organisation, extension),
    )
    .await
}

pub(super) async fn add_hours(c: &mut PgConnection, organisation: Uuid, extension: &Extension) -> Done {
    let days: Vec<i32> = extension.hours.iter().map(|window| i32::from(window.day)).collect();
    let starts: Vec<i32> = extension.hours.iter().map(|window| i32::from(window.span.start)).collect();
    let ends: Vec<i32> = extension.hours.iter().map(|window| i32::from(window.span.end)).collect();
    sqlx::query(
        "insert into telephony.extension_operational_hours (org_id, extension_id, day_of_week, start_time, end_time)
         select $1, $2, day, make_time(start / 60, start % 60, 0), make_time(stop / 60, stop % 60, 0)
         from unnest($3::int4[], $4::int4[], $5::int4[]) as hours (day, start, stop)",
    )
    .bind(organisation)
    .bind(extension.id)
    .bind(days)
    .bind(starts)
    .bind(ends)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn delete_holiday(
    c: &mut PgConnection,
    organisation: Uuid,
    date: &str,
    extension: Option<Uuid>,
) -> Done {
    sqlx::query(
        "delete from telephony.holidays
         where org_id = $1 and on_date = $2::date and extension_id is not distinct from $3",
    )
    .bind(organisation)
    .bind(date)
    .bind(extension)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn add_holiday(
    c: &mut PgConnection,
    organisation: Uuid,
    extension: Option<Uuid>,
    holiday: &Holiday,
) -> Done {
    let closed = holiday.spans.is_empty().then_some((None, None));
    let times = holiday.spans.iter().map(|span| (Some(i32::from(span.start)), Some(i32::from(span.end))));
    let (starts, ends): (Vec<Option<i32>>, Vec<Option<i32>>) = times.chain(closed).unzip();
    sqlx::query(
        "insert into telephony.holidays (org_id, extension_id, on_date, name, start_time, end_time)
         select $1, $2, $3::date, $4, make_time(start / 60, start % 60, 0), make_time(stop / 60, stop % 60, 0)
         from unnest($5::int4[], $6::int4[]) as hours (start, stop)",
    )
    .bind(organisation)
    .bind(extension)
    .bind(&holiday.date)
    .bind(&holiday.name)
    .bind(starts)
    .bind(ends)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn delete_trunk(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Done {
    take_away(c, "delete from telephony.trunks where org_id = $1 and id = $2", (organisation, id)).await
}

/// A trunk, be it new or changed.
pub(super) async fn put_trunk(c: &mut PgConnection, organisation: Uuid, name: &str, trunk: &Trunk) -> Done {
    let sources: Vec<&String> = trunk.sources.iter().collect();
    let login = trunk.credentials.as_ref();
    let expiry = trunk.registration.map(|registration| i32::try_from(registration.expiry_secs));
    sqlx::query(
        "insert into telephony.trunks (id, org_id, name, sources, channels_max, is_trusted, is_active, targets,
           auth_username, auth_password, auth_realm, is_registering, registration_expiry_seconds,
           options_interval_seconds, number_format, from_number)
         values ($1, $2, $3, $4::text[]::cidr[], $5, $6, $7, $8, $9, $10, $11, $12, coalesce($13, 3600), $14, $15, $16)
         on conflict (id) do update set sources = $4::text[]::cidr[], channels_max = $5, is_trusted = $6,
           is_active = $7, targets = $8, auth_username = $9, auth_password = $10, auth_realm = $11,
           is_registering = $12, registration_expiry_seconds = coalesce($13, 3600),
           options_interval_seconds = $14, number_format = $15, from_number = $16",
    )
    .bind(trunk.id)
    .bind(organisation)
    .bind(name)
    .bind(sources)
    .bind(i32::from(trunk.channels_max))
    .bind(trunk.is_trusted)
    .bind(trunk.is_active)
    .bind(&trunk.targets)
    .bind(login.map(|login| &login.username))
    .bind(login.map(|login| &login.password))
    .bind(login.and_then(|login| login.realm.as_ref()))
    .bind(trunk.registration.is_some())
    .bind(expiry.and_then(Result::ok))
    .bind(i32::from(trunk.options_interval_secs))
    .bind(trunk.number_format.as_str())
    .bind(&trunk.from_number)
    .execute(c)
    .await
    .map(drop)
}

pub(super) async fn delete_did(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Done {
    take_away(c, "delete from telephony.did_numbers where org_id = $1 and id = $2", (organisation, id)).await
}

pub(super) async fn add_did(c: &mut PgConnection, rows: &Rows, number: &str, did: &Did) -> Done {
    let extension = did.extension.as_ref().and_then(|number| rows.extensions.get(number));
    let person = did.staff.as_ref().and_then(|email| rows.staff.get(email));
    sqlx::query(
        "insert into telephony.did_numbers (id, org_id, number, extension_id, user_id) values ($1, $2, $3, $4, $5)",
    )
    .bind(did.id)
    .bind(rows.id)
    .bind(number)
    .bind(extension.map(|extension| extension.id))
    .bind(person.map(|staff| staff.user))
    .execute(c)
    .await
    .map(drop)
}
