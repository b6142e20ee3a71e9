//! Guests (H-009, H-010, H-020, H-022, HX-17): people who enter an organisation by its QR code and say a name. Two of one name are two
//! people; whoever comes with Google is the one that they were before. Where somebody is a guest is a session: one organisation until they
//! leave, 24 hours after the last use at most.

mod by_google;
mod entrance;
pub mod http;
pub mod model;
pub mod rates;
pub(super) mod store;

use contract::id::OrgId;
use uuid::Uuid;

use self::model::Session;
use super::signing::Purpose;
use crate::{app::App, database::Scope, http::error::ApiError};

/// Hours that a session lasts after its last use.
pub const SESSION_HOURS: i32 = 24;

/// What is told where an organisation is there and nobody may do anything in it.
const NOT_OPEN: ApiError = ApiError::NotForYou("this organisation takes no calls at the moment");

/// Whoever is in as a guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Where.
    pub org: OrgId,
    /// Who.
    pub user: Uuid,
    /// What they call themselves.
    pub name: String,
    /// Their session.
    pub session: Uuid,
}

/// Who the bearer of the token is; `None` when it is none of ours, or the guest has left.
pub(crate) async fn authenticate(app: &App, token: &str) -> Result<Option<Guest>, ApiError> {
    let Some(session) = session(app, token).await? else { return Ok(None) };
    if !session.is_approved {
        return Err(NOT_OPEN);
    }
    let Session { id, org_id, user_id, name, .. } = session;
    Ok(Some(Guest { org: OrgId(org_id), user: user_id, name, session: id }))
}

/// The session of the token, which is used by this.
async fn session(app: &App, token: &str) -> Result<Option<Session>, ApiError> {
    let Some((id, _)) = app.proofs.signing.proven(Purpose::Guest, token) else { return Ok(None) };
    Ok(app.database.write(Scope::Guest(id), move |c| Box::pin(store::used(c, id))).await?)
}

/// The token of a session, the same each time.
fn token(app: &App, session: Uuid) -> String {
    app.proofs.signing.prove(Purpose::Guest, session, 0)
}
