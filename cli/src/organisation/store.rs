//! Reading an organisation's rows, and the record of what was applied. Each table is read as a role that may: digests as
//! the switch, people as the platform, the record as the owner.

use contract::snapshot::RecordingPolicy;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use contract::{
    language::Language,
    outside::{Credentials, NumberFormat, Registering},
    rules::{Condition, Span, Timescope, Window},
};
use migrations::Role;
use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    Account, Action, Extension, Holiday, Menu, Outside, Queue, Rows, Rule, Staff, conferences, mailboxes,
    menus, outbound,
    outside::{Did, Trunk},
    page_groups, queues,
};
use crate::database::store::{act_as, act_as_owner};

/// Applications that can be taken back, one after the other; what was before them is forgotten, with the passwords of that time.
const APPLICATIONS_KEPT: i64 = 50;

/// Keeps everybody else from changing configuration until the transaction ends, and says which revision it is at.
pub(crate) async fn hold_revision(c: &mut PgConnection) -> Result<i64, sqlx::Error> {
    act_as_owner(c).await?;
    sqlx::query_scalar("select revision from telephony.revisions for update").fetch_one(c).await
}

/// Takes the lock of `sambung apply` for as long as the connection lives; false when somebody else has it.
pub(crate) async fn lock(c: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // "sambung" in ASCII, and a number.
    sqlx::query_scalar("select pg_try_advisory_lock(x'73616d62756e6701'::bit(64)::bigint)").fetch_one(c).await
}

/// Domains of all organisations, in order.
pub(crate) async fn domains(c: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    sqlx::query_scalar(
        "select sip_domain from telephony.organisation_settings order by sip_domain collate \"C\"",
    )
    .fetch_all(c)
    .await
}

/// The domain of the default organisation.
pub(crate) async fn default_domain(c: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    sqlx::query_scalar("select sip_domain from telephony.organisation_settings where is_default")
        .fetch_optional(c)
        .await
}

/// The users with these e-mails.
pub(crate) async fn users(
    c: &mut PgConnection,
    emails: &[String],
) -> Result<BTreeMap<String, Uuid>, sqlx::Error> {
    act_as(c, Role::Platform, None).await?;
    let rows: Vec<(String, Uuid)> =
        sqlx::query_as("select email, id from identity.users where email = any ($1)")
            .bind(emails)
            .fetch_all(c)
            .await?;
    Ok(rows.into_iter().collect())
}

/// The organisation with that domain, as it stands.
pub(crate) async fn load(c: &mut PgConnection, domain: &str) -> anyhow::Result<Option<Rows>> {
    act_as(c, Role::Switch, None).await?;
    let settings = sqlx::query(
        "select org_id, country_code, emergency_numbers, is_default, ring_timeout_seconds, language, has_announcements, timezone,
           is_record_a_call, is_recording_on_demand, has_recording_notice, has_recording_keys,
           recording_retention_days
         from telephony.organisation_settings where sip_domain = $1",
    )
    .bind(domain)
    .fetch_optional(&mut *c)
    .await?;
    let Some(settings) = settings else { return Ok(None) };
    let id: Uuid = settings.try_get("org_id")?;
    let ring_timeout_secs: i32 = settings.try_get("ring_timeout_seconds")?;
    act_as(c, Role::Platform, None).await?;
    let (name, status): (String, String) =
        sqlx::query_as("select name, status from identity.organisations where id = $1")
            .bind(id)
            .fetch_one(&mut *c)
            .await?;
    let people = people(c, id).await?;
    act_as(c, Role::Switch, None).await?;
    let extensions = extensions(c, id, &people).await?;
    let queues = queues::store::load(c, id, (&extensions, &people)).await?;
    let menus = menus::store::load(c, id, &extensions).await?;
    let conferences = conferences::store::load(c, id, &extensions).await?;
    let page_groups = page_groups::store::load(c, id, &extensions).await?;
    let named = Named { extensions: &extensions, people: &people, queues: &queues, menus: &menus };
    let (trunks, accounts) = (trunks(c, id).await?, accounts(c, id, &people).await?);
    Ok(Some(Rows {
        id,
        name,
        domain: domain.to_owned(),
        status,
        is_default: settings.try_get("is_default")?,
        ring_timeout_secs: u16::try_from(ring_timeout_secs)?,
        language: Language::of(settings.try_get("language")?).context("a language that is not known")?,
        has_announcements: settings.try_get("has_announcements")?,
        recording: RecordingPolicy::of_columns(
            settings.try_get("is_record_a_call")?,
            settings.try_get("is_recording_on_demand")?,
        ),
        has_recording_notice: settings.try_get("has_recording_notice")?,
        has_recording_keys: settings.try_get("has_recording_keys")?,
        recording_retention_days: settings
            .try_get::<Option<i32>, _>("recording_retention_days")?
            .map(u16::try_from)
            .transpose()?,
        timezone: settings.try_get("timezone")?,
        staff: staff(c, id, &people).await?,
        rules: rules(c, id, named).await?,
        menus: menus::store::load_choices(c, id, named).await?,
        holidays: holidays(c, id, &extensions).await?,
        outside: Outside {
            country_code: settings.try_get("country_code")?,
            emergency_numbers: settings.try_get("emergency_numbers")?,
            routes: outbound::store::routes(c, id, &trunks).await?,
            budgets: outbound::store::budgets(c, id, (&people, &extensions), &accounts).await?,
            prices: outbound::store::prices(c, id).await?,
            dids: dids(c, id, (&extensions, &people)).await?,
            trunks,
        },
        accounts,
        queues,
        conferences,
        page_groups,
        extensions,
    }))
}

