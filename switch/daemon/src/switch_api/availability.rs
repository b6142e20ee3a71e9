//! What people have turned on and off. It is the engine's, so it is asked between two of its turns.

use axum::{Json, extract::State};
use contract::live::LiveAvailability;

use super::{Problem, Switch};

pub(super) async fn people(State(switch): State<Switch>) -> Result<Json<Vec<LiveAvailability>>, Problem> {
    let people = switch.engine.look(|_, switchboard| switchboard.live_availability());
    Ok(Json(people.await.map_err(|_| Problem::busy())?))
}
