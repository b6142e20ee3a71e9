//! A change: what a request does to rows, what the record says of it and what it was answered, in one unit of work. All of it
//! happens or nothing does.

use sqlx::PgConnection;

use super::{audit, events, idempotency};
use crate::{
    app::App,
    database::{Scope, Work, enter_actor},
    http::{actor::Actor, answer::Answer, error::ApiError, extract::Once},
};

/// What was done, and what is said about it.
#[derive(Debug)]
pub struct Done {
    /// To the client.
    pub answer: Answer,
    /// To the record; empty when nothing has changed.
    pub events: Vec<audit::Event>,
}

/// Does `work` in the actor's organisation. With `once`, a request that comes again gets the answer of the first time.
pub async fn change<W>(app: &App, actor: &Actor, once: Option<Once>, work: W) -> Result<Answer, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Done, ApiError> + Send + 'static,
{
    let actor = actor.identity();
    let scope = Scope::Organisation(actor.org);
    app.database.change(scope, move |c| Box::pin(carry_out(c, actor, once, work))).await
}

/// Writes down what happens beside the rows, before it does.
pub async fn tell(app: &App, actor: audit::Actor, events: Vec<audit::Event>) -> Result<(), ApiError> {
    let scope = Scope::Organisation(actor.org);
    let told =
        app.database.write(scope, move |c| Box::pin(async move { audit::append(c, actor, &events).await }));
    Ok(told.await?)
}

async fn carry_out<W>(
    c: &mut PgConnection,
    actor: audit::Actor,
    once: Option<Once>,
    work: W,
) -> Result<Answer, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Done, ApiError> + Send + 'static,
{
    if let Some(once) = &once
        && let Some(answer) = idempotency::answered(c, actor, once).await?
    {
        return Ok(answer);
    }
    if actor.is_person() {
        enter_actor(c, actor.id).await?;
    }
    let done = work(&mut *c).await?;
    if let Some(once) = &once {
        idempotency::keep(c, actor, once, &done.answer).await?;
    }
    record(c, actor, &done.events).await?;
    Ok(done.answer)
}

/// Writes down what a unit of work has done, for the record and for whoever follows, as its last step in this organisation, whose scope
/// it is.
pub(crate) async fn record(
    c: &mut PgConnection,
    actor: audit::Actor,
    events: &[audit::Event],
) -> Result<(), sqlx::Error> {
    audit::append(c, actor, events).await?;
    let news: Vec<events::New> = events.iter().filter_map(audit::Event::news).collect();
    events::publish(c, actor.org, &news).await
}
