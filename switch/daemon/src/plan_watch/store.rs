//! The SQL that reads configuration rows, all of them at one instant, and messages in mailboxes.

use calls::{OutsideUse, StoredAvailability, StoredMessage};
use contract::{
    conferences::{Conference, Pin},
    id::{
        AccountId, CallId, ConferenceId, ExtensionId, HolidayId, MenuId, OrgId, PageGroupId, QueueId,
        RecordingId, RuleId, UserId,
    },
    language::Language,
    menus::MenuChoice,
    outside::Outside,
    paging::PageGroup,
    queues::{Agent, Queue, Strategy},
    rules::{Action, ActionTarget, Condition, Holiday, Rule, Span, Timescope, Window},
    snapshot::{Account, Extension, Mailbox, Organisation, RecordingPolicy, Snapshot, Staff},
    time::Timestamp,
};
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{availability, menus, outside};

/// Messages of all mailboxes together that are looked at, the latest first.
const MESSAGES_MAX: i64 = 50_000;
/// Rows of what people have turned on and off that are looked at, the latest first.
const AVAILABILITY_MAX: i64 = 200_000;
/// Legs to the telephone network of the last day that are looked at.
const USES_MAX: i64 = 200_000;

const STAFF: &str = "select n.org_id, n.user_id, coalesce(u.name, n.number) as name, n.number, \
      m.status = 'active' and m.removed_at is null and u.status = 'active' as is_active, \
      b.greeting_sound, b.messages_max, b.message_seconds_max \
    from telephony.numbers n \
    join identity.memberships m on m.org_id = n.org_id and m.user_id = n.user_id \
    join identity.users u on u.id = n.user_id \
    left join telephony.voicemail_boxes b on b.org_id = n.org_id and b.user_id = n.user_id and b.is_enabled \
    order by n.org_id, n.user_id";
const EXTENSIONS: &str = "select e.org_id, e.id, e.name, n.number, e.is_active, e.recording, e.takes_intercom, \
      array(select a.user_id from telephony.extension_assigned_staffs a \
            where a.org_id = e.org_id and a.extension_id = e.id order by a.user_id) as staff, \
      array(select s.user_id from telephony.extension_supervisors s \
            where s.org_id = e.org_id and s.extension_id = e.id order by s.user_id) as supervisors \
    from telephony.extensions e \
    join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id \
    order by e.org_id, e.id";
const HOURS: &str = "select h.org_id, h.extension_id, h.day_of_week, \
      (extract(epoch from h.start_time) / 60)::int4 as start_minute, \
      (extract(epoch from h.end_time) / 60)::int4 as end_minute \
    from telephony.extension_operational_hours h \
    order by h.org_id, h.extension_id, h.day_of_week, h.start_time";
const RULES: &str = "select r.org_id, r.extension_id, r.id, r.position, r.is_enabled, r.timescope, r.condition, r.action, \
      r.target_extension_id, r.target_user_id, r.target_sound, r.target_number, r.target_queue_id, r.target_menu_id, r.priority \
    from telephony.extension_rules r \
    where r.deleted_at is null \
    order by r.org_id, r.extension_id, r.position, r.id";
const QUEUES: &str = "select q.org_id, q.extension_id, q.id, q.strategy, q.ring_seconds, q.capacity, q.wait_max_seconds, \
      q.wrap_up_seconds, q.misses_max, q.announce_seconds, q.has_callback, \
      array(select a.user_id from telephony.queue_agents a \
            where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as users, \
      array(select a.weight from telephony.queue_agents a \
            where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as weights \
    from telephony.queues q \
    order by q.org_id, q.extension_id";
const MENUS: &str = "select m.org_id, m.extension_id, m.id, m.greeting_sound, m.language, m.timeout_seconds, \
      m.key_timeout_seconds, m.tries_max, m.has_direct_dialling \
    from telephony.menus m \
    order by m.org_id, m.extension_id";