/// A member of the organisation.
pub(crate) struct Person {
    email: String,
    name: Option<String>,
    is_active: bool,
}

pub(crate) type People = BTreeMap<Uuid, Person>;

async fn people(c: &mut PgConnection, organisation: Uuid) -> anyhow::Result<People> {
    let rows = sqlx::query(
        "select m.user_id, m.email, u.name, m.status = 'active' and m.removed_at is null as is_active
         from identity.memberships m join identity.users u on u.id = m.user_id
         where m.org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut people = People::new();
    for row in rows {
        let person = Person {
            email: row.try_get("email")?,
            name: row.try_get("name")?,
            is_active: row.try_get("is_active")?,
        };
        people.insert(row.try_get("user_id")?, person);
    }
    Ok(people)
}

pub(super) fn email(people: &People, user: Uuid) -> anyhow::Result<String> {
    people.get(&user).map(|person| person.email.clone()).context("a number of nobody")
}

async fn staff(
    c: &mut PgConnection,
    organisation: Uuid,
    people: &People,
) -> anyhow::Result<BTreeMap<String, Staff>> {
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "select number, user_id from telephony.numbers where org_id = $1 and user_id is not null",
    )
    .bind(organisation)
    .fetch_all(&mut *c)
    .await?;
    let mut mailboxes = mailboxes::store::load(c, organisation).await?;
    let mut staff = BTreeMap::new();
    for (number, user) in rows {
        let person = people.get(&user).context("a number of nobody")?;
        let name = person.name.clone().unwrap_or_else(|| number.clone());
        let (mailbox, mails) = mailboxes.remove(&user).unzip();
        let mails = mails.flatten();
        let row = Staff { user, name, number, is_active: person.is_active, mailbox, mails };
        let other = staff.insert(person.email.clone(), row);
        ensure!(other.is_none(), "two members with a number have the e-mail {}", person.email);
    }
    Ok(staff)
}

async fn extensions(
    c: &mut PgConnection,
    organisation: Uuid,
    people: &People,
) -> anyhow::Result<BTreeMap<String, Extension>> {
    let rows = sqlx::query(
        "select e.id, e.name, e.is_active, e.recording, e.takes_intercom, n.number,
             array(select a.user_id from telephony.extension_assigned_staffs a
                   where a.org_id = e.org_id and a.extension_id = e.id) as staff,
             array(select s.user_id from telephony.extension_supervisors s
                   where s.org_id = e.org_id and s.extension_id = e.id) as supervisors
         from telephony.extensions e
         join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id
         where e.org_id = $1",
    )
    .bind(organisation)
    .fetch_all(&mut *c)
    .await?;
    let mut hours = hours(c, organisation).await?;
    let mut extensions = BTreeMap::new();
    for row in rows {
        let id: Uuid = row.try_get("id")?;
        let emails = |column: &str| -> anyhow::Result<BTreeSet<String>> {
            let users: Vec<Uuid> = row.try_get(column)?;
            users.into_iter().map(|user| email(people, user)).collect()
        };
        let extension = Extension {
            id,
            hours: hours.remove(&id).unwrap_or_default(),
            name: row.try_get("name")?,
            is_active: row.try_get("is_active")?,
            recording: recording(row.try_get("recording")?)?,
            takes_intercom: row.try_get("takes_intercom")?,
            staff: emails("staff")?,
            supervisors: emails("supervisors")?,
        };
        extensions.insert(row.try_get("number")?, extension);
    }
    Ok(extensions)
}

