//! Keys of programs.

mod model;
mod store;

use crate::{
    database::{Database, DatabaseError, Scope},
    http::actor::Actor,
};

pub use super::permission::Permission;
pub use model::{PREFIX, PresentedKey};

/// Who the bearer of `token` is; `None` when the token is none of ours, revoked, expired, or its organisation
/// is not approved.
pub async fn authenticate(database: &Database, token: &str) -> Result<Option<Actor>, DatabaseError> {
    let Some(presented) = PresentedKey::parse(token) else { return Ok(None) };
    let scope = Scope::PresentedKey(presented.id);
    let stored =
        database.read(scope, move |connection| Box::pin(store::find(connection, presented.id))).await?;
    if !presented.matches(stored.as_ref().map(|key| key.key_hash.as_slice())) {
        return Ok(None);
    }
    Ok(stored.filter(|key| key.is_usable).map(model::StoredKey::into_actor))
}
