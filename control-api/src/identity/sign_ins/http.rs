//! The doors: `/api/identity/sign-ins`, `/api/identity/tokens` and `/api/identity/me`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    begin::{Method, Wish, begin, tokens},
    model::{FirstStep, Known, Me, Place, Refresh, SecondStep, SignIn, Tokens},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Person,
        error::ApiError,
        extract::{Change, Path},
        source::Source,
    },
    identifier,
    identity::{Proofs, second_factors, signing::Purpose, unhurried::unhurried},
    instant::Instant,
};

/// What whoever does not prove who they are hears, whatever it is that is not so (H-008).
const WRONG: ApiError = ApiError::Refused("wrong e-mail address or password");

/// The same of whoever shows no code that is good.
const WRONG_CODE: ApiError = ApiError::Refused("wrong code, or too late");

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in, list, sign_out_everywhere))
        .routes(routes!(sign_out))
        .routes(routes!(second_step))
        .routes(routes!(refresh))
        .routes(routes!(me))
}

/// Sign in with e-mail address and password
///
/// What is wrong with them is not told, also where the address is not verified yet. Whoever has a second factor shows a code in another step.
#[utoipa::path(post, path = "/api/identity/sign-ins", tag = "identity",
    request_body = SignIn,
    responses((status = 201, description = "Signed in", body = Tokens),
        (status = 202, description = "The password is right; a code has to follow", body = FirstStep)))]
async fn sign_in(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    asked: Change,
) -> Result<Response, ApiError> {
    let SignIn { email, password, organisation } = asked.body::<SignIn>()?.check()?;
    app.proofs.spend_try(&source, &email)?;
    let proven = unhurried(proven(&app, email, password)).await?;
    let (id, wish) = (identifier::fresh()?, Wish::new(Method::Password, organisation, &headers));
    let begun = app.database.change(Scope::Person(proven.0), move |c| {
        Box::pin(async move {
            let (user, hash) = proven;
            if !store::has_password(c, user, &hash).await? {
                return Err(WRONG);
            }
            begin(c, (user, id), wish).await?.ok_or(WRONG)
        })
    });
    begun.await?.answer(&app)
}

/// Whose address and password these are, and the hash by which they are.
async fn proven(app: &App, email: String, password: String) -> Result<(Uuid, String), ApiError> {
    let stored = app.database.read(Scope::Nothing, |c| Box::pin(store::password_of(c, email))).await?;
    let (user, hash) = stored.unzip();
    let is_right = app.proofs.passwords.matches(password, hash.clone()).await?;
    user.zip(hash).filter(|_| is_right).ok_or(WRONG)
}

/// Sign in, the second step: a code of the phone, or a recovery code
#[utoipa::path(post, path = "/api/identity/sign-ins/second-step", tag = "identity",
    request_body = SecondStep,
    responses((status = 201, description = "Signed in", body = Tokens)))]
async fn second_step(State(app): State<App>, asked: Change) -> Result<(StatusCode, Json<Tokens>), ApiError> {
    let SecondStep { token, code } = asked.body()?;
    let (id, _) = app.proofs.signing.proven(Purpose::Step, &token).ok_or(WRONG_CODE)?;
    let proofs = Arc::clone(&app.proofs);
    let done = app.database.change(Scope::Nothing, move |c| Box::pin(complete(c, proofs, id, code)));
    let (known, org) = done.await?.ok_or(WRONG_CODE)?;
    Ok((StatusCode::CREATED, Json(tokens(&app, known, (id, org), 1)?)))
}

/// None: the code is not good, which counts.
async fn complete(
    c: &mut PgConnection,
    proofs: Arc<Proofs>,
    id: Uuid,
    code: String,
) -> Result<Option<(Known, Option<Uuid>)>, ApiError> {
    let Some(user) = store::whose(c, id).await? else { return Ok(None) };
    let Some(before) = store::hold_waiting(c, id).await? else { return Ok(None) };
    proofs.spend_code(user)?;
    if !second_factors::proves(c, (&proofs.signing, Instant::now().seconds()), user, &code).await? {
        return Ok(None);
    }
    let Some(known) = store::known(c, user).await?.filter(|known| known.is_active) else { return Ok(None) };
    let org = known.choose(None, before)?;
    store::complete(c, (user, id)).await?;
    Ok(Some((known, org)))
}

