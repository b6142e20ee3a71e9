//! A request that a client sends again, because it has not heard the answer, has no second effect: with the header
//! `Idempotency-Key` it gets the answer that the first one got (draft-ietf-httpapi-idempotency-key-header). Only what was done is
//! kept, for [`KEPT_HOURS`]; a request that was refused changed nothing and is judged anew.

mod store;

use sqlx::PgConnection;

use super::audit::Actor;
use crate::http::{
    answer::Answer,
    error::{ApiError, FieldError},
    extract::Once,
};

/// How long the answers to named requests are kept.
pub const KEPT_HOURS: i32 = 24;

/// The answer that this request has got before. Another request of the same name is refused, and so is one that comes while the
/// first is being carried out.
pub(super) async fn answered(
    c: &mut PgConnection,
    actor: Actor,
    once: &Once,
) -> Result<Option<Answer>, ApiError> {
    if !store::lock(c, actor, &once.key).await? {
        return Err(ApiError::Conflict("a request with this Idempotency-Key is being carried out"));
    }
    let Some((hash, answer)) = store::find(c, actor, &once.key).await? else { return Ok(None) };
    if hash != once.request_hash {
        let error = FieldError::new("Idempotency-Key", "was used for another request");
        return Err(ApiError::Unprocessable(vec![error]));
    }
    serde_json::from_str(&answer).map(Some).map_err(|error| ApiError::Internal(error.to_string()))
}

/// Keeps the answer, and forgets what has been kept for long enough.
pub(super) async fn keep(
    c: &mut PgConnection,
    actor: Actor,
    once: &Once,
    answer: &Answer,
) -> Result<(), ApiError> {
    let answer = serde_json::to_string(answer).map_err(|error| ApiError::Internal(error.to_string()))?;
    store::forget_old(c, actor).await?;
    Ok(store::keep(c, actor, once, &answer).await?)
}