const MENU_CHOICES: &str = "select m.org_id, m.extension_id, c.key, c.action, c.target_extension_id, c.target_user_id, c.target_sound, \
      c.target_number, c.target_queue_id, c.target_menu_id, c.priority \
    from telephony.menu_choices c \
    join telephony.menus m on m.org_id = c.org_id and m.id = c.menu_id \
    order by m.org_id, m.extension_id, c.key";
const CONFERENCES: &str = "select org_id, extension_id, id, pin, members_max, has_tones from telephony.conferences \
    order by org_id, extension_id";
const PAGE_GROUPS: &str =
    "select org_id, extension_id, id, is_duplex from telephony.page_groups order by org_id, extension_id";
const HOLIDAYS: &str = "select h.org_id, h.id, h.extension_id, to_char(h.on_date, 'YYYY-MM-DD') as on_date, h.name, \
      (extract(epoch from h.start_time) / 60)::int4 as start_minute, \
      (extract(epoch from h.end_time) / 60)::int4 as end_minute \
    from telephony.holidays h \
    order by h.org_id, h.id";
const TRUNKS: &str = "select t.org_id, t.id, t.name, t.sources::text[] as sources, t.channels_max, t.is_trusted, t.is_active, \
      t.targets, t.auth_username, t.auth_password, t.auth_realm, t.is_registering, \
      t.registration_expiry_seconds, t.options_interval_seconds, t.number_format, t.from_number \
    from telephony.trunks t \
    order by t.org_id, t.id";
const DIDS: &str = "select d.org_id, d.id, d.number, d.extension_id, d.user_id \
    from telephony.did_numbers d \
    order by d.org_id, d.id";
const ROUTES: &str = "select r.org_id, r.id, r.name, r.prefix, r.strip_digits, r.prepend_digits, r.is_active, \
      array(select t.trunk_id from telephony.outbound_route_trunks t \
            where t.org_id = r.org_id and t.route_id = r.id order by t.position) as trunks \
    from telephony.outbound_routes r \
    order by r.org_id, r.position";
const BUDGETS: &str = "select b.org_id, b.id, b.user_id, b.account_id, b.destinations, b.calls_at_once_max, b.calls_per_minute_max, \
      b.calls_per_hour_max, b.calls_per_day_max, b.minutes_per_day_max, b.rupiah_per_day_max, b.hours_extension_id \
    from telephony.outside_budgets b \
    order by b.org_id, b.id";
const PRICES: &str = "select p.org_id, p.id, p.prefix, p.rupiah_per_minute \
    from telephony.outbound_prices p \
    order by p.org_id, p.prefix";
const ACCOUNTS: &str = "select a.org_id, a.id, a.user_id, a.username, a.ha1_md5, a.ha1_sha256, a.is_active \
    from telephony.sip_accounts a \
    order by a.org_id, a.id";

/// The rows, unless their revision is the one that was `seen`.
pub(super) async fn load_if_changed(
    connection: &mut PgConnection,
    seen: Option<i64>,
) -> Result<Option<Snapshot>, sqlx::Error> {
    let mut unit = connection.begin_with("begin isolation level repeatable read read only").await?;
    let revision: i64 =
        sqlx::query_scalar("select revision from telephony.revisions").fetch_one(&mut *unit).await?;
    let snapshot = if seen == Some(revision) { None } else { Some(load(&mut unit, revision).await?) };
    unit.commit().await?;
    Ok(snapshot)
}

/// Tells the control plane which revision the switch works with.
pub(super) async fn write_applied(connection: &mut PgConnection, revision: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update telephony.revisions set applied = $1, applied_at = now()")
        .bind(revision)
        .execute(connection)
        .await?;
    Ok(())
}

