//! The steps that are the same for everything of telephony that is one row of its own: a list by pages, and one thing that is
//! made, shown, changed and taken away.

pub(super) mod store;

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{FromRow, PgConnection, postgres::PgRow};
use uuid::Uuid;

use contract::id::OrgId;
use store::Statements;

use super::plan;
use crate::{
    app::App,
    database::{Scope, Work},
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Once},
        page::{Cursor, ListQuery, Page},
    },
    identifier,
    identity::permission::Permission,
    platform::{self, audit::Event, change::Done},
};

/// A thing as clients see it. Its row has `org_id`, `id`, `created_at` and `version`.
pub(crate) trait Resource:
    Serialize + for<'r> FromRow<'r, PgRow> + Send + Sync + Unpin + 'static
{
    /// All that can be said of one.
    type Description: Send + Sync + 'static;
    /// Where the list stands.
    const PATH: &'static str;
    /// The words of the record for one that is made, changed and taken away.
    const ACTIONS: [&'static str; 3];
    /// What is the same for all.
    const STATEMENTS: Statements;
    /// Whether calls are decided by it: then a change of it is one of the plan, which has a revision.
    const IS_OF_PLAN: bool = true;

    /// The ETag.
    fn version(&self) -> i32;
    /// Where the list goes on after this one.
    fn cursor(&self) -> Cursor;
    /// A description, or everything that is wrong with it as far as it can be seen without looking at other rows.
    fn check(new: Self::Description) -> Result<Self::Description, ApiError>;
    /// Adds its row.
    fn insert<'c>(
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c Self::Description,
    ) -> Work<'c, (), ApiError>;
    /// Makes of this one, whose row is held, what is described.
    fn update<'c>(
        &'c self,
        c: &'c mut PgConnection,
        key: (OrgId, Uuid),
        new: &'c Self::Description,
    ) -> Work<'c, (), ApiError>;
    /// Takes its row away, unless something refers to it.
    fn delete(c: &mut PgConnection, key: (OrgId, Uuid)) -> Work<'_, (), ApiError> {
        Box::pin(store::delete::<Self>(c, key))
    }
}

/// A page of them, newest first.
pub(crate) async fn list<R: Resource>(
    app: &App,
    actor: &Actor,
    query: &ListQuery,
) -> Result<Page<R>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let (org, (limit, after)) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list::<R>(c, org, (limit, after)))).await?;
    Ok(Page::new(rows, limit, R::cursor))
}

/// The one called `id`.
pub(crate) async fn show<R: Resource>(app: &App, actor: &Actor, id: Uuid) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one::<R>(c, (org, id)))).await?;
    found.map(|one| Answer::found(one.version(), &one)).ok_or(ApiError::NotFound)
}

/// One unit of work, by the way of the plan if it is of that.
async fn change<R: Resource, W>(
    app: &App,
    actor: &Actor,
    once: Option<Once>,
    work: W,
) -> Result<Answer, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Done, ApiError> + Send + 'static,
{
    if R::IS_OF_PLAN {
        plan::change(app, actor, once, work).await
    } else {
        platform::change::change(app, actor, once, work).await
    }
}

/// A new one.
pub(crate) async fn create<R: Resource>(app: &App, actor: &Actor, asked: Change) -> Result<Answer, ApiError>
where
    R::Description: DeserializeOwned,
{
    actor.must(Permission::TelephonyWrite)?;
    let new = R::check(asked.body()?)?;
    add::<R>(app, actor, asked.once, new).await
}

/// The same, of what is not said in JSON.
pub(crate) async fn add<R: Resource>(
    app: &App,
    actor: &Actor,
    once: Option<Once>,
    new: R::Description,
) -> Result<Answer, ApiError> {
    let (org, id) = (actor.org, identifier::fresh()?);
    let [created, ..] = R::ACTIONS;
    change::<R, _>(app, actor, once, move |c| {
        Box::pin(async move {
            R::insert(c, (org, id), &new).await?;
            let made = store::one::<R>(c, (org, id)).await?.ok_or(ApiError::NotFound)?;
            let events = vec![Event::of(created, id, None, Some(&made))];
            let answer = Answer::created(format!("{}/{id}", R::PATH), made.version(), &made);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// Another description of the one called `id`.
pub(crate) async fn put<R: Resource>(
    app: &App,
    actor: &Actor,
    id: Uuid,
    asked: Change,
) -> Result<Answer, ApiError>
where
    R::Description: DeserializeOwned,
{
    actor.must(Permission::TelephonyWrite)?;
    let (version, new) = (asked.version()?, R::check(asked.body()?)?);
    replace::<R>(app, actor, (id, version), (asked.once, new)).await
}

/// The same, of what is not said in JSON.
pub(crate) async fn replace<R: Resource>(
    app: &App,
    actor: &Actor,
    (id, version): (Uuid, i32),
    (once, new): (Option<Once>, R::Description),
) -> Result<Answer, ApiError> {
    let org = actor.org;
    let [_, changed, _] = R::ACTIONS;
    change::<R, _>(app, actor, once, move |c| {
        Box::pin(async move {
            let old = store::hold::<R>(c, (org, id), version).await?;
            old.update(c, (org, id), &new).await?;
            let made = store::one::<R>(c, (org, id)).await?.ok_or(ApiError::NotFound)?;
            let events = vec![Event::of(changed, id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version(), &made), events })
        })
    })
    .await
}

/// Takes away the one called `id`.
pub(crate) async fn remove<R: Resource>(
    app: &App,
    actor: &Actor,
    id: Uuid,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    let [.., deleted] = R::ACTIONS;
    change::<R, _>(app, actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold::<R>(c, (org, id), version).await?;
            R::delete(c, (org, id)).await?;
            let events = vec![Event::of(deleted, id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}
