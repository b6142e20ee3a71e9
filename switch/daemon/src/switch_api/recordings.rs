//! A recording as the store has it: locked. Who has the private key opens it (`sambung recording fetch`). A message in a mailbox the
//! switch opens itself, for mails about it; and a recording, for whoever listens over HTTP, as long as nobody has taken the key that the
//! switch has made for itself out of its folder (decision 0057).

use std::{
    io::Cursor,
    ops::Range,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use recorder::{
    key::PrivateKey,
    sealed::{self, SealedError},
};
use sounds::SOUND_BYTES_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{Problem, Switch, events::Portions};
use crate::recordings::OWN_KEY;

/// Octets of a recording that is unlocked in memory: 36 minutes of WAV, 3 hours of Opus.
const UNLOCKED_BYTES_MAX: usize = 64 << 20;
/// Recordings that are unlocked at once.
const UNLOCKING_MAX: usize = 2;
static UNLOCKING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(UNLOCKING_MAX)));
/// Octets of recordings that are unlocked and have not been taken yet.
const HELD_BYTES_MAX: usize = 128 << 20;
/// What they are counted in.
const HELD_UNIT_BYTES: usize = 64 << 10;
static HELD: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(HELD_BYTES_MAX / HELD_UNIT_BYTES)));
/// Octets that are given to a listener at a time. They are copies: what is on its way does not keep the rest.
const PORTION_BYTES: usize = 64 << 10;
/// A listener that takes nothing for so long is closed; it comes back by `Range`.
const STALLED_MAX: Duration = Duration::from_secs(30);

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
    let busy = || {
        let problem = "too many recordings are unlocked just now";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, problem)
    };
    let place = Arc::clone(&UNLOCKING).try_acquire_owned().map_err(|_| busy())?;
    let found = switch.store.get_whole(&key, UNLOCKED_BYTES_MAX).await;
    let found = found.map_err(|error| {
        Problem::new(StatusCode::BAD_GATEWAY, format!("the store does not give it: {error}"))
    })?;
    let none = "the store has no such recording, or one that is too long to be unlocked in memory";
    let locked = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, none))?;
    let room = room(&HELD, locked.len()).ok_or_else(busy)?;
    let own_key = switch.data_dir.join(OWN_KEY);
    let opened = tokio::task::spawn_blocking(move || {
        // It goes on when nobody waits for it any more, and so does what it takes.
        let _place = place;
        let own = PrivateKey::read(&own_key).map_err(|_| StatusCode::CONFLICT)?;
        let mut file = Cursor::new(Vec::with_capacity(locked.len()));
        match sealed::open(&*locked, &[own], &mut file) {
            Ok(_) => Ok(Unlocked { octets: file.into_inner(), _room: room }),
            Err(SealedError::OtherKey { .. }) => Err(StatusCode::CONFLICT),
            Err(_) => Err(StatusCode::BAD_GATEWAY),
        }
    });
    let opened = opened.await.unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR));
    let unlocked = opened.map_err(|status| {
        tracing::warn!(key, %status, "a recording cannot be unlocked");
        Problem::new(status, "it cannot be unlocked here: its key is kept elsewhere, or it is damaged")
    })?;
    tracing::info!(key, "a recording was heard");
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    Ok(part_of(unlocked, wanted, STALLED_MAX))
}

/// A recording in memory, and the room that it takes there.
struct Unlocked {
    octets: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// Room for so many octets; `None`: there is none.
fn room(held: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let units = u32::try_from(bytes.div_ceil(HELD_UNIT_BYTES)).ok()?;
    Arc::clone(held).try_acquire_many_owned(units).ok()
}

fn part_of(unlocked: Unlocked, wanted: Option<&str>, stalled_max: Duration) -> Response {
    let whole = unlocked.octets.len();
    let (status, part, place) = match wanted.and_then(|wanted| range(wanted, whole)) {
        None => (StatusCode::OK, 0..whole, None),
        Some(part) if part.is_empty() => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{whole}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, size).into_response();
        }
        Some(part) => {
            let place = format!("bytes {}-{}/{whole}", part.start, part.end.saturating_sub(1));
            (StatusCode::PARTIAL_CONTENT, part, Some([(header::CONTENT_RANGE, place)]))
        }
    };
    let kind = (header::CONTENT_TYPE, "application/octet-stream".to_owned());
    let headers = [kind, (header::CONTENT_LENGTH, part.len().to_string())];
    let (portions, taken) = mpsc::channel(1);
    tokio::spawn(give(unlocked, part, portions, stalled_max));
    (status, headers, place, Body::new(Portions(taken))).into_response()
}

/// Gives a part to a listener as it is taken. One that stands still gets no more, which its length tells it.
async fn give(unlocked: Unlocked, part: Range<usize>, portions: mpsc::Sender<Bytes>, stalled_max: Duration) {
    for portion in unlocked.octets.get(part).unwrap_or_default().chunks(PORTION_BYTES) {
        let given = portions.send_timeout(Bytes::copy_from_slice(portion), stalled_max);
        if given.await.is_err() {
            return;
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

    #[tokio::test]
    async fn who_takes_nothing_of_a_recording_keeps_its_memory_until_they_are_closed_and_no_longer() {
        let held = Arc::new(Semaphore::new(2));
        let unlock = |octets: Vec<u8>| Unlocked { _room: room(&held, octets.len()).unwrap(), octets };
        // The handler has returned; nothing is taken.
        let response = part_of(unlock(vec![7; 2 * HELD_UNIT_BYTES]), Some("bytes=1-"), STALLED_MAX);
        tokio::task::yield_now().await;
        assert!(room(&held, 1).is_none());
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "131071");
        let taken = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(taken.len() == 131_071 && taken.iter().all(|octet| *octet == 7));
        let all = || async { held.acquire_many(2).await.map(drop) };
        all().await.unwrap();
        // One that stands still, and is still there.
        let stalled = part_of(unlock(vec![7; 2 * HELD_UNIT_BYTES]), None, Duration::ZERO);
        all().await.unwrap();
        let rest = axum::body::to_bytes(stalled.into_body(), usize::MAX).await.unwrap();
        assert_eq!(rest.len(), PORTION_BYTES);
        // One that has gone.
        drop(part_of(unlock(vec![7; 2 * HELD_UNIT_BYTES]), None, STALLED_MAX));
        all().await.unwrap();
    }

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
