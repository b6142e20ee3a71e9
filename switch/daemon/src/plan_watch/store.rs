//! The SQL that reads configuration rows as of one instant, messages in mailboxes, and what was and is.

use std::collections::BTreeSet;

use calls::{OutsideUse, StoredAvailability, StoredMessage};
use configuration::Secrets;
use contract::{
    id::{CallId, OrgId, RecordingId, UserId},
    snapshot::Changes,
    time::Timestamp,
};
use dialplan::{OrgPlan, Plan};
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{availability, outside, sounds::Kept};

/// Messages of all mailboxes together that are looked at, the latest first.
const MESSAGES_MAX: i64 = 50_000;
/// Rows of what people have turned on and off that are looked at, the latest first.
const AVAILABILITY_MAX: i64 = 200_000;
/// Legs to the telephone network of the last day that are looked at.
const USES_MAX: i64 = 200_000;

/// Configuration rows at one instant.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) changes: Changes,
    /// They are everybody's.
    pub(super) is_all: bool,
}

impl Loaded {
    /// The same, where it was read whole, with whoever is in an earlier plan and not among these rows.
    pub(super) fn after(mut self, before: &Plan) -> Self {
        if self.is_all {
            let there: BTreeSet<OrgId> = self.changes.touched().collect();
            self.changes.gone =
                before.organisations().map(OrgPlan::id).filter(|org| !there.contains(org)).collect();
        }
        self
    }
}

/// The rows of what has changed since the revision `followed`, or all, unless their revision is the one that was `seen`. All where
/// nobody can tell: there is no revision that could be followed, or another one than the database remembers this switch to run (it is
/// another database, or an older state of it), or a revision that no organisation has changed by.
pub(super) async fn load_if_changed(
    connection: &mut PgConnection,
    seen: Option<i64>,
    followed: Option<i64>,
) -> Result<Option<Loaded>, sqlx::Error> {
    let mut unit = connection.begin_with("begin isolation level repeatable read read only").await?;
    let (revision, applied): (i64, i64) =
        sqlx::query_as("select revision, applied from telephony.revisions").fetch_one(&mut *unit).await?;
    if seen == Some(revision) {
        unit.commit().await?;
        return Ok(None);
    }
    let mut whose = Vec::new();
    if let Some(followed) = followed.filter(|followed| *followed == applied && *followed < revision) {
        whose = changed_since(&mut unit, followed).await?;
    }
    let is_all = whose.is_empty();
    let changed =
        configuration::load(&mut unit, (!is_all).then_some(whose.as_slice()), Secrets::Read).await?;
    unit.commit().await?;
    whose.retain(|org| changed.binary_search_by_key(org, |organisation| organisation.id).is_err());
    Ok(Some(Loaded { changes: Changes { revision, changed, gone: whose }, is_all }))
}

/// The organisations that have changed by later revisions than this, ordered by id.
async fn changed_since(connection: &mut PgConnection, revision: i64) -> Result<Vec<OrgId>, sqlx::Error> {
    let rows: Vec<Uuid> = sqlx::query_scalar(
        "select org_id from telephony.organisation_revisions where revision > $1 order by org_id",
    )
    .bind(revision)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(OrgId).collect())
}

/// Tells the control plane which revision the switch works with.
pub(super) async fn write_applied(connection: &mut PgConnection, revision: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update telephony.revisions set applied = $1, applied_at = now()")
        .bind(revision)
        .execute(connection)
        .await?;
    Ok(())
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

/// What people have turned on and off since then, or ever, and ever in these organisations, up to [`AVAILABILITY_MAX`], the latest
/// first. What another release has written in words of its own is left out.
pub(super) async fn load_availability(
    connection: &mut PgConnection,
    (since, whose): (Option<Timestamp>, &BTreeSet<OrgId>),
) -> Result<Vec<StoredAvailability>, sqlx::Error> {
    let rows = sqlx::query(
        "select a.org_id, a.user_id, a.account_id, a.setting, a.value, \
           (extract(epoch from a.changed_at) * 1000000)::int8 as changed_micros \
         from telephony.availability a \
         where $2::int8 is null or a.changed_at >= timestamptz 'epoch' + $2 * interval '1 microsecond' \
           or a.org_id = any($3) \
         order by a.changed_at desc limit $1",
    )
    .bind(AVAILABILITY_MAX)
    .bind(since.map(|since| since.0))
    .bind(whose.iter().map(|org| org.0).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter().filter_map(|row| availability::stored(row).transpose()).collect()
}

/// The sounds that organisations have uploaded, without their files.
pub(super) async fn own_sounds(connection: &mut PgConnection, most: i64) -> Result<Vec<Kept>, sqlx::Error> {
    let query = "select org_id, name, id, version from telephony.sounds order by org_id, name limit $1";
    sqlx::query_as(query).bind(most).fetch_all(connection).await
}

/// The file of that version, if it is the newest.
pub(super) async fn own_sound(
    connection: &mut PgConnection,
    (id, version): (Uuid, i32),
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let query = sqlx::query_scalar("select file from telephony.sounds where id = $1 and version = $2");
    query.bind(id).bind(version).fetch_optional(connection).await
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
