//! The door: `/api/identity/api-keys`. A key is not changed, because nobody knows which programs lean on what it may: it is revoked, and
//! another one made.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Key, KeyDescription, NewKey, Secret},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identifier,
    identity::permission::Permission,
    instant::Instant,
    platform::{
        audit::Event,
        change::{Done, change},
    },
};

const PATH: &str = "/api/identity/api-keys";

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, revoke)).routes(routes!(rotate))
}

/// Keys of programs, newest first, the revoked ones too
#[utoipa::path(get, path = "/api/identity/api-keys", tag = "identity",
    security(("api_key" = ["api_keys.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<Key>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Key>>, ApiError> {
    actor.must(Permission::ApiKeysRead)?;
    let (org, (limit, after)) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, (limit, after)))).await?;
    Ok(Json(Page::new(rows, limit, Key::cursor)))
}

/// A new key
///
/// Its token is told now and never again. It may what whoever makes it may, or less.
#[utoipa::path(post, path = "/api/identity/api-keys", tag = "identity",
    security(("api_key" = ["api_keys.write"])),
    request_body = KeyDescription,
    responses((status = 201, description = "It is good from now on", body = NewKey)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::ApiKeysWrite)?;
    let new = asked.body::<KeyDescription>()?.check(Instant::now())?;
    actor.may_give(&new.permissions)?;
    let (key, secret) = ((actor.org, identifier::fresh()?), Secret::fresh()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            store::add(c, key, &new, secret.hash()).await?;
            let made = store::one(c, key).await?;
            let events = vec![Event::of("api_key.created", made.id, None, Some(&made))];
            let location = format!("{PATH}/{}", made.id);
            let (first, again) = told(made, &secret);
            let answer = Answer::created(location, again.key.version, &again).once(&first);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// One key
#[utoipa::path(get, path = "/api/identity/api-keys/{id}", tag = "identity",
    security(("api_key" = ["api_keys.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = Key)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::ApiKeysRead)?;
    let key = (actor.org, id);
    let scope = Scope::Organisation(actor.org);
    let found = app.database.change(scope, move |c| Box::pin(store::one(c, key))).await?;
    Ok(Answer::found(found.version, &found))
}

/// Another secret for a key
///
/// The one of before is good no more. Whoever asks must have all that the key may.
#[utoipa::path(post, path = "/api/identity/api-keys/{id}/rotate", tag = "identity",
    security(("api_key" = ["api_keys.write"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "The key, with its token, which is told now and never again", body = NewKey)))]
async fn rotate(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::ApiKeysWrite)?;
    let (key, secret, asking) = ((actor.org, id), Secret::fresh()?, actor.clone());
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, key).await?;
            asking.may_give(&old.permits())?;
            store::rotate(c, key, secret.hash()).await?;
            let made = store::one(c, key).await?;
            let events = vec![Event::of("api_key.rotated", id, Some(&old), Some(&made))];
            let (first, again) = told(made, &secret);
            Ok(Done { answer: Answer::found(again.key.version, &again).once(&first), events })
        })
    })
    .await
}

/// What is told to whoever asks first, and to whoever asks the same again.
fn told(key: Key, secret: &Secret) -> (NewKey, NewKey) {
    let first = NewKey { token: Some(secret.token(key.id)), key: key.clone() };
    (first, NewKey { token: None, key })
}

/// Revoke a key. It stays in the list
#[utoipa::path(delete, path = "/api/identity/api-keys/{id}", tag = "identity",
    security(("api_key" = ["api_keys.write"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 204, description = "It is good no more")))]
async fn revoke(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::ApiKeysWrite)?;
    let (key, version) = ((actor.org, id), asked.version()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, key).await?;
            if old.version != version {
                return Err(ApiError::Stale);
            }
            store::revoke(c, key).await?;
            let made = store::one(c, key).await?;
            let events = vec![Event::of("api_key.revoked", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}