/// The next tokens, also for another organisation
///
/// The refresh token that was sent is good no more; when it comes again, the sign-in is over.
#[utoipa::path(post, path = "/api/identity/tokens", tag = "identity",
    request_body = Refresh,
    responses((status = 200, description = "New tokens", body = Tokens)))]
async fn refresh(State(app): State<App>, asked: Change) -> Result<Json<Tokens>, ApiError> {
    let asked = asked.body::<Refresh>()?;
    let proven = app.proofs.signing.proven(Purpose::Refresh, &asked.refresh_token);
    let (id, no) = proven.ok_or(ApiError::Unauthorized)?;
    let wish = asked.organisation;
    let done = app.database.change(Scope::Nothing, move |c| Box::pin(go_on(c, (id, no), wish)));
    let (known, org) = done.await?.ok_or(ApiError::Unauthorized)?;
    Ok(Json(tokens(&app, known, (id, org), no.saturating_add(1))?))
}

/// None: it is not good, and if it was once, the sign-in has been ended by it.
async fn go_on(
    c: &mut PgConnection,
    (id, no): (Uuid, u32),
    wish: Option<Uuid>,
) -> Result<Option<(Known, Option<Uuid>)>, ApiError> {
    let Some(user) = store::whose(c, id).await? else { return Ok(None) };
    let Some((good, before)) = store::hold(c, id).await? else { return Ok(None) };
    if u32::try_from(good) != Ok(no) {
        store::revoke(c, user, Some(id), "refresh_reused").await?;
        tracing::warn!(sign_in = %id, "a refresh token came twice: the sign-in is over");
        return Ok(None);
    }
    let Some(known) = store::known(c, user).await?.filter(|known| known.is_active) else { return Ok(None) };
    let org = known.choose(wish, before)?;
    store::refreshed(c, id, org).await?;
    Ok(Some((known, org)))
}

/// Who I am, and where I belong
#[utoipa::path(get, path = "/api/identity/me", tag = "identity",
    security(("sign_in" = [])),
    responses((status = 200, description = "The person that has signed in", body = Me)))]
async fn me(State(app): State<App>, person: Person) -> Result<Json<Me>, ApiError> {
    let user = person.user;
    let known = app.database.read(Scope::Person(user), move |c| Box::pin(store::known(c, user))).await?;
    known.map(|known| Json(known.view(person.organisation))).ok_or(ApiError::Unauthorized)
}

/// Where I am signed in
#[utoipa::path(get, path = "/api/identity/sign-ins", tag = "identity",
    security(("sign_in" = [])),
    responses((status = 200, description = "All places, the one used last first", body = Vec<Place>)))]
async fn list(State(app): State<App>, person: Person) -> Result<Json<Vec<Place>>, ApiError> {
    let (user, current) = (person.user, person.sign_in);
    let scope = Scope::Person(user);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, user, current))).await?;
    Ok(Json(rows))
}

/// Sign out, here or elsewhere
#[utoipa::path(delete, path = "/api/identity/sign-ins/{id}", tag = "identity",
    security(("sign_in" = [])),
    params(("id" = Uuid, Path, description = "The sign-in")),
    responses((status = 204, description = "It is over, with all its tokens")))]
async fn sign_out(
    State(app): State<App>,
    person: Person,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    match revoke(&app, person.user, Some(id)).await? {
        0 => Err(ApiError::NotFound),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Sign out everywhere, here too
#[utoipa::path(delete, path = "/api/identity/sign-ins", tag = "identity",
    security(("sign_in" = [])),
    responses((status = 204, description = "All are over, with all their tokens")))]
async fn sign_out_everywhere(State(app): State<App>, person: Person) -> Result<StatusCode, ApiError> {
    revoke(&app, person.user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(app: &App, user: Uuid, id: Option<Uuid>) -> Result<u64, ApiError> {
    let scope = Scope::Person(user);
    let done = app.database.write(scope, move |c| Box::pin(store::revoke(c, user, id, "signed_out")));
    Ok(done.await?)
}