fn recording(word: Option<&str>) -> anyhow::Result<Option<RecordingPolicy>> {
    word.map(|word| RecordingPolicy::of(word).context("a recording policy that is not known")).transpose()
}

fn span(row: &PgRow) -> anyhow::Result<Option<Span>> {
    let (start, end): (Option<i32>, Option<i32>) = (row.try_get("start_minute")?, row.try_get("end_minute")?);
    let span = start
        .zip(end)
        .map(|(start, end)| anyhow::Ok(Span { start: u16::try_from(start)?, end: u16::try_from(end)? }));
    span.transpose()
}

async fn hours(c: &mut PgConnection, organisation: Uuid) -> anyhow::Result<BTreeMap<Uuid, BTreeSet<Window>>> {
    let rows = sqlx::query(
        "select extension_id, day_of_week, (extract(epoch from start_time) / 60)::int4 as start_minute,
             (extract(epoch from end_time) / 60)::int4 as end_minute
         from telephony.extension_operational_hours where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut hours: BTreeMap<Uuid, BTreeSet<Window>> = BTreeMap::new();
    for row in rows {
        let day: i32 = row.try_get("day_of_week")?;
        let span = span(&row)?.context("hours without times")?;
        let window = Window { day: u8::try_from(day)?, span };
        hours.entry(row.try_get("extension_id")?).or_default().insert(window);
    }
    Ok(hours)
}

pub(crate) type Extensions = BTreeMap<String, Extension>;

pub(super) fn number_of(extensions: &Extensions, id: Uuid) -> Option<String> {
    extensions.iter().find(|(_, extension)| extension.id == id).map(|(number, _)| number.clone())
}

/// Whatever a rule or a menu can lead to, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) extensions: &'a Extensions,
    pub(crate) people: &'a People,
    pub(crate) queues: &'a BTreeMap<String, Queue>,
    pub(crate) menus: &'a BTreeMap<String, Menu>,
}

