//! The door: `/api/identity/me/second-factor`, for whoever has signed in. Where a code is asked for, that is a step of the sign-in.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    model::{
        Begin, Begun, Confirm, RecoveryCodes, SECRET_BYTES, SecondFactor, TurnOff, begun, hash_of,
        recovery_codes, totp,
    },
    proves, store,
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Person, error::ApiError, extract::Change},
    identifier,
    identity::{
        person_events::{self, Action},
        shown::{self, WRONG},
    },
    instant::Instant,
};

const ON: ApiError = ApiError::Conflict("a second factor is on: turn it off first");

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, begin)).routes(routes!(confirm)).routes(routes!(turn_off))
}

/// Whether I am asked for a code
#[utoipa::path(get, path = "/api/identity/me/second-factor", tag = "identity",
    security(("sign_in" = [])),
    responses((status = 200, description = "How it stands", body = SecondFactor)))]
async fn show(State(app): State<App>, person: Person) -> Result<Json<SecondFactor>, ApiError> {
    let user = person.user;
    let found = app.database.read(Scope::Person(user), move |c| Box::pin(store::one(c, user))).await?;
    Ok(Json(found.unwrap_or(SecondFactor { confirmed_at: None, recovery_codes_left: 0 })))
}

/// Begin with a second factor
///
/// The secret is for a phone and told once; before a first code of it has come nothing is different.
#[utoipa::path(post, path = "/api/identity/me/second-factor", tag = "identity",
    security(("sign_in" = [])),
    request_body = Begin,
    responses((status = 201, description = "What the phone is to know", body = Begun),
        (status = 409, description = "There is one", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn begin(
    State(app): State<App>,
    person: Person,
    asked: Change,
) -> Result<(StatusCode, Json<Begun>), ApiError> {
    let (user, Begin { password }) = (person.user, asked.body()?);
    let shown = shown::password(&app, user, password).await?;
    let account = shown.account.clone();
    let secret = identifier::random::<SECRET_BYTES>()?;
    let locked = app.proofs.signing.lock(user, &secret)?;
    let kept = app.database.change(Scope::Person(user), move |c| {
        Box::pin(async move {
            shown.still(c, user).await?;
            if store::begin(c, user, &locked).await? { Ok(()) } else { Err(ON) }
        })
    });
    kept.await?;
    Ok((StatusCode::CREATED, Json(begun(&totp(&secret, &account)?)?)))
}

/// Show that the phone makes codes. From now on one is asked for
#[utoipa::path(post, path = "/api/identity/me/second-factor/confirm", tag = "identity",
    security(("sign_in" = [])),
    request_body = Confirm,
    responses((status = 200, description = "It is so; codes for the day the phone is lost", body = RecoveryCodes),
        (status = 409, description = "There is one, or none was begun", body = crate::http::error::Problem,
            content_type = "application/problem+json")))]
async fn confirm(
    State(app): State<App>,
    person: Person,
    asked: Change,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (user, said) = (person.user, asked.body::<Confirm>()?);
    app.proofs.spend_code(user)?;
    let (codes, proofs) = (recovery_codes()?, app.proofs.clone());
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| hash_of(user, code)).collect();
    let confirmed = app.database.change(Scope::Person(user), move |c| {
        Box::pin(async move {
            match store::held(c, user).await? {
                None => return Err(ApiError::Conflict("none was begun")),
                Some(held) if held.is_confirmed => return Err(ON),
                Some(_) => {}
            }
            let is_proven = proves(c, (&proofs.signing, Instant::now().seconds()), user, &said.code).await?;
            if is_proven {
                store::confirm(c, user, &hashes).await?;
                person_events::append(c, (user, user), Action::FactorOn, None).await?;
                person_events::tell(c, user, Action::FactorOn, said.language).await?;
            }
            Ok(is_proven)
        })
    });
    if confirmed.await? { Ok(Json(RecoveryCodes { recovery_codes: codes })) } else { Err(WRONG) }
}

/// No second factor any more
#[utoipa::path(post, path = "/api/identity/me/second-factor/turn-off", tag = "identity",
    security(("sign_in" = [])),
    request_body = TurnOff,
    responses((status = 204, description = "No code is asked for any more")))]
async fn turn_off(State(app): State<App>, person: Person, asked: Change) -> Result<StatusCode, ApiError> {
    let (user, TurnOff { password, code, language }) = (person.user, asked.body()?);
    let (shown, proofs) = (shown::password(&app, user, password).await?, app.proofs.clone());
    let off = app.database.change(Scope::Person(user), move |c| {
        Box::pin(async move {
            shown.still(c, user).await?;
            let is_proven = proves(c, (&proofs.signing, Instant::now().seconds()), user, &code).await?;
            if is_proven {
                store::delete(c, user).await?;
                person_events::append(c, (user, user), Action::FactorOff, None).await?;
                person_events::tell(c, user, Action::FactorOff, language).await?;
            }
            Ok::<_, ApiError>(is_proven)
        })
    });
    if off.await? { Ok(StatusCode::NO_CONTENT) } else { Err(WRONG) }
}
