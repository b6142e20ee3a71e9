//! The SQL of retention.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Because, Overdue};

/// The oldest recordings of each organisation that the store has had for longer than that wants. Messages are their owners': no
/// organisation's time is over for them. The first condition on the start finds them by the index; the second one counts from
/// their end.
const OVER: &str = "select overdue.id, overdue.storage_key from telephony.organisation_settings s \
     cross join lateral ( \
       select r.id, r.storage_key from telephony.recordings r \
       where r.org_id = s.org_id and r.deleted_at is null \
         and r.started_at < now() - s.recording_retention_days * interval '24 hours' \
         and r.started_at + r.length_ms * interval '1 millisecond' \
           < now() - s.recording_retention_days * interval '24 hours' \
         and not exists (select from telephony.voicemail_messages m where m.id = r.id) \
         and r.id <> all ($1) \
       order by r.started_at limit $2) overdue \
     where s.recording_retention_days is not null limit $2";

/// What is to be deleted because of this, but for those of `left`.
pub(super) async fn overdue(
    connection: &mut PgConnection,
    because: Because,
    left: &[Uuid],
    most: usize,
) -> Result<Vec<Overdue>, sqlx::Error> {
    let query = match because {
        Because::Owner => {
            "select r.id, r.storage_key from telephony.voicemail_messages m \
             join telephony.recordings r on r.org_id = m.org_id and r.id = m.id \
             where m.deleted_at is not null and m.erased_at is null and r.id <> all ($1) \
             order by m.deleted_at limit $2"
        }
        Because::Order => {
            "select id, storage_key from telephony.recordings \
             where deletion_ordered_at is not null and deleted_at is null and id <> all ($1) \
             order by deletion_ordered_at limit $2"
        }
        Because::Retention => OVER,
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    sqlx::query_as(query).bind(left).bind(most).fetch_all(connection).await
}

/// The store does not have it any more.
pub(super) async fn deleted(
    connection: &mut PgConnection,
    recording: Uuid,
    because: Because,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with message as (update telephony.voicemail_messages set erased_at = now() \
           where id = $1 and deleted_at is not null) \
         update telephony.recordings set deleted_at = now(), deleted_because = $2 \
         where id = $1 and deleted_at is null",
    )
    .bind(recording)
    .bind(because.as_str())
    .execute(connection)
    .await
    .map(drop)
}
