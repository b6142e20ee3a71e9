//! What a call would come to, by the plan in use. Only the plan is fetched from the engine; calls do not wait for the answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use contract::route::{RouteAnswer, RouteQuestion, RouteRefusal};

use super::{Problem, Switch};
use crate::clock;

pub(super) async fn route(
    State(switch): State<Switch>,
    Query(question): Query<RouteQuestion>,
) -> Result<Json<RouteAnswer>, Response> {
    let plan = switch.engine.look(|_, switchboard| Arc::clone(switchboard.plan())).await;
    let plan = plan.map_err(|_| Problem::busy().into_response())?;
    plan.try_number(&question, clock::unix_now())
        .map(Json)
        .map_err(|wrong| (StatusCode::BAD_REQUEST, Json(RouteRefusal::from(wrong))).into_response())
}
