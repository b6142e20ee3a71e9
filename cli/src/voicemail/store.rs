//! The messages in mailboxes, by the word of the database.

use migrations::Role;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::database::store::act_as;

/// Rows that are shown at once.
const ROWS_MAX: i64 = 200;

/// One of them.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Message {
    pub(super) id: Uuid,
    pub(super) sip_domain: String,
    /// Whose mailbox; none when the person has no number any more.
    pub(super) number: Option<String>,
    pub(super) caller_number: Option<String>,
    pub(super) left_at: String,
    pub(super) length_ms: i64,
    pub(super) is_heard: bool,
}

/// The latest that have not been deleted, of everybody or of whoever has this number.
pub(super) async fn messages(
    c: &mut PgConnection,
    number: Option<&str>,
) -> Result<Vec<Message>, sqlx::Error> {
    let mut unit = c.begin().await?;
    act_as(&mut unit, Role::Switch, None).await?;
    let found = sqlx::query_as(
        "select m.id, s.sip_domain, n.number, m.caller_number, m.length_ms, m.heard_at is not null as is_heard, \
           to_char(m.left_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as left_at \
         from telephony.voicemail_messages m \
         join telephony.organisation_settings s on s.org_id = m.org_id \
         left join telephony.numbers n on n.org_id = m.org_id and n.user_id = m.user_id \
         where m.deleted_at is null and ($1::text is null or n.number = $1) \
         order by m.left_at desc, m.id desc limit $2",
    )
    .bind(number)
    .bind(ROWS_MAX)
    .fetch_all(&mut *unit)
    .await?;
    unit.rollback().await?;
    Ok(found)
}
