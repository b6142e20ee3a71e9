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
    /// What has become of the mail about it, if there is to be one.
    pub(super) mail: Option<String>,
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
           to_char(m.left_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as left_at, \
           case when mail.sent_at is not null then 'sent' \
             when mail.dropped_at is not null then 'not sent: ' || mail.reason \
             when mail.attempts > 0 then 'waits, ' || mail.attempts || ' tried: ' || coalesce(mail.reason, 'being sent') \
             when mail.id is not null then 'waits' end as mail \
         from telephony.voicemail_messages m \
         join telephony.organisation_settings s on s.org_id = m.org_id \
         left join telephony.numbers n on n.org_id = m.org_id and n.user_id = m.user_id \
         left join telephony.voicemail_mails mail on mail.org_id = m.org_id and mail.id = m.id \
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
