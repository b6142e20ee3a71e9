//! A recording as the store has it: locked. Who has the private key opens it (`sambung recording fetch`). A message in a mailbox the
//! switch opens itself, for mails about it; and a recording, for whoever listens over HTTP, as long as nobody has taken the key that the
//! switch has made for itself out of its folder (decision 0057).

use std::{io::Cursor, ops::Range};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use recorder::{
    key::PrivateKey,
    sealed::{self, SealedError},
};
use sounds::SOUND_BYTES_MAX;
use tokio::sync::Semaphore;

use super::{Problem, Switch};
use crate::recordings::OWN_KEY;

/// Octets of a recording that is unlocked in memory: 36 minutes of WAV, 3 hours of Opus.
const UNLOCKED_BYTES_MAX: usize = 64 << 20;
/// Recordings that are unlocked at once.
const UNLOCKING_MAX: usize = 2;
static UNLOCKING: Semaphore = Semaphore::const_new(UNLOCKING_MAX);

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

/// The sound of a recording, or the part of it that is asked for (RFC 9110 §14).
pub(super) async fn sound(
    State(switch): State<Switch>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let busy = "too many recordings are unlocked just now";
    let _place = UNLOCKING.try_acquire().map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, busy))?;
    let found = switch.store.get_whole(&key, UNLOCKED_BYTES_MAX).await;
    let found = found.map_err(|error| {
        Problem::new(StatusCode::BAD_GATEWAY, format!("the store does not give it: {error}"))
    })?;
    let none = "the store has no such recording, or one that is too long to be unlocked in memory";
    let locked = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, none))?;
    let own_key = switch.data_dir.join(OWN_KEY);
    let opened = tokio::task::spawn_blocking(move || {
        let own = PrivateKey::read(&own_key).map_err(|_| StatusCode::CONFLICT)?;
        let mut file = Cursor::new(Vec::new());
        match sealed::open(&*locked, &[own], &mut file) {
            Ok(_) => Ok(file.into_inner()),
            Err(SealedError::OtherKey { .. }) => Err(StatusCode::CONFLICT),
            Err(_) => Err(StatusCode::BAD_GATEWAY),
        }
    });
    let opened = opened.await.unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR));
    let octets = opened.map_err(|status| {
        tracing::warn!(key, %status, "a recording cannot be unlocked");
        Problem::new(status, "it cannot be unlocked here: its key is kept elsewhere, or it is damaged")
    })?;
    tracing::info!(key, "a recording was heard");
    Ok(part_of(octets, headers.get(header::RANGE).and_then(|value| value.to_str().ok())))
}

fn part_of(octets: Vec<u8>, wanted: Option<&str>) -> Response {
    let whole = octets.len();
    match wanted.and_then(|wanted| range(wanted, whole)) {
        None => (StatusCode::OK, octets).into_response(),
        Some(part) if part.is_empty() => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{whole}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, size).into_response()
        }
        Some(part) => {
            let place = format!("bytes {}-{}/{whole}", part.start, part.end.saturating_sub(1));
            let octets = octets.get(part).unwrap_or_default().to_vec();
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], octets).into_response()
        }
    }
}

/// The one range of octets that `Range` asks for (RFC 9110 §14.1.2), empty where there are none such; `None`: all, because it asks for several
/// or is not understood.
fn range(wanted: &str, whole: usize) -> Option<Range<usize>> {
    let (first, last) = wanted.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => Some(first.min(whole)..last.saturating_add(1).min(whole)),
        (Ok(first), Err(_)) if last.is_empty() => Some(first.min(whole)..whole),
        (Err(_), Ok(length)) if first.is_empty() => Some(whole.saturating_sub(length)..whole),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_there_is_of_it() {
        for (wanted, part) in [
            ("bytes=0-1", Some(0..2)),
            ("bytes=8-", Some(8..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-30", Some(0..10)),
            ("bytes=9-99", Some(9..10)),
            ("bytes=10-", Some(10..10)),
            ("bytes=18446744073709551615-18446744073709551615", Some(10..10)),
            ("bytes=-0", Some(10..10)),
            ("bytes=3-1", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("seconds=0-1", None),
        ] {
            assert_eq!(range(wanted, 10), part, "{wanted}");
        }
    }
}
