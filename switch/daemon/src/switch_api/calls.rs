//! What goes on now, and why the last calls went as they did.
//!
//! The table of live calls and that of registrations are read as they stand. The ladder is the engine's, so it is asked
//! between two of its turns; it is masked and written out here.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{
    live::{LiveCall, Registration},
    trace::{CallSummary, CallTrace},
};

use super::{Problem, Switch};
use crate::trace::{Found, Recorder, Tape, Which};

pub(super) async fn live(State(switch): State<Switch>) -> Json<Vec<LiveCall>> {
    Json(switch.live.calls())
}

pub(super) async fn registrations(State(switch): State<Switch>) -> Json<Vec<Registration>> {
    Json(switch.live.registrations())
}

pub(super) async fn last(State(switch): State<Switch>) -> Result<Json<Vec<CallSummary>>, Problem> {
    let calls = switch.engine.look(|recorder, _| recorder.list());
    Ok(Json(calls.await.map_err(|_| Problem::busy())?))
}

pub(super) async fn trace(
    State(switch): State<Switch>,
    Path(call): Path<String>,
) -> Result<Json<CallTrace>, Response> {
    let tape = find(&switch, &call).await?;
    Ok(Json(tape.view()))
}

pub(super) async fn pcap(
    State(switch): State<Switch>,
    Path(call): Path<String>,
) -> Result<Response, Response> {
    let tape = find(&switch, &call).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/x-pcapng"));
    Ok(([kind], tape.pcapng()).into_response())
}

/// The call that `name` is the id of, or the beginning of the id, or `last`. More than one: 300 and a list.
async fn find(switch: &Switch, name: &str) -> Result<Tape, Response> {
    let Some(which) = Which::parse(name) else {
        let problem = "expected a call's id, the beginning of one, or last";
        return Err(Problem::new(StatusCode::BAD_REQUEST, problem).into_response());
    };
    let found = switch.engine.look(move |recorder: &Recorder, _| recorder.find(which));
    match found.await {
        Ok(Found::One(tape)) => Ok(*tape),
        Ok(Found::Many(calls)) => Err((StatusCode::MULTIPLE_CHOICES, Json(calls)).into_response()),
        Ok(Found::None) => {
            let problem = "the switch does not remember such a call: it keeps the last ones, in memory only";
            Err(Problem::new(StatusCode::NOT_FOUND, problem).into_response())
        }
        Err(_) => Err(Problem::busy().into_response()),
    }
}
