//! The doors: `/api/identity/google` for whoever comes back from the provider, and `/api/identity/me/google` for whoever has signed in.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    arrival::{WRONG, arrive, attach},
    model::{Authorization, GoogleSignIn, Link, Linking, Methods, Unlinking},
    store,
    visit::{self, Aim},
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Person, error::ApiError, extract::Change, source::Source},
    identifier,
    identity::{
        person_events::{self, Action},
        shown,
        sign_ins::{
            begin::{Method, Wish, begin},
            model::{FirstStep, Tokens},
        },
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(methods))
        .routes(routes!(authorize))
        .routes(routes!(sign_in))
        .routes(routes!(show))
        .routes(routes!(link))
        .routes(routes!(unlink))
}

/// Which ways to sign in there are
#[utoipa::path(get, path = "/api/identity/sign-in-methods", tag = "identity",
    responses((status = 200, description = "What a page for signing in offers", body = Methods)))]
async fn methods(State(app): State<App>) -> Json<Methods> {
    Json(Methods { password: true, google: app.openid.is_some() })
}

/// Go and sign in with Google
///
/// The browser keeps the token and goes to the address. It comes back to `/sign-in/google` of the console, with `state` and `code` in its address.
#[utoipa::path(post, path = "/api/identity/google/authorizations", tag = "identity",
    responses((status = 201, description = "Where to go", body = Authorization),
        (status = 503, description = "No provider is configured, or it does not answer", body = crate::http::error::Problem,
            content_type = "application/problem+json")))]
async fn authorize(
    State(app): State<App>,
    Extension(source): Extension<Source>,
) -> Result<(StatusCode, Json<Authorization>), ApiError> {
    app.proofs.spend_visit(&source)?;
    Ok((StatusCode::CREATED, Json(visit::begin(&app, Aim::Account).await?)))
}

/// Sign in with what the browser has come back with
///
/// Whoever has an account with an address that the provider has verified gets into that; whoever has none gets one. A second factor is asked for here, too.
#[utoipa::path(post, path = "/api/identity/google/sign-ins", tag = "identity",
    request_body = GoogleSignIn,
    responses((status = 201, description = "Signed in", body = Tokens),
        (status = 202, description = "A code has to follow", body = FirstStep),
        (status = 409, description = "The account signs in with another Google account", body = crate::http::error::Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "No provider is configured, or it does not answer", body = crate::http::error::Problem,
            content_type = "application/problem+json")))]
async fn sign_in(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    asked: Change,
) -> Result<Response, ApiError> {
    let GoogleSignIn { visit, organisation, language } = asked.body()?;
    app.proofs.spend_visit(&source)?;
    let proven = visit::end(&app, Aim::Account, visit).await?;
    let (id, fresh) = (identifier::fresh()?, identifier::fresh()?);
    let wish = Wish::new(Method::Google, organisation, &headers);
    let begun = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let user = arrive(c, &proven, fresh, language).await?;
            begin(c, (user, id), wish).await?.ok_or(WRONG)
        })
    });
    begun.await?.answer(&app)
}

/// Whether I sign in with Google
#[utoipa::path(get, path = "/api/identity/me/google", tag = "identity",
    security(("sign_in" = [])),
    responses((status = 200, description = "How it stands", body = Link)))]
async fn show(State(app): State<App>, person: Person) -> Result<Json<Link>, ApiError> {
    let user = person.user;
    let found = app.database.read(Scope::Person(user), move |c| Box::pin(store::link_of(c, user))).await?;
    Ok(Json(found))
}

/// Sign in with Google from now on, too
///
/// With what the browser has come back with from the same visit as for a sign-in. The account there may have another address.
#[utoipa::path(post, path = "/api/identity/me/google/link", tag = "identity",
    security(("sign_in" = [])),
    request_body = Linking,
    responses((status = 204, description = "It is a way in"),
        (status = 409, description = "It is somebody's already, or there is another one", body = crate::http::error::Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "No provider is configured, or it does not answer", body = crate::http::error::Problem,
            content_type = "application/problem+json")))]
async fn link(State(app): State<App>, person: Person, asked: Change) -> Result<StatusCode, ApiError> {
    let Linking { visit, password, language } = asked.body()?;
    let (user, shown) = (person.user, shown::password(&app, person.user, password).await?);
    let proven = visit::end(&app, Aim::Account, visit).await?;
    let done = app.database.change(Scope::Person(user), move |c| {
        Box::pin(async move {
            shown.still(c, user).await?;
            attach(c, user, &proven, language).await
        })
    });
    done.await.map(|()| StatusCode::NO_CONTENT)
}

/// Do not sign in with Google any more
#[utoipa::path(post, path = "/api/identity/me/google/unlink", tag = "identity",
    security(("sign_in" = [])),
    request_body = Unlinking,
    responses((status = 204, description = "The password is the only way in"),
        (status = 409, description = "It is the only way in, or it was none", body = crate::http::error::Problem,
            content_type = "application/problem+json")))]
async fn unlink(State(app): State<App>, person: Person, asked: Change) -> Result<StatusCode, ApiError> {
    let Unlinking { password, language } = asked.body()?;
    let (user, shown) = (person.user, shown::password(&app, person.user, password).await?);
    let done = app.database.change(Scope::Person(user), move |c| {
        Box::pin(async move {
            shown.still(c, user).await?;
            if !store::unlink(c, user).await? {
                return Err(ApiError::Conflict("you do not sign in with Google"));
            }
            person_events::append(c, (user, user), Action::GoogleUnlinked, None).await?;
            person_events::tell(c, user, Action::GoogleUnlinked, language).await
        })
    });
    done.await.map(|()| StatusCode::NO_CONTENT)
}
