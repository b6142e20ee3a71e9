//! Rows of organisations, of their people and of their extensions.

use contract::{
    conferences::{Conference, Pin},
    id::{
        AccountId, ConferenceId, ExtensionId, HolidayId, MenuId, OrgId, PageGroupId, QueueId, RuleId, UserId,
    },
    paging::PageGroup,
    queues::{Agent, Queue, Strategy},
    rules::{Action, ActionTarget, Condition, Holiday, Rule, Span, Timescope, Window},
    snapshot::{Account, Extension, Mailbox, Organisation, RecordingPolicy, Staff},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

/// A number of a row. What is out of range either way is for the compiler to say.
pub(crate) fn number(row: &PgRow, column: &str) -> Result<u16, sqlx::Error> {
    Ok(u16::try_from(row.try_get::<i32, _>(column)?).unwrap_or(u16::MAX))
}

pub(crate) fn staff(row: &PgRow) -> Result<Staff, sqlx::Error> {
    Ok(Staff {
        user: UserId(row.try_get("user_id")?),
        name: row.try_get("name")?,
        number: row.try_get("number")?,
        is_active: row.try_get("is_active")?,
        mailbox: mailbox(row)?,
    })
}

/// A part of a weekday. What is out of range is for the compiler to say.
pub(crate) fn window(row: &PgRow) -> Result<Window, sqlx::Error> {
    let day: i32 = row.try_get("day_of_week")?;
    Ok(Window { day: u8::try_from(day).unwrap_or(0), span: span(row)?.unwrap_or_default() })
}

pub(crate) fn holiday(row: &PgRow) -> Result<Holiday, sqlx::Error> {
    let extension: Option<Uuid> = row.try_get("extension_id")?;
    Ok(Holiday {
        id: HolidayId(row.try_get("id")?),
        extension: extension.map(ExtensionId),
        date: row.try_get("on_date")?,
        name: row.try_get("name")?,
        span: span(row)?,
    })
}

pub(crate) fn account(row: &PgRow) -> Result<Account, sqlx::Error> {
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
pub(crate) fn of<'a>(
    organisations: &'a mut [Organisation],
    row: &PgRow,
) -> Result<Option<&'a mut Organisation>, sqlx::Error> {
    let org = OrgId(row.try_get("org_id")?);
    let place = organisations.binary_search_by_key(&org, |organisation| organisation.id);
    Ok(place.ok().and_then(|place| organisations.get_mut(place)))
}

/// The extension a row belongs to; `None` when that is left out, or has no number.
pub(crate) fn extension_of<'a>(
    organisations: &'a mut [Organisation],
    row: &PgRow,
) -> Result<Option<&'a mut Extension>, sqlx::Error> {
    let id = ExtensionId(row.try_get("extension_id")?);
    let Some(organisation) = of(organisations, row)? else { return Ok(None) };
    let place = organisation.extensions.binary_search_by_key(&id, |extension| extension.id);
    Ok(place.ok().and_then(|place| organisation.extensions.get_mut(place)))
}

/// An extension, without what stands in other tables.
pub(crate) fn extension(row: &PgRow) -> Result<Extension, sqlx::Error> {
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
pub(crate) fn target(row: &PgRow) -> Result<ActionTarget, sqlx::Error> {
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

pub(crate) fn rule(row: &PgRow) -> Result<Rule, sqlx::Error> {
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

pub(crate) fn queue(row: &PgRow) -> Result<Queue, sqlx::Error> {
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

pub(crate) fn page_group(row: &PgRow) -> Result<PageGroup, sqlx::Error> {
    Ok(PageGroup { id: PageGroupId(row.try_get("id")?), is_duplex: row.try_get("is_duplex")? })
}

pub(crate) fn conference(row: &PgRow) -> Result<Conference, sqlx::Error> {
    let pin: Option<String> = row.try_get("pin")?;
    Ok(Conference {
        id: ConferenceId(row.try_get("id")?),
        pin: pin.map(Pin),
        members_max: number(row, "members_max")?,
        has_tones: row.try_get("has_tones")?,
    })
}
