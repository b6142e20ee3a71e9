//! The doors: `/api/identity/registrations` and `/api/identity/password-resets`, and behind each the one that a letter's token opens; and
//! `/api/identity/me/rename` for whoever has signed in.

use std::collections::BTreeSet;

use axum::{Extension, extract::State, http::StatusCode};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Confirmation, Forgotten, Registration, Renaming, Reset},
    store::{self, Account},
};
use crate::{
    app::App,
    database::{Scope, enter},
    http::{
        actor::{Actor, Person},
        error::ApiError,
        extract::Change,
        source::Source,
    },
    identifier,
    identity::{
        letters::{self, Kind, NOT_GOOD, New},
        members::{self, store::Standing},
        sign_ins,
        unhurried::unhurried,
    },
    platform::{audit::Event, change},
    telephony::plan,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(confirm))
        .routes(routes!(forgot))
        .routes(routes!(reset))
        .routes(routes!(rename))
}

/// Ask for an account
///
/// A letter goes to the address: with a token that makes the account, or, where there is one already, with the news of that. The answer is
/// the same.
#[utoipa::path(post, path = "/api/identity/registrations", tag = "identity",
    request_body = Registration,
    responses((status = 202, description = "A letter is on its way")))]
async fn register(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    asked: Change,
) -> Result<StatusCode, ApiError> {
    let Registration { name, email, password, language } = asked.body::<Registration>()?.check()?;
    app.proofs.spend_letter(&source, &email)?;
    let id = identifier::fresh()?;
    let written = async {
        let password_hash = app.proofs.passwords.hash(password).await?;
        let write = app.database.change(Scope::Nothing, move |c| {
            Box::pin(async move {
                let kind = match store::account_of(c, &email).await? {
                    None => Kind::Confirm { name, password_hash },
                    Some(Account { user, is_active: true, has_password: false, .. }) => Kind::Reset(user),
                    Some(Account { user, .. }) => Kind::Known(user),
                };
                Ok::<_, ApiError>(
                    letters::store::write(c, &New { id, address: email, language, kind }).await?,
                )
            })
        });
        write.await
    };
    unhurried(written).await.map(|()| StatusCode::ACCEPTED)
}

/// Make the account that a letter's token stands for
#[utoipa::path(post, path = "/api/identity/registrations/confirm", tag = "identity",
    request_body = Confirmation,
    responses((status = 204, description = "The account is there"),
        (status = 409, description = "It was there already", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn confirm(State(app): State<App>, asked: Change) -> Result<StatusCode, ApiError> {
    let Confirmation { token: said, password } = asked.body::<Confirmation>()?;
    let (letter, user) = (letters::presented(&app, &said)?, identifier::fresh()?);
    let scope = Scope::Letter(letter);
    let hash = app.database.read(scope, move |c| Box::pin(letters::store::password_hash(c, letter))).await?;
    if !app.proofs.passwords.matches(password, hash).await? {
        return Err(NOT_GOOD);
    }
    let made = app.database.change(Scope::Letter(letter), move |c| {
        Box::pin(async move {
            let letter = letters::store::spend(c, letter).await?.ok_or(NOT_GOOD)?;
            let (Some(name), Some(hash)) = (letter.name, letter.password_hash) else { return Err(NOT_GOOD) };
            store::add(c, user, (&name, &letter.address), &hash).await
        })
    });
    made.await.map(|()| StatusCode::NO_CONTENT)
}

/// Say that a password is forgotten
///
/// A letter with a token for another one goes to the account's address, if there is one. The answer is the same.
#[utoipa::path(post, path = "/api/identity/password-resets", tag = "identity",
    request_body = Forgotten,
    responses((status = 202, description = "A letter is on its way, if there is such an account")))]
async fn forgot(
    State(app): State<App>,
    Extension(source): Extension<Source>,
    asked: Change,
) -> Result<StatusCode, ApiError> {
    let Forgotten { email, language } = asked.body::<Forgotten>()?.check()?;
    app.proofs.spend_letter(&source, &email)?;
    let id = identifier::fresh()?;
    let written = app.database.change(Scope::Nothing, move |c| {
        Box::pin(async move {
            let known = store::account_of(c, &email).await?.filter(|account| account.is_active);
            let kind = known.map_or(Kind::Nobody, |account| Kind::Reset(account.user));
            Ok::<_, ApiError>(letters::store::write(c, &New { id, address: email, language, kind }).await?)
        })
    });
    unhurried(written).await.map(|()| StatusCode::ACCEPTED)
}

/// Set another password
///
/// Whoever was signed in with the old one is not any more.
#[utoipa::path(post, path = "/api/identity/password-resets/confirm", tag = "identity",
    request_body = Reset,
    responses((status = 204, description = "The password is another one")))]
async fn reset(State(app): State<App>, asked: Change) -> Result<StatusCode, ApiError> {
    let Reset { token: said, password } = asked.body::<Reset>()?.check()?;
    let letter = letters::presented(&app, &said)?;
    let hash = app.proofs.passwords.hash(password).await?;
    let set = app.database.change(Scope::Letter(letter), move |c| Box::pin(set_password(c, letter, hash)));
    set.await.map(|()| StatusCode::NO_CONTENT)
}

async fn set_password(c: &mut PgConnection, letter: Uuid, hash: String) -> Result<(), ApiError> {
    let letter = letters::store::spend(c, letter).await?.filter(|letter| letter.kind == "reset");
    let letter = letter.ok_or(NOT_GOOD)?;
    let user = letter.user_id.ok_or(NOT_GOOD)?;
    enter(c, Scope::Person(user)).await?;
    if !store::set_password(c, (user, &letter.address), &hash).await? {
        return Err(NOT_GOOD);
    }
    letters::store::spend_resets(c, user).await?;
    sign_ins::revoke_all(c, user, "password_reset").await?;
    Ok(())
}

/// Be called something else from now on
///
/// By colleagues and in calls, in every organisation that one belongs to; the record of each tells of it.
#[utoipa::path(post, path = "/api/identity/me/rename", tag = "identity",
    security(("sign_in" = [])),
    request_body = Renaming,
    responses((status = 204, description = "That is the name now")))]
async fn rename(State(app): State<App>, person: Person, asked: Change) -> Result<StatusCode, ApiError> {
    let Renaming { name } = asked.body::<Renaming>()?.check()?;
    let user = person.user;
    let done = app
        .database
        .change(Scope::Person(user), move |c| Box::pin(async move { renamed(c, user, &name).await }));
    done.await.map(|()| StatusCode::NO_CONTENT)
}

/// Plans of calls say the name, so it becomes a revision of each organisation's. Who is called so already has changed nothing.
async fn renamed(c: &mut PgConnection, user: Uuid, name: &str) -> Result<(), ApiError> {
    plan::begin(c).await?;
    let mut before = Vec::new();
    for (org, id) in store::memberships(c, user).await? {
        enter(c, Scope::Organisation(org)).await?;
        before.push((org, members::store::one(c, (org, id), Standing::Member).await?));
    }
    if !store::rename(c, user, name).await? {
        return Ok(());
    }
    for (org, before) in before {
        enter(c, Scope::Organisation(org)).await?;
        let after = members::store::one(c, (org, before.id), Standing::Member).await?;
        plan::check(c, org).await?;
        let events = [Event::of("member.changed", after.id, Some(&before), Some(&after))];
        let actor = Actor::person(user, org, BTreeSet::new()).identity();
        change::record(c, actor, &events).await?;
    }
    Ok(())
}
