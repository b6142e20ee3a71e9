//! The door: `/api/platform/webhooks`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Secret, Webhook, WebhookDelivery, WebhookDescription, WithSecret},
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
    platform::{
        audit::Event,
        change::{Done, change},
        events,
        jobs::{self, model::State as JobState},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, remove))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(redeliver))
}

/// Where events are sent, newest first
#[utoipa::path(get, path = "/api/platform/webhooks", tag = "platform",
    security(("api_key" = ["webhooks.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of webhooks", body = Page<Webhook>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Webhook>>, ApiError> {
    actor.must(Permission::WebhooksRead)?;
    let (org, asked) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, asked))).await?;
    Ok(Json(Page::new(rows, asked.0, Webhook::cursor)))
}

/// A new webhook, with the secret that is shown this once
#[utoipa::path(post, path = "/api/platform/webhooks", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    request_body = WebhookDescription,
    responses((status = 201, description = "It is there", body = WithSecret)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let new = asked.body::<WebhookDescription>()?.check(&app.egress)?;
    events::may_read(&actor, &new.kinds)?;
    let (org, id, secret) = (actor.org, identifier::fresh()?, Secret::fresh()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let made = store::insert(c, (org, id), (&new, &secret)).await?;
            let events = vec![Event::of("webhook.created", id, None, Some(&made))];
            let (location, version) = (format!("/api/platform/webhooks/{id}"), made.version);
            let [first, again] = WithSecret::of(made, &secret);
            Ok(Done { answer: Answer::created(location, version, &again).once(&first), events })
        })
    })
    .await
}

/// One webhook
#[utoipa::path(get, path = "/api/platform/webhooks/{id}", tag = "platform",
    security(("api_key" = ["webhooks.read"])),
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook; its version is the ETag", body = Webhook)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one(c, (org, id)))).await?;
    found.map(|one| Answer::found(one.version, &one)).ok_or(ApiError::NotFound)
}

/// Another description of a webhook. One that was turned off begins anew when it is said to be active
#[utoipa::path(put, path = "/api/platform/webhooks/{id}", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    request_body = WebhookDescription,
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "It is so now", body = Webhook)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    let new = asked.body::<WebhookDescription>()?.check(&app.egress)?;
    events::may_read(&actor, &new.kinds)?;
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), Some(version)).await?;
            let made = store::update(c, (org, id), &new).await?;
            let events = vec![Event::of("webhook.changed", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}

/// No webhook any more, nor its deliveries
#[utoipa::path(delete, path = "/api/platform/webhooks/{id}", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 204, description = "It is there no more")))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            store::delete_deliveries(c, (org, id)).await?;
            let old = store::hold(c, (org, id), Some(version)).await?;
            store::delete(c, (org, id)).await?;
            let events = vec![Event::of("webhook.deleted", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}

/// Another secret, which is shown this once. Deliveries are signed with the one before, too, for 24 hours: whoever wants that one to end at
/// once asks twice
#[utoipa::path(post, path = "/api/platform/webhooks/{id}/rotate-secret", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The webhook with its new secret", body = WithSecret)))]
async fn rotate(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let (org, secret) = (actor.org, Secret::fresh()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), None).await?;
            let made = store::rotate(c, (org, id), &secret).await?;
            let events = vec![Event::of("webhook.rotated", id, Some(&old), Some(&made))];
            let version = made.version;
            let [first, again] = WithSecret::of(made, &secret);
            Ok(Done { answer: Answer::found(version, &again).once(&first), events })
        })
    })
    .await
}

/// Sends an event `webhook.tested` there, whichever kinds it wants; its deliveries tell what came of it
#[utoipa::path(post, path = "/api/platform/webhooks/{id}/test", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, description = "The event is on its way", body = Webhook)))]
async fn test(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let org = actor.org;
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let found = store::hold(c, (org, id), None).await?;
            if !found.is_active {
                return Err(ApiError::Conflict("the webhook is turned off"));
            }
            let events = vec![Event::of("webhook.tested", id, None, Some(&found))];
            Ok(Done { answer: Answer::done(&found), events })
        })
    })
    .await
}

/// What was sent there in the last days, and what is to be, newest first
#[utoipa::path(get, path = "/api/platform/webhooks/{id}/deliveries", tag = "platform",
    security(("api_key" = ["webhooks.read"])),
    params(("id" = Uuid, Path, description = "The webhook"), ListQuery),
    responses((status = 200, description = "A page of deliveries", body = Page<WebhookDelivery>)))]
async fn deliveries(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<WebhookDelivery>>, ApiError> {
    actor.must(Permission::WebhooksRead)?;
    let (key, asked) = ((actor.org, id), query.check()?);
    let rows = app.database.read(Scope::Organisation(actor.org), move |c| {
        Box::pin(async move {
            let Some(_) = store::one(c, key).await? else { return Ok(None) };
            store::deliveries(c, key, asked).await.map(Some)
        })
    });
    let rows = rows.await?.ok_or(ApiError::NotFound)?;
    Ok(Json(Page::new(rows, asked.0, WebhookDelivery::cursor)))
}

/// Sends an event once more that was taken or given up, under the same `webhook-id`, as long as it is kept
#[utoipa::path(post, path = "/api/platform/webhook-deliveries/{id}/redeliver", tag = "platform",
    security(("api_key" = ["webhooks.write"])),
    params(("id" = Uuid, Path, description = "The delivery")),
    responses((status = 200, description = "It is on its way", body = jobs::model::Job)))]
async fn redeliver(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::WebhooksWrite)?;
    let org = actor.org;
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = jobs::hold(c, org, id).await?.ok_or(ApiError::NotFound)?;
            let webhook = store::webhook_of(c, (org, id)).await?.ok_or(ApiError::NotFound)?;
            if old.state == JobState::Waiting {
                return Err(ApiError::Conflict("it is on its way"));
            }
            jobs::revive(c, org, id).await?;
            let made = jobs::hold(c, org, id).await?.ok_or(ApiError::NotFound)?;
            let events = vec![Event::of("webhook.redelivered", webhook, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::done(&made), events })
        })
    })
    .await
}
