//! The statements about the queues of an organisation. The caller acts as the switch to read them and as the API to change
//! them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use contract::queues::Strategy;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::Queue;
use crate::organisation::{
    Rows,
    store::{Extensions, People, email, number_of},
    write::store::take_away,
};

/// Queues of extensions that have a number, by it.
pub(crate) async fn load(
    c: &mut PgConnection,
    organisation: Uuid,
    (extensions, people): (&Extensions, &People),
) -> anyhow::Result<BTreeMap<String, Queue>> {
    let rows = sqlx::query(
        "select id, extension_id, strategy, ring_seconds, capacity, wait_max_seconds, wrap_up_seconds, misses_max,
             announce_seconds, has_callback,
             array(select a.user_id from telephony.queue_agents a
                   where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as users,
             array(select a.weight from telephony.queue_agents a
                   where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as weights
         from telephony.queues q where org_id = $1",
    )
    .bind(organisation)
    .fetch_all(c)
    .await?;
    let mut queues = BTreeMap::new();
    for row in rows {
        let Some(extension) = number_of(extensions, row.try_get("extension_id")?) else { continue };
        let number = |column| anyhow::Ok(u16::try_from(row.try_get::<i32, _>(column)?)?);
        let (users, weights): (Vec<Uuid>, Vec<i32>) = (row.try_get("users")?, row.try_get("weights")?);
        let agents = users.into_iter().zip(weights);
        let queue = Queue {
            id: row.try_get("id")?,
            strategy: Strategy::of(row.try_get("strategy")?).context("a strategy that is not known")?,
            ring_secs: number("ring_seconds")?,
            capacity: number("capacity")?,
            wait_max_secs: number("wait_max_seconds")?,
            wrap_up_secs: number("wrap_up_seconds")?,
            misses_max: number("misses_max")?,
            announce_secs: number("announce_seconds")?,
            has_callback: row.try_get("has_callback")?,
            agents: agents
                .map(|(user, weight)| anyhow::Ok((email(people, user)?, u16::try_from(weight)?)))
                .collect::<anyhow::Result<_>>()?,
        };
        queues.insert(extension, queue);
    }
    Ok(queues)
}

pub(crate) async fn delete(c: &mut PgConnection, organisation: Uuid, id: Uuid) -> Result<(), sqlx::Error> {
    take_away(c, "delete from telephony.queues where org_id = $1 and id = $2", (organisation, id)).await
}

/// A queue, be it new or changed, with what is particular about its people.
pub(crate) async fn put(
    c: &mut PgConnection,
    rows: &Rows,
    extension: Uuid,
    queue: &Queue,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into telephony.queues (id, org_id, extension_id, strategy, ring_seconds, capacity, wait_max_seconds,
           wrap_up_seconds, misses_max, announce_seconds, has_callback)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do update set strategy = $4, ring_seconds = $5, capacity = $6, wait_max_seconds = $7,
           wrap_up_seconds = $8, misses_max = $9, announce_seconds = $10, has_callback = $11",
    )
    .bind(queue.id)
    .bind(rows.id)
    .bind(extension)
    .bind(queue.strategy.as_str())
    .bind(i32::from(queue.ring_secs))
    .bind(i32::from(queue.capacity))
    .bind(i32::from(queue.wait_max_secs))
    .bind(i32::from(queue.wrap_up_secs))
    .bind(i32::from(queue.misses_max))
    .bind(i32::from(queue.announce_secs))
    .bind(queue.has_callback)
    .execute(&mut *c)
    .await?;
    sqlx::query("delete from telephony.queue_agents where org_id = $1 and queue_id = $2")
        .bind(rows.id)
        .bind(queue.id)
        .execute(&mut *c)
        .await?;
    let user = |email: &String| rows.staff.get(email).map(|staff| staff.user);
    let agents = queue.agents.iter().filter_map(|(email, weight)| Some((user(email)?, i32::from(*weight))));
    let (users, weights): (Vec<Uuid>, Vec<i32>) = agents.unzip();
    sqlx::query(
        "insert into telephony.queue_agents (org_id, queue_id, extension_id, user_id, weight, position)
         select $1, $2, $3, user_id, weight, position
         from unnest($4::uuid[], $5::int4[]) with ordinality as agents (user_id, weight, position)",
    )
    .bind(rows.id)
    .bind(queue.id)
    .bind(extension)
    .bind(users)
    .bind(weights)
    .execute(c)
    .await
    .map(drop)
}
