//! What goes on now, and why the last calls went as they did.
//!
//! The table of live calls and that of registrations are read as they stand. Legs and the ladder are the engine's, so it
//! is asked between two of its turns; the ladder is masked and written out here.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{
    id::{CallId, OrgId},
    live::{LiveCall, LiveCallLegs, Registration},
    media::MediaView,
    trace::{CallSummary, CallTrace},
};
use serde::Deserialize;
use streams::capture::CAPTURE_SECS_MAX;

use super::{Problem, Switch, Whose};
use crate::{
    engine::{CapturedStream, Sights},
    trace::{Found, Recorder, Tape, Which},
};

/// How long the media thread is waited for, which looks between two of its turns.
const MEDIA_WAIT: Duration = Duration::from_secs(1);
/// Calls whose legs are read in one look: the engine is held up for well under its queue delay target.
const CALLS_PER_LOOK: usize = 32;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// With their legs, for which the engine has to be asked.
    #[serde(default)]
    legs: bool,
    /// Only those of this organisation.
    org: Option<OrgId>,
    /// Only this one.
    call: Option<CallId>,
}

impl Wanted {
    fn is_met(&self, call: &LiveCall) -> bool {
        self.org.is_none_or(|org| org == call.org) && self.call.is_none_or(|id| id == call.call)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Seconds {
    /// For how long.
    seconds: u16,
}

pub(super) async fn live(
    State(switch): State<Switch>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let mut calls = switch.live.calls();
    calls.retain(|call| wanted.is_met(call));
    if !wanted.legs {
        return Ok(Json(calls).into_response());
    }
    let mut all: Vec<LiveCallLegs> = Vec::with_capacity(calls.len());
    let mut calls = calls.into_iter().peekable();
    while calls.peek().is_some() {
        let some: Vec<LiveCall> = calls.by_ref().take(CALLS_PER_LOOK).collect();
        let mut media = media(&switch, some.iter().map(|call| call.call).collect()).await;
        let looked = switch.engine.look(move |_, switchboard| {
            let legs = |call: LiveCall| {
                let of_it = media.extract_if(.., |(id, _)| *id == call.call).map(|(_, media)| media);
                let media = of_it.collect();
                LiveCallLegs { legs: switchboard.live_legs(call.call), media, call }
            };
            some.into_iter().map(legs).collect::<Vec<_>>()
        });
        all.append(&mut looked.await.map_err(|_| Problem::busy())?);
    }
    Ok(Json(all).into_response())
}

/// What the relay sees of these calls; nothing when it does not answer in time: what else is known is shown all the same.
async fn media(switch: &Switch, calls: Vec<CallId>) -> Sights {
    let sights = tokio::time::timeout(MEDIA_WAIT, switch.engine.media(calls)).await;
    sights.ok().and_then(Result::ok).unwrap_or_default()
}

pub(super) async fn registrations(
    State(switch): State<Switch>,
    Query(whose): Query<Whose>,
) -> Json<Vec<Registration>> {
    let mut registrations = switch.live.registrations();
    registrations.retain(|one| whose.is(one.org));
    Json(registrations)
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
    let live = media(&switch, vec![tape.call()]).await;
    Ok(Json(tape.view(live.into_iter().map(|(_, media)| media).collect())))
}

/// The media of a call's legs, with a diagnosis for each stream: of the moment, or of its end.
pub(super) async fn legs_media(
    State(switch): State<Switch>,
    Path(call): Path<String>,
) -> Result<Json<Vec<MediaView>>, Response> {
    Ok(Json(trace(State(switch), Path(call)).await?.0.media))
}

pub(super) async fn pcap(
    State(switch): State<Switch>,
    Path(call): Path<String>,
) -> Result<Response, Response> {
    Ok(capture_file(&find(&switch, &call).await?, &[]))
}

/// As [`pcap`], with what comes and goes on the call's legs from now on. The answer comes when the time is over.
pub(super) async fn capture(
    State(switch): State<Switch>,
    Path(call): Path<String>,
    Query(Seconds { seconds }): Query<Seconds>,
) -> Result<Response, Response> {
    let problem = |status, text| Problem::new(status, text).into_response();
    if !(1..=CAPTURE_SECS_MAX).contains(&seconds) {
        return Err(problem(StatusCode::BAD_REQUEST, "media is captured for 1 to 60 seconds"));
    }
    let call = find(&switch, &call).await?.call();
    tracing::info!(%call, seconds, "the media of a call is captured");
    let busy = |_| Problem::busy().into_response();
    let captured = switch.engine.capture(call, seconds).await.map_err(busy)?;
    let streams: Vec<CapturedStream> = captured.into_iter().map(|(_, stream)| stream).collect();
    if let Some((status, text)) = nothing_of(&streams) {
        return Err(problem(status, text));
    }
    // What was signalled meanwhile belongs to it.
    Ok(capture_file(&find(&switch, &call.to_string()).await?, &streams))
}

/// Why there is no capture. What could be captured of a part is worth having: the file says what it lacks.
fn nothing_of(streams: &[CapturedStream]) -> Option<(StatusCode, &'static str)> {
    if streams.is_empty() {
        let text = "the call has no media now: it is captured from the moment it is asked for";
        return Some((StatusCode::CONFLICT, text));
    }
    let is_nothing = streams.iter().all(|stream| stream.capture.is_none());
    is_nothing.then_some((StatusCode::SERVICE_UNAVAILABLE, "the media of too many calls is captured already"))
}

fn capture_file(tape: &Tape, media: &[CapturedStream]) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/x-pcapng"));
    ([kind], tape.pcapng(media)).into_response()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(is_captured: bool) -> CapturedStream {
        let local = ([192, 0, 2, 1], 20_000).into();
        CapturedStream { leg: 1, local, origin_unix_micros: 0, capture: is_captured.then(Box::default) }
    }

    #[test]
    fn a_capture_of_some_streams_is_better_than_none() {
        let status = |captured: &[bool]| {
            let streams: Vec<CapturedStream> = captured.iter().map(|captured| stream(*captured)).collect();
            nothing_of(&streams).map(|(status, _)| status)
        };
        assert_eq!(status(&[]), Some(StatusCode::CONFLICT));
        assert_eq!(status(&[false, false]), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!((status(&[true, false]), status(&[true, true])), (None, None));
    }
}
