//! The door: `/api/telephony/voicemail-messages`.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Mark, MessagesQuery, VoicemailMessage},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::{ApiError, Problem},
        extract::{Change, Path, Query},
        page::Page,
    },
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
    telephony::recordings::links::{Link, LinkOrder, LinkQuery, MESSAGES},
};

/// Octets of a message: what the switch unlocks at most.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Messages that are heard at once, which are in memory meanwhile.
const HEARD_AT_ONCE_MAX: usize = 4;
static HEARING: Semaphore = Semaphore::const_new(HEARD_AT_ONCE_MAX);

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(mark))
        .routes(routes!(delete))
        .routes(routes!(link))
        .routes(routes!(sound))
}

/// Messages in mailboxes, newest first
///
/// Whoever has signed in sees their own without the permission.
#[utoipa::path(get, path = "/api/telephony/voicemail-messages", tag = "telephony",
    security(("api_key" = ["voicemail.read"])),
    params(MessagesQuery),
    responses((status = 200, description = "A page of messages", body = Page<VoicemailMessage>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Page<VoicemailMessage>>, ApiError> {
    let (owner, filter) = (actor.own_or(Permission::VoicemailRead)?, query.check()?);
    let whose = (actor.org, owner);
    let scope = Scope::Organisation(actor.org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, whose, filter))).await?;
    Ok(Json(Page::new(rows, filter.limit, VoicemailMessage::cursor)))
}

/// Mark a message as heard, or as new
///
/// Whoever has signed in marks their own without the permission.
#[utoipa::path(post, path = "/api/telephony/voicemail-messages/{id}/mark", tag = "telephony",
    security(("api_key" = ["voicemail.write"])),
    request_body = Mark,
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 200, description = "It is so now", body = VoicemailMessage)))]
async fn mark(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    let key = (actor.org, actor.own_or(Permission::VoicemailWrite)?, id);
    let Mark { is_heard } = asked.body()?;
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, key).await?.ok_or(ApiError::NotFound)?;
            if old.heard_at.is_some() == is_heard {
                return Ok(Done { answer: Answer::done(&old), events: Vec::new() });
            }
            let made = store::mark(c, key, is_heard).await?;
            let events = vec![Event::of("voicemail_message.marked", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::done(&made), events })
        })
    })
    .await
}

/// Delete a message
///
/// Nobody hears it from now on, and the store has it no more within a minute or two. Whoever has signed in deletes their own without the
/// permission.
#[utoipa::path(post, path = "/api/telephony/voicemail-messages/{id}/delete", tag = "telephony",
    security(("api_key" = ["voicemail.write"])),
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 204, description = "It is there no more")))]
async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    let key = (actor.org, actor.own_or(Permission::VoicemailWrite)?, id);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, key).await?.ok_or(ApiError::NotFound)?;
            store::delete(c, key).await?;
            let events = vec![Event::of("voicemail_message.deleted", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}

/// A link by which a message is heard without a token, for some minutes
///
/// No answer is kept: each request makes another link, with an `Idempotency-Key` too. Whoever has signed in hears their own without the
/// permission. A message that was heard by a link is as new as before, until it is marked.
#[utoipa::path(post, path = "/api/telephony/voicemail-messages/{id}/link", tag = "telephony",
    security(("api_key" = ["voicemail.listen"])),
    request_body = LinkOrder,
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 200, description = "The link", body = Link)))]
async fn link(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    let (org, whose) = (actor.org, actor.identity());
    let key = (org, actor.own_or(Permission::VoicemailListen)?, id);
    let fresh = asked.body::<LinkOrder>()?.fresh()?;
    change(&app, &actor, None, move |c| {
        Box::pin(async move {
            store::hold(c, key).await?.ok_or(ApiError::NotFound)?;
            MESSAGES.link(c, (org, id), &fresh, whose).await
        })
    })
    .await
}

/// The sound of a message, for whoever has a link to it
#[utoipa::path(get, path = "/api/telephony/voicemail-messages/{id}/sound", tag = "telephony",
    params(("id" = Uuid, Path, description = "The message"), LinkQuery),
    responses(
        (status = 200, description = "The sound", content_type = "audio/wav", body = [u8]),
        (status = 400, description = "The link is not whole", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The link is good no more, or never was", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "More requests than are allowed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database or the switch is away", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn sound(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Query(query): Query<LinkQuery>,
) -> Result<Response, ApiError> {
    let linked = MESSAGES.find(&app, id, query).await?;
    let _turn = HEARING.try_acquire().map_err(|_| ApiError::Busy)?;
    MESSAGES.tell(&app, &linked, None).await?;
    let sound = app.switch()?.message(&linked.key, MESSAGE_BYTES_MAX).await?.ok_or(ApiError::NotFound)?;
    Ok((linked.headers(), Body::from(sound)).into_response())
}