/// Rules that have an extension with a number, in the order in which they are tried: that counts, and not how far apart
/// their positions are.
async fn rules(
    c: &mut PgConnection,
    organisation: Uuid,
    named: Named<'_>,
) -> anyhow::Result<BTreeMap<String, Rule>> {
    let rows = sqlx::query(
        "select id, extension_id, is_enabled, timescope, condition, action, target_extension_id, target_user_id,
             target_sound, target_number, target_queue_id, target_menu_id, priority
         from telephony.extension_rules where org_id = $1 and deleted_at is null
         order by extension_id, position, timescope = 'any', id",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut rules = BTreeMap::new();
    let mut places: BTreeMap<Uuid, u16> = BTreeMap::new();
    for row in rows {
        let of: Uuid = row.try_get("extension_id")?;
        let Some(extension) = number_of(named.extensions, of) else { continue };
        let place = places.entry(of).or_default();
        *place = place.saturating_add(1);
        let rule = Rule {
            id: row.try_get("id")?,
            extension,
            position: *place,
            is_enabled: row.try_get("is_enabled")?,
            timescope: Timescope::of(row.try_get("timescope")?).context("a timescope that is not known")?,
            condition: Condition::of(row.try_get("condition")?).context("a condition that is not known")?,
            action: action(&row, named)?,
        };
        rules.insert(rule.key(), rule);
    }
    Ok(rules)
}

/// What the row of a rule or of a menu's key does.
pub(crate) fn action(row: &PgRow, named: Named<'_>) -> anyhow::Result<Action> {
    let Named { extensions, people, queues, menus } = named;
    let (extension, user): (Option<Uuid>, Option<Uuid>) =
        (row.try_get("target_extension_id")?, row.try_get("target_user_id")?);
    let sound: Option<String> = row.try_get("target_sound")?;
    let word: &str = row.try_get("action")?;
    let action = match word {
        "ring" => Some(Action::Ring),
        "forward_extension" => {
            extension.and_then(|id| number_of(extensions, id)).map(Action::ForwardExtension)
        }
        "forward_staff" => {
            let person = user.and_then(|user| people.get(&user));
            person.map(|person| Action::ForwardStaff(person.email.clone()))
        }
        "voicemail" => {
            let person = user.and_then(|user| people.get(&user));
            person.map(|person| Action::Voicemail(person.email.clone()))
        }
        "queue" => {
            let (id, priority): (Option<Uuid>, i32) =
                (row.try_get("target_queue_id")?, row.try_get("priority")?);
            let found = queues.iter().find(|(_, queue)| Some(queue.id) == id);
            let priority = u16::try_from(priority)?;
            found.map(|(number, _)| Action::Queue(number.clone(), priority))
        }
        "ivr" => {
            let id: Option<Uuid> = row.try_get("target_menu_id")?;
            let found = menus.iter().find(|(_, menu)| Some(menu.id) == id);
            found.map(|(number, _)| Action::Ivr(number.clone()))
        }
        "forward_number" => row.try_get::<Option<String>, _>("target_number")?.map(Action::ForwardNumber),
        "announce_hangup" => sound.map(Action::AnnounceHangup),
        _ => None,
    };
    action.context("a rule whose action or target is not known")
}

async fn holidays(
    c: &mut PgConnection,
    organisation: Uuid,
    extensions: &Extensions,
) -> anyhow::Result<BTreeMap<String, Holiday>> {
    let rows = sqlx::query(
        "select extension_id, to_char(on_date, 'YYYY-MM-DD') as on_date, name,
             (extract(epoch from start_time) / 60)::int4 as start_minute,
             (extract(epoch from end_time) / 60)::int4 as end_minute
         from telephony.holidays where org_id = $1 order by on_date, start_time nulls first",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut holidays: BTreeMap<String, Holiday> = BTreeMap::new();
    for row in rows {
        let extension: Option<Uuid> = row.try_get("extension_id")?;
        let number = extension.map(|id| number_of(extensions, id));
        if let Some(None) = number {
            continue;
        }
        let holiday = Holiday {
            date: row.try_get("on_date")?,
            extension: number.flatten(),
            name: row.try_get("name")?,
            spans: BTreeSet::new(),
        };
        let holiday = holidays.entry(holiday.key()).or_insert(holiday);
        holiday.spans.extend(span(&row)?);
    }
    Ok(holidays)
}

async fn trunks(c: &mut PgConnection, organisation: Uuid) -> anyhow::Result<BTreeMap<String, Trunk>> {
    let rows = sqlx::query(
        "select id, name, sources::text[] as sources, channels_max, is_trusted, is_active, targets, auth_username,
             auth_password, auth_realm, is_registering, registration_expiry_seconds, options_interval_seconds,
             number_format, from_number
         from telephony.trunks where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, trunk(row)?))).collect()
}

fn trunk(row: &PgRow) -> anyhow::Result<Trunk> {
    let sources: Vec<String> = row.try_get("sources")?;
    let number = |column| anyhow::Ok(row.try_get::<i32, _>(column)?);
    let login: (Option<String>, Option<String>) =
        (row.try_get("auth_username")?, row.try_get("auth_password")?);
    let realm = row.try_get("auth_realm")?;
    let registration = Registering { expiry_secs: u32::try_from(number("registration_expiry_seconds")?)? };
    let format = NumberFormat::of(row.try_get("number_format")?);
    Ok(Trunk {
        id: row.try_get("id")?,
        sources: sources.into_iter().collect(),
        targets: row.try_get("targets")?,
        credentials: login.0.zip(login.1).map(|(username, password)| Credentials {
            username,
            password,
            realm,
        }),
        registration: row.try_get::<bool, _>("is_registering")?.then_some(registration),
        options_interval_secs: u16::try_from(number("options_interval_seconds")?)?,
        number_format: format.context("a format of numbers that is not known")?,
        from_number: row.try_get("from_number")?,
        channels_max: u16::try_from(number("channels_max")?)?,
        is_trusted: row.try_get("is_trusted")?,
        is_active: row.try_get("is_active")?,
    })
}

