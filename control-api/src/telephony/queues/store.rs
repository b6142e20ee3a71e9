//! Rows of queues and of their agents.

use contract::queues::Strategy;
use sqlx::{PgConnection, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::model::{Description, Queue};
use crate::{
    http::error::{ApiError, Broken, broken},
    identifier,
    telephony::part::{self, Actions, Part, Place, Removable, small},
};

/// What the database says when a row does not fit the others.
const CONSTRAINTS: &[Broken] = &[
    Broken::nowhere("queues_extension_fkey"),
    Broken::unknown(
        "queue_agents_staff_fkey",
        "agents",
        "names somebody who is not among the extension's staff",
    ),
];

impl Part for Queue {
    type Description = Description;
    const ACTIONS: Actions =
        Actions { created: "queue.created", changed: "queue.changed", deleted: "queue.deleted" };

    fn version(&self) -> i32 {
        self.version
    }

    async fn one(c: &mut PgConnection, (org, extension): Place) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query(
            "select q.id, q.strategy, q.ring_seconds, q.capacity, q.wait_max_seconds, q.wrap_up_seconds, q.misses_max, \
               q.announce_seconds, q.has_callback, q.created_at, q.updated_at, q.version, coalesce( \
                 (select json_agg(json_build_object('user_id', a.user_id, 'weight', a.weight) order by a.position) \
                  from telephony.queue_agents a where a.org_id = q.org_id and a.queue_id = q.id), '[]') as agents \
             from telephony.queues q where q.org_id = $1 and q.extension_id = $2",
        );
        row.bind(org.0).bind(extension).fetch_optional(c).await?.map(|row| queue(&row)).transpose()
    }

    async fn put(
        c: &mut PgConnection,
        place: Place,
        old: Option<&Self>,
        new: &Description,
    ) -> Result<(), ApiError> {
        let id = old.map_or_else(identifier::fresh, |old| Ok(old.id))?;
        let done = sqlx::query(if old.is_some() {
            "update telephony.queues set strategy = $4, ring_seconds = $5, capacity = $6, wait_max_seconds = $7, \
               wrap_up_seconds = $8, misses_max = $9, announce_seconds = $10, has_callback = $11 \
             where org_id = $1 and extension_id = $2 and id = $3"
        } else {
            "insert into telephony.queues (org_id, extension_id, id, strategy, ring_seconds, capacity, \
               wait_max_seconds, wrap_up_seconds, misses_max, announce_seconds, has_callback) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        })
        .bind(place.0.0)
        .bind(place.1)
        .bind(id)
        .bind(new.strategy.as_str())
        .bind(i32::from(new.ring_secs))
        .bind(i32::from(new.capacity))
        .bind(i32::from(new.wait_max_secs))
        .bind(i32::from(new.wrap_up_secs))
        .bind(i32::from(new.misses_max))
        .bind(i32::from(new.announce_secs))
        .bind(new.has_callback)
        .execute(&mut *c)
        .await;
        done.map_err(|error| broken(error, CONSTRAINTS))?;
        agents(c, place, id, new).await
    }
}

async fn agents(
    c: &mut PgConnection,
    (org, extension): Place,
    queue: Uuid,
    new: &Description,
) -> Result<(), ApiError> {
    let delete = "delete from telephony.queue_agents where org_id = $1 and queue_id = $2";
    sqlx::query(delete).bind(org.0).bind(queue).execute(&mut *c).await?;
    let (users, weights): (Vec<Uuid>, Vec<i32>) =
        new.agents.iter().map(|agent| (agent.user_id, i32::from(agent.weight))).unzip();
    let done = sqlx::query(
        "insert into telephony.queue_agents (org_id, queue_id, extension_id, user_id, weight, position) \
         select $1, $2, $3, user_id, weight, position \
         from unnest($4::uuid[], $5::int4[]) with ordinality as agents (user_id, weight, position)",
    );
    let done = done.bind(org.0).bind(queue).bind(extension).bind(users).bind(weights).execute(c).await;
    done.map(drop).map_err(|error| broken(error, CONSTRAINTS))
}

impl Removable for Queue {
    async fn remove(c: &mut PgConnection, place: Place) -> Result<(), ApiError> {
        part::delete(c, "delete from telephony.queues where org_id = $1 and extension_id = $2", place).await
    }
}

fn queue(row: &PgRow) -> Result<Queue, sqlx::Error> {
    let word: &str = row.try_get("strategy")?;
    let unknown = || sqlx::Error::Decode(format!("a queue of another release: {word}").into());
    let Json(agents) = row.try_get("agents")?;
    let described = Description {
        strategy: Strategy::of(word).ok_or_else(unknown)?,
        ring_secs: small(row, "ring_seconds")?,
        capacity: small(row, "capacity")?,
        wait_max_secs: small(row, "wait_max_seconds")?,
        wrap_up_secs: small(row, "wrap_up_seconds")?,
        misses_max: small(row, "misses_max")?,
        announce_secs: small(row, "announce_seconds")?,
        has_callback: row.try_get("has_callback")?,
        agents,
    };
    Ok(Queue {
        id: row.try_get("id")?,
        described,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
