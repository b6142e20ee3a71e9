//! Queues as they stand. They are the engine's, so it is asked between two of its turns.

use axum::{Json, extract::State};
use contract::live::LiveQueue;

use super::{Problem, Switch};

pub(super) async fn queues(State(switch): State<Switch>) -> Result<Json<Vec<LiveQueue>>, Problem> {
    let queues = switch.engine.look(|_, switchboard| switchboard.live_queues());
    Ok(Json(queues.await.map_err(|_| Problem::busy())?))
}
