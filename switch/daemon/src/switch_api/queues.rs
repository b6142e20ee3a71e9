//! Queues as they stand. They are the engine's, so it is asked between two of its turns.

use axum::{
    Json,
    extract::{Query, State},
};
use contract::live::LiveQueue;

use super::{Problem, Switch, Whose};

pub(super) async fn queues(
    State(switch): State<Switch>,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<LiveQueue>>, Problem> {
    let queues = switch.engine.look(|_, switchboard| switchboard.live_queues());
    let mut queues = queues.await.map_err(|_| Problem::busy())?;
    queues.retain(|queue| whose.is(queue.org));
    Ok(Json(queues))
}
