//! The password once more: whoever changes what they prove themselves by shows it, because a browser that is signed in may be anybody's who finds it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::sign_ins;
use crate::{app::App, database::Scope, http::error::ApiError};

/// What whoever does not prove it hears.
pub(super) const WRONG: ApiError = ApiError::Refused("wrong password or code");

/// A password that is right.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// What its account is called.
    pub(super) account: String,
    hash: String,
}

/// Whether it is `user`'s, at most as often as codes are tried.
pub(super) async fn password(app: &App, user: Uuid, password: String) -> Result<Shown, ApiError> {
    app.proofs.spend_code(user)?;
    let scope = Scope::Person(user);
    let found = app.database.read(scope, move |c| Box::pin(sign_ins::store::account(c, user))).await?;
    let none = "you have no password: set one as if it was forgotten";
    let (account, hash) = found.ok_or(ApiError::Conflict(none))?;
    let is_right = app.proofs.passwords.matches(password, Some(hash.clone())).await?;
    if is_right { Ok(Shown { account, hash }) } else { Err(WRONG) }
}

impl Shown {
    /// It may have been set anew while it was compared.
    pub(super) async fn still(&self, c: &mut PgConnection, user: Uuid) -> Result<(), ApiError> {
        if sign_ins::store::has_password(c, user, &self.hash).await? { Ok(()) } else { Err(WRONG) }
    }
}