async fn load(unit: &mut PgConnection, revision: i64) -> Result<Snapshot, sqlx::Error> {
    let mut organisations = load_organisations(unit).await?;
    let mut rows = Loading { unit, organisations: &mut organisations };
    rows.add(STAFF, of, staff, |o, staff| o.staff.push(staff)).await?;
    rows.add(EXTENSIONS, of, extension, |o, extension| o.extensions.push(extension)).await?;
    rows.add(HOURS, extension_of, window, |e, window| e.hours.push(window)).await?;
    rows.add(RULES, extension_of, rule, |e, rule| e.rules.push(rule)).await?;
    rows.add(QUEUES, extension_of, queue, |e, queue| e.queue = Some(queue)).await?;
    rows.add(MENUS, extension_of, menus::menu, |e, menu| e.menu = Some(menu)).await?;
    let choose = |e: &mut Extension, choice: MenuChoice| {
        if let Some(menu) = &mut e.menu {
            menu.choices.push(choice);
        }
    };
    rows.add(MENU_CHOICES, extension_of, menus::choice, choose).await?;
    rows.add(CONFERENCES, extension_of, conference, |e, conference| e.conference = Some(conference)).await?;
    rows.add(PAGE_GROUPS, extension_of, page_group, |e, group| e.page_group = Some(group)).await?;
    rows.add(HOLIDAYS, of, holiday, |o, holiday| o.holidays.push(holiday)).await?;
    rows.add(TRUNKS, of, outside::trunk, |o, trunk| o.outside.trunks.push(trunk)).await?;
    rows.add(DIDS, of, outside::did, |o, did| o.outside.dids.push(did)).await?;
    rows.add(ROUTES, of, outside::route, |o, route| o.outside.routes.push(route)).await?;
    rows.add(BUDGETS, of, outside::budget, |o, budget| o.outside.budgets.push(budget)).await?;
    rows.add(PRICES, of, outside::price, |o, price| o.outside.prices.push(price)).await?;
    rows.add(ACCOUNTS, of, account, |o, account| o.accounts.push(account)).await?;
    Ok(Snapshot { revision, organisations })
}

/// Where rows go. Those of organisations that are left out are not even read: whatever is odd about them, it is nobody else's.
struct Loading<'a> {
    unit: &'a mut PgConnection,
    organisations: &'a mut [Organisation],
}

impl Loading<'_> {
    /// Adds rows to whatever each is `to`.
    async fn add<T, O>(
        &mut self,
        query: &'static str,
        to: impl for<'o> Fn(&'o mut [Organisation], &PgRow) -> Result<Option<&'o mut O>, sqlx::Error>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
        put: impl Fn(&mut O, T),
    ) -> Result<(), sqlx::Error> {
        for row in sqlx::query(query).fetch_all(&mut *self.unit).await? {
            if let Some(owner) = to(self.organisations, &row)? {
                put(owner, decode(&row)?);
            }
        }
        Ok(())
    }
}

/// A number of a row. What is out of range either way is for the compiler to say.
pub(super) fn number(row: &PgRow, column: &str) -> Result<u16, sqlx::Error> {
    Ok(u16::try_from(row.try_get::<i32, _>(column)?).unwrap_or(u16::MAX))
}

fn staff(row: &PgRow) -> Result<Staff, sqlx::Error> {
    Ok(Staff {
        user: UserId(row.try_get("user_id")?),
        name: row.try_get("name")?,
        number: row.try_get("number")?,
        is_active: row.try_get("is_active")?,
        mailbox: mailbox(row)?,
    })
}

/// A part of a weekday. What is out of range is for the compiler to say.
fn window(row: &PgRow) -> Result<Window, sqlx::Error> {
    let day: i32 = row.try_get("day_of_week")?;
    Ok(Window { day: u8::try_from(day).unwrap_or(0), span: span(row)?.unwrap_or_default() })
}

fn holiday(row: &PgRow) -> Result<Holiday, sqlx::Error> {
    let extension: Option<Uuid> = row.try_get("extension_id")?;
    Ok(Holiday {
        id: HolidayId(row.try_get("id")?),
        extension: extension.map(ExtensionId),
        date: row.try_get("on_date")?,
        name: row.try_get("name")?,
        span: span(row)?,
    })
}

