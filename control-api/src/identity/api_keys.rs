//! Keys of programs: made, rotated and revoked, and who bears one.

pub mod http;
mod model;
mod store;

use std::net::IpAddr;

use crate::{
    database::{Database, DatabaseError, Scope},
    http::actor::Actor,
};

pub use super::permission::Permission;
pub use model::{PREFIX, PresentedKey};

/// Who the bearer of `token` is that asks from `address`; `None` when the token is none of ours, revoked, expired, not good from there, or
/// its organisation is not approved.
pub async fn authenticate(
    database: &Database,
    token: &str,
    address: IpAddr,
) -> Result<Option<Actor>, DatabaseError> {
    let Some(presented) = PresentedKey::parse(token) else { return Ok(None) };
    let (id, scope) = (presented.id, Scope::PresentedKey(presented.id));
    let stored = database.read(scope, move |c| Box::pin(store::find(c, id, address))).await?;
    if !presented.matches(stored.as_ref().map(|key| key.key_hash.as_slice())) {
        return Ok(None);
    }
    let Some(key) = stored.filter(|key| key.is_usable) else { return Ok(None) };
    if !key.is_told {
        let (org, scope) = (key.org, Scope::Organisation(key.org));
        let told = database.write(scope, move |c| Box::pin(store::used(c, org, id))).await;
        if let Err(error) = told {
            tracing::warn!(key = %id, %error, "it could not be written down that a key is used");
        }
    }
    Ok(Some(key.into_actor()))
}
