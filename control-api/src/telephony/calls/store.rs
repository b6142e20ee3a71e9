//! Rows of the call tables. The organisation stands in every statement; row-level security is the second
//! lock, not the only one.

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Call, CallDetail, Event, Filter, Leg, Participant, Quality};
use crate::telephony::feedback;

/// The calls of a query over telephony.calls, each with its events folded into how it went. $1 is the
/// organisation.
macro_rules! folded {
    ($calls:literal) => {
        concat!(
            "select c.id, c.join_code, c.direction, c.dialled, c.created_at,
                    f.answered_at, f.ended_at, f.outcome
             from (",
            $calls,
            ") c
             cross join lateral (
                 select min(e.created_at) filter (where e.event_type = 'answered') as answered_at,
                        max(e.created_at) filter (where e.event_type = 'ended') as ended_at,
                        case when bool_or(e.event_type = 'answered') then 'answered'
                             when bool_or(e.event_type = 'ended')
                             then (array_agg(e.event_type order by e.seq desc)
                                   filter (where e.event_type <> 'ended'))[1]
                        end as outcome
                 from telephony.call_events e where e.org_id = $1 and e.call_id = c.id) f
             order by c.created_at desc, c.id desc"
        )
    };
}

/// Up to `filter.limit` + 1 calls, newest first.
pub(super) async fn list(c: &mut PgConnection, org: OrgId, filter: Filter) -> Result<Vec<Call>, sqlx::Error> {
    sqlx::query_as(folded!(
        "select * from telephony.calls
         where org_id = $1
           and ($2::text is null or direction = $2)
           and ($3::timestamptz is null or created_at >= $3)
           and ($4::timestamptz is null or created_at < $4)
           and ($5::timestamptz is null or (created_at, id) < ($5, $6::uuid))
         order by created_at desc, id desc
         limit $7"
    ))
    .bind(org.0)
    .bind(filter.direction)
    .bind(filter.from)
    .bind(filter.to)
    .bind(filter.after.map(|cursor| cursor.at))
    .bind(filter.after.map(|cursor| cursor.id))
    .bind(i64::from(filter.limit) + 1)
    .fetch_all(c)
    .await
}

/// The call `id` with everything about it.
pub(super) async fn one(
    c: &mut PgConnection,
    org: OrgId,
    id: Uuid,
) -> Result<Option<CallDetail>, sqlx::Error> {
    let call: Option<Call> =
        sqlx::query_as(folded!("select * from telephony.calls where org_id = $1 and id = $2"))
            .bind(org.0)
            .bind(id)
            .fetch_optional(&mut *c)
            .await?;
    let Some(call) = call else { return Ok(None) };
    let participants: Vec<Participant> = sqlx::query_as(
        "select no, role, kind, ref_id, created_at from telephony.call_participants
         where org_id = $1 and call_id = $2 order by no",
    )
    .bind(org.0)
    .bind(id)
    .fetch_all(&mut *c)
    .await?;
    let events: Vec<Event> = sqlx::query_as(
        "select seq, event_type, participant_no, attempt_count, queue_count, detail, created_at
         from telephony.call_events where org_id = $1 and call_id = $2 order by seq",
    )
    .bind(org.0)
    .bind(id)
    .fetch_all(&mut *c)
    .await?;
    let legs: Vec<Leg> = sqlx::query_as(
        "select no, participant_no, transport, created_at, answered_at, ended_at, sip_status
         from telephony.call_legs where org_id = $1 and call_id = $2 order by no",
    )
    .bind(org.0)
    .bind(id)
    .fetch_all(&mut *c)
    .await?;
    let quality: Vec<Quality> = sqlx::query_as(
        "select leg_no, packets_received, bytes_received, packets_sent, bytes_sent, packets_lost,
                jitter_micros, packets_foreign, rtcp_received, packets_unauthentic, rtt_micros,
                mos::float8 as mos, mos_lowest::float8 as mos_lowest, far_packets_lost, far_jitter_micros,
                diagnosis
         from telephony.quality_reports where org_id = $1 and call_id = $2 order by leg_no",
    )
    .bind(org.0)
    .bind(id)
    .fetch_all(&mut *c)
    .await?;
    let feedback = feedback::store::of_call(c, (org, id)).await?;
    Ok(Some(CallDetail { call, participants, events, legs, quality, feedback }))
}

/// Up to where the journal of the switch has become events.
pub(super) async fn position(c: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select position from platform.switch_position").fetch_one(c).await
}

/// Moves it from `old` to `new`; `false`: somebody else has.
pub(super) async fn move_position(
    c: &mut PgConnection,
    old: Option<&str>,
    new: &str,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "update platform.switch_position set position = $2 where position is not distinct from $1",
    );
    let moved = query.bind(old).bind(new).execute(c).await?;
    Ok(moved.rows_affected() == 1)
}