fn account(row: &PgRow) -> Result<Account, sqlx::Error> {
    let user: Option<Uuid> = row.try_get("user_id")?;
    Ok(Account {
        id: AccountId(row.try_get("id")?),
        user: user.map(UserId),
        username: row.try_get("username")?,
        ha1_md5: row.try_get("ha1_md5")?,
        ha1_sha256: row.try_get("ha1_sha256")?,
        is_active: row.try_get("is_active")?,
    })
}

/// The organisation a row belongs to; `None` when that is not approved and its rows are left out.
fn of<'a>(
    organisations: &'a mut [Organisation],
    row: &PgRow,
) -> Result<Option<&'a mut Organisation>, sqlx::Error> {
    let org = OrgId(row.try_get("org_id")?);
    let place = organisations.binary_search_by_key(&org, |organisation| organisation.id);
    Ok(place.ok().and_then(|place| organisations.get_mut(place)))
}

/// The extension a row belongs to; `None` when that is left out, or has no number.
fn extension_of<'a>(
    organisations: &'a mut [Organisation],
    row: &PgRow,
) -> Result<Option<&'a mut Extension>, sqlx::Error> {
    let id = ExtensionId(row.try_get("extension_id")?);
    let Some(organisation) = of(organisations, row)? else { return Ok(None) };
    let place = organisation.extensions.binary_search_by_key(&id, |extension| extension.id);
    Ok(place.ok().and_then(|place| organisation.extensions.get_mut(place)))
}

/// An extension, without what stands in other tables.
fn extension(row: &PgRow) -> Result<Extension, sqlx::Error> {
    let (staff, supervisors): (Vec<Uuid>, Vec<Uuid>) = (row.try_get("staff")?, row.try_get("supervisors")?);
    Ok(Extension {
        id: ExtensionId(row.try_get("id")?),
        name: row.try_get("name")?,
        number: row.try_get("number")?,
        is_active: row.try_get("is_active")?,
        staff: staff.into_iter().map(UserId).collect(),
        hours: Vec::new(),
        rules: Vec::new(),
        recording: recording(row)?,
        takes_intercom: row.try_get("takes_intercom")?,
        queue: None,
        menu: None,
        conference: None,
        supervisors: supervisors.into_iter().map(UserId).collect(),
        page_group: None,
    })
}

/// What an extension has to say of recording. Better none of its calls than one that was not meant to be.
fn recording(row: &PgRow) -> Result<Option<RecordingPolicy>, sqlx::Error> {
    let word: Option<&str> = row.try_get("recording")?;
    Ok(word.map(|word| RecordingPolicy::of(word).unwrap_or_default()))
}

/// A part of a day, if the row has one. Its minutes are within a day's, or the database would not have them.
fn span(row: &PgRow) -> Result<Option<Span>, sqlx::Error> {
    let (start, end): (Option<i32>, Option<i32>) = (row.try_get("start_minute")?, row.try_get("end_minute")?);
    let minute = |minute: i32| u16::try_from(minute).unwrap_or(u16::MAX);
    Ok(start.zip(end).map(|(start, end)| Span { start: minute(start), end: minute(end) }))
}

/// The mailbox of a person, if it is on.
fn mailbox(row: &PgRow) -> Result<Option<Mailbox>, sqlx::Error> {
    if row.try_get::<Option<i32>, _>("messages_max")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Mailbox {
        greeting: row.try_get("greeting_sound")?,
        messages_max: number(row, "messages_max")?,
        message_secs_max: number(row, "message_seconds_max")?,
    }))
}

/// What the row of a rule or of a menu's key leads to.
pub(super) fn target(row: &PgRow) -> Result<ActionTarget, sqlx::Error> {
    let id = |column| row.try_get::<Option<Uuid>, _>(column);
    Ok(ActionTarget {
        extension: id("target_extension_id")?.map(ExtensionId),
        user: id("target_user_id")?.map(UserId),
        number: row.try_get("target_number")?,
        sound: row.try_get("target_sound")?,
        queue: id("target_queue_id")?.map(QueueId),
        priority: number(row, "priority")?,
        menu: id("target_menu_id")?.map(MenuId),
    })
}

