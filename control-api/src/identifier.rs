//! Identifiers of new things: UUIDs of version 7, so that no key tells how many rows exist and new rows stand together. And what nobody
//! can guess.

use contract::{id::of_a_time, time::Timestamp};
use uuid::Uuid;

use crate::http::error::ApiError;

/// One that nothing has. Fails when the system gives no random bytes.
pub fn fresh() -> Result<Uuid, ApiError> {
    Ok(of_a_time(Timestamp(jiff::Timestamp::now().as_microsecond()), random()?))
}

/// Random octets. Fails when the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| ApiError::Internal(format!("no randomness: {error}")))?;
    Ok(octets)
}
