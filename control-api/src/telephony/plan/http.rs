//! The door: `/api/telephony/revision`.

use std::time::Duration;

use axum::{Json, extract::State};
use contract::id::OrgId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store;
use crate::{
    app::App,
    database::Scope,
    http::{actor::Actor, error::ApiError, extract::Query, fields::Fields},
    identity::permission::Permission,
};

/// The longest a client may wait for a revision.
const WAIT_SECONDS_MAX: u8 = 5;
/// How often is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How new the configuration is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Revision {
    /// The newest.
    pub revision: i64,
    /// The one that calls are decided by; 0 before any switch has run.
    pub applied: i64,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevisionQuery {
    /// Answer once calls are decided by this revision, or a newer one
    applied: Option<i64>,
    /// But after so many seconds in any case
    #[param(minimum = 0, maximum = 5, default = 0)]
    wait_seconds: Option<u8>,
}

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How new the configuration is, and what of it calls are decided by
#[utoipa::path(get, path = "/api/telephony/revision", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(RevisionQuery),
    responses((status = 200, description = "The revisions, also when the wait was too short", body = Revision)))]
async fn show(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<RevisionQuery>,
) -> Result<Json<Revision>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let seconds = query.wait_seconds.unwrap_or(0);
    let mut fields = Fields::default();
    fields.must(seconds <= WAIT_SECONDS_MAX, "wait_seconds", format!("must be 0 … {WAIT_SECONDS_MAX}"));
    fields.done()?;
    let give_up_at = Instant::now() + Duration::from_secs(seconds.into());
    let is_enough = |Revision { applied, .. }| {
        query.applied.is_none_or(|wanted| applied >= wanted) || Instant::now() >= give_up_at
    };
    reached(&app, actor.org, is_enough).await.map(Json)
}

/// Returns once calls are decided by this revision, or a newer one: what an account of it registers with is good from then on. A switch that takes longer
/// than anybody would wait, or has never run, is not waited for.
pub(crate) async fn taken_up(app: &App, org: OrgId, wanted: i64) -> Result<(), ApiError> {
    let give_up_at = Instant::now() + Duration::from_secs(WAIT_SECONDS_MAX.into());
    let is_enough =
        |Revision { applied, .. }| applied == 0 || applied >= wanted || Instant::now() >= give_up_at;
    reached(app, org, is_enough).await.map(drop)
}

/// The revisions, once they are `enough`.
async fn reached(app: &App, org: OrgId, is_enough: impl Fn(Revision) -> bool) -> Result<Revision, ApiError> {
    loop {
        let (revision, applied) =
            app.database.read(Scope::Organisation(org), |c| Box::pin(store::revisions(c))).await?;
        let now = Revision { revision, applied };
        if is_enough(now) {
            return Ok(now);
        }
        sleep(LOOK_EVERY).await;
    }
}
