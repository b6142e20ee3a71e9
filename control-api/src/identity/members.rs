//! Who belongs to an organisation (H-047, H-048): changed and taken away by whoever may. How somebody comes to belong to it is
//! `invitations`.

pub mod http;
pub mod model;
pub(super) mod store;

use axum::Json;

use self::{model::Member, store::Standing};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        error::ApiError,
        page::{ListQuery, Page},
    },
};

/// A page of those who stand so, newest first.
pub(super) async fn page(
    app: &App,
    actor: &Actor,
    query: &ListQuery,
    standing: Standing,
) -> Result<Json<Page<Member>>, ApiError> {
    let (org, asked) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, (org, standing), asked))).await?;
    Ok(Json(Page::new(rows, asked.0, Member::cursor)))
}
