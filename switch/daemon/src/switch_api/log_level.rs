//! What is logged, changed while the switch runs. A change can have an end, so that debug does not stay on.

use std::time::Duration;

use axum::{Json, http::StatusCode};
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::{clock, logging};

/// The longest that a change can be asked for.
const FOR_SECS_MAX: u32 = 86_400;

/// What is logged now.
#[derive(Debug, Serialize)]
pub(super) struct LogLevel {
    /// In the syntax of tracing's `EnvFilter`.
    filter: String,
    /// What the configuration says.
    configured: String,
    /// When it goes back to that by itself.
    until: Option<Timestamp>,
}

/// What is to be logged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    filter: String,
    for_secs: Option<u32>,
}

pub(super) async fn show() -> Result<Json<LogLevel>, Problem> {
    let log = logging::filter().ok_or_else(Problem::busy)?;
    let logging::Current { filter, until } = log.current();
    Ok(Json(LogLevel { filter, configured: log.configured().to_owned(), until }))
}

pub(super) async fn change(Json(change): Json<Change>) -> Result<Json<LogLevel>, Problem> {
    let log = logging::filter().ok_or_else(Problem::busy)?;
    let wrong = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    if change.for_secs.is_some_and(|secs| secs == 0 || secs > FOR_SECS_MAX) {
        return Err(wrong(format!("for_secs: expected 1 to {FOR_SECS_MAX}")));
    }
    let lasts = change.for_secs.map(|secs| Duration::from_secs(secs.into()));
    let until = change.for_secs.map(|secs| clock::unix_now().plus_micros(i64::from(secs) * 1_000_000));
    let number = log.change(&change.filter, until).map_err(|why| wrong(format!("filter: {why}")))?;
    tracing::info!(filter = change.filter, for_secs = change.for_secs, "what is logged was changed");
    if let Some(lasts) = lasts {
        tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            if log.end_of(number) {
                tracing::info!(filter = log.configured(), "what is logged is as configured again");
            }
        });
    }
    show().await
}
