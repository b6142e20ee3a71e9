//! Identifiers of new things: UUIDs of version 7, so that no key tells how many rows exist and new rows stand together.

use contract::{id::of_a_time, time::Timestamp};
use uuid::Uuid;

use crate::http::error::ApiError;

/// One that nothing has. Fails when the system gives no random bytes.
pub fn fresh() -> Result<Uuid, ApiError> {
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).map_err(|error| ApiError::Internal(format!("no randomness: {error}")))?;
    Ok(of_a_time(Timestamp(jiff::Timestamp::now().as_microsecond()), random))
}
