//! Trunks as they stand. They are the engine's, so it is asked between two of its turns.

use axum::{Json, extract::State};
use contract::live::LiveTrunk;

use super::{Problem, Switch};

pub(super) async fn trunks(State(switch): State<Switch>) -> Result<Json<Vec<LiveTrunk>>, Problem> {
    let trunks = switch.engine.look(|_, switchboard| switchboard.live_trunks());
    Ok(Json(trunks.await.map_err(|_| Problem::busy())?))
}
