//! The door: `/api/platform/jobs`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{self, Job, JobsQuery},
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
        page::Page,
    },
    identity::api_keys::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// What is done while nobody waits, newest first
#[utoipa::path(get, path = "/api/platform/jobs", tag = "platform",
    security(("api_key" = ["jobs.read"])),
    params(JobsQuery),
    responses((status = 200, description = "A page of jobs", body = Page<Job>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<JobsQuery>,
) -> Result<Json<Page<Job>>, ApiError> {
    actor.must(Permission::JobsRead)?;
    let filter = query.check()?;
    let (org, limit) = (actor.org, filter.limit);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, filter))).await?;
    Ok(Json(Page::new(rows, limit, Job::cursor)))
}

/// Another try of a job that was given up
#[utoipa::path(post, path = "/api/platform/jobs/{id}/retry", tag = "platform",
    security(("api_key" = ["jobs.write"])),
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "It waits again", body = Job)))]
async fn retry(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::JobsWrite)?;
    let org = actor.org;
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, org, id).await?.ok_or(ApiError::NotFound)?;
            if old.state != model::State::Dead {
                return Err(ApiError::Conflict("the job is not dead"));
            }
            store::revive(c, org, id).await?;
            let made = store::hold(c, org, id).await?.ok_or(ApiError::NotFound)?;
            let events = vec![Event::of("job.retried", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::done(&made), events })
        })
    })
    .await
}