fn rule(row: &PgRow) -> Result<Rule, sqlx::Error> {
    let (timescope, condition, action): (&str, &str, &str) =
        (row.try_get("timescope")?, row.try_get("condition")?, row.try_get("action")?);
    let known = Timescope::of(timescope).zip(Condition::of(condition)).zip(Action::of(action, target(row)?));
    // The plan in use stays until this release is replaced by the one that wrote the row.
    let unknown = || format!("a rule of another release: {timescope}, {condition}, {action}");
    let ((timescope, condition), action) = known.ok_or_else(|| sqlx::Error::Decode(unknown().into()))?;
    Ok(Rule {
        id: RuleId(row.try_get("id")?),
        position: number(row, "position")?,
        is_enabled: row.try_get("is_enabled")?,
        timescope,
        condition,
        action,
    })
}

fn queue(row: &PgRow) -> Result<Queue, sqlx::Error> {
    let strategy: &str = row.try_get("strategy")?;
    let unknown = || sqlx::Error::Decode(format!("a queue of another release: {strategy}").into());
    let (users, weights): (Vec<Uuid>, Vec<i32>) = (row.try_get("users")?, row.try_get("weights")?);
    let agent = |(user, weight): (Uuid, i32)| Agent {
        user: UserId(user),
        weight: u16::try_from(weight).unwrap_or(u16::MAX),
    };
    Ok(Queue {
        id: QueueId(row.try_get("id")?),
        strategy: Strategy::of(strategy).ok_or_else(unknown)?,
        ring_secs: number(row, "ring_seconds")?,
        capacity: number(row, "capacity")?,
        wait_max_secs: number(row, "wait_max_seconds")?,
        wrap_up_secs: number(row, "wrap_up_seconds")?,
        misses_max: number(row, "misses_max")?,
        announce_secs: number(row, "announce_seconds")?,
        has_callback: row.try_get("has_callback")?,
        agents: users.into_iter().zip(weights).map(agent).collect(),
    })
}

fn page_group(row: &PgRow) -> Result<PageGroup, sqlx::Error> {
    Ok(PageGroup { id: PageGroupId(row.try_get("id")?), is_duplex: row.try_get("is_duplex")? })
}

fn conference(row: &PgRow) -> Result<Conference, sqlx::Error> {
    let pin: Option<String> = row.try_get("pin")?;
    Ok(Conference {
        id: ConferenceId(row.try_get("id")?),
        pin: pin.map(Pin),
        members_max: number(row, "members_max")?,
        has_tones: row.try_get("has_tones")?,
    })
}

async fn load_organisations(unit: &mut PgConnection) -> Result<Vec<Organisation>, sqlx::Error> {
    let rows = sqlx::query(
        "select s.org_id, s.sip_domain, s.is_default, s.ring_timeout_seconds, s.language, s.has_announcements, \
           s.is_record_a_call, s.is_recording_on_demand, s.timezone, s.has_recording_notice, s.country_code, \
           s.emergency_numbers, s.has_recording_keys \
         from telephony.organisation_settings s \
         join identity.organisations o on o.id = s.org_id \
         where o.status = 'approved' \
         order by s.org_id",
    )
    .fetch_all(unit)
    .await?;
    let organisation = |row: &PgRow| -> Result<Organisation, sqlx::Error> {
        Ok(Organisation {
            id: OrgId(row.try_get("org_id")?),
            sip_domain: row.try_get("sip_domain")?,
            is_default: row.try_get("is_default")?,
            ring_timeout_secs: number(row, "ring_timeout_seconds")?,
            // The table has a check, so a language that this release does not know is of a newer one.
            language: Language::of(row.try_get("language")?).unwrap_or_default(),
            has_announcements: row.try_get("has_announcements")?,
            recording: RecordingPolicy::of_columns(
                row.try_get("is_record_a_call")?,
                row.try_get("is_recording_on_demand")?,
            ),
            has_recording_notice: row.try_get("has_recording_notice")?,
            has_recording_keys: row.try_get("has_recording_keys")?,
            timezone: row.try_get("timezone")?,
            holidays: Vec::new(),
            outside: Outside {
                country_code: row.try_get("country_code")?,
                emergency_numbers: row.try_get("emergency_numbers")?,
                ..Outside::default()
            },
            staff: Vec::new(),
            extensions: Vec::new(),
            accounts: Vec::new(),
        })
    };
    rows.iter().map(organisation).collect()
}

