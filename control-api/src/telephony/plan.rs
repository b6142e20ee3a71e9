//! The way of a change of configuration (HOUSE 4d): rows that no plan of calls can be made of are not written, and those that are
//! become a revision, which switches take up by themselves.

pub mod http;
mod store;

use configuration::Secrets;
use contract::snapshot::Snapshot;
use sqlx::PgConnection;

use crate::{
    app::App,
    database::Work,
    http::{
        actor::Actor,
        answer::Answer,
        error::{ApiError, FieldError, referred},
        extract::Once,
    },
    platform::change::{self, Done},
};

/// A change of what calls are decided by: `work` on its rows, one change at a time, and its answer says which revision the configuration has
/// become by it. Refuses, naming row and field, what the switch could not use.
pub(crate) async fn change<W>(
    app: &App,
    actor: &Actor,
    once: Option<Once>,
    work: W,
) -> Result<Answer, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Done, ApiError> + Send + 'static,
{
    change::change(app, actor, once, move |c| {
        Box::pin(async move {
            store::begin(c).await?;
            let done = work(c).await?;
            Ok(Done { answer: done.answer.at(check(c).await?), ..done })
        })
    })
    .await
}

/// The revision that the configuration becomes when this unit of work is carried through.
async fn check(c: &mut PgConnection) -> Result<i64, ApiError> {
    // What is only looked at in the end is looked at here, where it can still be told apart from a fault of ours.
    store::look_at_references(c).await.map_err(referred)?;
    let (revision, _) = store::revisions(c).await?;
    let organisations = configuration::load(c, Secrets::Withheld).await?;
    match dialplan::compile(&Snapshot { revision, organisations }) {
        Ok(_) => Ok(revision),
        Err(wrong) => {
            let errors = wrong.iter().map(|diagnostic| {
                FieldError::new(
                    format!("{}: {}", diagnostic.row, diagnostic.field),
                    diagnostic.problem.to_string(),
                )
            });
            Err(ApiError::Unprocessable(errors.collect()))
        }
    }
}
