//! Conferences as they stand. They are the engine's, so it is asked between two of its turns.

use axum::{Json, extract::State};
use contract::live::LiveConference;

use super::{Problem, Switch};

pub(super) async fn conferences(State(switch): State<Switch>) -> Result<Json<Vec<LiveConference>>, Problem> {
    let conferences = switch.engine.look(|_, switchboard| switchboard.live_conferences());
    Ok(Json(conferences.await.map_err(|_| Problem::busy())?))
}
