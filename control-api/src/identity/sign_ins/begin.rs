//! What follows when somebody has proven who they are by the first thing of theirs: tokens, or that a code has to follow.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    model::{ACCESS_SECS, CODE_MINUTES, FirstStep, Known, Tokens, user_agent},
    store,
};
use crate::{
    app::App,
    http::error::ApiError,
    identity::{
        second_factors,
        signing::{Envelope, Purpose},
    },
};

/// What somebody has proven who they are by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Method {
    Password,
    Google,
}

impl Method {
    /// As rows have it (H-041).
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Method::Password => "password",
            Method::Google => "google_login",
        }
    }
}

/// How somebody wants to be signed in.
#[derive(Clone, Debug)]
pub(in crate::identity) struct Wish {
    pub(super) method: Method,
    organisation: Option<Uuid>,
    pub(super) user_agent: Option<String>,
}

impl Wish {
    /// By that, to act in this organisation, by the browser that has sent these headers.
    pub(in crate::identity) fn new(method: Method, organisation: Option<Uuid>, headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self { method, organisation, user_agent: user_agent(agent) }
    }
}

/// A sign-in that has begun.
#[derive(Debug)]
pub(in crate::identity) struct Begun {
    id: Uuid,
    known: Known,
    organisation: Option<Uuid>,
    awaits_code: bool,
}

/// Begins one called `id` for `user`, whose scope it is; `None`: they may not sign in.
pub(in crate::identity) async fn begin(
    c: &mut PgConnection,
    (user, id): (Uuid, Uuid),
    wish: Wish,
) -> Result<Option<Begun>, ApiError> {
    let Some(known) = store::known(c, user).await?.filter(|known| known.is_active) else { return Ok(None) };
    let organisation = known.choose(wish.organisation, None)?;
    let awaits_code = second_factors::is_on(c, user).await?;
    store::add(c, (user, id), (organisation, awaits_code), &wish).await?;
    Ok(Some(Begun { id, known, organisation, awaits_code }))
}

impl Begun {
    /// What whoever it is hears.
    pub(in crate::identity) fn answer(self, app: &App) -> Result<Response, ApiError> {
        if self.awaits_code {
            let token = app.proofs.signing.prove(Purpose::Step, self.id, 1);
            let step = FirstStep { token, expires_in: CODE_MINUTES * 60 };
            return Ok((StatusCode::ACCEPTED, Json(step)).into_response());
        }
        let tokens = tokens(app, self.known, (self.id, self.organisation), 1)?;
        Ok((StatusCode::CREATED, Json(tokens)).into_response())
    }
}

/// The `no`th tokens of the sign-in `id`.
pub(super) fn tokens(
    app: &App,
    known: Known,
    (id, org): (Uuid, Option<Uuid>),
    no: u32,
) -> Result<Tokens, ApiError> {
    let claims = Envelope::new(known.claims(id, org), jiff::Timestamp::now().as_second(), ACCESS_SECS);
    let access_token = app.proofs.signing.sign(&claims);
    Ok(Tokens {
        access_token: access_token.ok_or_else(|| ApiError::Internal("no token can be signed".to_owned()))?,
        token_type: "Bearer",
        expires_in: ACCESS_SECS,
        refresh_token: app.proofs.signing.prove(Purpose::Refresh, id, no),
        sign_in: id,
        me: known.view(org),
    })
}
