//! The second thing that people prove themselves by: codes that their phones make of a secret (TOTP, RFC 6238), each good once, and ten
//! recovery codes for whoever has lost the phone.

pub mod http;
pub mod model;
pub(super) mod store;

use sqlx::PgConnection;
use uuid::Uuid;

use self::model::{FAILURES_MAX, hash_of, totp};
use super::{
    person_events::{self, Action},
    signing::Signing,
};
use crate::http::error::ApiError;

/// Whether `user`, whose scope it is, must show a code.
pub(super) async fn is_on(c: &mut PgConnection, user: Uuid) -> Result<bool, sqlx::Error> {
    Ok(store::held(c, user).await?.is_some_and(|factor| factor.is_confirmed))
}

/// Whether `code` proves that it is `user`, whose scope it is, at `now`, in seconds since 1970 began. It is good no more from then on; and one that
/// proves nothing counts, if this unit of work is through.
pub(super) async fn proves(
    c: &mut PgConnection,
    (signing, now): (&Signing, u64),
    user: Uuid,
    code: &str,
) -> Result<bool, ApiError> {
    let Some(factor) = store::held(c, user).await? else { return Ok(false) };
    let secret = signing.unlock(user, &factor.key_name, &factor.locked);
    if secret.is_none() {
        tracing::error!(key = factor.key_name, "a second factor is locked by a key that is missing");
    }
    if let Some(secret) = secret.filter(|_| factor.failures < FAILURES_MAX)
        && let Some(step) = totp(&secret, "")?.check(code.trim(), now)
        && store::spend_step(c, user, i64::try_from(step).unwrap_or(i64::MAX)).await?
    {
        if factor.key_name != signing.newest() {
            store::relock(c, user, &signing.lock(user, &secret)?).await?;
        }
        return Ok(true);
    }
    if factor.is_confirmed && store::spend_recovery(c, user, &hash_of(user, code)).await? {
        person_events::append(c, (user, user), Action::RecoveryUsed, None).await?;
        return Ok(true);
    }
    store::failed(c, user).await?;
    Ok(false)
}
