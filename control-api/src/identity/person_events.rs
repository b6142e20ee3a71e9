//! What was done to what people prove themselves by: written down, and told to them by a letter, in the unit of work that does it. The record
//! (`platform::audit`) is for what is an organisation's.

mod http;
mod model;
mod store;

use contract::language::Language;
use sqlx::PgConnection;
use uuid::Uuid;

pub use http::routes;

use super::letters::{self, Kind, New};
use crate::{database::enter_login, http::error::ApiError, identifier};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A code is asked for from now on.
    FactorOn,
    /// None is any more.
    FactorOff,
    /// The platform's staff have taken it away.
    FactorReset,
    /// In the place of a code.
    RecoveryUsed,
    /// An account of the provider of sign-ins is a way in.
    GoogleLinked,
    /// It is none any more.
    GoogleUnlinked,
}

impl Action {
    /// For programs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Action::FactorOn => "second_factor.on",
            Action::FactorOff => "second_factor.off",
            Action::FactorReset => "second_factor.reset",
            Action::RecoveryUsed => "second_factor.recovery_code_used",
            Action::GoogleLinked => "google.linked",
            Action::GoogleUnlinked => "google.unlinked",
        }
    }
}

/// It is written down that `actor`, they themselves or one of the staff, has done it to `user`. The unit of work is in the actor's scope.
pub(super) async fn append(
    c: &mut PgConnection,
    (user, actor): (Uuid, Uuid),
    action: Action,
    reason: Option<&str>,
) -> Result<(), ApiError> {
    Ok(store::add(c, identifier::fresh()?, (user, actor), (action.as_str(), reason)).await?)
}

/// They are told of it, if they have an address.
pub(super) async fn tell(
    c: &mut PgConnection,
    user: Uuid,
    action: Action,
    language: Language,
) -> Result<(), ApiError> {
    let Some(address) = store::address(c, user).await? else { return Ok(()) };
    enter_login(c, &address).await?;
    let letter = New { id: identifier::fresh()?, address, language, kind: Kind::Told(action.as_str()) };
    Ok(letters::store::write(c, &letter).await?)
}