async fn dids(
    c: &mut PgConnection,
    organisation: Uuid,
    (extensions, people): (&Extensions, &People),
) -> anyhow::Result<BTreeMap<String, Did>> {
    let rows: Vec<(Uuid, String, Option<Uuid>, Option<Uuid>)> = sqlx::query_as(
        "select id, number, extension_id, user_id from telephony.did_numbers where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut dids = BTreeMap::new();
    for (id, number, extension, user) in rows {
        let extension = extension.and_then(|extension| number_of(extensions, extension));
        let staff = user.map(|user| email(people, user)).transpose()?;
        dids.insert(number, Did { id, extension, staff });
    }
    Ok(dids)
}

/// Members who are suspended as persons, everywhere.
pub(crate) async fn suspended(
    c: &mut PgConnection,
    organisation: Uuid,
) -> Result<BTreeSet<Uuid>, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    let rows: Vec<Uuid> = sqlx::query_scalar(
        "select u.id from identity.users u join identity.memberships m on m.user_id = u.id
         where m.org_id = $1 and u.status <> 'active'",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The newest revision, as this transaction sees it.
pub(crate) async fn revision(c: &mut PgConnection) -> Result<i64, sqlx::Error> {
    act_as(c, Role::Switch, None).await?;
    sqlx::query_scalar("select revision from telephony.revisions").fetch_one(c).await
}

async fn accounts(
    c: &mut PgConnection,
    organisation: Uuid,
    people: &People,
) -> anyhow::Result<BTreeMap<String, Account>> {
    let rows = sqlx::query(
        "select id, user_id, username, ha1_md5, ha1_sha256, is_active
         from telephony.sip_accounts where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut accounts = BTreeMap::new();
    for row in rows {
        let user: Option<Uuid> = row.try_get("user_id")?;
        let account = Account {
            id: row.try_get("id")?,
            owner: user.map(|user| email(people, user)).transpose()?,
            ha1_md5: row.try_get("ha1_md5")?,
            ha1_sha256: row.try_get("ha1_sha256")?,
            is_active: row.try_get("is_active")?,
        };
        accounts.insert(row.try_get("username")?, account);
    }
    Ok(accounts)
}

/// One organisation's part of an application.
pub(crate) struct Step {
    pub(crate) before: Rows,
    pub(crate) after: Rows,
}

/// Writes down what is being changed, in the transaction that changes it.
pub(crate) async fn record(c: &mut PgConnection, run: Uuid, step: &Step) -> Result<(), sqlx::Error> {
    act_as_owner(c).await?;
    sqlx::query("insert into telephony.applications (org_id, run, before, after) values ($1, $2, $3, $4)")
        .bind(step.after.id)
        .bind(run)
        .bind(Json(&step.before))
        .bind(Json(&step.after))
        .execute(&mut *c)
        .await?;
    sqlx::query(
        "delete from telephony.applications where run in \
         (select run from telephony.applications group by run order by max(id) desc offset $1)",
    )
    .bind(APPLICATIONS_KEPT)
    .execute(c)
    .await
    .map(drop)
}

/// The newest application that has not been undone.
pub(crate) async fn newest(c: &mut PgConnection) -> Result<Option<Uuid>, sqlx::Error> {
    act_as_owner(c).await?;
    sqlx::query_scalar(
        "select run from telephony.applications where undone_at is null order by id desc limit 1",
    )
    .fetch_optional(c)
    .await
}

/// Everything that an application changed.
pub(crate) async fn steps(c: &mut PgConnection, run: Uuid) -> Result<Vec<Step>, sqlx::Error> {
    act_as_owner(c).await?;
    let rows: Vec<(Json<Rows>, Json<Rows>)> =
        sqlx::query_as("select before, after from telephony.applications where run = $1 order by id")
            .bind(run)
            .fetch_all(c)
            .await?;
    Ok(rows.into_iter().map(|(before, after)| Step { before: before.0, after: after.0 }).collect())
}

/// The switch has taken it.
pub(crate) async fn confirm(c: &mut PgConnection, run: Uuid) -> Result<(), sqlx::Error> {
    act_as_owner(c).await?;
    sqlx::query("update telephony.applications set confirmed_at = now() where run = $1")
        .bind(run)
        .execute(c)
        .await
        .map(drop)
}

/// It has been taken back.
pub(crate) async fn mark_undone(c: &mut PgConnection, run: Uuid) -> Result<(), sqlx::Error> {
    act_as_owner(c).await?;
    sqlx::query("update telephony.applications set undone_at = now() where run = $1")
        .bind(run)
        .execute(c)
        .await
        .map(drop)
}
