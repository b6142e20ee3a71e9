//! Where people are signed in (H-007, H-008, S-040): from the first proof, through access tokens of a few hours and the refresh
//! tokens that follow each other, until it is revoked or over. What an access token permits is what its bearer may now: it is
//! looked at with every request, and one that was made before a right was taken away is not good any more.

pub(in crate::identity) mod begin;
pub mod http;
pub mod model;
pub(super) mod store;

use std::collections::BTreeSet;

use contract::id::OrgId;
use sqlx::PgConnection;
use uuid::Uuid;

use self::model::{Claims, Standing};
use super::{permission::Permission, signing::Envelope};
use crate::{app::App, database::Scope, http::error::ApiError};

/// Somebody who has signed in, and not out again.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) user: Uuid,
    /// Where.
    pub(crate) sign_in: Uuid,
    /// Whether they are of the platform's staff.
    pub(crate) is_staff: bool,
    /// For which organisation, and what they may there.
    pub(crate) acts: Option<(OrgId, BTreeSet<Permission>)>,
}

/// Ends all of `user`'s, whose scope it is.
pub(super) async fn revoke_all(
    c: &mut PgConnection,
    user: Uuid,
    why: &'static str,
) -> Result<(), sqlx::Error> {
    store::revoke(c, user, None, why).await.map(drop)
}

/// Who the bearer of the access token is; `None` when it is none of ours, over, revoked, or of before a change of rights.
pub(crate) async fn authenticate(app: &App, token: &str) -> Result<Option<SignedIn>, ApiError> {
    let Some(Envelope { claims, .. }) = app.proofs.signing.verify::<Envelope<Claims>>(token) else {
        return Ok(None);
    };
    let (user, sign_in) = (claims.sub, claims.sid);
    let scope = Scope::Person(user);
    let standing = app.database.read(scope, move |c| Box::pin(store::standing(c, user, sign_in))).await?;
    let is_so = |standing: &Standing| standing.epoch() == claims.epoch && standing.org_id == claims.org;
    let Some(standing) = standing.filter(is_so) else {
        return Ok(None);
    };
    Ok(Some(SignedIn { user, sign_in, is_staff: standing.is_staff, acts: standing.acts() }))
}
