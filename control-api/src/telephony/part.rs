//! What has no address of its own and is named by what has it (an extension's hours, a person's mailbox, an organisation's
//! settings): it is shown, put as a whole, and taken away where it can be. What is one row among many is a [`super::resource`].

mod store;

use contract::id::OrgId;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::PgConnection;
use uuid::Uuid;

pub(crate) use store::{delete, small};

use super::plan;
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::Change,
        fields::Fields,
        page::{Cursor, ListQuery, Page},
    },
    identity::permission::Permission,
    platform::{audit::Event, change::Done},
};

/// Rows on a page, and the last one of the page before.
pub(crate) type Asked = (u16, Option<Cursor>);

/// Whose it is, and the id that names it.
pub(crate) type Place = (OrgId, Uuid);

/// What the record calls what is done to it; never said of what is never done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actions {
    pub(crate) created: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) deleted: &'static str,
}

/// All that a client can say of one.
pub(crate) trait Description: DeserializeOwned + Send + Sync + 'static {
    /// Everything that is wrong with it as far as it can be seen without looking at rows.
    fn check(&self, fields: &mut Fields);
}

/// One as clients see it.
pub(crate) trait Part: Serialize + Send + Sync + Sized + 'static {
    type Description: Description;
    const ACTIONS: Actions;

    /// The version of all that is shown.
    fn version(&self) -> i32;

    fn one(
        c: &mut PgConnection,
        place: Place,
    ) -> impl Future<Output = Result<Option<Self>, sqlx::Error>> + Send;

    /// Makes of `old`, or of nothing, what is `new`.
    fn put(
        c: &mut PgConnection,
        place: Place,
        old: Option<&Self>,
        new: &Self::Description,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// One that may not be there.
pub(crate) trait Removable: Part {
    fn remove(c: &mut PgConnection, place: Place) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// One that many have.
pub(crate) trait Listed: Part {
    /// Up to as many of them as asked and one, newest first.
    fn list(
        c: &mut PgConnection,
        org: OrgId,
        asked: Asked,
    ) -> impl Future<Output = Result<Vec<Self>, sqlx::Error>> + Send;

    /// Where the list goes on after this one.
    fn cursor(&self) -> Cursor;
}

/// What is asked for, as far as it can be judged alone.
pub(crate) fn described<D: Description>(asked: &Change) -> Result<D, ApiError> {
    let new: D = asked.body()?;
    let mut fields = Fields::default();
    new.check(&mut fields);
    fields.done().map(|()| new)
}

pub(crate) async fn must_be<P: Part>(c: &mut PgConnection, place: Place) -> Result<P, ApiError> {
    P::one(c, place).await?.ok_or(ApiError::NotFound)
}

/// It, if it is still the version that the client has read. Nobody else changes it until this unit of work ends: whoever
/// does takes the revision, which this one has (`plan::change`).
pub(crate) async fn of_version<P: Part>(
    c: &mut PgConnection,
    place: Place,
    version: i32,
) -> Result<P, ApiError> {
    let found: P = must_be(c, place).await?;
    if found.version() == version { Ok(found) } else { Err(ApiError::Stale) }
}

/// A page of them.
pub(crate) async fn list<P: Listed>(
    app: &App,
    actor: &Actor,
    query: &ListQuery,
) -> Result<Page<P>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let (org, asked) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(P::list(c, org, asked))).await?;
    Ok(Page::new(rows, asked.0, P::cursor))
}

/// How it stands.
pub(crate) async fn show<P: Part>(app: &App, actor: &Actor, id: Uuid) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let place = (actor.org, id);
    let scope = Scope::Organisation(actor.org);
    let found = app.database.read(scope, move |c| Box::pin(P::one(c, place))).await?;
    found.map(|one| Answer::found(one.version(), &one)).ok_or(ApiError::NotFound)
}

/// Another description of it, or the first one, when the client says that it has found none.
pub(crate) async fn put<P: Part>(
    app: &App,
    actor: &Actor,
    id: Uuid,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (version, new) = (asked.version_if_any()?, described::<P::Description>(&asked)?);
    let place = (actor.org, id);
    plan::change(app, actor, asked.once, move |c| {
        Box::pin(async move {
            let old: Option<P> = match version {
                Some(version) => Some(of_version(c, place, version).await?),
                None if P::one(c, place).await?.is_some() => return Err(ApiError::Stale),
                None => None,
            };
            P::put(c, place, old.as_ref(), &new).await?;
            let made: P = must_be(c, place).await?;
            let (action, answer) = match &old {
                Some(_) => (P::ACTIONS.changed, Answer::found(made.version(), &made)),
                None => (P::ACTIONS.created, Answer::first(made.version(), &made)),
            };
            Ok(Done { answer, events: vec![Event::of(action, id, old.as_ref(), Some(&made))] })
        })
    })
    .await
}

/// It is there no more.
pub(crate) async fn remove<P: Removable>(
    app: &App,
    actor: &Actor,
    id: Uuid,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (place, version) = ((actor.org, id), asked.version()?);
    plan::change(app, actor, asked.once, move |c| {
        Box::pin(async move {
            let old: P = of_version(c, place, version).await?;
            P::remove(c, place).await?;
            let events = vec![Event::of(P::ACTIONS.deleted, id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}
