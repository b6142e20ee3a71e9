//! A recording as the store has it: locked. Who has the private key opens it (`sambung recording fetch`). A message in a mailbox the
//! switch opens itself, for mails about it.

use std::io::Cursor;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use recorder::sealed;
use sounds::SOUND_BYTES_MAX;

use super::{Problem, Switch};

pub(super) async fn object(
    State(switch): State<Switch>,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    match switch.store.get(&key).await {
        Ok(Some(octets)) => {
            // Who listens to what is something an operator must be able to find out (HX-22).
            tracing::info!(key, "a recording was fetched");
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            Ok(([kind], Body::from_stream(octets)).into_response())
        }
        Ok(None) => Err(Problem::new(StatusCode::NOT_FOUND, "the store has no such recording")),
        Err(error) => {
            tracing::warn!(key, %error, "the store does not give a recording");
            Err(Problem::new(StatusCode::BAD_GATEWAY, format!("the store does not give it: {error}")))
        }
    }
}

pub(super) async fn message(
    State(switch): State<Switch>,
    Path(key): Path<String>,
) -> Result<Response, Problem> {
    let away = |reason: String| {
        tracing::warn!(key, reason, "a message cannot be unlocked");
        Problem::new(StatusCode::BAD_GATEWAY, reason)
    };
    let found =
        switch.store.get_whole(&key, SOUND_BYTES_MAX).await.map_err(|error| away(error.to_string()))?;
    let none = || Problem::new(StatusCode::NOT_FOUND, "the store has no such message, or it is too large");
    let (locked, unlocks) = (found.ok_or_else(none)?, switch.messages_key);
    let opened = tokio::task::spawn_blocking(move || {
        let mut file = Cursor::new(Vec::new());
        sealed::open(&*locked, std::slice::from_ref(&*unlocks), &mut file).map(|_| file.into_inner())
    });
    match opened.await {
        Ok(Ok(octets)) => {
            tracing::info!(key, "a message was fetched");
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], octets).into_response())
        }
        // Whatever else the store has is not ours to open.
        Ok(Err(error)) => {
            tracing::warn!(key, %error, "a message cannot be unlocked");
            Err(none())
        }
        Err(error) => Err(away(error.to_string())),
    }
}