/// What was used of budgets within a day and was over before `born`, the latest first, up to [`USES_MAX`].
pub(super) async fn load_outside_use(
    connection: &mut PgConnection,
    born: Timestamp,
) -> Result<Vec<OutsideUse>, sqlx::Error> {
    let rows = sqlx::query(
        "select org_id, payer_kind, payer_id, rupiah_per_minute, \
           (extract(epoch from created_at) * 1000000)::int8 as created, \
           (extract(epoch from answered_at) * 1000000)::int8 as answered, \
           (extract(epoch from ended_at) * 1000000)::int8 as ended \
         from telephony.call_legs \
         where payer_id is not null and ended_at > now() - interval '1 day' \
           and ended_at < timestamptz 'epoch' + $1 * interval '1 microsecond' \
         order by ended_at desc limit $2",
    )
    .bind(born.0)
    .bind(USES_MAX)
    .fetch_all(connection)
    .await?;
    rows.iter().filter_map(|row| outside::used(row).transpose()).collect()
}

/// What people have turned on and off since then, or ever, up to [`AVAILABILITY_MAX`], the latest first. What another release has
/// written in words of its own is left out.
pub(super) async fn load_availability(
    connection: &mut PgConnection,
    since: Option<Timestamp>,
) -> Result<Vec<StoredAvailability>, sqlx::Error> {
    let rows = sqlx::query(
        "select a.org_id, a.user_id, a.account_id, a.setting, a.value, \
           (extract(epoch from a.changed_at) * 1000000)::int8 as changed_micros \
         from telephony.availability a \
         where $2::int8 is null or a.changed_at >= timestamptz 'epoch' + $2 * interval '1 microsecond' \
         order by a.changed_at desc limit $1",
    )
    .bind(AVAILABILITY_MAX)
    .bind(since.map(|since| since.0))
    .fetch_all(connection)
    .await?;
    rows.iter().filter_map(|row| availability::stored(row).transpose()).collect()
}

/// All messages that have not been deleted, up to [`MESSAGES_MAX`].
pub(super) async fn load_messages(connection: &mut PgConnection) -> Result<Vec<StoredMessage>, sqlx::Error> {
    let rows = sqlx::query(
        "select m.id, m.org_id, m.call_id, m.user_id, m.caller_number, m.length_ms, r.storage_key, \
           (extract(epoch from m.left_at) * 1000000)::int8 as left_micros, m.heard_at is not null as is_heard \
         from telephony.voicemail_messages m \
         join telephony.recordings r on r.org_id = m.org_id and r.id = m.id \
         where m.deleted_at is null \
         order by m.left_at desc, m.id desc limit $1",
    )
    .bind(MESSAGES_MAX)
    .fetch_all(connection)
    .await?;
    let message = |row: &PgRow| -> Result<StoredMessage, sqlx::Error> {
        let length_ms: i64 = row.try_get("length_ms")?;
        Ok(StoredMessage {
            recording: RecordingId(row.try_get("id")?),
            call: CallId(row.try_get("call_id")?),
            org: OrgId(row.try_get("org_id")?),
            user: UserId(row.try_get("user_id")?),
            caller: row.try_get("caller_number")?,
            left_at: Timestamp(row.try_get("left_micros")?),
            length_ms: u64::try_from(length_ms).unwrap_or_default(),
            key: row.try_get("storage_key")?,
            is_heard: row.try_get("is_heard")?,
        })
    };
    rows.iter().map(message).collect()
}
